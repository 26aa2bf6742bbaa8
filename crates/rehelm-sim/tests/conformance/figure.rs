//! The figure: how many answers and objects are equal, and what is not.

use serde_json::{Value, json};

use crate::diff::{self, Difference, Gap};

/// What one script came to.
pub struct Outcome {
    pub script: String,
    pub requests: usize,
    pub answers_equal: usize,
    pub objects: usize,
    pub objects_equal: usize,
    /// Differences that no gap covers.
    pub failures: Vec<Difference>,
    /// Differences that a gap covers.
    pub known: usize,
    /// Gaps that were met.
    pub gaps: Vec<String>,
}

impl Outcome {
    pub fn new(script: &str, real: &Value, simulated: &Value, gaps: &[Gap]) -> Self {
        let all = diff::transcripts(real, simulated);
        let differing = |step: &Value| all.iter().any(|each| Some(each.step.as_str()) == step["step"].as_str());
        let steps = real["steps"].as_array().cloned().unwrap_or_default();
        let objects = real["objects"].as_object().cloned().unwrap_or_default();
        let object_equal = |(key, value): &(&String, &Value)| simulated["objects"].get(key.as_str()) == Some(value);
        let (mut failures, mut known, mut met) = (Vec::new(), 0, Vec::new());
        for difference in &all {
            let covering: Vec<_> = gaps.iter().filter(|gap| gap.covers(script, difference)).collect();
            met.extend(covering.iter().map(|gap| gap.reason_key()));
            if covering.is_empty() {
                failures.push(difference.clone());
            } else {
                known += 1;
            }
        }
        Self {
            script: script.to_owned(),
            requests: steps.len(),
            answers_equal: steps.iter().filter(|step| !differing(step)).count(),
            objects: objects.len(),
            objects_equal: objects.iter().filter(object_equal).count(),
            failures,
            known,
            gaps: met,
        }
    }
}

/// What the suite came to.
pub struct Figure {
    pub outcomes: Vec<Outcome>,
    pub skipped: Vec<String>,
    /// Gaps that are none any more.
    pub stale: Vec<String>,
}

impl Figure {
    pub fn passed(&self) -> bool {
        self.stale.is_empty() && self.outcomes.iter().all(|outcome| outcome.failures.is_empty())
    }

    fn sum(&self, of: impl Fn(&Outcome) -> usize) -> usize {
        self.outcomes.iter().map(of).sum()
    }

    /// Every difference that is no known gap, and every gap that is none.
    pub fn complaints(&self) -> String {
        let mut text = String::new();
        for outcome in &self.outcomes {
            for difference in &outcome.failures {
                text += &format!("{}: {difference}\n", outcome.script);
            }
        }
        for gap in &self.stale {
            text += &format!("no difference any more, take it out of gaps.yaml: {gap}\n");
        }
        text
    }

    pub fn to_json(&self) -> Value {
        let scripts = self.outcomes.iter().map(|each| {
            json!({
                "script": each.script, "requests": each.requests, "answersEqual": each.answers_equal,
                "objects": each.objects, "objectsEqual": each.objects_equal, "known": each.known,
                "failures": each.failures.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        json!({
            "scripts": scripts.collect::<Vec<_>>(),
            "requests": self.sum(|o| o.requests), "answersEqual": self.sum(|o| o.answers_equal),
            "objects": self.sum(|o| o.objects), "objectsEqual": self.sum(|o| o.objects_equal),
            "known": self.sum(|o| o.known), "failures": self.sum(|o| o.failures.len()),
            "staleGaps": self.stale, "skipped": self.skipped,
        })
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{:<24} {:>9} {:>7} {:>8} {:>7} {:>6} {:>9}",
            "script", "requests", "equal", "objects", "equal", "known", "failures"
        )?;
        let line = |f: &mut std::fmt::Formatter<'_>, name: &str, n: [usize; 6]| {
            writeln!(
                f,
                "{name:<24} {:>9} {:>7} {:>8} {:>7} {:>6} {:>9}",
                n[0], n[1], n[2], n[3], n[4], n[5]
            )
        };
        for each in &self.outcomes {
            let numbers = [
                each.requests,
                each.answers_equal,
                each.objects,
                each.objects_equal,
                each.known,
                each.failures.len(),
            ];
            line(f, &each.script, numbers)?;
        }
        let numbers = [
            self.sum(|o| o.requests),
            self.sum(|o| o.answers_equal),
            self.sum(|o| o.objects),
            self.sum(|o| o.objects_equal),
            self.sum(|o| o.known),
            self.sum(|o| o.failures.len()),
        ];
        line(f, &format!("{} scripts", self.outcomes.len()), numbers)?;
        for why in &self.skipped {
            writeln!(f, "skipped {why}")?;
        }
        for gap in &self.stale {
            writeln!(f, "stale gap {gap}")?;
        }
        Ok(())
    }
}
