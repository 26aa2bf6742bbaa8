//! One thing that a process asks of the world: a request to the API server, a write to a file, a command to a database.

use std::fmt;

use serde_json::Value;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The tool itself.
    Tool,
    /// Helm, which the tool started.
    Helm,
    /// Somebody else.
    Rival,
}

/// A request, taken apart.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub actor: Actor,
    /// Number among the writes of the run, from 1; 0 for what only reads.
    pub write: usize,
    /// Number among all calls of the run, from 1.
    pub number: usize,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`; the database's own words for its commands.
    pub verb: &'static str,
    /// `plural` or `plural.group`, with `/subresource`; `database`, or the path of what is no resource.
    pub resource: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Name; of a created object the one that its body has.
    pub name: String,
    /// Step that runs: `retain`, `undo retain`, or the command where none does.
    pub step: String,
    /// What was sent.
    pub body: Value,
}

impl Call {
    /// True for what changes something.
    pub fn writes(&self) -> bool {
        self.write > 0
    }

    /// What it acts on.
    pub fn subject(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{} {}", self.resource, self.name),
            namespace => format!("{} {namespace}/{}", self.resource, self.name),
        }
    }

    /// Verb and kind of object: calls of one class are treated alike by servers and by us.
    pub fn class(&self) -> String {
        format!("{} {}", self.verb, self.resource)
    }

    /// Takes a request apart. `write` is 1 for what changes something.
    pub fn read(actor: Actor, head: &http::request::Parts, body: &[u8]) -> Self {
        let path = head.uri.path();
        let query = head.uri.query().unwrap_or_default();
        let has = |key: &str, value: &str| query.split('&').any(|pair| pair == format!("{key}={value}"));
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let Place {
            resource,
            namespace,
            mut name,
        } = place(path);
        if name.is_empty() {
            let named = body.pointer("/metadata/name").and_then(Value::as_str);
            name = named.unwrap_or_default().to_owned();
        }
        let verb = match head.method {
            http::Method::POST => "create",
            http::Method::PUT => "update",
            http::Method::PATCH => "patch",
            http::Method::DELETE => "delete",
            _ if has("watch", "true") || has("watch", "1") => "watch",
            _ if place_is_list(path) => "list",
            _ => "get",
        };
        let reads = matches!(verb, "get" | "list" | "watch")
            || query.contains("dryRun")
            || body.get("dryRun").is_some()
            || resource.ends_with("reviews.authorization.k8s.io");
        Self {
            actor,
            write: usize::from(!reads),
            number: 0,
            verb,
            resource,
            namespace,
            name,
            step: String::new(),
            body,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.actor == Actor::Helm { "Helm " } else { "" };
        write!(f, "{by}{} {}", self.verb, self.subject())
    }
}

struct Place {
    resource: String,
    namespace: String,
    name: String,
}

fn parts(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

/// The rest of a path behind its group and version, and the group.
fn within(path: &str) -> Option<(String, Vec<&str>)> {
    let all = parts(path);
    match all.as_slice() {
        ["api", _, rest @ ..] if !rest.is_empty() => Some((String::new(), rest.to_vec())),
        ["apis", group, _, rest @ ..] if !rest.is_empty() => Some(((*group).to_owned(), rest.to_vec())),
        _ => None,
    }
}

fn place_is_list(path: &str) -> bool {
    within(path).is_some_and(|(_, rest)| matches!(rest.as_slice(), ["namespaces", _, _] | [_]))
}

fn place(path: &str) -> Place {
    let Some((group, rest)) = within(path) else {
        return Place {
            resource: path.to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
    };
    let (namespace, rest) = match rest.as_slice() {
        ["namespaces", namespace, plural, more @ ..] if *plural != "finalize" && *plural != "status" => {
            let mut rest = vec![*plural];
            rest.extend(more);
            ((*namespace).to_owned(), rest)
        }
        _ => (String::new(), rest.clone()),
    };
    let id = if group.is_empty() {
        rest[0].to_owned()
    } else {
        format!("{}.{group}", rest[0])
    };
    let resource = match rest.get(2) {
        Some(subresource) => format!("{id}/{subresource}"),
        None => id,
    };
    Place {
        resource,
        namespace,
        name: rest.get(1).copied().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, uri: &str, body: &str) -> Call {
        let (head, ()) = http::Request::builder()
            .method(method)
            .uri(uri)
            .body(())
            .expect("a request")
            .into_parts();
        Call::read(Actor::Tool, &head, body.as_bytes())
    }

    #[test]
    fn requests_are_taken_apart() {
        let patch = call("PATCH", "/api/v1/persistentvolumes/pv-1?fieldManager=x", "{}");
        assert_eq!(
            (patch.class().as_str(), patch.name.as_str(), patch.writes()),
            ("patch persistentvolumes", "pv-1", true)
        );
        let create = call(
            "POST",
            "/apis/apps/v1/namespaces/a/deployments",
            r#"{"metadata":{"name":"web"}}"#,
        );
        assert_eq!(create.subject(), "deployments.apps a/web");
        assert_eq!(call("GET", "/api/v1/namespaces/a/secrets", "").class(), "list secrets");
        assert_eq!(call("GET", "/api/v1/namespaces/a", "").class(), "get namespaces");
        assert_eq!(call("GET", "/api/v1/pods?watch=true", "").class(), "watch pods");
        assert_eq!(call("GET", "/version", "").class(), "get /version");
        let dry = call("POST", "/api/v1/namespaces?dryRun=All", r#"{"metadata":{"name":"x"}}"#);
        assert!(!dry.writes());
        let review = call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{}");
        assert!(!review.writes(), "{review:?}");
    }
}
