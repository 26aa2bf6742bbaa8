//! Who else has a hand on the objects: other releases, GitOps tools, autoscalers; and what nobody may change.

use std::collections::BTreeMap;

use serde_json::Value;

use super::at::{At, Report, some};
use crate::finding::Finding;
use crate::object::Object;
use crate::plan::Verdict;
use crate::server;

/// A tool that brings objects back to what a repository says, and how its objects are known.
struct GitOps {
    /// Word id.
    tool: &'static str,
    /// Prefix of its annotations and labels.
    prefix: &'static str,
    /// Names that it writes under, in `metadata.managedFields`.
    managers: &'static [&'static str],
}

const GITOPS: [GitOps; 4] = [
    GitOps {
        tool: "argo-cd",
        prefix: "argocd.argoproj.io/",
        managers: &["argocd-controller", "argocd-application-controller"],
    },
    GitOps {
        tool: "flux-kustomization",
        prefix: "kustomize.toolkit.fluxcd.io/",
        managers: &["kustomize-controller"],
    },
    GitOps {
        tool: "flux-helmrelease",
        prefix: "helm.toolkit.fluxcd.io/",
        managers: &["helm-controller"],
    },
    GitOps {
        tool: "fleet",
        prefix: "objectset.rio.cattle.io/",
        managers: &["fleetagent"],
    },
];

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let count = at.live().count();
    releases(at, report, count);
    gitops(at, report, count);
    scalers(at, report);
    immutable(at, report);
}

fn releases(at: &At<'_>, report: &mut Report, count: usize) {
    let places = &at.observed.places;
    let carried = at.observed.target_secrets.iter().filter(|s| {
        let key = s.reference().key();
        at.observed.converted.iter().any(|c| c.reference().key() == key)
    });
    let found = at.live().chain(carried).filter_map(|o| {
        let owner = o.annotation("meta.helm.sh/release-name")?;
        let namespace = o.annotation("meta.helm.sh/release-namespace").unwrap_or_default();
        let ours = owner == places.release && namespace == places.target;
        (!ours).then(|| {
            Finding::error("foreign-release", o.reference().to_string())
                .arg("owner", owner)
                .arg("namespace", namespace)
        })
    });
    report.check("foreign-release", "objects", count, found);
}

fn gitops(at: &At<'_>, report: &mut Report, count: usize) {
    let around = &at.input.around;
    let namespaces = around.source_namespace.iter().chain(&around.target_namespace);
    let mut owned: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for object in at.live().chain(namespaces) {
        if let Some(tool) = GITOPS.iter().find(|tool| tool.owns(object)) {
            owned.entry(tool.tool).or_default().push(object.reference().to_string());
        }
    }
    let found = owned.into_iter().map(|(tool, objects)| {
        Finding::error("gitops-owner", tool)
            .arg("tool", tool)
            .arg("count", objects.len())
            .arg("objects", some(objects))
    });
    report.check("gitops-owner", "objects", count, found);
}

impl GitOps {
    fn owns(&self, object: &Object) -> bool {
        let keys = |pointer: &str| {
            let map = object.get(pointer).and_then(Value::as_object);
            map.is_some_and(|m| m.keys().any(|k| k.starts_with(self.prefix)))
        };
        let manager = |entry: &Value| {
            let name = entry.get("manager").and_then(Value::as_str).unwrap_or_default();
            self.managers.contains(&name)
        };
        keys("/metadata/annotations")
            || keys("/metadata/labels")
            || object
                .get("/metadata/managedFields")
                .and_then(Value::as_array)
                .is_some_and(|entries| entries.iter().any(manager))
    }
}

/// Autoscalers of declared workloads.
fn scalers(at: &At<'_>, report: &mut Report) {
    let target = |o: &Object| {
        let kind = o.str("/spec/scaleTargetRef/kind").unwrap_or("Deployment");
        let name = o.str("/spec/scaleTargetRef/name")?;
        let declared = at
            .observed
            .declared
            .iter()
            .any(|d| d.kind() == kind && d.name() == name);
        declared.then(|| format!("{kind}/{name}"))
    };
    let all = &at.observed.autoscalers;
    let found = all.iter().filter_map(|o| {
        let finding = Finding::info("autoscaler", o.reference().to_string());
        let counterpart = at.observed.counterpart(o).is_some();
        Some(
            finding
                .arg("workload", target(o)?)
                .arg("rendered", if counterpart { "yes" } else { "no" }),
        )
    });
    report.check("autoscaler", "autoscalers", all.len(), found);

    let all = &at.input.around.scaled_objects;
    let running = |o: &&Object| o.annotation("autoscaling.keda.sh/paused-replicas").is_none();
    let found = all
        .iter()
        .filter(running)
        .filter_map(|o| Some(Finding::error("scaled-object", o.reference().to_string()).arg("workload", target(o)?)));
    report.check("scaled-object", "autoscalers", all.len(), found);
}

/// Objects that have to be replaced because a field differs that nobody may change.
fn immutable(at: &At<'_>, report: &mut Report) {
    let adopted = |v: Verdict| matches!(v, Verdict::Adopt | Verdict::Recreate);
    let count = at.entries.iter().filter(|e| adopted(e.verdict)).count();
    let found = at.entries.iter().filter(|e| e.verdict == Verdict::Recreate).map(|e| {
        let live = at.observed.live(&e.object);
        let early = live
            .and_then(server::immutable)
            .is_some_and(|rule| rule.replace_any_time);
        let new = if early { Finding::info } else { Finding::warning };
        new("immutable-conflict".to_owned(), e.object.to_string()).arg("fields", e.why.join(", "))
    });
    report.check("immutable-conflict", "objects", count, found);
}
