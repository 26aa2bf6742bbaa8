//! Journals that every version so far has written: read by this one, to the same state.
//!
//! When the format changes, its journals are added to `tests/journals/` as `<format>-<how it ended>.jsonl`; none is ever
//! removed or written anew.
#![forbid(unsafe_code)]

use rehelm_core::journal::{Event, FORMAT, JournalError, StepState, read_records};
use rehelm_core::plan::Phase;

fn all() -> Vec<(u32, String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journals");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .expect("the journals")
        .map(|entry| {
            let path = entry.expect("readable").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let (format, end) = name.split_once('-').expect("format-end");
            let bytes = std::fs::read(&path).expect("readable");
            (format.parse().expect("a number"), end.to_owned(), bytes)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_format_so_far_is_read() {
    let mut formats: Vec<u32> = all().iter().map(|(format, ..)| *format).collect();
    formats.dedup();
    assert_eq!(formats, (1..=FORMAT).collect::<Vec<_>>(), "a journal of each format");
    for (format, end, bytes) in all() {
        let lines = read_records(&bytes, "journal".into()).unwrap_or_else(|why| panic!("{format} {end}: {why}"));
        let state = &lines.state;
        assert!(!lines.is_torn());
        assert_eq!(state.run, "20260101T000000-1");
        assert_eq!(state.version.is_some(), format > 1);
        assert!(state.phases.contains_key(&Phase::Migrate));
        let states: Vec<&StepState> = state.steps.values().collect();
        match end.as_str() {
            "rolled-back" => {
                assert_eq!(state.ended, Some(Event::RolledBack));
                assert!(states.iter().all(|s| **s == StepState::Undone), "{states:?}");
            }
            "cleaned-up" => {
                assert_eq!(state.ended, Some(Event::CleanedUp));
                assert!(states.iter().all(|s| **s == StepState::Done), "{states:?}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn every_format_is_cut_where_a_crash_tore_it() {
    for (format, end, bytes) in all() {
        for cut in (0..bytes.len()).step_by(7) {
            let lines =
                read_records(&bytes[..cut], "journal".into()).unwrap_or_else(|why| panic!("{format} {end}: {why}"));
            let whole = bytes[..cut].iter().filter(|b| **b == b'\n').count();
            assert_eq!(lines.records.len(), whole);
        }
    }
}

#[test]
fn every_format_refuses_a_line_that_was_changed() {
    for (format, end, bytes) in all() {
        // Before format 2 the last line has nothing that proves it.
        let last = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|b| *b == b'\n')
            .expect("lines");
        let until = if format > 1 { bytes.len() } else { last };
        for at in (0..until).step_by(11) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            let read = read_records(&damaged, "journal".into());
            assert!(
                matches!(read, Err(JournalError::Damaged { .. })),
                "{format} {end}, byte {at}: {read:?}"
            );
        }
    }
}

#[test]
fn a_newer_format_is_refused_in_words() {
    let (.., bytes) = all().swap_remove(0);
    let text = String::from_utf8(bytes).expect("text");
    let newer = text.replacen("\"format\":1", &format!("\"format\":{}", FORMAT + 1), 1);
    let first = newer.lines().next().expect("a line").to_owned() + "\n";
    let error = read_records(first.as_bytes(), "journal".into()).expect_err("newer");
    assert!(error.to_string().contains("newer rehelm"), "{error}");
}
