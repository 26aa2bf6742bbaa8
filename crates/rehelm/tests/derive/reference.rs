//! A vendor's chart and two operators' overlays, when `REHELM_VENDOR_CHART` names the chart and the reference is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rehelm_core::object::Object;
use rehelm_core::values::FieldPath;
use rehelm_core::values::compare::compare;
use rehelm_core::values::setting::setting;
use rehelm_core::values::source::{Move, source};
use serde_json::Value;

use crate::support::{Place, has_tools, of_class};

const START: &str = "imageCredentials: {username: u, password: p}\nmongodb: {auth: {rootPassword: x}}\n";
const AWS: &str = "tls: {existingSecret: cognigy-traefik}\ncloud: {provider: aws, region: eu-central-1}\nefs: {flowModules: {id: fs-000000000001a}, functions: {id: fs-000000000001b}}\n";
const AZURE: &str = "tls: {existingSecret: example-de-wildcard}\ncloud: {provider: azure}\n";

fn found() -> Option<(PathBuf, PathBuf)> {
    let chart = std::env::var_os("REHELM_VENDOR_CHART").map(PathBuf::from);
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/cognigy-4.38.0");
    match chart {
        Some(chart) if chart.is_dir() && reference.is_dir() && has_tools() => Some((chart, reference)),
        _ => {
            eprintln!("SKIPPED: needs REHELM_VENDOR_CHART and ../shared/reference");
            None
        }
    }
}

fn raw(file: &Path) -> Vec<Object> {
    let text = std::fs::read_to_string(file).unwrap();
    rehelm_core::yaml::parse_objects(&text, "built").unwrap().0
}

fn objects(file: &Path) -> Vec<Object> {
    source(
        &raw(file),
        false,
        &Move {
            from: Some("default".into()),
            to: "cognigy-ai".into(),
        },
    )
    .objects
}

/// Fields of an overlay that its stock does not have so: `Kind/name field`.
fn changed(stock: &[Object], built: &[Object]) -> Vec<String> {
    let mut out = Vec::new();
    for object in built {
        let before = stock
            .iter()
            .find(|o| o.kind() == object.kind() && o.name() == object.name());
        let empty = Value::Null;
        let compared = compare(&object.0, before.map_or(&empty, |o| &o.0));
        out.extend(
            compared
                .differences
                .iter()
                .map(|d| format!("{}/{} {}", object.kind(), object.name(), d.field)),
        );
    }
    out
}

struct Outcome {
    report: Value,
    changed: Vec<String>,
    written: Vec<(String, FieldPath)>,
    /// Differences that are left, as [`changed`] writes them.
    left: Vec<String>,
}

fn run(overlay: &str, stock: &str, start: &str) -> Option<Outcome> {
    let (chart, reference) = found()?;
    let built = reference.join("overlays").join(overlay).join("built.yaml");
    let place = Place::new(&[
        "--chart",
        chart.to_str().unwrap(),
        "--kustomize",
        built.to_str().unwrap(),
        "-n",
        "cognigy-ai",
        "--release",
        "cognigy-ai",
        "--kube-version",
        "1.23.0",
        "--api-versions",
        "networking.k8s.io/v1/IngressClass",
        "-f",
        "start.yaml",
    ]);
    std::fs::write(place.path("start.yaml"), start).unwrap();
    let report = place.derive(&["--post-renderer", "post"]);
    let kubectl = rehelm_clients::program("kubectl", "KUBECTL_BIN").unwrap();
    let stock = std::process::Command::new(kubectl)
        .arg("kustomize")
        .arg(reference.join(stock))
        .output()
        .unwrap();
    let file = place.path("stock.yaml");
    std::fs::write(&file, stock.stdout).unwrap();
    let left = report["residuals"].as_array().unwrap().iter().map(|r| {
        format!(
            "{}/{} {}",
            r["object"]["kind"].as_str().unwrap(),
            r["object"]["name"].as_str().unwrap(),
            r["field"].as_str().unwrap()
        )
    });
    let left = left.collect();
    Some(Outcome {
        changed: changed(&objects(&file), &objects(&built)),
        written: written(&raw(&file), &raw(&built)),
        left,
        report,
    })
}

fn share(totals: &Value) -> f64 {
    totals["equal"].as_f64().unwrap() / totals["fields"].as_f64().unwrap()
}

#[test]
fn the_stock_overlay_is_kept() {
    let Some(outcome) = run(
        "a-aws-stock",
        "kubernetes/core/production/product",
        &format!("{START}{AWS}"),
    ) else {
        return;
    };
    let lost: Vec<&String> = outcome
        .changed
        .iter()
        .filter(|field| outcome.left.contains(field))
        .collect();
    eprintln!(
        "changed {}, lost {lost:#?}, {}",
        outcome.changed.len(),
        outcome.report["after"]
    );
    assert!(lost.is_empty(), "{lost:#?}");
    assert!(share(&outcome.report["after"]) >= 0.945);
    assert_eq!(
        (
            of_class(&outcome.report, "unknown"),
            outcome.report["conflicts"].as_array().unwrap().len()
        ),
        (0, 0)
    );
}

/// What an overlay says otherwise than its stock, as its manifests say it: leaves of objects that both have, and whole objects
/// that only the overlay has. `default` contents count as well, because a person has written them.
fn written(stock: &[Object], built: &[Object]) -> Vec<(String, FieldPath)> {
    let mut out = Vec::new();
    for object in built {
        let id = format!("{}/{}", object.kind(), object.name());
        match stock
            .iter()
            .find(|o| o.kind() == object.kind() && o.name() == object.name())
        {
            None => out.push((id, FieldPath::default())),
            Some(before) => {
                let compared = compare(&object.0, &before.0);
                out.extend(compared.differences.into_iter().map(|d| (id.clone(), d.field)));
            }
        }
    }
    out
}

/// 249 changes: 247 leaves and two workloads. The chart can express 84 of them, which values keep; it cannot express scheduling,
/// which is 165 leaves and 66 settings (a selector and a toleration for each of 33 workloads), which the post-renderer carries.
#[test]
fn the_tuned_overlay_is_kept_or_carried() {
    let Some(outcome) = run(
        "b-azure-tuned",
        "kubernetes/core/production/product",
        &format!("{START}{AZURE}"),
    ) else {
        return;
    };
    let is_scheduling = |field: &FieldPath| {
        let text = field.to_string();
        text.contains("nodeSelector") || text.contains("tolerations")
    };
    let (scheduling, others): (Vec<_>, Vec<_>) = outcome.written.iter().partition(|(_, field)| is_scheduling(field));
    let residuals = outcome.report["residuals"].as_array().unwrap();
    let carried: BTreeSet<u64> = outcome.report["carried"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    let lost: Vec<_> = others
        .iter()
        .filter(|(id, field)| outcome.left.contains(&format!("{id} {field}")))
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let mut gaps: BTreeMap<(String, String), Vec<(u64, &Value)>> = BTreeMap::new();
    for (at, residual) in residuals.iter().enumerate() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let id = format!(
            "{}/{}",
            text(&residual["object"]["kind"]),
            text(&residual["object"]["name"])
        );
        let field = setting(&text(&residual["field"]).parse().unwrap());
        gaps.entry((id, field.to_string()))
            .or_default()
            .push((at as u64, residual));
    }
    let settings: BTreeSet<(String, String)> = scheduling
        .iter()
        .map(|(id, field)| (id.clone(), setting(field).to_string()))
        .collect();
    for setting in &settings {
        let gap = gaps.get(setting).unwrap_or_else(|| panic!("not named: {setting:?}"));
        assert!(
            gap.iter()
                .all(|(at, r)| r["class"] == "chart-cannot" && carried.contains(at)),
            "{gap:#?}"
        );
    }
    assert_eq!((others.len(), scheduling.len(), settings.len()), (84, 165, 66));
    assert_eq!(
        (
            of_class(&outcome.report, "unknown"),
            outcome.report["conflicts"].as_array().unwrap().len()
        ),
        (0, 0)
    );
}
