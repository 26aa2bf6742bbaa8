//! What a profile says of values that rendering cannot find: a template that looks at them in a way no probe brings out.
//!
//! A hint is asked only for a field for which the map knows no value, and put only when the render has shown that it works.

use crate::object::ObjRef;
use crate::profile::ValueHint;
use crate::values::compare::Difference;
use crate::values::field::FieldPath;
use crate::values::map::How;
use crate::values::path::ValuePath;

use super::choose::{Wish, Wisher};
use super::guess::by_guess;
use super::ways::{Scene, Way};
use super::{Kept, Problem};

/// A value that may reach a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// `Kind/name` in the release.
    pub object: String,
    /// The field, whole.
    pub field: FieldPath,
    /// The value whose content the field may be.
    pub value: ValuePath,
}

impl Hint {
    /// Reads a profile's line.
    ///
    /// # Errors
    /// Which part is none, and why.
    pub fn read(line: &ValueHint) -> Result<Self, String> {
        let no = |part: &str, text: &str| format!("hint for `{}`: `{text}` is no {part}", line.object);
        let parts = line
            .object
            .split_once('/')
            .filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
        parts.ok_or_else(|| no("Kind/name", &line.object))?;
        let field: FieldPath = line.field.parse().map_err(|_| no("field", &line.field))?;
        let value: ValuePath = line.value.parse().map_err(|_| no("value", &line.value))?;
        if field.0.is_empty() || value.0.is_empty() {
            return Err(no("field with a value", &line.field));
        }
        Ok(Self {
            object: line.object.clone(),
            field,
            value,
        })
    }

    fn speaks_of(&self, object: &ObjRef, field: &FieldPath) -> bool {
        self.object == format!("{}/{}", object.kind, object.name) && field.0.starts_with(&self.field.0)
    }
}

/// What a difference that no value reaches may listen to, as the profile says.
pub(super) fn wish(hints: &[Hint], scene: &Scene<'_>, object: &ObjRef, difference: &Difference) -> Option<Wish> {
    let mut ways: Vec<Way> = Vec::new();
    for hint in hints.iter().filter(|hint| hint.speaks_of(object, &difference.field)) {
        let guess = (hint.value.clone(), hint.field.clone(), How::Whole);
        ways.extend(by_guess(scene, object, guess, difference));
    }
    let by = Wisher {
        object: object.clone(),
        field: difference.field.clone(),
    };
    (!ways.is_empty()).then_some(Wish { by, ways })
}

/// The hints that something kept rests on.
pub(super) fn used(problem: &Problem<'_>, kept: &[Kept]) -> Vec<Hint> {
    let rests = |hint: &&Hint| {
        let at = |kept: &&Kept| kept.path == hint.value || hint.value.is_above(&kept.path);
        let mut because = kept.iter().filter(at).flat_map(|kept| &kept.because);
        problem
            .map
            .entry(&hint.value)
            .is_none_or(|entry| entry.reaches.is_empty())
            && because.any(|by| hint.speaks_of(&by.object, &by.field))
    };
    problem.hints.iter().filter(rests).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(object: &str, field: &str, value: &str) -> ValueHint {
        ValueHint {
            object: object.to_owned(),
            field: field.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn a_hint_speaks_of_its_field_and_what_is_below() {
        let hint = Hint::read(&line("Deployment/web", "spec.template.spec.hostAliases", "web.aliases")).expect("read");
        let web = ObjRef::new("apps/v1", "Deployment", Some("n"), "web");
        for (field, speaks) in [
            ("spec.template.spec.hostAliases", true),
            ("spec.template.spec.hostAliases[0].ip", true),
            ("spec.template.spec.hostname", false),
            ("spec.template.spec", false),
        ] {
            assert_eq!(
                hint.speaks_of(&web, &field.parse().expect("a field")),
                speaks,
                "{field}"
            );
        }
        let other = ObjRef::new("apps/v1", "Deployment", Some("n"), "worker");
        assert!(!hint.speaks_of(&other, &hint.field));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            line("web", "a", "b"),
            line("Deployment/web", "", "b"),
            line("Deployment/web", "a", ""),
        ] {
            assert!(Hint::read(&bad).is_err(), "{bad:?}");
        }
    }
}
