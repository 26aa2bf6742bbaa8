//! How learning a chart goes on: a bar on terminals, a line every ten seconds elsewhere; at the end of a long one, where the
//! time went.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rehelm_core::values::render::{Phase, Progress};

use crate::printer::Printer;

/// How often something is said where nothing can be redrawn, and how long learning takes before its phases are told.
const EVERY: Duration = Duration::from_secs(10);

/// Shows progress.
pub struct Watch<'a> {
    printer: &'a Printer,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    begun: Instant,
    said: Instant,
    done: usize,
    /// Each phase, when it began and after how many renders.
    phases: Vec<(Phase, Instant, usize)>,
}

impl<'a> Watch<'a> {
    /// Begins to watch.
    pub fn begin(printer: &'a Printer) -> Self {
        let bar = (printer.is_live() && !printer.is_quiet()).then(|| {
            let bar = printer.draw_bars().add(ProgressBar::new(0));
            match ProgressStyle::with_template("{spinner} {msg} · {pos} renders · {elapsed}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        let now = Instant::now();
        let state = State {
            begun: now,
            said: now,
            done: 0,
            phases: Vec::new(),
        };
        Self {
            printer,
            bar,
            state: Mutex::new(state),
        }
    }

    /// Clears the bar; says where the time went when it was long.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
            self.printer.end_bars();
        }
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if state.begun.elapsed() >= EVERY {
            self.printer.say(&state.told(Instant::now()));
        }
    }
}

impl State {
    fn told(&self, now: Instant) -> String {
        let ends = self.phases.iter().skip(1).map(|(_, at, renders)| (*at, *renders));
        let ends = ends.chain([(now, self.done)]);
        let phases = self
            .phases
            .iter()
            .zip(ends)
            .map(|((phase, at, renders), (end, after))| {
                let seconds = end.saturating_duration_since(*at).as_secs_f64();
                format!("{} {} in {seconds:.1} s", words(*phase), after.saturating_sub(*renders))
            });
        format!(
            "Learned the chart with {} renders in {:.0} s: {}.",
            self.done,
            now.saturating_duration_since(self.begun).as_secs_f64(),
            phases.collect::<Vec<_>>().join(", ")
        )
    }
}

impl Progress for Watch<'_> {
    fn at(&self, done: usize, of: usize, what: Phase) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.phases.last().is_none_or(|(phase, ..)| *phase != what) {
            state.phases.push((what, now, done));
        }
        state.done = done;
        match &self.bar {
            Some(bar) => {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
                bar.set_message(words(what));
            }
            None if now - state.said >= EVERY => {
                state.said = now;
                let seconds = (now - state.begun).as_secs();
                let line = format!(
                    "learning the chart, {seconds} s: {}, {done} renders so far",
                    words(what)
                );
                self.printer.say(&line);
            }
            None => {}
        }
    }
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Base => "rendering the chart",
        Phase::Switches => "turning everything on",
        Phase::Contents => "following texts and numbers",
        Phase::Choices => "flipping switches",
        Phase::Shapes => "filling maps and lists",
        Phase::Leftovers => "looking for the rest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_one_says_now_and_then_where_it_is_and_at_the_end_where_the_time_went() {
        let printer = Printer::keeping();
        let watch = Watch::begin(&printer);
        let ago = |seconds: u64| {
            Instant::now()
                .checked_sub(Duration::from_secs(seconds))
                .expect("a past")
        };
        if let Ok(mut state) = watch.state.lock() {
            (state.begun, state.said) = (ago(30), ago(12));
            state.phases.push((Phase::Base, ago(30), 0));
        }
        watch.at(4, 9, Phase::Choices);
        watch.at(5, 9, Phase::Choices);
        let said = printer.take();
        assert_eq!(
            said.trim(),
            "learning the chart, 30 s: flipping switches, 4 renders so far"
        );
        watch.end();
        let told = printer.take();
        assert!(
            told.starts_with(
                "Learned the chart with 5 renders in 30 s: rendering the chart 4 in 30.0 s, flipping switches 1 in"
            ),
            "{told}"
        );
    }
}
