//! A cluster with claims and volumes, and short words for how they are.

use std::time::Duration;

use serde_json::{Value, json};

use crate::controllers::lab::Lab;
use crate::controllers::volumes::{notes, phase, text};
use crate::meta;

pub(super) struct Bench {
    pub lab: Lab,
}

pub(super) const SOON: Duration = Duration::from_millis(900);

impl Bench {
    /// Begins right after a resync, so that the next one is 15 s away.
    pub fn new() -> Self {
        let bench = Self { lab: Lab::new() };
        bench
            .lab
            .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}));
        bench.after_resync();
        bench
    }

    pub fn after_resync(&self) {
        let since = self
            .lab
            .with(|world| world.now().since(world.options.start))
            .as_millis();
        let left = 15_000 - since % 15_000;
        let left = u64::try_from(left).expect("less than 15 s") + 100;
        self.lab.sim.advance(Duration::from_millis(left));
    }

    /// A volume of class `manual` with 1Gi for one node; `more` changes its spec.
    pub fn volume(&self, name: &str, more: Value) {
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "manual",
            "nfs": {"server": "nfs.example", "path": "/a"},
        });
        merge(&mut spec, more);
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec});
        self.lab.create(volume);
        self.pause();
    }

    /// A claim of class `manual` for 1Gi; `more` changes its spec.
    pub fn claim(&self, name: &str, more: Value) -> String {
        self.claim_in("lab", name, more, json!({}))
    }

    pub fn claim_in(&self, namespace: &str, name: &str, more: Value, annotations: Value) -> String {
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "manual",
        });
        merge(&mut spec, more);
        let claim = self.lab.create(json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
            "spec": spec,
        }));
        self.pause();
        meta::uid(&claim).to_owned()
    }

    pub fn class(&self, name: &str, provisioner: &str, mode: &str, policy: &str) {
        self.lab.create(json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": provisioner,
            "volumeBindingMode": mode,
            "reclaimPolicy": policy,
        }));
    }

    pub fn pod(&self, name: &str, claim: &str) {
        self.lab.create(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "containers": [{"name": "c", "image": "x"}],
                "terminationGracePeriodSeconds": 0,
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}],
            },
        }));
        self.pause();
    }

    /// Time for everything but the resync.
    pub fn pause(&self) {
        self.lab.sim.advance(SOON);
    }

    pub fn repoint(&self, volume: &str, to: Value) {
        self.lab.change("persistentvolumes", volume, |volume| {
            if to.is_null() {
                meta::child_map(volume, "spec").shift_remove("claimRef");
            } else {
                volume["spec"]["claimRef"] = to;
            }
        });
        self.pause();
    }

    pub fn touch(&self, namespace: &str, claim: &str) {
        self.lab.with(|world| {
            let touched = world.modify("persistentvolumeclaims", namespace, claim, |claim| {
                meta::set_annotation(claim, "touched", "yes");
            });
            touched.expect("a change").expect("a claim");
        });
    }

    pub fn delete_claim(&self, namespace: &str, claim: &str) {
        let gone = self
            .lab
            .with(|world| world.remove("persistentvolumeclaims", namespace, claim));
        gone.expect("a deletion");
        self.pause();
    }

    /// How long it takes until a claim is bound, in seconds.
    pub fn until_bound(&self, namespace: &str, claim: &str) -> f64 {
        let start = self.lab.sim.now();
        while !self.claim_is(namespace, claim).starts_with("Bound") {
            assert!(self.lab.with(crate::world::World::leap), "the claim is never bound");
        }
        self.lab.sim.now().since(start).as_secs_f64()
    }

    /// `Phase volume notes`; notes: `c` completed, `b` bound by the controller.
    pub fn claim_is(&self, namespace: &str, name: &str) -> String {
        let claim = self
            .lab
            .with(|world| world.get("persistentvolumeclaims", namespace, name));
        let Some(claim) = claim else { return "gone".to_owned() };
        let mut text = format!("{} {} ", phase(&claim), text(&claim, "/spec/volumeName"));
        for (note, letter) in [(notes::BIND_COMPLETED, 'c'), (notes::BOUND_BY_CONTROLLER, 'b')] {
            if meta::annotation(&claim, note) == Some("yes") {
                text.push(letter);
            }
        }
        if meta::is_terminating(&claim) {
            text.push_str(" terminating");
        }
        text
    }

    /// `Phase namespace/name notes`; notes: `u` with uid, `b` bound by the controller.
    pub fn volume_is(&self, name: &str) -> String {
        let Some(volume) = self.lab.find("persistentvolumes", name) else {
            return "gone".to_owned();
        };
        let to = |field: &str| text(&volume, &format!("/spec/claimRef/{field}")).to_owned();
        let mut text = format!("{} {}/{} ", phase(&volume), to("namespace"), to("name"));
        if !to("uid").is_empty() {
            text.push('u');
        }
        if meta::annotation(&volume, notes::BOUND_BY_CONTROLLER) == Some("yes") {
            text.push('b');
        }
        text
    }

    /// `reason: message` of the events about an object.
    pub fn told(&self, namespace: &str, name: &str) -> Vec<String> {
        let events = self.lab.with(|world| world.list("events", Some(namespace)));
        let about = events
            .iter()
            .filter(|event| text(event, "/involvedObject/name") == name);
        let mut told: Vec<String> = about
            .map(|event| format!("{}: {}", text(event, "/reason"), text(event, "/message")))
            .collect();
        told.sort_unstable();
        told.dedup();
        told
    }
}

fn merge(into: &mut Value, more: Value) {
    if let Value::Object(more) = more {
        for (key, value) in more {
            into[key] = value;
        }
    }
}
