//! Sets of fields in the form of `metadata.managedFields` (`FieldsV1`).
//!
//! A tree: each node says whether the field itself is a member, and what is below it. No node is without both.
//! Order of elements is the API server's: named fields, then list items by key, by value, by place.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde_json::{Map, Value};

/// A scalar that tells list items apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scalar {
    Integer(i64),
    /// Bits of a float; their order does not matter to anybody.
    Float(u64),
    Text(Box<str>),
    Bool(bool),
    Null,
}

impl Scalar {
    /// None for lists and mappings.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Float(number.as_f64().unwrap_or(0.0).to_bits()),
            },
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(_) | Value::Object(_) => return None,
        })
    }

    fn json(&self) -> Value {
        match self {
            Self::Integer(integer) => (*integer).into(),
            Self::Float(bits) => f64::from_bits(*bits).into(),
            Self::Text(text) => text.as_ref().into(),
            Self::Bool(bool) => (*bool).into(),
            Self::Null => Value::Null,
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    /// `f:name`.
    Field(Box<str>),
    /// `k:{…}`: an item of a list of mappings; keys in the order of their names.
    Key(Box<[(Box<str>, Scalar)]>),
    /// `v:…`: an item of a set.
    Value(Scalar),
    /// `i:…`.
    Index(i64),
}

impl Element {
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => {
                let map: Map<String, Value> = keys.iter().map(|(key, v)| (key.to_string(), v.json())).collect();
                format!("k:{}", Value::Object(map))
            }
            Self::Value(scalar) => format!("v:{}", scalar.json()),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::field(rest)),
            "i" => rest.parse().ok().map(Self::Index),
            "v" => Scalar::of(&serde_json::from_str(rest).ok()?).map(Self::Value),
            "k" => {
                let map: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys = Vec::with_capacity(map.len());
                for (key, value) in &map {
                    keys.push((key.as_str().into(), Scalar::of(value)?));
                }
                keys.sort();
                Some(Self::Key(keys.into()))
            }
            _ => None,
        }
    }
}

/// As conflicts and validation errors write it: `.spec`, `[name="a"]`, `[="x"]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(key, v)| format!("{key}={}", v.json())).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(scalar) => write!(f, "[={}]", scalar.json()),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path as text: `.spec.containers[name="a"].image`.
pub(crate) fn path_text(path: &[Element]) -> String {
    path.iter().map(Element::to_string).collect()
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    nodes: BTreeMap<Element, Node>,
}

impl FieldSet {
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a field; the empty path names the object itself, which is no field.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        if !self.nodes.contains_key(first) {
            self.nodes.insert(first.clone(), Node::default());
        }
        if let Some(node) = self.nodes.get_mut(first) {
            if rest.is_empty() {
                node.member = true;
            } else {
                node.below.insert(rest);
            }
        }
    }

    /// Makes a field no member; what is below it stays.
    pub fn remove(&mut self, path: &[Element]) {
        let mut one = Self::default();
        one.insert(path);
        self.difference(&one);
    }

    /// The field itself is a member, whatever is below it.
    pub fn has(&self, path: &[Element]) -> bool {
        match path {
            [] => false,
            [one] => self.has_element(one),
            [first, rest @ ..] => self.below(first).is_some_and(|below| below.has(rest)),
        }
    }

    /// This element is a member.
    pub fn has_element(&self, element: &Element) -> bool {
        self.nodes.get(element).is_some_and(|node| node.member)
    }

    /// What is below an element; None when nothing is.
    pub fn below(&self, element: &Element) -> Option<&Self> {
        let below = &self.nodes.get(element)?.below;
        Some(below).filter(|below| !below.is_empty())
    }

    pub fn union(&mut self, other: Self) {
        for (element, node) in other.nodes {
            match self.nodes.entry(element) {
                Entry::Vacant(entry) => {
                    entry.insert(node);
                }
                Entry::Occupied(mut entry) => {
                    let mine = entry.get_mut();
                    mine.member |= node.member;
                    mine.below.union(node.below);
                }
            }
        }
    }

    /// Members that are not members of the other set.
    pub fn difference(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.nodes.retain(|element, node| {
            if let Some(theirs) = other.nodes.get(element) {
                node.member &= !theirs.member;
                node.below.difference(&theirs.below);
            }
            node.member || !node.below.is_empty()
        });
    }

    /// Takes away the other set's members and everything below them.
    pub fn recursive_difference(&mut self, other: &Self) {
        self.nodes.retain(|element, node| {
            if let Some(theirs) = other.nodes.get(element) {
                if theirs.member {
                    return false;
                }
                node.below.recursive_difference(&theirs.below);
            }
            node.member || !node.below.is_empty()
        });
    }

    /// Members of both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut nodes = BTreeMap::new();
        for (element, node) in &self.nodes {
            let Some(theirs) = other.nodes.get(element) else {
                continue;
            };
            let both = Node {
                member: node.member && theirs.member,
                below: node.below.intersection(&theirs.below),
            };
            if both.member || !both.below.is_empty() {
                nodes.insert(element.clone(), both);
            }
        }
        Self { nodes }
    }

    /// Every member's path: of each level the members first, then what is below.
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let (mut path, mut all) = (Vec::new(), Vec::new());
        self.collect(&mut path, &mut all);
        all
    }

    fn collect(&self, path: &mut Vec<Element>, all: &mut Vec<Vec<Element>>) {
        for (element, _) in self.nodes.iter().filter(|(_, node)| node.member) {
            let mut whole = path.clone();
            whole.push(element.clone());
            all.push(whole);
        }
        for (element, node) in &self.nodes {
            path.push(element.clone());
            node.below.collect(path, all);
            path.pop();
        }
    }

    /// The same set in which `named` makes members of those elements that have something below them.
    pub fn with_members(&self, path: &mut Vec<Element>, named: &dyn Fn(&[Element]) -> bool) -> Self {
        let nodes = self.nodes.iter().map(|(element, node)| {
            path.push(element.clone());
            let member = node.member || (!node.below.is_empty() && named(path));
            let below = node.below.with_members(path, named);
            path.pop();
            (element.clone(), Node { member, below })
        });
        Self { nodes: nodes.collect() }
    }

    /// The `fieldsV1` of an entry.
    pub fn to_json(&self) -> Value {
        let nodes = self.nodes.iter().map(|(element, node)| {
            let mut below = node.below.to_json();
            if let (true, false, Value::Object(map)) = (node.member, node.below.is_empty(), &mut below) {
                map.shift_insert(0, ".".to_owned(), Value::Object(Map::new()));
            }
            (element.encode(), below)
        });
        Value::Object(nodes.collect())
    }

    /// Reads a `fieldsV1`; None when it is malformed.
    pub fn from_json(value: &Value) -> Option<Self> {
        let mut nodes = BTreeMap::new();
        for (key, below) in value.as_object()? {
            if key == "." {
                continue;
            }
            let map = below.as_object()?;
            let node = Node {
                member: map.is_empty() || map.contains_key("."),
                below: Self::from_json(below)?,
            };
            nodes.insert(Element::decode(key)?, node);
        }
        Some(Self { nodes })
    }

    #[cfg(test)]
    pub fn of(paths: &[&[Element]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(path);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(value: &Value) -> FieldSet {
        FieldSet::from_json(value).expect("a set of fields")
    }

    #[test]
    fn the_written_form_is_read_and_written_alike() {
        let value = json!({
            "f:metadata": {"f:finalizers": {".": {}, "v:\"example.test/a\"": {}}},
            "f:spec": {"f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        });
        assert_eq!(set(&value).to_json().to_string(), value.to_string());
        assert_eq!(FieldSet::from_json(&json!({"x": {}})), None);
    }

    #[test]
    fn sets_are_joined_and_taken_apart() {
        let mut a = set(&json!({"f:spec": {".": {}, "f:a": {}, "f:b": {"f:c": {}}}}));
        let b = set(&json!({"f:spec": {"f:a": {}, "f:d": {}}}));
        assert_eq!(a.intersection(&b), set(&json!({"f:spec": {"f:a": {}}})));
        a.difference(&b);
        assert_eq!(a, set(&json!({"f:spec": {".": {}, "f:b": {"f:c": {}}}})));
        a.union(b.clone());
        a.recursive_difference(&set(&json!({"f:spec": {"f:b": {}}})));
        assert_eq!(a, set(&json!({"f:spec": {".": {}, "f:a": {}, "f:d": {}}})));
        a.recursive_difference(&FieldSet::of(&[&[Element::field("spec")]]));
        assert!(a.is_empty());
    }

    #[test]
    fn paths_read_as_conflicts_write_them() {
        let set =
            set(&json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:name": {}}}, "f:sel": {}}}));
        let paths: Vec<String> = set.paths().iter().map(|path| path_text(path)).collect();
        assert_eq!(paths, [".spec.sel", ".spec.ports[port=80,protocol=\"TCP\"].name"]);
    }
}
