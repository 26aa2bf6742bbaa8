//! Error replies, with the codes that MongoDB's servers use.

use bson::{Document, doc};

/// An error reply.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub code: i32,
    pub message: String,
}

/// A command's reply or refusal.
pub(super) type Answer = Result<Document, Refusal>;

pub(super) fn refuse<T>(code: i32, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        code,
        message: message.into(),
    })
}

impl Refusal {
    pub fn to_document(&self) -> Document {
        let name = match self.code {
            2 => "BadValue".to_owned(),
            11 => "UserNotFound".to_owned(),
            13 => "Unauthorized".to_owned(),
            18 => "AuthenticationFailed".to_owned(),
            31 => "RoleNotFound".to_owned(),
            43 => "CursorNotFound".to_owned(),
            48 => "NamespaceExists".to_owned(),
            11600 => "InterruptedAtShutdown".to_owned(),
            code => format!("Location{code}"),
        };
        doc! { "ok": 0.0, "errmsg": &self.message, "code": self.code, "codeName": name }
    }
}
