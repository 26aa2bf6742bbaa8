//! A scenario: which folders make up an installed product, and in which surroundings.

use super::databases::Databases;
use crate::cache::data_dir;
use crate::options::{Node, Options};
use crate::{Error, Result};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use serde::{Deserialize, Serialize};

/// The content of `testbed/scenarios/NAME.yaml`. Folders of the product are relative to [`Scenario::root`], manifests of our
/// own to the data folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name.
    #[serde(default)]
    pub name: String,
    /// Folder of a product of our own, relative to the checkout; none means the folder of [`reference`].
    #[serde(default)]
    pub product: Option<Utf8PathBuf>,
    /// Where the product is installed.
    pub namespace: String,
    /// Where its chart is to be installed.
    pub target_namespace: String,
    /// The machines of the cluster.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// Template of the host name of LoadBalancer Services.
    #[serde(default)]
    pub load_balancer: Option<String>,
    /// Own manifests applied first.
    #[serde(default)]
    pub before: Vec<Utf8PathBuf>,
    /// Folders of Secret manifests.
    #[serde(default)]
    pub secrets: Vec<Utf8PathBuf>,
    /// Names of made-up registry logins.
    #[serde(default)]
    pub pull_secrets: Vec<String>,
    /// Kustomize folders, in order.
    pub kustomize: Vec<Utf8PathBuf>,
    /// Own manifests for other namespaces, which they name themselves; applied after the product.
    #[serde(default)]
    pub elsewhere: Vec<Utf8PathBuf>,
    /// Own manifests applied last.
    #[serde(default)]
    pub after: Vec<Utf8PathBuf>,
    /// The product's databases.
    #[serde(default)]
    pub databases: Option<Databases>,
    /// The folder of the product's chart.
    pub chart: Utf8PathBuf,
    /// Values files for the chart, in order.
    #[serde(default)]
    pub values: Vec<Utf8PathBuf>,
}

impl Scenario {
    /// Reads `testbed/scenarios/NAME.yaml`.
    pub fn load(name: &str) -> Result<Self> {
        let path = data_dir().join("scenarios").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path)?;
        let scenario: Self = serde_saphyr::from_str(&text).map_err(|e| Error::data(path, e))?;
        Ok(Self {
            name: name.to_owned(),
            ..scenario
        })
    }

    /// The options with the machines and addresses of this scenario.
    pub fn options(&self, options: Options) -> Options {
        let nodes = if options.nodes.is_empty() {
            self.nodes.clone()
        } else {
            options.nodes
        };
        Options {
            nodes,
            load_balancer: options.load_balancer.or_else(|| self.load_balancer.clone()),
            ..options
        }
    }

    /// The folder that all paths of the product are relative to.
    pub fn root(&self) -> Result<Utf8PathBuf> {
        match &self.product {
            Some(folder) => Ok(Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)),
            None => reference(),
        }
    }

    /// The chart's folder.
    pub fn chart_dir(&self) -> Result<Utf8PathBuf> {
        Ok(self.root()?.join(&self.chart))
    }

    /// The chart's values files.
    pub fn values_files(&self) -> Result<Vec<Utf8PathBuf>> {
        let root = self.root()?;
        Ok(self.values.iter().map(|file| root.join(file)).collect())
    }
}

/// The folder with the product's own files: `$REHELM_REFERENCE`, else the newest folder of `../shared/reference` or
/// `../../shared/reference` beside the checkout that holds Kustomize files.
pub fn reference() -> Result<Utf8PathBuf> {
    if let Ok(dir) = std::env::var("REHELM_REFERENCE") {
        let dir = Utf8PathBuf::from(dir);
        return if dir.is_dir() {
            Ok(dir)
        } else {
            Err(missing(format!("{dir} is no folder")))
        };
    }
    let checkout = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = ["..", "../.."].map(|up| checkout.join(up).join("shared/reference"));
    let folders = beside
        .iter()
        .filter_map(|dir| dir.read_dir_utf8().ok())
        .flatten()
        .flatten();
    let holds = |dir: &Utf8PathBuf| dir.join("kubernetes").is_dir() && dir.join("charts").is_dir();
    let found = folders.map(|entry| entry.into_path()).filter(holds).max();
    found.ok_or_else(|| missing("no reference folder beside the checkout".into()))
}

fn missing(why: String) -> Error {
    Error::unavailable(
        "the product's own files",
        why,
        "set REHELM_REFERENCE to the folder that holds them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_files_are_good() {
        for name in ["aws", "azure", "local", "notes"] {
            let scenario = Scenario::load(name).expect(name);
            let own = scenario.before.iter().chain(&scenario.elsewhere).chain(&scenario.after);
            assert!(own.into_iter().all(|file| data_dir().join(file).is_file()), "{name}");
        }
    }
}
