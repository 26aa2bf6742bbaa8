//! `rehelm db copy FROM TO`: copies a database under a new name and proves that both are equal.

use rehelm_core::databases::equality::Verification;
use rehelm_core::databases::notebook::FileNotebook;
use rehelm_core::ports::{How, Way};
use serde::Serialize;

use super::in_pod::{self, Inside};
use super::meter::Meter;
use super::place::{Place, Where, failed, rate};
use super::{shown, verify};
use crate::cli::global::{Global, Output};
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::{GOOD, Printer};

const HELP: &str = "\
The source is only read. Collections are made with their options first, then documents, then indexes, then views.
Documents go inside the server where it can do that, else through this program. Memory stays small whatever is copied.

The same command goes on after any interruption, where documents pass through this program from the last one that was
written. What is in the target and not in the source is an error, and stays.

  rehelm db copy old new
  rehelm db copy old new --max-rate 20M       # leave room for others

Where rights or the network allow nothing else, --in-pod has mongodump | mongorestore of a pod do it. The server is
localhost then, unless a URI says otherwise; the target must be empty; and where the server cannot be reached from
here, documents are counted and nothing is proven:

  rehelm db copy old new --in-pod database/mongo-0 --user root --password-file password.txt

What cannot be carried (time series, stored functions, names too long for the server) is said before anything is made.
Nobody should write to the source meanwhile; `rehelm db sync` is for sources that are in use.";

/// Arguments of `rehelm db copy`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The original
    pub from: String,
    /// The copy
    pub to: String,
    /// Bytes a second at most, such as 20M; documents pass through this program then
    #[arg(long, value_name = "RATE", value_parser = rate, env = "REHELM_MAX_RATE", hide_env = true)]
    pub max_rate: Option<u64>,
    /// The way that documents go
    #[arg(long, value_enum, default_value = "auto", env = "REHELM_WAY", hide_env = true)]
    pub way: WayArg,
    /// Run mongodump | mongorestore in this pod instead, through the API server
    #[arg(
        long,
        value_name = "NAMESPACE/POD[/CONTAINER]",
        env = "REHELM_IN_POD",
        hide_env = true,
        conflicts_with_all = ["max_rate", "way"]
    )]
    pub in_pod: Option<Inside>,
    /// Do not prove equality afterwards
    #[arg(long, env = "REHELM_NO_VERIFY", hide_env = true)]
    pub no_verify: bool,
    /// Which server.
    #[command(flatten)]
    pub place: Where,
}

/// The way that documents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum WayArg {
    /// The fastest that the server can do.
    Auto,
    /// Inside the server.
    Server,
    /// Through this program.
    Stream,
    /// Through this program, four ranges of a collection side by side.
    Ranges,
}

impl From<WayArg> for Way {
    fn from(arg: WayArg) -> Self {
        match arg {
            WayArg::Auto => Self::Auto,
            WayArg::Server => Self::Server,
            WayArg::Stream => Self::Stream,
            WayArg::Ranges => Self::Ranges,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    from: &'a str,
    to: &'a str,
    seconds: f64,
    verification: Option<&'a Verification>,
}

/// Copies.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    if let Some(inside) = &args.in_pod {
        return in_pod::run(printer, global, args, inside);
    }
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let (words, seconds, one) = global.block_on(async {
        let place = args.place.open(global).await?;
        let seconds = copy(printer, &place, args).await?;
        let one = match args.no_verify {
            true => None,
            false => Some(verify::prove(&place, &args.from, &args.to, false).await?),
        };
        Ok((place.words, seconds, one))
    })?;
    let report = Report {
        from: &args.from,
        to: &args.to,
        seconds,
        verification: one.as_ref(),
    };
    match (output, &one) {
        (Output::Json, _) => printer.json(&report)?,
        (Output::Yaml, _) => printer.yaml(&report)?,
        (_, Some(one)) => shown::verification(printer, &words, one)?,
        (_, None) => printer.say(&format!(
            "{GOOD}Copied{GOOD:#}, and not proven: rehelm db verify {} {}",
            args.from, args.to
        )),
    }
    Ok(one.as_ref().map_or(Exit::Done, shown::exit))
}

async fn copy(printer: &Printer, place: &Place, args: &Args) -> Result<f64> {
    let (from, to) = (args.from.as_str(), args.to.as_str());
    let cannot = |error| failed(format!("cannot copy {from} to {to}"), error);
    let outline = place.server.outline(from).await;
    let obstacles = place.server.obstacles(from, to).await.map_err(cannot)?;
    if !obstacles.is_empty() {
        printer.insist(place.words.findings(&obstacles, &[], false).trim_end());
        return Err(Error::new(
            Exit::Blocked,
            format!("{from} cannot be copied whole; nothing was changed"),
        ));
    }
    let outline = outline.map_err(cannot)?;
    if outline.collections.iter().all(|own| own.view || own.documents == 0) {
        let names = place.server.list().await.map_err(cannot)?;
        let near = crate::errors::nearest(from, names.iter().map(String::as_str).filter(|name| *name != from));
        let error = Error::failed(format!("{from} holds no documents; nothing was changed"));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("rehelm db list shows what is there"),
        });
    }
    let notebook = FileNotebook::new(&*place.files);
    let how = How {
        way: args.way.into(),
        max_rate: args.max_rate,
        notebook: Some(&notebook),
    };
    let begin = place.clock.elapsed();
    let meter = Meter::new(printer, &outline);
    let outcome = place
        .server
        .copy(from, to, &how, &|name, documents, bytes| {
            meter.tick(name, documents, bytes)
        })
        .await;
    meter.end();
    outcome.map_err(cannot)?;
    Ok(place.clock.elapsed().saturating_sub(begin).as_secs_f64())
}
