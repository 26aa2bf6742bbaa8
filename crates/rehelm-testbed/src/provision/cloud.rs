//! The clouds as data: `testbed/cloud.yaml`.

use crate::options::Node;
use crate::{Error, Result};
use camino::Utf8Path;
use fs_err as fs;
use k8s_openapi::api::core::v1::PersistentVolume;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the cluster's surroundings offer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// The machines, when the options name none.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// Template of the host name that a LoadBalancer gets; none means an IP address.
    #[serde(default)]
    pub load_balancer: Option<String>,
    /// Who makes volumes.
    pub provisioners: Vec<Provisioner>,
    /// Volume drivers of the machines.
    pub drivers: Vec<Driver>,
}

/// A maker of volumes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provisioner {
    /// Names in `StorageClass.provisioner`.
    pub names: Vec<String>,
    /// What identifies the disk; a template, see [`fill`](super::fill).
    pub handle: String,
    /// The volume source as in a PersistentVolume's spec; all its strings are templates that also know `{handle}`.
    pub source: Value,
    /// Node label whose value is the volume's zone; the volume is bound to that zone.
    #[serde(default)]
    pub zone_label: Option<String>,
}

/// A driver that attaches or mounts volumes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// The CSI driver's name.
    pub name: String,
    /// Whether volumes are attached to a machine before they are mounted.
    pub attach: bool,
    /// The plugin of old that this driver stands in for.
    #[serde(default)]
    pub in_tree: Option<String>,
    /// The field of a PersistentVolume's spec that the plugin of old used.
    #[serde(default)]
    pub in_tree_field: Option<String>,
    /// Node labels that say where a volume can be reached.
    #[serde(default)]
    pub topology_keys: Vec<String>,
}

impl Cloud {
    /// Reads the data file.
    pub fn read(path: &Utf8Path) -> Result<Self> {
        let cloud: Self = serde_saphyr::from_str(&fs::read_to_string(path)?).map_err(|e| Error::data(path, e))?;
        Ok(cloud)
    }

    /// The provisioner of that name.
    pub fn provisioner(&self, name: &str) -> Option<&Provisioner> {
        self.provisioners.iter().find(|p| p.names.iter().any(|n| n == name))
    }

    /// Whether the volume must be attached to a machine before a pod can use it.
    pub fn attaches(&self, volume: &PersistentVolume) -> bool {
        let Some(spec) = &volume.spec else { return false };
        let csi = spec.csi.as_ref().map(|c| c.driver.as_str());
        let fields = serde_json::to_value(spec).unwrap_or_default();
        let drives = |d: &Driver| {
            csi == Some(d.name.as_str())
                || d.in_tree_field
                    .as_ref()
                    .is_some_and(|field| fields.get(field).is_some())
        };
        self.drivers.iter().find(|d| drives(d)).is_some_and(|d| d.attach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_good() {
        let cloud = Cloud::read(&crate::cache::data_dir().join("cloud.yaml")).expect("cloud.yaml");
        assert!(!cloud.nodes.is_empty());
        let names: Vec<_> = cloud.provisioners.iter().flat_map(|p| &p.names).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), unique.len(), "a name must lead to one provisioner");
    }
}
