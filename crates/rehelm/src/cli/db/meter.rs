//! How far a copy or a comparison is: per collection documents, bytes, rate and time left. On a terminal as bars, elsewhere
//! as lines, one for each collection that is done and one every ten seconds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rehelm_core::ports::DatabaseOutline;
use rehelm_report::human;

use crate::printer::Printer;

const EVERY: Duration = Duration::from_secs(10);

/// Shows progress.
pub struct Meter<'a> {
    printer: &'a Printer,
    bars: Option<MultiProgress>,
    state: Mutex<State>,
}

struct State {
    begin: Instant,
    said: Instant,
    collections: BTreeMap<String, One>,
}

struct One {
    begin: Instant,
    documents: u64,
    /// What the server estimates.
    of_documents: u64,
    of_bytes: u64,
    bytes: u64,
    bar: Option<ProgressBar>,
    done: bool,
}

impl One {
    fn words(&self) -> String {
        let time = self.begin.elapsed().as_secs_f64();
        let rate = if time > 0.2 { self.bytes as f64 / time } else { 0.0 };
        let left = self.of_bytes.saturating_sub(self.bytes) as f64 / rate.max(1.0);
        let mut words = format!(
            "{} of {} documents, {} of {}",
            self.documents,
            self.of_documents.max(self.documents),
            human::size(self.bytes),
            human::size(self.of_bytes.max(self.bytes)),
        );
        if rate >= 1.0 {
            words += &format!(", {}/s", human::size(rate as u64));
            if self.bytes < self.of_bytes {
                words += &format!(", {} left", human::duration(Duration::from_secs_f64(left)));
            }
        }
        words
    }
}

impl<'a> Meter<'a> {
    /// A meter for a database of that outline.
    pub fn new(printer: &'a Printer, outline: &DatabaseOutline) -> Self {
        let live = printer.is_live() && !printer.is_quiet();
        let now = Instant::now();
        let collections = outline.collections.iter().map(|own| {
            let one = One {
                begin: now,
                documents: 0,
                of_documents: own.documents,
                of_bytes: own.bytes,
                bytes: 0,
                bar: None,
                done: false,
            };
            (own.name.clone(), one)
        });
        Self {
            printer,
            bars: live.then(|| printer.draw_bars()),
            state: Mutex::new(State {
                begin: now,
                said: now,
                collections: collections.collect(),
            }),
        }
    }

    /// A collection came so far.
    pub fn tick(&self, name: &str, documents: u64, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let due = state.said.elapsed() >= EVERY;
        let Some(one) = state.collections.get_mut(name) else {
            return;
        };
        if one.documents == 0 && one.bytes == 0 {
            one.begin = Instant::now();
        }
        (one.documents, one.bytes) = (documents, bytes);
        let finished = !one.done && documents >= one.of_documents;
        let words = one.words();
        if let Some(bars) = &self.bars {
            let (of, name) = (one.of_bytes.max(1), name.to_owned());
            let bar = one.bar.get_or_insert_with(|| {
                let bar = bars.add(ProgressBar::new(of));
                let style = ProgressStyle::with_template("  {bar:20} {prefix}  {msg}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(name);
                bar
            });
            bar.set_position(bytes);
            bar.set_message(words.clone());
        }
        let bar = one.bar.clone();
        if finished || due {
            if finished {
                one.done = true;
                bar.into_iter().for_each(|bar| bar.finish_and_clear());
            }
            state.said = Instant::now();
            if self.bars.is_none() || finished {
                self.printer.say(&format!("  {name}: {words}"));
            }
        }
    }

    /// It is over; gives how long it took.
    pub fn end(self) -> Duration {
        if self.bars.is_some() {
            self.printer.end_bars();
        }
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .begin
            .elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rehelm_core::ports::CollectionOutline;

    #[test]
    fn each_collection_is_told_once_when_it_is_done() {
        let printer = Printer::keeping();
        let outline = DatabaseOutline {
            bytes: 3000,
            collections: vec![CollectionOutline {
                name: "people".into(),
                documents: 20,
                bytes: 3000,
                ..CollectionOutline::default()
            }],
        };
        let meter = Meter::new(&printer, &outline);
        meter.tick("people", 10, 1500);
        assert_eq!(printer.take(), "");
        meter.tick("people", 20, 3000);
        meter.tick("people", 20, 3000);
        let said = printer.take();
        assert!(said.starts_with("  people: 20 of 20 documents, "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        meter.tick("a collection that came later", 1, 1);
        assert_eq!(printer.take(), "");
        meter.end();
    }
}
