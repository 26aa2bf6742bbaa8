//! Events as the real components write them: core/v1, named `<object>.<hex of the time>`, repeated ones counted.
//!
//! Components that use the old recorder count: the same event about the same object is one Event whose `count` and
//! `lastTimestamp` move (client-go `tools/record`). The scheduler uses the new recorder, whose Events carry `eventTime`
//! and `action` in place of counts.

use serde_json::{Value, json};

use crate::meta;
use crate::world::{World, Writer};

/// Who reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reporter<'a> {
    /// `source.component`.
    pub component: &'a str,
    /// `source.host`; empty for components that run on no node.
    pub host: &'a str,
    /// Field manager of the component's program.
    pub manager: &'a str,
}

impl<'a> Reporter<'a> {
    /// One of the controllers of the controller manager.
    pub const fn controller(component: &'a str) -> Self {
        Self {
            component,
            host: "",
            manager: crate::world::CONTROLLERS,
        }
    }

    /// The kubelet of a node.
    pub const fn kubelet(node: &'a str) -> Self {
        Self {
            component: "kubelet",
            host: node,
            manager: "kubelet",
        }
    }
}

/// Reports something normal about an object.
pub(crate) fn normal(world: &mut World, by: Reporter<'_>, about: &Value, reason: &str, message: &str) {
    report(world, by, about, "Normal", reason, message);
}

/// Reports something that should not be.
pub(crate) fn warning(world: &mut World, by: Reporter<'_>, about: &Value, reason: &str, message: &str) {
    report(world, by, about, "Warning", reason, message);
}

/// `ObjectReference` to an object.
pub(crate) fn reference(about: &Value) -> Value {
    let mut to = json!({
        "kind": about.get("kind").cloned().unwrap_or_default(),
        "name": meta::name(about),
        "uid": meta::uid(about),
        "apiVersion": about.get("apiVersion").cloned().unwrap_or_default(),
        "resourceVersion": meta::resource_version(about),
    });
    if !meta::namespace(about).is_empty() {
        to["namespace"] = meta::namespace(about).into();
    }
    to
}

fn namespace(about: &Value) -> String {
    match meta::namespace(about) {
        "" => "default".to_owned(),
        namespace => namespace.to_owned(),
    }
}

fn report(world: &mut World, by: Reporter<'_>, about: &Value, kind: &str, reason: &str, message: &str) {
    let now = world.now().rfc3339();
    let namespace = namespace(about);
    let same = |event: &Value| {
        event["reason"] == reason
            && event["message"] == message
            && event["type"] == kind
            && event["source"]["component"] == by.component
            && event["source"]["host"].as_str().unwrap_or_default() == by.host
            && event["involvedObject"]["kind"] == about["kind"]
            && event["involvedObject"]["uid"] == meta::uid(about)
    };
    let before = world
        .store
        .events_named(&namespace, &format!("{}.", meta::name(about)))
        .into_iter()
        .find(|event| same(event));
    if let Some(before) = before {
        let count = before["count"].as_i64().unwrap_or(1) + 1;
        let mut event = (*before).clone();
        event["count"] = count.into();
        event["lastTimestamp"] = now.into();
        event["involvedObject"]["resourceVersion"] = meta::resource_version(about).into();
        if let Ok(kind) = world.kind("events") {
            // An event that cannot be written is lost in a real cluster, too.
            let _ = world.replace(&kind, &before, event, &Writer::new(by.manager, ""), false);
        }
        return;
    }
    let mut source = json!({"component": by.component});
    if !by.host.is_empty() {
        source["host"] = by.host.into();
    }
    let event = json!({
        "involvedObject": reference(about),
        "reason": reason,
        "message": message,
        "source": source,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "type": kind,
        "eventTime": null,
        "reportingComponent": by.component,
        "reportingInstance": by.host,
    });
    write(world, by.manager, about, &namespace, event);
}

/// Reports as the scheduler does: with a time, an action, and no count.
pub(crate) fn scheduler(world: &mut World, about: &Value, kind: &str, reason: &str, action: &str, message: &str) {
    let namespace = namespace(about);
    let event = json!({
        "involvedObject": reference(about),
        "reason": reason,
        "message": message,
        "source": {},
        "firstTimestamp": null,
        "lastTimestamp": null,
        "type": kind,
        "eventTime": world.now().rfc3339_micro(),
        "action": action,
        "reportingComponent": "default-scheduler",
        "reportingInstance": "default-scheduler-simulated",
    });
    write(world, "kube-scheduler", about, &namespace, event);
}

fn write(world: &mut World, manager: &str, about: &Value, namespace: &str, mut event: Value) {
    let Ok(kind) = world.kind("events") else { return };
    let mut time = world.now().0;
    let name = loop {
        let name = format!("{}.{time:x}", meta::name(about));
        if world.get("events", namespace, &name).is_none() {
            break name;
        }
        time += 1;
    };
    event["apiVersion"] = "v1".into();
    event["kind"] = "Event".into();
    event["metadata"] = json!({"name": name, "namespace": namespace});
    if let Err(refusal) = world.insert(&kind, event, &Writer::new(manager, ""), false) {
        // As in a namespace that terminates: the real recorder drops the event, too.
        tracing::debug!(message = refusal.message, "an event was refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Options;

    #[test]
    fn what_repeats_is_counted_and_what_differs_is_not() {
        let mut world = World::new(Options::default());
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}});
        world.create("namespaces", namespace).expect("a namespace");
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x", "uid": "u"}});
        let by = Reporter::controller("tester");
        normal(&mut world, by, &map, "Seen", "once");
        world.pass(std::time::Duration::from_secs(5));
        normal(&mut world, by, &map, "Seen", "once");
        warning(&mut world, by, &map, "Seen", "other");
        let events = world.list("events", Some("x"));
        let mut told: Vec<_> = events
            .iter()
            .map(|e| (e["message"].as_str().unwrap_or_default(), e["count"].as_i64()))
            .collect();
        told.sort_unstable();
        assert_eq!(told, [("once", Some(2)), ("other", Some(1))]);
        assert_eq!(events[0]["reportingComponent"], "tester");
        assert_ne!(events[0]["firstTimestamp"], events[0]["lastTimestamp"]);
    }
}
