//! Patches: JSON (RFC 6902), merge (RFC 7386), strategic merge, server-side apply; and whose fields are whose.
//!
//! Everything here is a function of its arguments: the verbs bring objects, and write what comes out.

pub(crate) mod apply;
mod compare;
mod fieldset;
pub(crate) mod json;
pub(crate) mod managed;
mod managers;
pub(crate) mod merge;
mod reset;
mod restructure;
pub(crate) mod strategic;
pub(crate) mod typed;
mod validate;
pub(crate) mod wording;

pub(crate) use reset::metadata as metadata_reset;

use serde_json::Value;

use crate::kinds::Kind;
use crate::refusal::Refusal;

/// Patches that are applied to what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    Json,
    Merge,
    Strategic,
}

/// Applies a patch to an object that exists; server-side apply is in [`apply`].
pub(crate) fn patched(kind: &Kind, patch_type: PatchType, object: &Value, patch: &Value) -> Result<Value, Refusal> {
    match patch_type {
        PatchType::Json => json::patched(object, patch),
        PatchType::Merge => merge::patched(object, patch),
        PatchType::Strategic => strategic::patched(kind.schema.as_ref(), object, patch),
    }
}
