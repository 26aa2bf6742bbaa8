//! What nobody who reads the runbook would see: the chart's own values would change what runs, without a word.
//!
//! Each finding says what the chart does by itself and whether the derived values keep today's state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::Difference;
use super::field::{FieldPath, FieldStep};
use super::map::{How, ValueMap};
use super::post_renderer::beside::fate;
use super::proof::{Residual, last_key, starred_key};
use super::solve::Solution;
use super::solve::index::{Index, name_of};
use super::solve::layer::overlay;
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::{pods, server};

/// Everything that a person should know, worst first within each topic.
pub fn warnings(map: &ValueMap, solution: &Solution, residuals: &[Residual]) -> Vec<Finding> {
    let mut out = Vec::new();
    missing(solution, &mut out);
    let left: Vec<(&ObjRef, &FieldPath)> = residuals.iter().map(|r| (&r.object, &r.field)).collect();
    for (today, made, compared) in solution.before.pairs() {
        let reference = made.object.reference();
        let kept = |d: &Difference| !left.contains(&(&reference, &d.field));
        fields(today, &compared.differences, &kept, &mut out);
    }
    secrets(map, solution, &mut out);
    for hint in &solution.hinted {
        out.push(
            Finding::info("values-hinted", &hint.object)
                .arg("field", hint.field.to_string())
                .arg("value", hint.value.to_string()),
        );
    }
    for existing in &solution.existing {
        out.push(
            Finding::warning("values-secret-existing", short(&existing.instead_of))
                .arg("value", existing.path.to_string())
                .arg("name", &existing.name),
        );
    }
    let hooks = residuals
        .iter()
        .filter(|r| r.hook && super::proof::is_gap(r.class))
        .count();
    if hooks > 0 {
        out.push(Finding::warning("values-hook", "hooks").arg("count", hooks));
    }
    for conflict in &solution.conflicts {
        let wishes = conflict.wishes.iter().map(|(content, by)| {
            let who = by
                .iter()
                .map(|w| format!("{} {}", short(&w.object), w.field))
                .take(3)
                .collect::<Vec<_>>()
                .join(", ");
            format!("{content} ({who})")
        });
        let wishes: Vec<String> = wishes.collect();
        out.push(Finding::warning("values-conflict", conflict.path.to_string()).arg("wishes", wishes.join("; ")));
    }
    out
}

/// `Kind/name`.
pub fn short(object: &ObjRef) -> String {
    format!("{}/{}", object.kind, object.name)
}

/// Objects of today that the chart does not make by itself.
fn missing(solution: &Solution, out: &mut Vec<Finding>) {
    for object in solution.before.only_today() {
        let reference = object.reference();
        let still = solution.after.only_today().any(|o| o.reference() == reference);
        let by: Vec<String> = solution
            .kept
            .iter()
            .filter(|kept| {
                kept.because
                    .iter()
                    .any(|w| w.object == reference && w.field.0.is_empty())
            })
            .map(|kept| kept.path.to_string())
            .collect();
        out.push(match (still, server::stop(object).is_some()) {
            (true, _) => Finding::warning("values-no-counterpart", short(&reference)).arg("fate", fate(object)),
            (false, true) => Finding::warning("values-feature-off", short(&reference)).arg("values", by.join(", ")),
            (false, false) => Finding::info("values-object-off", short(&reference)).arg("values", by.join(", ")),
        });
    }
}

/// A finding for fields of one sort of one object, with what today and the chart say.
fn fields(today: &Object, differences: &[Difference], kept: &dyn Fn(&Difference) -> bool, out: &mut Vec<Finding>) {
    let subject = short(&today.reference());
    let mut sorts: BTreeMap<&'static str, Vec<&Difference>> = BTreeMap::new();
    for difference in differences {
        if let Some(sort) = sort(difference) {
            sorts.entry(sort).or_default().push(difference);
        }
    }
    for (code, differences) in sorts {
        let all_kept = differences.iter().all(|d| kept(d));
        let list: Vec<String> = differences
            .iter()
            .map(|d| {
                let mark = if all_kept || kept(d) { "" } else { " (not kept)" };
                format!(
                    "{}: {} → {}{mark}",
                    where_in(&d.field),
                    shown(d, d.today.as_ref()),
                    shown(d, d.chart.as_ref())
                )
            })
            .collect();
        let finding = match code {
            "values-replicas" => Finding::warning("values-replicas", &subject),
            "values-resources" => Finding::warning("values-resources", &subject),
            "values-env-lost" => Finding::warning("values-env-lost", &subject),
            "values-scheme" => Finding::warning("values-scheme", &subject),
            "values-sticky" => Finding::warning("values-sticky", &subject),
            _ => Finding::warning("values-image", &subject),
        };
        let kept = if all_kept { "yes" } else { "no" };
        let mut finding = finding
            .arg("fields", list.join("; "))
            .arg("count", list.len())
            .arg("kept", kept);
        if all_kept {
            finding.severity = crate::finding::Severity::Info;
        }
        out.push(finding);
    }
}

/// Which warning a difference belongs to.
fn sort(difference: &Difference) -> Option<&'static str> {
    let path = starred_key(&difference.field);
    let key = last_key(&difference.field);
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let (today, chart) = (text(&difference.today), text(&difference.chart));
    let scheme = |text: &str| text.split_once("://").map(|(scheme, _)| scheme.to_owned());
    let environment = path.contains(".env.*.") || path.starts_with("data.");
    Some(
        if path == "spec.replicas" || path.ends_with(".minReplicas") || path.ends_with(".maxReplicas") {
            "values-replicas"
        } else if path.contains("ontainers.*.resources.") {
            "values-resources"
        } else if key == "image" {
            "values-image"
        } else if path.to_lowercase().contains("sticky")
            || path.contains("sessionAffinity")
            || path.contains("affinity-")
            || path.contains("/affinity")
        {
            "values-sticky"
        } else if scheme(&today).is_some() && scheme(&chart).is_some() && scheme(&today) != scheme(&chart)
            || key == "scheme"
        {
            "values-scheme"
        } else if environment && difference.chart.is_none() && key != "name" {
            "values-env-lost"
        } else {
            return None;
        },
    )
}

/// The last parts of a path that say enough beside the object's name.
fn where_in(field: &FieldPath) -> String {
    let named = field.0.iter().rev().find_map(|step| match step {
        FieldStep::Item { value, .. } => Some(value.clone()),
        _ => None,
    });
    match (last_key(field), named) {
        ("value", Some(name)) | ("image", Some(name)) => name,
        (key, _) if field.0.len() > 2 && field.to_string().contains("resources") => {
            let part = field.0.len().checked_sub(2).map(|at| &field.0[at]);
            match part {
                Some(FieldStep::Key(part)) => format!("{part}.{key}"),
                _ => key.to_owned(),
            }
        }
        (key, _) if !key.is_empty() => key.to_owned(),
        _ => field.to_string(),
    }
}

/// A content for people; what may be a secret is not shown.
pub fn shown(difference: &Difference, value: Option<&Value>) -> String {
    show(&difference.field, value)
}

/// As [`shown`], by the field.
pub fn show(field: &FieldPath, value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(_) if super::outcome::looks_secret(&field.to_string()) => "(hidden)".to_owned(),
        Some(Value::String(text)) if text.chars().count() > 80 => {
            format!("{}…", text.chars().take(79).collect::<String>())
        }
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Secrets that the chart renders from values without looking whether they are there: an install overwrites them.
fn secrets(map: &ValueMap, solution: &Solution, out: &mut Vec<Finding>) {
    let index = Index::new(map);
    let values = overlay(&map.values, &solution.values);
    for made in &solution.after.chart {
        if made.object.kind() != "Secret" {
            continue;
        }
        let name = name_of(&made.object.reference());
        let name = solution.names.get(&name).unwrap_or(&name);
        let reaching = index.object(name).iter().filter(|(_, reach)| !reach.field.0.is_empty());
        let empty = reaching.filter(|(entry, reach)| {
            let content = matches!(reach.how, How::Whole | How::Text { .. });
            let now = entry.path.get(&values).unwrap_or(&Value::Null);
            content && (now.is_null() || now == "")
        });
        let empty: Vec<String> = empty.map(|(entry, _)| entry.path.to_string()).collect();
        let used = solution.after.today.iter().filter_map(pods::pod_spec).any(|spec| {
            pods::secret_uses(spec)
                .iter()
                .any(|used| used.secret == made.object.name())
        });
        if !empty.is_empty() {
            let finding = Finding::warning("values-secret-empty", short(&made.object.reference()));
            let used = if used { "yes" } else { "no" };
            out.push(finding.arg("values", empty.join(", ")).arg("used", used));
        }
    }
}
