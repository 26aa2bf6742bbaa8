//! Processes that run side by side, each forked at the place where its run begins to differ.
//!
//! A process cannot be copied in Rust, but the operating system can: what was done before the fork is done once for all runs
//! that go through there. The parent has one thread, waits while it has as many children as it may, and does nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::course::Outcome;

/// What a child leaves behind.
#[derive(Serialize, Deserialize)]
struct Told {
    /// What came of its run.
    outcome: Outcome,
    /// States that it went through without anything else going wrong.
    states: Vec<u64>,
}

/// Children, and what they told.
pub struct Pool {
    folder: Utf8PathBuf,
    most: usize,
    running: HashMap<i32, usize>,
    /// Hears of each run that is over, with how many are.
    hears: Hears,
    /// What came of each run.
    pub told: BTreeMap<usize, Outcome>,
    /// States from which a run ended well.
    pub good: HashSet<u64>,
}

/// Hears of a run that is over: its number, what came of it, how many are over.
pub type Hears = Box<dyn FnMut(usize, &Outcome, usize) + Send>;

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that goes on as before.
    Parent,
    /// The new one.
    Child,
}

fn file(folder: &Utf8Path, index: usize) -> Utf8PathBuf {
    folder.join(format!("{index}.json"))
}

/// Ends a child: what it has to tell is left for its parent, with its history only when something is wrong.
pub fn leave(folder: &Utf8Path, index: usize, mut outcome: Outcome, states: Vec<u64>) -> ! {
    if outcome.wrong.is_empty() {
        outcome.history.clear();
    }
    let bytes = serde_json::to_vec(&Told { outcome, states }).unwrap_or_default();
    let code = i32::from(fs_err::write(file(folder, index), bytes).is_err());
    // At once: nothing is left to be written, and giving memory back piece by piece takes longer than many a run.
    signal_hook::low_level::exit(code)
}

/// A child that panics ends at once, and tells so. To unwind would undo what its parent made and still needs, such as the folder.
fn tell_of_panic(folder: &Utf8Path, index: usize) {
    let folder = folder.to_owned();
    std::panic::set_hook(Box::new(move |panic| {
        let outcome = Outcome {
            wrong: vec![panic.to_string()],
            ..Outcome::default()
        };
        leave(&folder, index, outcome, Vec::new())
    }));
}

impl Pool {
    /// At most so many children at once; what they tell goes through files of this folder.
    pub fn new(folder: &Utf8Path, most: usize, hears: Hears) -> Self {
        Self {
            folder: folder.to_owned(),
            most: most.max(1),
            running: HashMap::new(),
            hears,
            told: BTreeMap::new(),
            good: HashSet::new(),
        }
    }

    /// Where children leave what they have to tell.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Forks this process for a run; waits for another child first when there are enough.
    pub fn branch(&mut self, index: usize) -> Side {
        while self.running.len() >= self.most {
            self.reap();
        }
        match fork::fork() {
            Ok(fork::Fork::Child) => {
                tell_of_panic(&self.folder, index);
                return Side::Child;
            }
            Ok(fork::Fork::Parent(pid)) => drop(self.running.insert(pid, index)),
            Err(why) => self.lost(index, &format!("no process for this run: {why}")),
        }
        Side::Parent
    }

    /// Waits for all children.
    pub fn finish(&mut self) {
        while !self.running.is_empty() {
            self.reap();
        }
    }

    /// Runs that are under way or over.
    pub fn has(&self, index: usize) -> bool {
        self.told.contains_key(&index) || self.running.values().any(|running| *running == index)
    }

    fn lost(&mut self, index: usize, why: &str) {
        let outcome = Outcome {
            wrong: vec![why.to_owned()],
            ..Outcome::default()
        };
        self.over(index, outcome);
    }

    fn over(&mut self, index: usize, outcome: Outcome) {
        (self.hears)(index, &outcome, self.told.len() + 1);
        self.told.insert(index, outcome);
    }

    fn reap(&mut self) {
        let (pid, status) = match fork::wait_any() {
            Ok(ended) => ended,
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => return,
            Err(why) => {
                let left: Vec<usize> = self.running.drain().map(|(_, index)| index).collect();
                for index in left {
                    self.lost(index, &format!("its process cannot be awaited: {why}"));
                }
                return;
            }
        };
        let Some(index) = self.running.remove(&pid) else { return };
        let path = file(&self.folder, index);
        let told = fs_err::read(&path).ok();
        let told = told.and_then(|bytes| serde_json::from_slice::<Told>(&bytes).ok());
        let _ = fs_err::remove_file(&path);
        match told {
            Some(told) => {
                if told.outcome.wrong.is_empty() {
                    self.good.extend(told.states);
                }
                self.over(index, told.outcome);
            }
            None => self.lost(
                index,
                &format!("its process ended with status {status} and told nothing"),
            ),
        }
    }
}
