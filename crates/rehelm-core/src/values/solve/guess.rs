//! Values that the map does not know, as if it did.

use serde_json::Value;

use super::ways::{Scene, Way, by};
use crate::object::ObjRef;
use crate::values::compare::Difference;
use crate::values::field::FieldPath;
use crate::values::map::{Entry, How, Origin, Reach};
use crate::values::path::ValuePath;

/// Ways by a value that the map does not know, should it reach `field` in such a way.
pub(super) fn by_guess(
    scene: &Scene<'_>,
    object: &ObjRef,
    (path, field, how): (ValuePath, FieldPath, How),
    difference: &Difference,
) -> Vec<Way> {
    let entry = Entry {
        path,
        origin: Origin::Hidden,
        default: Value::Null,
        reaches: Vec::new(),
        note: None,
    };
    let reach = Reach {
        object: object.clone(),
        field,
        how,
        hook: false,
        given: Vec::new(),
    };
    by(scene, &entry, &reach, difference)
}
