//! Deletion: preconditions, propagation, grace, finalizers.

use std::sync::Arc;

use serde_json::Value;

use super::{World, Writer};
use crate::controllers::definitions;
use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Refusal;

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
    meta::is_terminating(object) && meta::finalizers(object).is_empty() && grace.unwrap_or(0) == 0
}

impl World {
    /// Deletes an object, or marks it when something holds it; the second value is true when it is gone.
    pub fn delete(
        &mut self,
        kind: &Kind,
        old: &Arc<Value>,
        options: &DeleteOptions,
    ) -> Result<(Arc<Value>, bool), Refusal> {
        let name = meta::name(old).to_owned();
        if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != meta::uid(old)) {
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                meta::uid(old)
            );
            return Err(Refusal::conflict(&kind.id, &name, &why));
        }
        if let Some(version) = options
            .resource_version
            .as_deref()
            .filter(|v| *v != meta::resource_version(old))
        {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {}",
                meta::resource_version(old)
            );
            return Err(Refusal::conflict(&kind.id, &name, &why));
        }
        let mut object = (**old).clone();
        if &*kind.id == definitions::DEFINITIONS {
            definitions::before_deletion(&mut object, &self.now().rfc3339());
        }
        match options.propagation.as_deref() {
            Some("Foreground") => meta::add_finalizer(&mut object, "foregroundDeletion"),
            Some("Orphan") => meta::add_finalizer(&mut object, "orphan"),
            _ => {}
        }
        let grace = self.grace(kind, &object, options);
        if meta::finalizers(&object).is_empty() && grace == 0 {
            if options.dry_run {
                return Ok((old.clone(), true));
            }
            return Ok((self.take_away(kind, old), true));
        }
        if !meta::is_terminating(&object) {
            let ends = self
                .now()
                .after(std::time::Duration::from_secs(u64::try_from(grace).unwrap_or(0)));
            meta::set(&mut object, "deletionTimestamp", ends.rfc3339().into());
            meta::set(&mut object, "deletionGracePeriodSeconds", grace.into());
            if let Some(generation) = meta::get(&object, "generation").and_then(Value::as_i64) {
                meta::set(&mut object, "generation", (generation + 1).into());
            }
        } else if grace == 0 {
            meta::set(&mut object, "deletionGracePeriodSeconds", 0.into());
        }
        if options.dry_run || object == **old {
            return Ok((Arc::new(object), false));
        }
        Ok((self.store.put(&kind.id, object), false))
    }

    /// Seconds that an object is given to end: only pods that run somewhere have any.
    fn grace(&self, kind: &Kind, object: &Value, options: &DeleteOptions) -> i64 {
        if &*kind.id != "pods" || object.pointer("/spec/nodeName").is_none() {
            return 0;
        }
        let phase = object
            .pointer("/status/phase")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if matches!(phase, "Succeeded" | "Failed") {
            return 0;
        }
        let own = object
            .pointer("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_i64);
        options.grace_seconds.or(own).unwrap_or(30)
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
            let mut writer = Writer::new("kubelet", "");
            writer.tracks = false;
            self.store.put(&kind.id, object);
        }
        Ok(())
    }
}
