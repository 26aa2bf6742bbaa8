//! Bodies in protobuf, which kubectl and Helm send of the objects that they make themselves: read as JSON.
//!
//! Types come from the schemas, numbers of fields from `tables/wire.json`. Answers are JSON; clients that send protobuf
//! accept that.

mod special;
mod wire;

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::schema::{Schema, Schemas};
use wire::{Reader, Wire};

/// The media type.
pub(crate) const MEDIA: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

static NUMBERS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../tables/wire.json")).expect("the numbers are well formed"));

/// Reads a body: an object in its envelope.
pub(crate) fn read(schemas: &Arc<Schemas>, body: &[u8]) -> Result<Value, Refusal> {
    let broken = || Refusal::bad_request("the object provided is unrecognized (must be of a known type): not protobuf");
    let envelope = body.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Reader(envelope) {
        match field.ok_or_else(broken)? {
            (1, Wire::Bytes(meta)) => {
                for field in Reader(meta) {
                    match field.ok_or_else(broken)? {
                        (1, Wire::Bytes(text)) => api_version = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(text)) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let name = schema_name(schemas, &api_version, &kind);
    let schema = name.and_then(|name| Schema::named(schemas, name)).ok_or_else(|| {
        let gvk = format!("no kind \"{kind}\" is registered for version \"{api_version}\"");
        Refusal::bad_request(gvk)
    })?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), kind.into());
    object.insert("apiVersion".to_owned(), api_version.into());
    object.extend(message(&schema, raw).ok_or_else(broken)?);
    Ok(Value::Object(object))
}

/// The schema of a kind, whether it is a resource or only the body of a subresource.
fn schema_name<'a>(schemas: &'a Schemas, api_version: &str, kind: &str) -> Option<&'a str> {
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let package = format!(".{}.{version}.{kind}", group.split('.').next().unwrap_or_default());
    let options = format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}");
    let mut names = schemas.named.keys().map(String::as_str);
    let own = names.clone().find(|name| name.ends_with(&package));
    own.or_else(|| names.find(|name| *name == options))
}

fn message(schema: &Schema, bytes: &[u8]) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    let numbers = NUMBERS.get(schema.name()).and_then(Value::as_object)?;
    fields(schema, numbers, bytes, &mut object)?;
    Some(object)
}

fn fields(schema: &Schema, numbers: &Map<String, Value>, bytes: &[u8], object: &mut Map<String, Value>) -> Option<()> {
    for field in Reader(bytes) {
        let (number, wire) = field?;
        match (numbers.get(&number.to_string()), &wire) {
            (Some(Value::Object(inlined)), Wire::Bytes(bytes)) => fields(schema, inlined, bytes, object)?,
            (Some(Value::String(name)), _) => {
                if let Some(property) = schema.property(name) {
                    add(&property, name, &wire, object)?;
                }
            }
            // A field of a newer version: the server, too, passes over those.
            _ => {}
        }
    }
    Some(())
}

/// One occurrence of a field: a value, an item of a list, or an entry of a mapping.
fn add(schema: &Schema, name: &str, wire: &Wire<'_>, object: &mut Map<String, Value>) -> Option<()> {
    if let Some(items) = schema.items() {
        let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut()?.push(value(&items, wire)?);
    } else if let (Some(values), false) = (schema.additional(), schema.has_properties()) {
        let (mut key, mut entry) = (String::new(), None);
        let Wire::Bytes(bytes) = wire else { return None };
        for field in Reader(bytes) {
            match field? {
                (1, Wire::Bytes(text)) => key = String::from_utf8_lossy(text).into_owned(),
                (2, wire) => entry = Some(map_value(&values, &wire)?),
                _ => {}
            }
        }
        let entry = entry.unwrap_or_else(|| "".into());
        let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        map.as_object_mut()?.insert(key, entry);
    } else {
        let value = value(schema, wire)?;
        // A time that was never set is an empty message.
        if !value.is_null() {
            object.insert(name.to_owned(), value);
        }
    }
    Some(())
}

/// A list as the value of a mapping is a message of its own, with the items as field 1.
fn map_value(schema: &Schema, wire: &Wire<'_>) -> Option<Value> {
    let (Some(items), Wire::Bytes(bytes)) = (schema.items(), wire) else {
        return value(schema, wire);
    };
    let each = Reader(bytes).map(|field| value(&items, &field?.1));
    each.collect::<Option<Vec<_>>>().map(Value::Array)
}

fn value(schema: &Schema, wire: &Wire<'_>) -> Option<Value> {
    match wire {
        Wire::Number(number) => Some(match schema.type_name() {
            "boolean" => (*number != 0).into(),
            _ => number.cast_signed().into(),
        }),
        Wire::Double(number) => Some((*number).into()),
        Wire::Bytes(bytes) => {
            if let Some(special) = special::read(schema, bytes) {
                return special;
            }
            match schema.type_name() {
                "string" => String::from_utf8(bytes.to_vec()).ok().map(Value::from),
                _ => message(schema, bytes).map(Value::Object),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).expect("short");
        [&[number << 3 | 2, length], bytes].concat()
    }

    #[test]
    fn an_object_in_its_envelope() {
        let meta = [field(1, b"web"), field(3, b"shop"), field(8, b"")].concat();
        let data = [field(1, b"key"), field(2, b"\x01\x02")].concat();
        let secret = [field(1, &meta), field(2, &data), field(3, b"Opaque"), vec![5 << 3, 1]].concat();
        let types = [field(1, b"v1"), field(2, b"Secret")].concat();
        let body = [MAGIC, &field(1, &types), &field(2, &secret)].concat();
        let read = read(&crate::tables::newest().schemas, &body);
        let expected = json!({
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {"name": "web", "namespace": "shop"},
            "data": {"key": "AQI="},
            "type": "Opaque",
            "immutable": true,
        });
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn what_is_no_protobuf_is_refused() {
        let schemas = crate::tables::newest().schemas.clone();
        assert!(read(&schemas, b"{}").is_err());
        assert!(read(&schemas, b"k8s\0\xff\xff\xff").is_err());
    }
}
