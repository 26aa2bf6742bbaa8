//! Differences of two normalised transcripts, and the list of those that are known.

use serde::Deserialize;
use serde_json::Value;

use crate::script;

/// One difference.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The step's title, or `objects`.
    pub step: String,
    /// Where in the answer, as a JSON pointer; the status code is `code`.
    pub pointer: String,
    pub real: Option<Value>,
    pub simulated: Option<Value>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |value: &Option<Value>| match value {
            None => "nothing".to_owned(),
            Some(value) => value.to_string().chars().take(400).collect(),
        };
        let (real, simulated) = (short(&self.real), short(&self.simulated));
        write!(
            f,
            "{}\n    {}\n      real      {real}\n      simulated {simulated}",
            self.step, self.pointer
        )
    }
}

/// A difference that is known, and why it stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Script; `*` within stands for any text.
    pub script: String,
    /// Step's title, or `objects`; `*` within stands for any text.
    pub step: String,
    /// JSON pointer; `*` within stands for any text.
    pub pointer: String,
    pub reason: String,
    /// Only seen by scripts that run live, so a run against recordings may not meet it.
    #[serde(default)]
    pub live: bool,
}

impl Gap {
    /// Names the gap.
    pub fn reason_key(&self) -> String {
        format!("{} · {} · {}", self.script, self.step, self.pointer)
    }

    pub fn covers(&self, script: &str, difference: &Difference) -> bool {
        matches(&self.script, script)
            && matches(&self.step, &difference.step)
            && matches(&self.pointer, &difference.pointer)
    }
}

/// The list of known gaps.
pub fn gaps() -> Vec<Gap> {
    let path = script::folder().join("gaps.yaml");
    let text = std::fs::read_to_string(&path).expect("the list of gaps");
    serde_saphyr::from_str(&text).expect("a list of gaps")
}

/// True when a text is as a pattern says, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            let ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.into_iter().any(|at| matches(rest, &tail[at..]))
        }),
    }
}

/// Every difference of two transcripts.
pub fn transcripts(real: &Value, simulated: &Value) -> Vec<Difference> {
    let empty = Vec::new();
    let steps = |value: &'_ Value| value["steps"].as_array().unwrap_or(&empty).clone();
    let mut found = Vec::new();
    let (a, b) = (steps(real), steps(simulated));
    for at in 0..a.len().max(b.len()) {
        let (real, simulated) = (a.get(at), b.get(at));
        let title = real
            .or(simulated)
            .and_then(|step| step["step"].as_str())
            .unwrap_or_default();
        let code = |step: Option<&Value>| step.map(|step| step["code"].clone());
        let body = |step: Option<&Value>| step.map(|step| step["body"].clone());
        values(title, "code", code(real).as_ref(), code(simulated).as_ref(), &mut found);
        let warnings = |step: Option<&Value>| step.map(|step| step["warnings"].clone());
        values(
            title,
            "warnings",
            warnings(real).as_ref(),
            warnings(simulated).as_ref(),
            &mut found,
        );
        values(title, "", body(real).as_ref(), body(simulated).as_ref(), &mut found);
    }
    values(
        "objects",
        "",
        Some(&real["objects"]),
        Some(&simulated["objects"]),
        &mut found,
    );
    found
}

fn values(step: &str, pointer: &str, real: Option<&Value>, simulated: Option<&Value>, found: &mut Vec<Difference>) {
    let under = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match (real, simulated) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                values(step, &under(key), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                values(step, &under(&at.to_string()), a.get(at), b.get(at), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Difference {
            step: step.to_owned(),
            pointer: pointer.to_owned(),
            real: a.cloned(),
            simulated: b.cloned(),
        }),
    }
}

#[test]
fn patterns_take_any_text_for_a_star() {
    assert!(matches("/metadata/*", "/metadata/labels/a"));
    assert!(matches("*", ""));
    assert!(matches("a*b*c", "a-b-b-c"));
    assert!(!matches("a*b", "a-b-c"));
}
