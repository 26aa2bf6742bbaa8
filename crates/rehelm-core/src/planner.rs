//! From what is to what will happen. [`plan`] reads from top to bottom as the order of a migration.
//!
//! Pure and deterministic: the same observation gives the same plan, byte for byte.

use crate::finding::{Finding, Severity};
use crate::gather::{Gathered, Request};
use crate::inventory::{self, Claim, Observed};
use crate::object::{ObjRef, Object};
use crate::plan::{ClusterInfo, Entry, FORMAT, Phase, Plan, ProfileInfo, Range, SourceInfo, Step, TargetInfo, Verdict};
use crate::pods;
use crate::profile::Profile;
use crate::restore;
use crate::server;
use crate::steps::StepSpec;
use crate::steps::adopt::{Adopt, Adopted};
use crate::steps::backup::Backup;
use crate::steps::claims::{self, Claims, PlannedClaim};
use crate::steps::copy::{CopiedDatabase, Copy};
use crate::steps::dry_run::DryRun;
use crate::steps::images::{Images, Unproven};
use crate::steps::namespace::Namespace;
use crate::steps::ready::Ready;
use crate::steps::rebind::{Handover, Rebind};
use crate::steps::recreate::{Recreate, Recreated};
use crate::steps::release::Release;
use crate::steps::retain::{KeptVolume, Retain, volume_ref};
use crate::steps::retire::{Retire, Retired};
use crate::steps::scale::{Scale, Stopped};
use crate::steps::secrets::Secrets;
use crate::steps::switch::{self, Door, Switch};

/// What the planner knows of the databases.
#[derive(Clone, Debug, Default)]
pub struct DatabaseView {
    /// Name → size in bytes, of those that exist.
    pub sizes: std::collections::BTreeMap<String, u64>,
    /// True when a server is configured and answered.
    pub reachable: bool,
}

/// Makes the plan. `findings` are what the checks said; they become part of it.
pub fn plan(
    request: &Request,
    gathered: &Gathered,
    profile: &Profile,
    databases: &DatabaseView,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
) -> Plan {
    let observed = &gathered.observed;
    let mut steps = Vec::new();
    let mut add = |phase: Phase, spec: Option<StepSpec>| {
        if let Some(spec) = spec {
            let number = u32::try_from(steps.len()).unwrap_or(u32::MAX) + 1;
            steps.push(Step { number, phase, spec });
        }
    };
    let moving = moving_claims(observed, profile);

    use Phase::{Cleanup, Migrate, Prepare};
    add(Prepare, Some(backup(observed, &entries, &moving, request)));
    add(Prepare, Some(namespace(observed)));
    add(Prepare, secrets(observed, request));
    add(Prepare, retain(&moving));
    add(Prepare, waiting_claims(observed, &moving));
    add(Prepare, adopt(&entries));
    add(Prepare, recreate(observed, &entries, true));
    add(Prepare, images(observed));
    add(
        Prepare,
        Some(StepSpec::DryRun(DryRun {
            objects: observed.rendered.len(),
        })),
    );

    add(Migrate, Some(scale(observed, profile, &moving)));
    add(Migrate, copy(profile, databases));
    add(Migrate, rebind(observed, &moving));
    add(Migrate, recreate(observed, &entries, false));
    add(Migrate, Some(release(observed, &entries)));
    add(
        Migrate,
        Some(StepSpec::Ready(Ready {
            workloads: release_workloads(observed),
        })),
    );
    add(Migrate, switch_step(observed, profile));

    add(Cleanup, Some(retire(observed, profile, &entries, databases)));

    Plan {
        format: FORMAT,
        profile: ProfileInfo {
            name: profile.about.name.clone(),
            digest: profile.digest.clone(),
        },
        scenario: "in-cluster".into(),
        cluster: ClusterInfo {
            uid: observed.facts.cluster_uid.clone(),
            version: observed.facts.version.clone(),
        },
        source: SourceInfo {
            context: request.context.clone(),
            namespace: observed.places.source.clone(),
            kustomize: request.kustomize.clone(),
            build: build_digest(&request.declared),
        },
        target: TargetInfo {
            namespace: observed.places.target.clone(),
            release: observed.places.release.clone(),
            chart: request.release.chart.clone(),
            chart_name: observed.chart.name.clone(),
            version: observed.chart.version.clone(),
            digest: observed.chart.digest.clone(),
            values: request.values.clone(),
            fills: gathered.fills.clone(),
            helm_flags: request.release.flags.clone(),
        },
        outage_seconds: outage(observed, profile, databases),
        objects: entries,
        steps,
        findings: findings.into_iter().filter(|f| f.severity != Severity::Ok).collect(),
        accepted: request.accepted.clone(),
        confirmed: request.confirmed.clone(),
    }
}

/// Hash over the built manifests.
pub fn build_digest(declared: &[Object]) -> String {
    let all: Vec<serde_json::Value> = declared.iter().map(|o| o.0.clone()).collect();
    crate::digest::of_value(&serde_json::Value::Array(all))
}

/// Bound claims that go to the release's namespace.
pub fn moving_claims<'a>(observed: &'a Observed, profile: &Profile) -> Vec<&'a Claim> {
    let names = inventory::moving_claims(observed, profile);
    observed
        .claims
        .iter()
        .filter(|c| names.contains(c.name()) && c.volume.is_some())
        .collect()
}

fn backup(observed: &Observed, entries: &[Entry], moving: &[&Claim], request: &Request) -> StepSpec {
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

fn namespace(observed: &Observed) -> StepSpec {
    StepSpec::Namespace(Namespace {
        name: observed.places.target.clone(),
        exists: observed.target_exists,
    })
}

fn secrets(observed: &Observed, request: &Request) -> Option<StepSpec> {
    let secrets = observed.carried.clone();
    (!secrets.is_empty()).then(|| {
        StepSpec::Secrets(Secrets {
            secrets,
            groups: request.secret_groups.clone(),
        })
    })
}

fn retain(moving: &[&Claim]) -> Option<StepSpec> {
    let volumes: Vec<KeptVolume> = moving
        .iter()
        .filter_map(|c| Some((c, c.volume.as_ref()?)))
        .map(|(claim, volume)| KeptVolume {
            volume: volume.name().to_owned(),
            uid: volume.uid().to_owned(),
            claim: claim.name().to_owned(),
            policy: volume
                .str("/spec/persistentVolumeReclaimPolicy")
                .unwrap_or("Retain")
                .to_owned(),
        })
        .collect();
    (!volumes.is_empty()).then_some(StepSpec::Retain(Retain { volumes }))
}

fn waiting_claims(observed: &Observed, moving: &[&Claim]) -> Option<StepSpec> {
    let claims: Vec<PlannedClaim> = moving
        .iter()
        .map(|c| {
            let rendered = observed.counterpart(&c.claim);
            let claim = claims::manifest(&c.claim, rendered, &observed.places.target, &observed.places.release);
            PlannedClaim { manifest: claim.0 }
        })
        .collect();
    (!claims.is_empty()).then_some(StepSpec::Claims(Claims { claims }))
}

fn adopt(entries: &[Entry]) -> Option<StepSpec> {
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
fn recreate(observed: &Observed, entries: &[Entry], early: bool) -> Option<StepSpec> {
    let objects: Vec<Recreated> = entries
        .iter()
        .filter(|e| e.verdict == Verdict::Recreate)
        .filter_map(|e| {
            let live = observed.live(&e.object)?;
            let rendered = observed
                .rendered
                .iter()
                .find(|r| Some(r.reference().key()) == e.target.as_ref().map(ObjRef::key))?;
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

fn images(observed: &Observed) -> Option<StepSpec> {
    let running = observed
        .pods
        .iter()
        .filter(|p| pods::pod_ready(p))
        .filter_map(pods::pod_spec)
        .flat_map(pods::images);
    let on_nodes = observed
        .nodes
        .iter()
        .filter_map(|n| n.get("/status/images")?.as_array())
        .flatten()
        .filter_map(|i| i.get("names")?.as_array())
        .flatten()
        .filter_map(|n| n.as_str().map(str::to_owned));
    let known: std::collections::BTreeSet<String> = running.chain(on_nodes).collect();
    let mut proven = std::collections::BTreeSet::new();
    let mut unproven: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for spec in observed.rendered.iter().filter_map(pods::pod_spec) {
        for image in pods::images(spec) {
            if known.contains(&image) {
                proven.insert(image);
                continue;
            }
            let pulls = unproven.entry(image).or_default();
            let there = |s: &String| observed.secrets.iter().any(|o| o.name() == s);
            pulls.extend(pods::pull_secrets(spec).into_iter().filter(there));
            pulls.sort();
            pulls.dedup();
        }
    }
    let unproven = unproven
        .into_iter()
        .map(|(image, pull_secrets)| Unproven { image, pull_secrets })
        .collect();
    Some(StepSpec::Images(Images {
        proven: proven.len(),
        unproven,
    }))
}

fn scale(observed: &Observed, profile: &Profile, moving: &[&Claim]) -> StepSpec {
    let mut workloads: Vec<Stopped> = observed
        .workloads(profile)
        .map(|w| Stopped {
            object: w.reference(),
            uid: w.uid().to_owned(),
            replicas: w.get("/spec/replicas").and_then(serde_json::Value::as_i64),
        })
        .collect();
    workloads.sort_by(|a, b| a.object.cmp(&b.object));
    let autoscalers = observed
        .autoscalers
        .iter()
        .filter(|h| {
            let (kind, name) = (h.str("/spec/scaleTargetRef/kind"), h.str("/spec/scaleTargetRef/name"));
            workloads
                .iter()
                .any(|w| Some(w.object.kind.as_str()) == kind && Some(w.object.name.as_str()) == name)
        })
        .map(|h| h.reference().to_string())
        .collect();
    let volumes = moving
        .iter()
        .filter_map(|c| c.volume.as_ref())
        .map(|v| v.name().to_owned())
        .collect();
    let mut declared: Vec<ObjRef> = observed
        .declared
        .iter()
        .map(Object::reference)
        .filter(|r| !workloads.iter().any(|w| w.object.key() == r.key()) && r.kind != "PersistentVolumeClaim")
        .filter(|r| observed.live(r).is_some())
        .collect();
    declared.sort();
    declared.dedup();
    StepSpec::Scale(Scale {
        workloads,
        autoscalers,
        volumes,
        declared,
    })
}

fn copy(profile: &Profile, databases: &DatabaseView) -> Option<StepSpec> {
    let databases: Vec<CopiedDatabase> = profile
        .databases
        .renames
        .iter()
        .map(|r| CopiedDatabase {
            from: r.from.clone(),
            to: r.to.clone(),
            secret: r.secret.clone(),
            key: r.key.clone(),
            bytes: databases.sizes.get(&r.from).copied().unwrap_or(0),
        })
        .collect();
    (!databases.is_empty()).then_some(StepSpec::Copy(Copy { databases }))
}

fn rebind(observed: &Observed, moving: &[&Claim]) -> Option<StepSpec> {
    let volumes: Vec<Handover> = moving
        .iter()
        .filter_map(|c| Some((c, c.volume.as_ref()?)))
        .map(|(claim, volume)| {
            let from = claim.claim.reference();
            Handover {
                volume: volume.name().to_owned(),
                volume_uid: volume.uid().to_owned(),
                to: from.in_namespace(&observed.places.target),
                from,
                from_uid: claim.claim.uid().to_owned(),
            }
        })
        .collect();
    (!volumes.is_empty()).then_some(StepSpec::Rebind(Rebind { volumes }))
}

fn release(observed: &Observed, entries: &[Entry]) -> StepSpec {
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
    for list in [&mut own, &mut shared, &mut kept, &mut before] {
        list.sort();
        list.dedup();
    }
    StepSpec::Release(Release {
        own,
        shared,
        kept,
        before,
    })
}

/// Workloads of the release that have to come up; hooks are Helm's own business.
pub fn release_workloads(observed: &Observed) -> Vec<ObjRef> {
    let mut workloads: Vec<ObjRef> = observed
        .rendered
        .iter()
        .filter(|o| server::stop(o).is_some() && o.annotation("helm.sh/hook").is_none())
        .map(Object::reference)
        .collect();
    workloads.sort();
    workloads.dedup();
    workloads
}

fn switch_step(observed: &Observed, profile: &Profile) -> Option<StepSpec> {
    let services: Vec<Door> = profile
        .ingress
        .services
        .iter()
        .filter_map(|name| {
            let from = ObjRef::new("v1", "Service", Some(&observed.places.source), name);
            let to = from.in_namespace(&observed.places.target);
            let rendered = observed.rendered.iter().any(|r| r.reference().key() == to.key());
            let live = observed.live(&from)?;
            rendered.then(|| Door {
                from: from.clone(),
                to,
                addresses: switch::addresses(live),
            })
        })
        .collect();
    let mut hosts: Vec<String> = observed
        .rendered
        .iter()
        .filter(|o| o.kind() == "Ingress")
        .filter_map(|o| o.get("/spec/rules")?.as_array())
        .flatten()
        .filter_map(|rule| rule.get("host")?.as_str().map(str::to_owned))
        .collect();
    hosts.sort();
    hosts.dedup();
    (!services.is_empty()).then_some(StepSpec::Switch(Switch { services, hosts }))
}

/// Everything of the old install that nothing needs once the release has proven itself: declared objects, the secrets
/// that were carried over, databases under their old names.
fn retire(observed: &Observed, profile: &Profile, entries: &[Entry], databases: &DatabaseView) -> StepSpec {
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

/// Seconds that the old install will not serve: pods ending, data copied, Helm, pods starting. The parts were
/// measured on the testbed; the upper end allows full grace periods and images that have to be pulled.
fn outage(observed: &Observed, profile: &Profile, databases: &DatabaseView) -> Range {
    let workloads = observed.workloads(profile).count() as u64;
    let grace = observed
        .workloads(profile)
        .filter_map(|w| w.get("/spec/template/spec/terminationGracePeriodSeconds")?.as_u64())
        .max()
        .unwrap_or(30);
    let bytes: u64 = profile
        .databases
        .renames
        .iter()
        .filter_map(|r| databases.sizes.get(&r.from))
        .sum();
    let megabytes = bytes / 1_000_000;
    let from = 3 + megabytes / 50 + 1 + 6 + 5 + workloads / 10;
    let to = grace + 10 + megabytes / 5 + 5 + 30 + 60 + workloads * 5;
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Range {
        from: narrow(from),
        to: narrow(to),
    }
}
