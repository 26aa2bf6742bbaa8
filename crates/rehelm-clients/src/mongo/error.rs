//! Driver errors in the classes that callers act on.

use bson::Document;
use mongodb::error::{Error, ErrorKind, WriteFailure};
use rehelm_core::ports::PortError;

/// The server is going away, changing its primary, or its cursor is gone: the same command may work in a moment.
const LATER: [i32; 13] = [6, 7, 43, 89, 91, 189, 237, 262, 9001, 10107, 11600, 11602, 13435];

/// Code of a command's refusal.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

/// True when trying again is the right answer; an election can take longer than a server is waited for.
pub(super) fn transient(error: &Error) -> bool {
    let gone = matches!(
        error.kind.as_ref(),
        ErrorKind::Io(_)
            | ErrorKind::ProxyConnect { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. }
    );
    gone || code(error).is_some_and(|code| LATER.contains(&code))
}

/// True when a login was refused.
pub(super) fn login_refused(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Authentication { .. }) || code(error) == Some(18)
}

/// The port's error for `what`.
pub(super) fn port(what: &str, error: Error) -> PortError {
    let words = match error.kind.as_ref() {
        ErrorKind::Command(command) => format!("{} (code {})", command.message, command.code),
        kind => kind.to_string(),
    };
    match (error.kind.as_ref(), code(&error)) {
        _ if login_refused(&error) => PortError::Forbidden(format!("{what}: {words}")),
        _ if transient(&error) => PortError::Unavailable(format!("{what}: {words}")),
        (ErrorKind::DnsResolve { .. }, _) => PortError::Unavailable(format!("{what}: {words}")),
        (_, Some(13)) => PortError::Forbidden(format!("{what}: {words}")),
        (_, Some(11 | 26)) => PortError::NotFound(what.to_owned()),
        (_, Some(48 | 51002 | 51003)) => PortError::Exists(what.to_owned()),
        (_, Some(_)) => PortError::Invalid(what.to_owned(), words),
        _ => PortError::Other(format!("{what}: {words}")),
    }
}

/// The server that was asked takes no writes (any more): another one of its replica set does.
pub(super) fn not_primary(error: &Error) -> bool {
    matches!(code(error), Some(189 | 10107 | 13435 | 11602))
}

/// A reply of `insert` or `update` that says ok and lists documents that were not written.
pub(super) fn write_errors(reply: &Document) -> Option<String> {
    let first = reply
        .get_array("writeErrors")
        .ok()
        .and_then(|list| list.first())
        .and_then(|entry| entry.as_document());
    let concern = reply.get_document("writeConcernError").ok();
    let error = first.or(concern)?;
    Some(format!(
        "{} (code {})",
        error.get_str("errmsg").unwrap_or("write error"),
        super::number(error.get("code"))?
    ))
}
