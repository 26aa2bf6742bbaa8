//! Records as lines of a file: how a line proves itself, what a crash leaves, and what is damage.

use camino::Utf8Path;

use super::{FORMAT, JournalError, Record, RunState, apply};
use crate::digest;
use crate::ports::PortError;

/// What begins the proof at the end of a line, from format 2 on.
const SUM: &str = ",\"sum\":\"";
/// Hex digits of the proof.
const DIGITS: usize = 16;
/// What ends the line.
const END: &str = "\"}";

/// What a file of records holds.
#[derive(Debug, Default)]
pub struct Lines {
    /// The sound records.
    pub records: Vec<Record>,
    /// Hash of the last sound line; empty without one.
    pub tip: String,
    /// Bytes of the sound lines.
    pub sound: u64,
    /// Bytes of the file.
    pub all: u64,
    /// Where the run stands.
    pub state: RunState,
}

impl Lines {
    /// True when a crash left a part of a line at the end.
    pub fn is_torn(&self) -> bool {
        self.sound < self.all
    }
}

/// The hash by which the next record names a line.
pub fn digest_of(line: &str) -> String {
    digest::of_bytes(line.as_bytes())
}

fn proof(bare: &[u8]) -> String {
    let hash = digest::of_bytes(bare);
    hash.trim_start_matches("sha256:").chars().take(DIGITS).collect()
}

/// A record as a line, without its end.
pub(super) fn line(record: &Record) -> Result<String, PortError> {
    let bare = serde_json::to_string(record).map_err(|e| PortError::Other(e.to_string()))?;
    let open = bare.strip_suffix('}').unwrap_or(&bare);
    Ok(format!("{open}{SUM}{}{END}", proof(bare.as_bytes())))
}

/// Reads one line; true when it has proven itself.
fn record(line: &[u8]) -> Result<(Record, bool), String> {
    let text = std::str::from_utf8(line).map_err(|e| e.to_string())?;
    let record: Record = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let at = text.len().checked_sub(SUM.len() + DIGITS + END.len());
    let parts = at.filter(|at| text.is_char_boundary(*at)).map(|at| text.split_at(at));
    let Some((open, rest)) = parts.filter(|(_, rest)| rest.starts_with(SUM) && rest.ends_with(END)) else {
        return Ok((record, false));
    };
    let told = &rest[SUM.len()..SUM.len() + DIGITS];
    if proof(format!("{open}}}").as_bytes()) == told {
        Ok((record, true))
    } else {
        Err("the line is not what was written".to_owned())
    }
}

/// Reads all lines: numbers, chain, proofs, transitions. What a crash leaves at the end is no damage: a line without its
/// end was never answered for, and neither was one whose blocks never reached the disk (they read as zeros).
///
/// # Errors
/// [`JournalError::Damaged`] for anything else, with where the run stood before; [`JournalError::Illegal`] for a journal
/// of a newer rehelm.
pub fn read_records(bytes: &[u8], path: &Utf8Path) -> Result<Lines, JournalError> {
    let mut lines = Lines {
        all: bytes.len() as u64,
        ..Lines::default()
    };
    let (mut start, mut proven) = (0, false);
    while start < bytes.len() {
        let rest = &bytes[start..];
        let end = rest.iter().position(|b| *b == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let is_last = end.is_none_or(|end| start + end + 1 == bytes.len());
        if is_last && line.contains(&0) {
            return Ok(lines);
        }
        let damaged = |why: String, known: &RunState| JournalError::Damaged {
            path: path.to_owned(),
            line: lines.records.len() + 1,
            why,
            known: Box::new(known.clone()),
        };
        if end.is_none() {
            // A whole line and one byte more is no part of a line: its end was changed.
            let changed = line.len() > 1 && matches!(record(&line[..line.len() - 1]), Ok((_, true)));
            return if changed {
                Err(damaged(
                    "the end of the line is not what was written".into(),
                    &lines.state,
                ))
            } else {
                Ok(lines)
            };
        }
        let (record, proves) = record(line).map_err(|why| damaged(why, &lines.state))?;
        let format = match record.event {
            super::Event::RunStarted { format, .. } => format,
            _ => 0,
        };
        // From format 2 on every line has a proof; the first one says which format it is.
        if !proves && format <= FORMAT && (proven || format > 1) {
            return Err(damaged("the line has lost its proof".into(), &lines.state));
        }
        if record.n != lines.records.len() as u64 + 1 || record.prev != lines.tip {
            return Err(damaged(
                "the record does not follow the one before it".into(),
                &lines.state,
            ));
        }
        match apply(&mut lines.state, &record) {
            // What was never written cannot follow either.
            Err(JournalError::Illegal { why, .. }) if format <= FORMAT => return Err(damaged(why, &lines.state)),
            other => other?,
        }
        proven = proves;
        lines.tip = digest::of_bytes(line);
        lines.records.push(record);
        start += line.len() + 1;
        lines.sound = start as u64;
    }
    Ok(lines)
}
