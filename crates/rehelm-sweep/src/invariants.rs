//! What must hold after every write of every run, whoever dies or interferes.
//!
//! Each rule is a pure function over the objects as they are and what is known of the install. The watchman only decides
//! when to ask, and remembers what no single state can show (what a secret held when it was made).

pub mod bystanders;
pub mod images;
pub mod known;
pub mod secrets;
pub mod since;
pub mod volumes;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rehelm::rehearsal::databases::MemoryDatabases;
use serde_json::Value;

pub use known::Known;

use crate::call::Call;
use crate::files::MemFiles;

/// All rules by name, with what they say.
pub const RULES: [(&str, &str); 8] = [
    (
        "volume-reclaimable",
        "a volume with data is never without a claim while its policy deletes it",
    ),
    (
        "volume-claimable",
        "a volume with data is never Available, nor claimed by anyone but its two claims, uid included",
    ),
    ("two-sides", "at most one side's pods mount a volume"),
    (
        "no-image",
        "a before-image exists for each object that is changed, and it is the object as it was",
    ),
    ("secret-changed", "no secret's content changes"),
    (
        "data-gone",
        "claims, secrets and databases of the old install are deleted in cleanup only",
    ),
    ("bystander", "what the plan does not touch is as it was"),
    ("journal-late", "nothing is written before its step is in the journal"),
];

/// Looks after every write.
pub struct Watchman {
    known: Arc<Known>,
    files: MemFiles,
    databases: Arc<MemoryDatabases>,
    command: String,
    seen: secrets::Seen,
    unchanged: bystanders::Unchanged,
    since: since::Since,
    /// What did not hold at the last look, in a cleanup or elsewhere.
    last: Option<(bool, Vec<Broken>)>,
    looks: Arc<AtomicUsize>,
    broken: Vec<String>,
    /// True when a Helm whose tool died goes on, while the next command begins.
    helm_outlives: bool,
    /// Rules that somebody else is allowed to break in this run.
    excused: Vec<&'static str>,
}

/// One rule that does not hold.
pub type Broken = (&'static str, String);

impl Watchman {
    /// For one run.
    pub fn new(known: Arc<Known>, files: MemFiles, databases: Arc<MemoryDatabases>) -> Self {
        Self {
            known,
            files,
            databases,
            command: String::new(),
            seen: secrets::Seen::default(),
            unchanged: bystanders::Unchanged::default(),
            since: since::Since::default(),
            last: None,
            looks: Arc::default(),
            broken: Vec::new(),
            helm_outlives: false,
            excused: Vec::new(),
        }
    }

    /// A Helm whose tool died goes on: what it writes then is of the step that started it.
    #[must_use]
    pub fn with_orphans(mut self, outlives: bool) -> Self {
        self.helm_outlives = outlives;
        self
    }

    /// Somebody else has just interfered: what does not hold now is not the tool's doing, nor is what follows from it.
    pub fn excuse(&mut self, objects: &[Arc<Value>], rules: &[&'static str]) {
        self.excused.extend(rules);
        for (rule, _) in self.found(objects) {
            self.excused.push(rule);
        }
        // Images may show what the rival did, or what he left.
        self.excused.push("no-image");
    }

    /// The command that runs from now on.
    pub fn command(&mut self, name: &str) {
        self.command = name.to_owned();
    }

    /// Everything that did not hold so far.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// Rules that are not asked any more in this run, each once.
    pub fn excused(&self) -> BTreeSet<&'static str> {
        self.excused.iter().copied().collect()
    }

    /// How often a rule was asked.
    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    /// The same for somebody who cannot ask at every moment.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        self.looks.clone()
    }

    fn asks(&self, rules: usize) {
        self.looks.fetch_add(rules, Ordering::SeqCst);
    }

    fn cleaning(&self) -> bool {
        self.command.ends_with("cleanup")
    }

    /// A write was answered: gives what does not hold now.
    pub fn wrote(&mut self, call: &Call, status: u16, objects: &[Arc<Value>]) -> Vec<String> {
        let mut found = Vec::new();
        if (200..300).contains(&status) && call.actor != crate::call::Actor::Rival {
            self.asks(1);
            found.extend(self.late(call));
            if !self.cleaning() {
                self.asks(1);
                found.extend(images::missing(&self.known, call, &self.files));
            }
        }
        self.judge(found, objects, &call.to_string())
    }

    /// Gives what does not hold now.
    pub fn look(&mut self, objects: &[Arc<Value>], why: &str) -> Vec<String> {
        let cleaning = self.cleaning();
        let mut found = Vec::new();
        if !cleaning {
            self.asks(1);
            found.extend(self.known.databases_differ(&self.databases));
        }
        self.judge(found, objects, why)
    }

    fn found(&mut self, objects: &[Arc<Value>]) -> Vec<Broken> {
        let cleaning = self.cleaning();
        let matters = self.since.matters(&self.known, objects);
        if let Some((then, found)) = &self.last
            && !matters
            && *then == cleaning
        {
            return found.clone();
        }
        let objects = &self.since.judged();
        let mut found = volumes::reclaimable(&self.known, objects);
        found.extend(volumes::claimable(&self.known, objects));
        found.extend(volumes::two_sides(&self.known, objects));
        found.extend(self.seen.changed(&self.known, objects, cleaning));
        found.extend(self.unchanged.differ(&self.known, objects, cleaning));
        self.last = Some((cleaning, found.clone()));
        found
    }

    fn judge(&mut self, mut found: Vec<Broken>, objects: &[Arc<Value>], why: &str) -> Vec<String> {
        self.asks(5);
        found.extend(self.found(objects));
        let lines: Vec<String> = found
            .into_iter()
            .filter(|(rule, _)| !self.excused.contains(rule))
            .map(|(rule, what)| format!("{rule}: {what} (after {why})"))
            .collect();
        self.broken.extend(lines.iter().cloned());
        lines
    }

    /// A write outside of every step, when only steps may write.
    fn late(&self, call: &Call) -> Option<Broken> {
        let of_lock = call.resource.starts_with("leases");
        if self.helm_outlives && call.actor == crate::call::Actor::Helm {
            return None;
        }
        let outside = call.step == self.command;
        (outside && !of_lock && !self.known.may_write_outside_of_steps(call)).then(|| {
            (
                "journal-late",
                format!("{call} was written before its step was in the journal"),
            )
        })
    }
}
