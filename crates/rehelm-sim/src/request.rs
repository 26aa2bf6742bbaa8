//! What a request asks for, read from its path and query.

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;

/// Options of a request's query that every verb may have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: BTreeMap<String, Vec<String>>,
}

impl Query {
    pub fn parse(query: &str) -> Self {
        let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            pairs.entry(key.into_owned()).or_default().push(value.into_owned());
        }
        Self { pairs }
    }

    /// The first value of a key; None when absent or empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        let first = self.pairs.get(key)?.first()?;
        Some(first.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of a key.
    pub fn all(&self, key: &str) -> &[String] {
        self.pairs.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// True when the key is there, with or without a value.
    pub fn has(&self, key: &str) -> bool {
        self.pairs.contains_key(key)
    }

    pub fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1" | "True" | "TRUE"))
    }

    /// `dryRun=All`.
    pub fn dry_run(&self) -> bool {
        self.pairs
            .get("dryRun")
            .is_some_and(|all| all.iter().any(|v| v == "All"))
    }
}

/// `/api/v1/watch/…` is the old way of saying `watch=true`, with a name for one object.
pub(crate) fn without_watch(path: &str, query: &mut Query) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let at = match parts.get(1) {
        Some(&"api") => 3,
        Some(&"apis") => 4,
        _ => return None,
    };
    if parts.get(at) != Some(&"watch") || parts.len() == at + 1 {
        return None;
    }
    parts.remove(at);
    let mut path = parts.join("/");
    let mut set = |key: &str, value: String| query.pairs.insert(key.to_owned(), vec![value]);
    set("watch", "true".to_owned());
    if let Some(found) = ResourcePath::parse(&path).filter(|found| !found.name.is_empty()) {
        set("fieldSelector", format!("metadata.name={}", found.name));
        path.truncate(path.rfind('/').unwrap_or(0));
    }
    Some(path)
}

/// A path below `/api/v1` or `/apis/GROUP/VERSION`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    pub group: String,
    pub version: String,
    /// Empty: all namespaces, or a cluster-scoped resource.
    pub namespace: String,
    pub plural: String,
    /// Empty for the collection.
    pub name: String,
    /// `status`, `scale`, `log`; empty for none.
    pub subresource: String,
}

impl ResourcePath {
    /// None for paths that name no resource (discovery and the like).
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let (group, version) = match parts.first().map(String::as_str) {
            Some("api") if parts.len() > 2 => (String::new(), parts.remove(1)),
            Some("apis") if parts.len() > 3 => (parts.remove(1), parts.remove(1)),
            _ => return None,
        };
        parts.remove(0);
        let mut namespace = String::new();
        // `/namespaces/NAME` and its own subresources are the resource `namespaces` itself.
        let own = |part: &str| matches!(part, "status" | "finalize");
        if parts[0] == "namespaces" && parts.len() > 2 && !own(&parts[2]) {
            parts.remove(0);
            namespace = parts.remove(0);
        }
        let mut parts = parts.into_iter();
        let plural = parts.next()?;
        let name = parts.next().unwrap_or_default();
        let subresource = parts.collect::<Vec<_>>().join("/");
        Some(Self {
            group,
            version,
            namespace,
            plural,
            name,
            subresource,
        })
    }
}

/// What the authorizer is asked about.
pub(crate) fn verb(method: &Method, path: &ResourcePath, query: &Query) -> &'static str {
    match *method {
        // A watch of an object by its name is a plain get; the field selector `metadata.name` watches one.
        Method::GET | Method::HEAD if !path.name.is_empty() => "get",
        Method::GET | Method::HEAD if query.flag("watch") => "watch",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if path.name.is_empty() => "deletecollection",
        Method::DELETE => "delete",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).expect("a resource")
    }

    #[test]
    fn watches_are_asked_for_in_the_old_way_too() {
        let mut query = Query::default();
        let path = without_watch("/api/v1/watch/namespaces/a/pods/b", &mut query);
        assert_eq!(path.as_deref(), Some("/api/v1/namespaces/a/pods"));
        assert!(query.flag("watch"));
        assert_eq!(query.get("fieldSelector"), Some("metadata.name=b"));
        assert_eq!(without_watch("/api/v1/namespaces/watch/pods", &mut query), None);
    }

    #[test]
    fn paths_are_read() {
        assert_eq!(path("/api/v1/namespaces").plural, "namespaces");
        assert_eq!(path("/api/v1/namespaces/a").name, "a");
        assert_eq!(path("/api/v1/namespaces/a/finalize").subresource, "finalize");
        let pods = path("/api/v1/namespaces/a/pods");
        assert_eq!((pods.namespace.as_str(), pods.plural.as_str()), ("a", "pods"));
        let scale = path("/apis/apps/v1/namespaces/a/deployments/web/scale");
        assert_eq!((scale.name.as_str(), scale.subresource.as_str()), ("web", "scale"));
        assert_eq!(ResourcePath::parse("/apis/apps/v1"), None);
        assert_eq!(ResourcePath::parse("/version"), None);
    }
}
