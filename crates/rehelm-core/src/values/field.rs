//! Where a field is in an object: `spec.template.spec.containers[name=app].image`.
//!
//! Items of lists are addressed by what identifies them where the table of merge keys (`server.yaml`) knows it or they have
//! names, arguments such as `--level=3` by their flag (`args[^--level=]`), everything else by index. So a path means the
//! same item when others come before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::path::PathError;
use super::segments::{Segment, quoted, split, unquoted, write_key};
use crate::server;

/// One step down into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldStep {
    /// Key of a map.
    Key(String),
    /// The last item of a list whose field `key` has this content (a number as its digits).
    Item {
        /// Field that identifies items.
        key: String,
        /// Its content.
        value: String,
    },
    /// The text in a list that is a flag, or begins with one (`=` included).
    Flag(String),
    /// Index into a list.
    Index(usize),
}

/// A place in an object. The empty path is the object itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(pub Vec<FieldStep>);

impl FieldPath {
    /// A path of keys only.
    pub fn keys<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> Self {
        Self(
            keys.into_iter()
                .map(|key| FieldStep::Key(key.as_ref().to_owned()))
                .collect(),
        )
    }

    /// The path one step below this one.
    #[must_use]
    pub fn step(&self, step: FieldStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(FieldStep::Key(key.to_owned()))
    }

    /// The path one step above; None for the empty path.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// True when this is the other path or above it.
    pub fn is_above(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// What is there.
    pub fn get<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            FieldStep::Key(key) => value.get(key),
            _ => value.get(position(value.as_array()?, step)?),
        })
    }

    /// As [`FieldPath::get`], to change it.
    pub fn get_mut<'a>(&self, object: &'a mut Value) -> Option<&'a mut Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            FieldStep::Key(key) => value.get_mut(key),
            _ => {
                let at = position(value.as_array()?, step)?;
                value.get_mut(at)
            }
        })
    }
}

/// Index of the item that a step means.
fn position(items: &[Value], step: &FieldStep) -> Option<usize> {
    match step {
        FieldStep::Key(_) => None,
        FieldStep::Index(index) => (*index < items.len()).then_some(*index),
        FieldStep::Item { key, value } => items
            .iter()
            .rposition(|item| item.get(key).and_then(identifier).is_some_and(|id| id == *value)),
        FieldStep::Flag(flag) => items.iter().rposition(|item| {
            item.as_str()
                .is_some_and(|text| self::flag(text) == Some(flag.as_str()))
        }),
    }
}

/// The steps by which the items of a list are addressed, in their order. `field` is the list's own name.
pub fn item_steps(field: &str, items: &[Value]) -> Vec<FieldStep> {
    let key = server::merge_keys(field)
        .iter()
        .map(String::as_str)
        .chain(["name"])
        .find(|key| !items.is_empty() && items.iter().all(|item| item.get(key).and_then(identifier).is_some()));
    let mut steps: Vec<FieldStep> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let step = match (key, item) {
            (Some(key), _) => item.get(key).and_then(identifier).map(|value| FieldStep::Item {
                key: key.to_owned(),
                value,
            }),
            (None, Value::String(text)) => flag(text).map(|flag| FieldStep::Flag(flag.to_owned())),
            _ => None,
        };
        let step = step.unwrap_or(FieldStep::Index(index));
        // Of items that claim the same identity the last one counts, as for the server.
        if let Some(earlier) = steps.iter().position(|s| *s == step) {
            steps[earlier] = FieldStep::Index(earlier);
        }
        steps.push(step);
    }
    steps
}

fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `--level=` of `--level=3`, `--quiet` of itself.
fn flag(text: &str) -> Option<&str> {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let word = name.strip_prefix('-')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!word.is_empty() && word.chars().all(plain)).then(|| &text[..text.len().min(name.len() + 1)])
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                FieldStep::Key(key) => write_key(f, at == 0, key)?,
                FieldStep::Item { key, value } => {
                    let odd =
                        |text: &str| text.is_empty() || text.contains(['"', ']', '\\', '=']) || text.starts_with('^');
                    let name = if odd(key) { quoted(key) } else { key.clone() };
                    let value = if odd(value) { quoted(value) } else { value.clone() };
                    write!(f, "[{name}={value}]")?;
                }
                FieldStep::Flag(flag) => write!(f, "[^{flag}]")?,
                FieldStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError {
            text: text.to_owned(),
            why: "an index, `key=content`, `^--flag=` or a quoted key is expected between brackets",
        };
        let steps = split(text)?.into_iter().map(|segment| match segment {
            Segment::Key(key) => Ok(FieldStep::Key(key)),
            Segment::Bracket(inner) => bracket(&inner).ok_or_else(wrong),
        });
        Ok(Self(steps.collect::<Result<_, _>>()?))
    }
}

fn bracket(inner: &str) -> Option<FieldStep> {
    if let Some(flag) = inner.strip_prefix('^') {
        return Some(FieldStep::Flag(flag.to_owned()));
    }
    if let Ok(index) = inner.parse() {
        return Some(FieldStep::Index(index));
    }
    let (key, value) = inner.split_once('=')?;
    let plain = |text: &str| {
        if text.starts_with('"') {
            unquoted(text)
        } else {
            Some(text.to_owned())
        }
    };
    Some(FieldStep::Item {
        key: plain(key)?,
        value: plain(value)?,
    })
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_found_by_what_identifies_them() {
        let pod = json!({"containers": [{"name": "a"}, {"name": "b", "args": ["run", "--level=3"],
            "ports": [{"containerPort": 80}], "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}]});
        let read = |text: &str| text.parse::<FieldPath>().unwrap().get(&pod).cloned();
        assert_eq!(read("containers[name=b].args[^--level=]"), Some(json!("--level=3")));
        assert_eq!(read("containers[name=b].args[0]"), Some(json!("run")));
        assert_eq!(read("containers[name=b].env[name=X].value"), Some(json!("2")));
        assert_eq!(
            read("containers[name=b].ports[containerPort=80]"),
            Some(json!({"containerPort": 80}))
        );
        assert_eq!(read("containers[name=c]"), None);
    }

    #[test]
    fn lists_are_addressed_by_merge_key_flag_or_index() {
        let written = |field: &str, items: Value| -> Vec<String> {
            let steps = item_steps(field, items.as_array().unwrap());
            steps
                .into_iter()
                .map(|step| FieldPath(vec![step]).to_string())
                .collect()
        };
        assert_eq!(
            written("env", json!([{"name": "A"}, {"name": "B"}, {"name": "A"}])),
            ["[0]", "[name=B]", "[name=A]"]
        );
        assert_eq!(
            written("volumeMounts", json!([{"name": "a", "mountPath": "/x"}])),
            ["[mountPath=/x]"]
        );
        assert_eq!(written("ports", json!([{"name": "web", "port": 80}])), ["[name=web]"]);
        assert_eq!(
            written("ports", json!([{"port": 80}, {"port": 81}])),
            ["[port=80]", "[port=81]"]
        );
        assert_eq!(
            written("args", json!(["serve", "--a=1", "-b=c", "--q"])),
            ["[0]", "[^--a=]", "[^-b=]", "[^--q]"]
        );
        assert_eq!(written("tolerations", json!([{"key": "x"}])), ["[0]"]);
    }

    #[test]
    fn written_paths_read_back() {
        for text in [
            "spec.template.spec.containers[name=x].image",
            r#"metadata.annotations["a.b/c"]"#,
            r#"list[name="a]b"][3]"#,
            "args[^--x.y=]",
            "",
        ] {
            assert_eq!(text.parse::<FieldPath>().unwrap().to_string(), text);
        }
        assert!("a[b]".parse::<FieldPath>().is_err());
    }
}
