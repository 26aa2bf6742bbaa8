//! Workloads: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob.

use serde_json::{Map, Value};

use super::look::{At, Causes};
use super::{metadata, names, selects, template};
use crate::refusal::Cause;

/// Checks the spec of a workload; false when the kind is none.
pub(super) fn check(id: &str, object: &Value, old: Option<&Value>, causes: &mut Causes) -> bool {
    let spec = At::new(object.get("spec"), "spec");
    match id {
        "deployments.apps" => deployment(&spec, causes),
        "replicasets.apps" => replica_set(&spec, causes),
        "statefulsets.apps" => stateful_set(&spec, causes),
        "daemonsets.apps" => daemon_set(&spec, causes),
        "replicationcontrollers" => {
            causes.not_negative(&spec.child("replicas"));
            template::template(&spec.child("template"), &[], causes);
        }
        "jobs.batch" => {
            job(&spec, causes);
            if old.is_some() {
                // The server looks twice at a change.
                job(&spec, causes);
            }
        }
        "cronjobs.batch" => cron_job(object, &spec, causes),
        _ => return false,
    }
    if let Some(old) = old {
        update(id, &spec, &At::new(old.get("spec"), "spec"), causes);
    }
    true
}

fn is_empty_selector(selector: &At<'_>) -> bool {
    selector.child("matchLabels").is_empty() && selector.child("matchExpressions").is_empty()
}

/// A selector's own syntax.
fn selector_syntax(selector: &At<'_>, causes: &mut Causes) {
    let labels = selector.child("matchLabels");
    metadata::labels(Some(labels.value), &labels.path, &mut causes.0);
    for one in selector.child("matchExpressions").items() {
        let (operator, values) = (one.child("operator"), one.child("values"));
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                causes.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                causes.forbidden(
                    &values,
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                );
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => causes.invalid(&operator, "not a valid selector operator"),
        }
        causes.rule(&one.child("key"), names::qualified);
    }
}

fn selector(spec: &At<'_>, kind: &str, causes: &mut Causes) {
    let selector = spec.child("selector");
    if selector.is_set() {
        selector_syntax(&selector, causes);
        if is_empty_selector(&selector) {
            causes.invalid(&selector, &format!("empty selector is invalid for {kind}"));
        }
    } else {
        causes.required(&selector, "");
    }
}

fn matches_template(spec: &At<'_>, causes: &mut Causes) {
    let selector = spec.child("selector");
    let labels = spec.child("template").child("metadata").child("labels");
    let empty = Value::Object(Map::new());
    let own = if labels.is_set() { labels.value } else { &empty };
    if !selector.is_set() || !selects(selector.value, own) {
        causes.invalid(&labels, "`selector` does not match template `labels`");
    }
}

/// Pods of workloads that run for ever are always started again.
fn for_ever(spec: &At<'_>, kind: &str, causes: &mut Causes) {
    let pods = spec.child("template").child("spec");
    causes.one_of(&pods.child("restartPolicy"), &["Always"]);
    let deadline = pods.child("activeDeadlineSeconds");
    if deadline.is_set() {
        causes.forbidden(&deadline, &format!("activeDeadlineSeconds in {kind} is not Supported"));
    }
}

fn deployment(spec: &At<'_>, causes: &mut Causes) {
    causes.not_negative(&spec.child("replicas"));
    selector(spec, "deployment", causes);
    matches_template(spec, causes);
    template::template(&spec.child("template"), &[], causes);
    for_ever(spec, "ReplicaSet", causes);
    let strategy = spec.child("strategy");
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "Recreate" if rolling.is_set() => {
            causes.forbidden(&rolling, "may not be specified when strategy `type` is 'Recreate'");
        }
        "" | "Recreate" => {}
        "RollingUpdate" => {
            let zero = |field: &str| {
                let value = rolling.child(field);
                value.number() == Some(0) || value.text() == "0%"
            };
            if zero("maxUnavailable") && zero("maxSurge") {
                causes.invalid(&rolling.child("maxUnavailable"), "may not be 0 when `maxSurge` is 0");
            }
        }
        _ => {
            let kinds = ["Recreate", "RollingUpdate"];
            let value = serde_json::json!({"Type": strategy.child("type").text(), "RollingUpdate": rolling.value});
            causes.0.push(Cause::not_supported(&strategy.path, &value, &kinds));
        }
    }
    for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        causes.not_negative(&spec.child(field));
    }
    let (deadline, ready) = (spec.child("progressDeadlineSeconds"), spec.child("minReadySeconds"));
    if deadline
        .number()
        .is_some_and(|deadline| deadline <= ready.number().unwrap_or(0))
    {
        causes.invalid(&deadline, "must be greater than minReadySeconds");
    }
}

fn replica_set(spec: &At<'_>, causes: &mut Causes) {
    causes.not_negative(&spec.child("replicas"));
    causes.not_negative(&spec.child("minReadySeconds"));
    selector(spec, "deployment", causes);
    matches_template(spec, causes);
    template::template(&spec.child("template"), &[], causes);
    for_ever(spec, "ReplicaSet", causes);
}

fn stateful_set(spec: &At<'_>, causes: &mut Causes) {
    let policy = spec.child("podManagementPolicy");
    if policy.is_set() && !matches!(policy.text(), "OrderedReady" | "Parallel") {
        causes.invalid(&policy, "must be 'OrderedReady' or 'Parallel'");
    }
    causes.not_negative(&spec.child("replicas"));
    causes.not_negative(&spec.child("minReadySeconds"));
    let service = spec.child("serviceName");
    if !service.is_empty() {
        causes.rule(&service, names::label);
    }
    selector(spec, "statefulset", causes);
    matches_template(spec, causes);
    let claims = spec.child("volumeClaimTemplates");
    let claims: Vec<String> = claims
        .items()
        .map(|claim| claim.child("metadata").child("name").text().to_owned())
        .collect();
    template::template(&spec.child("template"), &claims, causes);
    for_ever(spec, "StatefulSet", causes);
}

fn daemon_set(spec: &At<'_>, causes: &mut Causes) {
    let selector = spec.child("selector");
    if selector.is_set() {
        selector_syntax(&selector, causes);
    }
    matches_template(spec, causes);
    if selector.is_set() && is_empty_selector(&selector) {
        causes.invalid(&selector, "empty selector is invalid for daemonset");
    }
    template::template(&spec.child("template"), &[], causes);
    for_ever(spec, "DaemonSet", causes);
    causes.not_negative(&spec.child("minReadySeconds"));
    causes.not_negative(&spec.child("revisionHistoryLimit"));
}

fn job(spec: &At<'_>, causes: &mut Causes) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ] {
        causes.not_negative(&spec.child(field));
    }
    causes.one_of(&spec.child("completionMode"), &["NonIndexed", "Indexed"]);
    template::template(&spec.child("template"), &[], causes);
    let policy = spec.child("template").child("spec").child("restartPolicy");
    match policy.text() {
        "" | "Always" => causes.required(&policy, "valid values: \"OnFailure\", \"Never\""),
        _ => causes.one_of(&policy, &["OnFailure", "Never"]),
    }
}

/// Names of CronJobs leave room for what is appended to the names of their Jobs.
const CRON_NAME: usize = 52;

fn cron_job(object: &Value, spec: &At<'_>, causes: &mut Causes) {
    let name = At::new(object.pointer("/metadata/name"), "metadata.name");
    if name.text().len() > CRON_NAME {
        causes.invalid(&name, "must be no more than 52 characters");
    }
    let schedule = spec.child("schedule");
    if schedule.is_empty() {
        causes.required(&schedule, "");
    } else if let Err(why) = schedule_syntax(schedule.text()) {
        causes.invalid(&schedule, &why);
    }
    causes.not_negative(&spec.child("startingDeadlineSeconds"));
    causes.one_of(&spec.child("concurrencyPolicy"), &["Allow", "Forbid", "Replace"]);
    job(&spec.child("jobTemplate").child("spec"), causes);
    causes.not_negative(&spec.child("successfulJobsHistoryLimit"));
    causes.not_negative(&spec.child("failedJobsHistoryLimit"));
}

fn schedule_syntax(text: &str) -> Result<(), String> {
    if text.starts_with('@') {
        let known = [
            "@yearly",
            "@annually",
            "@monthly",
            "@weekly",
            "@daily",
            "@midnight",
            "@hourly",
        ];
        if known.contains(&text) || text.starts_with("@every ") {
            return Ok(());
        }
        return Err(format!("unrecognized descriptor: {text}"));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    let words = "jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat";
    for (place, field) in fields.into_iter().enumerate() {
        for part in field.split(',') {
            let range = part.split('/').next().unwrap_or_default();
            for end in range.split('-').filter(|end| !matches!(*end, "*" | "?")) {
                let word = place > 2 && words.split(' ').any(|word| end.eq_ignore_ascii_case(word));
                if end.parse::<u32>().is_err() && !word {
                    return Err(format!(
                        "failed to parse int from {end}: strconv.Atoi: parsing {end:?}: invalid syntax"
                    ));
                }
            }
        }
    }
    Ok(())
}

const STATEFUL_SET: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                            'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                            'minReadySeconds' are forbidden";

/// Changes that are refused, other than those that are mere comparisons.
fn update(id: &str, spec: &At<'_>, old: &At<'_>, causes: &mut Causes) {
    match id {
        "statefulsets.apps" => {
            let rest = |spec: &Value| {
                let mut map = spec.as_object().cloned().unwrap_or_default();
                for allowed in [
                    "replicas",
                    "ordinals",
                    "template",
                    "updateStrategy",
                    "revisionHistoryLimit",
                    "persistentVolumeClaimRetentionPolicy",
                    "minReadySeconds",
                ] {
                    map.shift_remove(allowed);
                }
                map
            };
            if rest(spec.value) != rest(old.value) {
                causes.forbidden(spec, STATEFUL_SET);
            }
        }
        "jobs.batch" => {
            let indexed = spec.child("completionMode").text() == "Indexed";
            let completions = spec.child("completions");
            if completions.value != old.child("completions").value && !indexed {
                causes.invalid(&completions, "field is immutable");
            }
            let selector = spec.child("selector");
            if selector.value != old.child("selector").value {
                causes.invalid(&selector, "field is immutable");
            }
            let template = spec.child("template");
            let suspended = old.child("suspend").value == &Value::Bool(true);
            if template.value != old.child("template").value && !suspended {
                causes.invalid(&template, "field is immutable");
            }
        }
        _ => {}
    }
}
