//! How a testbed should be.

use crate::build::HelmMajor;
use crate::cache::data_dir;
use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of [`Testbed::up`](crate::Testbed::up).
#[derive(Debug, Clone)]
pub struct Options {
    /// The name, unique among the user's testbeds; `None` makes one up.
    pub name: Option<String>,
    /// The machines of the cluster; none means those of the cloud file.
    pub nodes: Vec<Node>,
    /// Which Helm (and kubectl) [`Testbed::tools`](crate::Testbed::tools) names.
    pub helm: HelmMajor,
    /// The data file about volume provisioners and drivers.
    pub cloud: Utf8PathBuf,
    /// Template of the host name of LoadBalancer Services; none means what the cloud file says.
    pub load_balancer: Option<String>,
    /// A database server beside the cluster.
    pub mongo: Option<crate::mongo::Options>,
    /// What runs in pods; none means that nothing does, and that there is no way into them.
    pub programs: Vec<Program>,
    /// How the stand-in kubelet behaves.
    pub pace: Pace,
    /// End the testbed when this process is gone, however it went. Tests set their own pid.
    pub owner: Option<u32>,
    /// The `rehelm-testbed` program, which plays the kubelet; `None` looks beside the running program.
    pub program: Option<Utf8PathBuf>,
}

/// A machine of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The node's name; the label `kubernetes.io/hostname` has the same value.
    pub name: String,
    /// More labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A program that runs in place of an image, with the files of this machine under `/usr` and the pod's volumes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Part of the image's name.
    pub image: String,
    /// Program and arguments, for containers that name no command of their own.
    pub command: Vec<String>,
    /// Where it starts, for containers that do not say.
    pub workdir: Option<Utf8PathBuf>,
    /// The Debian package that it comes from.
    pub package: Option<String>,
}

/// How long pods take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// From scheduled to ready.
    pub pod_start: Duration,
    /// From deleted to gone.
    pub pod_stop: Duration,
    /// From detach asked to detached.
    pub detach: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            nodes: Vec::new(),
            helm: HelmMajor::default(),
            cloud: data_dir().join("cloud.yaml"),
            load_balancer: None,
            mongo: None,
            programs: Vec::new(),
            pace: Pace::default(),
            owner: None,
            program: None,
        }
    }
}

impl Options {
    /// For a test: ends with the test's process, even when that is killed.
    pub fn for_test() -> Self {
        Self {
            owner: Some(std::process::id()),
            ..Self::default()
        }
    }
}
