//! What the sweep came to.

use serde::Serialize;

use crate::course::Course;
use crate::defect;
use crate::sweep::{Tally, alone};

/// A seeded defect and who caught it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seeded {
    /// Its name.
    pub defect: &'static str,
    /// None when nobody did.
    pub caught_by: Option<String>,
}

/// Everything, by scenario.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What each scenario came to.
    pub scenarios: Vec<Tally>,
    /// Seeded defects of these scenarios.
    pub defects: Vec<Seeded>,
    /// Cases of bad input, each refused as it should be; None when they were not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_inputs: Option<usize>,
}

impl Report {
    /// Runs that did not end as they should.
    pub fn failures(&self) -> usize {
        let missed = self.defects.iter().filter(|seeded| seeded.caught_by.is_none()).count();
        missed + self.scenarios.iter().map(|tally| tally.failures.len()).sum::<usize>()
    }

    /// Brings every defect about that shows in this scenario.
    pub fn seed_defects(&mut self, course: &Course) {
        for seeded in defect::ALL.iter().filter(|d| d.scenario == course.scenario.name) {
            let (caught_by, _) = alone(defect::caught(course, *seeded));
            self.defects.push(Seeded {
                defect: seeded.name,
                caught_by,
            });
        }
    }

    /// For people: a line for each figure, a column for each scenario, and all together.
    pub fn text(&self) -> String {
        let all = &self.scenarios;
        type Figure = (&'static str, fn(&Tally) -> usize);
        let figures: [Figure; 19] = [
            ("writes", |t| t.writes),
            ("file writes", |t| t.file_writes),
            ("points", |t| t.points),
            ("resumed", |t| t.resumed),
            ("rolled back", |t| t.rolled_back),
            ("seeds", |t| t.seeds),
            ("double crashes", |t| t.double_crashes),
            ("orphaned Helms", |t| t.orphans),
            ("run twice", |t| t.run_twice),
            ("stops", |t| t.stops),
            ("fault kinds", |t| t.fault_kinds),
            ("faults", |t| t.faults),
            ("rivals", |t| t.rivals),
            ("met others", |t| t.met),
            ("whole all the same", |t| t.met_whole),
            ("invariant checks", |t| t.invariant_checks),
            ("runs", |t| t.runs),
            ("of", |t| t.planned),
            ("failures", |t| t.failures.len()),
        ];
        let mut lines = vec![row("", all.iter().map(|t| t.scenario.clone()), "all".to_owned())];
        for (name, figure) in figures {
            let each = all.iter().map(|t| figure(t).to_string());
            let total: usize = match name {
                "fault kinds" => all.iter().map(figure).max().unwrap_or_default(),
                _ => all.iter().map(figure).sum(),
            };
            lines.push(row(name, each, total.to_string()));
        }
        let seconds: f64 = all.iter().map(|t| t.seconds).sum();
        let runs: usize = all.iter().map(|t| t.runs).sum();
        let speed = |runs: usize, seconds: f64| format!("{:.1}", runs as f64 / seconds.max(0.001));
        let each = all.iter().map(|t| speed(t.runs, t.seconds));
        lines.push(row("runs per second", each, speed(runs, seconds)));
        if let Some(count) = self.bad_inputs {
            lines.push(format!("bad inputs refused: {count} of {count}"));
        }
        let caught = self.defects.iter().filter(|seeded| seeded.caught_by.is_some()).count();
        lines.push(format!("seeded defects caught: {caught} of {}", self.defects.len()));
        for seeded in &self.defects {
            let by = seeded.caught_by.as_deref().unwrap_or("NOBODY");
            lines.push(format!("  {:<28}{by}", seeded.defect));
        }
        lines.join("\n")
    }
}

fn row(name: &str, each: impl Iterator<Item = String>, total: String) -> String {
    let cells: String = each.map(|cell| format!("{cell:>16}")).collect();
    format!("{name:<20}{cells}{total:>10}")
}
