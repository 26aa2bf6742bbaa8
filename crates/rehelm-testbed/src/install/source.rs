//! The source install: secrets, Kustomize folders, bystander.

use super::Scenario;
use super::built::Built;
use crate::cache::data_dir;
use crate::kubectl::Kubectl;
use crate::{Result, Testbed};
use base64::Engine;
use camino::Utf8PathBuf;
use fs_err as fs;
use futures::future::{try_join, try_join_all};
use serde_json::json;
use std::time::Duration;

/// How long everything may take to run; the measured time is a tenth of it.
const LIMIT: Duration = Duration::from_secs(120);

/// What makes up an installed product beside its secrets, as streams for `kubectl apply`.
#[derive(Debug)]
pub struct Manifests {
    /// Own kinds and what has to be there first; for the product's namespace.
    pub first: String,
    /// Everything else of the product, for its namespace.
    pub second: String,
    /// Manifests that name their namespaces themselves.
    pub elsewhere: String,
}

impl Scenario {
    /// The folders with the product's secrets.
    pub fn secret_folders(&self) -> Result<Vec<Utf8PathBuf>> {
        let root = self.root()?;
        Ok(self.secrets.iter().map(|folder| root.join(folder)).collect())
    }

    /// Builds everything that is applied; `kubectl` needs no cluster for this.
    pub async fn manifests(&self, kubectl: &Kubectl) -> Result<Manifests> {
        let root = self.root()?;
        let folders = self.kustomize.iter().map(|folder| root.join(folder));
        let built = try_join_all(folders.map(|folder| build(kubectl, folder))).await?;
        let built = Built::split(&built.join("\n---\n"))?;
        let mut first = own(&self.before)? + &built.first;
        for name in &self.pull_secrets {
            first += &pull_secret(name);
            first += "\n---\n";
        }
        Ok(Manifests {
            first,
            second: built.second + &own(&self.after)?,
            elsewhere: own(&self.elsewhere)?,
        })
    }
}

impl Scenario {
    /// Installs the product by kubectl alone, as an operator did it years ago, on whatever cluster kubectl speaks to.
    /// `settle` is called after each part and lets the cluster come to rest.
    ///
    /// # Errors
    /// Manifests that do not build, or that the cluster refuses.
    pub async fn install(&self, kubectl: &Kubectl, settle: impl Fn()) -> Result<()> {
        let ns = self.namespace.as_str();
        if ns != "default" {
            kubectl.run(["create", "namespace", ns], "").await?;
        }
        for folder in self.secret_folders()? {
            create(kubectl, ns, folder).await?;
        }
        let manifests = self.manifests(kubectl).await?;
        let parts = [
            (Some(ns), manifests.first),
            (Some(ns), manifests.second),
            (None, manifests.elsewhere),
        ];
        for (ns, documents) in parts {
            apply(kubectl, ns, &documents).await?;
            settle();
        }
        Ok(())
    }
}

impl Testbed {
    /// kubectl on this cluster.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(self.tools.kubectl.clone(), self.kubeconfig.clone())
    }

    /// Installs the product of the scenario and returns when everything runs.
    ///
    /// The result is that of an operator's `kubectl create -f secrets` and `kubectl apply -k` per folder (twice for a set
    /// that brings its own kinds), with fewer and shorter calls.
    pub async fn install_source(&mut self, scenario: &Scenario) -> Result<()> {
        let kubectl = self.kubectl();
        let ns = scenario.namespace.as_str();
        self.namespace(ns).await?;
        crate::nodes::create(&self.client(), &scenario.nodes).await?;
        let creates = scenario.secret_folders()?.into_iter();
        let creates = creates.map(|folder| create(&kubectl, ns, folder));
        let (manifests, _) = try_join(scenario.manifests(&kubectl), try_join_all(creates)).await?;
        apply(&kubectl, Some(ns), &manifests.first).await?;
        self.kinds_established(LIMIT).await?;
        apply(&kubectl, Some(ns), &manifests.second).await?;
        apply(&kubectl, None, &manifests.elsewhere).await?;
        let filled = async {
            match (&scenario.databases, self.mongo_uri()) {
                (Some(databases), Some(uri)) => databases.fill(uri, scenario).await,
                _ => Ok(()),
            }
        };
        try_join(self.settled(None, LIMIT), filled).await?;
        self.state.installed = Some(scenario.name.clone());
        self.state.write()
    }

    /// Creates a namespace unless it exists.
    pub async fn namespace(&self, name: &str) -> Result<()> {
        use k8s_openapi::api::core::v1::Namespace;
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        let api = kube::Api::<Namespace>::all(self.client());
        match api.create(&Default::default(), &namespace).await {
            Err(kube::Error::Api(e)) if e.code == 409 => Ok(()),
            other => other.map(drop).map_err(Into::into),
        }
    }

    /// Plays these faults from now on, instead of those played before.
    pub async fn play(&self, faults: &[crate::kubelet::faults::Fault]) -> Result<()> {
        use crate::kubelet::faults::TABLE;
        let text = serde_json::to_string(faults).map_err(|e| crate::Error::Data(e.to_string()))?;
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": TABLE, "namespace": "kube-system"}, "data": {"faults": text},
        });
        let api = kube::Api::<k8s_openapi::api::core::v1::ConfigMap>::namespaced(self.client(), "kube-system");
        let params = kube::api::PatchParams::apply("rehelm-testbed").force();
        api.patch(TABLE, &params, &kube::api::Patch::Apply(map)).await?;
        Ok(())
    }
}

async fn build(kubectl: &Kubectl, folder: Utf8PathBuf) -> Result<String> {
    Ok(kubectl.run(["kustomize", folder.as_str()], "").await?.stdout)
}

async fn create(kubectl: &Kubectl, ns: &str, folder: Utf8PathBuf) -> Result<()> {
    kubectl
        .run(["create", "--validate=false", "-n", ns, "-f", folder.as_str()], "")
        .await
        .map(drop)
}

/// Applies documents. Validation is the server's anyway, and asking for it costs kubectl seconds.
async fn apply(kubectl: &Kubectl, ns: Option<&str>, documents: &str) -> Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    let ns = ns.into_iter().flat_map(|ns| ["-n", ns]);
    kubectl
        .run(
            ["apply", "--validate=false", "-f", "-"].into_iter().chain(ns),
            documents,
        )
        .await
        .map(drop)
}

/// Manifests of our own, as one stream.
fn own(files: &[Utf8PathBuf]) -> Result<String> {
    files
        .iter()
        .map(|file| Ok(fs::read_to_string(data_dir().join(file))? + "\n---\n"))
        .collect()
}

/// A login for the product's images; nothing is ever pulled with it.
fn pull_secret(name: &str) -> String {
    let auth = base64::engine::general_purpose::STANDARD.encode("testbed:made-up");
    let logins = json!({"auths": {"registry.example": {"username": "testbed", "password": "made-up", "auth": auth}}});
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name},
        "stringData": {".dockerconfigjson": logins.to_string()},
    })
    .to_string()
}
