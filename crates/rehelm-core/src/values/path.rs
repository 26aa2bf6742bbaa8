//! Where a value is in a values file: `service.ports[0].name`, odd keys quoted: `podAnnotations["a.b/c"]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

pub use super::segments::PathError;
use super::segments::{Segment, split, write_key};

/// One step down into values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueStep {
    /// Key of a map.
    Key(String),
    /// Index into a list.
    Index(usize),
}

/// A place in a chart's values. Ordered by steps; the empty path is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValuePath(pub Vec<ValueStep>);

impl ValuePath {
    /// A path of keys only.
    pub fn keys<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> Self {
        Self(
            keys.into_iter()
                .map(|key| ValueStep::Key(key.as_ref().to_owned()))
                .collect(),
        )
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(ValueStep::Key(key.to_owned()))
    }

    /// The path of an item below this one.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(ValueStep::Index(index))
    }

    /// The path one step below this one.
    #[must_use]
    pub fn step(&self, step: ValueStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path one step above; None for the empty path.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// The last step's key; None for an item of a list and for the empty path.
    pub fn last_key(&self) -> Option<&str> {
        match self.0.last()? {
            ValueStep::Key(key) => Some(key),
            ValueStep::Index(_) => None,
        }
    }

    /// True when this is the other path or above it.
    pub fn is_above(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// What is there.
    pub fn get<'a>(&self, values: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(values, |value, step| match step {
            ValueStep::Key(key) => value.get(key),
            ValueStep::Index(index) => value.get(index),
        })
    }

    /// Puts something there. Maps on the way are made; a list is extended with nulls up to the index.
    pub fn set(&self, values: &mut Value, content: Value) {
        let mut at = values;
        for step in &self.0 {
            at = match step {
                ValueStep::Key(key) => {
                    if !at.is_object() {
                        *at = Value::Object(Map::new());
                    }
                    &mut at[key.as_str()]
                }
                ValueStep::Index(index) => {
                    if !at.is_array() {
                        *at = Value::Array(Vec::new());
                    }
                    if let Value::Array(items) = at
                        && items.len() <= *index
                    {
                        items.resize(index + 1, Value::Null);
                    }
                    &mut at[*index]
                }
            };
        }
        *at = content;
    }

    /// Takes out what is there.
    pub fn remove(&self, values: &mut Value) -> Option<Value> {
        let (last, above) = self.0.split_last()?;
        let mut at = values;
        for step in above {
            at = match step {
                ValueStep::Key(key) => at.get_mut(key)?,
                ValueStep::Index(index) => at.get_mut(index)?,
            };
        }
        match (last, at) {
            (ValueStep::Key(key), Value::Object(map)) => map.shift_remove(key),
            (ValueStep::Index(index), Value::Array(items)) if *index < items.len() => Some(items.remove(*index)),
            _ => None,
        }
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                ValueStep::Key(key) => write_key(f, at == 0, key)?,
                ValueStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl FromStr for ValuePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let steps = split(text)?.into_iter().map(|segment| match segment {
            Segment::Key(key) => Ok(ValueStep::Key(key)),
            Segment::Bracket(inner) => inner.parse().map(ValueStep::Index).map_err(|_| PathError {
                text: text.to_owned(),
                why: "an index or a quoted key is expected between brackets",
            }),
        });
        Ok(Self(steps.collect::<Result<_, _>>()?))
    }
}

impl Serialize for ValuePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ValuePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_into_values() {
        let mut values = json!({"a": {"b.c": [1, {"d": 2}]}});
        let path: ValuePath = r#"a["b.c"][1].d"#.parse().unwrap();
        assert_eq!(path.get(&values), Some(&json!(2)));
        path.set(&mut values, json!(3));
        assert_eq!(path.remove(&mut values), Some(json!(3)));
        assert_eq!(values, json!({"a": {"b.c": [1, {}]}}));
        ValuePath::keys(["x", "y"]).index(1).set(&mut values, json!("z"));
        assert_eq!(values["x"], json!({"y": [null, "z"]}));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["a[", "a[x]", "a..b", "a[\"b]"] {
            assert!(text.parse::<ValuePath>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_written_path_reads_back(steps in prop::collection::vec(prop_oneof![
            "\\PC{0,6}|[a-z.\"\\\\\\[\\] ]{0,5}".prop_map(ValueStep::Key), (0usize..99).prop_map(ValueStep::Index)], 0..5)) {
            let path = ValuePath(steps);
            prop_assert_eq!(path.to_string().parse::<ValuePath>().unwrap(), path);
        }
    }
}
