//! [`Sim`]: the handle to a simulated cluster.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use crate::controllers::{NodeOptions, Timing};
use crate::convert;
use crate::meta;
use crate::rbac::Identity;
use crate::service::SimService;
use crate::timeline::Time;
use crate::world::World;

/// What a simulated cluster is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Kubernetes 1.`minor`, from 21 to 35.
    pub minor: u32,
    /// `gitVersion`, such as `v1.23.4-eks-1`; None makes one from the minor.
    pub git_version: Option<String>,
    /// Where virtual time begins.
    pub start: Time,
    /// Seed of uids, generated names and addresses.
    pub seed: u64,
    /// Virtual time that one request takes.
    pub latency: Duration,
    /// The cluster starts with what a new cluster has: namespaces, nodes, system roles. False for one that is loaded.
    pub bootstrap: bool,
    /// Requests are authorized by the cluster's RBAC objects; members of `system:masters` may do everything.
    pub authorize: bool,
    /// The machines that bootstrap makes.
    pub nodes: Vec<NodeOptions>,
    /// How long controllers and machines take.
    pub timing: Timing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            minor: 35,
            git_version: None,
            start: Time(1_767_225_600_000_000_000),
            seed: 1,
            latency: Duration::from_millis(2),
            bootstrap: true,
            authorize: true,
            nodes: vec![NodeOptions::default()],
            timing: Timing::default(),
        }
    }
}

/// Why an object cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The server that the simulation poses as does not serve the kind, and no CRD among the objects defines it.
    #[error("{api_version} {kind} is not served (object {name})")]
    UnknownKind {
        /// `group/version`.
        api_version: String,
        /// Kind.
        kind: String,
        /// `namespace/name`.
        name: String,
    },
    /// The value is no object with apiVersion, kind and a name.
    #[error("object {0} of the list has no apiVersion, kind or name")]
    NoObject(usize),
}

/// What all handles share.
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Tells watches that the store has a new version.
    pub changed: tokio::sync::watch::Sender<u64>,
    pub pace: Arc<crate::pace::Pacer>,
}

impl Shared {
    /// The world. A panic elsewhere does not make it unusable: every write is one insertion.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works on the world, lets everything happen that is due, and tells the watches and those who let time pass.
    pub fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let answer = self.with_unnoticed(work);
        self.pace.bump();
        answer
    }

    /// The same on behalf of those who let time pass.
    pub fn with_unnoticed<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let (answer, version) = {
            let mut world = self.world();
            let before = world.store.version();
            let answer = work(&mut world);
            world.settle();
            if world.store.version() != before {
                self.pace.changed(&world);
            }
            (answer, world.store.version())
        };
        self.changed.send_if_modified(|seen| {
            let new = *seen < version;
            *seen = version.max(*seen);
            new
        });
        answer
    }

    /// resourceVersion of the newest change.
    pub fn version(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Time leaps to the next thing that is due, whether it has an effect or not.
    pub fn step(&self) {
        self.with_unnoticed(|world| {
            world.leap();
        });
        self.pace.leapt();
    }

    /// Time leaps until somebody may have something to do; false when nothing is going to happen.
    pub fn leap(&self) -> bool {
        let changed_at = self.pace.changed_at();
        let more = self.with_unnoticed(|world| crate::pace::leap(world, changed_at));
        self.pace.leapt();
        more
    }
}

/// A simulated cluster. Clones are handles to the same one.
#[derive(Clone)]
pub struct Sim {
    pub(crate) shared: Arc<Shared>,
}

impl Sim {
    /// A cluster; empty but for what [`Options::bootstrap`] brings.
    pub fn new(options: Options) -> Self {
        let bootstrap = options.bootstrap;
        let mut world = World::new(options);
        if bootstrap {
            crate::controllers::bootstrap(&mut world);
        }
        let (changed, _) = tokio::sync::watch::channel(world.store.version());
        let sim = Self {
            shared: Arc::new(Shared {
                world: Mutex::new(world),
                changed,
                pace: Arc::default(),
            }),
        };
        sim.shared.with(World::begin);
        sim
    }

    /// Adds objects as they are: uid, resourceVersion, times and status stay. CRDs may come in any place of the list.
    ///
    /// # Errors
    /// A kind that is not served; nothing was added then.
    pub fn load(&self, objects: Vec<Value>) -> Result<(), LoadError> {
        self.shared.with(|world| load(world, objects))
    }

    /// True for a kind that is served: a built-in one, or one of a CRD that is there.
    pub fn serves(&self, api_version: &str, kind: &str) -> bool {
        self.shared.world().kinds.of(api_version, kind).is_some()
    }

    /// Every object, by resource, namespace and name.
    pub fn objects(&self) -> Vec<Value> {
        let world = self.shared.world();
        let resources = world.store.resources();
        let all = resources.iter().flat_map(|resource| world.store.list(resource, None));
        all.map(|object| (*object).clone()).collect()
    }

    /// Every object, by resource, namespace and name, without a copy of any: what did not change is the same value each time.
    pub fn shared_objects(&self) -> Vec<Arc<Value>> {
        let world = self.shared.world();
        let resources = world.store.resources();
        resources
            .iter()
            .flat_map(|resource| world.store.list(resource, None))
            .collect()
    }

    /// Objects of a resource (`plural.group`) as they were so many of its changes ago, for who plays a cache that lags; None
    /// when that is forgotten. An empty namespace stands for all.
    pub fn stale(&self, resource: &str, namespace: &str, changes: usize) -> Option<Vec<Arc<Value>>> {
        let world = self.shared.world();
        let version = world.store.version_before(resource, changes)?;
        world
            .store
            .list_at(resource, Some(namespace).filter(|name| !name.is_empty()), version)
    }

    /// Another cluster with the same objects at the same time, as [`Sim::load`] would make it; cheap, because objects are
    /// shared until they change. Nothing is wrong in it yet, and nobody is connected.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut world = self.shared.world().fork();
        world.begin();
        let (changed, _) = tokio::sync::watch::channel(world.store.version());
        let sim = Self {
            shared: Arc::new(Shared {
                world: Mutex::new(world),
                changed,
                pace: Arc::default(),
            }),
        };
        sim.shared.with(|_| ());
        sim
    }

    /// Forgets all past versions, as a server does every few minutes: who watches or lists from before is told 410 Gone.
    pub fn forget_history(&self) {
        self.shared.with(|world| world.store.compact());
    }

    /// The API as a tower service, for a client that is the cluster's administrator.
    pub fn service(&self) -> SimService {
        self.service_as(Identity::admin())
    }

    /// The API as a tower service, for a client that is somebody else.
    pub fn service_as(&self, identity: Identity) -> SimService {
        SimService::new(self.shared.clone(), identity)
    }

    /// Virtual time now.
    pub fn now(&self) -> Time {
        self.shared.catch_up();
        self.shared.world().now()
    }

    /// Lets virtual time pass, and everything happen that is due on the way.
    pub fn advance(&self, time: Duration) {
        self.shared.with(|world| world.pass(time));
    }

    /// Lets virtual time pass until nothing is going to happen any more, at most `limit`. Gives the time that passed.
    pub fn quiesce(&self, limit: Duration) -> Duration {
        self.shared.with(|world| {
            let start = world.now();
            let end = start.after(limit);
            world.settle();
            while world.timeline.next_due().is_some_and(|next| next <= end) {
                world.leap();
            }
            world.now().since(start)
        })
    }

    /// Sleeps in virtual time: time passes when nobody has anything else to do.
    pub async fn sleep(&self, time: Duration) {
        let woken = self.shared.with(|world| world.timeline.sleep(time));
        // A sleep that was forgotten is over, too.
        let _ = crate::pace::until(&self.shared, woken).await;
    }
}

fn load(world: &mut World, objects: Vec<Value>) -> Result<(), LoadError> {
    let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_crd = |object: &Value| text(object, "kind") == "CustomResourceDefinition";
    for (at, object) in objects.iter().enumerate() {
        if meta::name(object).is_empty() || text(object, "kind").is_empty() {
            return Err(LoadError::NoObject(at));
        }
        if is_crd(object)
            && let Some(kind) = world.kinds.of(&text(object, "apiVersion"), "CustomResourceDefinition")
        {
            world.kinds.add_crd(&convert::to_stored(&kind, object.clone()));
        }
    }
    let mut known = Vec::with_capacity(objects.len());
    for object in objects {
        let (api_version, kind) = (text(&object, "apiVersion"), text(&object, "kind"));
        let Some(found) = world.kinds.of_loaded(&api_version, &kind) else {
            return Err(LoadError::UnknownKind {
                api_version,
                kind,
                name: meta::key(&object),
            });
        };
        known.push((found, object));
    }
    for (kind, object) in known {
        world.load(&kind, object);
    }
    world.begin();
    Ok(())
}
