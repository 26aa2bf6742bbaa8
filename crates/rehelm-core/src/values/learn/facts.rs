//! What a `values.schema.json` allows for a value; only what decides which sentinels can pass.

use serde_json::Value;

use super::super::chart::ChartTree;
use super::super::path::{ValuePath, ValueStep};

/// Parts of a schema that are followed into each other.
const DEEPEST: usize = 24;

/// What is allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// The only contents that are allowed; empty when there is no such list.
    pub choices: Vec<Value>,
    /// Names of JSON types; empty when any is.
    pub types: Vec<String>,
    /// Greatest number.
    pub most: Option<f64>,
    /// Smallest number.
    pub least: Option<f64>,
    /// It must match a pattern or a format.
    pub patterned: bool,
}

/// Looks a value up in the schemas of the chart and of the subchart that it belongs to.
pub(crate) fn facts(chart: &ChartTree, path: &ValuePath) -> Facts {
    let mut facts = Facts::default();
    for tree in chart.all() {
        if let (Some(schema), Some(below)) = (&tree.schema, path.0.strip_prefix(&tree.at.0[..])) {
            follow(schema, schema, below, &mut facts, 0);
        }
    }
    facts
}

fn follow(root: &Value, schema: &Value, path: &[ValueStep], facts: &mut Facts, depth: usize) {
    if depth > DEEPEST || !schema.is_object() {
        return;
    }
    if let Some(reference) = schema["$ref"].as_str()
        && let Some(target) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        follow(root, target, path, facts, depth + 1);
    }
    for group in ["allOf", "anyOf", "oneOf"] {
        for part in schema[group].as_array().into_iter().flatten() {
            follow(root, part, path, facts, depth + 1);
        }
    }
    for part in ["then", "else"] {
        follow(root, &schema[part], path, facts, depth + 1);
    }
    match path.split_first() {
        None => note(schema, facts),
        Some((ValueStep::Key(key), below)) => {
            let named = &schema["properties"][key.as_str()];
            let next = if named.is_null() {
                &schema["additionalProperties"]
            } else {
                named
            };
            follow(root, next, below, facts, depth + 1);
        }
        Some((ValueStep::Index(_), below)) => follow(root, &schema["items"], below, facts, depth + 1),
    }
}

fn note(schema: &Value, facts: &mut Facts) {
    let constant = schema.get("const").into_iter();
    for choice in schema["enum"].as_array().into_iter().flatten().chain(constant) {
        if !facts.choices.contains(choice) {
            facts.choices.push(choice.clone());
        }
    }
    let named = schema["type"].as_str().into_iter();
    let types = named.chain(
        schema["type"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str),
    );
    facts.types.extend(types.map(str::to_owned));
    facts.most = schema["maximum"].as_f64().or(facts.most);
    facts.least = schema["minimum"].as_f64().or(facts.least);
    facts.patterned |= schema.get("pattern").is_some() || schema.get("format").is_some();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_and_alternatives_are_followed() {
        let schema = json!({
            "properties": {"cloud": {"anyOf": [{"$ref": "#/definitions/aws"}, {"properties": {"provider": {"enum": ["azure"]}}}]},
                "ports": {"items": {"properties": {"port": {"type": ["integer", "null"], "maximum": 99}}}}},
            "definitions": {"aws": {"properties": {"provider": {"enum": ["aws"]}}}}
        });
        let chart = ChartTree {
            schema: Some(schema),
            ..ChartTree::default()
        };
        let of = |path: &str| facts(&chart, &path.parse().unwrap());
        assert_eq!(of("cloud.provider").choices, [json!("aws"), json!("azure")]);
        assert_eq!(
            (of("ports[0].port").most, of("ports[0].port").types.len()),
            (Some(99.0), 2)
        );
        assert_eq!(of("none"), Facts::default());
    }
}
