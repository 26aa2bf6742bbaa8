//! LimitRanges: requests and limits that containers get, and bounds that they must keep.

use serde_json::{Map, Value};

use crate::meta;
use crate::quantity::Quantity;
use crate::refusal::Refusal;
use crate::world::World;

type Amounts = Map<String, Value>;

fn limits(world: &World, namespace: &str) -> Vec<Value> {
    let ranges = world.list("limitranges", Some(namespace));
    let all = ranges
        .iter()
        .filter_map(|range| range.pointer("/spec/limits")?.as_array());
    all.flatten().cloned().collect()
}

fn is(limit: &Value, kind: &str) -> bool {
    limit.get("type").and_then(Value::as_str) == Some(kind)
}

fn amounts<'a>(limit: &'a Value, part: &str) -> Option<&'a Amounts> {
    limit.get(part)?.as_object()
}

fn containers<'a>(pod: &'a mut Value, part: &str) -> Option<&'a mut Vec<Value>> {
    pod.get_mut("spec")?.get_mut(part)?.as_array_mut()
}

/// Gives the containers of a new pod the defaults of the namespace, and notes so in an annotation.
pub(super) fn set_defaults(world: &World, pod: &mut Value) {
    let limits = limits(world, meta::namespace(pod));
    for limit in limits.iter().filter(|limit| is(limit, "Container")) {
        let mut notes = Vec::new();
        for (part, word) in [("containers", "container"), ("initContainers", "init container")] {
            for container in containers(pod, part).into_iter().flatten() {
                let name = container
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                for (field, from, what) in [
                    ("requests", "defaultRequest", "request"),
                    ("limits", "default", "limit"),
                ] {
                    let set = fill(container, field, amounts(limit, from));
                    if !set.is_empty() {
                        notes.push(format!("{} {what} for {word} {name}", set.join(", ")));
                    }
                }
            }
        }
        if !notes.is_empty() {
            let note = format!("LimitRanger plugin set: {}", notes.join("; "));
            meta::set_annotation(pod, "kubernetes.io/limit-ranger", &note);
        }
    }
}

fn fill(container: &mut Value, field: &str, defaults: Option<&Amounts>) -> Vec<String> {
    let Some(defaults) = defaults else { return Vec::new() };
    let resources = meta::child_map(container, "resources");
    let own = resources.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if !own.is_object() {
        *own = Value::Object(Map::new());
    }
    let Some(own) = own.as_object_mut() else {
        return Vec::new();
    };
    let mut set: Vec<String> = Vec::new();
    for (name, amount) in defaults
        .iter()
        .filter(|(name, _)| !own.contains_key(*name))
        .collect::<Vec<_>>()
    {
        own.insert(name.clone(), amount.clone());
        set.push(name.clone());
    }
    set.sort();
    set
}

/// Refuses pods and claims outside the bounds of the namespace.
pub(super) fn check(world: &World, id: &str, object: &Value) -> Result<(), Refusal> {
    let limits = limits(world, meta::namespace(object));
    if limits.is_empty() {
        return Ok(());
    }
    let mut errors = Vec::new();
    let resources = |holder: &Value, part: &str| -> Amounts {
        let amounts = holder.pointer("/resources").and_then(|all| all.get(part)?.as_object());
        amounts.cloned().unwrap_or_default()
    };
    for limit in &limits {
        if id == "persistentvolumeclaims" && is(limit, "PersistentVolumeClaim") {
            let requests = resources(object.get("spec").unwrap_or(&Value::Null), "requests");
            for (name, least) in amounts(limit, "min").into_iter().flatten() {
                errors.extend(below("PersistentVolumeClaim", name, least, &requests, &Amounts::new()));
            }
            for (name, most) in amounts(limit, "max").into_iter().flatten() {
                errors.extend(request_above("PersistentVolumeClaim", name, most, &requests));
            }
        }
        if id == "pods" && is(limit, "Container") {
            for part in ["containers", "initContainers"] {
                let list = object.pointer("/spec").and_then(|spec| spec.get(part)?.as_array());
                for container in list.into_iter().flatten() {
                    let (requests, own) = (resources(container, "requests"), resources(container, "limits"));
                    for (name, least) in amounts(limit, "min").into_iter().flatten() {
                        errors.extend(below("Container", name, least, &requests, &own));
                    }
                    for (name, most) in amounts(limit, "max").into_iter().flatten() {
                        errors.extend(above("Container", name, most, &requests, &own));
                    }
                }
            }
        }
    }
    let why = match errors.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    Err(Refusal::forbidden(id, meta::name(object), &why))
}

fn amount(all: &Amounts, name: &str) -> Option<Quantity> {
    Quantity::of(all.get(name)?)
}

fn below(of: &str, name: &str, least: &Value, requests: &Amounts, limits: &Amounts) -> Option<String> {
    let least = Quantity::of(least)?;
    let start = format!("minimum {name} usage per {of} is {least}");
    match (amount(requests, name), amount(limits, name)) {
        (None, _) => Some(format!("{start}.  No request is specified")),
        (Some(request), _) if request < least => Some(format!("{start}, but request is {request}")),
        (_, Some(limit)) if limit < least => Some(format!("{start}, but limit is {limit}")),
        _ => None,
    }
}

fn above(of: &str, name: &str, most: &Value, requests: &Amounts, limits: &Amounts) -> Option<String> {
    let most = Quantity::of(most)?;
    let start = format!("maximum {name} usage per {of} is {most}");
    match (amount(requests, name), amount(limits, name)) {
        (_, None) => Some(format!("{start}.  No limit is specified")),
        (_, Some(limit)) if limit > most => Some(format!("{start}, but limit is {limit}")),
        (Some(request), _) if request > most => Some(format!("{start}, but request is {request}")),
        _ => None,
    }
}

fn request_above(of: &str, name: &str, most: &Value, requests: &Amounts) -> Option<String> {
    let most = Quantity::of(most)?;
    let start = format!("maximum {name} usage per {of} is {most}");
    match amount(requests, name) {
        None => Some(format!("{start}.  No request is specified")),
        Some(request) if request > most => Some(format!("{start}, but request is {request}")),
        Some(_) => None,
    }
}
