//! Operations of kinds, in the forms of OpenAPI v3 and v2.

use serde_json::{Map, Value, json};

use std::sync::Arc;

use super::Style;
use super::document::{META, PREFIX, name};
use crate::kinds::Kind;
use crate::schema::Schemas;
use crate::tables::SubresourceFacts;

/// Which OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    V2,
    V3,
}

impl Form {
    fn reference(self, name: &str) -> Value {
        match self {
            Self::V2 => json!({"$ref": format!("#/definitions/{name}")}),
            Self::V3 => json!({"$ref": format!("{PREFIX}{name}")}),
        }
    }

    fn parameter(self, place: &str, name: &str, kind: &str) -> Value {
        let mut parameter = json!({"name": name, "in": place});
        if place == "path" {
            parameter["required"] = true.into();
        }
        match self {
            Self::V2 => {
                parameter["type"] = kind.into();
                parameter["uniqueItems"] = true.into();
            }
            Self::V3 => parameter["schema"] = json!({"type": kind, "uniqueItems": true}),
        }
        parameter
    }
}

const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

const SELECT: [(&str, &str); 9] = [
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];

const REMOVE: [(&str, &str); 4] = [
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
];

/// `/api/v1`, `/apis/GROUP/VERSION`.
pub(super) fn root(kind: &Kind) -> String {
    match kind.facts.group.as_str() {
        "" => format!("/api/{}", kind.facts.version),
        group => format!("/apis/{group}/{}", kind.facts.version),
    }
}

/// Schema of the body that a subresource takes; None when the tables have none.
pub(super) fn body(schemas: &Schemas, kind: &Kind, sub: &SubresourceFacts) -> Option<String> {
    if sub.kind == kind.facts.kind {
        return Some(name(schemas, kind));
    }
    schemas.name_of(&sub.group, &sub.version, &sub.kind)
}

/// All paths of some kinds.
pub(super) fn of(schemas: &Schemas, kinds: &[Arc<Kind>], style: Style, form: Form) -> Map<String, Value> {
    let mut paths = Map::new();
    for kind in kinds {
        let maker = Maker {
            kind,
            schema: name(schemas, kind),
            style,
            form,
        };
        maker.add(schemas, &mut paths);
    }
    paths
}

struct Maker<'a> {
    kind: &'a Kind,
    schema: String,
    style: Style,
    form: Form,
}

impl Maker<'_> {
    fn add(&self, schemas: &Schemas, paths: &mut Map<String, Value>) {
        let (root, facts) = (root(self.kind), &self.kind.facts);
        let place = if facts.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let collection = format!("{root}{place}/{}", facts.plural);
        let one = format!("{collection}/{{name}}");
        let verbs = |wanted: &[(&str, &str)]| -> Map<String, Value> {
            let has = |verb: &str| facts.verbs.iter().any(|known| known == verb);
            let mine = wanted.iter().filter(|(verb, _)| has(verb));
            mine.map(|(verb, method)| ((*method).to_owned(), self.operation(verb, &self.schema)))
                .collect()
        };
        let many = verbs(&[("list", "get"), ("create", "post"), ("deletecollection", "delete")]);
        let single = verbs(&[
            ("get", "get"),
            ("update", "put"),
            ("patch", "patch"),
            ("delete", "delete"),
        ]);
        let scope: &[&str] = if facts.namespaced { &["namespace"] } else { &[] };
        let named: Vec<&str> = std::iter::once("name").chain(scope.iter().copied()).collect();
        self.put(paths, collection, many, scope);
        self.put(paths, one.clone(), single, &named);
        if facts.namespaced {
            self.put(
                paths,
                format!("{root}/{}", facts.plural),
                verbs(&[("list", "get")]),
                &[],
            );
        }
        for sub in &facts.subresources {
            let Some(schema) = body(schemas, self.kind, sub) else {
                continue;
            };
            let methods = [
                ("get", "get"),
                ("update", "put"),
                ("patch", "patch"),
                ("create", "post"),
            ];
            let has = |verb: &str| sub.verbs.iter().any(|known| known == verb);
            let mine = methods.iter().filter(|(verb, _)| has(verb));
            let operations = mine.map(|(verb, method)| {
                let mut operation = self.operation(verb, &schema);
                operation["x-kubernetes-group-version-kind"] =
                    json!({"group": sub.group, "version": sub.version, "kind": sub.kind});
                ((*method).to_owned(), operation)
            });
            self.put(paths, format!("{one}/{}", sub.name), operations.collect(), &named);
        }
    }

    fn put(&self, paths: &mut Map<String, Value>, path: String, mut operations: Map<String, Value>, scope: &[&str]) {
        if operations.is_empty() {
            return;
        }
        let parameters: Vec<Value> = scope
            .iter()
            .map(|name| self.form.parameter("path", name, "string"))
            .collect();
        operations.insert("parameters".to_owned(), parameters.into());
        paths.insert(path, Value::Object(operations));
    }

    /// One operation: its parameters, body and answer. Clients find it by its kind, and read what it takes.
    fn operation(&self, verb: &str, schema: &str) -> Value {
        let facts = &self.kind.facts;
        let mut queries: Vec<(&str, &str)> = match verb {
            "list" => SELECT.to_vec(),
            "delete" | "deletecollection" => REMOVE.to_vec(),
            "create" | "update" | "patch" => vec![("dryRun", "string"), ("fieldManager", "string")],
            _ => Vec::new(),
        };
        if matches!(verb, "create" | "update" | "patch") && self.style.validates_fields() {
            queries.push(("fieldValidation", "string"));
        }
        if verb == "patch" {
            queries.push(("force", "boolean"));
        }
        let mut parameters: Vec<Value> = queries
            .iter()
            .map(|(name, kind)| self.form.parameter("query", name, kind))
            .collect();
        let (body, answer) = match verb {
            "list" => (None, format!("{schema}List")),
            "delete" | "deletecollection" => (Some(format!("{META}DeleteOptions")), format!("{META}Status")),
            "patch" => (Some(format!("{META}Patch")), schema.to_owned()),
            "create" | "update" => (Some(schema.to_owned()), schema.to_owned()),
            _ => (None, schema.to_owned()),
        };
        let action = match verb {
            "create" => "post",
            "update" => "put",
            other => other,
        };
        let id = format!("{verb}_{}_{}_{}", facts.group, facts.version, facts.plural);
        let mut operation = json!({"operationId": id});
        let required = matches!(verb, "create" | "update" | "patch");
        match (self.form, body) {
            (Form::V3, Some(body)) => {
                let content = json!({"schema": self.form.reference(&body)});
                let media: &[&str] = if verb == "patch" { &PATCHES } else { &["*/*"] };
                let contents: Map<String, Value> = media.iter().map(|m| ((*m).to_owned(), content.clone())).collect();
                operation["requestBody"] = json!({"content": contents, "required": required});
            }
            (Form::V2, Some(body)) => {
                let schema = self.form.reference(&body);
                parameters.push(json!({"name": "body", "in": "body", "required": required, "schema": schema}));
            }
            (_, None) => {}
        }
        if self.form == Form::V2 {
            operation["consumes"] = if verb == "patch" {
                json!(PATCHES)
            } else {
                json!(["*/*"])
            };
            operation["produces"] = json!(["application/json", "application/yaml"]);
        }
        operation["parameters"] = parameters.into();
        let schema = self.form.reference(&answer);
        let answer = match self.form {
            Form::V3 => json!({"description": "OK", "content": {"application/json": {"schema": schema}}}),
            Form::V2 => json!({"description": "OK", "schema": schema}),
        };
        operation["responses"] = json!({"200": answer});
        operation["x-kubernetes-action"] = action.into();
        operation["x-kubernetes-group-version-kind"] =
            json!({"group": facts.group, "version": facts.version, "kind": facts.kind});
        operation
    }
}
