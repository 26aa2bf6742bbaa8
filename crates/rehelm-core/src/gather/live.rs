//! Live objects, listed by kind and namespace, and the namespaces of declared ones.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use crate::finding::Finding;
use crate::object::{ObjKey, ObjRef, Object};
use crate::ports::{Cluster, PortError, PortResult, Select};

pub(super) async fn with_namespaces(
    objects: &[Object],
    cluster: &dyn Cluster,
    namespace: &str,
    findings: &mut Vec<Finding>,
) -> PortResult<Vec<Object>> {
    let mut scopes: BTreeMap<(String, String), bool> = BTreeMap::new();
    let mut out = Vec::with_capacity(objects.len());
    for object in objects {
        let key = (object.api_version().to_owned(), object.kind().to_owned());
        let namespaced = match scopes.get(&key) {
            Some(known) => *known,
            None => {
                let namespaced = match cluster.kind(&key.0, &key.1).await {
                    Ok(kind) => kind.namespaced,
                    Err(PortError::NotFound(_)) => {
                        let subject = object.reference().to_string();
                        findings.push(Finding::error("kind-unknown", subject).arg("api", object.api_version()));
                        true
                    }
                    Err(other) => return Err(other),
                };
                scopes.insert(key, namespaced);
                namespaced
            }
        };
        let mut object = object.clone();
        if namespaced && object.namespace().is_none() {
            object.set_namespace(namespace);
        } else if !namespaced {
            object.metadata_mut().shift_remove("namespace");
        }
        out.push(object);
    }
    Ok(out)
}

/// Live objects by identity, of all that are named. Every kind is listed once a namespace instead of reading object by
/// object.
///
/// # Errors
/// When the cluster does not answer.
pub async fn live_by_reference(cluster: &dyn Cluster, names: &[ObjRef]) -> PortResult<BTreeMap<ObjKey, Object>> {
    let wanted: BTreeSet<ObjKey> = names.iter().map(ObjRef::key).collect();
    let all = list_kinds(cluster, names)
        .await?
        .into_iter()
        .map(|o| (o.reference().key(), o));
    Ok(all.filter(|(key, _)| wanted.contains(key)).collect())
}

pub(super) async fn list_kinds(cluster: &dyn Cluster, names: &[ObjRef]) -> PortResult<Vec<Object>> {
    let lists: BTreeSet<(&str, &str, Option<&str>)> = names
        .iter()
        .map(|o| (o.api_version.as_str(), o.kind.as_str(), o.namespace.as_deref()))
        .collect();
    let answers = try_join_all(lists.into_iter().map(|(api, kind, namespace)| async move {
        let select = Select {
            namespace: namespace.map(str::to_owned),
            ..Select::default()
        };
        cluster.list(api, kind, &select).await
    }))
    .await?;
    Ok(answers.into_iter().flatten().collect())
}

/// Objects of the old namespace that nobody declared; what a controller or the server makes itself is left out.
pub(super) fn undeclared_objects(all: &[Object], declared: &[Object], namespace: &str) -> Vec<Object> {
    let known: BTreeSet<ObjKey> = declared.iter().map(|d| d.reference().key()).collect();
    let mut seen = BTreeSet::new();
    all.iter()
        .filter(|o| o.namespace() == Some(namespace) && !known.contains(&o.reference().key()))
        .filter(|o| o.get("/metadata/ownerReferences").is_none())
        .filter(|o| !(o.kind() == "ConfigMap" && o.name() == "kube-root-ca.crt"))
        .filter(|o| seen.insert(o.reference().key()))
        .cloned()
        .collect()
}
