//! `rehelm rehearse`: the whole migration, there and back and there again, on a simulated copy of the cluster.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_clients::snapshot_file::{self, Keys};
use rehelm_core::ports::Databases;
use rehelm_core::snapshot::{Secrecy, Snapshot};
use rehelm_core::world::Timeouts;
use rehelm_sim::{Fault, NodeOptions, Options, Sim};

use super::decisions::DecisionArgs;
use super::global::{Global, Output};
use super::overrides::Overrides;
use crate::config::Settings;
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::{GOOD, Printer};
use crate::rehearsal::course::{Course, Ended};
use crate::rehearsal::shut::Shut;
use crate::rehearsal::stage::{self, Props, Stage};
use crate::rehearsal::{example, fault};
use crate::run::load_plan;
use crate::session::{self, Decisions};
use crate::signals;

const HELP: &str = "\
Loads a snapshot of the cluster into a Kubernetes API in memory (or reads the cluster now, when no snapshot is given)
and runs the migration on it: plan, prepare, migrate, verify, rollback, a comparison with the state before, then there
again and cleanup. Helm, the chart, the steps and the journal are the real ones; the API server, the databases and the
clock are not. Nothing outside a temporary folder is changed, and waiting takes no time.

  rehelm rehearse                                   # this cluster, read now
  rehelm rehearse plan.json --snapshot prod.tar.zst
  rehelm rehearse --example                         # a product of our own; needs no cluster and no rehelm.yaml
  rehelm rehearse --example --crash-after 20        # a process that is killed, and the next one that goes on
  rehelm rehearse --example --until rebind --serve  # stop there and look around with kubectl, helm or k9s
  rehelm rehearse --example --fault image=notes-web # an image that cannot be pulled

Outages are in virtual time: those of the rehearsed cluster, with pods that start at once where images are there. Times
of your machines and of your data are your own.";

/// Arguments of `rehelm rehearse`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Plan to rehearse; a new one is made when none is given
    #[arg(value_name = "PLAN", env = "REHELM_REHEARSE_PLAN", hide_env = true)]
    pub plan: Option<Utf8PathBuf>,
    /// Snapshot to rehearse on, instead of reading the cluster now
    #[arg(long, value_name = "FILE", env = "REHELM_SNAPSHOT", hide_env = true)]
    pub snapshot: Option<Utf8PathBuf>,
    /// Rehearse the example product that is built in
    #[arg(long, conflicts_with_all = ["snapshot", "plan"])]
    pub example: bool,
    /// Kill the process after so many records of the journal; another one goes on
    #[arg(long, value_name = "N")]
    pub crash_after: Option<u64>,
    /// Stop after this step: its number, or its word in the plan
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
    /// Leave the simulated API on loopback until Ctrl-C, with a kubeconfig for it; at once, when neither a plan nor a step is
    /// given
    #[arg(long)]
    pub serve: bool,
    /// Let something go wrong; may be given again
    #[arg(long, value_name = "WHAT", value_parser = fault::parse, help = format!("Let something go wrong: {}; may be given again", fault::HELP))]
    pub fault: Vec<Fault>,
    /// Leave the temporary folder
    #[arg(long)]
    pub keep: bool,
    /// age identities that open the snapshot's secrets
    #[arg(long, value_name = "FILE", env = "REHELM_IDENTITY", hide_env = true)]
    pub identity: Option<Utf8PathBuf>,
    /// File with the passphrase that opens the snapshot's secrets
    #[arg(long, value_name = "FILE", env = "REHELM_PASSPHRASE_FILE", hide_env = true)]
    pub passphrase_file: Option<Utf8PathBuf>,
    /// How long the release may take to come up, in virtual time
    #[arg(long, value_name = "TIME", value_parser = super::global::duration)]
    pub ready_timeout: Option<Duration>,
    /// What a person decided.
    #[command(flatten)]
    pub decisions: DecisionArgs,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Rehearses, and says what it came to.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Jsonl])?;
    // Beside the real runs there is nothing of a rehearsal.
    let folder = tempfile::Builder::new().prefix("rehelm-rehearsal-").tempdir();
    let mut folder = folder.context(|| "cannot make a temporary folder".to_owned())?;
    folder.disable_cleanup(args.keep);
    let place = Utf8Path::from_path(folder.path())
        .ok_or_else(|| Error::failed(format!("the temporary folder {} is not UTF-8", folder.path().display())))?;
    let place = place.to_owned();
    let exit = doors::block_on_here(rehearse(printer, global, args, output, &place));
    if args.keep {
        printer.say(&format!("Everything of it is in {place}"));
    }
    exit
}

async fn rehearse(
    printer: &Arc<Printer>,
    global: &Global,
    args: &Args,
    output: Output,
    folder: &Utf8Path,
) -> Result<Exit> {
    let began = Instant::now();
    let (stage, global) = match args.example {
        true => set_example(printer, global, args, folder).await?,
        false => (set(printer, global, args, folder).await?, global.clone()),
    };
    let global = &global;
    args.fault.iter().for_each(|fault| stage.sim.fault(fault.clone()));
    let only_serve = args.serve && args.plan.is_none() && args.until.is_none();
    if !only_serve {
        let given = match &args.plan {
            Some(path) => Some(load_plan(global.folder(), Some(path))?),
            None => None,
        };
        let usual = Timeouts::default();
        let course = Course {
            printer,
            global,
            stage: &stage,
            given,
            decisions: decisions(args),
            until: args.until.clone(),
            timeouts: Timeouts {
                ready: args.ready_timeout.unwrap_or(usual.ready),
                ..usual
            },
            narrate: args.example,
            stop_after: Cell::new(None),
        };
        match course.run().await {
            Ok(Ended::Whole(mut account)) => {
                account.seconds = began.elapsed().as_secs_f64();
                printer.say("");
                match output {
                    Output::Json => printer.json(&account)?,
                    _ => printer.insist(account.text().trim_end()),
                }
                printer.say(&format!("{GOOD}The rehearsal went through.{GOOD:#}"));
            }
            Ok(Ended::Until(number)) => {
                printer.say(&format!("Stopped after step {number}."));
                if !args.serve {
                    printer.hint("with --serve the simulated API stays, to be looked at with kubectl, helm or k9s");
                }
            }
            Err(failed) if args.serve => printer.error(&failed),
            Err(failed) => return Err(failed),
        }
    }
    if args.serve {
        serve(printer, &stage).await?;
    }
    Ok(Exit::Done)
}

/// What a person decided. The example's chart would empty a password, which is there to be noticed once; after that, it is
/// in the way.
fn decisions(args: &Args) -> Decisions {
    let mut decisions = Decisions::from(&args.decisions);
    decisions.fill_secrets |= args.example;
    decisions
}

/// The stage for the user's own cluster.
async fn set(printer: &Arc<Printer>, global: &Global, args: &Args, folder: &Utf8Path) -> Result<Stage> {
    let settings = Settings::load(global, &args.overrides)?;
    let profile = session::load_profile(&settings)?;
    let words = Arc::new(session::words(global, &profile)?);
    let (snapshot, mut findings) = match &args.snapshot {
        Some(path) => (open(path, args)?, Vec::new()),
        None => {
            let cluster = Arc::new(doors::cluster(global, settings.context.as_deref()).await?);
            let databases = doors::databases(&settings, &profile, &cluster).await?;
            let databases = databases.as_ref().map(|reached| &reached.server as &dyn Databases);
            let context = cluster
                .context()
                .context
                .clone()
                .unwrap_or_else(|| "in-cluster".to_owned());
            super::snapshot::of(printer, &*cluster, databases, &context, false).await?
        }
    };
    let count = snapshot.count();
    let (sim, more) = stage::cluster(&snapshot.meta, snapshot.objects)?;
    findings.extend(more);
    if !findings.is_empty() {
        printer.say(words.findings(&findings, &[], false).trim_end());
    }
    printer.say(&format!(
        "A copy of context {}: {} objects, Kubernetes {}, as of {}.",
        snapshot.meta.context,
        count,
        snapshot.meta.version,
        snapshot.meta.taken.strftime("%Y-%m-%d %H:%M:%S UTC"),
    ));
    if snapshot.databases.is_none() && !profile.databases.renames.is_empty() {
        printer.say("The snapshot knows no databases: those that the product renames are made up.");
    }
    let props = Props {
        settings,
        profile,
        words,
        context: snapshot.meta.context,
        shapes: snapshot.databases,
        shut: Shut::after(args.crash_after),
    };
    Stage::set(sim, props, folder).await
}

fn open(path: &Utf8Path, args: &Args) -> Result<Snapshot> {
    let passphrase = match &args.passphrase_file {
        Some(path) => Some(doors::passphrase(path)?),
        None => None,
    };
    let keys = Keys {
        identities: args.identity.clone(),
        passphrase,
    };
    let snapshot = snapshot_file::read(path, &keys).map_err(|error| {
        let refused = Error::failed(format!("cannot open the snapshot {path}")).because(&error);
        match error {
            rehelm_core::ports::PortError::Forbidden(_) => {
                refused.hint("give the key with --identity FILE or --passphrase-file FILE")
            }
            _ => refused,
        }
    })?;
    debug_assert!(snapshot.meta.secrets != Secrecy::Plain, "files hold no plain secrets");
    Ok(snapshot)
}

/// The stage for the example: a new cluster, with the Kustomize install applied.
async fn set_example(
    printer: &Arc<Printer>,
    global: &Global,
    args: &Args,
    folder: &Utf8Path,
) -> Result<(Stage, Global)> {
    let product = folder.join("example");
    example::write(&product)?;
    let global = Global {
        config: product.join("rehelm.yaml"),
        ..global.clone()
    };
    let settings = Settings::load(&global, &args.overrides)?;
    let profile = session::load_profile(&settings)?;
    let words = Arc::new(session::words(&global, &profile)?);
    let zone = |key: &str| (key.to_owned(), "zone-a".to_owned());
    let sim = Sim::new(Options {
        nodes: vec![NodeOptions {
            labels: ["topology.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone"]
                .map(zone)
                .into(),
            ..NodeOptions::default()
        }],
        ..Options::default()
    });
    let namespace = settings.source_namespace.clone();
    let props = Props {
        settings,
        profile,
        words,
        context: "example".to_owned(),
        shapes: None,
        shut: Shut::after(args.crash_after),
    };
    let stage = Stage::set(sim, props, folder).await?;
    printer.say("A new simulated cluster. The example product is installed with Kustomize:");
    example::install(printer, &stage.sim, &product, stage.kubeconfig(), &namespace).await?;
    Ok((stage, global))
}

/// Leaves the API open until somebody has seen enough.
async fn serve(printer: &Printer, stage: &Stage) -> Result<()> {
    let _served = stage.open_to_public().await?;
    let namespace = &stage.settings.source_namespace;
    printer.say("");
    printer.say("The simulated API listens. In another terminal:");
    printer.data(&format!("export KUBECONFIG={}", stage.kubeconfig()))?;
    for sample in [
        format!("kubectl get all -n {namespace}"),
        "kubectl get pv,pvc -A".to_owned(),
        "helm list -A".to_owned(),
        "k9s".to_owned(),
    ] {
        printer.say(&format!("  {sample}"));
    }
    printer.say("Ctrl-C ends it.");
    signals::first().await;
    Ok(())
}
