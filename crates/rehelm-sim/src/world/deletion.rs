//! Deletion: preconditions, propagation, grace, finalizers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::World;
use crate::controllers::definitions::{self, DEFINITIONS};
use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Refusal;
use crate::timeline::Time;

/// `metav1.DeleteOptions`, query and body joined.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    /// `Background`, `Foreground`, `Orphan`; None leaves it to the kind.
    pub propagation: Option<String>,
    pub grace_seconds: Option<i64>,
    pub dry_run: bool,
}

/// An object whose deletion was asked for and that nothing holds any more.
pub(super) fn is_done(object: &Value) -> bool {
    let grace = meta::get(object, "deletionGracePeriodSeconds").and_then(Value::as_i64);
    let held = object.get("kind").is_some_and(|kind| kind == "Namespace")
        && object
            .pointer("/spec/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
    meta::is_terminating(object) && meta::finalizers(object).is_empty() && grace.unwrap_or(0) == 0 && !held
}

/// Namespaces that every cluster needs.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// Finalizers after a deletion was asked for in this way: only those of propagation come and go.
fn propagate(id: &str, object: &mut Value, wanted: Option<&str>) {
    if matches!(id, "events" | "events.events.k8s.io") {
        return;
    }
    let has = |name: &str| meta::finalizers(object).contains(&name);
    let wanted = match wanted {
        Some(wanted) => wanted,
        None if has(ORPHAN) => "Orphan",
        None if has(FOREGROUND) => "Foreground",
        // Kept for clients older than propagation policies.
        None if matches!(id, "jobs.batch" | "replicationcontrollers") => "Orphan",
        None => "Background",
    };
    let (orphan, foreground) = (wanted == "Orphan", wanted == "Foreground");
    if orphan == has(ORPHAN) && foreground == has(FOREGROUND) {
        return;
    }
    meta::drop_finalizer(object, ORPHAN);
    meta::drop_finalizer(object, FOREGROUND);
    if orphan {
        meta::add_finalizer(object, ORPHAN);
    }
    if foreground {
        meta::add_finalizer(object, FOREGROUND);
    }
}

/// Refuses a deletion whose preconditions do not hold.
fn preconditions(kind: &Kind, old: &Value, options: &DeleteOptions) -> Result<(), Refusal> {
    let (uid, version) = (meta::uid(old), meta::resource_version(old));
    let wrong_uid = options.uid.as_deref().filter(|wanted| *wanted != uid);
    let wrong_version = options.resource_version.as_deref().filter(|wanted| *wanted != version);
    // Namespaces and CRDs look first themselves, in words of their own.
    let own = matches!(
        &*kind.id,
        "namespaces" | "customresourcedefinitions.apiextensions.k8s.io"
    );
    let why = match (wrong_uid, wrong_version) {
        (Some(wanted), _) if own => {
            format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}")
        }
        (None, Some(wanted)) if own => format!(
            "Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {version}"
        ),
        (Some(wanted), _) => format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        ),
        (None, Some(wanted)) => format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        ),
        (None, None) => return Ok(()),
    };
    let named = if own { kind.id.to_string() } else { kind.qualified() };
    Err(Refusal::conflict(&named, meta::name(old), &why))
}

/// How a deletion changes an object before it is decided whether it goes at once.
enum Step {
    /// It is going already, no sooner than asked for now.
    Pending,
    /// It has no grace period, or none is left.
    Now,
    /// Its grace period began, or became shorter.
    Graceful(i64),
}

fn bump_generation(object: &mut Value) {
    let generation = meta::get(object, "generation").and_then(Value::as_i64).unwrap_or(0);
    if generation > 0 {
        meta::set(object, "generation", (generation + 1).into());
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// Grace periods are for pods only: they begin, and may become shorter.
fn graceful(id: &str, object: &mut Value, options: &DeleteOptions, now: Time) -> Step {
    if id != "pods" {
        return Step::Now;
    }
    let asked = options.grace_seconds.map(|asked| if asked < 0 { 1 } else { asked });
    if meta::is_terminating(object) {
        let left = meta::get(object, "deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        return match asked {
            _ if left == 0 => Step::Now,
            Some(asked) if asked < left => {
                shorten(object, left, asked, now);
                let left = meta::get(object, "deletionGracePeriodSeconds").and_then(Value::as_i64);
                Step::Graceful(left.unwrap_or(0))
            }
            _ => Step::Pending,
        };
    }
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let own = object
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_i64);
    let ended = matches!(text("/status/phase"), "Failed" | "Succeeded");
    let period = if text("/spec/nodeName").is_empty() || ended {
        0
    } else {
        asked.or(own).map_or(0, |period| if period < 0 { 1 } else { period })
    };
    meta::set(object, "deletionTimestamp", now.after(seconds(period)).rfc3339().into());
    meta::set(object, "deletionGracePeriodSeconds", period.into());
    bump_generation(object);
    Step::Graceful(period)
}

/// Moves the end of a grace period forward, but not into the past.
fn shorten(object: &mut Value, left: i64, asked: i64, now: Time) {
    let end: Option<jiff::Timestamp> = meta::text(object, "deletionTimestamp").parse().ok();
    let end = end.map_or(0, |end| end.as_second()) - left + asked;
    let this = now.0.div_euclid(1_000_000_000);
    let (end, period) = match end < this {
        true if asked == 0 => (this, 0),
        true => (this, 1),
        false => (end, asked),
    };
    meta::set(
        object,
        "deletionTimestamp",
        Time(end.saturating_mul(1_000_000_000)).rfc3339().into(),
    );
    meta::set(object, "deletionGracePeriodSeconds", period.into());
}

/// Held by finalizers: it waits for them, without grace.
fn mark(object: &mut Value, now: Time) {
    let stamp = now.rfc3339();
    if !meta::is_terminating(object) {
        bump_generation(object);
    }
    if !meta::is_terminating(object) || meta::text(object, "deletionTimestamp") > stamp.as_str() {
        meta::set(object, "deletionTimestamp", stamp.into());
    }
    meta::set(object, "deletionGracePeriodSeconds", 0.into());
}

impl World {
    /// Deletes an object, or marks it when something holds it; the second value is true when it is gone.
    pub fn delete(
        &mut self,
        kind: &Kind,
        old: &Arc<Value>,
        options: &DeleteOptions,
    ) -> Result<(Arc<Value>, bool), Refusal> {
        let name = meta::name(old);
        preconditions(kind, old, options)?;
        if &*kind.id == "namespaces" && IMMORTAL.contains(&name) {
            let why = "this namespace may not be deleted";
            return Err(Refusal::forbidden("namespaces", name, why));
        }
        if matches!(&*kind.id, "namespaces" | DEFINITIONS) && !meta::is_terminating(old) {
            return Ok((self.begin_to_end(kind, old, options), false));
        }
        if &*kind.id == "namespaces" && !is_done(old) {
            return Ok((old.clone(), false));
        }
        let mut object = (**old).clone();
        let step = graceful(&kind.id, &mut object, options, self.now());
        if matches!(step, Step::Pending) {
            return Ok((old.clone(), false));
        }
        propagate(&kind.id, &mut object, options.propagation.as_deref());
        let held = !meta::finalizers(&object).is_empty();
        let waits = match step {
            Step::Graceful(period) => held || period > 0,
            _ => held,
        };
        if held && matches!(step, Step::Now) {
            mark(&mut object, self.now());
        }
        if options.dry_run {
            return Ok((Arc::new(object), !waits));
        }
        if waits {
            let stored = if object == **old {
                old.clone()
            } else {
                self.store.put(&kind.id, object)
            };
            return Ok((stored, false));
        }
        if matches!(step, Step::Graceful(_)) {
            // The server writes the end of the grace period first: watches see both.
            object = (*self.store.put(&kind.id, object)).clone();
        }
        Ok((self.take_away(kind, &object), true))
    }

    /// Namespaces and CRDs are emptied before they go: what is in them, by their controllers.
    fn begin_to_end(&mut self, kind: &Kind, old: &Arc<Value>, options: &DeleteOptions) -> Arc<Value> {
        let mut object = (**old).clone();
        let now = self.now().rfc3339();
        if &*kind.id == DEFINITIONS {
            definitions::before_deletion(&mut object, &now);
        } else {
            propagate(&kind.id, &mut object, options.propagation.as_deref());
            meta::child_map(&mut object, "status").insert("phase".to_owned(), "Terminating".into());
        }
        meta::set(&mut object, "deletionTimestamp", now.into());
        if options.dry_run {
            return Arc::new(object);
        }
        let stored = self.store.put(&kind.id, object);
        self.after_write(kind, &stored);
        stored
    }

    /// Removes the object from the store.
    pub(super) fn take_away(&mut self, kind: &Kind, object: &Value) -> Arc<Value> {
        if &*kind.id == "customresourcedefinitions.apiextensions.k8s.io" {
            self.kinds.drop_crd(meta::name(object));
        }
        let gone = self.store.remove(&kind.id, meta::namespace(object), meta::name(object));
        gone.unwrap_or_else(|| Arc::new(object.clone()))
    }

    /// For controllers: deletes in the background; Ok when it is already gone.
    pub fn remove(&mut self, resource: &str, namespace: &str, name: &str) -> Result<(), Refusal> {
        let kind = self.kind(resource)?;
        if let Some(old) = self.get(resource, namespace, name) {
            let options = DeleteOptions {
                uid: Some(meta::uid(&old).to_owned()),
                propagation: Some("Background".to_owned()),
                ..DeleteOptions::default()
            };
            self.delete(&kind, &old, &options)?;
        }
        Ok(())
    }

    /// For the node's stand-in: the pod has ended, its grace period is over.
    pub fn end_pod(&mut self, namespace: &str, name: &str) -> Result<(), Refusal> {
        let kind = self.kind("pods")?;
        let Some(old) = self.get("pods", namespace, name) else {
            return Ok(());
        };
        let mut object = (*old).clone();
        meta::set(&mut object, "deletionGracePeriodSeconds", 0.into());
        if is_done(&object) {
            self.take_away(&kind, &old);
        } else {
            self.store.put(&kind.id, object);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
