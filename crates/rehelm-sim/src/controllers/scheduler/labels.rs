//! Node selector terms (`component-helpers/scheduling/corev1/nodeaffinity`).

use serde_json::Value;

use crate::controllers::read::{list, text};
use crate::meta;

pub(crate) use crate::controllers::selector::selects;

/// Whether a `NodeSelectorTerm` holds for a node; one that says nothing holds for none.
pub(crate) fn term_matches(term: &Value, node: &Value) -> bool {
    let (labels, fields) = (list(term, "/matchExpressions"), list(term, "/matchFields"));
    let name = |key: &str| (key == "metadata.name").then(|| meta::name(node));
    !(labels.is_empty() && fields.is_empty())
        && labels.iter().all(|rule| holds(rule, |key| meta::label(node, key)))
        && fields.iter().all(|rule| holds(rule, name))
}

fn holds<'a>(rule: &Value, value: impl Fn(&str) -> Option<&'a str>) -> bool {
    let value = value(text(rule, "/key"));
    let values = list(rule, "/values");
    let number = || -> Option<(i64, i64)> {
        let wanted = values.first()?.as_str()?.parse().ok()?;
        Some((value?.parse().ok()?, wanted))
    };
    let among = || value.is_some_and(|value| values.iter().any(|wanted| wanted == value));
    match text(rule, "/operator") {
        "In" => among(),
        "NotIn" => !among(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number().is_some_and(|(value, wanted)| value > wanted),
        "Lt" => number().is_some_and(|(value, wanted)| value < wanted),
        _ => false,
    }
}

/// Whether a node is one that a pod asks for, by its node selector and required node affinity.
pub(super) fn node_wanted(pod: &Value, node: &Value) -> bool {
    let selector = pod.pointer("/spec/nodeSelector").unwrap_or(&Value::Null);
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms = list(pod, terms);
    crate::controllers::selector::has_all(selector, node)
        && (terms.is_empty() || terms.iter().any(|term| term_matches(term, node)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terms() {
        let node = json!({"metadata": {"name": "n", "labels": {"zone": "a", "gen": "7"}}});
        let term = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (term, wanted) in [
            (json!({}), false),
            (term("zone", "In", json!(["a", "b"])), true),
            (term("zone", "NotIn", json!(["a"])), false),
            (term("gen", "Gt", json!(["6"])), true),
            (term("gen", "Lt", json!(["6"])), false),
            (term("none", "DoesNotExist", Value::Null), true),
            (
                json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}),
                true,
            ),
            (
                json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["m"]}]}),
                false,
            ),
        ] {
            assert_eq!(term_matches(&term, &node), wanted, "{term}");
        }
    }
}
