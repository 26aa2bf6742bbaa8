//! Refusals in the API server's own words: `Status` objects.

use serde_json::{Value, json};

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, `FieldValueForbidden`, `FieldValueNotSupported`, …
    pub reason: &'static str,
    /// `Invalid value: …`, without the field's name.
    pub message: String,
    /// `spec.selector`.
    pub field: String,
}

impl Cause {
    pub fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
            field: field.to_owned(),
        }
    }

    pub fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {why}")
        };
        Self {
            reason: "FieldValueRequired",
            message,
            field: field.to_owned(),
        }
    }

    pub fn forbidden(field: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.to_owned(),
        }
    }

    /// A value that occurs twice.
    pub fn duplicate(field: &str, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {value}"),
            field: field.to_owned(),
        }
    }

    /// A name that nothing has.
    pub fn not_found(field: &str, value: &Value) -> Self {
        Self {
            reason: "FieldValueNotFound",
            message: format!("Not found: {value}"),
            field: field.to_owned(),
        }
    }

    /// A value that is none of these.
    pub fn not_supported(field: &str, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value}: supported values: {}", supported.join(", ")),
            field: field.to_owned(),
        }
    }

    /// More bytes or characters than may be.
    pub fn too_long(field: &str, most: usize) -> Self {
        Self {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {most} bytes"),
            field: field.to_owned(),
        }
    }

    fn line(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

/// An answer other than success.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// `metav1.StatusReason`; empty for none.
    pub reason: &'static str,
    pub message: String,
    /// `metav1.StatusDetails`.
    pub details: Option<Value>,
}

fn of_group(resource: &str) -> (&str, &str) {
    resource.split_once('.').unwrap_or((resource, ""))
}

fn details(resource: &str, name: &str) -> Value {
    let (kind, group) = of_group(resource);
    let mut details = json!({});
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details[key] = value.into();
        }
    }
    details
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: String, details: Option<Value>) -> Self {
        Self {
            code,
            reason,
            message,
            details,
        }
    }

    /// No such object; `resource` is `plural.group`.
    pub fn not_found(resource: &str, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" not found");
        Self::new(404, "NotFound", message, Some(details(resource, name)))
    }

    /// No such path.
    pub fn no_route() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        Self::new(404, "NotFound", message, Some(json!({})))
    }

    pub fn already_exists(resource: &str, name: &str, terminating: bool) -> Self {
        let why = if terminating { "object is being deleted: " } else { "" };
        let message = format!("{why}{resource} \"{name}\" already exists");
        Self::new(409, "AlreadyExists", message, Some(details(resource, name)))
    }

    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(409, "Conflict", message, Some(details(resource, name)))
    }

    /// The resourceVersion that was sent is not the newest.
    pub fn outdated(resource: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// Validation; `kind` is `Kind.group`, or `Kind` for the core group.
    pub fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut lines: Vec<String> = Vec::with_capacity(causes.len());
        for line in causes.iter().map(Cause::line) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let lines = match lines.as_slice() {
            [line] => line.clone(),
            lines => format!("[{}]", lines.join(", ")),
        };
        let mut details = details(kind, name);
        details["causes"] = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        Self::new(
            422,
            "Invalid",
            format!("{kind} \"{name}\" is invalid: {lines}"),
            Some(details),
        )
    }

    pub fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let named = if name.is_empty() {
            resource.to_owned()
        } else {
            format!("{resource} \"{name}\"")
        };
        let message = format!("{named} is forbidden: {why}");
        Self::new(403, "Forbidden", message, Some(details(resource, name)))
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into(), None)
    }

    /// A place in the history that is forgotten.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message.into(), None)
    }

    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(405, "MethodNotAllowed", message, Some(json!({})))
    }

    pub fn unsupported_media(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message, None)
    }

    pub fn too_many_requests(message: impl Into<String>) -> Self {
        Self::new(429, "TooManyRequests", message.into(), None)
    }

    /// What the server did not foresee.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message.into(), None)
    }

    /// More than the server takes.
    pub fn too_large(message: impl Into<String>) -> Self {
        let message = format!("Request entity too large: {}", message.into());
        Self::new(413, "RequestEntityTooLarge", message, None)
    }

    /// An error that the server gives no reason for.
    pub fn unexplained(message: impl Into<String>) -> Self {
        Self::new(500, "", message.into(), None)
    }

    /// A patch that is well-formed but cannot be carried out; clients are not told why.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::new(422, "Invalid", message, Some(json!({})))
    }

    /// A patch of a media type that no built-in kind takes.
    pub fn unsupported_patch() -> Self {
        let message = "415: Unsupported Media Type".to_owned();
        Self::new(415, "UnsupportedMediaType", message, Some(json!({})))
    }

    /// Fields that other managers own.
    pub fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(409, "Conflict", message, Some(json!({"causes": causes})))
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".to_owned(), None)
    }

    /// The whole answer's body.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status["code"] = self.code.into();
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_speak_as_the_server_does() {
        let status = Refusal::not_found("deployments.apps", "web").to_status();
        assert_eq!(status["message"], "deployments.apps \"web\" not found");
        assert_eq!(
            status["details"],
            json!({"name": "web", "kind": "deployments", "group": "apps"})
        );
        let cause = Cause::invalid("spec.selector", &json!("x"), "field is immutable");
        let status = Refusal::invalid("Deployment.apps", "web", &[cause]).to_status();
        assert_eq!(
            status["message"],
            "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: \"x\": field is immutable"
        );
    }
}
