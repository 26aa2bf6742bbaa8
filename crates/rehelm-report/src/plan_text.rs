//! The text of a plan and of one step: order, outage, undo and who must act, together on one screen.

use anstyle::{AnsiColor, Style};
use rehelm_core::finding::Severity;

use crate::facts::Facts;
use crate::human;
use crate::plan_view::{PhaseView, PlanView, StepView, UndoView};
use crate::table::{pad, width};
use crate::words::Words;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const OUTAGE: Style = AnsiColor::Yellow.on_default();
const NEVER: Style = AnsiColor::Red.on_default();

/// Columns of a step's line.
#[derive(Default)]
struct Line {
    number: String,
    word: String,
    does: String,
    outage: String,
    undo: String,
}

/// The plan. `wide` adds what every step touches and every object's fate.
pub fn plan(words: &Words, view: &PlanView, wide: bool) -> String {
    let mut out = head(words, view);
    out.push('\n');
    out.push_str(&phases(words, view, wide));
    let from = if wide { Severity::Info } else { Severity::Warning };
    let findings = words.findings_from(from, &view.findings, &view.accepted);
    if !findings.is_empty() {
        out.push('\n');
        out.push_str(&counts_of_findings(words, view));
        out.push_str(&findings);
    }
    if wide && !view.objects.is_empty() {
        out.push('\n');
        let rows: Vec<Vec<String>> = view
            .objects
            .iter()
            .map(|(verdict, object, why)| vec![(*verdict).to_owned(), object.clone(), why.clone()])
            .collect();
        out.push_str(&crate::table::table(&rows));
    }
    out.push('\n');
    out.push_str(&summary(words, view));
    out
}

fn head(words: &Words, view: &PlanView) -> String {
    let facts = Facts::new()
        .text("release", &view.release)
        .text("context", &view.context)
        .text("source", &view.source)
        .text("chart", &view.chart)
        .text("version", &view.version)
        .text("profile", &view.profile);
    let title: Vec<String> = ["plan-title", "plan-move", "plan-profile"]
        .iter()
        .map(|id| words.say(id, &facts))
        .collect();
    let all = view.counts.iter().map(|(_, count)| count).sum();
    let counts: Vec<String> = view
        .counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| words.say(&format!("verdict-{verdict}"), &Facts::new().number("count", *count)))
        .collect();
    format!(
        "{BOLD}{}{BOLD:#}\n{}: {}\n{DIM}{}{DIM:#}\n",
        title.join("   "),
        words.say("plan-objects", &Facts::new().number("count", all)),
        counts.join(" · "),
        words.say("plan-legend", &Facts::new()),
    )
}

fn phases(words: &Words, view: &PlanView, wide: bool) -> String {
    let mut in_outage = false;
    let phases: Vec<(&PhaseView, Vec<Line>)> = view
        .phases
        .iter()
        .filter(|phase| !phase.steps.is_empty())
        .map(|phase| {
            let lines = phase.steps.iter().map(|step| {
                in_outage |= step.begins_outage;
                let line = line(words, step, in_outage);
                in_outage &= !step.ends_outage;
                line
            });
            (phase, lines.collect())
        })
        .collect();
    let all = || phases.iter().flat_map(|(_, lines)| lines);
    let word = all().map(|line| width(&line.word)).max().unwrap_or(0);
    let does = all().map(|line| width(&line.does)).max().unwrap_or(0).min(60);
    let outage = all().map(|line| width(&line.outage)).max().unwrap_or(0);
    let mut out = String::new();
    for (phase, lines) in &phases {
        let title = words.say(&format!("phase-{}", phase.id), &Facts::new());
        let title = pad(&format!("{BOLD}{title}{BOLD:#}"), word + 8);
        out.push_str(format!("{title}{}", phase_outage(words, view, phase)).trim_end());
        out.push('\n');
        for (step, line) in phase.steps.iter().zip(lines) {
            let text = format!(
                "{:>5} {}  {}   {}   {}",
                line.number,
                pad(&line.word, word),
                pad(&line.does, does),
                pad(&line.outage, outage),
                line.undo
            );
            out.push_str(text.trim_end());
            out.push('\n');
            if wide {
                for object in &step.touches {
                    out.push_str(&format!("{}{DIM}{object}{DIM:#}\n", " ".repeat(word + 8)));
                }
            }
        }
    }
    out
}

fn line(words: &Words, step: &StepView, in_outage: bool) -> Line {
    let mark = step.mark(in_outage);
    let style = match mark {
        '!' => OUTAGE,
        'x' => NEVER,
        _ => Style::new(),
    };
    let outage = match (step.begins_outage, step.ends_outage) {
        (true, _) => words.say("outage-begins", &Facts::new()),
        (_, true) => words.say("outage-ends", &Facts::new()),
        _ => String::new(),
    };
    Line {
        number: step.number.to_string(),
        word: format!("{style}{mark} {}{style:#}", step.kind),
        does: words.say(&step_id(step), &step.facts),
        outage: if outage.is_empty() {
            outage
        } else {
            format!("{OUTAGE}{outage}{OUTAGE:#}")
        },
        undo: undo(words, step),
    }
}

fn step_id(step: &StepView) -> String {
    format!("step-{}", step.kind)
}

fn undo(words: &Words, step: &StepView) -> String {
    if step.waits() {
        return words.say("waits-for-you", &Facts::new());
    }
    match step.undo {
        UndoView::Never => format!("{NEVER}{}{NEVER:#}", words.say("undo-never", &Facts::new())),
        UndoView::Nothing => words.attribute(&step_id(step), "note", &step.facts).unwrap_or_default(),
        UndoView::Yes => match words.attribute(&step_id(step), "undo", &step.facts) {
            Some(how) => words.say("undo-yes", &Facts::new().text("how", how)),
            None => String::new(),
        },
    }
}

fn phase_outage(words: &Words, view: &PlanView, phase: &PhaseView) -> String {
    if !phase.steps.iter().any(|step| step.begins_outage) {
        return words.say("plan-no-outage", &Facts::new());
    }
    let text = match view.outage {
        Some((from, to)) => words.say("plan-outage", &Facts::new().text("time", human::range(from, to))),
        None => words.say("plan-outage-unknown", &Facts::new()),
    };
    format!("{OUTAGE}! {text}{OUTAGE:#}")
}

fn counts_of_findings(words: &Words, view: &PlanView) -> String {
    let count = |severity| {
        view.findings
            .iter()
            .filter(|f| f.severity == severity && !view.accepted.contains(&f.code))
            .count()
    };
    let facts = Facts::new()
        .number("errors", count(Severity::Error))
        .number("warnings", count(Severity::Warning));
    format!("{BOLD}{}{BOLD:#}\n", words.say("plan-findings", &facts))
}

fn summary(words: &Words, view: &PlanView) -> String {
    let steps: Vec<&StepView> = view.phases.iter().flat_map(|phase| &phase.steps).collect();
    if steps.is_empty() {
        return format!("{}\n", words.say("plan-none", &Facts::new()));
    }
    let phases = view.phases.iter().filter(|phase| !phase.steps.is_empty()).count();
    let mut parts = vec![words.say(
        "plan-steps",
        &Facts::new().number("count", steps.len()).number("phases", phases),
    )];
    if let Some((from, to)) = view.outage.filter(|_| steps.iter().any(|s| s.begins_outage)) {
        parts.push(words.say("plan-sum-outage", &Facts::new().text("time", human::range(from, to))));
    }
    let which = |id: &str, wanted: &dyn Fn(&StepView) -> bool| {
        let numbers: Vec<String> = steps
            .iter()
            .filter(|s| wanted(s))
            .map(|s| s.number.to_string())
            .collect();
        let facts = Facts::new()
            .number("count", numbers.len())
            .text("which", numbers.join(", "));
        (!numbers.is_empty()).then(|| words.say(id, &facts))
    };
    parts.extend(which("plan-sum-never", &|step| step.undo == UndoView::Never));
    parts.extend(which("plan-sum-you", &StepView::waits));
    if !view.accepted.is_empty() {
        parts.push(words.say("plan-waived", &Facts::new().text("which", view.accepted.join(", "))));
    }
    format!("{}\n", parts.join(" "))
}

/// One step in full: what it assumes, does and touches, the lines a person would type, its proof, its undo.
pub fn step(words: &Words, step: &StepView) -> String {
    let mut out = format!(
        "{BOLD}{} {}{BOLD:#}   {}\n",
        step.number,
        step.kind,
        words.say(&step_id(step), &step.facts)
    );
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let title = words.say(title, &Facts::new());
            out.push_str(&format!("\n{BOLD}{title}{BOLD:#}\n"));
            for line in lines.iter().flat_map(|text| text.lines()) {
                out.push_str(&format!("  {line}\n"));
            }
        }
    };
    let said = |name: &str| {
        words
            .attribute(&step_id(step), name, &step.facts)
            .into_iter()
            .collect::<Vec<_>>()
    };
    section("show-assumes", said("assumes"));
    section("show-does", said("does"));
    section("show-touches", step.touches.clone());
    section("show-commands", step.commands.clone());
    section("show-proves", said("proves"));
    let how = match step.undo {
        UndoView::Yes => said("undo"),
        UndoView::Nothing => vec![words.say("undo-nothing", &Facts::new())],
        UndoView::Never => vec![words.say("undo-never", &Facts::new())],
    };
    section("show-undo", how);
    out
}

#[cfg(test)]
mod tests {
    use rehelm_core::finding::Finding;

    use super::*;

    fn words() -> Words {
        let mut words = Words::new("en");
        let test = "step-first = { $volumes } volumes Delete → Retain\n  .undo = restore policy\n  .assumes = bound\n  .proves = read back\n\
                    step-stop = { $deployments } deployments → 0\n  .undo = scale back\nstep-up = everything ready\n  .note = read only\n\
                    step-switch = DNS\nstep-retire = 38 objects\nfound = Something about { $subject }\n  .fix = Mend it.\n";
        words.add("test", test).expect("sound");
        words
    }

    fn view() -> PlanView {
        let step = |number, kind: &str, undo| StepView {
            number,
            kind: kind.to_owned(),
            undo,
            ..StepView::default()
        };
        PlanView {
            release: "shop".into(),
            context: "prod".into(),
            source: "2 folders".into(),
            chart: "shop".into(),
            version: "4.38.0".into(),
            profile: "shop".into(),
            counts: vec![("move", 61), ("adopt", 0), ("new", 37)],
            phases: vec![
                PhaseView {
                    id: "prepare",
                    steps: vec![StepView {
                        facts: Facts::new().number("volumes", 4),
                        touches: vec!["PersistentVolume/a".into()],
                        commands: vec!["kubectl patch pv a".into()],
                        ..step(1, "first", UndoView::Yes)
                    }],
                },
                PhaseView {
                    id: "migrate",
                    steps: vec![
                        StepView {
                            facts: Facts::new().number("deployments", 39),
                            begins_outage: true,
                            ..step(2, "stop", UndoView::Yes)
                        },
                        StepView {
                            ends_outage: true,
                            ..step(3, "up", UndoView::Nothing)
                        },
                        step(4, "switch", UndoView::Nothing),
                    ],
                },
                PhaseView {
                    id: "verify",
                    steps: vec![],
                },
                PhaseView {
                    id: "cleanup",
                    steps: vec![step(5, "retire", UndoView::Never)],
                },
            ],
            outage: Some((360, 540)),
            findings: vec![Finding::warning("found", "Service/a/b"), Finding::ok("fine", "x")],
            accepted: vec![],
            objects: vec![
                ("move", "Deployment/a/b".into(), String::new()),
                ("recreate", "StorageClass/c".into(), "x".into()),
            ],
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_plan_as_text() {
        insta::assert_snapshot!(plain(&plan(&words(), &view(), false)));
    }

    #[test]
    fn a_plan_with_everything() {
        insta::assert_snapshot!(plain(&plan(&words(), &view(), true)));
    }

    #[test]
    fn an_empty_plan_says_so() {
        let view = PlanView {
            phases: vec![],
            findings: vec![],
            ..view()
        };
        assert!(plan(&words(), &view, false).ends_with("\nNothing to do.\n"));
    }

    #[test]
    fn one_step_in_full() {
        insta::assert_snapshot!(plain(&step(&words(), &view().phases[0].steps[0])));
    }
}
