//! Values as the API server prints them in messages.

use serde_json::Value;

/// `map[a:1 b:[x y]]`, texts bare.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let mut pairs: Vec<(&String, String)> = map.iter().map(|(key, value)| (key, plain(value))).collect();
            pairs.sort();
            let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// `map[string]interface {}{"a":1}`, texts quoted.
pub(crate) fn exact(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(exact).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let mut pairs: Vec<(&String, String)> = map.iter().map(|(key, value)| (key, exact(value))).collect();
            pairs.sort();
            let pairs: Vec<String> = pairs
                .into_iter()
                .map(|(key, value)| format!("{key:?}:{value}"))
                .collect();
            format!("map[string]interface {{}}{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// The type of a value in a message.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// The word of JSON errors for a value.
pub(crate) fn json_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_printed_as_the_server_prints_them() {
        let value = json!({"metadata": {"labels": {"b": 1, "a": ["x", null]}}});
        assert_eq!(plain(&value), "map[metadata:map[labels:map[a:[x <nil>] b:1]]]");
        assert_eq!(exact(&json!({"a": "x"})), "map[string]interface {}{\"a\":\"x\"}");
    }
}
