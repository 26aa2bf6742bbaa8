//! What counts of a world between two steps, as one number. Runs whose worlds have the same number go on in the same way, as far
//! as the tool can tell: it looks at the cluster, the databases and its folder, and keeps nothing else from step to step.
//!
//! Left out is what two runs to the same place may have otherwise: times, versions, addresses, uids and names that are drawn.
//! That something is the object of the beginning and no namesake, and that a volume names the claim that is there now, counts.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rehelm_core::journal::RunState;
use rehelm_core::restore::CREATED_BY;
use serde_json::Value;

use crate::ground::Ground;
use crate::invariants::Known;

/// Kinds that controllers make anew at any time.
const FLEETING: [&str; 4] = ["ControllerRevision", "Endpoints", "EndpointSlice", "Event"];

/// Fields that two runs to the same place may have otherwise.
const DRAWN: [&str; 18] = [
    "clusterIP",
    "clusterIPs",
    "containerID",
    "creationTimestamp",
    "generation",
    "healthCheckNodePort",
    "hostIP",
    "hostIPs",
    "leaseTransitions",
    "managedFields",
    "modifiedAt",
    "nodePort",
    "observedGeneration",
    "podIP",
    "podIPs",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Numbers of objects and files that were met: what did not change is not read again.
#[derive(Default)]
pub struct Digests {
    known: HashMap<usize, (Arc<Value>, u64)>,
    /// By all bytes.
    files: HashMap<u64, u64>,
}

impl Digests {
    /// The number of a world.
    pub fn of(&mut self, ground: &Ground, run: &RunState) -> u64 {
        let objects = ground.sim.shared_objects();
        let mut sum = 0u64;
        for object in &objects {
            if !FLEETING.contains(&object["kind"].as_str().unwrap_or_default()) {
                sum = sum.wrapping_add(self.object(&ground.base.known, object));
            }
        }
        let data = format!("{:?}", ground.databases.content());
        let logins = ground.databases.logins();
        number(&(sum, claims(&objects), self.folder(ground), state(run), data, logins))
    }

    /// Files but for the journal, and whether the journal's last line is whole.
    fn folder(&mut self, ground: &Ground) -> u64 {
        let mut sum = 0u64;
        ground.files.each(|path, content| {
            let known = || match path.ends_with("journal.jsonl") {
                true => number(&(path, content.last().is_none_or(|byte| *byte == b'\n'))),
                false => file(path, content),
            };
            let bytes = number(&(path, content));
            sum = sum.wrapping_add(*self.files.entry(bytes).or_insert_with(known));
        });
        sum
    }

    fn object(&mut self, known: &Known, object: &Arc<Value>) -> u64 {
        let place = Arc::as_ptr(object).addr();
        if let Some((_, number)) = self.known.get(&place) {
            return *number;
        }
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let number = number(&(known.before.contains_key(uid), alone(object)));
        self.known.insert(place, (object.clone(), number));
        number
    }
}

fn number(of: &impl Hash) -> u64 {
    // Always the same keys: the same run has the same numbers.
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// An object by itself.
fn alone(object: &Value) -> u64 {
    match text(object, "/kind") {
        // Who holds a lock is the process that runs, or one that died.
        "Lease" => number(&(place(object), text(object, "/spec/holderIdentity").is_empty())),
        // The run's copy for colleagues tells of times and of the journal's end.
        "ConfigMap" | "Secret" if text(object, "/metadata/name").starts_with("rehelm-") => number(&place(object)),
        "Secret" if text(object, "/type") == "helm.sh/release.v1" => {
            number(&(place(object), text(object, "/metadata/labels/status")))
        }
        "Pod" => {
            let owner = text(object, "/metadata/ownerReferences/0/kind");
            let drawn = !owner.is_empty() && owner != "StatefulSet";
            let parts = ["metadata", "spec", "status"].map(|part| match &object[part] {
                Value::Object(map) if drawn && part == "metadata" => map
                    .iter()
                    .filter(|(key, _)| *key != "name")
                    .map(|(key, value)| entry(key, value))
                    .fold(0, u64::wrapping_add),
                other => value(other),
            });
            number(&parts)
        }
        _ => value(object),
    }
}

fn place(object: &Value) -> [&str; 3] {
    ["/kind", "/metadata/namespace", "/metadata/name"].map(|pointer| text(object, pointer))
}

fn value(of: &Value) -> u64 {
    match of {
        Value::Null => 0,
        Value::Bool(yes) => number(yes),
        Value::Number(n) => number(&n.to_string()),
        Value::String(text) if is_time(text) => number(&"a time"),
        Value::String(text) => number(text),
        Value::Array(all) => number(&all.iter().map(value).collect::<Vec<u64>>()),
        // Keys come in any order.
        Value::Object(map) => map.iter().map(|(key, of)| entry(key, of)).fold(1, u64::wrapping_add),
    }
}

fn entry(key: &str, of: &Value) -> u64 {
    match key {
        key if DRAWN.contains(&key) => 0,
        // Only that a run made it.
        CREATED_BY => number(&key),
        "data" | "binaryData" | "stringData" => number(&(key, of.to_string())),
        key => number(&(key, value(of))),
    }
}

/// `2026-01-31T12:00:00…`
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T' && bytes[13] == b':'
}

/// Volumes that name a claim that is there, by uid.
fn claims(objects: &[Arc<Value>]) -> Vec<String> {
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| text(object, "/kind") == kind);
    let claims: HashMap<[&str; 2], &str> = of_kind("PersistentVolumeClaim")
        .map(|claim| {
            let place = ["/metadata/namespace", "/metadata/name"].map(|pointer| text(claim, pointer));
            (place, text(claim, "/metadata/uid"))
        })
        .collect();
    let holds = |volume: &&Arc<Value>| {
        let place = ["/spec/claimRef/namespace", "/spec/claimRef/name"].map(|pointer| text(volume, pointer));
        claims
            .get(&place)
            .is_some_and(|uid| *uid == text(volume, "/spec/claimRef/uid"))
    };
    let mut held: Vec<String> = of_kind("PersistentVolume")
        .filter(holds)
        .map(|volume| text(volume, "/metadata/name").to_owned())
        .collect();
    held.sort();
    held
}

fn file(path: &str, content: &[u8]) -> u64 {
    match serde_json::from_slice::<Value>(content) {
        Ok(json) => number(&(path, value(&json))),
        Err(_) => number(&(path, content)),
    }
}

/// What the journal adds up to, without times and names of people.
fn state(run: &RunState) -> u64 {
    let notes: Vec<(u32, &str, u64)> = run
        .notes
        .iter()
        .map(|((step, key), note)| (*step, key.as_str(), value(note)))
        .collect();
    let phases: Vec<String> = run.phases.keys().map(|phase| format!("{phase:?}")).collect();
    let failed = run.failed.as_ref().map(|(step, _)| *step);
    let flags = (run.run.is_empty(), run.taken_over, run.rolling_back, run.cleaning);
    number(&(format!("{:?} {:?}", run.steps, run.ended), notes, phases, failed, flags))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_versions_and_the_order_of_keys_do_not_count_and_everything_else_does() {
        let one = json!({"kind": "Service", "metadata": {"name": "a", "uid": "1", "creationTimestamp": "2026-01-31T12:00:00Z"},
            "spec": {"clusterIP": "10.0.0.1", "type": "ClusterIP"}, "status": {"at": "2026-01-31T12:00:00Z"}});
        let same = json!({"metadata": {"uid": "2", "name": "a"}, "kind": "Service",
            "status": {"at": "2026-01-31T13:00:00Z"}, "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.9"}});
        assert_eq!(alone(&one), alone(&same));
        for (pointer, other) in [
            ("/spec/type", "NodePort"),
            ("/metadata/name", "b"),
            ("/status/at", "never"),
        ] {
            let mut changed = one.clone();
            *changed.pointer_mut(pointer).expect("a field") = json!(other);
            assert_ne!(alone(&one), alone(&changed), "{pointer}");
        }
    }

    #[test]
    fn pods_are_known_by_what_they_are_and_secrets_by_every_byte() {
        let pod = |name: &str, owner: &str, phase: &str| {
            json!({"kind": "Pod", "metadata": {"name": name, "namespace": "n", "ownerReferences": [{"kind": owner}]},
                "spec": {}, "status": {"phase": phase}})
        };
        assert_eq!(
            alone(&pod("a-1", "ReplicaSet", "Running")),
            alone(&pod("a-2", "ReplicaSet", "Running"))
        );
        assert_ne!(
            alone(&pod("a-1", "ReplicaSet", "Running")),
            alone(&pod("a-1", "ReplicaSet", "Pending"))
        );
        assert_ne!(
            alone(&pod("a-1", "StatefulSet", "Running")),
            alone(&pod("a-2", "StatefulSet", "Running"))
        );
        let secret = |at: &str| json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"uid": at}});
        assert_ne!(
            alone(&secret("2026-01-31T12:00:00Z")),
            alone(&secret("2026-01-31T13:00:00Z"))
        );
    }

    #[test]
    fn a_volume_that_names_a_claim_of_another_uid_is_not_held() {
        let claim = Arc::new(json!({"kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "n", "name": "c", "uid": "1"}}));
        let volume = |uid: &str| {
            Arc::new(json!({"kind": "PersistentVolume", "metadata": {"name": "v"},
                "spec": {"claimRef": {"namespace": "n", "name": "c", "uid": uid}}}))
        };
        assert_eq!(claims(&[claim.clone(), volume("1")]), ["v"]);
        assert!(claims(&[claim, volume("2")]).is_empty());
    }
}
