//! The map, read from the field's side: which values reach it, nearest first.

use std::collections::BTreeMap;

use crate::object::ObjRef;
use crate::values::field::FieldPath;
use crate::values::map::{Entry, How, Reach, ValueMap};

/// Group, kind and name, as the chart calls objects by itself.
pub type Name = (String, String, String);

/// Name of an object in the map.
pub fn name_of(object: &ObjRef) -> Name {
    (object.group().to_owned(), object.kind.clone(), object.name.clone())
}

/// What reaches each object.
pub struct Index<'a> {
    by_object: BTreeMap<Name, Vec<(&'a Entry, &'a Reach)>>,
}

impl<'a> Index<'a> {
    /// Reads a map once.
    pub fn new(map: &'a ValueMap) -> Self {
        let mut by_object: BTreeMap<Name, Vec<(&Entry, &Reach)>> = BTreeMap::new();
        for entry in &map.entries {
            for reach in &entry.reaches {
                by_object
                    .entry(name_of(&reach.object))
                    .or_default()
                    .push((entry, reach));
            }
        }
        Self { by_object }
    }

    /// Everything that reaches an object.
    pub fn object(&self, name: &Name) -> &[(&'a Entry, &'a Reach)] {
        self.by_object.get(name).map_or(&[], Vec::as_slice)
    }

    /// What reaches a field or something above it, nearest first; the object as a whole is left out.
    pub fn field(&self, name: &Name, field: &FieldPath) -> Vec<(&'a Entry, &'a Reach)> {
        let all = self.object(name).iter().copied();
        let mut found: Vec<_> = all
            .filter(|(_, reach)| !reach.field.0.is_empty() && reach.field.is_above(field))
            .collect();
        found.sort_by_key(|(_, reach)| std::cmp::Reverse((reach.field.0.len(), clearness(&reach.how))));
        found
    }

    /// The switches of an object: it exists only with them.
    pub fn switches(&self, name: &Name) -> Vec<(&'a Entry, &'a Reach)> {
        let all = self.object(name).iter().copied();
        all.filter(|(_, reach)| {
            reach.field.0.is_empty() && matches!(reach.how, How::Presence { .. } | How::Absence { .. })
        })
        .collect()
    }

    /// Objects that the map knows.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.by_object.keys()
    }
}

/// The better understood the greater.
fn clearness(how: &How) -> u8 {
    match how {
        How::Whole => 6,
        How::Text { .. } => 5,
        How::Choice { .. } => 4,
        How::Each { .. } => 3,
        How::Joined { .. } => 2,
        How::Presence { .. } | How::Absence { .. } => 1,
        How::Renames { .. } | How::Alters => 0,
    }
}
