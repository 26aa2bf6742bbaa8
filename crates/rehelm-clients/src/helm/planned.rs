//! Objects that are planned but not there yet, as answers of an API server: one by URL, or merged into a list.

use std::collections::BTreeMap;

use rehelm_core::object::Object;
use rehelm_core::ports::{Cluster, PortError, PortResult};
use serde_json::{Value, json};

use crate::kube::version_path;

/// URL of a collection (`/api/v1/namespaces/x/secrets`) → name → object.
#[derive(Default)]
pub(crate) struct Planned(BTreeMap<String, BTreeMap<String, Value>>);

impl Planned {
    /// Places objects under their URLs. Kinds that the server does not know are left out: nothing can look them up.
    pub async fn place(cluster: &dyn Cluster, objects: &[Object]) -> PortResult<Self> {
        let mut planned = Self::default();
        for object in objects {
            let kind = match cluster.kind(object.api_version(), object.kind()).await {
                Err(PortError::NotFound(_)) => continue,
                kind => kind?,
            };
            let root = version_path(object.api_version());
            let collection = match object.namespace().filter(|_| kind.namespaced) {
                Some(namespace) => format!("{root}/namespaces/{namespace}/{}", kind.plural),
                None => format!("{root}/{}", kind.plural),
            };
            let objects = planned.0.entry(collection).or_default();
            objects.insert(object.name().to_owned(), stored(object));
        }
        Ok(planned)
    }

    /// The object at a URL path.
    pub fn object(&self, path: &str) -> Option<&Value> {
        let (collection, name) = path.rsplit_once('/')?;
        self.0.get(collection)?.get(name)
    }

    /// The planned objects of a collection; those of all namespaces for a collection across namespaces.
    pub fn collection(&self, path: &str) -> Vec<&Value> {
        let Some((root, plural)) = path.rsplit_once('/') else {
            return Vec::new();
        };
        let inside = format!("{root}/namespaces/");
        let matching = self.0.iter().filter(|(collection, _)| {
            let namespaced = collection.strip_prefix(&inside).and_then(|rest| rest.split_once('/'));
            *collection == path || namespaced.is_some_and(|(_, rest)| rest == plural)
        });
        matching.flat_map(|(_, objects)| objects.values()).collect()
    }
}

/// As the server would give it back: the texts of `stringData` are in `data`.
fn stored(object: &Object) -> Value {
    let mut value = object.0.clone();
    if object.kind() == "Secret"
        && let Some(Value::Object(texts)) = value.as_object_mut().and_then(|secret| secret.remove("stringData"))
    {
        if !value["data"].is_object() {
            value["data"] = json!({});
        }
        for (key, text) in texts {
            value["data"][key] = json!(super::base64(text.as_str().unwrap_or_default().as_bytes()));
        }
    }
    value
}

/// Puts planned objects into a list answer, in place of live ones of the same name.
pub(crate) fn merge(list: &mut Value, planned: &[&Value]) {
    let id = |object: &Value| {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        (text("namespace"), text("name"))
    };
    if !list["items"].is_array() {
        list["items"] = json!([]);
    }
    if let Some(items) = list["items"].as_array_mut() {
        items.retain(|item| !planned.iter().any(|object| id(object) == id(item)));
        items.extend(planned.iter().map(|object| (*object).clone()));
        items.sort_by_key(id);
    }
}
