//! What the stand-in sees: every kind it cares for is watched once, and a change queues the objects that depend on it.

use super::containers::Containers;
use super::faults::{self, Faults};
use super::queue::{Key, Queue};
use super::{Settings, pod_status::Look};
use crate::Result;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::api::storage::v1::{StorageClass, VolumeAttachment};
use kube::api::Api;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Read access to everything watched, and the memory of what was written.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) pods: Store<Pod>,
    pub(crate) nodes: Store<Node>,
    pub(crate) services: Store<Service>,
    pub(crate) claims: Store<PersistentVolumeClaim>,
    pub(crate) volumes: Store<PersistentVolume>,
    pub(crate) classes: Store<StorageClass>,
    pub(crate) secrets: Store<Secret>,
    pub(crate) config_maps: Store<ConfigMap>,
    pub(crate) attachments: Store<VolumeAttachment>,
    /// What runs in pods, if anything does.
    pub(super) containers: Option<Containers>,
    faults: Arc<RwLock<Faults>>,
    looks: Mutex<HashMap<String, Look>>,
    seen: Mutex<HashMap<String, Instant>>,
}

impl Cluster {
    /// Starts all watches and returns when each has seen the whole cluster once.
    pub(crate) async fn watch(client: Client, settings: Settings, queue: Queue) -> Result<Self> {
        let faults = Arc::new(RwLock::new(Faults::default()));
        let containers = Containers::read(&settings.dir, queue.clone())?;
        let c = &client;
        let pods = watch::<Pod, _>(c, &queue, |_, o| vec![Key::Pod(ns(o), o.name_any())]);
        let p = pods.clone();
        let nodes = watch::<Node, _>(c, &queue, |_, o| vec![Key::Node(o.name_any())]);
        let services = watch::<Service, _>(c, &queue, |_, o| vec![Key::Service(ns(o), o.name_any())]);
        let pending = p.clone();
        let claims = watch::<PersistentVolumeClaim, _>(c, &queue, move |_, o| {
            [Key::Claim(ns(o), o.name_any())]
                .into_iter()
                .chain(waiting(&pending, Some(&ns(o))))
                .collect()
        });
        let volumes = watch::<PersistentVolume, _>(c, &queue, |_, o| vec![Key::Volume(o.name_any())]);
        let all = claims.clone();
        let classes = watch::<StorageClass, _>(c, &queue, move |_, _| {
            all.state().iter().map(|o| Key::Claim(ns(&**o), o.name_any())).collect()
        });
        let pending = p.clone();
        let secrets = watch::<Secret, _>(c, &queue, move |_, o| waiting(&pending, Some(&ns(o))).collect());
        let (pending, table) = (p.clone(), Arc::clone(&faults));
        let config_maps = watch::<ConfigMap, _>(c, &queue, move |store, o| {
            if faults::is_table(o) {
                let now = store.get(&ObjectRef::from_obj(o));
                *table.write().unwrap_or_else(PoisonError::into_inner) = Faults::read(now.as_deref());
                return pending
                    .state()
                    .iter()
                    .map(|o| Key::Pod(ns(&**o), o.name_any()))
                    .collect();
            }
            waiting(&pending, Some(&ns(o))).collect()
        });
        let pending = p;
        let attachments = watch::<VolumeAttachment, _>(c, &queue, move |_, o| {
            [Key::Attachment(o.name_any())]
                .into_iter()
                .chain(waiting(&pending, None))
                .collect()
        });
        let lost = |e: reflector::store::WriterDropped| crate::Error::Data(format!("a watch ended: {e}"));
        pods.wait_until_ready().await.map_err(lost)?;
        nodes.wait_until_ready().await.map_err(lost)?;
        claims.wait_until_ready().await.map_err(lost)?;
        volumes.wait_until_ready().await.map_err(lost)?;
        classes.wait_until_ready().await.map_err(lost)?;
        secrets.wait_until_ready().await.map_err(lost)?;
        config_maps.wait_until_ready().await.map_err(lost)?;
        attachments.wait_until_ready().await.map_err(lost)?;
        let (looks, seen) = Default::default();
        Ok(Self {
            client,
            settings,
            pods,
            nodes,
            services,
            claims,
            volumes,
            classes,
            secrets,
            config_maps,
            attachments,
            containers,
            faults,
            looks,
            seen,
        })
    }

    /// The faults that are switched on now.
    pub(crate) fn faults(&self) -> Faults {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers `look` for the pod; true when it differs from what was written last.
    pub(crate) fn looks_new(&self, uid: &str, look: &Look) -> bool {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert(uid.to_owned(), look.clone()).as_ref() != Some(look)
    }

    /// Forgets what was written for a pod, after a write that failed or with the pod itself.
    pub(crate) fn forget(&self, uid: &str) {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// How much of `delay` is left since `what` was first asked about.
    pub(crate) fn left(&self, what: String, delay: Duration) -> Option<Duration> {
        if delay.is_zero() {
            return None;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let left = delay.saturating_sub(seen.entry(what).or_insert_with(Instant::now).elapsed());
        (!left.is_zero()).then_some(left)
    }
}

/// The namespace of an object, empty for cluster-scoped ones.
fn ns(o: &impl ResourceExt) -> String {
    o.namespace().unwrap_or_default()
}

/// Pods that are on a machine and do not run yet.
fn waiting(pods: &Store<Pod>, namespace: Option<&str>) -> impl Iterator<Item = Key> + use<> {
    let pods = pods.state_filter(|pod| {
        let placed = pod.spec.as_ref().is_some_and(|s| s.node_name.is_some());
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        placed
            && phase.is_none_or(|p| p == "Pending")
            && namespace.is_none_or(|n| pod.metadata.namespace.as_deref() == Some(n))
    });
    pods.into_iter().map(|o| Key::Pod(ns(&*o), o.name_any()))
}

/// Watches one kind in the background; every touched object queues what `keys` says.
fn watch<K, F>(client: &Client, queue: &Queue, keys: F) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Hash + Eq + Clone + Default,
    F: Fn(&Store<K>, &K) -> Vec<Key> + Send + 'static,
{
    let (store, writer) = reflector::store::<K>();
    let config = watcher::Config::default();
    let changes = watcher(Api::<K>::all(client.clone()), config)
        .default_backoff()
        .reflect(writer)
        .touched_objects();
    let (reader, queue) = (store.clone(), queue.clone());
    tokio::spawn(changes.for_each(move |change| {
        for key in change.iter().flat_map(|object| keys(&reader, object)) {
            let _ = queue.send(key);
        }
        std::future::ready(())
    }));
    store
}
