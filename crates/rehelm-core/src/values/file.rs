//! A values file as a person would keep it: in the order of the chart's own, each line with where it comes from.
//!
//! What is written here is read by Helm's YAML reader, which follows YAML 1.1 with quirks of its own: `y` and `0755` are
//! no texts, U+2028 breaks lines, tabs in block scalars are refused. So a scalar is written plain only when no reader
//! could take it for anything else, and everything outside printable ASCII is escaped.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

mod scalar;

/// Comments by the path of keys that they belong to.
pub type Comments = BTreeMap<Vec<String>, String>;

/// Length from which a comment goes above its line.
const LONG: usize = 110;

/// Writes values, in the order in which `like` (the chart's values) has its keys; unknown keys come last.
pub fn write(values: &Value, like: &Value, head: &[String], comments: &Comments) -> String {
    let mut out = String::new();
    for line in head {
        out.push_str(&comment_line("", line));
    }
    match values {
        Value::Object(map) if !map.is_empty() => {
            let mut writer = Writer { out, comments };
            writer.map(map, like, &mut Vec::new());
            writer.out
        }
        _ => out + "{}\n",
    }
}

/// A comment can hold no line break of any reader.
fn comment_line(indent: &str, text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_plain_char(c) { c } else { '?' }).collect();
    format!("{indent}# {}\n", clean.trim_end()).replace("# \n", "#\n")
}

fn is_plain_char(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

struct Writer<'a> {
    out: String,
    comments: &'a Comments,
}

impl Writer<'_> {
    fn map(&mut self, map: &Map<String, Value>, like: &Value, path: &mut Vec<String>) {
        for key in ordered(map, like) {
            let indent = "  ".repeat(path.len());
            path.push(key.clone());
            self.entry(&indent, &format!("{}:", scalar::key(key)), &map[key], &like[key], path);
            path.pop();
        }
    }

    /// One key with its value; comments of a scalar stand behind it when there is room.
    fn entry(&mut self, indent: &str, key: &str, value: &Value, like: &Value, path: &mut Vec<String>) {
        let comment = self.comments.get(path.as_slice()).cloned();
        let nested =
            matches!(value, Value::Object(m) if !m.is_empty()) || matches!(value, Value::Array(l) if !l.is_empty());
        let text = if nested {
            String::new()
        } else {
            scalar::scalar(value, indent)
        };
        let width = indent.len() + key.len() + text.lines().next().unwrap_or_default().len();
        let behind = comment.as_ref().filter(|c| !nested && width + c.len() + 5 <= LONG);
        if let Some(comment) = comment.as_ref().filter(|_| behind.is_none()) {
            self.out.push_str(&comment_line(indent, comment));
        }
        let behind = behind.map(|c| comment_line("", c).trim_end().to_owned());
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.out.push_str(&format!("{indent}{key}\n"));
                self.map(map, like, path);
            }
            Value::Array(items) if !items.is_empty() => {
                self.out.push_str(&format!("{indent}{key}\n"));
                for item in items {
                    self.item(&format!("{indent}  "), item);
                }
            }
            _ => self.out.push_str(&placed(indent, key, &text, behind.as_deref())),
        }
    }

    fn item(&mut self, indent: &str, item: &Value) {
        match item {
            Value::Object(map) if !map.is_empty() => {
                let mut lines = String::new();
                let deeper = format!("{indent}  ");
                for (key, value) in map {
                    let mut inner = Writer {
                        out: String::new(),
                        comments: &Comments::new(),
                    };
                    inner.plain(&deeper, &format!("{}:", scalar::key(key)), value);
                    lines.push_str(&inner.out);
                }
                // The first key stands behind the dash.
                lines.replace_range(..deeper.len(), &format!("{indent}- "));
                self.out.push_str(&lines);
            }
            Value::Array(items) if !items.is_empty() => {
                self.out.push_str(&format!("{indent}-\n"));
                for item in items {
                    self.item(&format!("{indent}  "), item);
                }
            }
            // Inside lists texts stay on one line: simpler to read than a block behind a dash.
            scalar => self.out.push_str(&format!("{indent}- {}\n", scalar::inline(scalar))),
        }
    }

    fn plain(&mut self, indent: &str, key: &str, value: &Value) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.out.push_str(&format!("{indent}{key}\n"));
                for (inner, value) in map {
                    self.plain(&format!("{indent}  "), &format!("{}:", scalar::key(inner)), value);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                self.out.push_str(&format!("{indent}{key}\n"));
                for item in items {
                    self.item(&format!("{indent}  "), item);
                }
            }
            value => self
                .out
                .push_str(&placed(indent, key, &scalar::scalar(value, indent), None)),
        }
    }
}

/// A key with a scalar, which may go on in further lines, and the comment of its first line.
fn placed(indent: &str, key: &str, text: &str, comment: Option<&str>) -> String {
    let (first, rest) = text
        .split_once('\n')
        .map_or((text, None), |(first, rest)| (first, Some(rest)));
    let comment = comment.map(|c| format!(" {c}")).unwrap_or_default();
    match rest {
        None => format!("{indent}{key} {first}{comment}\n"),
        Some(rest) => format!("{indent}{key} {first}{comment}\n{rest}\n"),
    }
}

fn ordered<'a>(map: &'a Map<String, Value>, like: &Value) -> Vec<&'a String> {
    let place = |key: &str| {
        like.as_object()
            .and_then(|like| like.keys().position(|k| k == key))
            .unwrap_or(usize::MAX)
    };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by_key(|key| place(key));
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_stand_as_in_the_chart_and_lines_say_where_they_come_from() {
        let values = json!({"b": {"z": "y", "a": 1}, "a": ["x", {"k": "0755", "l": [1, {"m": {}}]}], "new": "t"});
        let like = json!({"a": [], "b": {"a": 0, "z": ""}});
        let comments = Comments::from([(
            vec!["b".into(), "a".into()],
            "Deployment/x spec.replicas; chart: 0".into(),
        )]);
        let text = write(&values, &like, &["made by a test".into()], &comments);
        let want = "# made by a test\na:\n  - x\n  - k: \"0755\"\n    l:\n      - 1\n      - m: {}\nb:\n  a: 1 # Deployment/x spec.replicas; chart: 0\n  z: \"y\"\nnew: t\n";
        assert_eq!(text, want);
        assert_eq!(crate::yaml::parse_document(&text, "").unwrap().unwrap(), values);
    }

    #[test]
    fn long_comments_stand_above_and_texts_of_many_lines_are_blocks() {
        let values = json!({"a": "one\n  two\n", "b": "x"});
        let comments = Comments::from([(vec!["b".into()], "c".repeat(120)), (vec!["a".into()], "short".into())]);
        let text = write(&values, &json!({}), &[], &comments);
        assert_eq!(
            text,
            format!("a: | # short\n  one\n    two\n# {}\nb: x\n", "c".repeat(120))
        );
        assert_eq!(crate::yaml::parse_document(&text, "").unwrap().unwrap(), values);
    }

    #[test]
    fn nothing_is_an_empty_mapping() {
        assert_eq!(write(&json!({}), &json!({}), &[], &Comments::new()), "{}\n");
    }
}
