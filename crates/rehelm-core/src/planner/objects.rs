//! Steps about objects: kept, carried over, adopted, replaced, made and retired.

use std::collections::BTreeSet;

use super::DatabaseView;
use crate::gather::Request;
use crate::inventory::{Claim, Observed};
use crate::object::{ObjRef, Object};
use crate::plan::{Entry, Verdict};
use crate::pods;
use crate::ports::Access;
use crate::profile::Profile;
use crate::restore;
use crate::rights;
use crate::server;
use crate::steps::StepSpec;
use crate::steps::adopt::{Adopt, Adopted};
use crate::steps::backup::Backup;
use crate::steps::displace::{Displace, Displaced};
use crate::steps::namespace::Namespace;
use crate::steps::recreate::{Recreate, Recreated};
use crate::steps::release::Release;
use crate::steps::retain::volume_ref;
use crate::steps::retire::{Retire, Retired};
use crate::steps::secrets::Secrets;

pub(super) fn backup(observed: &Observed, entries: &[Entry], moving: &[&Claim], request: &Request) -> StepSpec {
    let mut objects: Vec<ObjRef> = entries
        .iter()
        .filter(|e| e.uid.is_some() && !matches!(e.verdict, Verdict::Leave | Verdict::New))
        .map(|e| e.object.clone())
        .collect();
    objects.extend(
        moving
            .iter()
            .filter_map(|c| c.volume.as_ref())
            .map(|v| volume_ref(v.name())),
    );
    objects.extend(observed.autoscalers.iter().map(Object::reference));
    objects.retain(|o| o.kind != "Secret");
    objects.sort();
    objects.dedup();
    let mut secrets: Vec<ObjRef> = observed
        .secrets
        .iter()
        .filter(|s| {
            !matches!(
                s.str("/type"),
                Some("kubernetes.io/service-account-token" | "helm.sh/release.v1")
            )
        })
        .map(Object::reference)
        .collect();
    secrets.sort();
    StepSpec::Backup(Backup {
        objects,
        secrets,
        sealed: !request.recipients.is_empty(),
    })
}

pub(super) fn namespace(observed: &Observed) -> StepSpec {
    StepSpec::Namespace(Namespace {
        name: observed.places.target.clone(),
        exists: observed.target_exists,
    })
}

pub(super) fn secrets(observed: &Observed, request: &Request) -> Option<StepSpec> {
    let secrets = observed.carried.clone();
    (!secrets.is_empty()).then(|| {
        StepSpec::Secrets(Secrets {
            secrets,
            groups: request.secret_groups.clone(),
        })
    })
}

pub(super) fn adopt(entries: &[Entry]) -> Option<StepSpec> {
    let objects: Vec<Adopted> = entries
        .iter()
        .filter(|e| e.verdict == Verdict::Adopt)
        .filter_map(|e| {
            Some(Adopted {
                object: e.object.clone(),
                uid: e.uid.clone()?,
            })
        })
        .collect();
    (!objects.is_empty()).then_some(StepSpec::Adopt(Adopt { objects }))
}

/// Replacements that can be made while the old install runs (`early`), or all others.
pub(super) fn recreate(observed: &Observed, entries: &[Entry], early: bool) -> Option<StepSpec> {
    let objects: Vec<Recreated> = entries
        .iter()
        .filter(|e| e.verdict == Verdict::Recreate)
        .filter_map(|e| {
            let live = observed.live(&e.object)?;
            let rendered = observed.rendered(&e.target.as_ref()?.key())?;
            let any_time = server::immutable(live).is_some_and(|rule| rule.replace_any_time);
            (any_time == early).then(|| {
                let mut manifest = rendered.0.clone();
                json_patch::merge(
                    &mut manifest,
                    &restore::ownership(&observed.places.release, &observed.places.target),
                );
                Recreated {
                    object: e.object.clone(),
                    uid: live.uid().to_owned(),
                    fields: e.why.clone(),
                    manifest,
                }
            })
        })
        .collect();
    (!objects.is_empty()).then_some(StepSpec::Recreate(Recreate { objects }))
}

/// Declared objects that may exist once in the cluster, where the release brings its own.
pub(super) fn displace(observed: &Observed, profile: &Profile) -> Option<StepSpec> {
    let mut objects: Vec<Displaced> = observed
        .declared
        .iter()
        .filter(|d| profile.ingress.singletons.iter().any(|s| s.names(d)) && observed.counterpart(d).is_some())
        .filter(|d| d.namespace().is_some())
        .filter_map(|d| observed.live(&d.reference()))
        .map(|live| Displaced {
            object: live.reference(),
            uid: live.uid().to_owned(),
        })
        .collect();
    objects.sort_by(|a, b| a.object.cmp(&b.object));
    objects.dedup();
    (!objects.is_empty()).then_some(StepSpec::Displace(Displace { objects }))
}

pub(super) fn release(observed: &Observed, entries: &[Entry]) -> StepSpec {
    let is_claim = |r: &ObjRef| r.kind == "PersistentVolumeClaim";
    let converted = |r: &ObjRef| observed.converted.iter().any(|c| c.reference().key() == r.key());
    let mut own: Vec<ObjRef> = Vec::new();
    let mut shared: Vec<ObjRef> = Vec::new();
    let mut kept: Vec<ObjRef> = observed.converted.iter().map(Object::reference).collect();
    for entry in entries {
        let Some(target) = &entry.target else { continue };
        match entry.verdict {
            _ if target.kind == "CustomResourceDefinition" => {}
            Verdict::Adopt | Verdict::Recreate => shared.push(entry.object.clone()),
            Verdict::Move if is_claim(target) => kept.push(target.clone()),
            Verdict::New if converted(target) => {}
            Verdict::Move | Verdict::New => own.push(target.clone()),
            _ => {}
        }
    }
    let mut before: Vec<ObjRef> = observed
        .live
        .values()
        .map(Object::reference)
        .filter(|r| own.iter().any(|o| o.key() == r.key()))
        .collect();
    let made = |r: &ObjRef| [&own, &shared, &kept].iter().any(|list| list.contains(r));
    let is_hook = |o: &&Object| o.annotation("helm.sh/hook").is_some();
    let hooks = observed.rendered.iter().filter(is_hook).map(Object::reference);
    let mut hooks: Vec<ObjRef> = hooks.filter(made).collect();
    let mut crds: Vec<ObjRef> = observed.crds.iter().map(Object::reference).collect();
    let brought_back = shared.iter().filter_map(|r| observed.live(r));
    let grants = observed
        .rendered
        .iter()
        .chain(brought_back)
        .flat_map(rights::granted_by);
    let grants: BTreeSet<Access> = grants.collect();
    for list in [&mut own, &mut shared, &mut kept, &mut before, &mut hooks, &mut crds] {
        list.sort();
        list.dedup();
    }
    StepSpec::Release(Release {
        own,
        shared,
        kept,
        before,
        hooks,
        crds,
        grants: grants.into_iter().collect(),
    })
}

/// Everything of the old install that nothing needs once the release has proven itself: declared objects, the secrets
/// that were carried over, databases under their old names.
pub(super) fn retire(observed: &Observed, profile: &Profile, entries: &[Entry], databases: &DatabaseView) -> StepSpec {
    let mut objects: Vec<Retired> = entries
        .iter()
        .filter(|e| matches!(e.verdict, Verdict::Move | Verdict::Retire))
        // Moving claims are gone by then: their volumes belong to the release.
        .filter(|e| !(e.object.kind == "PersistentVolumeClaim" && e.verdict == Verdict::Move))
        .filter_map(|e| {
            Some(Retired {
                object: e.object.clone(),
                uid: e.uid.clone()?,
            })
        })
        .collect();
    let carried = |s: &&Object| {
        observed.carried.iter().any(|c| c.from == s.name()) || profile.secrets.not_carried.contains_key(s.name())
    };
    objects.extend(
        observed
            .secrets
            .iter()
            .filter(carried)
            .filter(|s| !needed_by_kept(observed, entries, s.name()))
            .map(|s| Retired {
                object: s.reference(),
                uid: s.uid().to_owned(),
            }),
    );
    objects.sort_by(|a, b| a.object.cmp(&b.object));
    let databases = profile
        .databases
        .renames
        .iter()
        .map(|r| r.from.clone())
        .filter(|d| databases.sizes.contains_key(d))
        .collect();
    StepSpec::Retire(Retire { objects, databases })
}

/// True when a workload that stays in the old namespace uses the secret.
fn needed_by_kept(observed: &Observed, entries: &[Entry], secret: &str) -> bool {
    let stays = |w: &Object| {
        let key = w.reference().key();
        entries
            .iter()
            .any(|e| e.object.key() == key && matches!(e.verdict, Verdict::Keep | Verdict::Leave))
    };
    let kept = observed.live.values().chain(&observed.undeclared).filter(|w| stays(w));
    kept.filter_map(pods::pod_spec).any(|spec| {
        pods::secret_uses(spec).iter().any(|u| u.secret == secret) || pods::pull_secrets(spec).contains(secret)
    })
}
