//! Objects and the log of their changes. A resource is named by `plural.group`, or `plural` for the core group.

mod index;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::meta;

pub(crate) use index::{Index, Whereabouts};

/// Changes that are kept for watches; older ones answer 410 Gone.
pub(crate) const KEPT: usize = 100_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One change; `object` is what it is now (of a deleted object: what it was, under the resourceVersion of its deletion).
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub version: u64,
    pub resource: Arc<str>,
    pub kind: ChangeKind,
    pub object: Arc<Value>,
    pub old: Option<Arc<Value>>,
}

/// Name of an object within its resource; cluster-scoped ones have an empty namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub namespace: String,
    pub name: String,
}

impl Place {
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Everything that etcd would hold.
#[derive(Default)]
pub(crate) struct Store {
    objects: BTreeMap<Arc<str>, BTreeMap<Place, Arc<Value>>>,
    log: VecDeque<Change>,
    version: u64,
    /// Changes up to this resourceVersion are forgotten.
    compacted: u64,
    index: Index,
}

impl Store {
    /// The same objects under the same versions; what happened before is forgotten.
    pub fn fork(&self) -> Self {
        Self {
            objects: self.objects.clone(),
            log: VecDeque::new(),
            version: self.version,
            compacted: self.version,
            index: self.index.clone(),
        }
    }

    /// Ways to find objects without looking at all of them.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Objects at places of one resource.
    pub fn at<'a>(&self, resource: &str, places: impl Iterator<Item = &'a Place>) -> Vec<Arc<Value>> {
        let Some(objects) = self.objects.get(resource) else {
            return Vec::new();
        };
        places.filter_map(|place| objects.get(place).cloned()).collect()
    }

    /// resourceVersion of the newest change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Changes up to this resourceVersion are forgotten: a watch from before it is told 410 Gone.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects.get(resource)?.get(&Place::new(namespace, name)).cloned()
    }

    /// Objects of a resource in the order of namespace and name; None asks for all namespaces.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(objects) = self.objects.get(resource) else {
            return Vec::new();
        };
        match namespace {
            None => objects.values().cloned().collect(),
            Some(namespace) => objects
                .range(Place::new(namespace, "")..)
                .take_while(|(place, _)| place.namespace == namespace)
                .map(|(_, object)| object.clone())
                .collect(),
        }
    }

    /// Events of a namespace whose name starts so; they are named after what they tell of.
    pub fn events_named(&self, namespace: &str, prefix: &str) -> Vec<Arc<Value>> {
        let Some(events) = self.objects.get("events") else {
            return Vec::new();
        };
        events
            .range(Place::new(namespace, prefix)..)
            .take_while(|(place, _)| place.namespace == namespace && place.name.starts_with(prefix))
            .map(|(_, event)| event.clone())
            .collect()
    }

    /// Objects of a resource as they were at a version; None when that is forgotten.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, version: u64) -> Option<Vec<Arc<Value>>> {
        if version >= self.version {
            return Some(self.list(resource, namespace));
        }
        if version < self.compacted {
            return None;
        }
        let mut then = self.objects.get(resource).cloned().unwrap_or_default();
        let later: Vec<&Change> = self.since(version).collect();
        for change in later.into_iter().rev().filter(|change| *change.resource == *resource) {
            let place = Place::new(meta::namespace(&change.object), meta::name(&change.object));
            match &change.old {
                Some(old) => then.insert(place, old.clone()),
                None => then.remove(&place),
            };
        }
        let within = |object: &&Arc<Value>| namespace.is_none_or(|namespace| meta::namespace(object) == namespace);
        Some(then.values().filter(within).cloned().collect())
    }

    /// The version before the last so many changes of a resource; None when the log does not go back so far.
    pub fn version_before(&self, resource: &str, changes: usize) -> Option<u64> {
        let mut of_resource = self.log.iter().rev().filter(|change| *change.resource == *resource);
        match changes {
            0 => Some(self.version),
            n => of_resource.nth(n - 1).map(|change| change.version - 1),
        }
    }

    /// Resources that have objects.
    pub fn resources(&self) -> Vec<Arc<str>> {
        let full = self.objects.iter().filter(|(_, objects)| !objects.is_empty());
        full.map(|(resource, _)| resource.clone()).collect()
    }

    /// Adds or replaces an object under a new resourceVersion, which is written into it.
    pub fn put(&mut self, resource: &str, mut object: Value) -> Arc<Value> {
        self.version += 1;
        meta::set(&mut object, "resourceVersion", self.version.to_string().into());
        self.insert(resource, object)
    }

    /// Adds an object as it is, its resourceVersion included; later changes get higher ones.
    pub fn load(&mut self, resource: &str, object: Value) -> Arc<Value> {
        let version = meta::text(&object, "resourceVersion").parse().unwrap_or(0);
        self.version = self.version.max(version);
        // What happened before is not known here.
        self.compacted = self.version;
        let place = Place::new(meta::namespace(&object), meta::name(&object));
        let object = Arc::new(object);
        let resource: Arc<str> = resource.into();
        let objects = self.objects.entry(resource.clone()).or_default();
        let old = objects.insert(place, object.clone());
        self.index.update(&resource, old.as_deref(), Some(&object));
        object
    }

    fn insert(&mut self, resource: &str, object: Value) -> Arc<Value> {
        let place = Place::new(meta::namespace(&object), meta::name(&object));
        let object = Arc::new(object);
        let resource: Arc<str> = resource.into();
        let objects = self.objects.entry(resource.clone()).or_default();
        let old = objects.insert(place, object.clone());
        self.index.update(&resource, old.as_deref(), Some(&object));
        let kind = if old.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        self.record(kind, resource, object.clone(), old);
        object
    }

    /// Takes an object away; what is returned carries the resourceVersion of the deletion.
    pub fn remove(&mut self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let old = self.objects.get_mut(resource)?.remove(&Place::new(namespace, name))?;
        self.index.update(&resource.into(), Some(&old), None);
        self.version += 1;
        let mut gone = (*old).clone();
        meta::set(&mut gone, "resourceVersion", self.version.to_string().into());
        let gone = Arc::new(gone);
        self.record(ChangeKind::Deleted, resource.into(), gone.clone(), Some(old));
        Some(gone)
    }

    fn record(&mut self, kind: ChangeKind, resource: Arc<str>, object: Arc<Value>, old: Option<Arc<Value>>) {
        self.log.push_back(Change {
            version: self.version,
            resource,
            kind,
            object,
            old,
        });
        while self.log.len() > KEPT {
            if let Some(change) = self.log.pop_front() {
                self.compacted = change.version;
            }
        }
    }

    /// Forgets all changes until now, as etcd's compaction does.
    pub fn compact(&mut self) {
        self.log.clear();
        self.compacted = self.version;
    }

    /// Changes after a resourceVersion, oldest first.
    pub fn since(&self, version: u64) -> impl Iterator<Item = &Change> {
        let from = self.log.partition_point(|change| change.version <= version);
        self.log.range(from..)
    }
}
