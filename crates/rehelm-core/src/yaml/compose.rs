//! From parser events to JSON values: anchors, merge keys, tags, duplicate keys.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{self as granit, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{Dialect, YamlError, scalar};

/// Collections inside each other; a Kubernetes object has a dozen.
const MAX_DEPTH: usize = 100;
/// What aliases may add to one text, in [`Node::weight`]s.
const MAX_ALIASED: usize = 1_000_000;

/// A value and about how much memory it takes (1 = one value or 64 bytes of text).
struct Node {
    value: Value,
    weight: usize,
}

pub(super) struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    dialect: Dialect,
    file: &'a str,
    anchors: HashMap<usize, Node>,
    aliased: usize,
}

impl<'a> Composer<'a> {
    pub(super) fn new(text: &'a str, file: &'a str, dialect: Dialect) -> Self {
        let mut options = granit::options! {
            simple_key_max_lookahead: 10_000,
            // kubectl and Kustomize end the last line themselves; PyYAML does not.
            block_scalar_eof_without_line_feed: dialect == Dialect::Python,
        };
        options.set_emit_comments(false);
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            dialect,
            file,
            anchors: HashMap::new(),
            aliased: 0,
        }
    }

    /// All documents that are not empty.
    pub(super) fn documents(mut self) -> Result<Vec<Value>, YamlError> {
        let mut documents = Vec::new();
        while let Some(next) = self.parser.next() {
            let (event, span) = next.map_err(|e| self.syntax(&e))?;
            match event {
                Event::DocumentStart(..) | Event::StreamStart | Event::StreamEnd => self.anchors.clear(),
                event if event.is_node() => {
                    let value = self.node(event, span, 0)?.value;
                    documents.extend(Some(value).filter(|value| !value.is_null()));
                }
                _ => {}
            }
        }
        Ok(documents)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(e)) => Err(self.syntax(&e)),
            None => Err(self.error(&Span::default(), "unexpected end")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        if depth > MAX_DEPTH {
            return Err(self.error(&span, "nested too deeply"));
        }
        let anchor = event.anchor_id();
        let node = match event {
            Event::Scalar(text, style, _, tag) => Node {
                weight: 1 + text.len() / 64,
                value: self.scalar(text, style, tag.as_deref()),
            },
            Event::SequenceStart(..) => self.sequence(depth)?,
            Event::MappingStart(..) => self.mapping(depth)?,
            Event::Alias(id) => return self.alias(id, &span),
            _ => return Err(self.error(&span, "expected a value")),
        };
        if let Some(id) = anchor {
            let (value, weight) = (node.value.clone(), node.weight);
            self.anchors.insert(id, Node { value, weight });
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<Node, YamlError> {
        let Some(Node { value, weight }) = self.anchors.get(&id) else {
            return Err(self.error(span, "this alias refers to a value that contains it"));
        };
        self.aliased += weight;
        if self.aliased > MAX_ALIASED {
            return Err(self.error(span, "aliases expand beyond reason"));
        }
        let (value, weight) = (value.clone(), *weight);
        Ok(Node { value, weight })
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, YamlError> {
        let (mut items, mut weight) = (Vec::new(), 1);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let value = Value::Array(items);
                return Ok(Node { value, weight });
            }
            let item = self.node(event, span, depth + 1)?;
            weight += item.weight;
            items.push(item.value);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, YamlError> {
        let (mut map, mut merged, mut weight) = (Map::new(), Vec::new(), 1);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge = match &event {
                Event::Scalar(text, style, _, tag) => text == "<<" && *style == ScalarStyle::Plain && tag.is_none(),
                _ => false,
            };
            let raw = event.scalar().map(|(text, _)| text.to_owned());
            let key = self.node(event, span, depth + 1)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            weight += key.weight + value.weight;
            if is_merge {
                merged.extend(self.merge_sources(value.value, &value_span)?);
            } else {
                let key = self.key(key.value, raw, &span)?;
                map.insert(key, value.value);
            }
        }
        // What is written here wins over what is merged, and an earlier source over a later one.
        for (key, value) in merged.into_iter().flatten() {
            map.entry(key).or_insert(value);
        }
        let value = Value::Object(map);
        Ok(Node { value, weight })
    }

    fn merge_sources(&self, value: Value, span: &Span) -> Result<Vec<Map<String, Value>>, YamlError> {
        let sources = match value {
            Value::Array(items) => items,
            other => vec![other],
        };
        let maps = sources.into_iter().map(|source| match source {
            Value::Object(map) => Ok(map),
            _ => Err(self.error(span, "expected a mapping, or a list of mappings, to merge")),
        });
        maps.collect()
    }

    /// JSON's keys are text: numbers and booleans are written out, as kubectl does.
    fn key(&self, value: Value, raw: Option<String>, span: &Span) -> Result<String, YamlError> {
        match value {
            Value::String(text) => Ok(text),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Number(number) if number.is_f64() => Ok(raw.unwrap_or_else(|| number.to_string())),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Err(self.error(span, "expected a key, found nothing")),
            Value::Array(_) | Value::Object(_) => Err(self.error(span, "expected a text as key, found a collection")),
        }
    }

    fn scalar(&self, text: Cow<'a, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value {
        let Some(tag) = tag else {
            return match style {
                ScalarStyle::Plain => scalar::plain(&text, self.dialect),
                _ => Value::String(text.into_owned()),
            };
        };
        match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
            Some("int" | "float" | "bool" | "null") => scalar::plain(&text, self.dialect),
            Some("binary") => {
                let clean: String = text.split_ascii_whitespace().collect();
                let decoded = base64::engine::general_purpose::STANDARD.decode(clean).ok();
                let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                Value::String(decoded.unwrap_or_else(|| text.into_owned()))
            }
            // `!!str`, `!`, and tags of an application.
            _ => Value::String(text.into_owned()),
        }
    }

    fn syntax(&self, error: &ScanError) -> YamlError {
        let mark = error.marker();
        self.at(mark.line(), mark.col(), &error.info())
    }

    fn error(&self, span: &Span, expected: &str) -> YamlError {
        self.at(span.start.line(), span.start.col(), expected)
    }

    fn at(&self, line: usize, column: usize, expected: &str) -> YamlError {
        YamlError {
            file: self.file.to_owned(),
            line: line as u64,
            column: column as u64 + 1,
            expected: expected.to_owned(),
        }
    }
}
