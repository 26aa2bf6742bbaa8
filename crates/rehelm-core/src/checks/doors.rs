//! Ingress classes and what must be alone in the cluster: two controllers that listen to the same names.

use std::collections::{BTreeMap, BTreeSet};

use super::at::{At, Report, some};
use crate::finding::Finding;
use crate::object::Object;

const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    // As they will be: the release's form of a class wins.
    let mut classes: BTreeMap<&str, &Object> = at.observed.ingress_classes.iter().map(|c| (c.name(), c)).collect();
    classes.extend(at.rendered("IngressClass").map(|c| (c.name(), c)));
    missing(at, report, &classes);

    let default: Vec<&str> = classes
        .values()
        .filter(|c| c.annotation(DEFAULT_CLASS) == Some("true"))
        .map(|c| c.name())
        .collect();
    let finding = (default.len() > 1).then(|| Finding::warning("ingress-class-default", "ingress classes"));
    let finding = finding.map(|f| f.arg("classes", default.join(", ")));
    report.check("ingress-class-default", "ingress classes", classes.len(), finding);
    controllers(at, report, &classes);
    singletons(at, report);
}

/// Classes that the release's ingresses name.
fn missing(at: &At<'_>, report: &mut Report, classes: &BTreeMap<&str, &Object>) {
    let wanted: BTreeSet<&str> = at
        .rendered("Ingress")
        .filter_map(|i| {
            i.str("/spec/ingressClassName")
                .or_else(|| i.annotation("kubernetes.io/ingress.class"))
        })
        .collect();
    // A class that only an annotation names needs no object; a controller may be told of it by its flags.
    let needs_object = |class: &&&str| {
        at.rendered("Ingress")
            .any(|i| i.str("/spec/ingressClassName") == Some(class))
    };
    let found = wanted
        .iter()
        .filter(needs_object)
        .filter(|class| !classes.contains_key(*class))
        .map(|class| Finding::error("ingress-class-missing", *class));
    report.check("ingress-class-missing", "ingress classes", wanted.len(), found);
}

fn controllers(at: &At<'_>, report: &mut Report, classes: &BTreeMap<&str, &Object>) {
    // Both installs bring the controller of one class: the old one is at 0 before the new one starts.
    let shared = at.rendered("IngressClass").filter(|c| {
        at.observed
            .declared
            .iter()
            .any(|d| d.reference().key() == c.reference().key())
    });
    let found = shared.map(|c| {
        Finding::info("ingress-class-shared", c.reference().to_string())
            .arg("controller", c.str("/spec/controller").unwrap_or_default())
    });
    report.check("ingress-class-shared", "ingress classes", classes.len(), found);

    let ours: BTreeMap<&str, &str> = at
        .rendered("IngressClass")
        .filter_map(|c| Some((c.str("/spec/controller")?, c.name())))
        .collect();
    let declared = |class: &Object| {
        at.observed
            .declared
            .iter()
            .any(|d| d.kind() == "IngressClass" && d.name() == class.name())
    };
    let found = at.observed.ingress_classes.iter().filter_map(|class| {
        let controller = class.str("/spec/controller")?;
        let our_class = ours.get(controller)?;
        let other = *our_class != class.name() && !declared(class);
        other.then(|| {
            Finding::warning("ingress-controller-other", class.reference().to_string())
                .arg("controller", controller)
                .arg("class", our_class)
        })
    });
    report.check("ingress-controller-other", "ingress classes", classes.len(), found);
}

/// Objects that the controller accepts once in the whole cluster.
fn singletons(at: &At<'_>, report: &mut Report) {
    let rules = &at.profile.ingress.singletons;
    let found = rules.iter().filter_map(|rule| {
        let is = |o: &&Object| rule.names(o);
        let all = at
            .observed
            .rendered
            .iter()
            .chain(&at.input.around.singletons)
            .chain(at.live());
        // The declared one steps aside when the release brings its own.
        let steps_aside = |o: &&Object| {
            let key = o.reference().key();
            let declared = at.observed.declared.iter().find(|d| d.reference().key() == key);
            declared.is_some_and(|d| at.observed.counterpart(d).is_some())
        };
        let there: BTreeSet<String> = all
            .filter(is)
            .filter(|o| !steps_aside(o))
            .map(|o| o.namespace().unwrap_or_default().to_owned())
            .collect();
        (there.len() > 1).then(|| {
            Finding::warning("singleton-twice", format!("{}/{}", rule.kind, rule.name))
                .arg("count", there.len())
                .arg("namespaces", some(&there))
                .arg("source", at.source())
        })
    });
    report.check("singleton-twice", "objects", rules.len(), found);
}
