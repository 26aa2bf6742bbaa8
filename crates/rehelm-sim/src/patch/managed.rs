//! `metadata.managedFields`: who owns which field.

use std::sync::Arc;

use serde_json::Value;

use crate::kinds::Kind;
use crate::timeline::Time;
use crate::world::Writer;

/// Brings the account of fields up to date after a write that is not server-side apply.
pub(crate) fn track(_kind: &Kind, _old: Option<&Arc<Value>>, _object: &mut Value, _writer: &Writer, _now: Time) {}
