//! Running the program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with charts beside it.
pub struct Place {
    pub folder: TempDir,
    flags: Vec<String>,
}

/// Charts that were written for the tests.
pub fn charts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values/charts")
}

/// False, and said, when there is no Helm or no kubectl on this machine.
pub fn has_tools() -> bool {
    let helm = rehelm_clients::program("helm", "HELM_BIN").is_ok();
    let kubectl = rehelm_clients::program("kubectl", "KUBECTL_BIN").is_ok();
    if !(helm && kubectl) {
        eprintln!("SKIPPED: needs Helm (HELM_BIN) and kubectl (KUBECTL_BIN)");
    }
    helm && kubectl
}

impl Place {
    /// With flags that every call gets.
    pub fn new(flags: &[&str]) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    /// With a chart of ours, whose release and namespace have its name, and what runs today beside it (`NAME.today.yaml`).
    pub fn of(name: &str) -> Self {
        let (chart, today) = (charts().join(name), charts().join(format!("{name}.today.yaml")));
        let (chart, today) = (chart.to_str().unwrap(), today.to_str().unwrap());
        Self::new(&["--chart", chart, "--kustomize", today, "--release", name, "-n", name])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// `rehelm values VERB …`
    pub fn values(&self, verb: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehelm"));
        command
            .current_dir(self.folder.path())
            .args(["values", verb])
            .args(&self.flags)
            .args(args);
        for name in ["REHELM_CONFIG", "REHELM_VALUES", "REHELM_CHART", "REHELM_KUSTOMIZE"] {
            command.env_remove(name);
        }
        command.output().unwrap()
    }

    /// Derives, and gives the report.
    #[track_caller]
    pub fn derive(&self, args: &[&str]) -> Value {
        let mut all = vec!["-o", "json"];
        all.extend(args);
        let ran = self.values("derive", &all);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice(&ran.stdout).unwrap()
    }
}

/// What a values file says.
pub fn yaml(text: &str) -> Value {
    rehelm_core::yaml::parse_document(text, "values")
        .unwrap()
        .unwrap_or_default()
}

/// How many differences a report has of a class.
pub fn of_class(report: &Value, class: &str) -> u64 {
    let counts = report["classes"].as_array().unwrap();
    counts
        .iter()
        .filter(|c| c["class"] == class)
        .map(|c| c["count"].as_u64().unwrap())
        .sum()
}
