//! What objects of a render are called in the map, when values have given them other names.

use std::collections::BTreeMap;

use super::index::{Index, Name, name_of};
use crate::values::render::Rendered;

/// Names as the chart has them by itself, by the template that makes them.
pub(super) struct Names {
    /// Template and kind → names in the order of the render.
    start: BTreeMap<(String, String), Vec<Name>>,
    known: std::collections::BTreeSet<Name>,
}

impl Names {
    pub fn new(index: &Index<'_>, start: &[Rendered]) -> Self {
        let mut by_template: BTreeMap<(String, String), Vec<Name>> = BTreeMap::new();
        for made in start {
            let name = name_of(&made.object.reference());
            by_template
                .entry((made.source.clone(), name.1.clone()))
                .or_default()
                .push(name);
        }
        Self {
            start: by_template,
            known: index.names().cloned().collect(),
        }
    }

    /// For every object of a render that is called otherwise: its name, its name in the map.
    pub fn of(&self, rendered: &[Rendered]) -> BTreeMap<Name, Name> {
        let mut out = BTreeMap::new();
        let mut nth: BTreeMap<(String, String), usize> = BTreeMap::new();
        for made in rendered {
            let name = name_of(&made.object.reference());
            let template = (made.source.clone(), name.1.clone());
            let at = nth.entry(template.clone()).or_default();
            let usual = self.start.get(&template).and_then(|names| names.get(*at));
            *at += 1;
            if let Some(usual) = usual.filter(|usual| **usual != name && !self.known.contains(&name)) {
                out.insert(name, usual.clone());
            }
        }
        out
    }
}
