//! Tables: the columns that `kubectl get` shows.

use serde_json::Value;

use crate::kinds::Kind;
use crate::timeline::Time;

/// A `meta.k8s.io/v1` Table of objects. `include` is `Metadata`, `Object` or `None`.
pub(crate) fn table(_kind: &Kind, objects: &[Value], _include: &str, _now: Time) -> Value {
    serde_json::json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": [], "rows": objects})
}
