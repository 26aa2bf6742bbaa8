//! What is shown of nodes, events, quotas, bindings and the like.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{age, int, list, or_none, plain, text};
use crate::meta;
use crate::timeline::Time;

pub(super) fn config_entries(map: &Value, _: Time) -> Value {
    let count = |field: &str| map.get(field).and_then(Value::as_object).map_or(0, |map| map.len());
    (count("data") + count("binaryData")).into()
}

pub(super) fn node_status(node: &Value, _: Time) -> Value {
    let mut conditions = list(node, "/status/conditions").iter();
    let ready = conditions.find(|one| text(one, "/type") == "Ready");
    let word = match ready.map(|one| text(one, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if node.pointer("/spec/unschedulable") == Some(&true.into()) {
        return format!("{word},SchedulingDisabled").into();
    }
    word.into()
}

pub(super) fn node_roles(node: &Value, _: Time) -> Value {
    let labels = meta::get(node, "labels").and_then(Value::as_object);
    let roles = labels.into_iter().flatten().filter_map(|(key, value)| {
        let named = key.strip_prefix("node-role.kubernetes.io/");
        let given = (key == "kubernetes.io/role").then(|| value.as_str()).flatten();
        named.or(given).filter(|role| !role.is_empty())
    });
    let roles: BTreeSet<&str> = roles.collect();
    or_none(roles.into_iter().collect::<Vec<_>>().join(",")).into()
}

fn address(node: &Value, kind: &str) -> Value {
    let mut all = list(node, "/status/addresses").iter();
    let found = all.find(|one| text(one, "/type") == kind);
    found.map_or("<none>", |one| text(one, "/address")).into()
}

pub(super) fn internal_ip(node: &Value, _: Time) -> Value {
    address(node, "InternalIP")
}

pub(super) fn external_ip(node: &Value, _: Time) -> Value {
    address(node, "ExternalIP")
}

pub(super) fn role(binding: &Value, _: Time) -> Value {
    format!("{}/{}", text(binding, "/roleRef/kind"), text(binding, "/roleRef/name")).into()
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let all = list(binding, "/subjects")
        .iter()
        .filter(|one| text(one, "/kind") == kind);
    let names = all.map(|one| match kind {
        "ServiceAccount" => format!("{}/{}", text(one, "/namespace"), text(one, "/name")),
        _ => text(one, "/name").to_owned(),
    });
    names.collect::<Vec<_>>().join(", ").into()
}

pub(super) fn users(binding: &Value, _: Time) -> Value {
    subjects(binding, "User")
}

pub(super) fn groups(binding: &Value, _: Time) -> Value {
    subjects(binding, "Group")
}

pub(super) fn service_accounts(binding: &Value, _: Time) -> Value {
    subjects(binding, "ServiceAccount")
}

/// The first of these paths that leads to something: events have other field names in each of their two groups.
fn first<'a>(event: &'a Value, paths: &[&str]) -> &'a str {
    let mut found = paths.iter().map(|path| text(event, path));
    found.find(|text| !text.is_empty()).unwrap_or_default()
}

pub(super) fn first_seen(event: &Value, now: Time) -> Value {
    let at = first(event, &["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]);
    age::since(at, now).into()
}

pub(super) fn last_seen(event: &Value, now: Time) -> Value {
    let last = ["/series/lastObservedTime", "/lastTimestamp", "/deprecatedLastTimestamp"];
    match first(event, &last) {
        "" => first_seen(event, now),
        at => age::since(at, now).into(),
    }
}

fn involved(event: &Value) -> &Value {
    event
        .get("involvedObject")
        .or_else(|| event.get("regarding"))
        .unwrap_or(&Value::Null)
}

pub(super) fn event_object(event: &Value, _: Time) -> Value {
    let object = involved(event);
    let kind = text(object, "/kind").to_lowercase();
    match text(object, "/name") {
        "" => kind.into(),
        name => format!("{kind}/{name}").into(),
    }
}

pub(super) fn event_part(event: &Value, _: Time) -> Value {
    text(involved(event), "/fieldPath").into()
}

pub(super) fn event_source(event: &Value, _: Time) -> Value {
    let who = [
        "/source/component",
        "/deprecatedSource/component",
        "/reportingComponent",
        "/reportingController",
    ];
    let place = ["/source/host", "/deprecatedSource/host", "/reportingInstance"];
    match (first(event, &who), first(event, &place)) {
        (who, "") => who.into(),
        (who, place) => format!("{who}, {place}").into(),
    }
}

pub(super) fn event_message(event: &Value, _: Time) -> Value {
    first(event, &["/message", "/note"]).trim().into()
}

pub(super) fn event_count(event: &Value, _: Time) -> Value {
    let counts = ["/series/count", "/count", "/deprecatedCount"].map(|path| int(event, path));
    counts.into_iter().find(|count| *count != 0).unwrap_or(1).into()
}

fn quota(quota: &Value, limits: bool) -> Value {
    let hard = quota.pointer("/status/hard").and_then(Value::as_object);
    let mut names: Vec<&String> = hard.into_iter().flatten().map(|(name, _)| name).collect();
    names.sort();
    let names = names.into_iter().filter(|name| name.starts_with("limits.") == limits);
    let each = names.map(|name| {
        let of = |field: &str| {
            let all = quota.pointer(&format!("/status/{field}"));
            let amount = plain(all.and_then(|all| all.get(name)));
            if amount.is_empty() { "0".to_owned() } else { amount }
        };
        format!("{name}: {}/{}", of("used"), of("hard"))
    });
    each.collect::<Vec<_>>().join(", ").into()
}

pub(super) fn quota_requests(object: &Value, _: Time) -> Value {
    quota(object, false)
}

pub(super) fn quota_limits(object: &Value, _: Time) -> Value {
    quota(object, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quotas_and_events() {
        let object = json!({"status": {"hard": {"pods": "4", "limits.cpu": "2"}, "used": {"pods": "1"}}});
        let now = Time(60_000_000_000);
        let shown = [quota_requests(&object, now), quota_limits(&object, now)];
        assert_eq!(shown, ["pods: 1/4", "limits.cpu: 0/2"]);
        let event = json!({"involvedObject": {"kind": "Pod", "name": "web"}, "firstTimestamp": "1970-01-01T00:00:00Z"});
        assert_eq!(last_seen(&event, now), "60s");
        assert_eq!(event_object(&event, now), "pod/web");
        assert_eq!(event_count(&event, now), 1);
    }
}
