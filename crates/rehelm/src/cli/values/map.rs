//! `rehelm values map`: the whole map, as a table or as JSON.

use camino::Utf8PathBuf;
use rehelm_core::values::map::{Note, Origin};
use rehelm_core::values::{Entry, How, ValueMap};

use super::{Sides, learned, open};
use crate::cli::global::{Global, Output};
use crate::doors;
use crate::errors::{Context, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Flags of `rehelm values map`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: rehelm values map --chart ./chart -f start.yaml --out map.json\n\
    The chart is rendered many times with other values, offline; renders are remembered under the user's cache folder."
)]
pub struct Args {
    /// What is looked at.
    #[command(flatten)]
    pub sides: Sides,
    /// Write the map as JSON into a file
    #[arg(long, value_name = "FILE")]
    pub out: Option<Utf8PathBuf>,
}

/// Learns and shows.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Wide, Output::Json, Output::Yaml])?;
    let setup = args.sides.resolve(global)?;
    let map = doors::block_on(async { learned(printer, &open(setup.task).await?).await })?;
    if let Some(out) = &args.out {
        let text = serde_json::to_string_pretty(&map).context(|| "cannot write JSON".to_owned())?;
        fs_err::write(out, text + "\n").context(|| format!("cannot write {out}"))?;
    }
    match output {
        Output::Json => printer.json(&map)?,
        Output::Yaml => printer.yaml(&map)?,
        _ if args.out.is_some() => {}
        wide => printer.data(&table(&map, wide == Output::Wide))?,
    }
    let (located, of) = map.located();
    printer.say(&format!(
        "Located {located} of {of} values of {} {} with {} renders.",
        map.chart.name, map.chart.version, map.renders
    ));
    let lost: Vec<&Entry> = map
        .entries
        .iter()
        .filter(|e| e.origin == Origin::File && !e.is_located())
        .collect();
    for entry in &lost {
        printer.say(&format!(
            "  not located: {} ({})",
            entry.path,
            entry.note.as_ref().map_or_else(String::new, why)
        ));
    }
    if let Some(out) = &args.out {
        printer.say(&format!("Wrote {out}."));
    }
    Ok(Exit::Done)
}

/// One line for each value and each field that it reaches.
fn table(map: &ValueMap, wide: bool) -> String {
    let mut text = String::new();
    for entry in &map.entries {
        text.push_str(&format!("{}{}\n", entry.path, mark(entry.origin)));
        let shown = if wide { entry.reaches.len() } else { 4 };
        for reach in entry.reaches.iter().take(shown) {
            let field = if reach.field.0.is_empty() {
                "(the object)".to_owned()
            } else {
                reach.field.to_string()
            };
            text.push_str(&format!("    {} {field} · {}\n", reach.object, how(&reach.how)));
        }
        if entry.reaches.len() > shown {
            text.push_str(&format!(
                "    and {} more (-o wide shows all)\n",
                entry.reaches.len() - shown
            ));
        }
    }
    text
}

fn mark(origin: Origin) -> &'static str {
    match origin {
        Origin::File => "",
        Origin::Subchart => "  (of a subchart)",
        Origin::Hidden => "  (in no values.yaml)",
        Origin::Open => "  (more can be added)",
    }
}

/// How a value reaches a field, in a few words.
pub fn how(how: &How) -> String {
    match how {
        How::Whole => "is the field".to_owned(),
        How::Text { .. } => "is part of the text".to_owned(),
        How::Presence { when } => format!("exists only with {when}"),
        How::Absence { when } => format!("exists unless it is {when}"),
        How::Choice { .. } => "decides the content".to_owned(),
        How::Each { .. } => "each entry becomes one here".to_owned(),
        How::Joined { by, .. } => format!("items are joined by {by:?}"),
        How::Renames { .. } => "is part of the name".to_owned(),
        How::Alters => "changes it in a way that was not understood".to_owned(),
    }
}

/// Why a value was not located.
fn why(note: &Note) -> String {
    match note {
        Note::Unused => "no template speaks of it".to_owned(),
        Note::NoEffect => "nothing changed with any content that was tried".to_owned(),
        Note::Refused(words) => format!("the chart refuses other contents: {words}"),
    }
}
