//! `rehelm db drop DB`: drops a database that has a proven copy; cannot be undone.

use std::time::Duration;

use rehelm_core::databases::equality::{self, Refusal};
use rehelm_core::databases::sync;

use super::place::{Where, failed};
use crate::cli::global::{Global, duration};
use crate::cli::plan_arg::agree_by_typing;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

const HELP: &str = "\
Refuses unless `rehelm db verify` (or `copy`) proved, not long ago and with nobody writing, that this database and
another one are equal, this one still holds exactly the same documents, and the other one is there. Then asks for the
name to be typed. There is no way back.";

/// Arguments of `rehelm db drop`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The database
    pub database: String,
    /// How old the proof may be
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h", env = "REHELM_MAX_AGE", hide_env = true)]
    pub max_age: Duration,
    /// Do not ask, although this cannot be undone
    #[arg(long, env = "REHELM_YES_IRREVERSIBLE", hide_env = true)]
    pub yes_irreversible: bool,
    /// Which server.
    #[command(flatten)]
    pub place: Where,
}

/// Drops.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let name = args.database.as_str();
    global.block_on(async {
        let place = args.place.open(global).await?;
        let allowed = equality::allows_drop(&*place.server, &*place.files, &*place.clock, name, args.max_age).await;
        let proof = match allowed {
            Ok(proof) => proof,
            Err(Refusal::Finding(finding)) => {
                printer.insist(place.words.findings(&[*finding], &[], false).trim_end());
                return Err(Error::new(Exit::VerificationFailed, "nothing was dropped"));
            }
            Err(Refusal::Port(error)) => return Err(failed(format!("cannot look at {name}"), error)),
        };
        let other = if proof.from == name { &proof.to } else { &proof.from };
        let (documents, _) = proof.totals();
        let question = format!("Drop {name} for ever? Its {documents} documents were proven to be in {other}.");
        agree_by_typing(printer, args.yes_irreversible, &question, name)?;
        place
            .server
            .drop_database(name)
            .await
            .map_err(|error| failed(format!("cannot drop {name}"), error))?;
        sync::forget(&*place.files, name).context(|| "cannot write the state of synchronisation".to_owned())?;
        printer.say(&format!("Dropped {name}."));
        Ok(Exit::Done)
    })
}
