//! Which resources and fields Kubernetes 1.21 to 1.35 have: `tables/minors.json` against the newest tables.
//!
//! The file says which versions of resources have gone since (`older`, each with the newer one that it is like), which of
//! today's came after 1.21 (`since`, `subresources`), and which fields did (`fields`). Betas count where the server
//! serves them without being asked. Source: the deprecation guide, release notes and feature gates of Kubernetes.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Resource, ResourceFacts};
use crate::kinds::{api_version, id};

/// The minor of the newest tables.
pub(super) const NEWEST: u32 = 35;

#[derive(Deserialize)]
struct Minors {
    older: Vec<Older>,
    /// Group, version, plural, minor.
    since: Vec<(String, String, String, u32)>,
    /// Group, plural, subresource, minor.
    subresources: Vec<(String, String, String, u32)>,
    /// Type → field → minor.
    fields: HashMap<String, HashMap<String, u32>>,
}

/// A version that has gone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Older {
    from: u32,
    /// The last minor that has it.
    until: u32,
    group: String,
    version: String,
    plural: String,
    /// Group, version and plural of the resource that it is like.
    like: (String, String, String),
    /// What differs from that; the schema is empty where it is another one, which is not known.
    singular: Option<String>,
    kind: Option<String>,
    short_names: Option<Vec<String>>,
    schema: Option<String>,
    /// The store keeps it as it is: there is no newer version.
    #[serde(default)]
    stored: bool,
}

static MINORS: LazyLock<Minors> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tables/minors.json")).expect("the table is well formed"));

/// Resources that two groups serve: the store keeps them under one name.
fn stored_id(group: &str, plural: &str) -> String {
    match (group, plural) {
        ("events.k8s.io", "events") => id("", plural),
        ("extensions", "ingresses") => id("networking.k8s.io", plural),
        _ => id(group, plural),
    }
}

/// All resources of a minor; those that are not served are there as the store's version of one that is.
pub(super) fn resources(newest: &[ResourceFacts], minor: u32) -> Vec<Resource> {
    let mut stored_as: HashMap<String, String> = HashMap::new();
    let mut all = Vec::new();
    for facts in newest {
        let id = stored_id(&facts.group, &facts.plural);
        let own = api_version(&facts.group, &facts.version);
        let stored_as = stored_as.entry(id.clone()).or_insert(own).clone();
        all.push(Resource {
            served: is_served(facts, minor),
            facts: at_minor(facts, minor),
            id,
            stored_as,
        });
    }
    for older in MINORS
        .older
        .iter()
        .filter(|older| (older.from..=older.until).contains(&minor))
    {
        let (group, version, plural) = &older.like;
        let same =
            |facts: &&ResourceFacts| facts.group == *group && facts.version == *version && facts.plural == *plural;
        let Some(like) = newest.iter().find(same) else {
            continue;
        };
        let id = stored_id(&older.group, &older.plural);
        let own = api_version(&older.group, &older.version);
        let stored_as = if older.stored {
            own
        } else {
            stored_as.get(&id).cloned().unwrap_or(own)
        };
        all.push(Resource {
            facts: at_minor(&older.facts(like), minor),
            served: true,
            id,
            stored_as,
        });
    }
    let served: Vec<String> = all.iter().filter(|r| r.served).map(|r| r.id.clone()).collect();
    all.retain(|resource| served.contains(&resource.id));
    all
}

impl Older {
    fn facts(&self, like: &ResourceFacts) -> ResourceFacts {
        let mut facts = like.clone();
        for sub in &mut facts.subresources {
            if sub.group == facts.group && sub.version == facts.version {
                sub.group.clone_from(&self.group);
                sub.version.clone_from(&self.version);
            }
        }
        facts.group.clone_from(&self.group);
        facts.version.clone_from(&self.version);
        facts.plural.clone_from(&self.plural);
        facts.singular = self.singular.clone().unwrap_or(facts.singular);
        facts.kind = self.kind.clone().unwrap_or(facts.kind);
        facts.short_names = self.short_names.clone().unwrap_or(facts.short_names);
        facts.schema = self.schema.clone().unwrap_or(facts.schema);
        facts
    }
}

fn is_served(facts: &ResourceFacts, minor: u32) -> bool {
    let since = MINORS.since.iter().find(|(group, version, plural, _)| {
        *group == facts.group && *version == facts.version && *plural == facts.plural
    });
    since.is_none_or(|(_, _, _, since)| *since <= minor)
}

fn at_minor(facts: &ResourceFacts, minor: u32) -> ResourceFacts {
    let mut facts = facts.clone();
    let later = |name: &str| {
        let mut rows = MINORS.subresources.iter();
        rows.any(|(group, plural, sub, since)| {
            *group == facts.group && *plural == facts.plural && sub == name && *since > minor
        })
    };
    let kept = facts
        .subresources
        .iter()
        .filter(|sub| !later(&sub.name))
        .cloned()
        .collect();
    facts.subresources = kept;
    facts
}

/// The schemas without the fields that came later.
pub(super) fn schemas(newest: &Map<String, Value>, minor: u32) -> Map<String, Value> {
    let mut all = newest.clone();
    for (name, fields) in &MINORS.fields {
        let properties = all.get_mut(name).and_then(|schema| schema.get_mut("properties"));
        let Some(properties) = properties.and_then(Value::as_object_mut) else {
            continue;
        };
        properties.retain(|field, _| fields.get(field).is_none_or(|since| *since <= minor));
    }
    all
}
