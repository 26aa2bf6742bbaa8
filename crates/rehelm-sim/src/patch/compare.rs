//! Which fields differ between two objects, by the rules of their schema.

use serde_json::Value;

use super::fieldset::{Element, FieldSet};
use super::typed::{Atom, Root, Type, item_element};

/// Fields of `metadata` that nobody owns.
const UNTRACKED: &[&str] = &[
    "clusterName",
    "creationTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Takes out of a set what nobody owns.
pub(crate) fn strip(set: &mut FieldSet) {
    let mut never = FieldSet::default();
    let metadata = Element::field("metadata");
    for name in ["apiVersion", "kind", "metadata"] {
        never.insert(&[Element::field(name)]);
    }
    for name in UNTRACKED {
        never.insert(&[metadata.clone(), Element::field(name)]);
    }
    set.difference(&never);
}

/// Fields that the second object has more, less, or otherwise than the first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub added: FieldSet,
    pub removed: FieldSet,
    pub modified: FieldSet,
}

impl Comparison {
    /// Leaves out fields that the server resets.
    pub fn without(mut self, reset: &FieldSet) -> Self {
        for set in [&mut self.added, &mut self.removed, &mut self.modified] {
            set.recursive_difference(reset);
        }
        self
    }

    /// Fields that have a new value.
    pub fn set(&self) -> FieldSet {
        let mut set = self.modified.clone();
        set.union(self.added.clone());
        set
    }

    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.modified.is_empty()
    }
}

/// Compares two objects.
pub(crate) fn compare(root: &Root, old: &Value, new: &Value) -> Comparison {
    let mut walk = Walk {
        zeros: root.zeros,
        path: Vec::new(),
        found: Comparison::default(),
    };
    walk.values(&root.of, Some(old), Some(new));
    let metadata = [Element::field("metadata")];
    for set in [&mut walk.found.added, &mut walk.found.removed, &mut walk.found.modified] {
        set.remove(&metadata);
    }
    walk.found
}

struct Walk {
    zeros: bool,
    path: Vec<Element>,
    found: Comparison,
}

fn is_void(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

impl Walk {
    fn values(&mut self, of: &Type, old: Option<&Value>, new: Option<&Value>) {
        if old == new {
            return;
        }
        let atom = |value: Option<&Value>| value.map(|value| of.atom(value));
        let (a, b) = (atom(old), atom(new));
        let either = match (a, b) {
            (Some(a), Some(b)) if a != b => {
                // One is a leaf: the field has changed, and what the other holds came or went.
                self.found.modified.insert(&self.path);
                let (old, new) = (old.filter(|_| a != Atom::Leaf), new.filter(|_| b != Atom::Leaf));
                let atom = if a == Atom::Leaf { b } else { a };
                self.inside(of, &atom, old, new);
                return;
            }
            (Some(atom), _) | (None, Some(atom)) => atom,
            (None, None) => return,
        };
        if either == Atom::Leaf || (is_void(old) && is_void(new)) {
            self.leaf(old, new);
            return;
        }
        self.inside(of, &either, old, new);
        if old.is_none() {
            self.found.added.insert(&self.path);
        } else if new.is_none() {
            self.found.removed.insert(&self.path);
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.found.added.insert(&self.path),
            (_, None) => self.found.removed.insert(&self.path),
            _ => self.found.modified.insert(&self.path),
        }
    }

    fn inside(&mut self, of: &Type, atom: &Atom, old: Option<&Value>, new: Option<&Value>) {
        match atom {
            Atom::Leaf => {}
            Atom::Map => self.maps(of, old, new),
            Atom::Set | Atom::Keyed(_) => self.lists(of, atom, old, new),
        }
    }

    fn maps(&mut self, of: &Type, old: Option<&Value>, new: Option<&Value>) {
        let (a, b) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
        let keys_of_a = a.into_iter().flat_map(|map| map.keys());
        let keys_of_b = b.into_iter().flat_map(|map| map.keys());
        for key in keys_of_a.chain(keys_of_b.filter(|key| !a.is_some_and(|a| a.contains_key(*key)))) {
            let (mut x, mut y) = (a.and_then(|map| map.get(key)), b.and_then(|map| map.get(key)));
            if x == y || self.is_untracked(key) {
                continue;
            }
            // Structs have their plain fields always; that matters when the struct itself is on both sides.
            let zero = (self.zeros && old.is_some() && new.is_some() && (x.is_none() || y.is_none()))
                .then(|| of.zero(key))
                .flatten();
            x = x.or(zero.as_ref());
            y = y.or(zero.as_ref());
            self.path.push(Element::field(key));
            self.values(&of.field(key), x, y);
            self.path.pop();
        }
    }

    /// Fields that the server itself accounts for.
    fn is_untracked(&self, key: &str) -> bool {
        match self.path.as_slice() {
            [] => matches!(key, "apiVersion" | "kind"),
            [Element::Field(name)] if name.as_ref() == "metadata" => UNTRACKED.contains(&key),
            _ => false,
        }
    }

    fn lists(&mut self, of: &Type, atom: &Atom, old: Option<&Value>, new: Option<&Value>) {
        let items = of.items();
        let gathered = |list: Option<&'_ Value>| -> Vec<(Element, Vec<Value>)> {
            let mut found: Vec<(Element, Vec<Value>)> = Vec::new();
            for item in list.and_then(Value::as_array).into_iter().flatten() {
                let Ok(element) = item_element(of, atom, item) else {
                    continue;
                };
                match found.iter_mut().find(|(known, _)| *known == element) {
                    Some((_, same)) => same.push(item.clone()),
                    None => found.push((element, vec![item.clone()])),
                }
            }
            found
        };
        let (a, mut b) = (gathered(old), gathered(new));
        for (element, before) in a {
            let after = match b.iter().position(|(other, _)| *other == element) {
                Some(place) => b.swap_remove(place).1,
                None => Vec::new(),
            };
            self.item(&items, element, &before, &after);
        }
        for (element, after) in b {
            self.item(&items, element, &[], &after);
        }
    }

    /// Items with the same key: one on each side as usual; several are one leaf.
    fn item(&mut self, items: &Type, element: Element, before: &[Value], after: &[Value]) {
        self.path.push(element);
        match (before, after) {
            ([] | [_], [] | [_]) => self.values(items, before.first(), after.first()),
            ([_, _, ..], [_, _, ..]) => {
                if before != after {
                    self.found.modified.insert(&self.path);
                }
            }
            ([_, _, ..], _) => {
                if let Some(new) = after.first() {
                    self.values(items, None, Some(new));
                }
                self.found.removed.insert(&self.path);
            }
            (_, _) => {
                if let Some(old) = before.first() {
                    self.values(items, Some(old), None);
                }
                self.found.added.insert(&self.path);
            }
        }
        self.path.pop();
    }
}

/// All fields that an object names, as an applier owns them.
pub(crate) fn fields_of(of: &Type, value: &Value) -> FieldSet {
    let (mut path, mut set) = (Vec::new(), FieldSet::default());
    name_fields(of, value, &mut path, &mut set);
    set
}

fn name_fields(of: &Type, value: &Value, path: &mut Vec<Element>, set: &mut FieldSet) {
    let atom = of.atom(value);
    match (&atom, value) {
        (Atom::Leaf, _) => set.insert(path),
        (Atom::Map, Value::Object(map)) => {
            for (key, value) in map {
                path.push(Element::field(key));
                name_fields(&of.field(key), value, path, set);
                let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                if empty || !of.names(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (_, Value::Array(list)) => {
            let items = of.items();
            let elements: Vec<_> = list.iter().map(|item| item_element(of, &atom, item).ok()).collect();
            for (item, element) in list.iter().zip(&elements) {
                let Some(element) = element else { continue };
                let alone = elements.iter().filter(|other| other.as_ref() == Some(element)).count() == 1;
                path.push(element.clone());
                if alone {
                    name_fields(&items, item, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        _ => {}
    }
}
