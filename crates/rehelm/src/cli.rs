//! The command line as clap sees it, and the way from a verb to its file.
//!
//! Every flag has an environment variable; flags win over variables, variables over `rehelm.yaml`.

pub mod check;
pub mod cleanup;
pub mod completions;
pub mod db;
pub mod decisions;
pub mod global;
pub mod init;
pub mod man;
pub mod migrate;
pub mod overrides;
pub mod phase;
pub mod plan;
pub mod plan_arg;
pub mod prepare;
pub mod rbac;
pub mod rehearse;
pub mod restore;
pub mod resume;
pub mod rollback;
pub mod secrets;
pub mod show;
pub mod snapshot;
pub mod status;
pub mod values;
pub mod verify;

use std::ffi::OsString;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use global::Global;

/// Moves a stateful product from its Kustomize install to its Helm chart: nothing lost, the shortest outage,
/// a way back at every moment.
#[derive(Debug, Parser)]
#[command(
    name = "rehelm",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Flags that every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write rehelm.yaml, which says what is moved from where to where
    Init(init::Args),
    /// Check everything that could stop the migration; reads only
    Check(check::Args),
    /// Find which values keep what the install is today
    #[command(subcommand)]
    Values(values::Verb),
    /// Convert the install's secrets to what the chart expects
    #[command(subcommand)]
    Secrets(secrets::Verb),
    /// Say what will happen: phases, steps, outage, undo, who must act; reads only
    Plan(plan::Args),
    /// Show one step of the plan: what it assumes and changes, its commands, its undo
    Show(show::Args),
    /// Save everything that a rehearsal needs of a cluster; reads only
    Snapshot(snapshot::Args),
    /// Run the whole migration on a simulated copy of the cluster; changes nothing
    Rehearse(rehearse::Args),
    /// Do everything that needs no outage
    ///
    /// When it is typed again and all of it is done, it looks whether all of it is still so.
    Prepare(prepare::Args),
    /// Move to the chart; the outage begins and ends here
    Migrate(migrate::Args),
    /// Prove that the release is complete and owns the old data; reads only
    Verify(verify::Args),
    /// Say where a run stands, from its journal or from its copy in the cluster
    Status(status::Args),
    /// Go on with whatever was interrupted, also on another machine
    Resume(resume::Args),
    /// Go back to the Kustomize install, from any state before cleanup
    Rollback(rollback::Args),
    /// Bring the originals back from a backup alone, without plan or journal
    Restore(restore::Args),
    /// Remove what the old install left behind; cannot be undone
    Cleanup(cleanup::Args),
    /// Databases alone: list, copy, verify, users, drop, keep in step
    #[command(subcommand)]
    Db(db::Verb),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man(man::Args),
}

/// A command line that clap did not take, or that asked for help.
pub struct Refused(clap::Error);

impl Refused {
    /// Prints what clap has to say; help goes to stdout and is no failure.
    pub fn print(self) -> Exit {
        let printer = Printer::new(anstream::ColorChoice::Auto, false);
        let text = self.0.render().ansi().to_string();
        if self.0.use_stderr() {
            printer.insist(text.trim_end());
            return Exit::Usage;
        }
        // Nobody is left to be told when stdout is gone.
        let _ = printer.data(&text);
        Exit::Done
    }
}

/// The whole command tree, with the flags that profiles add.
pub fn command() -> clap::Command {
    secrets::with_profile_flags(Cli::command().after_help(Exit::help()))
}

/// Reads a command line.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Refused> {
    let mut matches = command().try_get_matches_from(args).map_err(Refused)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|e| Refused(e.format(&mut command())))?;
    if let Verb::Secrets(verb) = &mut cli.verb {
        verb.take_profile_flags(&mut matches);
    }
    Ok(cli)
}

/// Runs a verb and prints its failure.
pub fn run(cli: Cli) -> Exit {
    let printer = Arc::new(Printer::new(cli.global.color.into(), cli.global.quiet));
    run_with(&printer, cli)
}

/// As [`run`], with what is printed given to a printer.
pub fn run_with(printer: &Arc<Printer>, cli: Cli) -> Exit {
    match dispatch(printer, cli) {
        Ok(exit) => exit,
        Err(error) => {
            printer.error(&error);
            error.exit()
        }
    }
}

fn dispatch(printer: &Arc<Printer>, cli: Cli) -> Result<Exit> {
    let Cli { global, verb } = cli;
    match verb {
        Verb::Init(args) => init::run(printer, &global, args),
        Verb::Check(args) => check::run(printer, &global, &args),
        Verb::Secrets(verb) => secrets::run(printer, &global, verb),
        Verb::Values(verb) => values::run(printer, &global, &verb),
        Verb::Plan(args) => plan::run(printer, &global, &args),
        Verb::Show(args) => show::run(printer, &global, &args),
        Verb::Snapshot(args) => snapshot::run(printer, &global, &args),
        Verb::Rehearse(args) => rehearse::run(printer, &global, &args),
        Verb::Prepare(args) => prepare::run(printer, &global, &args),
        Verb::Migrate(args) => migrate::run(printer, &global, &args),
        Verb::Verify(args) => verify::run(printer, &global, &args),
        Verb::Status(args) => status::run(printer, &global, &args),
        Verb::Resume(args) => resume::run(printer, &global, &args),
        Verb::Rollback(args) => rollback::run(printer, &global, &args),
        Verb::Restore(args) => restore::run(printer, &global, &args),
        Verb::Cleanup(args) => cleanup::run(printer, &global, &args),
        Verb::Db(verb) => db::run(printer, &global, &verb),
        Verb::Completions(args) => completions::run(printer, &args),
        Verb::Man(args) => man::run(printer, &args),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_tree_is_sound() {
        super::command().debug_assert();
    }
}
