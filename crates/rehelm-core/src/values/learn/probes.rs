//! With what each value is tried.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::map::Origin;
use super::super::path::ValuePath;
use super::super::scan::Usage;
use super::facts::Facts;
use super::sentinel::{MarkId, Marks};

/// A value that is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub path: ValuePath,
    pub origin: Origin,
    pub default: Value,
    pub usage: Usage,
    pub facts: Facts,
}

/// When a probe is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// All together: nothing hangs on the content.
    Contents,
    /// In groups: objects may come and go with it.
    Choices,
    /// All together: maps and lists; in rounds, because one value can only have one shape at a time.
    Shapes(u8),
    /// Alone: everything is called otherwise.
    Alone,
    /// Only for what was not found otherwise.
    Late,
}

/// What kind of content it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// One sentinel, with something around it.
    Marked {
        /// Before it.
        before: String,
        /// After it.
        after: String,
    },
    /// Another content, not recognisable by itself.
    Other,
    /// A map or a list of two entries or items: `marks` are key and content of the first, then of the second; for items that
    /// are texts only the contents.
    Shape,
}

/// A content that a value is tried with.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub subject: usize,
    pub stage: Stage,
    pub kind: Kind,
    pub value: Value,
    pub marks: Vec<MarkId>,
}

/// Makes probes; all sentinels are different.
pub(crate) struct Maker<'a> {
    pub marks: &'a mut Marks,
    pub taken: &'a BTreeSet<String>,
}

impl Maker<'_> {
    /// Everything to try a value with, the most telling first.
    pub fn probes(&mut self, index: usize, subject: &Subject) -> Vec<Probe> {
        let mut probes = Vec::new();
        let stage = match subject.usage.decides {
            true => Stage::Choices,
            false => Stage::Contents,
        };
        let mut add = |stage: Stage, made: (Kind, Value, Vec<MarkId>)| {
            let (kind, value, marks) = made;
            probes.push(Probe {
                subject: index,
                stage,
                kind,
                value,
                marks,
            });
        };
        let other = |value: Value| (Kind::Other, value, Vec::new());
        if is_open(&subject.default) {
            // Those of one level at a time, so that each is only changed by itself.
            let level = u8::try_from(subject.path.0.len()).unwrap_or(u8::MAX - 3);
            add(Stage::Shapes(level.saturating_add(3)), self.more(&subject.default));
            return probes;
        }
        let choices = subject
            .facts
            .choices
            .iter()
            .filter(|choice| **choice != subject.default);
        let choices: Vec<Value> = choices.take(6).cloned().collect();
        if !choices.is_empty() {
            choices
                .into_iter()
                .for_each(|choice| add(Stage::Choices, other(choice)));
            return probes;
        }
        if is_identity(&subject.path) {
            add(
                Stage::Alone,
                self.marked("", "", json!(subject.default.as_str().unwrap_or_default())),
            );
            return probes;
        }
        match &subject.default {
            Value::Bool(on) => add(Stage::Choices, other(json!(!on))),
            Value::Number(number) => {
                let fits = |n: f64| {
                    subject.facts.most.is_none_or(|most| n <= most)
                        && subject.facts.least.is_none_or(|least| n >= least)
                };
                if number.is_i64() && fits(65_536.0) {
                    add(stage, self.number(subject.default.clone()));
                }
                let near = number.as_f64().unwrap_or_default();
                let next = [near + 1.0, near - 1.0, near / 2.0]
                    .into_iter()
                    .find(|n| fits(*n))
                    .unwrap_or(near);
                let next = match number.is_f64() {
                    true => json!(next + 0.25),
                    false => json!(next as i64),
                };
                let late = probes_late(number.is_i64() && fits(65_536.0));
                add(late, other(next));
            }
            Value::String(text) if text.is_empty() => {
                add(Stage::Choices, self.marked("", "", json!("")));
                add(Stage::Late, self.number_text("", "", "0"));
                if subject.usage.structured {
                    add(Stage::Shapes(0), self.map());
                }
            }
            Value::String(text) => {
                for literal in subject.usage.literals.iter().filter(|literal| *literal != text).take(4) {
                    add(Stage::Choices, other(json!(literal)));
                }
                self.text(text, stage, &mut add);
            }
            Value::Null => {
                let allows =
                    |name: &str| subject.facts.types.is_empty() || subject.facts.types.iter().any(|t| t == name);
                let (map, list) = if subject.usage.structured { (0, 1) } else { (1, 2) };
                if allows("string") && !subject.usage.structured {
                    add(Stage::Choices, self.marked("", "", Value::Null));
                }
                if allows("object") {
                    add(Stage::Shapes(map), self.map());
                }
                if allows("array") {
                    add(Stage::Shapes(list), self.named());
                }
                if allows("integer") || allows("number") {
                    add(Stage::Late, self.number(Value::Null));
                }
                if allows("boolean") {
                    // A text or a map turns on what is on with anything.
                    let late = allows("string") || allows("object");
                    add(probes_late(late), other(json!(true)));
                }
                if allows("string") && subject.usage.structured {
                    add(Stage::Late, self.marked("", "", Value::Null));
                }
            }
            Value::Object(_) => {
                add(Stage::Shapes(0), self.map());
                add(Stage::Late, self.marked("", "", json!("")));
            }
            Value::Array(_) => {
                add(Stage::Shapes(0), self.named());
                add(Stage::Shapes(1), self.texts());
                add(Stage::Late, self.marked("", "", json!("")));
            }
        }
        probes
    }

    /// A text keeps the shape that templates may rely on: numbers, units, versions, addresses.
    fn text(&mut self, text: &str, stage: Stage, add: &mut dyn FnMut(Stage, (Kind, Value, Vec<MarkId>))) {
        let lower = text.to_lowercase();
        if lower == "true" || lower == "false" {
            add(
                Stage::Choices,
                (
                    Kind::Other,
                    json!(if lower == "true" { "false" } else { "true" }),
                    Vec::new(),
                ),
            );
            return;
        }
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let unit = &text[digits..];
        if digits > 0 && unit.len() <= 2 && unit.chars().all(|c| c.is_ascii_alphabetic() || c == '%') {
            add(stage, self.number_text("", unit, &text[..digits]));
        } else if let Some((before, number, after)) = version(text) {
            add(stage, self.number_text(before, after, number));
            add(Stage::Late, self.marked("", "", json!(text)));
        } else if let Some((scheme, rest)) = text
            .split_once("://")
            .filter(|(scheme, _)| scheme.chars().all(char::is_alphanumeric))
        {
            let host = rest.find(['/', ':']).unwrap_or(rest.len());
            add(
                stage,
                self.marked(&format!("{scheme}://"), &rest[host..], json!(&rest[..host])),
            );
            add(Stage::Late, self.marked("", "", json!(text)));
        } else if text.trim_start().starts_with(['[', '{']) && serde_json::from_str::<Value>(text).is_ok() {
            add(stage, self.marked("[\"", "\"]", json!(text)));
            add(Stage::Late, self.marked("", "", json!(text)));
        } else {
            add(stage, self.marked("", "", json!(text)));
        }
    }

    fn marked(&mut self, before: &str, after: &str, restore: Value) -> (Kind, Value, Vec<MarkId>) {
        let (mark, text) = self.marks.text(restore);
        (
            around(before, after),
            json!(format!("{before}{text}{after}")),
            vec![mark],
        )
    }

    fn number(&mut self, restore: Value) -> (Kind, Value, Vec<MarkId>) {
        let (mark, number) = self.marks.number(restore, &|text| self.taken.contains(text));
        (around("", ""), json!(number), vec![mark])
    }

    fn number_text(&mut self, before: &str, after: &str, restore: &str) -> (Kind, Value, Vec<MarkId>) {
        let (mark, number) = self.marks.number(json!(restore), &|text| self.taken.contains(text));
        (
            around(before, after),
            json!(format!("{before}{number}{after}")),
            vec![mark],
        )
    }

    fn four(&mut self) -> (Vec<MarkId>, [String; 3], i64) {
        let (a, first) = self.marks.text(json!(""));
        let (b, content) = self.marks.text(json!(""));
        let (c, second) = self.marks.text(json!(""));
        let (d, number) = self.marks.number(json!(""), &|text| self.taken.contains(text));
        (vec![a, b, c, d], [first, content, second], number)
    }

    fn map(&mut self) -> (Kind, Value, Vec<MarkId>) {
        let (marks, [first, content, second], number) = self.four();
        (Kind::Shape, json!({first: content, second: number}), marks)
    }

    fn named(&mut self) -> (Kind, Value, Vec<MarkId>) {
        let (mut marks, [first, content, second], _) = self.four();
        let (mark, other) = self.marks.text(json!(""));
        marks[3] = mark;
        let items = json!([{"name": first, "value": content}, {"name": second, "value": other}]);
        (Kind::Shape, items, marks)
    }

    fn texts(&mut self) -> (Kind, Value, Vec<MarkId>) {
        let (a, first) = self.marks.text(json!(""));
        let (b, second) = self.marks.text(json!(""));
        (Kind::Shape, json!([first, second]), vec![a, b])
    }

    /// What is there, and two more of the same kind.
    fn more(&mut self, there: &Value) -> (Kind, Value, Vec<MarkId>) {
        match there {
            Value::Object(map) => {
                let (marks, [first, content, second], number) = self.four();
                let deep = map.values().find(|value| value.is_object() || value.is_array());
                let mut map = Map::new();
                map.insert(first, deep.cloned().unwrap_or(json!(content)));
                map.insert(second, deep.cloned().unwrap_or(json!(number)));
                (Kind::Shape, Value::Object(map), marks)
            }
            Value::Array(items) => {
                let mut marks = Vec::new();
                let model = items.last().cloned().unwrap_or_default();
                let more = [self.fresh(&model, &mut marks), self.fresh(&model, &mut marks)];
                (
                    Kind::Shape,
                    Value::Array(items.iter().cloned().chain(more).collect()),
                    marks,
                )
            }
            other => (Kind::Shape, other.clone(), Vec::new()),
        }
    }

    /// With sentinels in the place of texts.
    fn fresh(&mut self, model: &Value, marks: &mut Vec<MarkId>) -> Value {
        match model {
            Value::String(_) => {
                let (mark, text) = self.marks.text(json!(""));
                marks.push(mark);
                json!(text)
            }
            Value::Object(map) => {
                let fresh = map.iter().map(|(key, value)| (key.clone(), self.fresh(value, marks)));
                Value::Object(fresh.collect())
            }
            other => other.clone(),
        }
    }
}

/// A map or a list with content.
fn is_open(value: &Value) -> bool {
    value.as_object().is_some_and(|map| !map.is_empty()) || value.as_array().is_some_and(|items| !items.is_empty())
}

fn around(before: &str, after: &str) -> Kind {
    Kind::Marked {
        before: before.to_owned(),
        after: after.to_owned(),
    }
}

/// What has no sentinel besides has to show itself by what it changes.
fn probes_late(has_sentinel: bool) -> Stage {
    if has_sentinel { Stage::Late } else { Stage::Choices }
}

/// Values by whose names everybody calls everything.
fn is_identity(path: &ValuePath) -> bool {
    let name = path.last_key().unwrap_or_default().to_lowercase();
    [
        "nameoverride",
        "fullnameoverride",
        "namespaceoverride",
        "fullname",
        "releasename",
    ]
    .contains(&name.as_str())
}

/// A version's parts: before the last number, that number, the rest.
fn version(text: &str) -> Option<(&str, &str, &str)> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let numbers = plain
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(plain.len());
    let (core, after) = plain.split_at(numbers);
    let parts: Vec<&str> = core.split('.').collect();
    let fits = (2..=3).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty() && part.len() < 9);
    if !fits || !(after.is_empty() || after.starts_with(['-', '+'])) {
        return None;
    }
    let last = parts.last()?.len();
    let end = text.len() - after.len();
    Some((&text[..end - last], &text[end - last..end], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(default: Value) -> Vec<String> {
        let subject = Subject {
            path: "a".parse().unwrap(),
            origin: Origin::File,
            default,
            usage: Usage::default(),
            facts: Facts::default(),
        };
        let (mut marks, taken) = (Marks::default(), BTreeSet::new());
        let mut maker = Maker {
            marks: &mut marks,
            taken: &taken,
        };
        maker
            .probes(0, &subject)
            .iter()
            .map(|probe| probe.value.to_string())
            .collect()
    }

    #[test]
    fn texts_keep_the_shape_that_templates_rely_on() {
        assert_eq!(contents(json!("30Mi"))[0], "\"20011Mi\"");
        assert_eq!(contents(json!("v1.2.3-rc"))[0], "\"v1.2.20011-rc\"");
        assert_eq!(contents(json!("8080"))[0], "\"20011\"");
        assert!(contents(json!("http://host:80/x"))[0].ends_with(":80/x\""));
        assert_eq!(contents(json!("True")), ["\"false\""]);
        assert_eq!(contents(json!(true)), ["false"]);
        assert_eq!(version("2024-01"), None);
    }
}
