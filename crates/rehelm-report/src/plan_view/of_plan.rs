//! From the plan to its view.

use rehelm_core::plan::{Phase, Plan, Step, Verdict};
use rehelm_core::steps::{Names, StepSpec, Undo};

use super::{PhaseView, PlanView, StepView, UndoView};
use crate::facts::Facts;
use crate::human;

/// Verdicts in the order in which they are shown.
const VERDICTS: [(Verdict, &str); 7] = [
    (Verdict::Move, "move"),
    (Verdict::Adopt, "adopt"),
    (Verdict::Recreate, "recreate"),
    (Verdict::New, "new"),
    (Verdict::Retire, "retire"),
    (Verdict::Keep, "keep"),
    (Verdict::Leave, "leave"),
];

const PHASES: [(Phase, &str); 4] = [
    (Phase::Prepare, "prepare"),
    (Phase::Migrate, "migrate"),
    (Phase::Verify, "verify"),
    (Phase::Cleanup, "cleanup"),
];

impl PlanView {
    /// The view of a plan.
    pub fn of(plan: &Plan) -> Self {
        let names = rehelm_core::stale::names(plan);
        let outage = plan.outage_seconds;
        let mut objects: Vec<(&'static str, String, String)> = VERDICTS
            .iter()
            .flat_map(|(verdict, word)| {
                let of_verdict = plan.objects.iter().filter(move |entry| entry.verdict == *verdict);
                of_verdict.map(move |entry| (*word, entry.object.to_string(), entry.why.join(", ")))
            })
            .collect();
        objects.dedup();
        Self {
            release: plan.target.release.clone(),
            context: plan.source.context.clone(),
            source: folders(&plan.source.kustomize),
            chart: plan.target.chart_name.clone(),
            version: plan.target.version.clone(),
            profile: plan.profile.name.clone(),
            counts: VERDICTS
                .iter()
                .map(|(verdict, word)| (*word, plan.count(*verdict)))
                .collect(),
            phases: PHASES
                .iter()
                .map(|(phase, id)| PhaseView {
                    id,
                    steps: plan.phase(*phase).map(|step| StepView::of(step, &names)).collect(),
                })
                .collect(),
            outage: (outage.to > 0).then_some((outage.from, outage.to)),
            findings: plan.findings.clone(),
            accepted: plan.accepted.clone(),
            objects,
        }
    }
}

impl StepView {
    /// The view of one step; commands and objects speak of these names.
    pub fn of(step: &Step, names: &Names) -> Self {
        let action = step.spec.action();
        Self {
            number: step.number,
            kind: step.spec.kind().to_owned(),
            facts: facts(&step.spec),
            begins_outage: step.spec.begins_outage(),
            ends_outage: step.spec.ends_outage(),
            undo: match action.undo_kind() {
                Undo::Yes => UndoView::Yes,
                Undo::Nothing => UndoView::Nothing,
                Undo::Never => UndoView::Never,
            },
            touches: action.touches(names).iter().map(ToString::to_string).collect(),
            commands: action.commands(names),
        }
    }
}

/// The fields of a step; what a field alone does not say is added here.
fn facts(spec: &StepSpec) -> Facts {
    let facts = Facts::of_value(spec);
    match spec {
        StepSpec::Copy(copy) => match copy.databases.iter().map(|d| d.bytes).sum() {
            0 => facts.text("size", "unknown"),
            bytes => facts.text("size", human::size(bytes)),
        },
        _ => facts,
    }
}

/// Folders by their last part, which is how people tell them apart.
fn folders(paths: &[String]) -> String {
    let last = |path: &String| {
        path.trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    paths.iter().map(last).collect::<Vec<_>>().join(" + ")
}
