//! What the API server's refusals mean for callers.
//!
//! A 403 has two meanings that callers must tell apart: the authorizer refuses the identity ([`PortError::Forbidden`]),
//! or admission refuses the object (quota, a webhook, a terminating namespace: [`PortError::Invalid`]).

use std::error::Error;

use http::StatusCode;
use rehelm_core::ports::PortError;
use serde_json::Value;

/// Classifies an answer outside 2xx. `what` names the object that was asked for; `body` is a `Status` or anything else.
pub(crate) fn from_answer(what: &str, code: StatusCode, body: &[u8]) -> PortError {
    let status: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let reason = status["reason"].as_str().unwrap_or_default();
    let message = match status["message"].as_str() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => plain(code, body),
    };
    match code.as_u16() {
        401 => PortError::Forbidden(format!(
            "the server does not accept these credentials ({message}); log in again, or check --context"
        )),
        403 if refused_by_admission(&message) => PortError::Invalid(what.to_owned(), message),
        403 => PortError::Forbidden(message),
        404 => PortError::NotFound(missing(what, &message)),
        409 if reason == "AlreadyExists" => PortError::Exists(what.to_owned()),
        409 => PortError::Conflict(what.to_owned(), message),
        422 if is_failed_precondition(&message) => PortError::Conflict(what.to_owned(), message),
        410 | 429 | 500.. => PortError::Unavailable(format!("{what}: {message}")),
        _ => PortError::Invalid(what.to_owned(), message),
    }
}

/// Classifies a request that got no answer at all.
pub(crate) fn from_client(what: &str, e: &kube::Error) -> PortError {
    let words = chain(e);
    match e {
        kube::Error::Auth(_) => PortError::Forbidden(format!("cannot log in: {words}")),
        _ if words.contains("certificate") => PortError::Other(format!("{what}: {words}")),
        kube::Error::HttpError(_) | kube::Error::BuildRequest(_) => PortError::Invalid(what.to_owned(), words),
        kube::Error::Service(_)
        | kube::Error::HyperError(_)
        | kube::Error::ReadEvents(_)
        | kube::Error::SerdeError(_)
        | kube::Error::FromUtf8(_) => PortError::Unavailable(format!("{what}: {words}")),
        _ => PortError::Other(format!("{what}: {words}")),
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(e: &dyn Error) -> String {
    let mut words = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        let next = e.to_string();
        if !words.contains(&next) {
            words.push_str(": ");
            words.push_str(&next);
        }
        cause = e.source();
    }
    words
}

fn plain(code: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]);
    let line = text.lines().next().unwrap_or_default().trim();
    format!("{code} {line}").trim_end().to_owned()
}

fn refused_by_admission(message: &str) -> bool {
    let by_authorizer = message.contains("is forbidden: User \"")
        || message.starts_with("forbidden: User \"")
        || message.contains("attempting to grant RBAC permissions");
    !by_authorizer && (message.contains("is forbidden: ") || message.contains("denied the request"))
}

/// A create in a namespace that does not exist is a 404 about the namespace, not about the object.
fn missing(what: &str, message: &str) -> String {
    match message.strip_suffix(" not found") {
        Some(about) if about.starts_with("namespaces ") => format!("{about} (for {what})"),
        _ => what.to_owned(),
    }
}

/// A JSON patch whose `test` operation does not hold, or a merge patch that names another uid.
fn is_failed_precondition(message: &str) -> bool {
    message.contains("test failed")
        || message.starts_with("testing ")
        || message.contains(": metadata.uid: Invalid value")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn classify(code: u16, reason: &str, message: &str) -> PortError {
        let body = json!({"kind": "Status", "code": code, "reason": reason, "message": message}).to_string();
        from_answer("Secret/a/x", StatusCode::from_u16(code).unwrap(), body.as_bytes())
    }

    #[test]
    fn admission_is_told_from_the_authorizer() {
        let rbac = r#"secrets "x" is forbidden: User "eve" cannot get resource "secrets" in API group "" in the namespace "a""#;
        assert!(matches!(classify(403, "Forbidden", rbac), PortError::Forbidden(m) if m == rbac));
        let quota =
            r#"secrets "x" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=5, limited: secrets=5"#;
        assert!(matches!(classify(403, "Forbidden", quota), PortError::Invalid(_, m) if m == quota));
        let hook = r#"admission webhook "policy.example" denied the request: no team label"#;
        assert!(matches!(classify(403, "Forbidden", hook), PortError::Invalid(_, m) if m == hook));
        assert!(matches!(classify(400, "", hook), PortError::Invalid(..)));
        let escalation = r#"roles.rbac.authorization.k8s.io "r" is forbidden: user "eve" (groups=["x"]) is attempting to grant RBAC permissions not currently held"#;
        assert!(matches!(
            classify(403, "Forbidden", escalation),
            PortError::Forbidden(_)
        ));
    }

    #[test]
    fn conflicts_existence_absence_and_no_answer() {
        assert!(matches!(classify(409, "AlreadyExists", "x"), PortError::Exists(_)));
        assert!(matches!(classify(409, "Conflict", "x"), PortError::Conflict(..)));
        assert!(matches!(
            classify(422, "", "testing value /metadata/uid failed: test failed"),
            PortError::Conflict(..)
        ));
        assert!(matches!(
            classify(422, "Invalid", "spec: immutable"),
            PortError::Invalid(..)
        ));
        assert_eq!(
            classify(404, "NotFound", r#"secrets "x" not found"#).to_string(),
            "Secret/a/x not found"
        );
        assert_eq!(
            classify(404, "NotFound", r#"namespaces "a" not found"#).to_string(),
            r#"namespaces "a" (for Secret/a/x) not found"#
        );
        for code in [410, 429, 500, 503, 504] {
            assert!(
                matches!(classify(code, "", "later"), PortError::Unavailable(_)),
                "{code}"
            );
        }
        let page = from_answer("x", StatusCode::BAD_GATEWAY, b"<html>\nlong");
        assert_eq!(page.to_string(), "no usable answer: x: 502 Bad Gateway <html>");
    }
}
