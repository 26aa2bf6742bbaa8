//! Schemas of kinds: OpenAPI v3 with Kubernetes' extensions, made ready for quick steps from field to field.
//!
//! Built-in kinds and CRDs are the same thing. A [`Schema`] is a number in an arena: stepping into a field costs a look-up
//! and never copies. References are followed when the arena is made; what stands beside a reference (`default`,
//! `x-kubernetes-…`) belongs to the place, not to the type.

mod arena;

use std::sync::Arc;

use serde_json::Value;

use arena::{Link, Node};
pub(crate) use arena::{Schemas, Written};

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

/// One schema, references followed. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    all: Arc<Schemas>,
    at: usize,
}

impl Schema {
    /// A schema by its name; None when there is none.
    pub fn named(all: &Arc<Schemas>, name: &str) -> Option<Self> {
        let at = all.find(name)?;
        Some(Self { all: all.clone(), at })
    }

    /// A schema that stands for itself, such as a CRD's `openAPIV3Schema`; its references are to `base`.
    ///
    /// It is structural: an object without properties knows no fields, unless it says that it keeps them.
    pub fn own(base: &Arc<Schemas>, schema: &Value) -> Self {
        let (all, at) = Schemas::own(base, schema);
        Self { all: Arc::new(all), at }
    }

    fn node(&self) -> &Node {
        self.all.node(self.at)
    }

    fn step(&self, link: Link) -> Self {
        let all = match link {
            Link::Here(_) => &self.all,
            Link::Base(_) => self.all.base().unwrap_or(&self.all),
        };
        let (Link::Here(at) | Link::Base(at)) = link;
        Self { all: all.clone(), at }
    }

    /// The schema's own keywords (`type`, `enum`, `default`, `required`, `x-kubernetes-…`), without `properties`, `items`
    /// and `additionalProperties`, for which there are methods.
    pub fn json(&self) -> &Value {
        &self.node().facts
    }

    /// Schema of a field; None when the schema does not name it.
    pub fn property(&self, field: &str) -> Option<Self> {
        let link = *self.node().properties.get(field)?;
        Some(self.step(link))
    }

    /// Schema of the values of a free mapping.
    pub fn additional(&self) -> Option<Self> {
        self.node().additional.map(|link| self.step(link))
    }

    /// Schema of a list's items.
    pub fn items(&self) -> Option<Self> {
        self.node().items.map(|link| self.step(link))
    }

    /// Schema of a field, whether named or of a free mapping.
    pub fn field(&self, field: &str) -> Option<Self> {
        self.property(field).or_else(|| self.additional())
    }

    /// True when the schema names the field.
    pub fn has_property(&self, field: &str) -> bool {
        self.node().properties.contains_key(field)
    }

    /// True when the schema names fields at all.
    pub fn has_properties(&self) -> bool {
        !self.node().properties.is_empty()
    }

    /// True when the schema says that the field must be there.
    pub fn requires(&self, field: &str) -> bool {
        let required = self.json().get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|name| name == field))
    }

    /// Fields that have a default, with it, in the schema's order.
    pub fn defaults(&self) -> &[(String, Value)] {
        &self.node().defaults
    }

    /// Name of the schema's Go type, such as `io.k8s.api.core.v1.Container`; empty for a place without one.
    pub fn name(&self) -> &str {
        &self.node().name
    }

    /// How the type is written, and what the server adds to it.
    pub fn written(&self) -> &Written {
        &self.node().written
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
        self.node().preserves
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;
    use serde_json::json;

    fn deployment() -> Schema {
        Schema::named(&tables::newest().schemas, "io.k8s.api.apps.v1.Deployment").expect("named")
    }

    #[test]
    fn steps_follow_references() {
        let spec = deployment().property("spec").expect("spec");
        let template = spec.property("template").expect("template");
        let pod = template.property("spec").expect("pod");
        let containers = pod.property("containers").expect("containers");
        assert_eq!(containers.merge_key(), Some("name"));
        assert_eq!(containers.list_type(), ListType::Map(vec!["name".to_owned()]));
        let ports = containers.items().and_then(|c| c.property("ports")).expect("ports");
        assert_eq!(
            ports.list_type(),
            ListType::Map(vec!["containerPort".to_owned(), "protocol".to_owned()])
        );
        let strategy = spec.property("strategy").expect("strategy");
        assert!(strategy.has_patch_strategy("retainKeys") && strategy.has_property("rollingUpdate"));
        assert!(spec.property("selector").expect("selector").is_atomic_map());
    }

    #[test]
    fn schemas_that_contain_themselves_end() {
        let all = &tables::newest().schemas;
        let name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
        let props = Schema::named(all, name).expect("named");
        let nested = props.property("properties").and_then(|p| p.additional()).expect("free");
        assert!(nested.property("properties").is_some());
    }

    #[test]
    fn an_own_schema_reaches_the_named_ones() {
        let all = &tables::newest().schemas;
        let own = Schema::own(
            all,
            &json!({"type": "object", "properties": {
                "metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]},
                "spec": {"type": "object"},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            }}),
        );
        let metadata = own.property("metadata").expect("metadata");
        assert!(metadata.property("labels").and_then(|l| l.additional()).is_some());
        assert!(!own.property("spec").expect("spec").preserves_unknown());
        assert!(own.property("free").expect("free").preserves_unknown());
        assert!(own.field("other").is_none());
    }
}
