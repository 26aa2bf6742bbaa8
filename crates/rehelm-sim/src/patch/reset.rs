//! Fields that the server sets back on a write, and that no writer can own therefore.
//!
//! Source: the strategies' `GetResetFields` of Kubernetes 1.35.

use super::fieldset::{Element, FieldSet};
use crate::kinds::Kind;

/// Kinds whose `status` subresource sets all of `metadata` back.
const WHOLE_METADATA: &[&str] = &[
    "apiservices.apiregistration.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "devicetaintrules.resource.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "resourceclaims.resource.k8s.io",
    "storageversionmigrations.storagemigration.k8s.io",
    "storageversions.internal.apiserver.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "volumeattachments.storage.k8s.io",
];

/// What a write of this kind through this subresource sets back.
pub(crate) fn fields(kind: &Kind, subresource: &str) -> FieldSet {
    let mut set = FieldSet::default();
    let mut add = |path: &[&str]| {
        let path: Vec<Element> = path.iter().map(|name| Element::field(name)).collect();
        set.insert(&path);
    };
    match (&*kind.id, subresource) {
        ("servicecidrs.networking.k8s.io", _) => {}
        ("certificatesigningrequests.certificates.k8s.io", "approval") => {
            add(&["spec"]);
            add(&["status", "certificate"]);
        }
        ("certificatesigningrequests.certificates.k8s.io", "status") => {
            add(&["spec"]);
            add(&["status", "conditions"]);
        }
        ("certificatesigningrequests.certificates.k8s.io", _) => {
            add(&["spec"]);
            add(&["status"]);
        }
        ("deployments.apps", "status") => {
            add(&["spec"]);
            add(&["metadata", "labels"]);
        }
        ("pods", "status") => {
            add(&["spec"]);
            add(&["metadata", "deletionTimestamp"]);
            add(&["metadata", "ownerReferences"]);
        }
        (id, "status") => {
            add(&["spec"]);
            if WHOLE_METADATA.contains(&id) {
                add(&["metadata"]);
            }
        }
        (_, "" | "finalize") if kind.has_subresource("status") => add(&["status"]),
        _ => {}
    }
    set
}

/// Fields of `metadata` that a write through `status` sets back.
pub(crate) fn metadata(kind: &Kind) -> &'static [&'static str] {
    match &*kind.id {
        "deployments.apps" => &["labels"],
        "pods" => &["ownerReferences"],
        id if kind.crd.is_some() || WHOLE_METADATA.contains(&id) => {
            &["annotations", "finalizers", "generateName", "labels", "ownerReferences"]
        }
        _ => &[],
    }
}
