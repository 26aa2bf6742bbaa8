//! What verbs of databases print.

use rehelm_core::databases::equality::Verification;
use rehelm_core::ports::{Difference, DifferenceKind, FieldDifference, ValueFacts};
use rehelm_report::Words;

use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;

/// The sentences about a verification, then the documents that differ.
///
/// # Errors
/// When stdout cannot be written.
pub fn verification(printer: &Printer, words: &Words, one: &Verification) -> Result<()> {
    printer.data(&words.findings(&one.findings(), &[], true))?;
    let mut lines = Vec::new();
    for (name, counts) in &one.counts {
        let mut said = Vec::new();
        let mut add = |count: u64, what: &str| {
            if count > 0 {
                said.push(format!("{count} {what}"));
            }
        };
        add(counts.missing, &format!("only in {}", one.from));
        add(counts.extra, &format!("only in {}", one.to));
        add(counts.different, "different");
        if counts.shape {
            said.push("other options or indexes".to_owned());
        }
        lines.push(format!("  {name}: {}", said.join(", ")));
    }
    lines.extend(one.differences.iter().map(|found| difference(one, found)));
    let told = one.differences.len() as u64;
    let all: u64 = one.counts.iter().map(|(_, c)| c.missing + c.extra + c.different).sum();
    if all > told {
        lines.push(format!("    … and {} documents more", all - told));
    }
    if lines.is_empty() {
        return Ok(());
    }
    printer.data(&lines.join("\n"))
}

fn difference(one: &Verification, found: &Difference) -> String {
    let what = match found.kind {
        DifferenceKind::Missing => format!("only in {}", one.from),
        DifferenceKind::Extra => format!("only in {}", one.to),
        DifferenceKind::Different => found.fields.iter().map(field).collect::<Vec<_>>().join("; "),
    };
    format!("    {} _id {}: {what}", found.collection, found.id)
}

fn field(field: &FieldDifference) -> String {
    let side = |facts: &Option<ValueFacts>| {
        facts.as_ref().map_or_else(
            || "absent".to_owned(),
            |own| format!("{} of {} bytes #{}", own.kind, own.bytes, own.hash),
        )
    };
    if field.from.is_none() && field.to.is_none() {
        return field.path.clone();
    }
    format!("{}: {} ≠ {}", field.path, side(&field.from), side(&field.to))
}

/// The exit code of a verification.
pub fn exit(one: &Verification) -> Exit {
    if one.equal && one.still {
        Exit::Done
    } else {
        Exit::VerificationFailed
    }
}
