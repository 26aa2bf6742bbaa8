//! The copy and the journal on this machine.

use super::read::{Found, Relation, relation};
use crate::journal::{Event, FORMAT, Journal};
use crate::ports::{Clock, Files as _, MemoryFiles};

struct Still;

#[async_trait::async_trait]
impl Clock for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

/// The bytes of a journal whose steps are these.
fn journal(run: &str, steps: &[u32]) -> Vec<u8> {
    let files = MemoryFiles::default();
    let mut journal = Journal::open(&files, &Still, "j".into()).unwrap();
    journal
        .write(Event::RunStarted {
            format: FORMAT,
            run: run.into(),
            plan: "p".into(),
            version: None,
            accepted: vec![],
        })
        .unwrap();
    for step in steps {
        let kind = String::from("retain");
        journal.write(Event::StepStarted { step: *step, kind }).unwrap();
    }
    files.read("j".into()).unwrap().unwrap()
}

fn found(run: &str, steps: &[u32], whole: bool) -> Found {
    let bytes = journal(run, steps);
    let lines = crate::journal::read_records(&bytes, "j".into()).unwrap();
    Found {
        run: run.into(),
        records: lines.records.len() as u64,
        tip: lines.tip,
        journal: whole.then_some(bytes),
        ..Found::default()
    }
}

#[test]
fn a_copy_is_older_newer_parted_or_of_another_run() {
    let here = journal("r", &[1, 2]);
    for whole in [true, false] {
        assert_eq!(relation(&here, &found("r", &[1], whole)), Relation::Older);
        assert_eq!(relation(&here, &found("r", &[1, 2], whole)), Relation::Older);
        assert_eq!(relation(&here, &found("r", &[1, 2, 3], whole)), Relation::Newer);
        assert_eq!(relation(&here, &found("r", &[1, 3], whole)), Relation::Parted);
        assert_eq!(relation(&here, &found("s", &[1, 2], whole)), Relation::Other);
        assert_eq!(relation(b"", &found("r", &[1], whole)), Relation::Other);
    }
}

#[test]
fn what_has_no_room_is_left_out_and_the_rest_goes_along() {
    let mut packed = serde_json::Map::new();
    let noise: Vec<u8> = (0..200_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let room = super::put(&mut packed, "journal", b"small", 1000).unwrap();
    let room = super::put(&mut packed, "plan", &noise, room).unwrap();
    super::put(&mut packed, "before", b"small", room).unwrap();
    assert!(packed["journal"].is_string() && packed["plan"].is_null() && packed["before"].is_string());
}
