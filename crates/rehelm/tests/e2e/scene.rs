//! A cluster with the product installed by Kustomize, and the command line in a folder of its own.

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_core::object::Object;
use rehelm_core::server;
use rehelm_testbed::{Error, Options, Program, Pushed, Scenario, Testbed};
use serde_json::{Value, json};

/// One test's world.
pub struct Scene {
    pub bed: Testbed,
    pub scenario: Scenario,
    pub chart: Pushed,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    /// How the command line reaches the API server; everybody else reaches it directly.
    kubeconfig: Utf8PathBuf,
}

/// What a command said and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Fails the test unless the command ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }
}

impl Scene {
    /// Installs the product; None, and a line that says why, where that cannot be done here.
    pub fn up(scenario: &str) -> Option<Self> {
        Self::up_with(scenario, |_| Ok(()))
    }

    /// As [`Scene::up`], with programs that run in pods.
    pub fn up_running(scenario: &str, programs: Vec<Program>) -> Option<Self> {
        Self::open(scenario, None, programs, |_| Ok(()))
    }

    /// As [`Scene::up`], with a change to the copy of the chart that is pushed.
    pub fn up_with(scenario: &str, patch: impl FnOnce(&Utf8Path) -> Result<(), Error>) -> Option<Self> {
        Self::up_chart(scenario, None, patch)
    }

    /// As [`Scene::up_with`], with another chart than the scenario's.
    pub fn up_chart(
        scenario: &str,
        chart: Option<&Utf8Path>,
        patch: impl FnOnce(&Utf8Path) -> Result<(), Error>,
    ) -> Option<Self> {
        Self::open(scenario, chart, Vec::new(), patch)
    }

    fn open(
        scenario: &str,
        chart: Option<&Utf8Path>,
        programs: Vec<Program>,
        patch: impl FnOnce(&Utf8Path) -> Result<(), Error>,
    ) -> Option<Self> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        match runtime.block_on(start(scenario, chart, programs, patch)) {
            Ok((bed, scenario, chart)) => {
                let folder = tempfile::tempdir().expect("a folder");
                let scene = Self {
                    kubeconfig: bed.kubeconfig.clone(),
                    bed,
                    scenario,
                    chart,
                    folder,
                    runtime,
                };
                scene.init();
                Some(scene)
            }
            Err(Error::Unavailable { what, why, install }) => {
                eprintln!("SKIPPED ({scenario}): {what} is not available: {why}. To run this test: {install}");
                None
            }
            Err(other) => panic!("the testbed did not come up: {other}"),
        }
    }

    pub fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("UTF-8")
    }

    /// Starts the API server again.
    pub fn start_api(&mut self) {
        self.runtime
            .block_on(self.bed.start_api())
            .expect("the API server starts");
    }

    /// From now on the command line reaches the API server by another address.
    pub fn reach_api_at(&mut self, old: &str, new: &str) {
        let text = std::fs::read_to_string(&self.bed.kubeconfig).expect("readable");
        assert!(text.contains(old), "{text}");
        self.kubeconfig = self.folder().join("kubeconfig");
        std::fs::write(&self.kubeconfig, text.replace(old, new)).expect("written");
    }

    /// A path below `.rehelm/`.
    pub fn run_file(&self, name: &str) -> Utf8PathBuf {
        self.folder().join(".rehelm").join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehelm"));
        command
            .args(words)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_BIN", &self.bed.tools.helm)
            .env("KUBECTL_BIN", &self.bed.tools.kubectl)
            .env("REGISTRY_PASSWORD", &self.bed.registry.password)
            .env("MONGO_URI", self.bed.mongo_uri().unwrap_or_default())
            .env("NO_COLOR", "1");
        command
    }

    /// Runs the command line to its end.
    pub fn rehelm(&self, words: &[&str]) -> Said {
        self.rehelm_in(self.folder().as_str(), words)
    }

    /// As [`Scene::rehelm`], in another folder.
    pub fn rehelm_in(&self, folder: &str, words: &[&str]) -> Said {
        let mut command = self.command(words);
        let Output { status, stdout, stderr } = command.current_dir(folder).output().expect("rehelm starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said {
            code: status.code().unwrap_or(-1),
            out: text(stdout),
            err: text(stderr),
        }
    }

    /// Starts the command line and leaves it running; what it says goes to a file.
    pub fn start(&self, words: &[&str], log: &str) -> Child {
        let file = std::fs::File::create(self.folder().join(log)).expect("a log");
        let both = file.try_clone().expect("the same log");
        self.command(words)
            .stdout(file)
            .stderr(both)
            .spawn()
            .expect("rehelm starts")
    }

    fn init(&self) {
        let root = self.scenario.root().expect("found before");
        let profile = match &self.scenario.product {
            Some(_) => root.join("profile").to_string(),
            None => "cognigy-ai".to_owned(),
        };
        let mut words: Vec<String> = ["init", "--profile", &profile, "--helm-flag=--plain-http"]
            .map(str::to_owned)
            .into();
        for folder in &self.scenario.kustomize {
            words.extend(["--kustomize".into(), root.join(folder).to_string()]);
        }
        words.extend([
            "--chart".into(),
            self.chart.reference.clone(),
            "--version".into(),
            self.chart.version.clone(),
        ]);
        for file in self.scenario.values_files().expect("found before") {
            words.extend(["--values".into(), file.to_string()]);
        }
        words.extend(["--registry-username".into(), self.bed.registry.user.clone()]);
        words.extend(["--registry-password-env".into(), "REGISTRY_PASSWORD".into()]);
        words.extend(["--mongodb-uri-env".into(), "MONGO_URI".into()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.rehelm(&words).code(0);
    }

    /// `plan`, with everything waived that this testbed cannot be (its Kubernetes is newer, its values are minimal).
    pub fn plan(&self) -> Said {
        let mut words = vec!["plan", "--fill-values", "--confirm", "snapshots"];
        words.extend(self.waived().iter().flat_map(|id| ["--accept", id]));
        self.rehelm(&words)
    }

    pub fn waived(&self) -> &'static [&'static str] {
        match self.scenario.name.as_str() {
            "aws" | "notes" => &[],
            _ => &["database-embedded"],
        }
    }

    /// From the installed source to a serving release.
    pub fn migrated(&self) {
        self.plan().code(0);
        self.rehelm(&["prepare", "--yes"]).code(0);
        self.rehelm(&["migrate", "--yes"]).code(0);
    }

    /// kubectl on the testbed; fails the test when kubectl fails.
    #[track_caller]
    pub fn kubectl(&self, words: &[&str]) -> String {
        let output = Command::new(&self.bed.tools.kubectl)
            .args(words)
            .env("KUBECONFIG", &self.bed.kubeconfig)
            .output()
            .expect("kubectl starts");
        assert!(
            output.status.success(),
            "kubectl {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Helm as a person would call it, with the scenario's values and the passwords that the chart would empty.
    pub fn helm_install(&self) {
        let helm = &self.bed.tools.helm;
        let config = self.folder().join("registry.json");
        let run = |words: &[&str], input: &str| {
            let mut child = Command::new(helm)
                .args(words)
                .args(["--registry-config", config.as_str()])
                .env("KUBECONFIG", &self.bed.kubeconfig)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("helm starts");
            std::io::Write::write_all(&mut child.stdin.take().expect("piped"), input.as_bytes()).expect("written");
            assert!(child.wait().expect("ended").success(), "helm {words:?}");
        };
        let registry = &self.bed.registry;
        run(
            &[
                "registry",
                "login",
                &registry.host,
                "--insecure",
                "-u",
                &registry.user,
                "--password-stdin",
            ],
            &registry.password,
        );
        let files = self.scenario.values_files().expect("found before");
        let mut words = vec![
            "upgrade",
            "--install",
            "cognigy-ai",
            &self.chart.reference,
            "--version",
            &self.chart.version,
        ];
        words.extend(["-n", "cognigy-ai", "--plain-http"]);
        words.extend(files.iter().flat_map(|f| ["-f", f.as_str()]));
        run(&words, "");
    }

    /// Objects of these kinds, by `Kind/namespace/name`, without what servers and controllers own.
    pub fn objects(&self, kinds: &str, namespace: Option<&str>) -> BTreeMap<String, Value> {
        let mut words = vec!["get", kinds, "-o", "json"];
        words.extend(namespace.map_or(vec!["-A"], |ns| vec!["-n", ns]));
        let list: Value = serde_json::from_str(&self.kubectl(&words)).expect("JSON");
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .map(Object)
            .map(|o| (o.reference().to_string(), comparable(&o)))
            .collect()
    }

    /// Everything that a migration may touch outside the release's namespace.
    pub fn outside(&self) -> BTreeMap<String, Value> {
        let namespaced = "deployments,services,configmaps,secrets,serviceaccounts,ingresses,persistentvolumeclaims";
        let mut all = self.objects(namespaced, Some(&self.scenario.namespace));
        if self.scenario.product.is_none() {
            let custom = "middlewares.traefik.containo.us,tlsoptions.traefik.containo.us";
            all.extend(self.objects(custom, Some(&self.scenario.namespace)));
        }
        let cluster = "persistentvolumes,storageclasses,clusterroles,clusterrolebindings,ingressclasses";
        all.extend(self.objects(cluster, None));
        all
    }

    /// Waits for something in the future.
    pub fn block_on<T>(&self, work: impl std::future::Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// One object as it is now.
    #[track_caller]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", kind, name, "-n", namespace, "-o", "json"])).expect("JSON")
    }

    /// True when the object is there.
    pub fn exists(&self, kind: &str, namespace: &str, name: &str) -> bool {
        !self
            .kubectl(&["get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "name"])
            .trim()
            .is_empty()
    }

    /// The bystander as it is: its objects must never change, not even their versions.
    pub fn bystander(&self) -> Vec<Value> {
        let ns = &self.scenario.namespace;
        let mut seen = Vec::new();
        for (kind, name) in [
            ("deployment", "bystander"),
            ("service", "bystander"),
            ("ingress", "bystander"),
            ("pvc", "my-functions-cache"),
        ] {
            let object = self.get(kind, ns, name);
            seen.push(json!([
                object["metadata"]["uid"],
                object["metadata"]["generation"],
                object["spec"]
            ]));
        }
        seen
    }
}

async fn start(
    scenario: &str,
    chart: Option<&Utf8Path>,
    programs: Vec<Program>,
    patch: impl FnOnce(&Utf8Path) -> Result<(), Error>,
) -> Result<(Testbed, Scenario, Pushed), Error> {
    let scenario = Scenario::load(scenario)?;
    scenario.root()?;
    let mut options = scenario.options(Options::for_test());
    options.mongo = scenario.mongo_options()?;
    options.programs = programs;
    let mut bed = Testbed::up(options).await?;
    bed.install_source(&scenario).await?;
    let chart = bed
        .push_patched_chart(
            &chart.map_or_else(|| scenario.chart_dir(), |c| Ok(c.to_owned()))?,
            |copy| {
                rehelm_testbed::install::relax_kube_version(copy)?;
                patch(copy)
            },
        )
        .await?;
    Ok((bed, scenario, chart))
}

pub fn comparable(object: &Object) -> Value {
    let Object(mut value) = server::without_owned(object);
    // The binder writes the claim's identity into the volume: another uid after a way there and back is expected.
    if let Some(Value::Object(claim)) = value.pointer_mut("/spec/claimRef") {
        claim.remove("uid");
        claim.remove("resourceVersion");
    }
    value
}

/// Keys whose values differ, with both values.
pub fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for key in before.keys().chain(after.keys().filter(|k| !before.contains_key(*k))) {
        let none = Value::Null;
        let (a, b) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
        for change in rehelm_core::diff::changes(a, b) {
            out.push(format!(
                "{key} {}: {:?} -> {:?}",
                change.field, change.before, change.after
            ));
        }
    }
    out
}
