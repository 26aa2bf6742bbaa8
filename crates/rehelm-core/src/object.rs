//! A Kubernetes object as data, and the names by which objects are found.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names one object in one cluster: API version, kind, namespace (none for cluster-scoped ones), name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjRef {
    /// `v1`, `apps/v1`, …
    pub api_version: String,
    /// `Deployment`, …
    pub kind: String,
    /// None for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `metadata.name`
    pub name: String,
}

/// The API group of an `apiVersion`: empty for the core group.
pub(crate) fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

impl ObjRef {
    /// A reference from its parts.
    pub fn new(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// The API group: empty for the core group.
    pub fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// The same object whatever the version of its API: group, kind, namespace, name.
    pub fn key(&self) -> ObjKey {
        ObjKey {
            group: self.group().to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// The same name in another namespace; cluster-scoped references stay as they are.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: self.namespace.as_ref().map(|_| namespace.to_owned()),
            ..self.clone()
        }
    }
}

impl fmt::Display for ObjRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(ns) => write!(f, "{}/{}/{}", self.kind, ns, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

/// Identity of an object across API versions of its group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ObjKey {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`, …
    pub kind: String,
    /// None for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`
    pub name: String,
}

/// What a JSON pointer points at. The library copies every name of it to look for escapes; most pointers have none.
fn field<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.bytes().any(|byte| byte == b'~' || byte.is_ascii_digit()) {
        return value.pointer(pointer);
    }
    pointer
        .split('/')
        .skip(1)
        .try_fold(value, |value, name| value.get(name))
}

/// A Kubernetes object: any JSON mapping with `apiVersion`, `kind` and `metadata.name`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(pub Value);

/// What kind and which, no more: an object may be a secret, or quote one, and a panic's text goes anywhere.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.reference())
    }
}

impl Object {
    /// Takes a mapping that has `apiVersion`, `kind` and `metadata.name`; says what is missing otherwise.
    pub fn from_value(value: Value) -> Result<Self, String> {
        let object = Self(value);
        for (pointer, name) in [
            ("/apiVersion", "apiVersion"),
            ("/kind", "kind"),
            ("/metadata/name", "metadata.name"),
        ] {
            match field(&object.0, pointer) {
                Some(Value::String(s)) if !s.is_empty() => {}
                Some(_) => return Err(format!("{name} is not a text")),
                None => return Err(format!("{name} is missing")),
            }
        }
        Ok(object)
    }

    fn text(&self, pointer: &str) -> &str {
        field(&self.0, pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `apiVersion`
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// `kind`
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// `metadata.name`
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `metadata.namespace`, if set.
    pub fn namespace(&self) -> Option<&str> {
        field(&self.0, "/metadata/namespace")
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
    }

    /// `metadata.uid`; empty for an object that was never on a server.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// `metadata.resourceVersion`; empty for an object that was never on a server.
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion")
    }

    /// Names this object.
    pub fn reference(&self) -> ObjRef {
        ObjRef::new(self.api_version(), self.kind(), self.namespace(), self.name())
    }

    /// True when this is the object that is named, in whatever version of its API.
    pub fn is(&self, named: &ObjRef) -> bool {
        self.name() == named.name
            && self.namespace() == named.namespace.as_deref()
            && self.kind() == named.kind
            && group(self.api_version()) == named.group()
    }

    /// One annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// One label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// True while the server waits for finalizers or grace periods.
    pub fn is_terminating(&self) -> bool {
        field(&self.0, "/metadata/deletionTimestamp").is_some()
    }

    /// A field by JSON pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        field(&self.0, pointer)
    }

    /// A text field by JSON pointer; None when absent or not a text.
    pub fn str(&self, pointer: &str) -> Option<&str> {
        field(&self.0, pointer).and_then(Value::as_str)
    }

    /// `metadata` as a mapping, made when absent.
    ///
    /// # Panics
    /// Never for an object made by [`Object::from_value`], whose metadata is a mapping.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let root = self.0.as_object_mut().expect("an object is a mapping");
        let metadata = root.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        metadata.as_object_mut().expect("metadata is a mapping")
    }

    /// Sets one annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        set_in(self.metadata_mut(), "annotations", key, value);
    }

    /// Sets one label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        set_in(self.metadata_mut(), "labels", key, value);
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata_mut()
            .insert("namespace".into(), Value::String(namespace.to_owned()));
    }
}

fn set_in(metadata: &mut Map<String, Value>, field: &str, key: &str, value: &str) {
    let entry = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    if let Value::Object(map) = entry {
        map.insert(key.to_owned(), Value::String(value.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            Object::from_value(json!({"kind": "X"})).unwrap_err(),
            "apiVersion is missing"
        );
        assert_eq!(
            Object::from_value(json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": 3}})).unwrap_err(),
            "metadata.name is not a text"
        );
    }

    #[test]
    fn identity_ignores_the_api_version() {
        let old = ObjRef::new("extensions/v1beta1", "Ingress", Some("a"), "x");
        let new = ObjRef::new("extensions/v1", "Ingress", Some("a"), "x");
        assert_eq!(old.key(), new.key());
        assert_eq!(new.to_string(), "Ingress/a/x");
        let named = |api: &str, kind: &str, namespace: Option<&str>, name: &str| {
            Object(json!({"apiVersion": api, "kind": kind, "metadata": {"namespace": namespace, "name": name}}))
        };
        for object in [
            named("extensions/v1", "Ingress", Some("a"), "x"),
            named("networking.k8s.io/v1", "Ingress", Some("a"), "x"),
            named("v1", "Ingress", Some("a"), "x"),
            named("extensions/v1", "Ingress", Some("b"), "x"),
            named("extensions/v1", "Ingress", None, "x"),
            named("extensions/v1", "Service", Some("a"), "x"),
            named("extensions/v1", "Ingress", Some("a"), "y"),
        ] {
            assert_eq!(object.is(&old), object.reference().key() == old.key(), "{object:?}");
        }
    }

    #[test]
    fn null_annotations_are_replaced_by_a_mapping() {
        let mut o = Object(json!({"apiVersion": "v1", "kind": "S", "metadata": {"name": "x", "annotations": null}}));
        o.set_annotation("a", "b");
        assert_eq!(o.annotation("a"), Some("b"));
    }
}
