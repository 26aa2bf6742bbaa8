//! The objects of a render, and how those of another render compare.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::super::field::{FieldPath, FieldStep, item_steps};
use super::super::map::Place;
use super::super::render::Rendered;
use super::diff::{Change, diff, is_checksum};
use super::normal::Restorer;
use super::sentinel::{MarkId, Marks};
use super::sight::sight;
use crate::object::{ObjKey, ObjRef};

/// A render to compare others with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub objects: Vec<Rendered>,
    index: HashMap<ObjKey, usize>,
    /// Fields that are random.
    pub random: BTreeSet<Place>,
}

/// A sentinel in a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sighting {
    pub mark: MarkId,
    pub object: ObjRef,
    pub field: FieldPath,
    pub hook: bool,
    /// True when it is in a key of a map.
    pub in_key: bool,
}

/// A difference that no sentinel explains.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    pub place: Place,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub hook: bool,
    /// The template that makes the object.
    pub source: String,
}

/// What another render shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observation {
    pub sightings: Vec<Sighting>,
    pub decided: Vec<Decided>,
    pub derived: Vec<Place>,
    /// Objects as they were rendered and without sentinels, under the name that they have in the scene.
    pub raw: HashMap<ObjRef, (Value, Value)>,
    /// Objects that a sentinel renames: the sentinel, the object, its name as rendered, what the sentinel stands for.
    pub renamed: Vec<(MarkId, ObjRef, String, String)>,
}

impl Scene {
    /// From a render.
    pub fn new(objects: Vec<Rendered>) -> Self {
        let index = objects
            .iter()
            .enumerate()
            .map(|(at, r)| (r.object.reference().key(), at))
            .collect();
        Self {
            objects,
            index,
            random: BTreeSet::new(),
        }
    }

    /// Notes what another render with the same values has otherwise.
    pub fn learn_noise(&mut self, again: &[Rendered]) {
        let seen = self.observe(again, &Marks::default());
        self.random
            .extend(seen.decided.into_iter().map(|d| d.place).chain(seen.derived));
    }

    /// Every run of digits in the objects, so that no sentinel number is one of them.
    pub fn numbers(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for rendered in &self.objects {
            let text = rendered.object.0.to_string();
            found.extend(
                text.split(|c: char| !c.is_ascii_digit())
                    .filter(|run| run.len() == 5)
                    .map(str::to_owned),
            );
        }
        found
    }

    /// Compares another render, in which some values are sentinels.
    pub fn observe(&self, rendered: &[Rendered], marks: &Marks) -> Observation {
        let mut instead = HashMap::new();
        let first = self.observe_with(rendered, marks, &instead);
        // Names made up by the chart stand behind sentinels of values that are empty: know them, and look again.
        for (mark, _, _, plain) in &first.renamed {
            instead.entry(*mark).or_insert_with(|| plain.clone());
        }
        if instead.is_empty() {
            return first;
        }
        let mut second = self.observe_with(rendered, marks, &instead);
        second.renamed = first.renamed;
        second
    }

    fn observe_with(&self, rendered: &[Rendered], marks: &Marks, instead: &HashMap<MarkId, String>) -> Observation {
        let restorer = Restorer { marks, instead };
        let mut seen = Observation::default();
        let mut gone: BTreeSet<usize> = (0..self.objects.len()).collect();
        let mut strange = Vec::new();
        for other in rendered {
            let mut reference = other.object.reference();
            let name = restorer.text(&reference.name).filter(|name| !name.is_empty());
            if let Some(name) = name {
                reference.name = name;
            }
            match self.index.get(&reference.key()) {
                Some(at) if gone.remove(at) => self.compare(*at, other, &restorer, &mut seen),
                _ => strange.push(other),
            }
        }
        // What has a sentinel in its name and comes from the template of one that is gone is that one under another name.
        for other in strange {
            let sights = marks.in_text(other.object.name());
            let twin = sights.first().and_then(|sight| {
                let is_twin = |at: &&usize| {
                    let one = &self.objects[**at];
                    one.source == other.source && one.object.kind() == other.object.kind()
                };
                let mut twins = gone.iter().filter(is_twin);
                // The nearest in the template's order; names tell which when the rest of them is the same.
                let of_name = |at: &&usize| {
                    stands_for(
                        self.objects[**at].object.name(),
                        other.object.name(),
                        sight.from,
                        sight.to,
                    )
                    .is_some()
                };
                let at = twins.find(of_name).copied();
                at.map(|at| (*sight, at))
            });
            match twin {
                Some((sight, at)) => {
                    gone.remove(&at);
                    let (old, new) = (self.objects[at].object.name(), other.object.name());
                    let plain = stands_for(old, new, sight.from, sight.to).unwrap_or_default();
                    let reference = self.objects[at].object.reference();
                    seen.renamed.push((sight.mark, reference, new.to_owned(), plain));
                    self.compare(at, other, &restorer, &mut seen);
                }
                None => self.appeared(other, marks, &mut seen),
            }
        }
        for at in gone {
            let one = &self.objects[at];
            let place = Place {
                object: one.object.reference(),
                field: FieldPath::default(),
            };
            if !self.random.contains(&place) {
                seen.decided.push(Decided {
                    place,
                    before: Some(one.object.0.clone()),
                    after: None,
                    hook: !one.hooks.is_empty(),
                    source: one.source.clone(),
                });
            }
        }
        seen
    }

    /// An object that is not in the scene.
    fn appeared(&self, other: &Rendered, marks: &Marks, seen: &mut Observation) {
        let reference = other.object.reference();
        let place = Place {
            object: reference.clone(),
            field: FieldPath::default(),
        };
        let hook = !other.hooks.is_empty();
        sight(
            &other.object.0,
            &other.object.0,
            &FieldPath::default(),
            marks,
            &mut |mark, field, in_key| {
                let object = reference.clone();
                seen.sightings.push(Sighting {
                    mark,
                    object,
                    field,
                    hook,
                    in_key,
                });
            },
        );
        seen.raw
            .insert(reference, (other.object.0.clone(), other.object.0.clone()));
        // Even with sentinels in it, that it exists at all is somebody's decision.
        seen.decided.push(Decided {
            place,
            before: None,
            after: Some(other.object.0.clone()),
            hook,
            source: other.source.clone(),
        });
    }

    fn compare(&self, at: usize, other: &Rendered, restorer: &Restorer<'_>, seen: &mut Observation) {
        let base = &self.objects[at];
        // What is as it was holds no sentinel: those are chosen so that they are in none of these objects.
        if other.object == base.object {
            return;
        }
        let reference = base.object.reference();
        let hook = !base.hooks.is_empty();
        let plain = restorer.value(&other.object.0);
        let mut sighted: Vec<FieldPath> = Vec::new();
        sight(
            &other.object.0,
            &plain,
            &FieldPath::default(),
            restorer.marks,
            &mut |mark, field, in_key| {
                let object = reference.clone();
                // Random digits may be those of a number's sentinel.
                if restorer.marks.is_number(mark) && self.is_random_at(&object, &field) {
                    return;
                }
                sighted.push(field.clone());
                seen.sightings.push(Sighting {
                    mark,
                    object,
                    field,
                    hook,
                    in_key,
                });
            },
        );
        seen.raw
            .insert(reference.clone(), (other.object.0.clone(), plain.clone()));
        if plain == base.object.0 {
            return;
        }
        for Change { field, before, after } in diff(&base.object.0, &plain) {
            let place = Place {
                object: reference.clone(),
                field,
            };
            if self.is_random(&place) || sighted.iter().any(|field| place.field.is_above(field)) {
                continue;
            }
            if is_checksum(before.as_ref(), after.as_ref()) {
                seen.derived.push(place);
            } else {
                seen.decided.push(Decided {
                    place,
                    before,
                    after,
                    hook,
                    source: base.source.clone(),
                });
            }
        }
    }

    /// True for random fields and for what is above or below them.
    fn is_random(&self, place: &Place) -> bool {
        self.is_random_at(&place.object, &place.field)
    }

    fn is_random_at(&self, object: &ObjRef, field: &FieldPath) -> bool {
        let mut same = self.random.iter().filter(|random| random.object == *object);
        same.any(|random| random.field.is_above(field) || field.is_above(&random.field))
    }
}

/// What a sentinel stands for when `new`, in which it is from one place to another, is otherwise `old`.
fn stands_for(old: &str, new: &str, from: usize, to: usize) -> Option<String> {
    let rest = old.strip_prefix(&new[..from])?.strip_suffix(&new[to..])?;
    (!rest.is_empty()).then(|| rest.to_owned())
}

impl Observation {
    /// A field as it was rendered.
    pub fn raw_at(&self, object: &ObjRef, field: &FieldPath) -> Option<&Value> {
        let (mut raw, mut plain) = self.raw.get(object).map(|(raw, plain)| (raw, plain))?;
        for step in &field.0 {
            let at = match (step, plain) {
                (FieldStep::Key(key), Value::Object(map)) => map.keys().position(|k| k == key)?,
                (step, Value::Array(items)) => item_steps(name_of_list(field, step), items)
                    .iter()
                    .position(|s| s == step)?,
                _ => return None,
            };
            (raw, plain) = (nth(raw, at)?, nth(plain, at)?);
        }
        Some(raw)
    }
}

/// The name of the list that a step of a path goes into.
fn name_of_list<'a>(field: &'a FieldPath, step: &FieldStep) -> &'a str {
    let at = field.0.iter().position(|s| std::ptr::eq(s, step)).unwrap_or_default();
    match at.checked_sub(1).and_then(|at| field.0.get(at)) {
        Some(FieldStep::Key(key)) => key,
        _ => "",
    }
}

fn nth(value: &Value, at: usize) -> Option<&Value> {
    match value {
        Value::Object(map) => map.values().nth(at),
        Value::Array(items) => items.get(at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::Object;

    fn rendered(value: Value) -> Rendered {
        Rendered {
            object: Object(value),
            source: "c/templates/x.yaml".to_owned(),
            hooks: Vec::new(),
        }
    }

    fn config(name: &str, data: Value) -> Rendered {
        rendered(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}))
    }

    #[test]
    fn sentinels_explain_what_they_touch_and_nothing_else() {
        let mut marks = Marks::default();
        let (mark, text) = marks.text(json!("old"));
        let scene = Scene::new(vec![
            config("a", json!({"x": "old!", "y": "1"})),
            config("b", json!({})),
        ]);
        let seen = scene.observe(&[config("a", json!({"x": format!("{text}!"), "y": "2"}))], &marks);
        assert_eq!(seen.sightings[0].field.to_string(), "data.x");
        assert_eq!(seen.sightings[0].mark, mark);
        let decided: Vec<String> = seen
            .decided
            .iter()
            .map(|d| format!("{} {}", d.place.object, d.place.field))
            .collect();
        assert_eq!(decided, ["ConfigMap/a data.y", "ConfigMap/b "]);
    }

    #[test]
    fn a_renamed_object_is_the_same_object() {
        let mut marks = Marks::default();
        let (mark, text) = marks.text(json!(""));
        let of = |name: &str| config(&format!("{name}-api"), json!({"ref": format!("{name}-other")}));
        let seen = Scene::new(vec![of("rel-chart")]).observe(&[of(&text)], &marks);
        assert!(seen.decided.is_empty(), "{:?}", seen.decided);
        let (renamed, object, _, plain) = &seen.renamed[0];
        assert_eq!(
            (*renamed, object.name.as_str(), plain.as_str()),
            (mark, "rel-chart-api", "rel-chart")
        );
    }

    #[test]
    fn what_is_random_is_noise() {
        let mut scene = Scene::new(vec![config("a", json!({"token": "abc"}))]);
        scene.learn_noise(&[config("a", json!({"token": "xyz"}))]);
        assert_eq!(scene.random.len(), 1);
        assert!(
            scene
                .observe(&[config("a", json!({"token": "qqq"}))], &Marks::default())
                .decided
                .is_empty()
        );
    }
}
