//! What is known of volume plugins and provisioners, as data: `tables/volumes.json`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A volume plugin of old whose volumes a CSI driver serves.
#[derive(Debug, Deserialize)]
pub(crate) struct Migrated {
    /// The plugin's name, as classes and annotations have it.
    pub plugin: String,
    /// Its field in a volume's spec.
    pub field: String,
    /// The field of its source that says which disk it is.
    pub handle: String,
    /// The driver.
    pub driver: String,
    /// The minor of Kubernetes 1 that hands its volumes to the driver by default.
    pub since: u32,
}

/// A maker of volumes. One without names, prefix and suffix makes everything.
#[derive(Debug, Deserialize)]
pub(crate) struct Maker {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    suffix: String,
    /// What identifies the disk; a template.
    pub handle: String,
    /// The volume source; all its strings are templates that also know `{handle}`.
    pub source: Value,
    /// Node label whose value is the volume's zone.
    pub zone_label: Option<String>,
}

/// A CSI driver of the machines of a new cluster.
#[derive(Debug, Deserialize)]
pub(crate) struct Driver {
    pub name: String,
    /// Whether volumes are attached to a machine before they are mounted.
    pub attach: bool,
    /// Node labels that say where a volume can be reached.
    pub topology_keys: Vec<String>,
}

/// The whole table.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Table {
    pub migrated: Vec<Migrated>,
    makers: Vec<Maker>,
    pub drivers: Vec<Driver>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let text = include_str!("../../../tables/volumes.json");
    // The file is part of the program; a test reads it.
    serde_json::from_str(text).unwrap_or_default()
});

pub(crate) fn table() -> &'static Table {
    &TABLE
}

impl Table {
    /// The driver that serves a plugin's volumes in Kubernetes 1.`minor`.
    pub fn driver_of(&self, plugin: &str, minor: u32) -> Option<&str> {
        let mut all = self.migrated.iter();
        all.find(|m| m.plugin == plugin && m.since <= minor)
            .map(|m| m.driver.as_str())
    }

    /// Driver and disk of a volume; None for volumes that no driver serves.
    pub fn disk_of(&self, volume: &Value, minor: u32) -> Option<(String, String)> {
        if let Some(csi) = volume.pointer("/spec/csi").filter(|csi| !csi.is_null()) {
            let text = |field: &str| csi.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Some((text("driver"), text("volumeHandle")));
        }
        let spec = volume.get("spec")?;
        let found = self
            .migrated
            .iter()
            .find(|m| m.since <= minor && spec.get(&m.field).is_some_and(Value::is_object))?;
        let disk = spec.get(&found.field)?.get(&found.handle)?.as_str()?;
        // `aws://zone/vol-1` and the like: the driver knows the last part only, but a path is a path.
        let disk = disk
            .split_once("://")
            .map_or(disk, |(_, rest)| rest.rsplit('/').next().unwrap_or(rest));
        Some((found.driver.clone(), disk.to_owned()))
    }

    /// Who makes the volumes of a class with this provisioner.
    pub fn maker(&self, provisioner: &str) -> Option<&Maker> {
        self.makers.iter().find(|maker| {
            let any = maker.names.is_empty() && provisioner.starts_with(&maker.prefix);
            any && provisioner.ends_with(&maker.suffix) || maker.names.iter().any(|name| name == provisioner)
        })
    }
}

/// Replaces `{word}`s that are known; `{hexN}` gives N hex digits that depend on the word `uid` only.
pub(crate) fn fill(template: &str, words: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (word, value) in words {
        text = text.replace(&format!("{{{word}}}"), value);
    }
    let uid = words.iter().find(|(word, _)| *word == "uid").map_or("", |(_, uid)| uid);
    while let Some((before, rest)) = text.split_once("{hex") {
        let Some((digits, after)) = rest.split_once('}') else {
            break;
        };
        let hex = hex(uid);
        let digits = digits.parse().unwrap_or(0).min(hex.len());
        text = format!("{before}{}{after}", &hex[..digits]);
    }
    text
}

/// All strings of a template, filled.
pub(crate) fn fill_all(template: &Value, words: &[(&str, &str)]) -> Value {
    match template {
        Value::String(text) => Value::String(fill(text, words)),
        Value::Array(all) => all.iter().map(|each| fill_all(each, words)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, each)| (key.clone(), fill_all(each, words)))
            .collect(),
        other => other.clone(),
    }
}

/// The digest of a text in hex.
pub(crate) fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_can_be_read_and_serves_everybody() {
        let text = include_str!("../../../tables/volumes.json");
        serde_json::from_str::<Table>(text).expect("the table");
        let table = table();
        assert_eq!(table.driver_of("kubernetes.io/aws-ebs", 35), Some("ebs.csi.aws.com"));
        assert_eq!(table.driver_of("kubernetes.io/aws-ebs", 21), None);
        assert!(
            table
                .maker("ebs.csi.aws.com")
                .is_some_and(|maker| maker.zone_label.is_some())
        );
        assert!(
            table
                .maker("a.example/nfs")
                .is_some_and(|maker| maker.source.get("nfs").is_some())
        );
        assert!(
            table
                .maker("who.example")
                .is_some_and(|maker| maker.source.get("csi").is_some())
        );
    }

    #[test]
    fn disks_are_what_the_driver_calls_them() {
        let old = json!({"spec": {"awsElasticBlockStore": {"volumeID": "aws://eu-1a/vol-1"}}});
        let disk = table().disk_of(&old, 35);
        assert_eq!(disk, Some(("ebs.csi.aws.com".to_owned(), "vol-1".to_owned())));
        assert_eq!(table().disk_of(&old, 22), None);
        assert_eq!(table().disk_of(&json!({"spec": {"nfs": {}}}), 35), None);
    }

    #[test]
    fn templates() {
        let words = [("uid", "u"), ("zone", "z")];
        assert_eq!(fill("a://{zone}/{hex3}", &words), format!("a://z/{}", &hex("u")[..3]));
    }
}
