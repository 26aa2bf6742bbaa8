//! The default IngressClass.

use serde_json::Value;

use crate::meta;
use crate::world::World;

/// Of several classes that say that they are the default the newest; of those of one age the first by name.
pub(super) fn default_class(world: &World, resource: &str, annotations: &[&str]) -> Option<String> {
    let classes = world.list(resource, None);
    let chosen = classes
        .iter()
        .filter(|class| {
            annotations
                .iter()
                .any(|key| meta::annotation(class, key) == Some("true"))
        })
        .min_by(|a, b| {
            let (ours, theirs) = (meta::text(a, "creationTimestamp"), meta::text(b, "creationTimestamp"));
            theirs.cmp(ours).then_with(|| meta::name(a).cmp(meta::name(b)))
        });
    chosen.map(|class| meta::name(class).to_owned())
}

/// Ingresses that name no class get the default one.
pub(super) fn set_default_class(world: &World, object: &mut Value) {
    let named = object
        .pointer("/spec/ingressClassName")
        .is_some_and(|class| !class.is_null());
    if named || meta::annotation(object, "kubernetes.io/ingress.class").is_some() {
        return;
    }
    let annotation = ["ingressclass.kubernetes.io/is-default-class"];
    if let Some(class) = default_class(world, "ingressclasses.networking.k8s.io", &annotation) {
        meta::child_map(object, "spec").insert("ingressClassName".to_owned(), class.into());
    }
}
