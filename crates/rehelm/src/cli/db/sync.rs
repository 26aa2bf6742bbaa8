//! `rehelm db sync start|status|stop`: copies while the old install still runs, kept in step until the switch.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rehelm_core::databases::sync::{self, Follower, Following, Follows, SyncState};
use rehelm_core::ports::{Databases, PortError};
use rehelm_report::{human, table};

use super::place::{Place, Where, failed, pair, rate};
use crate::cli::global::{Global, Output, duration};
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::signals;

const HELP: &str = "\
`start` copies while the old install runs and goes on following it until `stop`, Ctrl-C or `rehelm migrate`, which
then has only the difference to copy while nobody can work. Where the server is a replica set its change streams are
followed; else both sides are compared every so often and what differs is written. The same command goes on where an
earlier one ended. Copies that this did not make are never touched.

  rehelm db sync start                  # the databases that the product renames
  rehelm db sync start --pair a:b --every 5m
  rehelm db sync start --once           # bring everything up to date, then end";

/// Verbs of `rehelm db sync`.
#[derive(Debug, clap::Subcommand)]
#[command(after_long_help = HELP)]
pub enum Verb {
    /// Make the copies and keep them in step, until it is stopped
    Start(Box<Start>),
    /// Say how far the copies are behind; reads only
    Status(Status),
    /// End the process that keeps them in step; the copies stay
    Stop(Status),
}

/// Arguments of `rehelm db sync start`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Start {
    /// Database and its copy; may be given again
    #[arg(long, value_name = "FROM:TO", value_parser = pair, env = "REHELM_PAIR", hide_env = true, value_delimiter = ',')]
    pub pair: Vec<(String, String)>,
    /// Time between two comparisons, where the server has no change streams
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m", env = "REHELM_EVERY", hide_env = true)]
    pub every: Duration,
    /// End when everything is up to date
    #[arg(long, env = "REHELM_ONCE", hide_env = true)]
    pub once: bool,
    /// Bytes a second at most, such as 20M
    #[arg(long, value_name = "RATE", value_parser = rate, env = "REHELM_MAX_RATE", hide_env = true)]
    pub max_rate: Option<u64>,
    /// Which server.
    #[command(flatten)]
    pub place: Where,
}

/// Arguments of `rehelm db sync status` and `stop`.
#[derive(Debug, clap::Args)]
pub struct Status {}

/// Runs a verb.
pub fn run(printer: &Arc<Printer>, global: &Global, verb: &Verb) -> Result<Exit> {
    match verb {
        Verb::Start(args) => start(printer, global, args),
        Verb::Status(_) => status(printer, global),
        Verb::Stop(_) => stop(printer, global),
    }
}

fn start(printer: &Arc<Printer>, global: &Global, args: &Start) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let state = global.block_on(async {
        let place = args.place.open(global).await?;
        let pairs = place.pairs(&args.pair)?;
        refuse_obstacles(printer, &place, &pairs).await?;
        let stop = Arc::new(AtomicBool::new(false));
        // A stage plays the process; it hears no signals.
        let listener = global.stage.is_none().then(|| {
            let printer = printer.clone();
            signals::listen(stop.clone(), move || printer.say("Ending after this turn …"))
        });
        let follower = Follower {
            server: &*place.server,
            files: &*place.files,
            clock: &*place.clock,
            progress: &|_, _, _| {},
            said: &|to, done, took| {
                printer.say(&format!(
                    "{to}: {} new, {} changed, {} gone; {} written in {}",
                    done.inserted,
                    done.replaced,
                    done.deleted,
                    human::size(done.bytes),
                    human::duration(took),
                ));
            },
        };
        let how = Following {
            pairs: &pairs,
            every: args.every,
            once: args.once,
            max_rate: args.max_rate,
            stop: &stop,
        };
        let followed = async {
            match &listener {
                Some(listener) => tokio::select! {
                    outcome = follower.follow(&how) => outcome,
                    () = listener.aborted() => Err(PortError::Unavailable("interrupted".into())),
                },
                None => follower.follow(&how).await,
            }
        };
        followed.await.map_err(|error| explain(error, &*place.server))
    })?;
    shown(printer, output, &state, false)?;
    Ok(Exit::Done)
}

fn explain(error: PortError, _: &dyn Databases) -> Error {
    match error {
        PortError::Exists(what) if what.starts_with("database") => Error::new(
            Exit::Blocked,
            format!("{what} is there already, and synchronisation did not make it"),
        )
        .hint("look what is in it; it is never touched"),
        PortError::Exists(what) => {
            Error::new(Exit::Locked, format!("there is {what}")).hint("rehelm db sync stop ends it")
        }
        other => failed("cannot keep the copies in step".to_owned(), other),
    }
}

async fn refuse_obstacles(printer: &Printer, place: &Place, pairs: &[(String, String)]) -> Result<()> {
    let mut found = Vec::new();
    for (from, to) in pairs {
        let own = place.server.obstacles(from, to).await;
        found.extend(own.map_err(|error| failed(format!("cannot look at {from}"), error))?);
    }
    if found.is_empty() {
        return Ok(());
    }
    printer.insist(place.words.findings(&found, &[], false).trim_end());
    Err(Error::new(
        Exit::Blocked,
        "this cannot be copied whole; nothing was changed",
    ))
}

fn status(printer: &Printer, global: &Global) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let files = doors::files(global)?;
    let state = SyncState::load(&files).context(|| "cannot read the state".to_owned())?;
    let runs = state.runs(jiff::Timestamp::now());
    shown(printer, output, &state, runs)?;
    Ok(Exit::Done)
}

fn stop(printer: &Printer, global: &Global) -> Result<Exit> {
    let files = doors::files(global)?;
    let read = || SyncState::load(&files).context(|| "cannot read the state".to_owned());
    if !read()?.runs(jiff::Timestamp::now()) {
        printer.say("Nothing runs. The copies stay as they are.");
        return Ok(Exit::Done);
    }
    sync::ask_to_stop(&files).context(|| "cannot ask it to stop".to_owned())?;
    printer.say("Asked it to end after its turn …");
    global.block_on(async {
        while read()?.runs(jiff::Timestamp::now()) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        printer.say("It has ended. The copies stay; `rehelm db sync start` goes on with them.");
        Ok(Exit::Done)
    })
}

fn shown(printer: &Printer, output: Output, state: &SyncState, runs: bool) -> Result<()> {
    match output {
        Output::Json => return printer.json(&serde_json::json!({"runs": runs, "state": state})),
        Output::Yaml => return printer.yaml(&serde_json::json!({"runs": runs, "state": state})),
        _ if state.pairs.is_empty() => {
            printer.say("No copies are kept in step. Begin: rehelm db sync start");
            return Ok(());
        }
        _ => {}
    }
    let mut rows = vec![
        ["DATABASE", "COPY", "FOLLOWS", "FIRST COPY", "LAST TURN", "WROTE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(state.pairs.iter().map(|(to, own)| {
        let time = |at: jiff::Timestamp| at.strftime("%F %T").to_string();
        vec![
            own.from.clone(),
            to.clone(),
            match own.follows {
                Follows::Changes => "changes".to_owned(),
                Follows::Ranges => "by comparing".to_owned(),
            },
            own.copied.map_or_else(|| "not complete".to_owned(), time),
            own.last.map_or_else(String::new, |last| time(last.at)),
            own.last
                .map_or_else(String::new, |last| format!("{} documents", last.done.documents())),
        ]
    }));
    printer.data(&table::table(&rows))?;
    if runs {
        printer.say("A process keeps them in step now.");
    }
    Ok(())
}
