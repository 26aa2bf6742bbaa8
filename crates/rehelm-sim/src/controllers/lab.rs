//! A cluster for the controllers' own tests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::read;
use crate::meta;
use crate::world::{DeleteOptions, World, Writer};
use crate::{Fault, Options, Readiness, Sim};

pub(super) struct Lab {
    pub sim: Sim,
}

impl Lab {
    pub fn new() -> Self {
        let sim = Sim::new(Options::default());
        let lab = Self { sim };
        lab.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}}));
        lab.rest();
        lab
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        self.sim.shared.with(work)
    }

    /// Creates an object, in the namespace `lab` when it says none.
    pub fn create(&self, mut object: Value) -> Arc<Value> {
        self.with(|world| {
            let (version, kind) = (read::text(&object, "/apiVersion"), read::text(&object, "/kind"));
            let kind = world.kinds.of(version, kind).expect("a kind");
            if kind.facts.namespaced && meta::namespace(&object).is_empty() {
                meta::set(&mut object, "namespace", "lab".into());
            }
            let writer = Writer::new("tester", "");
            world
                .insert(&kind, object, &writer, false)
                .expect("an object that is accepted")
        })
    }

    /// Deployment, ReplicaSet, StatefulSet or the like with a container and labels `app: NAME`.
    pub fn workload(&self, kind: &str, name: &str, more: Value) -> Arc<Value> {
        let mut spec = json!({
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}], "terminationGracePeriodSeconds": 30},
            },
        });
        for (key, value) in more.as_object().expect("a mapping") {
            spec[key] = value.clone();
        }
        self.create(json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}))
    }

    pub fn find(&self, resource: &str, name: &str) -> Option<Arc<Value>> {
        self.with(|world| {
            world
                .get(resource, "lab", name)
                .or_else(|| world.get(resource, "", name))
        })
    }

    pub fn get(&self, resource: &str, name: &str) -> Arc<Value> {
        self.find(resource, name)
            .unwrap_or_else(|| panic!("{resource} {name} is there"))
    }

    pub fn list(&self, resource: &str) -> Vec<Arc<Value>> {
        self.with(|world| world.list(resource, Some("lab")))
    }

    pub fn names(&self, resource: &str) -> Vec<String> {
        self.list(resource)
            .iter()
            .map(|object| meta::name(object).to_owned())
            .collect()
    }

    pub fn change(&self, resource: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let writer = Writer::new("tester", "");
        let object = self.get(resource, name);
        let namespace = meta::namespace(&object);
        let changed = self.with(|world| world.modify_as(resource, namespace, name, &writer, change));
        changed.expect("a change that is accepted").expect("an object");
    }

    pub fn delete(&self, resource: &str, name: &str, propagation: &str) {
        self.with(|world| {
            let kind = world.kind(resource).expect("a kind");
            let object = world
                .get(resource, "lab", name)
                .or_else(|| world.get(resource, "", name));
            let options = DeleteOptions {
                propagation: Some(propagation.to_owned()),
                ..DeleteOptions::default()
            };
            world
                .delete(&kind, &object.expect("an object"), &options)
                .expect("a deletion that is accepted");
        });
    }

    /// Until nothing happens any more; gives the time that it took.
    pub fn rest(&self) -> Duration {
        self.sim.quiesce(Duration::from_secs(3600))
    }

    /// At most so long.
    pub fn wait(&self, seconds: u64) {
        self.sim.advance(Duration::from_secs(seconds));
    }

    pub fn fault(&self, prefix: &str, readiness: Readiness) {
        self.sim.fault(Fault::Pods {
            namespace: "lab".to_owned(),
            prefix: prefix.to_owned(),
            readiness,
        });
    }

    /// `Running`, or the reason for which the first container waits or has ended, of every pod.
    pub fn states(&self) -> Vec<String> {
        let state = |pod: &Arc<Value>| {
            let state = &pod["status"]["containerStatuses"][0]["state"];
            let waits = read::text(state, "/waiting/reason");
            let ended = read::text(state, "/terminated/reason");
            let shown = [waits, ended, read::text(pod, "/status/phase")];
            shown
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default()
                .to_owned()
        };
        self.list("pods").iter().map(state).collect()
    }
}
