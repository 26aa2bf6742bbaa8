//! `rehelm man`: writes the manual pages, for packages.

use camino::Utf8PathBuf;

use crate::errors::{Context, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write into
    pub folder: Utf8PathBuf,
}

/// Writes one page per verb.
pub fn run(printer: &Printer, args: &Args) -> Result<Exit> {
    let folder = &args.folder;
    fs_err::create_dir_all(folder).context(|| format!("cannot make {folder}"))?;
    clap_mangen::generate_to(super::command(), folder).context(|| format!("cannot write pages into {folder}"))?;
    printer.say(&format!("Wrote the manual pages into {folder}."));
    Ok(Exit::Done)
}
