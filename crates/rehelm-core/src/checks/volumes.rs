//! Volumes of the claims that move: theirs alone, reachable, and of a class that is there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::at::{At, Report, list, text};
use crate::finding::Finding;
use crate::inventory::Claim;
use crate::object::Object;
use crate::steps::retain::volume_ref;

/// Sources that Kubernetes itself provided before CSI drivers did.
const IN_TREE: [&str; 10] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cinder",
    "gcePersistentDisk",
    "glusterfs",
    "portworxVolume",
    "rbd",
    "storageos",
    "vsphereVolume",
];

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let all: Vec<(&Claim, &Object)> = at.moving().filter_map(|c| Some((c, c.volume.as_ref()?))).collect();
    let count = all.len();
    let found = all.iter().filter_map(|(c, v)| claim_ref(c, v));
    report.check("volume-claim-ref", "volumes", count, found);
    let found = all.iter().filter_map(|(c, v)| class_there(at, c, v));
    report.check("volume-class-missing", "volumes", count, found);
    let found = all.iter().filter_map(|(_, v)| affinity(at, v));
    report.check("volume-affinity", "volumes", count, found);
    twice(at, &all, report);
    let found = all.iter().filter_map(|(c, v)| {
        let policy = v.str("/spec/persistentVolumeReclaimPolicy").unwrap_or("Retain");
        (policy != "Retain").then(|| {
            Finding::info("volume-delete-policy", subject(v))
                .arg("claim", c.name())
                .arg("policy", policy)
        })
    });
    report.check("volume-delete-policy", "volumes", count, found);
    let found = all.iter().filter_map(|(_, v)| {
        let source = IN_TREE.iter().find(|s| v.0["spec"].get(**s).is_some())?;
        Some(Finding::info("volume-in-tree", subject(v)).arg("source", source))
    });
    report.check("volume-in-tree", "volumes", count, found);
}

fn subject(volume: &Object) -> String {
    volume_ref(volume.name()).to_string()
}

/// The volume must point back at this very claim.
fn claim_ref(claim: &Claim, volume: &Object) -> Option<Finding> {
    let field = |name: &str| volume.str(&format!("/spec/claimRef/{name}")).unwrap_or_default();
    let right = field("uid") == claim.claim.uid()
        && field("name") == claim.name()
        && Some(field("namespace")) == claim.claim.namespace();
    (!right).then(|| {
        Finding::error("volume-claim-ref", subject(volume))
            .arg("claim", claim.name())
            .arg("holder", format!("{}/{}", field("namespace"), field("name")))
    })
}

/// Volumes made by hand need no class; provisioned ones do when they are to grow or another is made.
fn class_there(at: &At<'_>, claim: &Claim, volume: &Object) -> Option<Finding> {
    let class = claim.class();
    let there =
        at.observed.classes.iter().any(|c| c.name() == class) || at.rendered("StorageClass").any(|c| c.name() == class);
    if class.is_empty() || there {
        return None;
    }
    let provisioned = volume.annotation("pv.kubernetes.io/provisioned-by").is_some();
    let new = if provisioned { Finding::warning } else { Finding::info };
    Some(
        new("volume-class-missing".to_owned(), subject(volume))
            .arg("class", class)
            .arg("claim", claim.name()),
    )
}

/// At least one node must fit the volume's node affinity.
fn affinity(at: &At<'_>, volume: &Object) -> Option<Finding> {
    let terms = volume
        .get("/spec/nodeAffinity/required/nodeSelectorTerms")?
        .as_array()?;
    let fits = |node: &Object| terms.iter().any(|term| term_fits(term, node));
    (!at.observed.nodes.iter().any(fits)).then(|| Finding::error("volume-affinity", subject(volume)))
}

fn term_fits(term: &Value, node: &Object) -> bool {
    let labels = list(term, "matchExpressions").all(|e| one_fits(e, node.label(text(e, "key"))));
    let fields = list(term, "matchFields").all(|e| one_fits(e, Some(node.name())));
    let any = list(term, "matchExpressions")
        .chain(list(term, "matchFields"))
        .next()
        .is_some();
    any && labels && fields
}

fn one_fits(expression: &Value, have: Option<&str>) -> bool {
    let values = || list(expression, "values").filter_map(Value::as_str);
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
    match text(expression, "operator") {
        "In" => have.is_some_and(|h| values().any(|v| v == h)),
        "NotIn" => have.is_none_or(|h| values().all(|v| v != h)),
        "Exists" => have.is_some(),
        "DoesNotExist" => have.is_none(),
        "Gt" => number(have).zip(number(values().next())).is_some_and(|(h, v)| h > v),
        "Lt" => number(have).zip(number(values().next())).is_some_and(|(h, v)| h < v),
        _ => false,
    }
}

/// Two PersistentVolumes that are the same disk or folder: whoever deletes one deletes the other's data.
fn twice(at: &At<'_>, moving: &[(&Claim, &Object)], report: &mut Report) {
    let mut by_handle: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for volume in &at.observed.volumes {
        if let Some(handle) = handle(volume) {
            by_handle.entry(handle).or_default().push(volume.name());
        }
    }
    let found = moving.iter().filter_map(|(_, v)| {
        let others: Vec<&str> = by_handle
            .get(&handle(v)?)?
            .iter()
            .copied()
            .filter(|n| *n != v.name())
            .collect();
        (!others.is_empty()).then(|| Finding::warning("volume-twice", subject(v)).arg("others", others.join(", ")))
    });
    report.check("volume-twice", "volumes", moving.len(), found);
}

/// What a volume is, outside the cluster.
fn handle(volume: &Object) -> Option<String> {
    let spec = volume.0.get("spec")?;
    let part = |source: &str, field: &str| spec.get(source)?.get(field)?.as_str().map(str::to_owned);
    let both = |source: &str, a: &str, b: &str| {
        let (a, b) = (part(source, a)?, part(source, b)?);
        Some(format!("{source} {a} {b}"))
    };
    both("csi", "driver", "volumeHandle")
        .or_else(|| both("nfs", "server", "path"))
        .or_else(|| both("azureFile", "secretName", "shareName"))
        .or_else(|| part("awsElasticBlockStore", "volumeID"))
        .or_else(|| part("azureDisk", "diskURI"))
        .or_else(|| part("gcePersistentDisk", "pdName"))
        .or_else(|| part("cinder", "volumeID"))
        .or_else(|| part("vsphereVolume", "volumePath"))
}
