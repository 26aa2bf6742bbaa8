//! A product on a simulated cluster, and rehelm's verbs on it.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rehelm::cli::global::Staged;
use rehelm::printer::Printer;
use rehelm::rehearsal::stage::Stage;
use rehelm_core::object::ObjRef;
use rehelm_core::ports::{Cluster, PatchKind, Precondition};
use rehelm_sim::{Identity, RequestRecord};
use serde_json::Value;

use crate::setting;

pub struct Scene {
    pub runtime: tokio::runtime::Runtime,
    pub stage: Arc<Stage>,
    pub folder: Utf8PathBuf,
    _temporary: tempfile::TempDir,
}

/// What a verb said and how it ended.
pub struct Said {
    pub code: u8,
    pub text: String,
}

impl Said {
    /// An error unless the verb ended with this code and said all of these.
    pub fn check(self, code: u8, words: &[&str]) -> Result<Self, String> {
        if self.code != code {
            return Err(format!("exit code {} in place of {code}:\n{}", self.code, self.text));
        }
        match words.iter().find(|word| !self.text.contains(**word)) {
            Some(word) => Err(format!("{word:?} is not said:\n{}", self.text)),
            None => Ok(self),
        }
    }
}

impl Scene {
    /// None, with a line that says why, where the product's files are not there.
    pub fn open(product: &str) -> Result<Option<Self>, String> {
        let temporary = tempfile::tempdir().map_err(|e| e.to_string())?;
        let folder = Utf8Path::from_path(temporary.path()).ok_or("the temporary folder is not UTF-8")?;
        let folder = folder.canonicalize_utf8().map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
        let Some(stage) = runtime.block_on(setting::set(product, None, &folder))? else {
            return Ok(None);
        };
        Ok(Some(Self {
            runtime,
            stage: Arc::new(stage),
            folder,
            _temporary: temporary,
        }))
    }

    /// A verb with its words, through the command line's own code.
    pub fn rehelm(&self, line: &str) -> Said {
        let words = std::iter::once("rehelm").chain(line.split_whitespace());
        let Ok(mut cli) = rehelm::cli::parse(words.map(Into::into)) else {
            panic!("the command line is not taken: {line}");
        };
        cli.global.config = self.folder.join("rehelm.yaml");
        cli.global.stage = Some(Staged(self.stage.clone()));
        let printer = Arc::new(Printer::keeping());
        let exit = rehelm::cli::run_with(&printer, cli);
        Said {
            code: exit.code(),
            text: printer.take(),
        }
    }

    pub fn act_as(&self, identity: Identity) {
        self.stage.act_as(identity).expect("the kubeconfig can be written");
    }

    /// kubectl as the cluster's administrator, with a file's content on stdin.
    pub fn apply(&self, text: &str) -> Result<(), String> {
        self.act_as(Identity::admin());
        let path = self.folder.join("applied.yaml");
        std::fs::write(&path, text).map_err(|e| e.to_string())?;
        let _entered = self.runtime.enter();
        let _hold = self.stage.sim.hold();
        let ended = std::process::Command::new(std::env::var("KUBECTL_BIN").map_err(|e| e.to_string())?)
            .args(["apply", "-f", path.as_str()])
            .env("KUBECONFIG", self.stage.kubeconfig())
            .output()
            .map_err(|e| e.to_string())?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
        }
    }

    /// A client of the simulated API, which needs the runtime's tasks.
    fn client(&self) -> rehelm_clients::kube::KubeCluster {
        let _entered = self.runtime.enter();
        self.stage.client()
    }

    /// Merges a patch into an object as the cluster's administrator.
    pub fn patch(&self, object: &ObjRef, patch: &Value) -> Result<(), String> {
        self.act_as(Identity::admin());
        let client = self.client();
        let _hold = self.stage.sim.hold();
        let none = Precondition::default();
        let patched = client.patch(object, PatchKind::Merge, patch, &none, false);
        self.runtime.block_on(patched).map(drop).map_err(|e| e.to_string())
    }

    /// Writes that succeeded since the account was cleared.
    pub fn writes(&self) -> Vec<RequestRecord> {
        writes(&self.stage.sim.requests())
    }

    /// Requests that were refused for want of a right.
    pub fn forbidden(&self) -> Vec<RequestRecord> {
        let all = self.stage.sim.requests().into_iter();
        all.filter(|r| r.code == 403).collect()
    }
}

/// Writes that succeeded; dry runs and questions about rights are none.
pub fn writes(requests: &[RequestRecord]) -> Vec<RequestRecord> {
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    let all = requests.iter();
    all.filter(|r| writes.contains(&r.verb.as_str()) && (200..300).contains(&r.code))
        .filter(|r| !r.resource.starts_with("selfsubjectaccessreviews"))
        .cloned()
        .collect()
}
