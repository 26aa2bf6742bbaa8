//! `metav1.LabelSelector`, and the plain mappings that Services select with.

use serde_json::Value;

use super::read;
use crate::meta;

/// True when a label selector selects an object. An absent selector selects nothing, an empty one everything.
pub(crate) fn selects(selector: Option<&Value>, object: &Value) -> bool {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else {
        return false;
    };
    let pairs = selector.get("matchLabels").unwrap_or(&Value::Null);
    let rules = read::list(selector, "/matchExpressions");
    has_all(pairs, object) && rules.iter().all(|rule| holds(rule, object))
}

/// True when the object has all these labels.
pub(crate) fn has_all(pairs: &Value, object: &Value) -> bool {
    let pairs = pairs.as_object().into_iter().flatten();
    pairs
        .into_iter()
        .all(|(key, value)| meta::label(object, key).is_some_and(|label| *value == *label))
}

/// True for a selector that says nothing.
pub(crate) fn is_empty(selector: Option<&Value>) -> bool {
    let Some(selector) = selector else { return true };
    let pairs = selector.get("matchLabels").and_then(Value::as_object);
    pairs.is_none_or(serde_json::Map::is_empty) && read::list(selector, "/matchExpressions").is_empty()
}

fn holds(rule: &Value, object: &Value) -> bool {
    let label = meta::label(object, read::text(rule, "/key"));
    let among = || label.is_some_and(|label| read::list(rule, "/values").iter().any(|value| value == label));
    match read::text(rule, "/operator") {
        "In" => among(),
        "NotIn" => !among(),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selects_as_the_api_documents() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for (selector, wanted) in [
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (json!({}), true),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "gone", "operator": "NotIn", "values": ["web"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
                false,
            ),
        ] {
            assert_eq!(selects(Some(&selector), &object), wanted, "{selector}");
        }
        assert!(!selects(None, &object));
    }
}
