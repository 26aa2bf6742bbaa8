//! A journal that was torn, damaged or written out of order.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::ports::PortResult;

/// Files in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<Utf8PathBuf, Vec<u8>>>, Mutex<Option<usize>>);

impl Memory {
    /// From now on an append writes so many bytes and fails, and so does cutting.
    fn fail_after(&self, bytes: usize) {
        *self.1.lock().unwrap() = Some(bytes);
    }

    fn heal(&self) {
        *self.1.lock().unwrap() = None;
    }
}

impl Files for Memory {
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()> {
        if self.1.lock().unwrap().is_some() {
            return Err(PortError::Other("no space left".into()));
        }
        self.0.lock().unwrap().insert(path.to_owned(), content.to_vec());
        Ok(())
    }

    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(path).cloned())
    }

    fn remove(&self, path: &Utf8Path) -> PortResult<()> {
        self.0.lock().unwrap().remove(path);
        Ok(())
    }

    fn list(&self, _: &Utf8Path) -> PortResult<Vec<String>> {
        Ok(Vec::new())
    }

    fn append(&self, path: &Utf8Path, line: &str) -> PortResult<()> {
        let mut files = self.0.lock().unwrap();
        let file = files.entry(path.to_owned()).or_default();
        if let Some(kept) = *self.1.lock().unwrap() {
            file.extend_from_slice(&line.as_bytes()[..kept]);
            return Err(PortError::Other("no space left".into()));
        }
        file.extend_from_slice(line.as_bytes());
        file.push(b'\n');
        Ok(())
    }
}

struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

const PATH: &str = "journal.jsonl";

fn story() -> Vec<Event> {
    let started = |step| Event::StepStarted {
        step,
        kind: "retain".into(),
    };
    vec![
        Event::RunStarted {
            format: FORMAT,
            run: "r1".into(),
            plan: "sha256:0".into(),
            version: Some("0.1.0".into()),
            accepted: vec![],
        },
        Event::PhaseStarted {
            command: "prepare".into(),
            by: "me".into(),
        },
        started(1),
        Event::Noted {
            step: 1,
            key: "before".into(),
            value: serde_json::json!({"a": 1}),
        },
        Event::StepDone { step: 1 },
        started(2),
        Event::StepFailed {
            step: 2,
            why: "no answer".into(),
        },
        Event::UndoStarted { step: 2 },
        Event::UndoDone { step: 2 },
    ]
}

fn written() -> Memory {
    let files = Memory::default();
    let mut journal = Journal::open(&files, &Still, PATH.into()).unwrap();
    for event in story() {
        journal.write(event).unwrap();
    }
    drop(journal);
    files
}

fn bytes(files: &Memory) -> Vec<u8> {
    files.read(PATH.into()).unwrap().unwrap()
}

#[test]
fn what_was_written_is_read_back() {
    let files = written();
    let journal = Journal::open(&files, &Still, PATH.into()).unwrap();
    assert_eq!(journal.state.step(1), StepState::Done);
    assert_eq!(journal.state.step(2), StepState::Undone);
    assert_eq!(journal.state.note(1, "before"), Some(&serde_json::json!({"a": 1})));
    assert!(journal.state.rolling_back);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_journal_goes_on() {
    let whole = bytes(&written());
    for end in 0..whole.len() {
        let files = Memory::default();
        files.write(PATH.into(), &whole[..end]).unwrap();
        let lines = whole[..end].iter().filter(|b| **b == b'\n').count();
        let mut journal = Journal::open(&files, &Still, PATH.into()).expect("a torn tail is no damage");
        assert_eq!(
            bytes(&files).iter().filter(|b| **b == b'\n').count(),
            lines,
            "cut at {end}"
        );
        let next = story().remove(lines);
        journal.write(next).expect("the next record follows");
        Journal::open(&files, &Still, PATH.into()).expect("and is read back");
    }
}

#[test]
fn any_flipped_bit_is_refused_with_what_is_still_known() {
    let whole = bytes(&written());
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let Err(error) = read_records(&damaged, PATH.into()) else {
                panic!("byte {at}, bit {bit}")
            };
            let JournalError::Damaged { line, known, .. } = error else {
                panic!("byte {at}, bit {bit}: {error}")
            };
            // Everything before the damage is known, and nothing after it.
            let sound = whole[..at].iter().filter(|b| **b == b'\n').count();
            assert_eq!(line, sound + 1, "byte {at}, bit {bit}");
            let start: Vec<u8> = whole
                .split_inclusive(|b| *b == b'\n')
                .take(sound)
                .flatten()
                .copied()
                .collect();
            assert_eq!(*known, read_records(&start, PATH.into()).unwrap().state);
        }
    }
}

#[test]
fn blocks_that_never_reached_the_disk_are_a_torn_tail() {
    let whole = bytes(&written());
    let last = whole[..whole.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for zeros in [last, last + 10, whole.len() - 2] {
        let mut torn = whole.clone();
        torn[zeros..whole.len() - 1].fill(0);
        let lines = read_records(&torn, PATH.into()).unwrap();
        assert_eq!((lines.records.len(), lines.sound), (story().len() - 1, last as u64));
        torn[whole.len() - 1] = 0;
        assert!(read_records(&torn, PATH.into()).unwrap().is_torn());
    }
}

#[test]
fn a_failed_write_leaves_nothing_between_the_lines() {
    let files = written();
    let sound = bytes(&files);
    for kept in 0..40 {
        files.fail_after(kept);
        let mut journal = Journal::open(&files, &Still, PATH.into()).unwrap();
        let before = journal.state.clone();
        assert!(journal.write(Event::UndoStarted { step: 1 }).is_err());
        assert_eq!(journal.state, before);
        files.heal();
        journal
            .write(Event::UndoStarted { step: 1 })
            .expect("the disk has room again");
        assert_eq!(Journal::open(&files, &Still, PATH.into()).unwrap().state, journal.state);
        files.write(PATH.into(), &sound).unwrap();
    }
}

#[test]
fn a_process_that_slept_does_not_write_between_the_lines_of_another() {
    let files = written();
    let mut slept = Journal::open(&files, &Still, PATH.into()).unwrap();
    let mut other = Journal::open(&files, &Still, PATH.into()).unwrap();
    other.write(Event::UndoStarted { step: 1 }).unwrap();
    let failed = slept.write(Event::UndoStarted { step: 1 });
    assert!(matches!(failed, Err(JournalError::Continued(_))), "{failed:?}");
    other.write(Event::UndoDone { step: 1 }).unwrap();
    Journal::open(&files, &Still, PATH.into()).expect("whole");
}

#[test]
fn events_that_cannot_follow_are_refused_and_not_written() {
    let files = written();
    let before = bytes(&files);
    let mut journal = Journal::open(&files, &Still, PATH.into()).unwrap();
    let refused = [
        Event::StepStarted {
            step: 3,
            kind: "scale".into(),
        },
        Event::StepDone { step: 3 },
        Event::UndoDone { step: 1 },
        Event::UndoStarted { step: 2 },
        Event::UndoStarted { step: 3 },
        Event::CleanedUp,
        // Step 1 is done and not undone.
        Event::RolledBack,
        Event::RunStarted {
            format: FORMAT,
            run: "r2".into(),
            plan: String::new(),
            version: None,
            accepted: vec![],
        },
    ];
    for event in refused {
        assert!(matches!(journal.write(event), Err(JournalError::Illegal { .. })));
    }
    assert_eq!(bytes(&files), before);
    journal.write(Event::UndoStarted { step: 1 }).unwrap();
    journal.write(Event::UndoDone { step: 1 }).unwrap();
    journal.write(Event::RolledBack).unwrap();
    assert!(
        journal
            .write(Event::PhaseStarted {
                command: "migrate".into(),
                by: "me".into()
            })
            .is_err()
    );
}

#[test]
fn a_journal_of_a_newer_format_is_refused() {
    let files = Memory::default();
    let mut journal = Journal::open(&files, &Still, PATH.into()).unwrap();
    let newer = Event::RunStarted {
        format: FORMAT + 1,
        run: "r".into(),
        plan: String::new(),
        version: None,
        accepted: vec![],
    };
    assert!(journal.write(newer).is_err());
}
