//! Claims and volumes: protection against deletion in use, the default class.

use serde_json::Value;

use super::ingress::default_class;
use crate::meta;
use crate::quantity::Quantity;
use crate::refusal::Refusal;
use crate::world::World;

/// Annotation by which classes were named before `spec.storageClassName`; it still counts.
pub(super) const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Finalizers of protection on creation; a claim without a class gets the default one whenever it is written.
pub(super) fn mutate(world: &World, id: &str, object: &mut Value, old: Option<&Value>) {
    if id == "persistentvolumes" {
        if old.is_none() {
            meta::add_finalizer(object, "kubernetes.io/pv-protection");
        }
        return;
    }
    let classed = object
        .pointer("/spec/storageClassName")
        .is_some_and(|class| !class.is_null())
        || meta::annotation(object, BETA_CLASS).is_some();
    let is_default = [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ];
    if !classed
        && old.is_none()
        && let Some(class) = default_class(world, "storageclasses.storage.k8s.io", &is_default)
    {
        meta::child_map(object, "spec").insert("storageClassName".to_owned(), class.into());
    }
    if old.is_none() {
        meta::add_finalizer(object, "kubernetes.io/pvc-protection");
    }
}

/// Refuses that a claim grows whose class does not let it.
pub(super) fn may_grow(world: &World, object: &Value, old: &Value) -> Result<(), Refusal> {
    let size = |object: &Value| {
        object
            .pointer("/spec/resources/requests/storage")
            .and_then(Quantity::of)
    };
    if size(object) <= size(old) {
        return Ok(());
    }
    let refused = |why: &str| Err(Refusal::forbidden("persistentvolumeclaims", meta::name(object), why));
    if old.pointer("/status/phase").and_then(Value::as_str) != Some("Bound") {
        return refused("Only bound persistent volume claims can be expanded");
    }
    let class = |object: &Value| {
        let named = object.pointer("/spec/storageClassName").and_then(Value::as_str);
        meta::annotation(object, BETA_CLASS)
            .or(named)
            .unwrap_or_default()
            .to_owned()
    };
    let name = class(object);
    let found = world.get("storageclasses.storage.k8s.io", "", &name);
    let allows = found.is_some_and(|class| class.get("allowVolumeExpansion") == Some(&Value::Bool(true)));
    if name.is_empty() || name != class(old) || !allows {
        return refused(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support \
             resize",
        );
    }
    Ok(())
}
