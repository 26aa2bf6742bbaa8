//! `rehelm db`: what can be done with databases alone, without a plan.

pub mod copy;
pub mod drop;
pub mod in_pod;
pub mod job;
pub mod list;
pub mod meter;
pub mod place;
pub mod shown;
pub mod sync;
pub mod users;
pub mod verify;

use std::sync::Arc;

use super::global::Global;
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;

const HELP: &str = "\
These verbs work on one database server. Which one, and as whom, rehelm.yaml says (`mongodb:`), or the flags:

  rehelm db list                                                    # the server of rehelm.yaml
  rehelm db list --uri-file uri.txt                                 # a file that holds a whole URI
  rehelm db list --uri mongodb://root@localhost:27017/ --password-env PASSWORD

A password never belongs into an argument, where every process can read it: a URI with one is refused.

Usual order, when a database gets a new name by hand:

  rehelm db copy old new         # copies, then proves that both are equal
  rehelm db users new            # who may use it
  rehelm db verify old new       # proves it again, and says which documents differ
  rehelm db drop old             # only with a fresh proof, and after typing the name

`rehelm db sync start` makes copies while the old install still runs; `migrate` then copies only what changed since.";

/// Verbs of `rehelm db`.
#[derive(Debug, clap::Subcommand)]
#[command(after_long_help = HELP)]
pub enum Verb {
    /// List databases with what is in them; reads only
    List(list::Args),
    /// Copy a database under a new name and prove that both are equal
    Copy(copy::Args),
    /// Prove that a copy equals its original, or say which documents differ; reads only
    Verify(verify::Args),
    /// Show users and roles, held against what the product expects; with --apply make them
    Users(users::Args),
    /// Drop a database that has a proven copy; cannot be undone
    Drop(drop::Args),
    /// Copy while the old install still runs, and keep in step until the switch
    #[command(subcommand)]
    Sync(sync::Verb),
    /// Print a Job that does the copy inside the cluster
    Job(job::Args),
}

/// Runs a verb.
pub fn run(printer: &Arc<Printer>, global: &Global, verb: &Verb) -> Result<Exit> {
    match verb {
        Verb::List(args) => list::run(printer, global, args),
        Verb::Copy(args) => copy::run(printer, global, args),
        Verb::Verify(args) => verify::run(printer, global, args),
        Verb::Users(args) => users::run(printer, global, args),
        Verb::Drop(args) => drop::run(printer, global, args),
        Verb::Sync(verb) => sync::run(printer, global, verb),
        Verb::Job(args) => job::run(printer, global, args),
    }
}
