//! `helm upgrade --install`, write for write: the record, the hooks, the definitions, the objects, the record again.

use std::sync::Arc;

use rehelm_clients::kube::KubeCluster;
use rehelm_core::object::Object;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::restore;
use serde_json::{Value, json};

use super::recording::{Recording, records, revision};
use super::wire::{Failure, Wire};

/// One install of one release.
pub struct Player {
    /// What is played.
    pub recording: Arc<Recording>,
    /// Helm's connection.
    pub wire: Wire,
    /// For waits and look-ups of kinds, in Helm's name.
    pub cluster: Arc<KubeCluster>,
    /// Release.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
}

impl Player {
    /// Installs what is not there, upgrades what is, refuses what is under way.
    ///
    /// # Errors
    /// In Helm's words; a release that failed is marked so.
    pub async fn upgrade_install(&self) -> PortResult<()> {
        let all = records(&*self.cluster, &self.namespace, &self.release).await?;
        let (verb, earlier) = match all.last() {
            None => ("install", None),
            Some(last) if last.label("status").is_some_and(|s| s.starts_with("pending")) => {
                return Err(PortError::Other(
                    "helm: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress".to_owned(),
                ));
            }
            Some(last) => ("upgrade", Some(last)),
        };
        if verb == "install" {
            self.definitions().await?;
        }
        let there = self.ours().await?;
        let number = earlier.map_or(1, |last| revision(last) + 1);
        let pending = format!("pending-{verb}");
        let record = self.record(number, &pending)?;
        self.wire.create(&record, &self.namespace).await?;
        match self.make(verb, &record, &pending, there).await {
            Ok(()) => {}
            Err(Failure::Killed) => return Err(Failure::Killed.into()),
            Err(failed) => {
                // What cannot be marked stays as it is; Helm says the first error.
                let _ = self.write_record(&record, "failed").await;
                return Err(failed.into());
            }
        }
        if let Some(last) = earlier {
            self.write_record(last, "superseded").await?;
        }
        Ok(self.write_record(&record, "deployed").await?)
    }

    /// Everything between the two words about it.
    async fn make(&self, verb: &str, record: &Object, pending: &str, adopt: bool) -> Result<(), Failure> {
        self.hooks(&format!("pre-{verb}"), record, pending).await?;
        for object in &self.recording.objects {
            let object = self.marked(object);
            if verb == "install" && !adopt {
                self.wire.create(&object, &self.namespace).await?;
                continue;
            }
            match self.wire.get(&object, &self.namespace).await? {
                None => drop(self.wire.create(&object, &self.namespace).await?),
                Some(live) if within(&object.0, &live.0) => {}
                Some(_) => self.wire.patch(&object, &self.namespace).await?,
            }
        }
        self.hooks(&format!("post-{verb}"), record, pending).await
    }

    async fn definitions(&self) -> PortResult<()> {
        for definition in &self.recording.crds {
            match self.wire.create(definition, &self.namespace).await {
                Ok(_) | Err(Failure::Refused(409, _)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// True when some of the objects are there and the release's; a stranger's object is refused.
    async fn ours(&self) -> PortResult<bool> {
        let mut any = false;
        for object in &self.recording.objects {
            let Some(live) = self.wire.get(object, &self.namespace).await? else {
                continue;
            };
            if !restore::importable(&live, &self.release, &self.namespace) {
                return Err(PortError::Other(format!(
                    "helm: Unable to continue with install: {} exists and cannot be imported into the current release: \
                     invalid ownership metadata",
                    live.reference()
                )));
            }
            any = true;
        }
        Ok(any)
    }

    /// With Helm's marks, and in its place.
    fn marked(&self, object: &Object) -> Object {
        let mut object = object.clone();
        json_merge(&mut object.0, &restore::ownership(&self.release, &self.namespace));
        object
    }

    /// In its namespace, for kinds that have one.
    pub(super) fn placed(&self, object: &Object) -> Object {
        let mut object = object.clone();
        if object.namespace().is_none() {
            object.set_namespace(&self.namespace);
        }
        object
    }

    fn record(&self, number: u32, status: &str) -> PortResult<Object> {
        Ok(Object(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {
                "name": format!("sh.helm.release.v1.{}.v{number}", self.release),
                "namespace": self.namespace,
                "labels": {"name": self.release, "owner": "helm", "status": status, "version": number.to_string()},
            },
            "data": {"release": self.recording.packed(number, status)?},
        })))
    }

    /// Says how a revision is.
    pub(super) async fn write_record(&self, record: &Object, status: &str) -> Result<(), Failure> {
        let record = self
            .record(revision(record), status)
            .map_err(|e| Failure::Silent(e.to_string()))?;
        self.wire.update(&record, &self.namespace).await
    }
}

fn json_merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                json_merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// True when everything that is wanted is there already: Helm sends no empty patches.
fn within(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => wanted
            .iter()
            .all(|(key, value)| value.is_null() || live.get(key).is_some_and(|live| within(value, live))),
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len() && wanted.iter().zip(live).all(|(a, b)| within(a, b))
        }
        (wanted, live) => wanted == live,
    }
}
