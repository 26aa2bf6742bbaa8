//! The one place for YAML: what kubectl and Helm read, we read; what we write, every reader reads back.
//!
//! Reading follows YAML 1.1 as Kubernetes tools do (`0644` is 420, `on` is true, the last of duplicate keys wins,
//! merge keys expand). The syntax is the parser's of serde-saphyr; what scalars mean is decided here, because its
//! deserializer reads `0899`, `tRue` or a key `on` as none of the vendor's and Kubernetes' tools do. Errors name file, line and column and never quote the text, which may be a secret.
//! Writing quotes whatever any of the readers (go-yaml, PyYAML, YAML 1.2) could take for something else.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Options, SnippetMode};

use crate::finding::Finding;
use crate::object::Object;

mod compose;
mod scalar;

use compose::Composer;

/// Why a text is not YAML, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{expected}", place(file, *line, *column))]
pub struct YamlError {
    /// The name that the caller gave to the text; may be empty.
    pub file: String,
    /// From 1; 0 when the place is not known.
    pub line: u64,
    /// From 1; 0 when the place is not known.
    pub column: u64,
    /// What was expected, in words; no content of the file.
    pub expected: String,
}

/// Whose reading of plain scalars counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// kubectl and Helm (go-yaml): `y` is true, `1e3` is 1000, `0o17` is 15, `1:30` is text.
    #[default]
    Kubernetes,
    /// PyYAML: `y`, `1e3` and `0o17` are text, `1:30` is 90.
    Python,
}

/// Reads all documents of a text; empty ones (and `null`) are left out. `file_name` is for errors only.
///
/// # Errors
/// The first place that is not YAML, or where aliases expand beyond reason.
pub fn parse_documents(text: &str, file_name: &str) -> Result<Vec<Value>, YamlError> {
    parse_documents_as(text, file_name, Dialect::Kubernetes)
}

/// [`parse_documents`] as another reader would.
///
/// # Errors
/// As there.
pub fn parse_documents_as(text: &str, file_name: &str, dialect: Dialect) -> Result<Vec<Value>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // JSON is almost a subset, but its reader is exact and quick (`kubectl get -o json`).
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(vec![value]);
    }
    Composer::new(text, file_name, dialect).documents()
}

/// Reads a text that should be one document; None when it is empty.
///
/// # Errors
/// Not YAML, or more than one document.
pub fn parse_document(text: &str, file_name: &str) -> Result<Option<Value>, YamlError> {
    let mut documents = parse_documents(text, file_name)?;
    if documents.len() > 1 {
        return Err(YamlError {
            file: file_name.to_owned(),
            line: 0,
            column: 0,
            expected: format!("expected one document, found {}", documents.len()),
        });
    }
    Ok(documents.pop())
}

/// Reads a text of our own (profiles, configuration) into a type. An empty text reads as `null`.
///
/// # Errors
/// Not YAML, or not of that shape, with file and line. Unlike in manifests, a duplicate key is an error.
pub fn from_str<T: DeserializeOwned>(text: &str, file_name: &str) -> Result<T, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_saphyr::from_str_with_options(text, own_files()).map_err(|e| yaml_error(&e, file_name))
}

/// Reads Kubernetes objects, `kind: List` flattened to any depth. A document that is no object becomes a finding
/// `manifest-not-an-object` (arguments: `document`, counted from 1, and `why`).
///
/// # Errors
/// The text is not YAML.
pub fn parse_objects(text: &str, file_name: &str) -> Result<(Vec<Object>, Vec<Finding>), YamlError> {
    let (mut objects, mut findings) = (Vec::new(), Vec::new());
    for (index, document) in parse_documents(text, file_name)?.into_iter().enumerate() {
        flatten(document, &mut |value| match Object::from_value(value) {
            Ok(object) => objects.push(object),
            Err(why) => findings.push(
                Finding::warning("manifest-not-an-object", file_name)
                    .arg("document", index + 1)
                    .arg("why", why),
            ),
        });
    }
    Ok((objects, findings))
}

/// Hands over a value, or the items of a `kind: …List` with `items` one by one.
pub(crate) fn flatten(value: Value, take: &mut dyn FnMut(Value)) {
    let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array();
    match value {
        Value::Object(mut map) if is_list => {
            if let Some(Value::Array(items)) = map.remove("items") {
                for item in items {
                    flatten(item, take);
                }
            }
        }
        other => take(other),
    }
}

/// Writes one document, without a leading `---`, ending in a newline.
///
/// No block scalars: go-yaml refuses those whose text begins with a tab. Text that YAML 1.1 or 1.2 could read as
/// anything else is quoted.
///
/// # Panics
/// Never: a JSON value has nothing that YAML cannot say.
pub fn to_string(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut text = serde_saphyr::to_string_with_options(value, options).expect("JSON is always YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes several documents, separated by `---`.
pub fn to_string_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    values.into_iter().map(to_string).collect::<Vec<_>>().join("---\n")
}

fn own_files() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        emit_comments: false,
        with_snippet: false,
    }
}

fn yaml_error(error: &Error, file: &str) -> YamlError {
    let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
    let expected = error.render_with_options(serde_saphyr::render_options! { snippets: SnippetMode::Off });
    let suffix = format!(" at line {line}, column {column}");
    YamlError {
        file: file.to_owned(),
        line,
        column,
        expected: expected.strip_suffix(&suffix).unwrap_or(&expected).to_owned(),
    }
}

fn place(file: &str, line: u64, column: u64) -> String {
    match (file, line) {
        ("", 0) => String::new(),
        (file, 0) => format!("{file}: "),
        ("", line) => format!("line {line}, column {column}: "),
        (file, line) => format!("{file}:{line}:{column}: "),
    }
}

#[cfg(test)]
mod tests;
