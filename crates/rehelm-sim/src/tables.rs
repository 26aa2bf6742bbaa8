//! What is known of the kinds that an API server has: facts taken from a real one, no descriptions.

mod minors;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::schema::{Schemas, Written};

/// One resource as discovery names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceFacts {
    /// Empty for the core group.
    pub group: String,
    pub version: String,
    pub plural: String,
    pub singular: String,
    pub kind: String,
    /// Kind of its lists; empty for `KIND` + `List`.
    #[serde(default)]
    pub list_kind: String,
    pub namespaced: bool,
    pub verbs: Vec<String>,
    #[serde(default)]
    pub short_names: Vec<String>,
    #[serde(default)]
    pub categories: Vec<String>,
    #[serde(default)]
    pub subresources: Vec<SubresourceFacts>,
    /// Name of its schema.
    #[serde(default)]
    pub schema: String,
}

/// `deployments/scale` and the like; the group and version are those of the body that it takes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubresourceFacts {
    pub name: String,
    pub group: String,
    pub version: String,
    pub kind: String,
    pub verbs: Vec<String>,
}

/// One resource in one version.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub facts: ResourceFacts,
    /// False for a version that the store keeps and that this server does not serve (yet, or any more).
    pub served: bool,
    /// `plural.group` under which the store keeps it: the same for a resource that two groups serve.
    pub id: String,
    /// `group/version` in which the store keeps it.
    pub stored_as: String,
}

/// One server's facts.
#[derive(Debug)]
pub(crate) struct Tables {
    pub resources: Vec<Resource>,
    pub schemas: Arc<Schemas>,
}

#[derive(Deserialize)]
struct File {
    resources: Vec<ResourceFacts>,
    schemas: Map<String, Value>,
}

/// `tables/shapes.json`: type → how it is written.
#[derive(Deserialize)]
struct Shape {
    always: Map<String, Value>,
    keep: Vec<String>,
}

/// How types are written, and what the server adds: the tables beside the schemas.
fn written() -> HashMap<String, Written> {
    let shapes: HashMap<String, Shape> =
        serde_json::from_str(include_str!("../tables/shapes.json")).expect("the shapes are well formed");
    let defaults: HashMap<String, Map<String, Value>> =
        serde_json::from_str(include_str!("../tables/defaults.json")).expect("the defaults are well formed");
    let mut written: HashMap<String, Written> = HashMap::new();
    for (name, shape) in shapes {
        let entry = written.entry(name).or_default();
        entry.keep = shape.keep;
        entry.always = shape.always.into_iter().collect();
    }
    for (name, added) in defaults {
        written.entry(name).or_default().added = added.into_iter().collect();
    }
    written
}

/// Changes whenever the tables do.
pub(crate) fn fingerprint() -> &'static [u8] {
    static PRINT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let hash = Sha256::digest(include_str!("../tables/v1.35.json"));
        hash.iter().copied().collect()
    });
    &PRINT
}

static FILE: LazyLock<File> =
    LazyLock::new(|| serde_json::from_str(include_str!("../tables/v1.35.json")).expect("the tables are well formed"));

static NEWEST: LazyLock<Arc<Tables>> = LazyLock::new(|| {
    let schemas = Schemas::new(FILE.schemas.clone(), written());
    Arc::new(Tables {
        resources: minors::resources(&FILE.resources, minors::NEWEST),
        schemas: Arc::new(schemas),
    })
});

/// The tables of the newest server that is known.
pub(crate) fn newest() -> Arc<Tables> {
    NEWEST.clone()
}

/// The tables of Kubernetes 1.`minor`: the newest ones without what came later, with what has gone since.
pub(crate) fn of(minor: u32) -> Arc<Tables> {
    static OLDER: LazyLock<Mutex<HashMap<u32, Arc<Tables>>>> = LazyLock::new(Mutex::default);
    if minor >= minors::NEWEST {
        return newest();
    }
    let mut known = OLDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let made = known.entry(minor).or_insert_with(|| {
        let schemas = minors::schemas(&FILE.schemas, minor);
        Arc::new(Tables {
            resources: minors::resources(&FILE.resources, minor),
            schemas: Arc::new(Schemas::new(schemas, written())),
        })
    });
    made.clone()
}
