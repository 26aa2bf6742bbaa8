//! Schemas of kinds, in the API server's own form: OpenAPI v3 with Kubernetes' extensions.
//!
//! A view over JSON rather than a type of its own, so that built-in kinds and CRDs are the same thing.

use std::sync::Arc;

use serde_json::{Map, Value};

/// How a list is merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListType {
    /// Replaced as a whole.
    Atomic,
    /// Scalars, each at most once.
    Set,
    /// Mappings, told apart by these keys.
    Map(Vec<String>),
}

/// All named schemas of a server: `io.k8s.api.apps.v1.Deployment` → schema.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    pub named: Map<String, Value>,
}

/// One schema, references followed.
#[derive(Clone)]
pub(crate) struct Schema {
    all: Arc<Schemas>,
    node: Node,
}

#[derive(Clone)]
enum Node {
    /// Name in [`Schemas::named`], and the path from there.
    Named(String),
    Own(Arc<Value>),
}

const PREFIX: &str = "#/components/schemas/";

impl Schema {
    /// A schema by its name; None when there is none.
    pub fn named(all: &Arc<Schemas>, name: &str) -> Option<Self> {
        all.named.contains_key(name).then(|| Self {
            all: all.clone(),
            node: Node::Named(name.to_owned()),
        })
    }

    /// A schema that stands for itself, such as a CRD's `openAPIV3Schema`.
    pub fn own(all: &Arc<Schemas>, schema: Value) -> Self {
        Self {
            all: all.clone(),
            node: Node::Own(Arc::new(schema)),
        }
    }

    /// The schema's own JSON.
    pub fn json(&self) -> &Value {
        match &self.node {
            Node::Named(name) => self.all.named.get(name).unwrap_or(&Value::Null),
            Node::Own(value) => value,
        }
    }

    fn child(&self, of: &Value) -> Self {
        let reference = reference(of);
        if let Some(name) = reference
            && self.all.named.contains_key(name)
        {
            // Extensions beside a reference (`default`, `x-kubernetes-…`) belong to this place, not to the type.
            let beside = of
                .as_object()
                .is_some_and(|map| map.keys().any(|key| key.starts_with("x-kubernetes")));
            if !beside {
                return Self {
                    all: self.all.clone(),
                    node: Node::Named(name.to_owned()),
                };
            }
            let mut joined = self.all.named.get(name).cloned().unwrap_or_default();
            if let (Some(joined), Some(of)) = (joined.as_object_mut(), of.as_object()) {
                for (key, value) in of.iter().filter(|(key, _)| key.starts_with("x-kubernetes")) {
                    joined.insert(key.clone(), value.clone());
                }
            }
            return Self::own(&self.all, joined);
        }
        Self::own(&self.all, of.clone())
    }

    /// Schema of a field; None when the schema does not name it.
    pub fn property(&self, field: &str) -> Option<Self> {
        let property = self.json().get("properties")?.get(field)?;
        Some(self.child(property))
    }

    /// Schema of the values of a free mapping.
    pub fn additional(&self) -> Option<Self> {
        let additional = self.json().get("additionalProperties").filter(|v| v.is_object())?;
        Some(self.child(additional))
    }

    /// Schema of a list's items.
    pub fn items(&self) -> Option<Self> {
        Some(self.child(self.json().get("items")?))
    }

    /// Schema of a field, whether named or of a free mapping.
    pub fn field(&self, field: &str) -> Option<Self> {
        self.property(field).or_else(|| self.additional())
    }

    /// Names of the fields that the schema knows.
    pub fn properties(&self) -> Vec<String> {
        let map = self.json().get("properties").and_then(Value::as_object);
        map.map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    pub fn type_name(&self) -> &str {
        self.text("type")
    }

    pub fn text(&self, key: &str) -> &str {
        self.json().get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.json().get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Fields that it does not know are kept.
    pub fn preserves_unknown(&self) -> bool {
        self.flag("x-kubernetes-preserve-unknown-fields")
            || (self.json().get("properties").is_none()
                && self.json().get("additionalProperties").is_none()
                && matches!(self.type_name(), "object" | ""))
    }

    /// How server-side apply merges this list.
    pub fn list_type(&self) -> ListType {
        match self.text("x-kubernetes-list-type") {
            "set" => ListType::Set,
            "map" => ListType::Map(self.list_keys()),
            _ => ListType::Atomic,
        }
    }

    fn list_keys(&self) -> Vec<String> {
        let keys = self.json().get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        keys.map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// Server-side apply replaces this mapping as a whole.
    pub fn is_atomic_map(&self) -> bool {
        self.text("x-kubernetes-map-type") == "atomic"
    }

    /// Key by which a strategic merge patch joins this list; None replaces it.
    pub fn merge_key(&self) -> Option<&str> {
        self.json().get("x-kubernetes-patch-merge-key")?.as_str()
    }

    /// True for each of `merge`, `replace`, `retainKeys` that the strategic merge patch of this field has.
    pub fn has_patch_strategy(&self, strategy: &str) -> bool {
        self.text("x-kubernetes-patch-strategy")
            .split(',')
            .any(|s| s == strategy)
    }
}

fn reference(of: &Value) -> Option<&str> {
    let direct = of.get("$ref").and_then(Value::as_str);
    let only = || {
        let all = of.get("allOf")?.as_array()?;
        match all.as_slice() {
            [one] => one.get("$ref")?.as_str(),
            _ => None,
        }
    };
    direct.or_else(only)?.strip_prefix(PREFIX)
}
