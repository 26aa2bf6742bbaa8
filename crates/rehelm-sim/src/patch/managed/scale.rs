//! Who owns an object's replicas after they were set through `scale`.
//!
//! The server accounts for a Scale of its own and takes over what it says of `spec.replicas`. A Scale leaves out zero,
//! so that scaling to nothing leaves the replicas to nobody; and what nobody owns is not tracked by later scaling. The
//! entries have no time.

use serde_json::Value;

use crate::kinds::Kind;
use crate::meta;
use crate::patch::fieldset::{Element, FieldSet};
use crate::patch::managers::{self, Manager};
use crate::world::Writer;

/// The account after the replicas were set from `old` to `new`.
pub(super) fn account(kind: &Kind, old: &Value, new: &Value, writer: &Writer) -> Option<Value> {
    let held = meta::get(old, "managedFields");
    let path = path(kind);
    let replicas = |object: &Value| -> i64 {
        let found = path.iter().try_fold(object, |at, name| at.get(name));
        found.and_then(Value::as_i64).unwrap_or(0)
    };
    let fields: Vec<Element> = path.iter().map(|name| Element::field(name)).collect();
    let mut managers = managers::read(held).unwrap_or_default();
    let owned = managers.iter().any(|manager| manager.set.has(&fields));
    if replicas(old) == replicas(new) || !owned {
        return held.cloned();
    }
    let mut set = FieldSet::default();
    set.insert(&fields);
    managers.retain_mut(|manager| {
        manager.set.difference(&set);
        !manager.set.is_empty()
    });
    if replicas(new) != 0 {
        managers.push(Manager {
            name: writer.manager.clone(),
            applied: false,
            api_version: kind.api_version(),
            subresource: writer.subresource.clone(),
            time: None,
            set,
        });
    }
    managers::write(managers)
}

/// Where the replicas are.
fn path(kind: &Kind) -> Vec<String> {
    let own = kind.scale.as_ref().map_or(".spec.replicas", |paths| &paths.spec);
    own.split('.')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
