//! Merge patches (RFC 7386).

use serde_json::Value;

use super::wording;
use crate::refusal::Refusal;

/// Applies a patch to an object.
///
/// # Errors
/// A patch that is no mapping.
pub(crate) fn patched(object: &Value, patch: &Value) -> Result<Value, Refusal> {
    if !patch.is_object() {
        return Err(Refusal::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            wording::json_name(patch)
        )));
    }
    let mut result = object.clone();
    json_patch::merge(&mut result, patch);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nulls_delete_and_lists_are_replaced() {
        let object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        let patch = json!({"a": {"b": null, "c": [3]}, "e": {"f": null}});
        let wanted = json!({"a": {"c": [3]}, "d": 1, "e": {}});
        assert_eq!(patched(&object, &patch), Ok(wanted));
        assert_eq!(patched(&object, &json!([])).map_err(|refusal| refusal.code), Err(400));
    }
}
