//! Where compiled schemas live: nodes in a row that name each other by number.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

const PREFIX: &str = "#/components/schemas/";

/// Where a schema is: in the same arena, or in the one of the built-in kinds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    Here(usize),
    Base(usize),
}

/// One schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Keywords but those that lead to other schemas.
    pub facts: Value,
    pub properties: HashMap<String, Link>,
    pub names: Vec<String>,
    pub defaults: Vec<(String, Value)>,
    pub items: Option<Link>,
    pub additional: Option<Link>,
    pub preserves: bool,
    /// Name of the type; empty for a place without one.
    pub name: String,
    pub written: Written,
}

/// How a built-in type is written as JSON, and what the server adds to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// Optional scalars that are kept when they are empty.
    pub keep: Vec<String>,
    /// Fields that are written when they are absent, with what then: null, or the type's zero.
    pub always: Vec<(String, Value)>,
    /// Fields that the server adds when they are absent.
    pub added: Vec<(String, Value)>,
}

/// All schemas of a server's tables, or of one CRD's version.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// As they were read: `io.k8s.api.apps.v1.Deployment` → OpenAPI v3.
    pub named: Map<String, Value>,
    names: HashMap<String, usize>,
    nodes: Vec<Node>,
    base: Option<Arc<Schemas>>,
}

impl Schemas {
    /// The named schemas of a server, and how its types are written.
    pub fn new(named: Map<String, Value>, mut written: HashMap<String, Written>) -> Self {
        let mut made = Self::default();
        for name in named.keys() {
            made.names.insert(name.clone(), made.nodes.len());
            made.nodes.push(Node::default());
        }
        for (at, (name, schema)) in named.iter().enumerate() {
            let mut node = made.compile(schema);
            node.name.clone_from(name);
            node.written = written.remove(name).unwrap_or_default();
            made.nodes[at] = node;
        }
        // What stands beside a reference is joined with the type's facts once all types are there.
        for at in named.len()..made.nodes.len() {
            made.join(at);
        }
        made.named = named;
        made
    }

    /// A schema of its own, and where it is.
    pub(super) fn own(base: &Arc<Self>, schema: &Value) -> (Self, usize) {
        let mut made = Self {
            base: Some(base.clone()),
            ..Self::default()
        };
        let node = made.compile(schema);
        made.nodes.push(node);
        let root = made.nodes.len() - 1;
        for at in 0..root {
            made.join(at);
        }
        (made, root)
    }

    /// Name of the schema of a kind; None when the tables have none.
    pub fn name_of(&self, group: &str, version: &str, kind: &str) -> Option<String> {
        let is_that = |own: &Value| own["group"] == group && own["version"] == version && own["kind"] == kind;
        let mut all = self.named.iter().filter(|(_, schema)| {
            let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
            kinds.is_some_and(|kinds| kinds.len() == 1 && is_that(&kinds[0]))
        });
        all.next().map(|(name, _)| name.clone())
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn base(&self) -> Option<&Arc<Self>> {
        self.base.as_ref()
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    fn target(&self, schema: &Value) -> Option<Link> {
        let name = reference(schema)?;
        let here = self.find(name).map(Link::Here);
        here.or_else(|| self.base.as_ref()?.find(name).map(Link::Base))
    }

    fn link(&mut self, schema: &Value) -> Link {
        let target = self.target(schema);
        let beside = schema
            .as_object()
            .is_some_and(|map| map.keys().any(|key| key.starts_with("x-kubernetes")));
        if let Some(target) = target.filter(|_| !beside) {
            return target;
        }
        let node = self.compile(schema);
        self.nodes.push(node);
        Link::Here(self.nodes.len() - 1)
    }

    fn compile(&mut self, schema: &Value) -> Node {
        let mut node = Node::default();
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let link = self.link(property);
                node.properties.insert(name.clone(), link);
                node.names.push(name.clone());
                if let Some(default) = property.get("default") {
                    node.defaults.push((name.clone(), default.clone()));
                }
            }
        }
        node.items = schema.get("items").map(|items| self.link(items));
        let additional = schema.get("additionalProperties").filter(|value| value.is_object());
        node.additional = additional.map(|schema| self.link(schema));
        let free = schema.get("additionalProperties") == Some(&Value::Bool(true));
        let mut facts = schema.clone();
        if let Some(map) = facts.as_object_mut() {
            map.retain(|key, _| {
                !matches!(
                    key.as_str(),
                    "properties" | "items" | "additionalProperties" | "description"
                )
            });
        }
        let says = facts.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        let bare = schema.get("properties").is_none() && additional.is_none();
        let open = matches!(facts.get("type").and_then(Value::as_str), None | Some("object"));
        // In the tables a bare object is a raw extension or the like; in a CRD it is one that has no fields.
        node.preserves = says || free || (self.base.is_none() && bare && open && reference(schema).is_none());
        node.facts = facts;
        node
    }

    /// Gives a node that stands beside a reference what its type has.
    fn join(&mut self, at: usize) {
        let Some(target) = self.target(&self.nodes[at].facts) else {
            return;
        };
        let (arena, from) = match (target, &self.base) {
            (Link::Base(from), Some(base)) => (base.as_ref(), from),
            (Link::Here(from) | Link::Base(from), _) => (&*self, from),
        };
        let outer = |link: Link| match (link, target) {
            (Link::Here(at), Link::Base(_)) => Link::Base(at),
            (link, _) => link,
        };
        let source = &arena.nodes[from];
        let mut facts = source.facts.clone();
        let joined = Node {
            properties: source
                .properties
                .iter()
                .map(|(k, link)| (k.clone(), outer(*link)))
                .collect(),
            names: source.names.clone(),
            defaults: source.defaults.clone(),
            items: source.items.map(outer),
            additional: source.additional.map(outer),
            preserves: source.preserves,
            name: source.name.clone(),
            written: source.written.clone(),
            facts: Value::Null,
        };
        if let (Some(facts), Some(beside)) = (facts.as_object_mut(), self.nodes[at].facts.as_object()) {
            for (key, value) in beside.iter().filter(|(key, _)| *key != "allOf" && *key != "$ref") {
                facts.insert(key.clone(), value.clone());
            }
        }
        self.nodes[at] = Node { facts, ..joined };
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
