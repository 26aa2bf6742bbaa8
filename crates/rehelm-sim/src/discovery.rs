//! `/api`, `/apis`, `/version`: what is served, in the old form and the aggregated one.

mod aggregated;
mod legacy;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::kinds::{Kind, api_version};
use crate::route::Answer;
use crate::world::World;

/// `/version`.
pub(crate) fn version(world: &World) -> Value {
    let minor = world.options.minor;
    let git = world
        .options
        .git_version
        .clone()
        .unwrap_or_else(|| format!("v1.{minor}.0"));
    let mut version = json!({"major": "1", "minor": minor.to_string()});
    if minor >= 33 {
        version["emulationMajor"] = "1".into();
        version["emulationMinor"] = minor.to_string().into();
        version["minCompatibilityMajor"] = "1".into();
        version["minCompatibilityMinor"] = (minor - 1).to_string().into();
    }
    for (key, value) in [
        ("gitVersion", git.as_str()),
        ("gitCommit", ""),
        ("gitTreeState", "clean"),
        ("buildDate", "1970-01-01T00:00:00Z"),
        ("goVersion", ""),
        ("compiler", "gc"),
        ("platform", "linux/amd64"),
    ] {
        version[key] = value.into();
    }
    version
}

/// A group and what it has.
struct Group<'a> {
    name: &'a str,
    /// Preferred one first.
    versions: Vec<Version<'a>>,
}

struct Version<'a> {
    name: &'a str,
    kinds: Vec<&'a Arc<Kind>>,
}

impl Group<'_> {
    fn api_version(&self, version: &Version<'_>) -> String {
        api_version(self.name, version.name)
    }
}

/// All groups in the order of the API server: built-in ones first, then those of CRDs by name.
fn groups(world: &World) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for kind in world.kinds.all() {
        let facts = &kind.facts;
        let at = groups.iter().position(|group| group.name == facts.group);
        let at = at.unwrap_or_else(|| {
            groups.push(Group {
                name: &facts.group,
                versions: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        let known = group.versions.iter_mut().find(|version| version.name == facts.version);
        match known {
            Some(version) => version.kinds.push(kind),
            None => group.versions.push(Version {
                name: &facts.version,
                kinds: vec![kind],
            }),
        }
    }
    for group in &mut groups {
        // The one group whose betas the server ranks against the rule.
        if group.name != "autoscaling" {
            group.versions.sort_by(|a, b| crate::kinds::by_priority(a.name, b.name));
        }
    }
    groups
}

/// The answer of a discovery path; None when it is none. `accept` is the header of that name.
pub(crate) fn answer(world: &World, path: &str, accept: &str) -> Option<Answer> {
    let path = path.trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let groups = groups(world);
    let form = aggregated::negotiate(accept, world.options.minor);
    let core = |group: &&Group<'_>| group.name.is_empty();
    if let (Some(form), "api" | "apis") = (form, path) {
        let wanted = groups.iter().filter(|group| core(group) == (path == "api"));
        let list = aggregated::list(wanted, form);
        let bytes = serde_json::to_vec(&list).unwrap_or_default();
        return Some(Answer::Raw(form.media(), Bytes::from(bytes)));
    }
    let found = match parts.as_slice() {
        ["api"] => Some(legacy::core_versions()),
        ["apis"] => Some(legacy::group_list(groups.iter().filter(|group| !core(group)))),
        ["apis", name] => groups.iter().find(|group| group.name == *name).map(legacy::group),
        ["api", version] => resources(&groups, "", version),
        ["apis", name, version] => resources(&groups, name, version),
        _ => None,
    };
    found.map(|value| Answer::Object(200, value))
}

fn resources(groups: &[Group<'_>], name: &str, version: &str) -> Option<Value> {
    let group = groups.iter().find(|group| group.name == name)?;
    let version = group.versions.iter().find(|known| known.name == version)?;
    Some(legacy::resources(group, version))
}

#[cfg(test)]
mod tests;
