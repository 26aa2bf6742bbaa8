//! What is shown of workloads, autoscalers and disruption budgets.

use serde_json::Value;

use super::{age, int, list, plain, text};
use crate::meta;
use crate::timeline::Time;

pub(super) fn ready(workload: &Value, _: Time) -> Value {
    let (ready, wanted) = (int(workload, "/status/readyReplicas"), int(workload, "/spec/replicas"));
    format!("{ready}/{wanted}").into()
}

pub(super) fn controller(revision: &Value, _: Time) -> Value {
    let Some(owner) = meta::controller(revision) else {
        return "<none>".into();
    };
    let kind = text(owner, "/kind").to_lowercase();
    let group = text(owner, "/apiVersion")
        .split_once('/')
        .map(|(group, _)| format!(".{group}"));
    format!("{kind}{}/{}", group.unwrap_or_default(), text(owner, "/name")).into()
}

pub(super) fn revision(revision: &Value, _: Time) -> Value {
    int(revision, "/revision").into()
}

pub(super) fn job_status(job: &Value, _: Time) -> Value {
    let has = |condition: &str| {
        let mut all = list(job, "/status/conditions").iter();
        all.any(|one| text(one, "/type") == condition && text(one, "/status") == "True")
    };
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if meta::is_terminating(job) => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
    .into()
}

pub(super) fn completions(job: &Value, _: Time) -> Value {
    let done = int(job, "/status/succeeded");
    match (
        job.pointer("/spec/completions").and_then(Value::as_i64),
        int(job, "/spec/parallelism"),
    ) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
        _ => format!("{done}/1"),
    }
    .into()
}

pub(super) fn duration(job: &Value, now: Time) -> Value {
    let Some(start) = age::parse(text(job, "/status/startTime")) else {
        return "".into();
    };
    let end = age::parse(text(job, "/status/completionTime")).unwrap_or(now);
    age::human(end.since(start)).into()
}

pub(super) fn suspend(job: &Value, _: Time) -> Value {
    match job.pointer("/spec/suspend").and_then(Value::as_bool) {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    }
    .into()
}

pub(super) fn last_schedule(job: &Value, now: Time) -> Value {
    match text(job, "/status/lastScheduleTime") {
        "" => "<none>".into(),
        last => age::since(last, now).into(),
    }
}

pub(super) fn scale_target(scaler: &Value, _: Time) -> Value {
    let target = "/spec/scaleTargetRef";
    let (kind, name) = (
        text(scaler, &format!("{target}/kind")),
        text(scaler, &format!("{target}/name")),
    );
    format!("{kind}/{name}").into()
}

pub(super) fn min_pods(scaler: &Value, _: Time) -> Value {
    or_unset(scaler, "/spec/minReplicas", "<unset>")
}

pub(super) fn min_available(budget: &Value, _: Time) -> Value {
    or_unset(budget, "/spec/minAvailable", "N/A")
}

pub(super) fn max_unavailable(budget: &Value, _: Time) -> Value {
    or_unset(budget, "/spec/maxUnavailable", "N/A")
}

fn or_unset(object: &Value, path: &str, none: &str) -> Value {
    match plain(object.pointer(path)) {
        text if text.is_empty() => none.into(),
        text => text.into(),
    }
}

/// Metrics as `cpu: 10%/80%`; the old version of the API knows only the share of CPU.
pub(super) fn targets(scaler: &Value, _: Time) -> Value {
    if let Some(target) = scaler
        .pointer("/spec/targetCPUUtilizationPercentage")
        .and_then(Value::as_i64)
    {
        let now = scaler
            .pointer("/status/currentCPUUtilizationPercentage")
            .and_then(Value::as_i64);
        let now = now.map_or_else(|| "<unknown>".to_owned(), |now| format!("{now}%"));
        return format!("cpu: {now}/{target}%").into();
    }
    let metrics = list(scaler, "/spec/metrics");
    if metrics.is_empty() {
        return "<none>".into();
    }
    let current = list(scaler, "/status/currentMetrics");
    let each = metrics.iter().enumerate();
    let all: Vec<String> = each.map(|(at, metric)| target(metric, current.get(at))).collect();
    if all.len() > 2 {
        return format!("{} + {} more...", all[..2].join(", "), all.len() - 2).into();
    }
    all.join(", ").into()
}

fn target(metric: &Value, current: Option<&Value>) -> String {
    let field = match text(metric, "/type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return "<unknown type>".to_owned(),
    };
    let target = |key: &str| plain(metric.pointer(&format!("/{field}/target/{key}")));
    let current = |key: &str| {
        let value = current.and_then(|current| current.pointer(&format!("/{field}/current/{key}")));
        value.map_or_else(|| "<unknown>".to_owned(), |value| plain(Some(value)))
    };
    let percent = |text: String| {
        if text.starts_with('<') {
            text
        } else {
            format!("{text}%")
        }
    };
    let average = target("averageValue");
    match field {
        "resource" | "containerResource" => {
            let name = text(metric, &format!("/{field}/name"));
            if !average.is_empty() {
                return format!("{name}: {}/{average}", current("averageValue"));
            }
            let wanted = Some(target("averageUtilization")).filter(|wanted| !wanted.is_empty());
            let wanted = wanted.map_or_else(|| "<auto>".to_owned(), percent);
            format!("{name}: {}/{wanted}", percent(current("averageUtilization")))
        }
        "pods" => format!("{}/{average}", current("averageValue")),
        _ if !average.is_empty() => format!("{}/{average} (avg)", current("averageValue")),
        _ => format!("{}/{}", current("value"), target("value")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn autoscalers_show_now_and_wanted() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}});
        let mut scaler = json!({"spec": {"metrics": [cpu]}});
        assert_eq!(targets(&scaler, Time(0)), "cpu: <unknown>/80%");
        scaler["status"] = json!({"currentMetrics": [{"resource": {"current": {"averageUtilization": 7}}}]});
        assert_eq!(targets(&scaler, Time(0)), "cpu: 7%/80%");
    }

    #[test]
    fn jobs() {
        let job = json!({"spec": {"completions": 2}, "status": {"succeeded": 1, "startTime": "1970-01-01T00:00:00Z"}});
        let now = Time(90_000_000_000);
        let shown = [job_status(&job, now), completions(&job, now), duration(&job, now)];
        assert_eq!(shown, ["Running", "1/2", "90s"]);
    }
}
