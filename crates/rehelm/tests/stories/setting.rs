//! Clusters of stories: a product installed by Kustomize on a simulated cluster, and the folder that rehelm works in.

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use rehelm::cli::global::Global;
use rehelm::config::Settings;
use rehelm::rehearsal::example;
use rehelm::rehearsal::shut::Shut;
use rehelm::rehearsal::stage::{Props, Stage};
use rehelm::session;
use rehelm_sim::{NodeOptions, Options, Sim};
use rehelm_testbed::Scenario;
use rehelm_testbed::kubectl::Kubectl;

/// The minor that the reference product's chart still accepts.
const REFERENCE_MINOR: u32 = 23;
/// Virtual time that an install may take to come up.
const LIMIT: Duration = Duration::from_secs(600);

/// Sets the stage; None, and a line that says why, where the product's files are not there.
pub async fn set(name: &str, minor: Option<u32>, folder: &Utf8Path) -> Result<Option<Stage>, String> {
    let own = name == "example";
    let scenario = Scenario::load(if own { "notes" } else { name }).map_err(words)?;
    let root = match scenario.root() {
        Ok(root) => root,
        Err(why) => {
            eprintln!("SKIPPED (cluster {name}): {why}");
            return Ok(None);
        }
    };
    let config = folder.join("rehelm.yaml");
    if own {
        example::write(folder).map_err(words)?;
    } else {
        let list = |paths: &[camino::Utf8PathBuf]| -> String {
            let all: Vec<String> = paths.iter().map(|path| root.join(path).to_string()).collect();
            all.join(", ")
        };
        let text = format!(
            "profile: cognigy-ai\nsource:\n  namespace: {}\n  kustomize: [{}]\ntarget:\n  namespace: {}\n  release: cognigy-ai\n  chart: {}\n  values: [{}, values-simulated.yaml]\n",
            scenario.namespace,
            list(&scenario.kustomize),
            scenario.target_namespace,
            root.join(&scenario.chart),
            list(&scenario.values),
        );
        std::fs::write(&config, text).map_err(words)?;
        // The scenario's values name a file system for each provisioner; the simulated cloud has one.
        let simulated = "efs: {functions: {id: fs-000000000001a}}\n";
        std::fs::write(folder.join("values-simulated.yaml"), simulated).map_err(words)?;
    }
    let global = global(&config)?;
    let settings = Settings::load(&global, &Default::default()).map_err(|e| e.message().to_owned())?;
    let profile = session::load_profile(&settings).map_err(|e| e.message().to_owned())?;
    let sentences = session::words(&global, &profile).map_err(|e| e.message().to_owned())?;
    let nodes = scenario.nodes.iter().map(|node| NodeOptions {
        name: node.name.clone(),
        labels: node.labels.clone(),
        ..NodeOptions::default()
    });
    let default = Options::default();
    let sim = Sim::new(Options {
        minor: minor.unwrap_or(if own { default.minor } else { REFERENCE_MINOR }),
        nodes: nodes.collect(),
        ..default
    });
    let props = Props {
        settings,
        profile,
        words: Arc::new(sentences),
        context: "story".to_owned(),
        shapes: None,
        shut: Shut::default(),
    };
    let stage = Stage::set(sim, props, folder)
        .await
        .map_err(|e| e.message().to_owned())?;
    install(&stage, &scenario).await?;
    Ok(Some(stage))
}

/// The flags that every command of a story has.
pub fn global(config: &Utf8Path) -> Result<Global, String> {
    let words = ["rehelm", "--config", config.as_str(), "status"];
    let cli = rehelm::cli::parse(words.map(Into::into)).map_err(|_| "the flags are not taken".to_owned())?;
    Ok(cli.global)
}

/// As an operator did it years ago.
async fn install(stage: &Stage, scenario: &Scenario) -> Result<(), String> {
    let program = std::env::var("KUBECTL_BIN").map_err(words)?;
    let kubectl = Kubectl::new(program.into(), stage.kubeconfig().to_owned());
    let _hold = stage.sim.hold();
    let settle = || {
        stage.sim.quiesce(LIMIT);
    };
    scenario.install(&kubectl, settle).await.map_err(words)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
