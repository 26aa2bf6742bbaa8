//! Patches: JSON (RFC 6902), merge (RFC 7386), strategic merge, server-side apply.

pub(crate) mod managed;

use std::sync::Arc;

use serde_json::Value;

use crate::kinds::Kind;
use crate::refusal::Refusal;

/// Kinds of patches by their media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    Json,
    Merge,
    Strategic,
    Apply,
}

/// Applies a patch to an object that exists; server-side apply is in `apply`.
pub(crate) fn patched(
    _kind: &Kind,
    patch_type: PatchType,
    object: &Arc<Value>,
    patch: &Value,
) -> Result<Value, Refusal> {
    let mut result = (**object).clone();
    match patch_type {
        PatchType::Merge => json_patch::merge(&mut result, patch),
        _ => return Err(Refusal::bad_request("this patch type is not known yet")),
    }
    Ok(result)
}
