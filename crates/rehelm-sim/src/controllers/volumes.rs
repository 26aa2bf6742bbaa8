//! What all storage controllers know of claims, volumes and the pods that use them.

pub(crate) mod table;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(crate) use super::read::{list, text};
use crate::meta;
use crate::quantity::Quantity;
use crate::world::World;

pub(crate) const CLAIMS: &str = "persistentvolumeclaims";
pub(crate) const VOLUMES: &str = "persistentvolumes";
pub(crate) const CLASSES: &str = "storageclasses.storage.k8s.io";

/// Annotations that claims and volumes carry.
pub(crate) mod notes {
    pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
    pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
    pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
    pub const MIGRATED_TO: &str = "pv.kubernetes.io/migrated-to";
    pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
    pub const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
    pub const PROVISIONER_BETA: &str = "volume.beta.kubernetes.io/storage-provisioner";
    pub const CLASS_BETA: &str = "volume.beta.kubernetes.io/storage-class";
}

/// Times of storage, as they are in a cluster that is not busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// From a change of a claim or volume to what the volume controller makes of it.
    pub bind: Duration,
    /// The volume controller looks at everything again this often (`--pvclaimbinder-sync-period`).
    pub resync: Duration,
    /// From a claim that wants a volume to the volume.
    pub provision: Duration,
    /// From a released volume to its deletion by its provisioner.
    pub reclaim: Duration,
    /// How often the attach/detach controller compares what is with what should be.
    pub compare: Duration,
    /// From a VolumeAttachment to the disk being attached.
    pub attach: Duration,
    /// From the deletion of a VolumeAttachment to the disk being free.
    pub detach: Duration,
    /// From a change to the removal of a protecting finalizer.
    pub protect: Duration,
    /// From a new pod to its node.
    pub schedule: Duration,
    /// From a claim that is bound to the pod that waited for it: the scheduler asks every second, and so on average
    /// half of that later; and a pod that failed backs off for a second.
    pub claim_poll: Duration,
}

pub(crate) const PACE: Pace = Pace {
    bind: Duration::from_millis(10),
    resync: Duration::from_secs(15),
    provision: Duration::from_millis(200),
    reclaim: Duration::from_millis(100),
    compare: Duration::from_millis(100),
    attach: Duration::from_millis(300),
    detach: Duration::from_millis(300),
    protect: Duration::from_millis(10),
    schedule: Duration::from_millis(10),
    claim_poll: Duration::from_millis(800),
};

pub(crate) fn phase(object: &Value) -> &str {
    text(object, "/status/phase")
}

/// The class of a claim or volume: the old annotation wins; empty for none.
pub(crate) fn class(object: &Value) -> &str {
    meta::annotation(object, notes::CLASS_BETA).unwrap_or_else(|| text(object, "/spec/storageClassName"))
}

/// Whether a claim says anything of its class, be it that it wants none.
pub(crate) fn names_class(claim: &Value) -> bool {
    meta::annotation(claim, notes::CLASS_BETA).is_some()
        || claim.pointer("/spec/storageClassName").is_some_and(Value::is_string)
}

/// The access modes of a claim or volume, in order and each once.
pub(crate) fn modes(object: &Value) -> Vec<&str> {
    let mut modes: Vec<&str> = list(object, "/spec/accessModes")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    modes.sort_unstable();
    modes.dedup();
    modes
}

/// `Filesystem` or `Block`.
pub(crate) fn mode(object: &Value) -> &str {
    match text(object, "/spec/volumeMode") {
        "" => "Filesystem",
        mode => mode,
    }
}

/// What a claim asks for.
pub(crate) fn requested(claim: &Value) -> Quantity {
    let size = claim.pointer("/spec/resources/requests/storage");
    size.and_then(Quantity::of).unwrap_or(Quantity::ZERO)
}

/// What a volume holds.
pub(crate) fn capacity(volume: &Value) -> Quantity {
    let size = volume.pointer("/spec/capacity/storage");
    size.and_then(Quantity::of).unwrap_or(Quantity::ZERO)
}

/// `spec.claimRef`; None when it is absent.
pub(crate) fn claim_ref(volume: &Value) -> Option<&Value> {
    volume.pointer("/spec/claimRef").filter(|to| !to.is_null())
}

/// Whether a volume's `claimRef` means this claim; a reference without uid means any claim of that name.
pub(crate) fn is_for(volume: &Value, claim: &Value) -> bool {
    claim_ref(volume).is_some_and(|to| {
        let uid = text(to, "/uid");
        text(to, "/name") == meta::name(claim)
            && text(to, "/namespace") == meta::namespace(claim)
            && (uid.is_empty() || uid == meta::uid(claim))
    })
}

/// A claim that the volume controller has bound for good.
pub(crate) fn is_bound(claim: &Value) -> bool {
    !text(claim, "/spec/volumeName").is_empty() && meta::annotation(claim, notes::BIND_COMPLETED).is_some()
}

/// Whether the class of a claim waits for the claim's first pod.
pub(crate) fn waits_for_consumer(world: &World, claim: &Value) -> bool {
    let class = world.get(CLASSES, "", class(claim));
    class.is_some_and(|class| text(&class, "/volumeBindingMode") == "WaitForFirstConsumer")
}

/// Names of the claims that a pod uses; those that are made for it are named after pod and volume.
pub(crate) fn claims_of(pod: &Value) -> Vec<String> {
    let volumes = list(pod, "/spec/volumes").iter();
    volumes
        .filter_map(|volume| {
            let named = volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(Value::as_str);
            named.map(str::to_owned).or_else(|| {
                let own = volume.get("ephemeral").filter(|own| !own.is_null());
                own.map(|_| format!("{}-{}", meta::name(pod), text(volume, "/name")))
            })
        })
        .collect()
}

/// A pod whose containers have all ended.
pub(crate) fn is_over(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Pods of a claim's namespace that use it.
pub(crate) fn pods_of(world: &World, claim: &Value) -> Vec<Arc<Value>> {
    let pods = world.list("pods", Some(meta::namespace(claim)));
    let uses = |pod: &Arc<Value>| claims_of(pod).iter().any(|name| name == meta::name(claim));
    pods.into_iter().filter(uses).collect()
}

/// What a pod that has a node still waits for before its volumes can be mounted; the words are for people.
pub(crate) fn storage_ready(world: &World, pod: &Value) -> Result<(), String> {
    let node = text(pod, "/spec/nodeName");
    for name in claims_of(pod) {
        let Some(claim) = world.get(CLAIMS, meta::namespace(pod), &name) else {
            return Err(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        let volume = text(&claim, "/spec/volumeName");
        if phase(&claim) != "Bound" || volume.is_empty() {
            return Err(format!("persistentvolumeclaim \"{name}\" is not bound"));
        }
        let Some(object) = world.get(VOLUMES, "", volume) else {
            return Err(format!("persistentvolume \"{volume}\" not found"));
        };
        if super::attach::needs_attachment(world, &object) && !super::attach::is_attached(world, volume, node) {
            return Err(format!("volume \"{volume}\" is not attached to node \"{node}\""));
        }
    }
    Ok(())
}
