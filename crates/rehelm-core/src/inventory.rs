//! What is: the old install as declared and as it lives, the release as the chart makes it, joined object by object.
//!
//! [`join`] is pure. Nothing undeclared ever gets a verdict other than [`Verdict::Leave`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::finding::Finding;
use crate::object::{ObjKey, ObjRef, Object};
use crate::plan::{Entry, Verdict};
use crate::pods;
use crate::ports::{ChartFacts, ReleaseState, ServerFacts};
use crate::profile::Profile;
use crate::server;

/// A claim with what it is bound to.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The PersistentVolumeClaim.
    pub claim: Object,
    /// Its PersistentVolume, when bound.
    pub volume: Option<Object>,
}

impl Claim {
    /// Name of the claim.
    pub fn name(&self) -> &str {
        self.claim.name()
    }

    /// Storage class, from the spec or from the annotation of old.
    pub fn class(&self) -> &str {
        claim_class(&self.claim)
    }
}

/// Storage class of a claim: the beta annotation wins over the spec, as it does for the server.
pub fn claim_class(claim: &Object) -> &str {
    claim
        .annotation("volume.beta.kubernetes.io/storage-class")
        .or_else(|| claim.str("/spec/storageClassName"))
        .unwrap_or_default()
}

/// Names that a migration is about.
#[derive(Clone, Debug)]
pub struct Places {
    /// Namespace of the old install.
    pub source: String,
    /// Namespace of the release.
    pub target: String,
    /// Release name.
    pub release: String,
}

/// Everything that was read for a plan. Secrets' contents are in here: it is never written anywhere.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Where.
    pub places: Places,
    /// The API server.
    pub facts: ServerFacts,
    /// Built manifests, namespaces filled in.
    pub declared: Vec<Object>,
    /// Everything of the release, hooks included, namespaces filled in.
    pub rendered: Vec<Object>,
    /// CRDs of the chart.
    pub crds: Vec<Object>,
    /// The chart.
    pub chart: ChartFacts,
    /// Live objects by identity: all declared and all rendered ones that exist.
    pub live: BTreeMap<ObjKey, Object>,
    /// Objects that live in the old namespace and are not declared, of the kinds that the product uses.
    pub undeclared: Vec<Object>,
    /// Live secrets of the old namespace.
    pub secrets: Vec<Object>,
    /// Live secrets of the release's namespace.
    pub target_secrets: Vec<Object>,
    /// Secrets that are carried over, by name.
    pub carried: Vec<crate::steps::secrets::CarriedSecret>,
    /// Secrets as they will be in the release's namespace.
    pub converted: Vec<Object>,
    /// All claims of the old namespace.
    pub claims: Vec<Claim>,
    /// All PersistentVolumes.
    pub volumes: Vec<Object>,
    /// All storage classes.
    pub classes: Vec<Object>,
    /// Pods of the old namespace.
    pub pods: Vec<Object>,
    /// Autoscalers of the old namespace.
    pub autoscalers: Vec<Object>,
    /// ResourceQuotas and LimitRanges of the release's namespace.
    pub quotas: Vec<Object>,
    /// IngressClasses of the cluster.
    pub ingress_classes: Vec<Object>,
    /// Nodes.
    pub nodes: Vec<Object>,
    /// The release, when one exists already.
    pub release: Option<ReleaseState>,
    /// True when the release's namespace exists.
    pub target_exists: bool,
    /// `v3.17.2`
    pub helm_version: String,
    /// Findings made while reading.
    pub findings: Vec<Finding>,
    /// Where each rendered object is; made when it is asked for first.
    pub index: Index,
}

/// Places of objects in a list, by their identity.
#[derive(Clone, Debug, Default)]
pub struct Index(OnceLock<BTreeMap<ObjKey, usize>>);

impl Index {
    /// The object of that identity. A list that changed since is searched instead.
    fn find<'a>(&self, list: &'a [Object], wanted: &ObjKey) -> Option<&'a Object> {
        let places = self.0.get_or_init(|| {
            // The first of namesakes counts.
            let places = list.iter().enumerate().rev();
            places.map(|(at, object)| (object.reference().key(), at)).collect()
        });
        let found = places.get(wanted).and_then(|at| list.get(*at));
        match found.filter(|object| object.reference().key() == *wanted) {
            None if found.is_some() || places.len() != list.len() => {
                list.iter().find(|object| object.reference().key() == *wanted)
            }
            found => found,
        }
    }
}

impl Observed {
    /// A live object.
    pub fn live(&self, reference: &ObjRef) -> Option<&Object> {
        self.live.get(&reference.key())
    }

    /// The rendered counterpart of a declared object.
    pub fn counterpart(&self, declared: &Object) -> Option<&Object> {
        self.rendered(&self.counterpart_ref(&declared.reference()).key())
    }

    /// A rendered object.
    pub fn rendered(&self, key: &ObjKey) -> Option<&Object> {
        self.index.find(&self.rendered, key)
    }

    /// Where the counterpart of an object of the old install would be.
    pub fn counterpart_ref(&self, reference: &ObjRef) -> ObjRef {
        match &reference.namespace {
            Some(ns) if *ns == self.places.source => reference.in_namespace(&self.places.target),
            _ => reference.clone(),
        }
    }

    /// Declared workloads that live and are to be stopped, by the profile.
    pub fn workloads<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = &'a Object> {
        self.declared
            .iter()
            .filter(|d| server::stop(d).is_some() && !profile.never_stops(d.kind(), d.name()))
            .filter_map(|d| self.live(&d.reference()))
    }
}

/// Joins everything. The entries are sorted by object; findings speak of what does not fit together.
pub fn join(observed: &Observed, profile: &Profile) -> (Vec<Entry>, Vec<Finding>) {
    let mut entries = Vec::new();
    let mut findings = Vec::new();
    let kept_classes = classes_in_use(observed, profile);
    let mut seen: BTreeSet<ObjKey> = BTreeSet::new();
    for declared in &observed.declared {
        let reference = declared.reference();
        if !seen.insert(reference.key()) {
            findings.push(Finding::warning("declared-twice", reference.to_string()));
            continue;
        }
        entries.push(declared_entry(observed, profile, declared, &kept_classes));
    }
    let covered: BTreeSet<ObjKey> = entries
        .iter()
        .filter_map(|e| e.target.as_ref())
        .map(ObjRef::key)
        .collect();
    let mut again = BTreeSet::new();
    for rendered in observed.rendered.iter().chain(&observed.crds) {
        let reference = rendered.reference();
        let covered = covered.contains(&reference.key()) || !again.insert(reference.key());
        if covered || !seen.insert(reference.key()) {
            continue;
        }
        entries.push(rendered_entry(observed, rendered, &mut findings));
    }
    for object in &observed.undeclared {
        let reference = object.reference();
        if seen.insert(reference.key()) {
            entries.push(entry(reference, None, Verdict::Leave, vec![], None));
        }
    }
    entries.sort_by(|a, b| a.object.cmp(&b.object));
    (entries, findings)
}

fn entry(object: ObjRef, target: Option<ObjRef>, verdict: Verdict, why: Vec<String>, live: Option<&Object>) -> Entry {
    Entry {
        object,
        target,
        verdict,
        why,
        uid: live.map(|l| l.uid().to_owned()),
        fingerprint: live.map(server::fingerprint),
    }
}

fn declared_entry(observed: &Observed, profile: &Profile, declared: &Object, kept_classes: &BTreeSet<String>) -> Entry {
    let reference = declared.reference();
    let live = observed.live(&reference);
    let rendered = observed.counterpart(declared);
    let target = rendered.map(Object::reference);
    let short = format!("{}/{}", declared.kind(), declared.name());
    let keep = |why: &str| entry(reference.clone(), None, Verdict::Keep, vec![why.to_owned()], live);
    if declared.kind() == "CustomResourceDefinition" {
        return keep("keep-crd");
    }
    if declared.kind() == "PersistentVolume" {
        return keep("keep-volume");
    }
    if declared.kind() == "Namespace" {
        return keep("keep-namespace");
    }
    if let Some(why) = profile.cleanup.keep.get(&short) {
        return keep(why);
    }
    if reference.namespace.is_none() {
        let Some(rendered) = rendered else {
            if declared.kind() == "StorageClass" && kept_classes.contains(declared.name()) {
                return keep("keep-class-in-use");
            }
            return entry(reference, None, Verdict::Retire, vec![], live);
        };
        let fields = live
            .map(|l| server::immutable_differences(l, rendered))
            .unwrap_or_default();
        let verdict = match (live, fields.is_empty()) {
            (None, _) => Verdict::New,
            (Some(_), true) => Verdict::Adopt,
            (Some(_), false) => Verdict::Recreate,
        };
        return entry(reference, target, verdict, fields, live);
    }
    let moved = rendered.is_some() || moving_claim(observed, profile, declared);
    if moved {
        let target = target.or_else(|| Some(observed.counterpart_ref(&reference)));
        return entry(reference, target, Verdict::Move, vec![], live);
    }
    entry(reference, None, Verdict::Retire, vec![], live)
}

/// True for claims that go to the release's namespace although the chart does not make them: the release's pods mount
/// them there.
fn moving_claim(observed: &Observed, profile: &Profile, declared: &Object) -> bool {
    declared.kind() == "PersistentVolumeClaim" && moving_claims(observed, profile).contains(declared.name())
}

/// Names of the claims of the old namespace that move: declared, and rendered or mounted by the release.
pub fn moving_claims(observed: &Observed, profile: &Profile) -> BTreeSet<String> {
    let mounted: BTreeSet<String> = observed
        .rendered
        .iter()
        .filter_map(pods::pod_spec)
        .flat_map(pods::claims)
        .collect();
    let rendered: BTreeSet<&str> = observed
        .rendered
        .iter()
        .filter(|o| o.kind() == "PersistentVolumeClaim")
        .map(Object::name)
        .collect();
    observed
        .declared
        .iter()
        .filter(|d| d.kind() == "PersistentVolumeClaim")
        .map(|d| d.name().to_owned())
        .filter(|n| !profile.volumes.stay.contains(n) && (mounted.contains(n) || rendered.contains(n.as_str())))
        .collect()
}

fn rendered_entry(observed: &Observed, rendered: &Object, findings: &mut Vec<Finding>) -> Entry {
    let reference = rendered.reference();
    let live = observed.live(&reference);
    let target = Some(reference.clone());
    if rendered.kind() == "CustomResourceDefinition" {
        let verdict = if live.is_some() { Verdict::Keep } else { Verdict::New };
        return entry(reference, target, verdict, vec!["keep-crd".into()], live);
    }
    let Some(live) = live else {
        return entry(reference, target, Verdict::New, vec![], None);
    };
    let ours = live.annotation("meta.helm.sh/release-name") == Some(&observed.places.release)
        && live.annotation("meta.helm.sh/release-namespace") == Some(&observed.places.target);
    let hook = rendered.annotation("helm.sh/hook").is_some();
    if !ours
        && !hook
        && !observed
            .converted
            .iter()
            .any(|c| c.reference().key() == reference.key())
    {
        let owner = live.annotation("meta.helm.sh/release-name").unwrap_or_default();
        let code = if owner.is_empty() {
            "object-undeclared"
        } else {
            "object-of-other-release"
        };
        findings.push(Finding::error(code, reference.to_string()).arg("owner", owner));
    }
    entry(reference, target, Verdict::New, vec!["exists".into()], Some(live))
}

/// Storage classes that a claim or volume outside the migration needs, or one that moves and keeps its class.
fn classes_in_use(observed: &Observed, profile: &Profile) -> BTreeSet<String> {
    let moving = moving_claims(observed, profile);
    let claims = observed
        .claims
        .iter()
        .filter(|c| !moving.contains(c.name()))
        .map(|c| c.class().to_owned());
    let volumes = observed
        .volumes
        .iter()
        .filter(|v| {
            v.str("/spec/claimRef/namespace")
                .is_some_and(|ns| ns != observed.places.source)
        })
        .filter_map(|v| v.str("/spec/storageClassName").map(str::to_owned));
    claims.chain(volumes).filter(|c| !c.is_empty()).collect()
}
