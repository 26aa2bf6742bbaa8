//! The source install: secrets, Kustomize folders, bystander.

use super::{Scenario, reference};
use crate::cache::data_dir;
use crate::kubectl::Kubectl;
use crate::{Result, Testbed};
use base64::Engine;
use camino::Utf8PathBuf;
use serde_json::json;
use std::time::Duration;

/// How long everything may take to run; the measured time is a tenth of it.
const LIMIT: Duration = Duration::from_secs(120);

impl Testbed {
    /// kubectl on this cluster.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(self.tools.kubectl.clone(), self.kubeconfig.clone())
    }

    /// Installs the product of the scenario and returns when everything runs.
    pub async fn install_source(&mut self, scenario: &Scenario) -> Result<()> {
        let root = reference()?;
        let kubectl = self.kubectl();
        let ns = scenario.namespace.as_str();
        self.namespace(ns).await?;
        crate::nodes::create(&self.client(), &scenario.nodes).await?;
        for file in &scenario.before {
            kubectl
                .run(["apply", "-n", ns, "-f", data_dir().join(file).as_str()], "")
                .await?;
        }
        for folder in &scenario.secrets {
            kubectl
                .run(["create", "-n", ns, "-f", root.join(folder).as_str()], "")
                .await?;
        }
        for name in &scenario.pull_secrets {
            kubectl.run(["apply", "-n", ns, "-f", "-"], &pull_secret(name)).await?;
        }
        for folder in &scenario.kustomize {
            self.apply_folder(&kubectl, ns, &root.join(folder)).await?;
        }
        for file in &scenario.elsewhere {
            kubectl.run(["apply", "-f", data_dir().join(file).as_str()], "").await?;
        }
        for file in &scenario.after {
            kubectl
                .run(["apply", "-n", ns, "-f", data_dir().join(file).as_str()], "")
                .await?;
        }
        self.settled(None, LIMIT).await?;
        self.state.installed = Some(scenario.name.clone());
        self.state.write()
    }

    /// Builds and applies a Kustomize folder. A set that brings its own kinds fails the first time, as for everybody.
    async fn apply_folder(&self, kubectl: &Kubectl, ns: &str, folder: &Utf8PathBuf) -> Result<()> {
        let built = kubectl.run(["kustomize", folder.as_str()], "").await?.stdout;
        let apply = || kubectl.run(["apply", "-n", ns, "-f", "-"], &built);
        if apply().await.is_err() {
            self.kinds_established(LIMIT).await?;
            apply().await?;
        }
        Ok(())
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
