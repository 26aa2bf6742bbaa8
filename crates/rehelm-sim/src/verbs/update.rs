//! `update`: the whole object, or its status.

use std::sync::Arc;

use serde_json::Value;

use super::{body, placed, shown};
use crate::kinds::Kind;
use crate::meta;
use crate::refusal::{Cause, Refusal};
use crate::route::{Answer, Call};
use crate::world::{World, Writer};

/// Kinds that an update creates when they are not there.
///
/// Source: the strategies' `AllowCreateOnUpdate` of Kubernetes 1.35.
const CREATED_BY_UPDATE: &[&str] = &[
    "clusterrolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "endpoints",
    "events",
    "events.events.k8s.io",
    "leasecandidates.coordination.k8s.io",
    "leases.coordination.k8s.io",
    "limitranges",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "runtimeclasses.node.k8s.io",
    "services",
];

/// Kinds whose updates must say which version they change; custom resources are such, too.
///
/// Source: the strategies' `AllowUnconditionalUpdate` of Kubernetes 1.35.
const CONDITIONAL: &[&str] = &[
    "apiservices.apiregistration.k8s.io",
    "clustertrustbundles.certificates.k8s.io",
    "csidrivers.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "csistoragecapacities.storage.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "leasecandidates.coordination.k8s.io",
    "leases.coordination.k8s.io",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "podcertificaterequests.certificates.k8s.io",
    "poddisruptionbudgets.policy",
    "runtimeclasses.node.k8s.io",
    "storageversionmigrations.storagemigration.k8s.io",
    "storageversions.internal.apiserver.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "volumeattachments.storage.k8s.io",
];

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let strictness = body::strictness(call, "UpdateOptions")?;
    let object = placed(call, body::object(world, call, strictness)?)?;
    same_name(call, &object)?;
    let (id, name) = (&call.kind.id, &call.path.name);
    let old = world.get(id, &call.path.namespace, name);
    let creates = CREATED_BY_UPDATE.contains(&&**id) && call.path.subresource.is_empty();
    let uid = meta::uid(&object);
    let held = old.as_ref().map_or("", |old| meta::uid(old));
    if !uid.is_empty() && uid != held && (old.is_some() || creates) {
        return Err(other_uid(call, uid, held));
    }
    let Some(old) = old else {
        if !creates {
            return Err(Refusal::not_found(id, name));
        }
        let writer = Writer::new(&call.asked.manager(&call.query), "");
        let created = world.insert(&call.kind, object, &writer, call.query.dry_run())?;
        return Ok(Answer::Object(201, shown(call, &created)));
    };
    let stored = write(world, call, &old, object, true)?;
    Ok(Answer::Object(200, shown(call, &stored)))
}

/// The object must be the one that the path names.
pub(super) fn same_name(call: &Call<'_>, object: &Value) -> Result<(), Refusal> {
    let (name, wanted) = (meta::name(object), call.path.name.as_str());
    if name.is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != wanted {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    Ok(())
}

fn other_uid(call: &Call<'_>, uid: &str, held: &str) -> Refusal {
    let (id, name, namespace) = (&call.kind.id, &call.path.name, &call.path.namespace);
    let place = if namespace.is_empty() {
        name.clone()
    } else {
        format!("{namespace}/{name}")
    };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}/{place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {held}",
        folder(&call.kind)
    );
    Refusal::conflict(id, name, &why)
}

/// Where the server stores a kind.
fn folder(kind: &Kind) -> String {
    match &*kind.id {
        "services" => "services/specs".to_owned(),
        "endpoints" => "services/endpoints".to_owned(),
        "nodes" => "minions".to_owned(),
        "replicationcontrollers" => "controllers".to_owned(),
        "ingresses.networking.k8s.io" => "ingress".to_owned(),
        _ => {
            let own = ["apiextensions.k8s.io", "apiregistration.k8s.io"].contains(&kind.facts.group.as_str());
            if kind.crd.is_some() || own {
                format!("{}/{}", kind.facts.group, kind.facts.plural)
            } else {
                kind.facts.plural.clone()
            }
        }
    }
}

/// Writes a changed version of an object. Its resourceVersion is a precondition; its uid must be the object's.
pub(super) fn write(
    world: &mut World,
    call: &Call<'_>,
    old: &Arc<Value>,
    object: Value,
    tracks: bool,
) -> Result<Arc<Value>, Refusal> {
    newest(call, old, &object)?;
    let mut causes = Vec::new();
    for (field, held) in [("uid", meta::uid(old)), ("deletionTimestamp", "")] {
        let given = meta::text(&object, field);
        if !given.is_empty() && given != held && !(field != "uid" && meta::is_terminating(old)) {
            // The server checks it twice.
            let cause = Cause::invalid(&format!("metadata.{field}"), &given.into(), "field is immutable");
            causes.extend([cause.clone(), cause]);
        }
    }
    if !causes.is_empty() {
        return Err(Refusal::invalid(&call.kind.qualified(), &call.path.name, &causes));
    }
    let object = settled(call, old, object);
    let writer = Writer {
        manager: call.asked.manager(&call.query),
        subresource: call.path.subresource.clone(),
        tracks,
    };
    world.replace(&call.kind, old, object, &writer, call.query.dry_run())
}

/// The resourceVersion of an update must be that of the stored object; most kinds may leave it out.
fn newest(call: &Call<'_>, old: &Value, object: &Value) -> Result<(), Refusal> {
    let (id, name) = (&call.kind.id, &call.path.name);
    let version = meta::resource_version(object);
    if !version.is_empty() && version.parse::<u64>().is_err() {
        return Err(Refusal::unexplained(format!(
            "strconv.ParseUint: parsing {version:?}: invalid syntax"
        )));
    }
    if version.is_empty() || version == "0" {
        if call.kind.crd.is_some() || CONDITIONAL.contains(&&**id) {
            let field = "metadata.resourceVersion";
            let cause = Cause::invalid(field, &0.into(), "must be specified for an update");
            return Err(Refusal::invalid(id, name, &[cause]));
        }
        return Ok(());
    }
    if version != meta::resource_version(old) {
        return Err(Refusal::outdated(id, name));
    }
    Ok(())
}

/// What a write cannot change: the object itself keeps its status, and through `status` little else changes.
fn settled(call: &Call<'_>, old: &Value, mut object: Value) -> Value {
    let Some(map) = object.as_object_mut() else {
        return object;
    };
    let mut restore = |key: &str| match old.get(key) {
        Some(value) => map.insert(key.to_owned(), value.clone()),
        None => map.shift_remove(key),
    };
    if call.path.subresource != "status" {
        if call.kind.has_subresource("status") && &*call.kind.id != "servicecidrs.networking.k8s.io" {
            restore("status");
        }
        return object;
    }
    let own = ["apiVersion", "kind", "metadata", "status"];
    let known: Vec<String> = old
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect();
    for key in known.iter().filter(|key| !own.contains(&key.as_str())) {
        restore(key);
    }
    map.retain(|key, _| own.contains(&key.as_str()) || known.contains(key));
    for field in crate::patch::metadata_reset(&call.kind) {
        match meta::get(old, field) {
            Some(value) => meta::set(&mut object, field, value.clone()),
            None => meta::unset(&mut object, field),
        }
    }
    object
}
