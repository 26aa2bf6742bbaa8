//! What one object uses, under every name that a quota may count it by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Amounts;
use crate::admission::storage::BETA_CLASS;
use crate::meta;
use crate::quantity::Quantity;

/// Names that only pods use.
const OF_PODS: [&str; 10] = [
    "pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// Of these every container must say how much it wants when a quota counts them.
const REQUIRED: [&str; 6] = [
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];

/// True when a quota's name is about this kind.
pub(super) fn concerns(id: &str, name: &str, usage: &Amounts) -> bool {
    usage.contains_key(name) || (id == "pods" && OF_PODS.contains(&name))
}

/// What an object uses.
pub(crate) fn counted(id: &str, object: &Value) -> Amounts {
    let one = Quantity::whole(1);
    let mut usage = Amounts::from([(format!("count/{id}"), one)]);
    match id {
        "pods" => pod(object, &mut usage),
        "persistentvolumeclaims" => {
            let size = object
                .pointer("/spec/resources/requests/storage")
                .and_then(Quantity::of);
            let named = object.pointer("/spec/storageClassName").and_then(Value::as_str);
            let class = meta::annotation(object, BETA_CLASS).or(named).unwrap_or_default();
            let prefix = format!("{class}.storageclass.storage.k8s.io/");
            for prefix in ["", &prefix].into_iter().take(if class.is_empty() { 1 } else { 2 }) {
                usage.insert(format!("{prefix}persistentvolumeclaims"), one);
                if let Some(size) = size {
                    usage.insert(format!("{prefix}requests.storage"), size);
                }
            }
        }
        "services" => {
            let ports = object
                .pointer("/spec/ports")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            let ports = Quantity::whole(i64::try_from(ports).unwrap_or(i64::MAX));
            let kind = object.pointer("/spec/type").and_then(Value::as_str).unwrap_or_default();
            let ported = match kind {
                "NodePort" => true,
                "LoadBalancer" => object.pointer("/spec/allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)),
                _ => false,
            };
            let balanced = kind == "LoadBalancer";
            usage.insert("services".to_owned(), one);
            usage.insert(
                "services.nodeports".to_owned(),
                if ported { ports } else { Quantity::ZERO },
            );
            usage.insert(
                "services.loadbalancers".to_owned(),
                if balanced { one } else { Quantity::ZERO },
            );
        }
        "configmaps" | "secrets" | "resourcequotas" | "replicationcontrollers" => {
            usage.insert(id.to_owned(), one);
        }
        _ => {}
    }
    usage
}

type Sums = BTreeMap<String, Quantity>;

fn resources(container: &Value, part: &str) -> Sums {
    super::amounts(container.get("resources").and_then(|resources| resources.get(part)))
}

fn list<'a>(pod: &'a Value, part: &str) -> impl Iterator<Item = &'a Value> {
    let list = pod.get("spec").and_then(|spec| spec.get(part)?.as_array());
    list.into_iter().flatten()
}

/// Requests or limits of a whole pod: all containers together, or the largest of those that come before them.
fn pod_sum(pod: &Value, part: &str) -> Sums {
    let add = |sums: &mut Sums, more: Sums| {
        for (name, amount) in more {
            let sum = sums.get(&name).map_or(amount, |sum| sum.plus(amount));
            sums.insert(name, sum);
        }
    };
    let mut sums = Sums::new();
    list(pod, "containers").for_each(|container| add(&mut sums, resources(container, part)));
    let (mut beside, mut largest) = (Sums::new(), Sums::new());
    for container in list(pod, "initContainers") {
        let own = resources(container, part);
        let mut here = beside.clone();
        add(&mut here, own.clone());
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            add(&mut sums, own.clone());
            beside = here.clone();
        }
        for (name, amount) in here {
            let most = largest.get(&name).map_or(amount, |most| most.larger(amount));
            largest.insert(name, most);
        }
    }
    for (name, amount) in largest {
        let most = sums.get(&name).map_or(amount, |sum| sum.larger(amount));
        sums.insert(name, most);
    }
    let overhead = super::amounts(pod.pointer("/spec/overhead"));
    for (name, amount) in overhead {
        if part == "requests" || sums.contains_key(&name) {
            add(&mut sums, Sums::from([(name, amount)]));
        }
    }
    sums
}

fn pod(object: &Value, usage: &mut Amounts) {
    let phase = object.pointer("/status/phase").and_then(Value::as_str);
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return;
    }
    usage.insert("pods".to_owned(), Quantity::whole(1));
    for (name, amount) in pod_sum(object, "requests") {
        usage.insert(format!("requests.{name}"), amount);
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            usage.insert(name, amount);
        }
    }
    for (name, amount) in pod_sum(object, "limits") {
        usage.insert(format!("limits.{name}"), amount);
    }
}

/// Names that containers of a new pod say nothing about, though a quota counts them.
pub(super) fn missing(id: &str, pod: &Value, counted: &[&String]) -> Option<String> {
    if id != "pods" {
        return None;
    }
    let required = REQUIRED
        .into_iter()
        .filter(|name| counted.iter().any(|counted| counted == name));
    let mut lacking: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in required {
        let (part, resource) = name.split_once('.').unwrap_or(("requests", name));
        for container in list(pod, "containers").chain(list(pod, "initContainers")) {
            if !resources(container, part).contains_key(resource) {
                let own = container.get("name").and_then(Value::as_str).unwrap_or_default();
                lacking.entry(name).or_default().insert(own);
            }
        }
    }
    if lacking.is_empty() {
        return None;
    }
    let parts: Vec<String> = lacking
        .into_iter()
        .map(|(name, who)| format!("{name} for: {}", who.into_iter().collect::<Vec<_>>().join(",")))
        .collect();
    Some(parts.join("; "))
}

/// True when an object is among those that a quota with scopes is for; scopes are of pods.
pub(crate) fn in_scope(quota: &Value, id: &str, object: &Value) -> bool {
    let spec = quota.get("spec").unwrap_or(&Value::Null);
    let scopes = spec.get("scopes").and_then(Value::as_array).into_iter().flatten();
    let scopes = scopes.filter_map(Value::as_str).map(|scope| (scope, "Exists", None));
    let selectors = spec
        .pointer("/scopeSelector/matchExpressions")
        .and_then(Value::as_array);
    let selectors = selectors.into_iter().flatten().map(|one| {
        let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
        (
            text("scopeName"),
            text("operator"),
            one.get("values").and_then(Value::as_array),
        )
    });
    let mut all = scopes.chain(selectors).peekable();
    if all.peek().is_some() && id != "pods" {
        return false;
    }
    all.all(|(scope, operator, values)| {
        let best_effort = super::super::pods::qos_class(object) == "BestEffort";
        let ends = object
            .pointer("/spec/activeDeadlineSeconds")
            .is_some_and(|seconds| !seconds.is_null());
        match scope {
            "BestEffort" => best_effort,
            "NotBestEffort" => !best_effort,
            "Terminating" => ends,
            "NotTerminating" => !ends,
            "PriorityClass" => {
                let class = object.pointer("/spec/priorityClassName").and_then(Value::as_str);
                let class = class.filter(|class| !class.is_empty());
                let listed = class.is_some_and(|class| values.is_some_and(|all| all.iter().any(|one| one == class)));
                match operator {
                    "In" => listed,
                    "NotIn" => !listed,
                    "DoesNotExist" => class.is_none(),
                    _ => class.is_some(),
                }
            }
            _ => false,
        }
    })
}
