//! What a rehearsal came to, for people and for programs.

use std::time::{Duration, Instant};

use rehelm_core::journal::{RunState, StepState};
use rehelm_core::plan::{Phase, Plan};
use rehelm_report::human;
use rehelm_report::plan_view::PlanView;
use rehelm_report::table;
use serde::Serialize;

use super::compare;
use super::stage::Stage;

/// The way back.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Back {
    /// Objects compared.
    pub objects: usize,
    /// What is not as before.
    pub differences: Vec<String>,
}

/// What a whole course came to.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Seconds of outage in virtual time, each time that it was migrated. Helm's own time is in it.
    pub outage_seconds: Vec<f64>,
    /// Seconds that the plan estimates: from, to.
    pub estimated_seconds: (u32, u32),
    /// Steps done.
    pub steps_done: usize,
    /// Steps undone.
    pub steps_undone: usize,
    /// The way back.
    pub back: Back,
    /// Requests to the API server, Helm's and kubectl's not counted.
    pub requests: u64,
    /// Records in the journals.
    pub records: u64,
    /// Calls of Helm.
    pub helm_calls: u32,
    /// Real seconds that Helm took in all its calls.
    pub helm_seconds: f64,
    /// Real seconds that Helm took installing, both times.
    pub helm_installing_seconds: f64,
    /// Real seconds of the first way there alone: plan, prepare, migrate and verify, Helm's among them.
    pub there_seconds: f64,
    /// How many of those were Helm's.
    pub there_helm_seconds: f64,
    /// Real seconds of everything; set by who knows when it began.
    pub seconds: f64,
    /// Hash over all objects at the end, without what the server owns: the same end has the same hash.
    pub end: String,
    /// Where the journal, the backup and the objects are, with `--keep`.
    pub folder: String,
}

impl Account {
    /// An account of a plan; nothing has happened yet.
    pub fn of(plan: &Plan) -> Self {
        Self {
            estimated_seconds: (plan.outage_seconds.from, plan.outage_seconds.to),
            ..Self::default()
        }
    }

    /// A migration is over.
    pub fn migrated(&mut self, plan: &Plan, state: &RunState) {
        self.outage_seconds
            .extend(outage(plan, state).map(|time| time.as_secs_f64()));
        self.steps_done += state.steps.values().filter(|step| **step == StepState::Done).count();
    }

    /// The first way there is over.
    pub fn there(&mut self, began: Instant, stage: &Stage) {
        self.there_seconds = began.elapsed().as_secs_f64();
        if let Ok(spent) = stage.spent.lock() {
            self.there_helm_seconds = spent.all.as_secs_f64();
        }
    }

    /// A rollback is over.
    pub fn rolled_back(&mut self, state: &RunState) {
        self.steps_undone += state.steps.values().filter(|step| **step == StepState::Undone).count();
    }

    /// Everything is over.
    pub fn finish(&mut self, stage: &Stage) {
        self.end = compare::digest(&compare::picture(stage.sim.shared_objects()));
        self.folder = stage.folder().to_string();
        self.requests = stage.shut.requests();
        self.records = stage.shut.records();
        if let Ok(spent) = stage.spent.lock() {
            self.helm_calls = spent.calls;
            self.helm_seconds = spent.all.as_secs_f64();
            self.helm_installing_seconds = spent.installing.as_secs_f64();
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let time = |seconds: f64| human::duration(Duration::from_secs_f64(seconds.max(0.0)));
        let outages: Vec<String> = self.outage_seconds.iter().map(|seconds| time(*seconds)).collect();
        let (from, to) = self.estimated_seconds;
        let back = match self.back.differences.len() {
            0 => format!("everything as before, {} objects compared", self.back.objects),
            count => format!("{count} differences"),
        };
        let rows = [
            [
                "outage",
                &format!(
                    "{} (simulated, Helm's own time in it; the plan says {})",
                    outages.join(", "),
                    human::range(from, to)
                ),
            ],
            ["way back", &back],
            [
                "steps",
                &format!("{} done, {} undone", self.steps_done, self.steps_undone),
            ],
            [
                "requests",
                &format!("{}, {} records in the journal", self.requests, self.records),
            ],
            [
                "Helm",
                &format!(
                    "{} in {} calls, {} of it installing",
                    time(self.helm_seconds),
                    self.helm_calls,
                    time(self.helm_installing_seconds)
                ),
            ],
            [
                "took",
                &format!(
                    "{}; the way there alone {}, {} of it Helm's",
                    time(self.seconds),
                    time(self.there_seconds),
                    time(self.there_helm_seconds)
                ),
            ],
        ];
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect();
        table::table(&rows)
    }
}

/// Virtual time from the first step of the outage to the end of the one after which the release serves.
pub fn outage(plan: &Plan, state: &RunState) -> Option<Duration> {
    let view = PlanView::of(plan);
    let steps = || {
        view.phases
            .iter()
            .filter(|phase| phase.id == Phase::Migrate.to_string())
            .flat_map(|p| &p.steps)
    };
    let first = steps().find(|step| step.begins_outage)?.number;
    let last = steps().find(|step| step.ends_outage)?.number;
    let began = state.times.get(&first)?.0;
    let ended = state.times.get(&last)?.1?;
    Duration::try_from(ended.duration_since(began)).ok()
}
