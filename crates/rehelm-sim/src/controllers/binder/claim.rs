//! What the volume controller does about one claim (`syncClaim`).

use std::sync::Arc;

use serde_json::Value;

use super::{REPORTER, bind, matching};
use crate::controllers::events;
use crate::controllers::volumes::{
    CLAIMS, CLASSES, VOLUMES, claim_ref, class, is_for, is_over, names_class, notes, phase, pods_of, table, text,
    waits_for_consumer,
};
use crate::meta;
use crate::world::World;

/// What is to be done about a claim.
enum Verdict {
    /// Bind it, or finish that.
    Bind(Arc<Value>),
    /// Its volume is lost to it.
    Lost(&'static str, &'static str),
    /// It stays Pending.
    Wait(Option<Told>),
    /// It says nothing of a class and there is a default one by now.
    TakeClass(String),
    /// Somebody is to make a volume: the provisioner's name.
    Provision(String),
    /// Nobody can make a volume.
    CannotProvision(String),
}

struct Told {
    warning: bool,
    reason: &'static str,
    message: String,
}

fn told(warning: bool, reason: &'static str, message: impl Into<String>) -> Option<Told> {
    let message = message.into();
    Some(Told {
        warning,
        reason,
        message,
    })
}

fn judge(world: &World, claim: &Value) -> Verdict {
    let name = text(claim, "/spec/volumeName");
    if meta::annotation(claim, notes::BIND_COMPLETED).is_some() {
        return judge_bound(world, claim, name);
    }
    if name.is_empty() {
        return judge_free(world, claim);
    }
    let Some(volume) = world.get(VOLUMES, "", name) else {
        return Verdict::Wait(None);
    };
    if claim_ref(&volume).is_none() {
        return match matching::mismatch(&volume, claim) {
            Some(why) => {
                let message = format!("Cannot bind to requested volume \"{name}\": {why}");
                Verdict::Wait(told(true, "VolumeMismatch", message))
            }
            None => Verdict::Bind(volume),
        };
    }
    if is_for(&volume, claim) {
        return Verdict::Bind(volume);
    }
    let message = format!("volume \"{name}\" already bound to a different claim.");
    Verdict::Wait(told(true, "FailedBinding", message))
}

fn judge_bound(world: &World, claim: &Value, name: &str) -> Verdict {
    if name.is_empty() {
        let message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
        return Verdict::Lost("ClaimLost", message);
    }
    let Some(volume) = world.get(VOLUMES, "", name) else {
        let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
        return Verdict::Lost("ClaimLost", message);
    };
    if claim_ref(&volume).is_none_or(|to| text(to, "/uid") == meta::uid(claim)) {
        return Verdict::Bind(volume);
    }
    let message = "Two claims are bound to the same volume, this one is bound incorrectly";
    Verdict::Lost("ClaimMisbound", message)
}

fn judge_free(world: &World, claim: &Value) -> Verdict {
    let waits = waits_for_consumer(world, claim);
    if let Some(volume) = matching::best(world, claim, waits) {
        return Verdict::Bind(volume);
    }
    if !names_class(claim)
        && let Some(class) = default_class(world)
    {
        return Verdict::TakeClass(class);
    }
    if waits && meta::annotation(claim, notes::SELECTED_NODE).is_none() {
        return Verdict::Wait(awaits_pods(world, claim));
    }
    let class = class(claim);
    if class.is_empty() {
        let message = "no persistent volumes available for this claim and no storage class is set";
        return Verdict::Wait(told(false, "FailedBinding", message));
    }
    let Some(class) = world.get(CLASSES, "", class) else {
        return Verdict::CannotProvision(format!("storageclass.storage.k8s.io \"{class}\" not found"));
    };
    let provisioner = text(&class, "/provisioner");
    let table = table::table();
    if let Some(driver) = table.driver_of(provisioner, world.options.minor) {
        return Verdict::Provision(driver.to_owned());
    }
    // A plugin of old that no driver has taken over yet makes its volumes in the controller manager.
    let own = table.migrated.iter().any(|m| m.plugin == provisioner);
    if provisioner.starts_with("kubernetes.io/") && !own {
        return Verdict::CannotProvision(format!("no volume plugin matched name: {provisioner}"));
    }
    Verdict::Provision(provisioner.to_owned())
}

fn awaits_pods(world: &World, claim: &Value) -> Option<Told> {
    let pods: Vec<String> = pods_of(world, claim)
        .iter()
        .filter(|pod| !is_over(pod) && text(pod, "/spec/nodeName").is_empty())
        .map(|pod| meta::name(pod).to_owned())
        .collect();
    match pods.as_slice() {
        [] => {
            let message = "waiting for first consumer to be created before binding";
            told(false, "WaitForFirstConsumer", message)
        }
        [pod] => told(
            false,
            "WaitForPodScheduled",
            format!("waiting for pod {pod} to be scheduled"),
        ),
        pods => {
            let message = format!("waiting for pods {} to be scheduled", pods.join(","));
            told(false, "WaitForPodScheduled", message)
        }
    }
}

/// The default class; of several the newest, then the first by name.
fn default_class(world: &World) -> Option<String> {
    const DEFAULT: [&str; 2] = [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ];
    // Claims are given a class after the fact since 1.26.
    if world.options.minor < 26 {
        return None;
    }
    let classes = world.list(CLASSES, None);
    let is_default = |class: &&Arc<Value>| DEFAULT.iter().any(|note| meta::annotation(class, note) == Some("true"));
    let newest = classes.iter().filter(is_default).min_by_key(|class| {
        let made = meta::text(class, "creationTimestamp");
        (std::cmp::Reverse(made.to_owned()), meta::name(class).to_owned())
    });
    newest.map(|class| meta::name(class).to_owned())
}

/// Whether looking at the claim once more would change something.
pub(super) fn waits(world: &World, claim: &Value) -> bool {
    match judge(world, claim) {
        Verdict::Bind(volume) => phase(claim) != "Bound" || phase(&volume) != "Bound" || claim_ref(&volume).is_none(),
        Verdict::Lost(..) => phase(claim) != "Lost",
        Verdict::Wait(_) => phase(claim) != "Pending",
        Verdict::TakeClass(_) => true,
        Verdict::Provision(by) => wanted_of(claim) != Some(&by),
        Verdict::CannotProvision(_) => false,
    }
}

fn wanted_of(claim: &Value) -> Option<&str> {
    let note = meta::annotation(claim, notes::PROVISIONER);
    note.or_else(|| meta::annotation(claim, notes::PROVISIONER_BETA))
}

/// Looks at a claim. `resync` says that this is the look of every 15 s.
pub(super) fn sync(world: &mut World, key: &str, resync: bool) {
    let (namespace, name) = meta::split_key(key);
    let Some(claim) = world.get(CLAIMS, namespace, name) else {
        return;
    };
    match judge(world, &claim) {
        Verdict::Bind(volume) => bind::bind(world, &volume, &claim, resync),
        Verdict::Lost(reason, message) => {
            if phase(&claim) != "Lost" {
                bind::set_claim_phase(world, &claim, "Lost", None);
                events::warning(world, REPORTER, &claim, reason, message);
            }
        }
        Verdict::Wait(told) => {
            if let Some(told) = told {
                let tell = if told.warning { events::warning } else { events::normal };
                tell(world, REPORTER, &claim, told.reason, &told.message);
            }
            bind::set_claim_phase(world, &claim, "Pending", None);
        }
        Verdict::TakeClass(class) => {
            bind::change(world, CLAIMS, &claim, |claim| {
                claim["spec"]["storageClassName"] = class.into()
            });
        }
        Verdict::Provision(by) => provision(world, &claim, &by),
        Verdict::CannotProvision(why) => events::warning(world, REPORTER, &claim, "ProvisioningFailed", &why),
    }
}

/// Asks the provisioner for a volume, by an annotation.
fn provision(world: &mut World, claim: &Arc<Value>, by: &str) {
    let both = world.options.minor >= 22;
    if wanted_of(claim) != Some(by) {
        bind::change(world, CLAIMS, claim, |claim| {
            meta::set_annotation(claim, notes::PROVISIONER_BETA, by);
            if both {
                meta::set_annotation(claim, notes::PROVISIONER, by);
            }
        });
    }
    if by.starts_with("kubernetes.io/") {
        return;
    }
    let message = if world.options.minor >= 28 {
        format!(
            "Waiting for a volume to be created either by the external provisioner '{by}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly \
             registered."
        )
    } else {
        format!(
            "waiting for a volume to be created, either by external provisioner \"{by}\" or manually created by system \
             administrator"
        )
    };
    events::normal(world, REPORTER, claim, "ExternalProvisioning", &message);
}
