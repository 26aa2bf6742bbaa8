//! OpenAPI v2 in protobuf, as kubectl and Helm read it: the messages of `OpenAPIv2.proto` (package `openapi.v2`).
//!
//! Only the fields that our own document has are written. Extensions are YAML in a text; JSON is YAML.

use serde_json::Value;

/// Bytes of a protobuf message.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or(0));
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A text; empty ones are left out, as protobuf does.
    fn text(&mut self, field: u64, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    fn flag(&mut self, field: u64, value: Option<&Value>) {
        if value == Some(&Value::Bool(true)) {
            self.varint(field << 3);
            self.varint(1);
        }
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn texts(&mut self, field: u64, list: Option<&Value>) {
        for text in list
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            self.bytes(field, text.as_bytes());
        }
    }

    /// `NamedX { name, value }` for each entry of a mapping.
    fn named(&mut self, field: u64, map: Option<&Value>, value: impl Fn(&Value) -> Self) {
        for (name, of) in map.and_then(Value::as_object).into_iter().flatten() {
            let mut entry = Self::default();
            entry.text(1, name);
            entry.message(2, &value(of));
            self.message(field, &entry);
        }
    }

    /// `NamedAny` for each extension.
    fn extensions(&mut self, field: u64, of: &Value) {
        for (name, value) in of
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| name.starts_with("x-"))
        {
            let mut entry = Self::default();
            entry.text(1, name);
            entry.message(2, &any(value));
            self.message(field, &entry);
        }
    }
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `Any { yaml }`.
fn any(value: &Value) -> Message {
    let mut message = Message::default();
    message.text(2, &format!("{value}\n"));
    message
}

/// The whole document.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, text(document, "swagger"));
    let mut info = Message::default();
    info.text(1, text(&document["info"], "title"));
    info.text(2, text(&document["info"], "version"));
    out.message(2, &info);
    let mut paths = Message::default();
    paths.named(2, document.get("paths"), path_item);
    out.message(8, &paths);
    let mut definitions = Message::default();
    definitions.named(1, document.get("definitions"), schema);
    out.message(9, &definitions);
    out.0
}

fn path_item(item: &Value) -> Message {
    let mut out = Message::default();
    for (field, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(of) = item.get(method) {
            out.message(field, &operation(of));
        }
    }
    for of in item.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        out.message(9, &parameter(of));
    }
    out
}

fn operation(of: &Value) -> Message {
    let mut out = Message::default();
    out.text(5, text(of, "operationId"));
    out.texts(6, of.get("produces"));
    out.texts(7, of.get("consumes"));
    for each in of.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        out.message(8, &parameter(each));
    }
    let mut responses = Message::default();
    responses.named(1, of.get("responses"), response);
    out.message(9, &responses);
    out.extensions(13, of);
    out
}

/// `ResponseValue { response { description, schema { schema } } }`.
fn response(of: &Value) -> Message {
    let (mut value, mut response, mut item) = (Message::default(), Message::default(), Message::default());
    response.text(1, text(of, "description"));
    if let Some(of) = of.get("schema") {
        item.message(1, &schema(of));
        response.message(2, &item);
    }
    value.message(1, &response);
    value
}

/// `ParametersItem { parameter { body_parameter | non_body_parameter { query… | path… } } }`.
fn parameter(of: &Value) -> Message {
    let (mut item, mut parameter) = (Message::default(), Message::default());
    let mut inner = Message::default();
    if text(of, "in") == "body" {
        inner.text(2, text(of, "name"));
        inner.text(3, "body");
        inner.flag(4, of.get("required"));
        if let Some(of) = of.get("schema") {
            inner.message(5, &schema(of));
        }
        parameter.message(1, &inner);
    } else {
        let path = text(of, "in") == "path";
        inner.flag(1, of.get("required"));
        inner.text(2, text(of, "in"));
        inner.text(4, text(of, "name"));
        inner.text(if path { 5 } else { 6 }, text(of, "type"));
        inner.flag(if path { 18 } else { 20 }, of.get("uniqueItems"));
        let mut non_body = Message::default();
        non_body.message(if path { 4 } else { 3 }, &inner);
        parameter.message(2, &non_body);
    }
    item.message(1, &parameter);
    item
}

fn schema(of: &Value) -> Message {
    let mut out = Message::default();
    out.text(1, text(of, "$ref"));
    out.text(2, text(of, "format"));
    out.text(4, text(of, "description"));
    out.texts(19, of.get("required"));
    for value in of.get("enum").and_then(Value::as_array).into_iter().flatten() {
        out.message(20, &any(value));
    }
    if let Some(additional) = of.get("additionalProperties").filter(|value| value.is_object()) {
        let mut item = Message::default();
        item.message(1, &schema(additional));
        out.message(21, &item);
    }
    if let Some(kind) = of.get("type").and_then(Value::as_str) {
        let mut item = Message::default();
        item.text(1, kind);
        out.message(22, &item);
    }
    if let Some(items) = of.get("items") {
        let mut item = Message::default();
        item.message(1, &schema(items));
        out.message(23, &item);
    }
    if of.get("properties").is_some() {
        let mut properties = Message::default();
        properties.named(1, of.get("properties"), schema);
        out.message(25, &properties);
    }
    out.extensions(31, of);
    out
}
