//! URLs of the Kubernetes API.

use form_urlencoded::Serializer;
use rehelm_core::ports::{ApiKind, PortError, PortResult};

/// Query parameters in order; only those with a value.
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.push((name, value.to_string()));
        self
    }

    #[must_use]
    pub fn maybe(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) if !value.is_empty() => self.with(name, value),
            _ => self,
        }
    }

    #[must_use]
    pub fn dry_run(self, dry_run: bool) -> Self {
        self.maybe("dryRun", dry_run.then_some("All"))
    }
}

/// `/api/v1` or `/apis/GROUP/VERSION`.
pub(crate) fn version(api_version: &str) -> String {
    if api_version.contains('/') {
        format!("/apis/{api_version}")
    } else {
        format!("/api/{api_version}")
    }
}

/// The collection of a kind, in a namespace or in all.
pub(crate) fn collection(
    api_version: &str,
    kind: &ApiKind,
    namespace: Option<&str>,
    query: &Query,
) -> PortResult<String> {
    let mut path = version(api_version);
    if let Some(namespace) = namespace.filter(|_| kind.namespaced) {
        path.push_str("/namespaces/");
        path.push_str(segment(namespace)?);
    }
    path.push('/');
    path.push_str(&kind.plural);
    Ok(finish(path, query))
}

/// One object, or one of its subresources.
pub(crate) fn object(
    api_version: &str,
    kind: &ApiKind,
    namespace: Option<&str>,
    name: &str,
    subresource: Option<&str>,
    query: &Query,
) -> PortResult<String> {
    if kind.namespaced && namespace.is_none() {
        return Err(PortError::Invalid(
            format!("{}/{name}", kind.plural),
            "a namespace is needed".to_owned(),
        ));
    }
    let mut path = collection(api_version, kind, namespace, &Query::new())?;
    path.push('/');
    path.push_str(segment(name)?);
    if let Some(sub) = subresource {
        path.push('/');
        path.push_str(sub);
    }
    Ok(finish(path, query))
}

fn finish(path: String, query: &Query) -> String {
    if query.0.is_empty() {
        return path;
    }
    let mut pairs = Serializer::new(String::new());
    pairs.extend_pairs(query.0.iter().map(|(name, value)| (*name, value.as_str())));
    format!("{path}?{}", pairs.finish())
}

/// Names come from files of others: one that would reach another URL is refused.
fn segment(name: &str) -> PortResult<&str> {
    let bad = |c: char| matches!(c, '/' | '?' | '#' | '%') || c.is_whitespace() || c.is_control();
    if name.is_empty() || name == "." || name == ".." || name.contains(bad) {
        return Err(PortError::Invalid(
            format!("{name:?}"),
            "not a name that Kubernetes takes".to_owned(),
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(plural: &str, namespaced: bool) -> ApiKind {
        ApiKind {
            plural: plural.to_owned(),
            namespaced,
        }
    }

    #[test]
    fn urls_of_objects_and_collections() {
        let q = Query::new()
            .with("labelSelector", "a in (b,c)")
            .dry_run(true)
            .maybe("continue", None);
        assert_eq!(
            collection("apps/v1", &kind("deployments", true), Some("x"), &q).unwrap(),
            "/apis/apps/v1/namespaces/x/deployments?labelSelector=a+in+%28b%2Cc%29&dryRun=All"
        );
        assert_eq!(
            object("v1", &kind("nodes", false), Some("x"), "system:n", None, &Query::new()).unwrap(),
            "/api/v1/nodes/system:n"
        );
        assert_eq!(
            object(
                "apps/v1",
                &kind("deployments", true),
                Some("x"),
                "d",
                Some("scale"),
                &Query::new()
            )
            .unwrap(),
            "/apis/apps/v1/namespaces/x/deployments/d/scale"
        );
    }

    #[test]
    fn names_cannot_leave_their_place() {
        for name in ["", "..", "a/b", "a?b", "a b", "a%2fb", "a#b"] {
            assert!(
                object("v1", &kind("nodes", false), None, name, None, &Query::new()).is_err(),
                "{name}"
            );
        }
        assert!(object("v1", &kind("pods", true), None, "p", None, &Query::new()).is_err());
    }
}
