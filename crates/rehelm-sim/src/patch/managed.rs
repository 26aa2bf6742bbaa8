//! `metadata.managedFields`: who owns which field, brought up to date by every write that is not server-side apply.
//!
//! A writer owns what its write adds or changes; everybody else loses that, and all lose what is removed. Whose write
//! changes nothing owns nothing new. Entries keep their time unless their manager changed something.

mod scale;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::compare::{Comparison, compare};
use super::fieldset::Element;
use super::managers::{self, Manager};
use super::reset;
use super::typed::Root;
use crate::convert;
use crate::kinds::Kind;
use crate::meta;
use crate::timeline::Time;
use crate::world::Writer;

/// Takes the account out of an object, to be given to [`track`] when the object was decoded.
pub(crate) fn take(object: &mut Value) -> Option<Value> {
    object
        .get_mut("metadata")?
        .as_object_mut()?
        .shift_remove("managedFields")
}

/// Brings the account of fields up to date.
///
/// `kind` is in the version of the request: entries name its fields. `object` is what will be stored but for what admission
/// adds: that belongs to nobody. `sent` is the account that the
/// writer sent; server-side apply brings its own.
pub(crate) fn track(
    kind: &Kind,
    old: Option<&Arc<Value>>,
    object: &mut Value,
    sent: Option<Value>,
    writer: &Writer,
    now: Time,
) {
    if !writer.tracks {
        if let Some(sent) = sent {
            meta::set(object, "managedFields", sent);
        }
        return;
    }
    let held = old.and_then(|old| meta::get(old, "managedFields"));
    if let (Some(old), "scale") = (old, writer.subresource.as_str()) {
        if let Some(account) = scale::account(kind, old, object, writer) {
            meta::set(object, "managedFields", account);
        }
        return;
    }
    let before = account(sent, held, !writer.subresource.is_empty());
    let account = match before {
        // Who asked to forget all managers, or never had any, is not tracked again by an update.
        Account::Empty if old.is_some() => None,
        Account::Empty => update(kind, old, object, Vec::new(), writer, now),
        Account::Same => {
            let root = Root::of(kind);
            let found = differences(&root, kind, old, object, &writer.subresource);
            if found.is_empty() {
                held.cloned()
            } else {
                let managers = managers::read(held).unwrap_or_default();
                managers::write(updated(kind, found, managers, writer, now))
            }
        }
        Account::Sent(managers) => update(kind, old, object, managers, writer, now),
    };
    if let Some(account) = account {
        meta::set(object, "managedFields", account);
    }
}

/// Where the account before the write comes from.
enum Account {
    /// There is none.
    Empty,
    /// What the stored object says.
    Same,
    /// What the writer says.
    Sent(Vec<Manager>),
}

fn account(sent: Option<Value>, held: Option<&Value>, subresource: bool) -> Account {
    let stored = || match managers::read(held) {
        Some(managers) if !managers.is_empty() => Account::Same,
        _ => Account::Empty,
    };
    let Some(Value::Array(entries)) = sent.filter(|_| !subresource) else {
        return stored();
    };
    let nothing = |entry: &Value| entry.as_object().is_some_and(Map::is_empty);
    if entries.is_empty() || (entries.len() == 1 && nothing(&entries[0])) {
        return Account::Empty;
    }
    let sent = Value::Array(entries);
    if Some(&sent) == held {
        return stored();
    }
    match managers::read(Some(&sent)) {
        Some(managers) if !managers.is_empty() => Account::Sent(managers),
        _ => stored(),
    }
}

fn update(
    kind: &Kind,
    old: Option<&Arc<Value>>,
    object: &Value,
    managers: Vec<Manager>,
    writer: &Writer,
    now: Time,
) -> Option<Value> {
    let found = differences(&Root::of(kind), kind, old, object, &writer.subresource);
    managers::write(updated(kind, found, managers, writer, now))
}

fn differences(root: &Root, kind: &Kind, old: Option<&Arc<Value>>, object: &Value, subresource: &str) -> Comparison {
    let nothing = Value::Object(Map::new());
    let old = old.map_or(&nothing, |old| &**old);
    let found = if kind.is_stored() {
        compare(root, old, object)
    } else {
        let shown = |object: &Value| convert::to_version(kind, object.clone());
        compare(root, &shown(old), &shown(object))
    };
    let mut reset = reset::fields(kind, subresource);
    if &*kind.id == "namespaces" {
        // The server adds it after it accounted for the fields.
        reset.insert(&[Element::field("spec"), Element::field("finalizers")]);
    }
    found.without(&reset)
}

/// The account after a write that made these differences.
pub(super) fn updated(
    kind: &Kind,
    found: Comparison,
    mut managers: Vec<Manager>,
    writer: &Writer,
    now: Time,
) -> Vec<Manager> {
    let changed = found.set();
    managers.retain_mut(|manager| {
        manager.set.difference(&changed);
        manager.set.difference(&found.removed);
        !manager.set.is_empty()
    });
    if !changed.is_empty() {
        let mut own = Manager {
            name: writer.manager.clone(),
            applied: false,
            api_version: kind.api_version(),
            subresource: writer.subresource.clone(),
            time: Some(now.rfc3339()),
            set: changed,
        };
        match managers.iter_mut().find(|manager| manager.is(&own)) {
            Some(manager) => {
                own.set.union(std::mem::take(&mut manager.set));
                *manager = own;
            }
            None => managers.push(own),
        }
    }
    managers::cap(&mut managers);
    managers
}

/// Gives the entries their old times when nothing but times has changed, so that such a write is none.
pub(crate) fn keep_times(old: &Value, object: &mut Value) {
    let (Some(before), Some(after)) = (meta::get(old, "managedFields"), meta::get(object, "managedFields")) else {
        return;
    };
    let timeless = |list: &Value| -> Vec<Value> {
        let mut entries = list.as_array().cloned().unwrap_or_default();
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            entry.shift_remove("time");
        }
        entries
    };
    if before == after || timeless(before) != timeless(after) {
        return;
    }
    let rest_is_same = {
        let keys = |value: &Value| value.as_object().map_or(0, Map::len);
        let metadata = |value: &'_ Value| value.get("metadata").cloned().unwrap_or_default();
        let (mut a, mut b) = (metadata(old), metadata(object));
        for metadata in [&mut a, &mut b] {
            if let Some(map) = metadata.as_object_mut() {
                map.shift_remove("managedFields");
            }
        }
        let fields = old.as_object().into_iter().flatten();
        a == b
            && keys(old) == keys(object)
            && fields
                .filter(|(key, _)| *key != "metadata")
                .all(|(key, value)| object.get(key) == Some(value))
    };
    if rest_is_same {
        let before = before.clone();
        meta::set(object, "managedFields", before);
    }
}
