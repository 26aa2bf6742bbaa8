//! External provisioners: they make the volumes that claims wait for, and delete those whose claims are gone.
//!
//! One stand-in plays all of them. It makes what `tables/volumes.json` says of a provisioner's name, and for names that
//! it does not know a volume of a CSI driver of that name.

use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use super::binder::change;
use super::events::{self, Reporter};
use super::volumes::{CLAIMS, CLASSES, PACE, VOLUMES, class, notes, phase, table, text};
use crate::faults::Fault;
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

/// Keeps a volume until its disk is dealt with.
const FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";

/// How long a provisioner that cannot provision waits before it tries again.
const AGAIN: Duration = Duration::from_secs(15);

pub(crate) struct Provisioner;

impl Controller for Provisioner {
    fn notice(&self, _world: &World, change: &Change) -> Vec<(Duration, String)> {
        if change.kind == ChangeKind::Deleted {
            return Vec::new();
        }
        match &*change.resource {
            CLAIMS if wants(&change.object) => vec![(PACE.provision, meta::key(&change.object))],
            VOLUMES if is_to_go(&change.object) => vec![(PACE.reclaim, meta::name(&change.object).to_owned())],
            _ => Vec::new(),
        }
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        match meta::split_key(key) {
            ("", volume) => {
                reclaim(world, volume);
                None
            }
            (namespace, name) => provision(world, namespace, name),
        }
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let claims = world.list(CLAIMS, None);
        let volumes = world.list(VOLUMES, None);
        let claims = claims.iter().filter(|claim| wants(claim)).map(|claim| meta::key(claim));
        let volumes = volumes.iter().filter(|volume| is_to_go(volume));
        claims
            .chain(volumes.map(|volume| meta::name(volume).to_owned()))
            .collect()
    }

    fn wake(&self, world: &World) -> Vec<String> {
        self.begin(world)
    }
}

fn wanted_by(claim: &Value) -> Option<&str> {
    let note = meta::annotation(claim, notes::PROVISIONER);
    note.or_else(|| meta::annotation(claim, notes::PROVISIONER_BETA))
}

fn wants(claim: &Value) -> bool {
    wanted_by(claim).is_some()
        && text(claim, "/spec/volumeName").is_empty()
        && phase(claim) == "Pending"
        && !meta::is_terminating(claim)
}

fn is_to_go(volume: &Value) -> bool {
    let made = meta::annotation(volume, notes::PROVISIONED_BY).is_some();
    let deletes = text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" && phase(volume) == "Released";
    let ours = meta::finalizers(volume).contains(&FINALIZER);
    made && (deletes && !meta::is_terminating(volume) || meta::is_terminating(volume) && ours)
}

fn provision(world: &mut World, namespace: &str, name: &str) -> Option<Duration> {
    let claim = world.get(CLAIMS, namespace, name).filter(|claim| wants(claim))?;
    let class = world.get(CLASSES, "", class(&claim))?;
    let node = meta::annotation(&claim, notes::SELECTED_NODE);
    if text(&class, "/volumeBindingMode") == "WaitForFirstConsumer" && node.is_none() {
        return None;
    }
    if world.faults.all.contains(&Fault::NoProvision) {
        return None;
    }
    let by = text(&class, "/provisioner").to_owned();
    let volume = volume_for(world, &claim, &class, node)?;
    let made = meta::name(&volume).to_owned();
    if world.get(VOLUMES, "", &made).is_some() {
        return None;
    }
    match world.create(VOLUMES, volume) {
        Ok(_) => {
            let own = by.starts_with("kubernetes.io/") && wanted_by(&claim) == Some(by.as_str());
            let (reporter, how) = if own {
                ("persistentvolume-controller", format!(" using {by}"))
            } else {
                (by.as_str(), String::new())
            };
            let message = format!("Successfully provisioned volume {made}{how}");
            events::normal(
                world,
                Reporter::controller(reporter),
                &claim,
                "ProvisioningSucceeded",
                &message,
            );
            None
        }
        Err(refusal) => {
            let why = format!(
                "failed to provision volume with StorageClass \"{}\": {}",
                meta::name(&class),
                refusal.message
            );
            events::warning(world, Reporter::controller(&by), &claim, "ProvisioningFailed", &why);
            world.look_later(AGAIN);
            None
        }
    }
}

fn volume_for(world: &World, claim: &Value, class: &Value, node: Option<&str>) -> Option<Value> {
    let by = text(class, "/provisioner");
    let maker = table::table().maker(by)?;
    let label = maker
        .zone_label
        .as_deref()
        .map(|label| table::fill(label, &[("provisioner", by)]));
    let zone = label
        .as_deref()
        .map(|label| zone(world, label, node, claim))
        .unwrap_or_default();
    let volume = format!("pvc-{}", meta::uid(claim));
    let mut words = vec![
        ("uid", meta::uid(claim)),
        ("namespace", meta::namespace(claim)),
        ("name", meta::name(claim)),
        ("volume", &volume),
        ("zone", &zone),
        ("provisioner", by),
    ];
    let handle = table::fill(&maker.handle, &words);
    words.push(("handle", &handle));
    let mut spec = json!({
        "accessModes": claim["spec"]["accessModes"],
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "claimRef": events::reference(claim),
        "persistentVolumeReclaimPolicy": class.get("reclaimPolicy").and_then(Value::as_str).unwrap_or("Delete"),
        "storageClassName": meta::name(class),
    });
    let same = [
        ("volumeMode", claim.pointer("/spec/volumeMode")),
        ("mountOptions", class.get("mountOptions")),
        (
            "volumeAttributesClassName",
            claim.pointer("/spec/volumeAttributesClassName"),
        ),
    ];
    for (field, value) in same {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            spec[field] = value.clone();
        }
    }
    if let (Some(spec), Value::Object(source)) = (spec.as_object_mut(), table::fill_all(&maker.source, &words)) {
        spec.extend(source);
    }
    if let Some(label) = label.filter(|_| !zone.is_empty()) {
        let term = json!({"matchExpressions": [{"key": label, "operator": "In", "values": [zone]}]});
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [term]}});
    }
    Some(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume,
            "annotations": {notes::PROVISIONED_BY: by},
            "finalizers": [FINALIZER],
        },
        "spec": spec,
    }))
}

/// The zone of the node that the scheduler chose; for a volume that is made at once that of some node.
fn zone(world: &World, label: &str, node: Option<&str>, claim: &Value) -> String {
    if let Some(node) = node {
        let node = world.get("nodes", "", node);
        return node
            .and_then(|node| meta::label(&node, label).map(str::to_owned))
            .unwrap_or_default();
    }
    let nodes = world.list("nodes", None);
    let mut zones: Vec<&str> = nodes.iter().filter_map(|node| meta::label(node, label)).collect();
    zones.sort_unstable();
    let pick = meta::name(claim).bytes().map(usize::from).sum::<usize>();
    zones
        .get(pick % zones.len().max(1))
        .copied()
        .unwrap_or_default()
        .to_owned()
}

fn reclaim(world: &mut World, name: &str) {
    let Some(volume) = world.get(VOLUMES, "", name).filter(|volume| is_to_go(volume)) else {
        return;
    };
    if !meta::is_terminating(&volume) {
        if let Err(refusal) = world.remove(VOLUMES, "", name) {
            tracing::debug!(name, message = refusal.message, "a volume cannot be deleted");
        }
    } else if phase(&volume) != "Bound" {
        change(world, VOLUMES, &volume, |volume| {
            meta::drop_finalizer(volume, FINALIZER)
        });
    }
}
