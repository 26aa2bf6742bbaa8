//! Versions: of the cluster, of the programs, of the chart, and whether both sides are the same product version.

use std::collections::BTreeSet;

use semver::Version;

use super::at::{At, Report, container_pairs, some, text};
use crate::constraint::{Constraint, version};
use crate::finding::Finding;

/// Helm from which one comparison with a pre-release opens the whole group of a constraint.
const HELM_GROUP_RULE: Version = Version::new(3, 19, 0);

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    kubernetes(at, report);
    programs(at, report);
    chart(at, report);
    image_versions(at, report);
    served(at, report);
}

fn kubernetes(at: &At<'_>, report: &mut Report) {
    let shown = &at.observed.facts.version;
    let server = version(shown);
    let range = &at.profile.about.kubernetes;
    let outside = |range: &str, strictly: bool| match (Constraint::parse(range), &server) {
        (Ok(range), Some(v)) if strictly => !range.matches_strictly(v),
        (Ok(range), Some(v)) => !range.matches(v),
        _ => true,
    };
    let about = |finding: Finding, range: &str| finding.arg("version", shown).arg("range", range);
    report.one(
        "kubernetes-documented",
        shown,
        outside(range, false).then(|| about(Finding::warning("kubernetes-documented", shown), range)),
    );
    let strictly = version(&at.observed.helm_version).is_some_and(|helm| helm < HELM_GROUP_RULE);
    let of_chart = at
        .observed
        .chart
        .kube_version
        .as_deref()
        .filter(|r| outside(r, strictly));
    report.one(
        "kubernetes-chart",
        shown,
        of_chart.map(|range| about(Finding::error("kubernetes-chart", shown), range)),
    );
}

fn programs(at: &At<'_>, report: &mut Report) {
    let shown = &at.observed.helm_version;
    let helm = version(shown);
    let old = helm.as_ref().is_none_or(|v| (v.major, v.minor) < (3, 8));
    report.one(
        "helm-version",
        shown,
        old.then(|| Finding::error("helm-version", shown).arg("version", shown)),
    );
    let blind = helm.as_ref().is_none_or(|v| (v.major, v.minor) < (3, 13));
    let code = "helm-render-without-lookup";
    report.one(
        code,
        "helm",
        blind.then(|| Finding::warning(code, "helm").arg("version", shown)),
    );

    let (os, documented) = (&at.input.client_os, &at.profile.about.client_os);
    let odd = !documented.is_empty() && !documented.contains(os);
    let finding = || Finding::warning("client-os", os).arg("documented", documented.join(", "));
    report.one("client-os", os, odd.then(finding));

    let server = version(&at.observed.facts.version);
    let said = |version: &str| {
        Finding::info("kubectl-version", "kubectl")
            .arg("version", version)
            .arg("server", &at.observed.facts.version)
    };
    let found = match &at.input.kubectl_version {
        None => Some(said("none")),
        Some(kubectl) => match (version(kubectl), server) {
            (Some(k), Some(s)) if k.major == s.major && k.minor.abs_diff(s.minor) <= 1 => None,
            _ => Some(said(kubectl)),
        },
    };
    report.one("kubectl-version", "kubectl", found);
}

fn chart(at: &At<'_>, report: &mut Report) {
    let (chart, about) = (&at.observed.chart, &at.profile.about);
    let other = chart.name != about.chart;
    let finding = || Finding::error("chart-name", &chart.name).arg("want", &about.chart);
    report.one("chart-name", &chart.name, other.then(finding));
    let known = match (Constraint::parse(&about.chart_versions), version(&chart.version)) {
        (Ok(range), Some(v)) => range.matches(&v),
        _ => false,
    };
    let finding = || Finding::error("chart-version", &chart.version).arg("range", &about.chart_versions);
    report.one("chart-version", &chart.version, (!known).then(finding));
}

/// Manifests do not say their version, their images do: the same containers of both sides must have the same tags.
fn image_versions(at: &At<'_>, report: &mut Report) {
    let mut count = 0;
    let mut differing = BTreeSet::new();
    for pair in at.workloads() {
        let Some(rendered) = pair.rendered else { continue };
        for (today, chart) in container_pairs(pair.today, rendered) {
            count += 1;
            let (have, want) = (text(today, "image"), text(chart, "image"));
            if split(have).1 != split(want).1 {
                differing.insert(format!("{have} → {}", split(want).1));
            }
        }
    }
    let code = "image-version-differs";
    let new = match differing.len() * 2 > count {
        true => Finding::error,
        false => Finding::warning,
    };
    let subject = format!("{} {}", at.observed.chart.name, at.observed.chart.version);
    let finding = (!differing.is_empty()).then(|| {
        new(code.to_owned(), subject.clone())
            .arg("differing", differing.len())
            .arg("count", count)
            .arg("images", some(&differing))
    });
    report.check(code, &subject, count, finding);
}

/// Repository, and tag or digest (`latest` where neither is given).
pub(super) fn split(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (split(name).0, digest);
    }
    let name_at = image.rfind('/').map_or(0, |i| i + 1);
    match image[name_at..].rfind(':') {
        Some(colon) => (&image[..name_at + colon], &image[name_at + colon + 1..]),
        None => (image, "latest"),
    }
}

/// Kinds of the release that neither the cluster serves nor the chart's CRDs define.
fn served(at: &At<'_>, report: &mut Report) {
    let served = &at.observed.facts.api_versions;
    let defined = |object: &crate::object::Object| {
        at.observed.crds.iter().chain(&at.observed.rendered).any(|crd| {
            crd.kind() == "CustomResourceDefinition"
                && crd.str("/spec/names/kind") == Some(object.kind())
                && crd.str("/spec/group") == Some(object.reference().group())
        })
    };
    let missing: BTreeSet<String> = at
        .observed
        .rendered
        .iter()
        .filter(|o| !served.contains(&format!("{}/{}", o.api_version(), o.kind())) && !defined(o))
        .map(|o| format!("{}/{}", o.api_version(), o.kind()))
        .collect();
    let found = missing.into_iter().map(|kind| Finding::error("api-not-served", kind));
    report.check("api-not-served", "APIs", at.observed.rendered.len(), found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_taken_apart() {
        assert_eq!(split("r.example:5000/a/b:1.2"), ("r.example:5000/a/b", "1.2"));
        assert_eq!(split("r.example:5000/a/b"), ("r.example:5000/a/b", "latest"));
        assert_eq!(split("b@sha256:aa"), ("b", "sha256:aa"));
        assert_eq!(split("b:1@sha256:aa"), ("b", "sha256:aa"));
    }
}
