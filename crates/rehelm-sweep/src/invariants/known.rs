//! What is known of an install before anything happens to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rehelm::rehearsal::databases::MemoryDatabases;
use rehelm_core::object::{ObjKey, ObjRef, Object};
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::ports::DatabaseProof;
use rehelm_core::stale;
use rehelm_core::steps::StepSpec;
use serde_json::Value;

use super::Broken;
use crate::call::Call;
use crate::helm::Recording;

/// A volume with data.
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Namespace and name of the two claims that may have it.
    pub claims: Vec<(String, String)>,
}

/// What is known.
#[derive(Default)]
pub struct Known {
    /// Namespace of the old install.
    pub source: String,
    /// Namespace of the release.
    pub target: String,
    /// Volumes that are handed over.
    pub volumes: Vec<Volume>,
    /// Every object of the beginning by uid.
    pub before: HashMap<String, Arc<Value>>,
    /// The same by plural, namespace and name, as calls name them.
    pub named: Vec<Arc<Value>>,
    /// uids of what no step touches.
    pub bystanders: BTreeSet<String>,
    /// uids of secrets and claims of the old install.
    pub data: BTreeSet<String>,
    /// Claims that are replaced on the way.
    pub moved: BTreeSet<String>,
    /// Names of databases that are copied, with their content.
    databases: BTreeMap<String, DatabaseProof>,
}

/// Kinds that change or come and go by themselves.
const RESTLESS: [&str; 14] = [
    "APIService",
    "ControllerRevision",
    "CSINode",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "HorizontalPodAutoscaler",
    "Job",
    "Lease",
    "Node",
    "Pod",
    "ReplicaSet",
    "ResourceQuota",
    "VolumeAttachment",
];

impl Known {
    /// From the plan, the objects at the beginning, and what Helm will make.
    pub fn of(plan: &Plan, objects: &[Arc<Value>], recording: &Recording) -> Self {
        let names = stale::names(plan);
        let mut touched: BTreeSet<ObjKey> = BTreeSet::new();
        let mut volumes = Vec::new();
        let mut moved = BTreeSet::new();
        for step in &plan.steps {
            touched.extend(step.spec.action().touches(&names).iter().map(ObjRef::key));
            match &step.spec {
                StepSpec::Rebind(rebind) => {
                    for handover in &rebind.volumes {
                        let claim = |c: &ObjRef| (c.namespace.clone().unwrap_or_default(), c.name.clone());
                        volumes.push(Volume {
                            name: handover.volume.clone(),
                            claims: vec![claim(&handover.from), claim(&handover.to)],
                        });
                        moved.insert(handover.from_uid.clone());
                    }
                }
                StepSpec::Release(release) => touched.extend(release.kept.iter().map(ObjRef::key)),
                StepSpec::Retire(retire) if step.phase == Phase::Cleanup => {
                    touched.extend(retire.objects.iter().map(|o| o.object.key()));
                }
                _ => {}
            }
        }
        for object in &recording.objects {
            let mut object = object.clone();
            if object.namespace().is_none() {
                touched.insert(object.reference().key());
                object.set_namespace(&plan.target.namespace);
            }
            touched.insert(object.reference().key());
        }
        let mut known = Self {
            source: plan.source.namespace.clone(),
            target: plan.target.namespace.clone(),
            volumes,
            before: HashMap::new(),
            named: objects.to_vec(),
            bystanders: BTreeSet::new(),
            data: BTreeSet::new(),
            moved,
            databases: BTreeMap::new(),
        };
        for value in objects {
            let object = Object((**value).clone());
            let uid = object.uid().to_owned();
            let owned = object.get("/metadata/ownerReferences").is_some();
            if !owned && !RESTLESS.contains(&object.kind()) && !touched.contains(&object.reference().key()) {
                known.bystanders.insert(uid.clone());
            }
            let of_source = object.namespace() == Some(plan.source.namespace.as_str());
            if of_source && ["Secret", "PersistentVolumeClaim"].contains(&object.kind()) {
                known.data.insert(uid.clone());
            }
            known.before.insert(uid, value.clone());
        }
        known
    }

    /// Adds what the databases hold at the beginning.
    #[must_use]
    pub fn with_databases(mut self, plan: &Plan, databases: &MemoryDatabases) -> Self {
        let content = databases.content();
        for step in &plan.steps {
            if let StepSpec::Copy(copy) = &step.spec {
                for copied in &copy.databases {
                    if let Some(proof) = content.get(&copied.from) {
                        self.databases.insert(copied.from.clone(), proof.clone());
                    }
                }
            }
        }
        self
    }

    /// Databases of the old install that are not as they were.
    pub fn databases_differ(&self, databases: &MemoryDatabases) -> Vec<Broken> {
        let now = databases.content();
        self.databases
            .iter()
            .filter(|(name, then)| now.get(*name) != Some(then))
            .map(|(name, _)| ("data-gone", format!("database {name} is not as it was")))
            .collect()
    }

    /// What a call acts on, as it was at the beginning.
    pub fn original(&self, call: &Call) -> Option<&Arc<Value>> {
        self.named.iter().find(|object| {
            object["metadata"]["name"] == call.name.as_str()
                && object["metadata"]["namespace"].as_str().unwrap_or_default() == call.namespace
                && crate::answer::same_resource(object, &call.resource)
        })
    }

    /// Writes that belong to no step: the state of the run that is kept in the cluster for others.
    pub fn may_write_outside_of_steps(&self, call: &Call) -> bool {
        let own = |kind: &str| call.resource == kind && call.name.starts_with("rehelm-");
        own("configmaps") || own("secrets")
    }
}
