//! `rehelm db verify FROM TO`: proves that a copy equals its original; reads only.

use rehelm_core::databases::equality::{self, Verification};
use rehelm_core::databases::notebook::FileNotebook;
use rehelm_core::ports::Notebook;

use super::place::{Place, Where, failed};
use super::shown;
use crate::cli::global::{Global, Output};
use crate::errors::{Context, Result};
use crate::exit::Exit;
use crate::printer::Printer;

const HELP: &str = "\
Reads every document of both sides once and compares counts, an order-free hash over the raw bytes, indexes and options.
Where they differ, the documents are found: their _id, and which fields differ with type, size and a hash; what a field
holds is never printed. Says who is connected and may write, where the server tells.

The result is kept in .rehelm/ for `rehelm db drop`. Exit code 7 when the sides are not equal, or the source is empty.";

/// Arguments of `rehelm db verify`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The original
    pub from: String,
    /// The copy
    pub to: String,
    /// Remember how far the reading is, and go on there after an interruption (reads in the order of _id)
    #[arg(long, env = "REHELM_RESUMABLE", hide_env = true)]
    pub resumable: bool,
    /// Which server.
    #[command(flatten)]
    pub place: Where,
}

/// Verifies.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let (words, one) = global.block_on(async {
        let place = args.place.open(global).await?;
        printer.say(&format!("Reading {} and {}. This changes nothing.", args.from, args.to));
        let one = prove(&place, &args.from, &args.to, args.resumable).await?;
        Ok((place.words, one))
    })?;
    match output {
        Output::Json => printer.json(&one)?,
        Output::Yaml => printer.yaml(&one)?,
        _ => shown::verification(printer, &words, &one)?,
    }
    Ok(shown::exit(&one))
}

/// Verifies, and keeps the result.
///
/// # Errors
/// When a side is missing or the server does not answer.
pub async fn prove(place: &Place, from: &str, to: &str, resumable: bool) -> Result<Verification> {
    let notebook = FileNotebook::new(&*place.files);
    let notebook = resumable.then_some(&notebook as &dyn Notebook);
    let one = equality::verify(&*place.server, &*place.clock, (from, to), notebook)
        .await
        .map_err(|error| failed(format!("cannot compare {from} and {to}"), error))?;
    equality::keep(&*place.files, &one).context(|| "cannot keep the result".to_owned())?;
    Ok(one)
}
