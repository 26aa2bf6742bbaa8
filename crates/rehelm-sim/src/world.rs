//! The cluster behind the API: everything that the one lock guards. Verbs and controllers write through it.

mod deletion;
mod names;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(crate) use deletion::DeleteOptions;

use crate::admission;
use crate::controllers::{self, Machines};
use crate::convert;
use crate::faults::Faults;
use crate::kinds::{Kind, Kinds};
use crate::meta;
use crate::patch::managed;
use crate::rbac::{self, Identity};
use crate::refusal::Refusal;
use crate::sim::Options;
use crate::store::{Place, Store};
use crate::tables;
use crate::timeline::{Time, Timeline};
use crate::written::Written;

/// Who writes, and how; for `managedFields`.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    /// Field manager.
    pub manager: String,
    /// `status`, `scale`; empty for the object itself.
    pub subresource: String,
    /// False for server-side apply, which keeps its own account of fields.
    pub tracks: bool,
}

impl Writer {
    pub fn new(manager: &str, subresource: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            subresource: subresource.to_owned(),
            tracks: true,
        }
    }
}

/// The manager name of all controllers.
pub(crate) const CONTROLLERS: &str = "kube-controller-manager";

/// How often the server draws a name that is to be generated.
const GENERATED: u32 = 8;

/// A cluster: objects, kinds, time, faults.
pub(crate) struct World {
    pub options: Options,
    pub store: Store,
    pub kinds: Kinds,
    pub timeline: Timeline,
    pub faults: Faults,
    /// What containers would do if they ran.
    pub inside: crate::inside::Inside,
    /// Whose request is carried out; None while controllers work.
    pub acting: Option<Identity>,
    /// Addresses and ports that Services have.
    pub ledger: admission::Ledger,
    /// What the nodes remember.
    pub machines: Machines,
    /// What was written to clients already.
    pub written: Written,
    /// When the controller that runs wants to look again in the background.
    pub later: Option<Duration>,
    /// Changes up to this one were shown to the controllers.
    shown: u64,
    names: u64,
    /// How often names were drawn, by what they are for.
    drawn: std::collections::HashMap<String, u32>,
    /// resourceVersion of what was loaded: what comes after it gets other names than what came before.
    loaded: u64,
}

impl World {
    pub fn new(options: Options) -> Self {
        Self {
            store: Store::default(),
            kinds: Kinds::new(&tables::of(options.minor)),
            timeline: Timeline::new(options.start),
            faults: Faults::default(),
            inside: Default::default(),
            acting: None,
            ledger: admission::Ledger::default(),
            machines: Machines::default(),
            written: Written::default(),
            later: None,
            shown: 0,
            names: options.seed,
            drawn: std::collections::HashMap::new(),
            loaded: 0,
            options,
        }
    }

    /// A world with the same objects and kinds at the same time; what controllers and machines had in mind is not in it.
    pub fn fork(&self) -> Self {
        let options = Options {
            start: self.now(),
            ..self.options.clone()
        };
        Self {
            store: self.store.fork(),
            kinds: self.kinds.clone(),
            timeline: Timeline::new(options.start),
            faults: Faults::default(),
            inside: Default::default(),
            acting: None,
            ledger: admission::Ledger::default(),
            machines: Machines::default(),
            written: Written::default(),
            later: None,
            shown: self.store.version(),
            names: options.seed,
            drawn: std::collections::HashMap::new(),
            loaded: 0,
            options,
        }
    }

    pub fn now(&self) -> Time {
        self.timeline.now()
    }

    /// 64 bits that only depend on the seed and on how many were drawn before.
    pub fn draw(&mut self) -> u64 {
        // SplitMix64: public domain, by Sebastiano Vigna.
        self.names = self.names.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.names;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.store.get(resource, namespace, name)
    }

    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.store.list(resource, namespace)
    }

    /// The kind of a resource that controllers rely on.
    pub fn kind(&self, resource: &str) -> Result<Arc<Kind>, Refusal> {
        self.kinds.by_id(resource).ok_or_else(Refusal::no_route)
    }

    /// Creates an object: metadata, defaults, admission, validation. With `dry_run` nothing is kept.
    pub fn insert(
        &mut self,
        kind: &Kind,
        mut object: Value,
        writer: &Writer,
        dry_run: bool,
    ) -> Result<Arc<Value>, Refusal> {
        // Whatever version was asked for, the store's is what is admitted.
        let asked = kind;
        let stored_kind = self.kinds.stored(kind);
        let kind = stored_kind.as_deref().unwrap_or(kind);
        let name = self.prepare_metadata(kind, &mut object)?;
        let sent = managed::take(&mut object);
        admission::decode(self, kind, &mut object);
        managed::track(asked, None, &mut object, sent, writer, self.now());
        admission::mutate(self, kind, &mut object, None, writer, dry_run)?;
        self.check_escalation(kind, &object, None)?;
        admission::validate(self, kind, &object, None, &writer.subresource)?;
        if let Some(there) = self.get(&kind.id, meta::namespace(&object), &name) {
            return Err(Refusal::already_exists(&kind.id, &name, meta::is_terminating(&there)));
        }
        admission::reserve(self, kind, &mut object, None, dry_run)?;
        if dry_run {
            return Ok(Arc::new(object));
        }
        let stored = self.store.put(&kind.id, object);
        self.after_write(kind, &stored);
        Ok(stored)
    }

    fn prepare_metadata(&mut self, kind: &Kind, object: &mut Value) -> Result<String, Refusal> {
        if meta::name(object).is_empty() {
            let prefix = meta::text(object, "generateName").to_owned();
            if prefix.is_empty() {
                let causes = [crate::refusal::Cause::required(
                    "metadata.name",
                    "name or generateName is required",
                )];
                return Err(Refusal::invalid(&kind.qualified(), "", &causes));
            }
            // Names have 63 characters at most, five of them the suffix.
            let prefix: String = prefix.chars().take(58).collect();
            let namespace = meta::namespace(object).to_owned();
            let mut name = format!("{prefix}{}", self.new_suffix(&kind.id, &namespace, &prefix));
            for _ in 1..GENERATED {
                if self.get(&kind.id, meta::namespace(object), &name).is_none() {
                    break;
                }
                name = format!("{prefix}{}", self.new_suffix(&kind.id, &namespace, &prefix));
            }
            meta::set(object, "name", name.into());
        }
        let uid = self.new_uid(&kind.id, meta::namespace(object), meta::name(object));
        meta::set(object, "uid", uid.into());
        meta::set(object, "creationTimestamp", self.now().rfc3339().into());
        for field in [
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            meta::unset(object, field);
        }
        Ok(meta::name(object).to_owned())
    }

    /// Replaces an object by a changed version of it; nothing is written when nothing changed.
    pub fn replace(
        &mut self,
        kind: &Kind,
        old: &Arc<Value>,
        mut object: Value,
        writer: &Writer,
        dry_run: bool,
    ) -> Result<Arc<Value>, Refusal> {
        // Whatever version was asked for, the store's is what is admitted.
        let asked = kind;
        let stored_kind = self.kinds.stored(kind);
        let kind = stored_kind.as_deref().unwrap_or(kind);
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "resourceVersion",
        ] {
            match meta::get(old, field) {
                Some(value) => meta::set(&mut object, field, value.clone()),
                None => meta::unset(&mut object, field),
            }
        }
        let sent = managed::take(&mut object);
        admission::decode(self, kind, &mut object);
        managed::track(asked, Some(old), &mut object, sent, writer, self.now());
        admission::mutate(self, kind, &mut object, Some(old), writer, dry_run)?;
        self.check_escalation(kind, &object, Some(old))?;
        admission::validate(self, kind, &object, Some(old), &writer.subresource)?;
        admission::reserve(self, kind, &mut object, Some(old), dry_run)?;
        managed::keep_times(old, &mut object);
        if object == **old {
            return Ok(old.clone());
        }
        if dry_run {
            return Ok(Arc::new(object));
        }
        if deletion::is_done(&object) {
            // Clients are answered with what they wrote.
            self.take_away(kind, &object);
            return Ok(Arc::new(object));
        }
        let stored = self.store.put(&kind.id, object);
        self.after_write(kind, &stored);
        Ok(stored)
    }

    /// For controllers: creates an object with all that the server adds.
    pub fn create(&mut self, resource: &str, object: Value) -> Result<Arc<Value>, Refusal> {
        let kind = self.kind(resource)?;
        self.insert(&kind, object, &Writer::new(CONTROLLERS, ""), false)
    }

    /// For controllers: changes an object (spec, status and metadata alike); None when it is not there.
    pub fn modify(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Option<Arc<Value>>, Refusal> {
        let Some(old) = self.get(resource, namespace, name) else {
            return Ok(None);
        };
        let kind = self.kind(resource)?;
        let mut object = (*old).clone();
        change(&mut object);
        if object == *old {
            return Ok(Some(old));
        }
        let status_only = meta::same_but(&old, &object, "status");
        let writer = Writer::new(CONTROLLERS, if status_only { "status" } else { "" });
        self.replace(&kind, &old, object, &writer, false).map(Some)
    }

    /// As [`World::modify`], by somebody else or through a subresource.
    pub fn modify_as(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
        writer: &Writer,
        change: impl FnOnce(&mut Value),
    ) -> Result<Option<Arc<Value>>, Refusal> {
        let Some(old) = self.get(resource, namespace, name) else {
            return Ok(None);
        };
        let kind = self.kind(resource)?;
        let mut object = (*old).clone();
        change(&mut object);
        if object == *old {
            return Ok(Some(old));
        }
        self.replace(&kind, &old, object, writer, false).map(Some)
    }

    /// For the controller that runs: look at the same thing again after this time, but without time leaping for it.
    pub fn look_later(&mut self, after: Duration) {
        self.later = Some(self.later.map_or(after, |earlier| earlier.min(after)));
    }

    /// The objects at these places that are still there.
    pub fn at<'a>(&self, resource: &str, places: impl Iterator<Item = &'a Place>) -> Vec<Arc<Value>> {
        self.store.at(resource, places)
    }

    fn after_write(&mut self, kind: &Kind, stored: &Arc<Value>) {
        if &*kind.id == "customresourcedefinitions.apiextensions.k8s.io" {
            self.kinds.add_crd(stored);
        }
    }

    /// Nobody gives away rights that they do not have; controllers may.
    fn check_escalation(&self, kind: &Kind, object: &Value, old: Option<&Arc<Value>>) -> Result<(), Refusal> {
        match &self.acting {
            Some(identity) => rbac::check_escalation(self, identity, kind, object, old.map(|old| &**old)),
            None => Ok(()),
        }
    }

    /// Lets everything happen that is due until now.
    pub fn settle(&mut self) {
        let now = self.now();
        self.run_until(now);
    }

    /// Lets everything happen that is due until `limit`, and moves time there.
    pub fn run_until(&mut self, limit: Time) {
        loop {
            self.show_changes();
            let Some(task) = self.timeline.next(limit) else { break };
            controllers::run(self, &task);
        }
        self.timeline.pass_to(limit);
    }

    /// Moves time on and lets everything happen on the way.
    pub fn pass(&mut self, time: Duration) {
        let limit = self.now().after(time);
        self.run_until(limit);
    }

    /// Moves time to when the next thing happens; false when nothing is going to happen.
    pub fn leap(&mut self) -> bool {
        self.settle();
        let Some(next) = self.timeline.next_due() else {
            return false;
        };
        self.run_until(next);
        true
    }

    fn show_changes(&mut self) {
        let changes: Vec<_> = self.store.since(self.shown).cloned().collect();
        for change in changes {
            self.shown = change.version;
            controllers::notice(self, &change);
        }
    }

    /// Adds an object as it was elsewhere: uid, resourceVersion, times and status stay; controllers see it at the next step.
    pub fn load(&mut self, kind: &Kind, object: Value) {
        let object = convert::to_stored(kind, object);
        let stored = self.store.load(&kind.id, object);
        if &*kind.id == "services" {
            self.ledger = admission::Ledger::default();
        }
        self.after_write(kind, &stored);
    }

    /// Controllers take up what was loaded.
    pub fn begin(&mut self) {
        self.loaded = self.store.version();
        controllers::begin(self);
    }
}
