//! Numbers of fields in protobuf: read from the tags of the Go types of the version that the testbed builds.
//!
//! kubectl and Helm send what they make themselves as protobuf. Types come from OpenAPI; only the numbers do not.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::shapes::sources;

/// One Go field: its number, its JSON name (empty when it is inlined), its type.
struct Field {
    number: String,
    json: String,
    go: String,
}

type Types = BTreeMap<String, Vec<Field>>;

/// Type → number → JSON name; an inlined type has its own numbers there.
pub fn read(module: &Path, schemas: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut packages: BTreeMap<String, Types> = BTreeMap::new();
    let mut wire = Map::new();
    for name in schemas.keys() {
        let Some((package, type_name)) = name.rsplit_once('.') else {
            continue;
        };
        if !packages.contains_key(package) {
            let mut types = Types::new();
            for source in sources(module, package)? {
                parse(&source, &mut types);
            }
            packages.insert(package.to_owned(), types);
        }
        let numbers = numbers(&packages[package], type_name);
        if !numbers.is_empty() {
            wire.insert(name.clone(), Value::Object(numbers));
        }
    }
    Ok(wire)
}

fn numbers(types: &Types, name: &str) -> Map<String, Value> {
    let fields = types.get(name).map(Vec::as_slice).unwrap_or_default();
    let each = fields.iter().map(|field| {
        let what = if field.json.is_empty() {
            Value::Object(numbers(types, field.go.trim_start_matches('*')))
        } else {
            Value::from(field.json.as_str())
        };
        (field.number.clone(), what)
    });
    each.collect()
}

fn parse(source: &str, found: &mut Types) {
    let mut current: Option<String> = None;
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("type ") {
            current = rest.strip_suffix(" struct {").map(str::to_owned);
        } else if line == "}" {
            current = None;
        } else if let (Some(name), Some(field)) = (&current, field(line.trim())) {
            found.entry(name.clone()).or_default().push(field);
        }
    }
}

fn field(line: &str) -> Option<Field> {
    let (declared, tags) = line.split_once('`')?;
    let json = tags.split_once("json:\"")?.1.split(['"', ',']).next()?;
    let number = tags.split_once("protobuf:\"")?.1.split(',').nth(1)?;
    (json != "-").then(|| Field {
        number: number.to_owned(),
        json: json.to_owned(),
        go: declared.split_whitespace().last().unwrap_or_default().to_owned(),
    })
}
