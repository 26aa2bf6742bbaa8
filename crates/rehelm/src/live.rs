//! The live view of a run: one reader of the event stream among others.
//!
//! On a terminal finished steps scroll as one line each, the running step stays at the bottom with the outage clock and
//! what Ctrl-C does. Without a terminal there are whole lines, and one every ten seconds that shows that something
//! happens. With `-o jsonl` the journal's records go to stdout as they are written.

pub mod board;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rehelm_core::finding::Finding;
use rehelm_core::journal::{Event, Record, RunState};
use rehelm_core::plan::Plan;
use rehelm_core::ports::Clock;
use rehelm_core::world::Progress;
use rehelm_report::plan_view::PlanView;
use rehelm_report::{Facts, Words};

use crate::printer::Printer;
use board::{Board, Step};

/// How often something is said when nothing scrolls and nothing can be redrawn.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the lines at the bottom are redrawn.
const REDRAW: Duration = Duration::from_millis(200);

/// The live view; ends its thread and clears its lines when it is dropped.
pub struct Live {
    shared: Arc<Shared>,
    words: Arc<Words>,
    jsonl: bool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The step after which the run is to stop, and what stops it.
    last: Mutex<Option<(Event, Arc<AtomicBool>)>>,
}

struct Shared {
    printer: Arc<Printer>,
    clock: Arc<dyn Clock>,
    board: Mutex<Board>,
    bars: Mutex<Option<Bars>>,
    ended: Mutex<bool>,
    wake: Condvar,
}

#[derive(Clone)]
struct Bars {
    step: ProgressBar,
    footer: ProgressBar,
}

impl Live {
    /// A view of a run that has not begun: records are shown as lines. `state` is what the journal says so far.
    pub fn prepare(
        printer: Arc<Printer>,
        clock: Arc<dyn Clock>,
        words: Arc<Words>,
        plan: &Plan,
        state: &RunState,
        jsonl: bool,
    ) -> Self {
        let steps = PlanView::of(plan).phases.into_iter().flat_map(|phase| phase.steps);
        let steps = steps.map(|view| Step {
            does: words.say(&format!("step-{}", view.kind), &view.facts),
            view,
        });
        let shared = Arc::new(Shared {
            printer,
            clock,
            board: Mutex::new(Board::new(steps.collect(), state)),
            bars: Mutex::new(None),
            ended: Mutex::new(false),
            wake: Condvar::new(),
        });
        Self {
            shared,
            words,
            jsonl,
            thread: Mutex::new(None),
            last: Mutex::new(None),
        }
    }

    /// From now on the running step is shown, as bars or by a line now and then.
    pub fn begin(&self) {
        let printer = &self.shared.printer;
        let bars =
            (printer.is_live() && !printer.is_quiet() && !self.jsonl).then(|| Bars::in_room(&printer.draw_bars()));
        *lock(&self.shared.bars) = bars;
        if printer.is_keeping() {
            // Nobody waits for a sign of life, and what is kept does not depend on how quick the machine is.
            return;
        }
        let shared = self.shared.clone();
        *lock(&self.thread) = Some(std::thread::spawn(move || shared.beat()));
    }

    /// Ends the drawing and clears the lines at the bottom.
    pub fn end(&self) {
        *lock(&self.shared.ended) = true;
        self.shared.wake.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // Nothing depends on how the drawing thread ended.
            let _ = thread.join();
        }
        if let Some(bars) = lock(&self.shared.bars).take() {
            bars.step.finish_and_clear();
            bars.footer.finish_and_clear();
            self.shared.printer.end_bars();
        }
    }

    /// Sets `stop` when this is in the journal.
    pub fn stop_after(&self, event: Event, stop: Arc<AtomicBool>) {
        *lock(&self.last) = Some((event, stop));
    }

    /// What the signal handler calls when a person asks to stop.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = self.shared.clone();
        move || {
            lock(&shared.board).stop();
            shared
                .printer
                .insist("Stopping after the current action. Ctrl-C again aborts it; the same command goes on later.");
        }
    }
}

impl Progress for Live {
    fn record(&self, record: &Record) {
        if let Some((last, stop)) = &*lock(&self.last)
            && record.event == *last
        {
            stop.store(true, Ordering::SeqCst);
        }
        if self.jsonl
            && let Ok(line) = serde_json::to_string(record)
        {
            // A reader that went away must not stop a migration.
            let _ = self.shared.printer.data(&line);
        }
        let line = lock(&self.shared.board).record(record);
        if let Some(line) = line {
            self.shared.printer.say(&line);
        }
        self.shared.redraw();
    }

    fn tick(&self, what: &str, done: u64, of: u64) {
        let words = self
            .words
            .find(&format!("tick-{what}"), &Facts::new())
            .unwrap_or_else(|| what.to_owned());
        lock(&self.shared.board).tick(words, done, of);
    }

    fn finding(&self, finding: &Finding) {
        let text = self.words.findings(std::slice::from_ref(finding), &[], true);
        self.shared.printer.say(text.trim_end());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn beat(&self) {
        let redraws = lock(&self.bars).is_some();
        let pause = if redraws { REDRAW } else { HEARTBEAT };
        let mut ended = lock(&self.ended);
        while !*ended {
            let (guard, timeout) = self
                .wake
                .wait_timeout(ended, pause)
                .unwrap_or_else(PoisonError::into_inner);
            ended = guard;
            if *ended || !timeout.timed_out() {
                continue;
            }
            if redraws {
                self.redraw();
            } else if let (Some(current), footer) = self.texts() {
                self.printer.say(&format!("… {}   {footer}", current.trim_start()));
            }
        }
    }

    fn texts(&self) -> (Option<String>, String) {
        let (board, now) = (lock(&self.board), self.clock.now());
        (board.current(now), board.footer(now))
    }

    fn redraw(&self) {
        let Some(bars) = lock(&self.bars).clone() else { return };
        let (current, footer) = self.texts();
        let progress = lock(&self.board).progress();
        bars.show(current, progress, footer);
    }
}

impl Bars {
    fn in_room(multi: &MultiProgress) -> Self {
        let step = multi.add(ProgressBar::new_spinner());
        let footer = multi.add(ProgressBar::new_spinner());
        footer.set_style(style("  {msg}"));
        step.set_style(style("{spinner} {msg}"));
        Self { step, footer }
    }

    fn show(&self, current: Option<String>, progress: Option<(u64, u64)>, footer: String) {
        match progress {
            Some((done, of)) => {
                self.step.set_style(style("{spinner} {msg} {bar:20}"));
                self.step.set_length(of);
                self.step.set_position(done);
            }
            None => self.step.set_style(style("{spinner} {msg}")),
        }
        self.step.set_message(current.unwrap_or_default());
        self.step.tick();
        self.footer.set_message(footer);
        self.footer.tick();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A thread that panicked while it drew leaves nothing half-done that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
