//! Resources from discovery, schemas from OpenAPI v3.

use serde_json::{Map, Value, json};

use super::server::Server;
use super::{lines, sorted};

/// What the server says of its kinds.
pub struct Facts {
    pub resources: Vec<Value>,
    pub schemas: Map<String, Value>,
}

/// Asks for all groups and versions in the server's own order.
pub fn read(server: &Server) -> Result<Facts, String> {
    let mut resources = Vec::new();
    let mut schemas: Vec<(String, Value)> = Vec::new();
    for (group, version) in group_versions(server)? {
        let path = match group.as_str() {
            "" => format!("api/{version}"),
            group => format!("apis/{group}/{version}"),
        };
        let listed = server.get(&format!("/{path}"))?;
        let document = server.get(&format!("/openapi/v3/{path}"))?;
        let named = document.pointer("/components/schemas").and_then(Value::as_object);
        for (name, schema) in named.into_iter().flatten() {
            if !schemas.iter().any(|(known, _)| known == name) {
                schemas.push((name.clone(), sorted(&bare(schema))));
            }
        }
        let listed = listed["resources"].as_array().cloned().unwrap_or_default();
        resources.extend(with_subresources(&listed, &group, &version));
    }
    schemas.sort_by(|a, b| a.0.cmp(&b.0));
    for resource in &mut resources {
        let name = schema_of(&schemas, resource);
        resource["schema"] = name.into();
    }
    Ok(Facts {
        resources,
        schemas: schemas.into_iter().collect(),
    })
}

fn group_versions(server: &Server) -> Result<Vec<(String, String)>, String> {
    let mut all = vec![(String::new(), "v1".to_owned())];
    let groups = server.get("/apis")?;
    for group in groups["groups"].as_array().into_iter().flatten() {
        for version in group["versions"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            all.push((text(&group["name"]), text(&version["version"])));
        }
    }
    Ok(all)
}

/// The schema without its words.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Array(list) => list.iter().map(bare).collect(),
        Value::Object(map) => {
            let words = |key: &str, value: &Value| key == "description" && value.is_string();
            let kept = map.iter().filter(|(key, value)| !words(key, value));
            Value::Object(kept.map(|(key, value)| (key.clone(), bare(value))).collect())
        }
        other => other.clone(),
    }
}

fn with_subresources(listed: &[Value], group: &str, version: &str) -> Vec<Value> {
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let own = |value: &Value, key: &str, other: &str| value[key].as_str().unwrap_or(other).to_owned();
    let list = |value: &Value| if value.is_array() { value.clone() } else { json!([]) };
    let whole = listed.iter().filter(|value| !name(value).contains('/'));
    whole
        .map(|value| {
            let plural = name(value);
            let prefix = format!("{plural}/");
            let subs = listed.iter().filter_map(|sub| {
                let name = name(sub).strip_prefix(&prefix)?.to_owned();
                Some(
                    json!({"name": name, "group": own(sub, "group", group), "version": own(sub, "version", version),
                    "kind": sub["kind"], "verbs": sub["verbs"]}),
                )
            });
            json!({"group": group, "version": version, "plural": plural, "singular": value["singularName"],
                "kind": value["kind"], "namespaced": value["namespaced"], "verbs": value["verbs"],
                "shortNames": list(&value["shortNames"]), "categories": list(&value["categories"]),
                "subresources": subs.collect::<Vec<_>>(), "schema": ""})
        })
        .collect()
}

fn schema_of(schemas: &[(String, Value)], resource: &Value) -> String {
    let own = json!({"group": resource["group"], "kind": resource["kind"], "version": resource["version"]});
    let names = schemas.iter().filter(|(_, schema)| {
        let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.len() == 1 && kinds[0] == own)
    });
    names.map(|(name, _)| name.clone()).next().unwrap_or_default()
}

impl Facts {
    /// The whole file: one resource a line, one schema a line.
    pub fn text(&self) -> String {
        let schemas = super::by_line(&self.schemas);
        format!(
            "{},\n\"schemas\": {}}}\n",
            lines("{\"resources\": [", &self.resources, "]").trim_end(),
            schemas.trim_end()
        )
    }

    /// Name of the schema of an object.
    pub fn kind(&self, object: &Value) -> Option<&Value> {
        let api_version = object["apiVersion"].as_str()?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.resources
            .iter()
            .find(|known| known["group"] == group && known["version"] == version && known["kind"] == object["kind"])
    }
}
