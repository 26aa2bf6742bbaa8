//! The facts that a sentence speaks of, by name.

use std::collections::BTreeMap;
use std::time::Duration;

use fluent_bundle::{FluentArgs, FluentValue};
use rehelm_core::finding::{Finding, Severity};
use serde::Serialize;
use serde_json::Value;

use crate::human;

/// Facts by name; numbers stay numbers so that a sentence can choose its plural.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(BTreeMap<String, Fact>);

#[derive(Clone, Debug, PartialEq)]
enum Fact {
    Text(String),
    Number(u32),
}

impl Facts {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), Fact::Text(value.to_string()));
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: &str, value: usize) -> Self {
        self.0
            .insert(name.to_owned(), Fact::Number(u32::try_from(value).unwrap_or(u32::MAX)));
        self
    }

    /// The facts of a finding: its arguments, `subject` and `severity`. `x_seconds` becomes `x`, as people say it.
    pub fn of_finding(finding: &Finding) -> Self {
        let severity = match finding.severity {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let mut facts = Self::new().text("subject", &finding.subject).text("severity", severity);
        for (name, value) in &finding.args {
            if let (Some(name), Ok(seconds)) = (name.strip_suffix("_seconds"), value.parse()) {
                facts = facts.text(name, human::duration(Duration::from_secs(seconds)));
                continue;
            }
            facts = match value.parse::<u32>() {
                // 007 and 1.20 are names, not numbers.
                Ok(number) if number.to_string() == *value => facts.number(name, number as usize),
                _ => facts.text(name, value),
            };
        }
        facts
    }

    /// The facts of any serialisable value with fields: texts, numbers and truths as they are, lists and mappings as
    /// how many they hold. Field names in kebab-case, as sentences spell them.
    pub fn of_value(value: &impl Serialize) -> Self {
        let mut facts = Self::new();
        if let Ok(Value::Object(fields)) = serde_json::to_value(value) {
            for (name, value) in fields {
                let name = kebab(&name);
                facts = match value {
                    Value::String(text) => facts.text(&name, text),
                    Value::Number(number) => facts.number(&name, number.as_u64().unwrap_or_default() as usize),
                    Value::Array(items) => facts.number(&name, items.len()),
                    Value::Object(items) => facts.number(&name, items.len()),
                    Value::Bool(truth) => facts.text(&name, if truth { "yes" } else { "no" }),
                    Value::Null => facts,
                };
            }
        }
        facts
    }

    /// As the words' library takes them.
    pub(crate) fn to_fluent(&self) -> FluentArgs<'_> {
        let mut args = FluentArgs::new();
        for (name, fact) in &self.0 {
            match fact {
                Fact::Text(text) => args.set(name.as_str(), FluentValue::from(text.as_str())),
                Fact::Number(number) => args.set(name.as_str(), FluentValue::from(*number)),
            }
        }
        args
    }
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(match c {
            '_' => '-',
            other => other.to_ascii_lowercase(),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_count_and_texts_stay() {
        let facts = Facts::of_value(&json!({"kind": "retain", "volumes": [1, 2], "chartName": "x", "exists": true}));
        let want = Facts::new()
            .text("kind", "retain")
            .number("volumes", 2)
            .text("chart-name", "x")
            .text("exists", "yes");
        assert_eq!(facts, want);
    }

    #[test]
    fn a_version_is_not_a_number() {
        let finding = Finding::ok("a", "b")
            .arg("version", "1.20")
            .arg("count", 3)
            .arg("id", "007");
        let want = Facts::new()
            .text("subject", "b")
            .text("severity", "ok")
            .text("version", "1.20")
            .number("count", 3)
            .text("id", "007");
        assert_eq!(Facts::of_finding(&finding), want);
    }
}
