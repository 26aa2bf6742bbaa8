//! Is everything as it was before? Object for object, apart from what the server and its controllers own.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use rehelm_core::object::Object;
use rehelm_core::{diff, server};
use serde_json::Value;

/// Kinds that come and go by themselves.
const FLEETING: [&str; 8] = [
    "ControllerRevision",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "Lease",
    "Pod",
    "ReplicaSet",
    "VolumeAttachment",
];

/// Objects by group, kind, namespace and name, without what the server owns.
pub type Picture = BTreeMap<String, Value>;

/// What there is to compare.
pub fn picture(objects: Vec<impl Borrow<Value>>) -> Picture {
    let kept = objects.iter().map(Borrow::borrow).filter(|o| !is_fleeting(o));
    kept.map(|o| {
        let o = Object(o.clone());
        let key = o.reference().key();
        let group = if key.group.is_empty() {
            String::new()
        } else {
            format!(".{}", key.group)
        };
        let place = key
            .namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        (format!("{}{group} {place}{}", key.kind, key.name), comparable(&o))
    })
    .collect()
}

/// What a controller made out of another object is made again by it.
fn is_fleeting(object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    FLEETING.contains(&kind) || object["metadata"].get("ownerReferences").is_some()
}

fn comparable(object: &Object) -> Value {
    let Object(mut value) = server::without_owned(object);
    // The binder writes the claim's identity into the volume: another uid after a way there and back is as it should be.
    if let Some(Value::Object(claim)) = value.pointer_mut("/spec/claimRef") {
        claim.shift_remove("uid");
        claim.shift_remove("resourceVersion");
    }
    value
}

/// Hash over a picture, without what two runs to the same end may have otherwise ([`settled`]).
pub fn digest(picture: &Picture) -> String {
    let all = picture.iter().map(|(key, value)| (key.clone(), settled(value.clone())));
    rehelm_core::digest::of_value(&Value::Object(all.collect()))
}

/// An object without what two runs to the same end may have otherwise: addresses, times, and the names of runs.
pub fn settled(mut value: Value) -> Value {
    if value["kind"] == "Service" {
        for field in ["clusterIP", "clusterIPs", "healthCheckNodePort"] {
            value["spec"].as_object_mut().and_then(|spec| spec.shift_remove(field));
        }
        for port in value["spec"]["ports"].as_array_mut().into_iter().flatten() {
            port.as_object_mut().and_then(|port| port.shift_remove("nodePort"));
        }
    }
    if value["type"] == "helm.sh/release.v1" {
        value["data"] = Value::Null;
    }
    let mut without = |place: &str, key: &str| {
        let map = value.pointer_mut(place).and_then(Value::as_object_mut);
        map.and_then(|map| map.shift_remove(key));
    };
    without("/metadata/annotations", rehelm_core::restore::CREATED_BY);
    without("/metadata/labels", "modifiedAt");
    value
}

/// One line for each field that differs, and for each object that one side has alone.
pub fn differences(before: &Picture, after: &Picture) -> Vec<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        match (before.get(key), after.get(key)) {
            (Some(_), None) => lines.push(format!("{key} is gone")),
            (None, Some(_)) => lines.push(format!("{key} is new")),
            (Some(a), Some(b)) => lines.extend(
                diff::changes(a, b)
                    .iter()
                    .map(|change| format!("{key} {}", change.field)),
            ),
            (None, None) => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(name: &str, value: &str, version: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n",
            "resourceVersion": version}, "data": {"a": value}})
    }

    #[test]
    fn what_the_server_owns_does_not_count_and_everything_else_does() {
        let before = picture(vec![map("a", "1", "1"), map("b", "1", "2"), map("c", "1", "3")]);
        let same = picture(vec![map("a", "1", "9"), map("b", "1", "9"), map("c", "1", "9")]);
        assert!(differences(&before, &same).is_empty());
        let other = picture(vec![map("a", "2", "1"), map("b", "1", "2"), map("d", "1", "3")]);
        let said = differences(&before, &other);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0].starts_with("ConfigMap n/a ") && said[1] == "ConfigMap n/c is gone",
            "{said:?}"
        );
        assert_eq!(said[2], "ConfigMap n/d is new");
    }

    #[test]
    fn what_controllers_make_is_left_out() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}});
        let owned =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "ownerReferences": [{}]}});
        assert!(picture(vec![pod, owned]).is_empty());
    }
}
