//! Pods: priority, tolerations of failing nodes, the class of service.

use serde_json::{Map, Value, json};

use super::look::{At, Causes};
use super::{limits, template};
use crate::meta;
use crate::quantity::Quantity;
use crate::refusal::Refusal;
use crate::world::World;

/// What admission adds to a new pod; an update keeps the priority that the pod has.
pub(super) fn mutate(world: &World, object: &mut Value, old: Option<&Value>) -> Result<(), Refusal> {
    if let Some(old) = old {
        for field in ["priority", "preemptionPolicy"] {
            let kept = old.pointer("/spec").and_then(|spec| spec.get(field));
            let spec = meta::child_map(object, "spec");
            if let (Some(kept), None) = (kept, spec.get(field)) {
                spec.insert(field.to_owned(), kept.clone());
            }
        }
        return Ok(());
    }
    limits::set_defaults(world, object);
    set_priority(world, object)?;
    tolerate(object);
    Ok(())
}

fn system_priority(name: &str) -> Option<i64> {
    match name {
        "system-cluster-critical" => Some(2_000_000_000),
        "system-node-critical" => Some(2_000_001_000),
        _ => None,
    }
}

fn set_priority(world: &World, object: &mut Value) -> Result<(), Refusal> {
    const CLASSES: &str = "priorityclasses.scheduling.k8s.io";
    let refused = |object: &Value, why: &str| Err(Refusal::forbidden("pods", meta::name(object), why));
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |value: &Value| value.get("value").and_then(Value::as_i64).unwrap_or(0);
    let named = text(object.get("spec").unwrap_or(&Value::Null), "priorityClassName");
    let (name, priority, policy) = if named.is_empty() {
        let classes = world.list(CLASSES, None);
        let defaults = classes
            .iter()
            .filter(|class| class.get("globalDefault") == Some(&Value::Bool(true)));
        match defaults.min_by_key(|class| number(class)) {
            Some(class) => (
                meta::name(class).to_owned(),
                number(class),
                text(class, "preemptionPolicy"),
            ),
            None => (String::new(), 0, String::new()),
        }
    } else if let Some(class) = world.get(CLASSES, "", &named) {
        (named, number(&class), text(&class, "preemptionPolicy"))
    } else if let Some(priority) = system_priority(&named) {
        (named, priority, String::new())
    } else {
        return refused(object, &format!("no PriorityClass with name {named} was found"));
    };
    let policy = if policy.is_empty() {
        "PreemptLowerPriority".to_owned()
    } else {
        policy
    };
    let given = object.pointer("/spec/priority").and_then(Value::as_i64);
    if let Some(given) = given.filter(|given| *given != priority) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        );
        return refused(object, &why);
    }
    let spec = meta::child_map(object, "spec");
    if !name.is_empty() {
        spec.insert("priorityClassName".to_owned(), name.into());
    }
    spec.insert("priority".to_owned(), priority.into());
    spec.entry("preemptionPolicy").or_insert_with(|| policy.into());
    Ok(())
}

/// Every pod outlives a node that is not ready, or not reachable, for five minutes, unless it says otherwise.
fn tolerate(object: &mut Value) {
    let spec = meta::child_map(object, "spec");
    let list = spec.entry("tolerations").or_insert_with(|| json!([]));
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = list.iter().any(|toleration| {
            let is = |field: &str, value: &str| {
                let own = toleration.get(field).and_then(Value::as_str).unwrap_or_default();
                own == value || own.is_empty()
            };
            is("key", key) && is("effect", "NoExecute")
        });
        if !tolerated {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort`, from the cpu and memory of all containers.
pub(super) fn qos_class(pod: &Value) -> &'static str {
    let containers = ["containers", "initContainers"].into_iter().flat_map(|part| {
        let list = pod
            .get("spec")
            .and_then(|spec| spec.get(part))
            .and_then(Value::as_array);
        list.into_iter().flatten()
    });
    let (mut any, mut guaranteed) = (false, true);
    for container in containers {
        let part = |part: &str| -> Option<&Map<String, Value>> { container.get("resources")?.get(part)?.as_object() };
        let amount = |part: Option<&Map<String, Value>>, name: &str| {
            part.and_then(|part| Quantity::of(part.get(name)?))
                .filter(|amount| !amount.is_zero())
        };
        for name in ["cpu", "memory"] {
            let limit = amount(part("limits"), name);
            let request = amount(part("requests"), name).or(limit);
            any |= limit.is_some() || request.is_some();
            guaranteed &= limit.is_some() && limit == request;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

const UPDATE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
                      `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                      existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                      previously negative)";

/// What is wrong with a pod, or with a change of one.
pub(super) fn check(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    template::pod_spec(&spec, &[], causes);
    let Some(old) = old else { return };
    let rest = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        for part in ["containers", "initContainers"] {
            for container in spec.get_mut(part).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(map) = container.as_object_mut() {
                    map.shift_remove("image");
                }
            }
        }
        if let Some(map) = spec.as_object_mut() {
            // The scheduler binds, and a debugger adds containers, through subresources.
            for field in [
                "activeDeadlineSeconds",
                "tolerations",
                "schedulingGates",
                "nodeName",
                "ephemeralContainers",
            ] {
                map.shift_remove(field);
            }
        }
        spec
    };
    let placed = old.pointer("/spec/nodeName").filter(|node| *node != "");
    let moved = placed.is_some_and(|node| object.pointer("/spec/nodeName") != Some(node));
    if moved || rest(object) != rest(old) {
        causes.forbidden(&spec, UPDATE);
    }
    let tolerations = |object: &Value| {
        let list = object.pointer("/spec/tolerations").and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let new = tolerations(object);
    if tolerations(old).iter().any(|old| !new.contains(old)) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        causes.forbidden(&spec.child("tolerations"), why);
    }
}
