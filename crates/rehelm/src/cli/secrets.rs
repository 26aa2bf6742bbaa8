//! `rehelm secrets`: what can be done with secrets alone, without a plan.

pub mod convert;

use clap::ArgMatches;

use super::global::Global;
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;

/// Verbs of `rehelm secrets`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Convert a folder of secret manifests, or the cluster's secrets, to what the chart expects
    Convert(convert::Args),
}

impl Verb {
    /// Takes the flags that profiles add from what was matched.
    pub fn take_profile_flags(&mut self, matches: &mut ArgMatches) {
        let Self::Convert(args) = self;
        let matched = matches
            .subcommand()
            .and_then(|(_, secrets)| secrets.subcommand())
            .map(|(_, convert)| convert);
        if let Some(convert) = matched {
            args.groups = convert::profile_flags()
                .into_iter()
                .filter(|flag| convert.get_flag(&flag.name))
                .map(|flag| flag.name)
                .collect();
        }
    }
}

/// Adds the flags that profiles bring to `secrets convert`: products differ in what they have beside the common set.
pub fn with_profile_flags(command: clap::Command) -> clap::Command {
    command.mut_subcommand("secrets", |secrets| {
        secrets.mut_subcommand("convert", convert::with_profile_flags)
    })
}

/// Runs a verb.
pub fn run(printer: &Printer, global: &Global, verb: Verb) -> Result<Exit> {
    match verb {
        Verb::Convert(args) => convert::run(printer, global, &args),
    }
}
