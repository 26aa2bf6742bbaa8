//! Two objects in normal form, field by field.
//!
//! Items of lists are brought together by what identifies them, flags by their name, and the rest by equality before order,
//! so that an item that comes before others does not make all of them different. A path always addresses the chart's side
//! where the chart has the field; what only today's side has gets the path that it would have.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field::{FieldPath, FieldStep};
use crate::quantity;

mod align;

use align::aligned;

/// One leaf that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where.
    pub field: FieldPath,
    /// Today's content; None when absent.
    pub today: Option<Value>,
    /// The chart's content; None when absent.
    pub chart: Option<Value>,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Leaves that are equal, with today's content.
    pub equal: Vec<(FieldPath, Value)>,
    /// Leaves that differ, in document order.
    pub differences: Vec<Difference>,
    /// Maps and lists on the way, as both sides have them.
    pub nodes: BTreeMap<FieldPath, Node>,
}

/// A map or a list as both sides have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Today's.
    pub today: Option<Value>,
    /// The chart's.
    pub chart: Option<Value>,
}

/// Names under which amounts are kept: `1` and `1000m` are the same there.
const AMOUNTS: [&str; 8] = [
    "limits",
    "requests",
    "capacity",
    "hard",
    "sizeLimit",
    "divisor",
    "overhead",
    "defaultRequest",
];

/// Compares what is below the root; identity (API version, kind, name, namespace) is not looked at.
pub fn compare(today: &Value, chart: &Value) -> Compared {
    let mut out = Compared::default();
    let bare = |value: &Value| {
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            map.shift_remove("apiVersion");
            map.shift_remove("kind");
            if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
                metadata.shift_remove("name");
                metadata.shift_remove("namespace");
                if metadata.is_empty() {
                    map.shift_remove("metadata");
                }
            }
        }
        value
    };
    let (mut today, chart) = (bare(today), bare(chart));
    volumes(&mut today, &chart);
    walk(&FieldPath::default(), Some(&today), Some(&chart), &mut out);
    out
}

/// Names of volumes matter inside a pod only: today's get the chart's where the volumes are the same otherwise.
fn volumes(today: &mut Value, chart: &Value) {
    for at in ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"] {
        let (Some(pod), Some(theirs)) = (today.pointer_mut(at), chart.pointer(at)) else {
            continue;
        };
        let list = |pod: &Value| pod["volumes"].as_array().cloned().unwrap_or_default();
        let (ours, theirs) = (list(pod), list(theirs));
        let free = |these: &[Value], those: &[Value]| -> Vec<Value> {
            these
                .iter()
                .filter(|v| those.iter().all(|o| o["name"] != v["name"]))
                .cloned()
                .collect()
        };
        let nameless = |volume: &Value| {
            let mut volume = volume.clone();
            if let Some(map) = volume.as_object_mut() {
                map.shift_remove("name");
            }
            volume
        };
        let mut candidates = free(&theirs, &ours);
        for volume in free(&ours, &theirs) {
            let Some(at) = candidates.iter().position(|other| nameless(other) == nameless(&volume)) else {
                continue;
            };
            let name = candidates.remove(at)["name"].clone();
            rename(pod, &volume["name"], &name);
        }
    }
}

fn rename(pod: &mut Value, from: &Value, to: &Value) {
    let set = |items: Option<&mut Value>| {
        for item in items
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter(|item| item["name"] == *from)
        {
            item["name"] = to.clone();
        }
    };
    set(pod.get_mut("volumes"));
    for list in ["containers", "initContainers"] {
        for container in pod.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            set(container.get_mut("volumeMounts"));
        }
    }
}

/// Every leaf of a value, below a path.
pub fn leaves(at: &FieldPath, value: &Value) -> Vec<(FieldPath, Value)> {
    let mut out = Compared::default();
    walk(at, Some(value), Some(value), &mut out);
    out.equal
}

fn walk(at: &FieldPath, today: Option<&Value>, chart: Option<&Value>, out: &mut Compared) {
    let empty = Value::Null;
    let inner = |value: Option<&Value>| value.is_some_and(|v| v.is_object() || v.is_array());
    if inner(today) || inner(chart) {
        let node = Node {
            today: today.cloned(),
            chart: chart.cloned(),
        };
        out.nodes.insert(at.clone(), node);
    }
    match (today, chart) {
        (Some(Value::Object(a)), Some(Value::Object(b))) if !(a.is_empty() && b.is_empty()) => {
            for (key, value) in a {
                walk(&at.key(key), Some(value), b.get(key), out);
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                walk(&at.key(key), None, Some(value), out);
            }
        }
        (Some(Value::Object(a)), None) if !a.is_empty() => {
            for (key, value) in a {
                walk(&at.key(key), Some(value), None, out);
            }
        }
        (None, Some(Value::Object(b))) if !b.is_empty() => {
            for (key, value) in b {
                walk(&at.key(key), None, Some(value), out);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if !(a.is_empty() && b.is_empty()) => lists(at, a, b, out),
        (Some(Value::Array(a)), None) if !a.is_empty() => lists(at, a, &[], out),
        (None, Some(Value::Array(b))) if !b.is_empty() => lists(at, &[], b, out),
        // A whole mapping against a scalar: each leaf for itself.
        (Some(a @ (Value::Object(_) | Value::Array(_))), Some(b))
            if b.is_object() != a.is_object() || b.is_array() != a.is_array() =>
        {
            walk(at, Some(a), None, out);
            walk(at, None, Some(b), out);
        }
        (a, b) if same(at, a.unwrap_or(&empty), b.unwrap_or(&empty)) => {
            out.equal.push((at.clone(), a.cloned().unwrap_or_default()));
        }
        (a, b) => out.differences.push(Difference {
            field: at.clone(),
            today: a.cloned(),
            chart: b.cloned(),
        }),
    }
}

fn lists(at: &FieldPath, today: &[Value], chart: &[Value], out: &mut Compared) {
    let field = name(at);
    for (step, a, b) in aligned(&field, today, chart) {
        walk(&at.step(step), a, b, out);
    }
}

/// Name of the field that a path leads to; of the list, for an item.
fn name(at: &FieldPath) -> String {
    let key = at.0.iter().rev().find_map(|step| match step {
        FieldStep::Key(key) => Some(key.clone()),
        _ => None,
    });
    key.unwrap_or_default()
}

/// True when two contents mean the same at this place.
pub fn same(at: &FieldPath, a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    let amount =
        at.0.iter()
            .any(|step| matches!(step, FieldStep::Key(key) if AMOUNTS.contains(&key.as_str())));
    match (amount, quantity::of(a), quantity::of(b)) {
        (true, Some(a), Some(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(today: Value, chart: Value) -> Vec<String> {
        let compared = compare(&today, &chart);
        compared.differences.iter().map(|d| d.field.to_string()).collect()
    }

    #[test]
    fn a_word_behind_a_flag_may_be_its_content() {
        let differ = |today: Value, chart: Value| fields(json!({"args": today}), json!({"args": chart}));
        assert_eq!(
            differ(json!(["--verbose", "x"]), json!(["x", "--verbose"])),
            ["args[0]", "args[1]"]
        );
        // A flag goes with its word wherever it stands.
        assert!(
            differ(
                json!(["run", "--a", "1", "--b", "2"]),
                json!(["run", "--b", "2", "--a", "1"])
            )
            .is_empty()
        );
        assert_eq!(
            differ(json!(["--a", "1", "--b", "2"]), json!(["--b", "2", "--a", "3"])),
            ["args[3]"]
        );
        assert_eq!(differ(json!(["--a", "1"]), json!(["--q", "--a", "1"])), ["args[^--q]"]);
        assert!(differ(json!(["--set", "x", "--set", "y"]), json!(["--set", "y", "--set", "x"])).is_empty());
    }

    #[test]
    fn items_are_brought_together_by_what_they_are() {
        let today = json!({"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]});
        let chart =
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"}]});
        assert_eq!(
            fields(today, chart),
            ["env[name=B].value", "env[name=C].name", "env[name=C].value"]
        );
        let args = |list: Value| json!({"args": list});
        assert_eq!(
            fields(
                args(json!(["run", "--a=1", "--b=2"])),
                args(json!(["run", "--z=0", "--b=2", "--a=3"]))
            ),
            ["args[^--a=]", "args[^--z=]"]
        );
        let rules = |list: Value| json!({"rules": list});
        assert_eq!(
            fields(
                rules(json!([{"verbs": ["get", "list"]}, {"verbs": ["x"]}])),
                rules(json!([{"verbs": ["x"]}, {"verbs": ["get"]}]))
            ),
            ["rules[1].verbs[1]"]
        );
    }

    #[test]
    fn ports_meet_by_number_when_one_side_has_names() {
        let today = json!({"ports": [{"containerPort": 80}]});
        let chart = json!({"ports": [{"name": "web", "containerPort": 80}]});
        let found = fields(today, chart);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(".name"));
    }

    #[test]
    fn the_only_container_is_the_same_by_any_name() {
        let pod = |name: &str, image: &str| json!({"containers": [{"name": name, "image": image}]});
        assert_eq!(fields(pod("a", "x"), pod("b", "x")), ["containers[name=b].name"]);
    }

    #[test]
    fn volumes_of_other_names_are_the_same() {
        let pod = |name: &str| {
            json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "volumeMounts": [{"mountPath": "/tmp", "name": name}]}],
                "volumes": [{"name": name, "emptyDir": {}}]}}}})
        };
        assert!(fields(pod("tmp"), pod("tmp-dir")).is_empty());
    }

    #[test]
    fn amounts_of_the_same_size_are_equal() {
        let resources = |cpu: Value| json!({"resources": {"limits": {"cpu": cpu}}, "data": {"cpu": "1"}});
        assert!(fields(resources(json!("1000m")), resources(json!(1))).is_empty());
        assert_eq!(
            fields(json!({"data": {"a": "1"}}), json!({"data": {"a": "1000m"}})),
            ["data.a"]
        );
    }

    #[test]
    fn every_leaf_of_what_one_side_lacks_counts() {
        let found = compare(&json!({"a": {"b": 1, "c": [{"d": 2}]}, "e": {}}), &json!({"e": {}}));
        assert_eq!(found.differences.len(), 2);
        assert_eq!(found.differences[1].field.to_string(), "a.c[0].d");
        assert_eq!(found.equal.len(), 1);
    }
}
