//! The fold over any sequence of events, legal or not.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const STATES: [StepState; 5] = [
    StepState::Pending,
    StepState::InDoubt,
    StepState::Done,
    StepState::Undoing,
    StepState::Undone,
];
const MOVES: [Move; 7] = [
    Move::Begin,
    Move::Note,
    Move::Done,
    Move::Fail,
    Move::UndoBegin,
    Move::UndoDone,
    Move::UndoFail,
];

fn event() -> impl Strategy<Value = Event> {
    let (step, why, key) = (1..4u32, "[a-z]{0,3}", "[ab]");
    let phase = prop_oneof![Just(Phase::Prepare), Just(Phase::Migrate), Just(Phase::Cleanup)];
    let command = prop_oneof![Just("prepare"), Just("migrate"), Just("rollback"), Just("cleanup")];
    prop_oneof![
        1 => Just(Event::RunStarted { format: FORMAT, run: "r".into(), plan: "p".into(), version: None, accepted: vec![] }),
        2 => command.prop_map(|c| Event::PhaseStarted { command: c.into(), by: "me".into() }),
        4 => step.clone().prop_map(|step| Event::StepStarted { step, kind: "k".into() }),
        4 => step.clone().prop_map(|step| Event::StepDone { step }),
        2 => (step.clone(), key).prop_map(|(step, key)| Event::Noted { step, key, value: Value::Bool(true) }),
        1 => (step.clone(), why).prop_map(|(step, why)| Event::StepFailed { step, why }),
        2 => step.clone().prop_map(|step| Event::UndoStarted { step }),
        4 => step.clone().prop_map(|step| Event::UndoDone { step }),
        1 => (step, why).prop_map(|(step, why)| Event::UndoFailed { step, why }),
        1 => phase.prop_map(|phase| Event::PhaseDone { phase }),
        1 => Just(Event::TakenOver { by: "you".into() }),
        1 => Just(Event::RolledBack),
        1 => Just(Event::CleanedUp),
        1 => Just(Event::Restored),
        1 => why.prop_map(|why| Event::Stopped { why }),
    ]
}

/// Applies what is legal of the events, after the start of a run.
fn run(events: &[Event], mut each: impl FnMut(&RunState, &Event, &RunState, bool)) -> RunState {
    let start = Event::RunStarted {
        format: FORMAT,
        run: "r".into(),
        plan: "p".into(),
        version: None,
        accepted: vec![],
    };
    let mut state = RunState::default();
    for (n, event) in std::iter::once(&start).chain(events).enumerate() {
        let record = Record {
            n: n as u64 + 1,
            at: Timestamp::UNIX_EPOCH,
            prev: String::new(),
            event: event.clone(),
        };
        let before = state.clone();
        let taken = apply(&mut state, &record).is_ok();
        each(&before, event, &state, taken);
    }
    state
}

proptest! {
    #[test]
    fn a_refused_event_leaves_the_state_as_it_was(events in prop::collection::vec(event(), 0..40)) {
        run(&events, |before, _, after, taken| {
            if !taken {
                assert_eq!(before, after);
            }
        });
    }

    #[test]
    fn nothing_follows_the_end_and_no_step_begins_on_the_way_back(events in prop::collection::vec(event(), 0..40)) {
        run(&events, |before, event, after, taken| {
            assert!(!(taken && before.ended.is_some()));
            assert!(!(taken && before.rolling_back && matches!(event, Event::StepStarted { .. })));
            // There is no way back from being undone, and none from the way back to the way there.
            assert!(!before.rolling_back || after.rolling_back);
            for (step, state) in &before.steps {
                assert!(*state != StepState::Undone || after.step(*step) == StepState::Undone);
                assert!(*state != StepState::Done || matches!(after.step(*step), StepState::Done | StepState::Undoing));
            }
        });
    }

    #[test]
    fn the_end_of_a_rollback_means_that_nothing_is_left(events in prop::collection::vec(event(), 0..60)) {
        let end = run(&events, |_, _, _, _| ());
        if end.ended == Some(Event::RolledBack) {
            assert!(end.steps.values().all(|s| matches!(s, StepState::Undone)), "{:?}", end.steps);
        }
    }

    #[test]
    fn what_is_written_is_read_and_cut_anywhere_it_is_a_state_on_the_way(
        events in prop::collection::vec(event(), 0..30), cut in 0.0..1.0f64,
    ) {
        let (mut text, mut prev, mut n, mut states) = (Vec::new(), String::new(), 0, vec![RunState::default()]);
        run(&events, |_, event, after, taken| {
            if taken {
                n += 1;
                let record = Record { n, at: Timestamp::UNIX_EPOCH, prev: prev.clone(), event: event.clone() };
                let line = lines::line(&record).unwrap();
                prev = digest_of(&line);
                text.extend_from_slice(line.as_bytes());
                text.push(b'\n');
                states.push(after.clone());
            }
        });
        let whole = read_records(&text, "j".into()).unwrap();
        prop_assert_eq!(&whole.state, states.last().unwrap());
        prop_assert_eq!(&whole.tip, &prev);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let end = (text.len() as f64 * cut) as usize;
        let part = read_records(&text[..end], "j".into()).unwrap();
        prop_assert_eq!(&part.state, &states[part.records.len()]);
    }
}

#[test]
fn the_table_of_transitions_is_this_one() {
    let mut legal = Vec::new();
    for from in &STATES {
        for by in MOVES {
            if let Some(to) = next(from, by) {
                legal.push(format!("{from:?} {by:?} {to:?}"));
            }
        }
    }
    let table = [
        "Pending Begin InDoubt",
        "InDoubt Begin InDoubt",
        "InDoubt Note InDoubt",
        "InDoubt Done Done",
        "InDoubt Fail InDoubt",
        "InDoubt UndoBegin Undoing",
        "Done UndoBegin Undoing",
        "Undoing Note Undoing",
        "Undoing UndoBegin Undoing",
        "Undoing UndoDone Undone",
        "Undoing UndoFail Undoing",
    ];
    assert_eq!(legal, table);
}
