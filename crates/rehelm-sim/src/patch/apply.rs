//! Server-side apply: an object that holds only what its manager wants is laid over the stored one.
//!
//! What the manager applied last time, does not apply now and nobody else owns, goes. What another manager owns and
//! would change is a conflict, unless the write is forced.

use serde_json::{Map, Value, json};

use super::compare::{compare, fields_of, strip};
use super::fieldset::{FieldSet, path_text};
use super::managers::{self, Manager};
use super::restructure::{drop_nulls, laid_over, without};
use super::typed::{Root, Type};
use super::{managed, reset, validate};
use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Refusal;
use crate::timeline::Time;
use crate::world::Writer;

mod last_applied;

/// Owner of what was there before anybody applied anything.
const BEFORE: &str = "before-first-apply";

/// The manager that shares `last-applied-configuration` with client-side apply.
const KUBECTL: &str = "kubectl";

/// One request to apply.
pub(crate) struct Application<'a> {
    pub kind: &'a Kind,
    /// What is applied.
    pub config: &'a Value,
    pub manager: &'a str,
    /// `status`; empty for the object itself.
    pub subresource: &'a str,
    pub force: bool,
    pub now: Time,
}

/// A field that somebody else owns.
struct Conflict {
    manager: Manager,
    paths: FieldSet,
}

impl Application<'_> {
    /// What is to be stored; `live` is what is stored now.
    ///
    /// # Errors
    /// A body that is no such object, and conflicts.
    pub fn run(&self, live: Option<&Value>) -> Result<Value, Refusal> {
        self.check()?;
        let root = Root::of(self.kind);
        let empty = json!({"apiVersion": self.kind.api_version(), "kind": self.kind.facts.kind});
        let held = live.and_then(|live| meta::get(live, "managedFields"));
        let mut before = managers::read(held).ok_or_else(|| Refusal::unexplained("failed to decode managed fields"))?;
        if let Some(live) = live.filter(|_| before.is_empty()) {
            let writer = Writer::new(BEFORE, self.subresource);
            let found = compare(&root, &empty, live).without(&reset::fields(self.kind, self.subresource));
            before = managed::updated(self.kind, found, Vec::new(), &writer, self.now);
        }
        let live = live.unwrap_or(&empty);
        let (mut object, managers) = match self.laid(&root, live, before.clone(), self.force) {
            Ok(done) => done,
            Err(conflicts) => {
                let left = self.not_allowed(&root, live, conflicts);
                if !left.is_empty() {
                    return Err(refused(&left));
                }
                self.laid(&root, live, before, true)
                    .map_err(|conflicts| refused(&conflicts))?
            }
        };
        meta::unset(&mut object, "managedFields");
        if root.zeros {
            crate::decode::empty_texts(&root.of, &mut object);
            drop_nulls(&mut object);
        }
        if self.manager == KUBECTL {
            last_applied::renew(&mut object, self.config);
        }
        if let Some(entries) = managers::write(managers) {
            meta::set(&mut object, "managedFields", entries);
        }
        Ok(object)
    }

    fn check(&self) -> Result<(), Refusal> {
        let text = |key: &str| self.config.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        if api_version != self.kind.api_version() || kind != self.kind.facts.kind {
            return Err(Refusal::bad_request(format!(
                "invalid object type: {group}/{version}, Kind={kind}"
            )));
        }
        if meta::get(self.config, "managedFields").is_some() {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        match validate::faults(&Root::of(self.kind).of, self.config) {
            None => Ok(()),
            Some(faults) => Err(Refusal::unexplained(format!(
                "failed to create typed patch object ({}/{}; {}/{version}, Kind={kind}): {faults}",
                meta::namespace(self.config),
                meta::name(self.config),
                group,
            ))),
        }
    }

    /// The object with the configuration laid over it, and who owns what then; or all conflicts.
    fn laid(
        &self,
        root: &Root,
        live: &Value,
        mut managers: Vec<Manager>,
        force: bool,
    ) -> Result<(Value, Vec<Manager>), Vec<Conflict>> {
        let reset = reset::fields(self.kind, self.subresource);
        let merged = laid_over(&root.of, Some(live), Some(self.config)).unwrap_or_default();
        let mut set = fields_of(&root.of, self.config);
        set.recursive_difference(&reset);
        let mut own = Manager {
            name: self.manager.to_owned(),
            applied: true,
            api_version: self.kind.api_version(),
            subresource: self.subresource.to_owned(),
            time: None,
            set,
        };
        let last = managers
            .iter()
            .position(|manager| manager.is(&own))
            .map(|at| managers.remove(at));
        let new = match &last {
            Some(last) if !last.set.is_empty() => {
                let mut owned = own.set.clone();
                managers.iter().for_each(|manager| owned.union(manager.set.clone()));
                pruned(&root.of, &merged, &last.set, &owned)
            }
            _ => merged,
        };
        let found = compare(root, live, &new).without(&reset);
        let changed = found.set();
        let mut conflicts = Vec::new();
        for manager in &mut managers {
            let paths = manager.set.intersection(&changed);
            if !paths.is_empty() {
                conflicts.push(Conflict {
                    manager: manager.clone(),
                    paths,
                });
            }
        }
        if !force && !conflicts.is_empty() {
            conflicts.sort_by_key(|conflict| conflict.manager.identity());
            return Err(conflicts);
        }
        managers.retain_mut(|manager| {
            manager.set.difference(&changed);
            manager.set.difference(&found.removed);
            !manager.set.is_empty()
        });
        let same = new == *live;
        // Who changes nothing keeps the time of the entry, and has none when the entry is new.
        own.time = if same {
            last.and_then(|last| last.time)
        } else {
            Some(self.now.rfc3339())
        };
        strip(&mut own.set);
        if !own.set.is_empty() {
            managers.push(own);
        }
        Ok((new, managers))
    }

    /// Conflicts that are none for kubectl: fields that client-side apply put there and that are still so.
    fn not_allowed(&self, root: &Root, live: &Value, mut conflicts: Vec<Conflict>) -> Vec<Conflict> {
        if self.manager != KUBECTL {
            return conflicts;
        }
        if let Some(allowed) = last_applied::still_so(self.kind, root, live) {
            conflicts.retain_mut(|conflict| {
                conflict.paths.difference(&allowed);
                !conflict.paths.is_empty()
            });
        }
        conflicts
    }
}

/// Takes out what was applied last time, but for what is owned now or was not applied at all.
fn pruned(of: &Type, merged: &Value, last: &FieldSet, owned: &FieldSet) -> Value {
    // Structs on the way are members, so that those go that are emptied.
    let whole = |set: &FieldSet| {
        set.with_members(&mut Vec::new(), &|path| {
            let Some((super::fieldset::Element::Field(name), above)) = path.split_last() else {
                return false;
            };
            above
                .iter()
                .fold(of.clone(), |of, element| of.below(element))
                .names(name)
        })
    };
    let all = whole(&fields_of(of, merged));
    let last = whole(last);
    let first = without(of, merged, &last);
    let mut kept = whole(&fields_of(of, &first));
    kept.union(whole(owned));
    let mut gone = all.clone();
    gone.difference(&kept);
    let second = without(of, merged, &gone);
    let mut gone = all;
    gone.difference(&whole(&fields_of(of, &second)));
    without(of, merged, &gone.intersection(&last))
}

fn refused(conflicts: &[Conflict]) -> Refusal {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for conflict in conflicts {
        let who = conflict.manager.text();
        lines.push(format!("conflicts with {who}:"));
        for path in conflict.paths.paths() {
            let path = path_text(&path);
            lines.push(format!("- {path}"));
            let mut cause = Map::new();
            cause.insert("reason".to_owned(), "FieldManagerConflict".into());
            cause.insert("message".to_owned(), format!("conflict with {who}").into());
            cause.insert("field".to_owned(), path.into());
            causes.push(Value::Object(cause));
        }
    }
    let message = match causes.as_slice() {
        [one] => format!(
            "Apply failed with 1 conflict: {}: {}",
            one["message"].as_str().unwrap_or_default(),
            one["field"].as_str().unwrap_or_default()
        ),
        _ => format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n")),
    };
    Refusal::apply_conflict(message, causes)
}
