//! What was learned about a chart: each value, its default, and every field that it reaches.
//!
//! Objects are named as the chart names them with its own values, without a namespace where they go to the release's own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::FieldPath;
use super::path::ValuePath;
use super::pattern::{Hole, Pattern};
use super::text::Part;
use crate::object::ObjRef;
use crate::ports::ChartFacts;

/// What was learned about one chart with one set of starting values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValueMap {
    /// The chart.
    pub chart: ChartFacts,
    /// Name of the release.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Version of the Helm that rendered.
    pub helm: String,
    /// The values that were the starting point: the chart's own and its subcharts', with the task's files over them.
    pub values: Value,
    /// Switches that were on while contents were looked for although they are off in `values`: fields and objects that only
    /// exist with them are in the map all the same.
    pub switched_on: Vec<ValuePath>,
    /// Every value, in the order of the chart's file.
    pub entries: Vec<Entry>,
    /// Fields that differ from render to render whatever the values are: random secrets, times.
    pub random: Vec<Place>,
    /// Fields that follow from others and that no value reaches by itself: checksums.
    pub derived: Vec<Place>,
    /// Renders that it took, those from memory included.
    pub renders: usize,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The object.
    pub object: ObjRef,
    /// The field in it; empty for the object as a whole.
    pub field: FieldPath,
}

/// One value of the chart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Where it is in the values.
    pub path: ValuePath,
    /// How it is known.
    pub origin: Origin,
    /// What it is when nobody says anything; null when it is absent.
    pub default: Value,
    /// The fields that it reaches.
    pub reaches: Vec<Reach>,
    /// Why it was not located; None when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// How a value is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// It is a leaf of the chart's own values.yaml.
    File,
    /// It is a leaf of a subchart's values.yaml only.
    Subchart,
    /// It is in no values.yaml; templates speak of it.
    Hidden,
    /// It is a map or a list with content that the chart ranges over or takes as a whole: more can be added to it.
    Open,
}

/// Why a value was not located.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "why", content = "words")]
pub enum Note {
    /// No template speaks of it.
    Unused,
    /// The chart refuses every other content that was tried; the last words of Helm.
    Refused(String),
    /// Nothing changed with any content that was tried.
    NoEffect,
}

/// One field that a value reaches, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// The object.
    pub object: ObjRef,
    /// The field in it; empty for the object as a whole.
    pub field: FieldPath,
    /// How.
    pub how: How,
    /// True for a hook, which a post-renderer never sees.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
    /// What other values had to be for this (other than in [`ValueMap::values`] with the switches on).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<(ValuePath, Value)>,
}

/// How a value reaches a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum How {
    /// The field is the value: the same text, number, map or list.
    Whole,
    /// The field is a text that holds the value, and maybe other values.
    Text {
        /// What it is made of.
        parts: Vec<Part>,
    },
    /// The field (the object when the field is empty) exists only when the value is so; it may need other values as well.
    Presence {
        /// The content with which it exists.
        when: Value,
    },
    /// The field (the object when the field is empty) is gone when the value is so, and exists with any other content.
    Absence {
        /// The content with which it is gone; usually an empty one.
        when: Value,
    },
    /// The field has one content or another.
    Choice {
        /// Content of the value, content of the field (None: absent).
        cases: Vec<(Value, Option<Value>)>,
    },
    /// The value is a map or a list, and each of its entries or items becomes one entry or item of the field (a map or a
    /// list as well), beside what the chart puts there.
    Each {
        /// For a field that is a map: how the key is made. None for a list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Vec<Hole>>,
        /// What an entry or item becomes.
        item: Pattern,
    },
    /// The value is a map or a list, and the field is a text that holds every item or entry.
    Joined {
        /// What one becomes.
        item: Vec<Hole>,
        /// What stands between two.
        by: String,
    },
    /// The value is part of names: with another content the object is called otherwise, and what refers to it too.
    Renames {
        /// How the name is made.
        parts: Vec<Part>,
    },
    /// The field changes with the value in a way that was not understood.
    Alters,
}

impl Entry {
    /// True when it is known what the value does, if only in part.
    pub fn is_located(&self) -> bool {
        !self.reaches.is_empty()
    }
}

impl ValueMap {
    /// The entry of exactly this path.
    pub fn entry(&self, path: &ValuePath) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == *path)
    }

    /// What reaches a field exactly, or something above it that contains it (a whole map, the object), nearest first.
    /// The object's API version and a namespace that only one side has do not count.
    pub fn reaching(&self, object: &ObjRef, field: &FieldPath) -> Vec<(&Entry, &Reach)> {
        let all = self
            .entries
            .iter()
            .flat_map(|entry| entry.reaches.iter().map(move |reach| (entry, reach)));
        let mut found: Vec<_> = all
            .filter(|(_, reach)| is_same(&reach.object, object) && reach.field.is_above(field))
            .collect();
        found.sort_by_key(|(_, reach)| std::cmp::Reverse(reach.field.0.len()));
        found
    }

    /// Leaves of the chart's own file: located ones, all of them.
    pub fn located(&self) -> (usize, usize) {
        let own = || self.entries.iter().filter(|entry| entry.origin == Origin::File);
        (own().filter(|entry| entry.is_located()).count(), own().count())
    }
}

/// The same object, whatever the version of its API; a namespace counts when both name one.
pub fn is_same(a: &ObjRef, b: &ObjRef) -> bool {
    let elsewhere = a.namespace.is_some() && b.namespace.is_some() && a.namespace != b.namespace;
    !elsewhere && a.name == b.name && a.kind == b.kind && a.group() == b.group()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn look_ups_go_both_ways_and_survive_being_written() {
        let object = ObjRef::new("apps/v1", "Deployment", None, "api");
        let reach = |field: &str, how: How| Reach {
            object: object.clone(),
            field: field.parse().unwrap(),
            how,
            hook: false,
            given: Vec::new(),
        };
        let entry = |path: &str, reaches: Vec<Reach>| Entry {
            path: path.parse().unwrap(),
            origin: Origin::File,
            default: json!(1),
            reaches,
            note: None,
        };
        let map = ValueMap {
            chart: ChartFacts {
                name: "c".into(),
                version: "1.0.0".into(),
                kube_version: None,
                digest: "sha256:0".into(),
            },
            release: "r".into(),
            namespace: "n".into(),
            helm: "v3.17.2".into(),
            values: json!({}),
            switched_on: Vec::new(),
            entries: vec![
                entry("api.enabled", vec![reach("", How::Presence { when: json!(true) })]),
                entry("api.replicas", vec![reach("spec.replicas", How::Whole)]),
                entry("api.lost", Vec::new()),
            ],
            random: Vec::new(),
            derived: Vec::new(),
            renders: 2,
        };
        let map: ValueMap = serde_json::from_value(serde_json::to_value(map).unwrap()).unwrap();
        let elsewhere = ObjRef::new("apps/v1beta1", "Deployment", Some("prod"), "api");
        let found = map.reaching(&elsewhere, &"spec.replicas".parse().unwrap());
        let paths: Vec<String> = found.iter().map(|(entry, _)| entry.path.to_string()).collect();
        assert_eq!(paths, ["api.replicas", "api.enabled"]);
        assert_eq!(
            map.entry(&"api.replicas".parse().unwrap()).unwrap().reaches[0].how,
            How::Whole
        );
        assert_eq!(map.located(), (2, 3));
    }
}
