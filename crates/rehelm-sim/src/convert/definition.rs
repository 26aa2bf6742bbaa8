//! CustomResourceDefinition of `apiextensions.k8s.io/v1beta1`: what all versions have in common stands above them.

use serde_json::{Map, Value, json};

use super::{each, rename};

pub(super) fn from_beta(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let mut common = Map::new();
    if let Some(validation) = spec.shift_remove("validation") {
        common.insert("schema".to_owned(), validation);
    }
    for (key, value) in ["subresources", "additionalPrinterColumns"]
        .iter()
        .filter_map(|key| spec.shift_remove(*key).map(|value| (*key, value)))
        .collect::<Vec<_>>()
    {
        common.insert(key.to_owned(), value);
    }
    let version = spec.shift_remove("version");
    let versions = spec.entry("versions").or_insert_with(|| {
        let name = version.unwrap_or_default();
        json!([{"name": name, "served": true, "storage": true}])
    });
    let keep = spec_keeps_unknown(versions, &common);
    for version in versions.as_array_mut().into_iter().flatten() {
        if let Some(version) = version.as_object_mut() {
            for (key, value) in &common {
                version.entry(key.clone()).or_insert_with(|| value.clone());
            }
            if keep {
                let all = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
                version.entry("schema").or_insert(all);
            }
        }
        for column in each(version, "/additionalPrinterColumns") {
            rename(column, &[("JSONPath", "jsonPath")]);
        }
    }
    if let Some(preserve) = spec.shift_remove("preserveUnknownFields")
        && preserve == Value::Bool(true)
    {
        spec.insert("preserveUnknownFields".to_owned(), preserve);
    }
}

/// A definition without any schema keeps every field of its objects.
fn spec_keeps_unknown(versions: &Value, common: &Map<String, Value>) -> bool {
    let mut all = versions.as_array().into_iter().flatten();
    !common.contains_key("schema") && all.all(|version| version.get("schema").is_none())
}

pub(super) fn to_beta(object: &mut Value) {
    for version in each(object, "/spec/versions") {
        for column in each(version, "/additionalPrinterColumns") {
            rename(column, &[("jsonPath", "JSONPath")]);
        }
    }
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(versions) = spec.get_mut("versions").and_then(Value::as_array_mut) else {
        return;
    };
    let first = versions.first().map(|version| version["name"].clone());
    // What is the same in all versions stands above them.
    let mut common = Vec::new();
    for (key, above) in [
        ("schema", "validation"),
        ("subresources", "subresources"),
        ("additionalPrinterColumns", "additionalPrinterColumns"),
    ] {
        let Some(value) = versions.first().and_then(|version| version.get(key)).cloned() else {
            continue;
        };
        if versions.iter().all(|version| version.get(key) == Some(&value)) {
            for version in versions.iter_mut().filter_map(Value::as_object_mut) {
                version.shift_remove(key);
            }
            common.push((above, value));
        }
    }
    for (key, value) in common {
        spec.insert(key.to_owned(), value);
    }
    if let Some(first) = first {
        spec.insert("version".to_owned(), first);
    }
}
