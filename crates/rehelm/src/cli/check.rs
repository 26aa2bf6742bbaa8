//! `rehelm check`: checks everything that could stop the migration; reads only.

use rehelm_core::finding::{Finding, Severity};
use serde::Serialize;

use super::decisions::DecisionArgs;
use super::global::{Global, Output};
use super::overrides::Overrides;
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::{GOOD, Printer};
use crate::session::{Decisions, Session};

/// Arguments of `rehelm check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What a person decided.
    #[command(flatten)]
    pub decisions: DecisionArgs,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// What a program gets.
#[derive(Serialize)]
struct Report<'a> {
    passed: bool,
    errors: usize,
    warnings: usize,
    findings: Vec<rehelm_report::findings::FindingOutput<'a>>,
}

/// Runs every check and prints what was found.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Wide, Output::Json, Output::Yaml])?;
    let (words, findings) = global.block_on(async {
        let session = Session::open(global, &args.overrides).await?;
        let request = session.request(&Decisions::from(&args.decisions)).await?;
        let (_, findings) = session.plan(&request).await?;
        Ok((session.words.clone(), findings))
    })?;
    let accepted = &args.decisions.accept;
    let count = |severity| {
        findings
            .iter()
            .filter(|f: &&Finding| f.severity == severity && !accepted.contains(&f.code))
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let report = || Report {
        passed: errors == 0,
        errors,
        warnings,
        findings: words.outputs(&findings, accepted),
    };
    match output {
        Output::Json => printer.json(&report())?,
        Output::Yaml => printer.yaml(&report())?,
        _ => {
            printer.data(&words.findings(&findings, accepted, output == Output::Wide))?;
            let passed = count(Severity::Ok);
            printer.say(&format!("{passed} passed, {warnings} to decide, {errors} in the way."));
        }
    }
    if errors > 0 {
        return Ok(Exit::Blocked);
    }
    printer.say(&format!("{GOOD}Nothing is in the way.{GOOD:#} Next: rehelm plan"));
    Ok(Exit::Done)
}
