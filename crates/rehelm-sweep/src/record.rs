//! Installs a product on a simulated cluster as an operator did it, makes the plan, and migrates once with the real Helm to
//! learn what that does.

use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rehelm::cli::global::{Global, Output};
use rehelm::cli::phase::{self, How};
use rehelm::config::Settings;
use rehelm::printer::Printer;
use rehelm::rehearsal::compare::{self, Picture};
use rehelm::rehearsal::example;
use rehelm::rehearsal::shut::Shut;
use rehelm::rehearsal::stage::{Props, Stage};
use rehelm::session::{self, Decisions};
use rehelm_core::plan::{Phase, Plan};
use rehelm_sim::{NodeOptions, Options, Sim};
use rehelm_testbed::kubectl::Kubectl;
use rehelm_testbed::{Scenario, Tools};

use crate::files::MemFiles;
use crate::ground::{Base, Ground};
use crate::helm::{Recording, records};
use crate::invariants::Known;

/// The example product's name here.
pub const EXAMPLE: &str = "example";
/// The minor that the reference product's chart still accepts.
const REFERENCE_MINOR: u32 = 23;
/// Virtual time that an install may take to come up.
const LIMIT: Duration = Duration::from_secs(600);
const SIMULATED: &str = include_str!("../data/values-simulated.yaml");
const REFERENCE: &str = include_str!("../data/reference.yaml");

/// Why there is no ground.
#[derive(Debug)]
pub enum Missing {
    /// The product's files are not at hand.
    Product(String),
    /// Something failed.
    Failed(String),
}

fn failed(why: impl std::fmt::Display) -> Missing {
    Missing::Failed(why.to_string())
}

fn said(error: rehelm::errors::Error) -> Missing {
    Missing::Failed(format!("{}: {}", error.message(), error.causes().join(": ")))
}

/// A ground, and what the real Helm made of it: everything at the end of its migration.
pub async fn ground(name: &str, tools: &Tools) -> Result<(Ground, Picture), Missing> {
    let folder = tempfile::Builder::new()
        .prefix("rehelm-sweep-")
        .tempdir()
        .map_err(failed)?;
    let place = Utf8Path::from_path(folder.path()).ok_or_else(|| failed("the temporary folder is not UTF-8"))?;
    let place = place.canonicalize_utf8().map_err(failed)?;
    let (stage, scenario) = set(name, &place).await?;
    install(&stage, &scenario, tools).await?;
    let plan = plan(&stage).await?;
    let sim = stage.sim.fork();
    let databases = Arc::new(
        stage
            .databases
            .fork(Arc::new(rehelm::rehearsal::clock::SimClock(sim.clone()))),
    );
    let before = compare::picture(sim.shared_objects());
    migrate(&stage, &plan).await?;
    let helm = stage.session().await.map_err(said)?.helm;
    let spec = &plan.target;
    let version = helm.version().await.map_err(failed)?;
    let chart = helm
        .chart(&rehelm_core::ports::ReleaseSpec {
            release: spec.release.clone(),
            namespace: spec.namespace.clone(),
            chart: spec.chart.clone(),
            version: (!spec.version.is_empty()).then(|| spec.version.clone()),
            values: Vec::new(),
            private_values: None,
            flags: spec.helm_flags.clone(),
        })
        .await
        .map_err(failed)?;
    let records = records(&stage.client(), &spec.namespace, &spec.release)
        .await
        .map_err(failed)?;
    let record = records.last().ok_or_else(|| failed("Helm left no release"))?;
    let recording = Recording::of(record, version, chart).map_err(failed)?;
    let real = compare::picture(stage.sim.shared_objects());
    let session = stage.session().await.map_err(said)?;
    let base = Base {
        name: name.to_owned(),
        settings: Settings {
            // What was built is in the plan; the folders are not built again for each run.
            kustomize: vec!["-".into()],
            ..stage.settings.clone()
        },
        profile: session.profile.clone(),
        words: stage.words.clone(),
        context: session.context.clone(),
        known: Arc::new(Known::of(&plan, &sim.shared_objects(), &recording)),
        data: databases.content(),
        plan,
        recording: Arc::new(recording),
        before,
        folder,
    };
    drop(session);
    let ground = Ground {
        sim,
        databases,
        files: MemFiles::default(),
        base: Arc::new(base),
    };
    Ok((ground, real))
}

async fn set(name: &str, folder: &Utf8Path) -> Result<(Stage, Scenario), Missing> {
    let own = name == EXAMPLE;
    let scenario = Scenario::load(if own { "notes" } else { name }).map_err(failed)?;
    let root = scenario.root().map_err(|why| Missing::Product(why.to_string()))?;
    let config = folder.join("rehelm.yaml");
    if own {
        example::write(folder).map_err(said)?;
    } else {
        let list = |paths: &[Utf8PathBuf]| -> String {
            let all: Vec<String> = paths.iter().map(|path| root.join(path).to_string()).collect();
            all.join(", ")
        };
        let text = REFERENCE
            .replace("{source}", &scenario.namespace)
            .replace("{target}", &scenario.target_namespace)
            .replace("{kustomize}", &list(&scenario.kustomize))
            .replace("{chart}", root.join(&scenario.chart).as_str())
            .replace("{values}", &list(&scenario.values));
        fs_err::write(&config, text).map_err(failed)?;
        fs_err::write(folder.join("values-simulated.yaml"), SIMULATED).map_err(failed)?;
    }
    let global = global(&config)?;
    let settings = Settings::load(&global, &Default::default()).map_err(said)?;
    let profile = session::load_profile(&settings).map_err(said)?;
    let words = session::words(&global, &profile).map_err(said)?;
    let nodes = scenario.nodes.iter().map(|node| NodeOptions {
        name: node.name.clone(),
        labels: node.labels.clone(),
        ..NodeOptions::default()
    });
    let usual = Options::default();
    let sim = Sim::new(Options {
        minor: if own { usual.minor } else { REFERENCE_MINOR },
        nodes: nodes.collect(),
        ..usual
    });
    let props = Props {
        settings,
        profile,
        words: Arc::new(words),
        context: "sweep".to_owned(),
        shapes: None,
        shut: Shut::default(),
    };
    let stage = Stage::set(sim, props, folder).await.map_err(said)?;
    Ok((stage, scenario))
}

/// The flags that every command has.
///
/// # Errors
/// Never, but for a bug.
pub fn global(config: &Utf8Path) -> Result<Global, Missing> {
    let words = ["rehelm", "--config", config.as_str(), "status"];
    let cli = rehelm::cli::parse(words.map(Into::into)).map_err(|_| failed("the flags are not taken"))?;
    Ok(Global {
        output: Some(Output::Text),
        ..cli.global
    })
}

/// As an operator did it years ago.
async fn install(stage: &Stage, scenario: &Scenario, tools: &Tools) -> Result<(), Missing> {
    let kubectl = Kubectl::new(tools.kubectl.clone(), stage.kubeconfig().to_owned());
    let _hold = stage.sim.hold();
    let settle = || {
        stage.sim.quiesce(LIMIT);
    };
    scenario.install(&kubectl, settle).await.map_err(failed)
}

async fn plan(stage: &Stage) -> Result<Plan, Missing> {
    let session = stage.session().await.map_err(said)?;
    let mut decisions = Decisions {
        fill_secrets: true,
        confirmed: vec!["snapshots".to_owned()],
        ..Decisions::default()
    };
    loop {
        let asked = session.request(&decisions).await.map_err(said)?;
        let (plan, _) = session.plan(&asked).await.map_err(said)?;
        let blocking = rehelm::run::blocking(&plan);
        if blocking.is_empty() {
            return Ok(plan);
        }
        // What a person would look at and waive is no matter here, as long as waiving helps.
        if !decisions.accepted.is_empty() {
            return Err(failed(stage.words.findings(&blocking, &[], false)));
        }
        decisions.accepted = blocking.into_iter().map(|finding| finding.code).collect();
    }
}

async fn migrate(stage: &Stage, plan: &Plan) -> Result<(), Missing> {
    let printer = Arc::new(Printer::keeping());
    let global = global(&stage.folder().join("rehelm.yaml"))?;
    for phase in [Phase::Prepare, Phase::Migrate] {
        let session = stage.session().await.map_err(said)?;
        phase::carry(&printer, &global, &session, plan, true, phase, How::default())
            .await
            .map_err(|e| {
                let told = printer.take();
                Missing::Failed(format!("{}: {}\n{told}", e.message(), e.causes().join(": ")))
            })?;
    }
    Ok(())
}
