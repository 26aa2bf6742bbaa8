//! Where the release's images come from, and whether its pods may pull them.

use std::collections::{BTreeMap, BTreeSet};

use super::at::{At, Report, container_pairs, some, text};
use super::versions::split;
use crate::finding::Finding;
use crate::pods;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    registries(at, report);
    pull_secrets(at, report);
    floating(at, report);
}

/// The same image from somewhere else: an operator's mirror that the values do not name.
fn registries(at: &At<'_>, report: &mut Report) {
    let mut count = 0;
    let mut other = BTreeSet::new();
    for pair in at.workloads() {
        let Some(rendered) = pair.rendered else { continue };
        for (today, chart) in container_pairs(pair.today, rendered) {
            count += 1;
            let ((have, _), (want, _)) = (split(text(today, "image")), split(text(chart, "image")));
            if have != want {
                other.insert(format!("{have} → {want}"));
            }
        }
    }
    let code = "image-registry-differs";
    let finding = (!other.is_empty()).then(|| {
        Finding::warning(code, "images")
            .arg("count", other.len())
            .arg("images", some(&other))
    });
    report.check(code, "images", count, finding);
}

fn pull_secrets(at: &At<'_>, report: &mut Report) {
    let there = |name: &str| {
        let in_target = |o: &crate::object::Object| o.kind() == "Secret" && o.name() == name;
        at.observed.rendered.iter().any(in_target)
            || at.observed.converted.iter().any(in_target)
            || at.observed.target_secrets.iter().any(|o| o.name() == name)
    };
    let mut count = 0;
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for (_, spec) in at.rendered_pods() {
        count += 1;
        for name in pods::pull_secrets(spec).into_iter().filter(|n| !there(n)) {
            *missing.entry(name).or_default() += 1;
        }
    }
    let found = missing.into_iter().map(|(secret, workloads)| {
        Finding::error("pull-secret-missing", format!("Secret/{}/{secret}", at.target())).arg("workloads", workloads)
    });
    report.check("pull-secret-missing", "workloads", count, found);

    // A service account may bring pull secrets, too.
    let by_account = |spec: &serde_json::Value| {
        let name = text(spec, "serviceAccountName");
        at.rendered("ServiceAccount")
            .any(|a| a.name() == name && a.get("/imagePullSecrets/0").is_some())
    };
    let lost: Vec<String> = at
        .workloads()
        .filter_map(|pair| {
            let (today, chart) = (pods::pod_spec(pair.today)?, pods::pod_spec(pair.rendered?)?);
            let lost =
                !pods::pull_secrets(today).is_empty() && pods::pull_secrets(chart).is_empty() && !by_account(chart);
            lost.then(|| pair.declared.name().to_owned())
        })
        .collect();
    let finding = (!lost.is_empty()).then(|| {
        Finding::warning("pull-secret-lost", "workloads")
            .arg("count", lost.len())
            .arg("workloads", some(&lost))
    });
    report.check("pull-secret-lost", "workloads", count, finding);
}

/// Images whose content may be another one tomorrow.
fn floating(at: &At<'_>, report: &mut Report) {
    let all: BTreeSet<String> = at.rendered_pods().flat_map(|(_, spec)| pods::images(spec)).collect();
    let floating: Vec<&String> = all.iter().filter(|i| split(i).1 == "latest").collect();
    let finding = (!floating.is_empty()).then(|| {
        Finding::info("image-floating", "images")
            .arg("count", floating.len())
            .arg("images", some(&floating))
    });
    report.check("image-floating", "images", all.len(), finding);
}
