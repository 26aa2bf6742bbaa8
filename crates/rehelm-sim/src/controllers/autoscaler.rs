//! HorizontalPodAutoscalers: replicas within their bounds. There are no metrics here: when the bounds are kept they say
//! so and scale nothing. Rules: kubernetes `pkg/controller/podautoscaler` of 1.35.

use std::time::Duration;

use serde_json::Value;

use super::Controller;
use super::events::{self, Reporter};
use super::read::{self, Condition};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

const SCALERS: &str = "horizontalpodautoscalers.autoscaling";
const REPORTER: Reporter<'_> = Reporter::controller("horizontal-pod-autoscaler");

/// The controller.
pub(crate) struct Autoscalers;

impl Controller for Autoscalers {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &change.object;
        let after = world.options.timing.autoscale;
        match &*change.resource {
            SCALERS if change.kind == ChangeKind::Added => vec![(after, meta::key(object))],
            SCALERS if change.old.as_deref().is_some_and(|old| old["spec"] != object["spec"]) => {
                vec![(after, meta::key(object))]
            }
            "deployments.apps" | "statefulsets.apps" | "replicasets.apps" => {
                let same = change.old.as_deref().map(read::replicas) == Some(read::replicas(object));
                if same || change.kind == ChangeKind::Deleted {
                    return Vec::new();
                }
                let scalers = world.list(SCALERS, Some(meta::namespace(object)));
                let own = scalers.iter().filter(|scaler| {
                    let target = &scaler["spec"]["scaleTargetRef"];
                    target["kind"] == object["kind"] && target["name"] == meta::name(object)
                });
                own.map(|scaler| (after, meta::key(scaler))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let scaler = world.get(SCALERS, namespace, name)?;
        let target = &scaler["spec"]["scaleTargetRef"];
        let found = world
            .kinds
            .of(read::text(target, "/apiVersion"), read::text(target, "/kind"));
        let target = read::text(target, "/name").to_owned();
        let object = found.as_ref().and_then(|kind| world.get(&kind.id, namespace, &target));
        let (Some(kind), Some(object)) = (found, object) else {
            no_target(world, &scaler, &target);
            return None;
        };
        let current = read::replicas(&object);
        let least = scaler.pointer("/spec/minReplicas").and_then(Value::as_i64).unwrap_or(1);
        let most = read::int(&scaler, "/spec/maxReplicas");
        let told = read::int(&object, "/status/replicas");
        if current == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            write(
                world,
                &scaler,
                told,
                0,
                &[active("False", "ScalingDisabled", message), scale_ok()],
            );
            return None;
        }
        let (wanted, why) = if current > most {
            (most, "Current number of replicas above Spec.MaxReplicas")
        } else if current < least {
            (least, "Current number of replicas below Spec.MinReplicas")
        } else {
            let resource = read::text(&scaler, "/spec/metrics/0/resource/name");
            let metric = if resource.is_empty() { "cpu" } else { resource };
            let message = format!(
                "the HPA was unable to compute the replica count: failed to get {metric} utilization: unable to get metrics \
                 for resource {metric}: unable to fetch metrics from resource metrics API: the server could not find the \
                 requested resource (get pods.metrics.k8s.io)"
            );
            let desired = read::int(&scaler, "/status/desiredReplicas");
            let conditions = [scale_ok(), active("False", "FailedGetResourceMetric", &message)];
            write(world, &scaler, told, desired, &conditions);
            return None;
        };
        let writer = Writer::new(CONTROLLERS, "scale");
        let scaled = world.modify_as(&kind.id, namespace, &target, &writer, |object| {
            object["spec"]["replicas"] = wanted.into();
        });
        if let Err(refusal) = scaled {
            tracing::debug!(
                name,
                message = refusal.message,
                "the target of an autoscaler could not be scaled"
            );
            return None;
        }
        let message = format!("New size: {wanted}; reason: {why}");
        events::normal(world, REPORTER, &scaler, "SuccessfulRescale", &message);
        let message = format!("the HPA controller was able to update the target scale to {wanted}");
        let condition = Condition {
            kind: "AbleToScale",
            status: "True",
            reason: "SucceededRescale",
            message: &message,
        };
        let now = world.now().rfc3339();
        write(world, &scaler, told, wanted, &[condition]);
        status(world, &scaler, |status| status["lastScaleTime"] = now.into());
        None
    }
}

fn active<'a>(status: &'a str, reason: &'a str, message: &'a str) -> Condition<'a> {
    Condition {
        kind: "ScalingActive",
        status,
        reason,
        message,
    }
}

const fn scale_ok() -> Condition<'static> {
    Condition {
        kind: "AbleToScale",
        status: "True",
        reason: "SucceededGetScale",
        message: "the HPA controller was able to get the target's current scale",
    }
}

fn no_target(world: &mut World, scaler: &Value, target: &str) {
    let kind = read::text(scaler, "/spec/scaleTargetRef/kind").to_lowercase();
    let why =
        format!("the HPA controller was unable to get the target's current scale: {kind}s.apps \"{target}\" not found");
    let condition = Condition {
        kind: "AbleToScale",
        status: "False",
        reason: "FailedGetScale",
        message: &why,
    };
    write(world, scaler, 0, 0, &[condition]);
}

fn status(world: &mut World, scaler: &Value, change: impl FnOnce(&mut Value)) {
    let writer = Writer::new(CONTROLLERS, "status");
    let (namespace, name) = (meta::namespace(scaler), meta::name(scaler));
    let written = world.modify_as(SCALERS, namespace, name, &writer, |scaler| {
        meta::child_map(scaler, "status");
        change(&mut scaler["status"]);
    });
    if let Err(refusal) = written {
        tracing::debug!(
            name,
            message = refusal.message,
            "an autoscaler's status could not be written"
        );
    }
}

fn write(world: &mut World, scaler: &Value, current: i64, desired: i64, conditions: &[Condition<'_>]) {
    let now = world.now();
    status(world, scaler, |status| {
        if status.get("currentMetrics").is_none() {
            status["currentMetrics"] = Value::Null;
        }
        read::set_count(status, "currentReplicas", current);
        status["desiredReplicas"] = desired.into();
        for condition in conditions {
            read::set_condition(status, *condition, now);
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::controllers::lab::Lab;
    use crate::controllers::read;

    #[test]
    fn bounds_are_kept_and_metrics_are_missing() {
        let lab = Lab::new();
        lab.workload("Deployment", "dep", json!({"replicas": 3}));
        lab.create(
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "hpa"},
            "spec": {"minReplicas": 4, "maxReplicas": 6,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "dep"}}}),
        );
        lab.rest();
        assert_eq!(lab.list("pods").len(), 4);
        lab.rest();
        let hpa = lab.get("horizontalpodautoscalers.autoscaling", "hpa");
        assert_eq!(hpa["status"]["desiredReplicas"], 4);
        let active = read::condition(&hpa, "ScalingActive").expect("a condition");
        assert_eq!(active["reason"], "FailedGetResourceMetric");
        lab.change("deployments.apps", "dep", |d| d["spec"]["replicas"] = 0.into());
        lab.rest();
        assert!(lab.list("pods").is_empty(), "zero replicas switch it off");
    }
}
