//! Reading what clients send: JSON and YAML, keys that are there twice, fields that no schema names, values of a wrong
//! type. All in the API server's words.

mod mistyped;
mod reader;

use serde_json::Value;

pub(crate) use mistyped::{Style, mistyped};

use crate::patch::typed::{Root, Type};

/// A body that was read.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub value: Value,
    /// What strict validation refuses: duplicate keys, and unknown fields when a type was given.
    pub strict: Vec<String>,
}

/// Reads JSON; the error is the server's message.
pub(crate) fn json(root: &Root, bytes: &[u8]) -> Result<Decoded, String> {
    let read = reader::read(&root.of, bytes);
    let (value, mut strict) = read.map_err(|error| json_fault(&error, bytes))?;
    if !root.zeros {
        // What is kept as it is sent is checked for duplicates first.
        let (duplicates, mut unknown): (Vec<_>, Vec<_>) =
            strict.into_iter().partition(|fault| fault.starts_with("duplicate"));
        unknown.sort();
        strict = duplicates;
        strict.extend(unknown);
    }
    Ok(Decoded { value, strict })
}

fn json_fault(error: &serde_json::Error, bytes: &[u8]) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let line = bytes.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1));
    let at = line.and_then(|line| line.get(error.column().saturating_sub(1)));
    match at {
        Some(byte) => format!(
            "invalid character '{}' looking for beginning of value",
            char::from(*byte)
        ),
        None => error.to_string(),
    }
}

/// Reads YAML; the error is the parser's message.
pub(crate) fn yaml(root: &Root, bytes: &[u8]) -> Result<Decoded, String> {
    use serde_saphyr::options::DuplicateKeyPolicy;
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let options = |duplicate_keys| {
        serde_saphyr::options! {
            duplicate_keys: duplicate_keys,
            legacy_octal_numbers: true
        }
    };
    let value: Value = serde_saphyr::from_str_with_options(text, options(DuplicateKeyPolicy::LastWins))
        .map_err(|error| format!("yaml: {error}"))?;
    let mut strict = Vec::new();
    let strictly: Result<Value, _> = serde_saphyr::from_str_with_options(text, options(DuplicateKeyPolicy::Error));
    if let Some(location) = strictly.err().and_then(|error| error.location()) {
        let line = usize::try_from(location.line()).unwrap_or(0);
        let found = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let key = found
            .trim()
            .trim_start_matches("- ")
            .split(':')
            .next()
            .unwrap_or_default();
        strict.push(format!(
            "line {line}: key {:?} already set in map",
            key.trim_matches('"')
        ));
    }
    strict.extend(unknown_fields(root, &value));
    Ok(Decoded { value, strict })
}

/// Fields of a value that its type does not name, as strict validation words it, in the order of the alphabet.
pub(crate) fn unknown_fields(root: &Root, value: &Value) -> Vec<String> {
    let (mut path, mut unknown) = (Vec::new(), Vec::new());
    collect(&root.of, value, &mut path, &mut unknown);
    unknown.sort();
    unknown
}

/// One step down into a value.
enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

fn written(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn collect<'a>(of: &Type, value: &'a Value, path: &mut Vec<Step<'a>>, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                path.push(Step::Field(key));
                let below = of.field(key);
                if matches!(below, Type::Unknown) {
                    unknown.push(format!("unknown field {:?}", written(path)));
                } else {
                    collect(&below, value, path, unknown);
                }
                path.pop();
            }
        }
        Value::Array(list) => {
            let items = of.items();
            for (index, item) in list.iter().enumerate() {
                path.push(Step::Item(index));
                collect(&items, item, path, unknown);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Nulls in mappings of texts are empty texts, as the server reads them.
pub(crate) fn empty_texts(of: &Type, value: &mut Value) {
    let Type::Schema(schema) = of else { return };
    match value {
        Value::Object(map) => {
            let texts = schema.additional().is_some_and(|below| below.type_name() == "string");
            for (key, value) in map.iter_mut() {
                if texts && value.is_null() {
                    *value = Value::String(String::new());
                } else if value.is_object() || value.is_array() {
                    empty_texts(&of.field(key), value);
                }
            }
        }
        Value::Array(list) => {
            let items = of.items();
            list.iter_mut().for_each(|item| empty_texts(&items, item));
        }
        _ => {}
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    fn deployment() -> Root {
        let schema = crate::schema::Schema::named(&tables::newest().schemas, "io.k8s.api.apps.v1.Deployment");
        Root {
            of: Type::Schema(schema.expect("a schema")),
            zeros: true,
        }
    }

    #[test]
    fn duplicate_and_unknown_fields_are_found_in_their_order() {
        let body = br#"{"metadata":{"foo":1},"spec":{"replicas":1,"replicas":2,"template":{"spec":{"containers":[{"nope":1}]}}},"bar":{"x":1}}"#;
        let read = json(&deployment(), body).expect("JSON");
        assert_eq!(
            read.strict,
            [
                "unknown field \"metadata.foo\"",
                "duplicate field \"spec.replicas\"",
                "unknown field \"spec.template.spec.containers[0].nope\"",
                "unknown field \"bar\"",
            ]
        );
        assert_eq!(read.value["spec"]["replicas"], 2);
    }

    #[test]
    fn malformed_bodies_are_refused_in_the_servers_words() {
        let fault = |body: &str| json(&deployment(), body.as_bytes()).expect_err("malformed");
        assert_eq!(fault("{\"a\":"), "unexpected end of JSON input");
        assert_eq!(fault(""), "unexpected end of JSON input");
        assert_eq!(fault("hello"), "invalid character 'h' looking for beginning of value");
    }

    #[test]
    fn yaml_keeps_the_last_of_duplicate_keys_and_says_so() {
        let body = b"kind: Deployment\nspec:\n  replicas: 1\n  replicas: 2\nfoo: 1\n";
        let read = yaml(&deployment(), body).expect("YAML");
        assert_eq!(read.value["spec"]["replicas"], 2);
        assert_eq!(
            read.strict,
            ["line 4: key \"replicas\" already set in map", "unknown field \"foo\""]
        );
    }
}
