//! What the live view knows, folded from the journal's records, and the lines it says. Pure: time comes in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rehelm_core::journal::{Event, Record, RunState, StepState};
use rehelm_report::human;
use rehelm_report::plan_view::{StepView, UndoView};

/// A step that runs, or whose undo runs.
#[derive(Clone, Debug)]
struct Running {
    number: u32,
    undo: bool,
    since: Timestamp,
    tick: Option<(String, u64, u64)>,
}

/// State of the live view.
#[derive(Debug, Default)]
pub struct Board {
    steps: BTreeMap<u32, Step>,
    running: Option<Running>,
    outage: Option<Timestamp>,
    stopping: bool,
}

/// What a line says of a step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its view.
    pub view: StepView,
    /// Its sentence.
    pub does: String,
}

impl Board {
    /// A board for a plan's steps, going on from what a journal says already.
    pub fn new(steps: Vec<Step>, state: &RunState) -> Self {
        let steps: BTreeMap<u32, Step> = steps.into_iter().map(|step| (step.view.number, step)).collect();
        let mut board = Self {
            steps,
            ..Self::default()
        };
        let of = |wanted: fn(&StepView) -> bool| board.steps.values().find(|s| wanted(&s.view)).map(|s| s.view.number);
        let (first, last) = (of(|s| s.begins_outage), of(|s| s.ends_outage));
        let ended = last.is_some_and(|n| state.step(n) == StepState::Done);
        let going_on = first.is_some_and(|n| !matches!(state.step(n), StepState::Pending | StepState::Undone));
        if going_on && !ended {
            board.outage = first.and_then(|n| state.times.get(&n)).map(|times| times.0);
        }
        board
    }

    /// Takes a record; gives the line that scrolls, if there is one.
    pub fn record(&mut self, record: &Record) -> Option<String> {
        match &record.event {
            Event::StepStarted { step, .. } => self.begin(*step, false, record.at),
            Event::UndoStarted { step } => self.begin(*step, true, record.at),
            Event::StepDone { step } | Event::UndoDone { step } => return self.end(*step, record.at),
            Event::StepFailed { step, why } | Event::UndoFailed { step, why } => {
                let time = self.time(record.at);
                let undo = matches!(record.event, Event::UndoFailed { .. });
                self.running = None;
                return Some(format!("{} failed after {time}: {why}", self.name(*step, undo)));
            }
            Event::Stopped { why } => {
                self.running = None;
                return Some(format!("stopped: {why}"));
            }
            _ => {}
        }
        None
    }

    /// Takes how far the running step is. `what` is in words already.
    pub fn tick(&mut self, what: String, done: u64, of: u64) {
        if let Some(running) = &mut self.running {
            running.tick = Some((what, done, of));
        }
    }

    /// A person asked to stop.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// The running step in one line, with how far it is and how long it takes.
    pub fn current(&self, now: Timestamp) -> Option<String> {
        let running = self.running.as_ref()?;
        let mut line = self.line(running.number, running.undo);
        if let Some((what, done, of)) = &running.tick {
            line.push_str(&match of {
                0 => format!("   {done} {what}"),
                of => format!("   {done} of {of} {what}"),
            });
        }
        Some(format!("{line}   {}", human::clock(since(running.since, now))))
    }

    /// How far the running step is, for a bar: done, of how many.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let (_, done, of) = self.running.as_ref()?.tick.as_ref()?;
        (*of > 0).then_some((*done, *of))
    }

    /// Outage clock, and what Ctrl-C does now.
    pub fn footer(&self, now: Timestamp) -> String {
        let outage = match self.outage {
            Some(began) => format!("outage {}", human::clock(since(began, now))),
            None => "no outage".to_owned(),
        };
        let interrupt = if self.stopping {
            "stopping after the current action; Ctrl-C again aborts it"
        } else {
            "safe to interrupt: Ctrl-C stops after the current action"
        };
        format!("{outage} · {interrupt}")
    }

    fn begin(&mut self, number: u32, undo: bool, at: Timestamp) {
        self.running = Some(Running {
            number,
            undo,
            since: at,
            tick: None,
        });
        let Some(step) = self.steps.get(&number) else { return };
        // Undoing the release takes the service down again until the old install is back.
        let goes_down = if undo {
            step.view.kind == "release"
        } else {
            step.view.begins_outage
        };
        if goes_down && self.outage.is_none() {
            self.outage = Some(at);
        }
    }

    fn end(&mut self, number: u32, at: Timestamp) -> Option<String> {
        let time = self.time(at);
        let running = self.running.take()?;
        let mut line = format!("{}   {time}", self.line(number, running.undo));
        let view = &self.steps.get(&number)?.view;
        if running.undo && view.undo == UndoView::Nothing {
            return None;
        }
        let is_up = if running.undo {
            view.begins_outage
        } else {
            view.ends_outage
        };
        if let Some(began) = self.outage.filter(|_| is_up) {
            line.push_str(&format!("   outage ended after {}", human::duration(since(began, at))));
            self.outage = None;
        }
        Some(line)
    }

    fn time(&self, at: Timestamp) -> String {
        self.running
            .as_ref()
            .map(|r| human::duration(since(r.since, at)))
            .unwrap_or_default()
    }

    fn name(&self, number: u32, undo: bool) -> String {
        let kind = self.steps.get(&number).map_or("step", |step| step.view.kind.as_str());
        let undo = if undo { "undo " } else { "" };
        format!("{number:>3} {undo}{kind}")
    }

    fn line(&self, number: u32, undo: bool) -> String {
        let does = self.steps.get(&number).map_or("", |step| step.does.as_str());
        let width = self.steps.values().map(|s| s.view.kind.len()).max().unwrap_or(0) + if undo { 9 } else { 4 };
        format!("{:<width$}  {does}", self.name(number, undo))
    }
}

fn since(began: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(began).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u32, kind: &str, begins: bool, ends: bool) -> Step {
        let view = StepView {
            number,
            kind: kind.to_owned(),
            begins_outage: begins,
            ends_outage: ends,
            ..StepView::default()
        };
        Step {
            view,
            does: format!("does {kind}"),
        }
    }

    fn board() -> Board {
        let steps = vec![
            step(1, "retain", false, false),
            step(2, "scale", true, false),
            step(3, "ready", false, true),
        ];
        Board::new(steps, &RunState::default())
    }

    fn at(seconds: i64, event: Event) -> Record {
        Record {
            n: 1,
            at: second(seconds),
            prev: String::new(),
            event,
        }
    }

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).expect("a time")
    }

    fn started(step: u32) -> Event {
        Event::StepStarted {
            step,
            kind: String::new(),
        }
    }

    #[test]
    fn finished_steps_are_lines_and_the_outage_is_timed() {
        let mut board = board();
        assert_eq!(board.record(&at(0, started(1))), None);
        assert!(board.footer(second(1)).starts_with("no outage"));
        assert_eq!(
            board.record(&at(2, Event::StepDone { step: 1 })).as_deref(),
            Some("  1 retain  does retain   2.0 s")
        );
        board.record(&at(10, started(2)));
        board.tick("pods".into(), 3, 9);
        assert_eq!(
            board.current(second(17)).as_deref(),
            Some("  2 scale   does scale   3 of 9 pods   0:07")
        );
        assert!(board.footer(second(17)).starts_with("outage 0:07"));
        board.record(&at(20, Event::StepDone { step: 2 }));
        board.record(&at(20, started(3)));
        let line = board.record(&at(44, Event::StepDone { step: 3 }));
        assert_eq!(
            line.as_deref(),
            Some("  3 ready   does ready   24 s   outage ended after 34 s")
        );
        assert!(board.footer(second(50)).starts_with("no outage"));
    }

    #[test]
    fn a_run_that_is_taken_up_again_goes_on_with_its_outage() {
        let mut state = RunState::default();
        state.steps.insert(2, StepState::Done);
        state.times.insert(2, (second(100), Some(second(110))));
        let board = Board::new(
            vec![step(2, "scale", true, false), step(3, "ready", false, true)],
            &state,
        );
        assert!(board.footer(second(160)).starts_with("outage 1:00"));
    }

    #[test]
    fn a_rollback_ends_the_outage_with_the_old_install() {
        let mut board = board();
        board.record(&at(0, started(2)));
        board.record(&at(
            1,
            Event::StepFailed {
                step: 2,
                why: "no".into(),
            },
        ));
        board.record(&at(5, Event::UndoStarted { step: 2 }));
        let line = board.record(&at(9, Event::UndoDone { step: 2 })).expect("a line");
        assert!(
            line.starts_with("  2 undo scale") && line.ends_with("outage ended after 9.0 s"),
            "{line}"
        );
    }
}
