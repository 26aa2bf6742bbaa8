//! The kinds that a chart defines itself, in its `crds/` folder.
//!
//! Helm creates them before it renders an install, so a render before the install has to count them as served: in the
//! capabilities, in lookups, and (Helm 4) when it maps what it rendered to URLs.

use rehelm_core::object::Object;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::yaml;
use serde_json::{Value, json};

/// One served version of a chart's own kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub plural: String,
    pub namespaced: bool,
}

/// Reads what `helm show crds` prints: files one after the other, before Helm 4 without anything between them.
pub(crate) fn read(shown: &str, chart: &str) -> PortResult<Vec<Object>> {
    let (objects, _) = yaml::parse_objects(&separated(shown), "crds")
        .map_err(|e| PortError::Invalid(chart.to_owned(), format!("its CRDs are no YAML: {e}")))?;
    Ok(objects)
}

/// Begins a new document where a key at the margin comes a second time.
fn separated(shown: &str) -> String {
    let mut text = String::with_capacity(shown.len());
    let mut seen: Vec<&str> = Vec::new();
    for line in shown.lines() {
        let key = line.split_once(':').map(|(key, _)| key);
        let key = key.filter(|key| key.starts_with(|c: char| c.is_ascii_alphabetic()) && !key.contains(' '));
        if line.starts_with("---") {
            seen.clear();
        } else if let Some(key) = key {
            if seen.contains(&key) {
                text.push_str("---\n");
                seen.clear();
            }
            seen.push(key);
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The kinds that definitions make known.
pub(crate) fn of<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Vec<Definition> {
    let crds = objects.into_iter().filter(|o| o.kind() == "CustomResourceDefinition");
    crds.flat_map(|crd| {
        let text = |pointer: &str| crd.str(pointer).unwrap_or_default().to_owned();
        let versions = crd
            .get("/spec/versions")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let served = versions.into_iter().filter(|v| v["served"] == true);
        served
            .map(|v| Definition {
                group: text("/spec/group"),
                version: v["name"].as_str().unwrap_or_default().to_owned(),
                kind: text("/spec/names/kind"),
                plural: text("/spec/names/plural"),
                namespaced: text("/spec/scope") != "Cluster",
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

impl Definition {
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

/// Adds the kinds to a discovery answer; `live` is None where the server has none. None when the path is about
/// something else.
pub(crate) fn discovered(definitions: &[Definition], path: &str, live: Option<Value>) -> Option<Value> {
    let rest = path.strip_prefix("/apis")?.trim_matches('/');
    if rest.is_empty() {
        let mut answer = live?;
        for definition in definitions {
            add_group(&mut answer, definition);
        }
        return Some(answer);
    }
    let of_version: Vec<&Definition> = definitions.iter().filter(|d| d.api_version() == rest).collect();
    if !of_version.is_empty() {
        let mut answer = live.unwrap_or_else(
            || json!({"apiVersion": "v1", "kind": "APIResourceList", "groupVersion": rest, "resources": []}),
        );
        let resources = answer["resources"].as_array_mut()?;
        for definition in of_version {
            if !resources.iter().any(|r| r["name"] == json!(definition.plural)) {
                resources.push(resource(definition));
            }
        }
        return Some(answer);
    }
    let of_group: Vec<&Definition> = definitions.iter().filter(|d| d.group == rest).collect();
    let first = of_group.first()?;
    let mut answer = live.unwrap_or_else(|| group(first));
    for definition in of_group {
        add_version(&mut answer, definition);
    }
    Some(answer)
}

const VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

fn resource(d: &Definition) -> Value {
    json!({"name": d.plural, "singularName": "", "namespaced": d.namespaced, "kind": d.kind, "verbs": VERBS})
}

fn group(d: &Definition) -> Value {
    let version = json!({"groupVersion": d.api_version(), "version": d.version});
    json!({"apiVersion": "v1", "kind": "APIGroup", "name": d.group, "versions": [version], "preferredVersion": version})
}

fn add_version(group: &mut Value, d: &Definition) {
    if let Some(versions) = group["versions"].as_array_mut()
        && !versions.iter().any(|v| v["version"] == json!(d.version))
    {
        versions.push(json!({"groupVersion": d.api_version(), "version": d.version}));
    }
}

fn add_group(answer: &mut Value, d: &Definition) {
    if let Some(groups) = answer["groups"].as_array_mut() {
        match groups.iter_mut().find(|g| g["name"] == json!(d.group)) {
            Some(group) => add_version(group, d),
            None => groups.push(group(d)),
        }
    }
    let Some(items) = answer["items"].as_array_mut() else {
        return;
    };
    let at = items
        .iter()
        .position(|g| g["metadata"]["name"] == json!(d.group))
        .unwrap_or_else(|| {
            items.push(json!({"metadata": {"name": d.group}, "versions": []}));
            items.len() - 1
        });
    let Some(versions) = items[at]["versions"].as_array_mut() else {
        return;
    };
    let at = versions
        .iter()
        .position(|v| v["version"] == json!(d.version))
        .unwrap_or_else(|| {
            versions.push(json!({"version": d.version, "freshness": "Current", "resources": []}));
            versions.len() - 1
        });
    let Some(resources) = versions[at]["resources"].as_array_mut() else {
        return;
    };
    if !resources.iter().any(|r| r["resource"] == json!(d.plural)) {
        resources.push(json!({
            "resource": d.plural,
            "responseKind": {"group": d.group, "version": d.version, "kind": d.kind},
            "scope": if d.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": "",
            "verbs": VERBS,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: as.x.example}
spec:
  group: x.example
  names: {kind: A, plural: as}
  scope: Cluster
  versions: [{name: v1, served: true}, {name: v0, served: false}]
";

    #[test]
    fn files_that_helm_prints_without_separators_are_told_apart() {
        let shown = format!("{CRD}# another\n{}---\n{CRD}", CRD.replace("as.x", "bs.x"));
        let names: Vec<String> = read(&shown, "c").unwrap().iter().map(|o| o.name().to_owned()).collect();
        assert_eq!(names, ["as.x.example", "bs.x.example", "as.x.example"]);
    }

    #[test]
    fn kinds_of_the_chart_are_served() {
        let known = of(&read(CRD, "c").unwrap());
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].api_version(), "x.example/v1");
        let listed = discovered(&known, "/apis/x.example/v1", None).unwrap();
        assert_eq!(listed["resources"][0]["kind"], "A");
        let groups = discovered(&known, "/apis", Some(json!({"groups": []}))).unwrap();
        assert_eq!(groups["groups"][0]["versions"][0]["groupVersion"], "x.example/v1");
        let aggregated = discovered(&known, "/apis", Some(json!({"items": []}))).unwrap();
        assert_eq!(
            aggregated["items"][0]["versions"][0]["resources"][0]["scope"],
            "Cluster"
        );
        let again = discovered(&known, "/apis", Some(aggregated.clone())).unwrap();
        assert_eq!(again, aggregated);
        assert_eq!(
            discovered(&known, "/apis/x.example", None).unwrap()["preferredVersion"]["version"],
            "v1"
        );
        assert_eq!(discovered(&known, "/apis/y.example", None), None);
        assert_eq!(discovered(&known, "/api/v1", Some(json!({}))), None);
    }
}
