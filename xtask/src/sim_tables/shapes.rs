//! How the server's own types are written as JSON: read from the Go sources of the version that the testbed builds.
//!
//! OpenAPI does not tell an optional number that is left out when it is 0 from one that is kept (a pointer in Go), nor
//! which empty lists are written as null. Both are needed to answer as the server does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

/// One Go field with a JSON name; the name is empty for types that are inlined.
struct Field {
    json: String,
    go: String,
    omits_empty: bool,
    omits_zero: bool,
}

/// Type → fields that are kept when they are empty (`keep`), and that are written when they are absent (`always`).
pub fn read(module: &Path, schemas: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut packages: BTreeMap<String, BTreeMap<String, Vec<Field>>> = BTreeMap::new();
    let mut shapes = Map::new();
    for (name, schema) in schemas {
        let Some((package, type_name)) = name.rsplit_once('.') else {
            continue;
        };
        if !packages.contains_key(package) {
            packages.insert(package.to_owned(), structs(module, package)?);
        }
        let (types, properties) = (&packages[package], schema.get("properties"));
        let mut keep: Vec<&str> = Vec::new();
        let mut always = Map::new();
        for field in flat(types, type_name) {
            let Some(property) = properties.and_then(|all| all.get(&field.json)) else {
                continue;
            };
            let scalar = matches!(
                property["type"].as_str(),
                Some("string" | "integer" | "boolean" | "number")
            );
            if scalar && field.go.starts_with('*') && field.omits_empty {
                keep.push(&field.json);
            }
            let required = schema["required"]
                .as_array()
                .is_some_and(|all| all.contains(&json!(field.json)));
            if scalar && !required && !field.go.starts_with('*') && !field.omits_empty {
                always.insert(field.json.clone(), zero(property));
            } else if let Some(value) = written(field) {
                always.insert(field.json.clone(), value);
            }
        }
        keep.sort_unstable();
        if !keep.is_empty() || !always.is_empty() {
            shapes.insert(name.clone(), super::sorted(&json!({"always": always, "keep": keep})));
        }
    }
    Ok(shapes)
}

fn zero(property: &Value) -> Value {
    match property["type"].as_str() {
        Some("string") => "".into(),
        Some("boolean") => false.into(),
        _ => 0.into(),
    }
}

/// What is written for a field that was never set and that is no plain scalar or struct (those have a schema default).
fn written(field: &Field) -> Option<Value> {
    if field.omits_zero {
        return None;
    }
    match field.go.as_str() {
        "Time" | "MicroTime" | "metav1.Time" | "metav1.MicroTime" => Some(Value::Null),
        "resource.Quantity" => Some("0".into()),
        go if go.starts_with("[]") || go.starts_with("map[") || go.starts_with('*') => {
            (!field.omits_empty).then_some(Value::Null)
        }
        _ => None,
    }
}

/// Fields of a type, inlined ones in their place.
fn flat<'a>(types: &'a BTreeMap<String, Vec<Field>>, name: &str) -> Vec<&'a Field> {
    let fields = types.get(name).map(Vec::as_slice).unwrap_or_default();
    let each = fields.iter().flat_map(|field| {
        if field.json.is_empty() {
            flat(types, field.go.trim_start_matches('*'))
        } else {
            vec![field]
        }
    });
    each.collect()
}

/// All structs of a package, by the package's name in OpenAPI.
fn structs(module: &Path, package: &str) -> Result<BTreeMap<String, Vec<Field>>, String> {
    let mut found = BTreeMap::new();
    for source in sources(module, package)? {
        parse(&source, &mut found);
    }
    Ok(found)
}

/// The Go files of a package that people wrote; none for packages whose types are written in ways of their own.
pub fn sources(module: &Path, package: &str) -> Result<Vec<String>, String> {
    let Some(path) = go_package(package) else {
        return Ok(Vec::new());
    };
    let listed = Command::new("go")
        .args(["list", "-f", "{{.Dir}}", &path])
        .current_dir(module)
        .output()
        .map_err(|e| format!("go: {e}"))?;
    if !listed.status.success() {
        return Err(format!("go list {path}: {}", String::from_utf8_lossy(&listed.stderr)));
    }
    let folder = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
    let files = std::fs::read_dir(&folder).map_err(|e| format!("{folder}: {e}"))?;
    let mut sources = Vec::new();
    for file in files.filter_map(Result::ok) {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".go") && !name.starts_with("generated") && !name.starts_with("zz_") {
            sources.push(super::read(&file.path())?);
        }
    }
    Ok(sources)
}

/// `io.k8s.api.apps.v1` → `k8s.io/api/apps/v1`.
fn go_package(package: &str) -> Option<String> {
    let rest = package.strip_prefix("io.k8s.")?;
    let path = rest.replace('.', "/");
    (!path.contains("/pkg/util/") && !path.contains("pkg/runtime") && !path.contains("api/resource"))
        .then(|| format!("k8s.io/{path}"))
}

fn parse(source: &str, found: &mut BTreeMap<String, Vec<Field>>) {
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
    let tag = tags.split_once("json:\"")?.1.split('"').next()?;
    let mut words = tag.split(',');
    let json = words.next()?.to_owned();
    let options: Vec<&str> = words.collect();
    let declared: Vec<&str> = declared.split_whitespace().collect();
    let go = (*declared.last()?).to_owned();
    let inline = options.contains(&"inline") || declared.len() == 1;
    let same_package = !go.contains('.');
    (!json.is_empty() || (inline && same_package)).then(|| Field {
        omits_empty: options.contains(&"omitempty"),
        omits_zero: options.contains(&"omitzero"),
        json,
        go,
    })
}
