//! How paths are written: keys with dots between them, anything else in brackets, odd keys quoted as in JSON.

use std::fmt;

/// One part of a written path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// A key, plain or quoted.
    Key(String),
    /// What stands between brackets and is not quoted as a whole.
    Bracket(String),
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no path: {why}")]
pub struct PathError {
    /// The text.
    pub text: String,
    /// What was expected.
    pub why: &'static str,
}

/// True for a key that needs no quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '$'))
}

/// Writes a key in its place: with a dot before it unless it is the first, in brackets when it needs quotes.
pub(crate) fn write_key(f: &mut fmt::Formatter<'_>, first: bool, key: &str) -> fmt::Result {
    if is_plain(key) {
        write!(f, "{}{key}", if first { "" } else { "." })
    } else {
        write!(f, "[{}]", quoted(key))
    }
}

/// A text in quotes as JSON has it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Takes a written path apart.
pub(crate) fn split(text: &str) -> Result<Vec<Segment>, PathError> {
    let fail = |why| PathError {
        text: text.to_owned(),
        why,
    };
    let mut segments = Vec::new();
    let mut rest = text.strip_prefix('.').unwrap_or(text);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let end = closing(inside).ok_or(fail("a bracket is not closed"))?;
            let inner = &inside[..end];
            segments.push(match inner.strip_prefix('"') {
                Some(_) => Segment::Key(unquoted(inner).ok_or(fail("a quoted key is not written as in JSON"))?),
                None => Segment::Bracket(inner.to_owned()),
            });
            rest = &inside[end + 1..];
            rest = rest.strip_prefix('.').unwrap_or(rest);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(fail("a key is empty; write it as [\"\"]"));
            }
            segments.push(Segment::Key(rest[..end].to_owned()));
            rest = &rest[end..];
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
    }
    Ok(segments)
}

/// Reads a text in quotes; None when it is not written as in JSON.
pub(crate) fn unquoted(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

/// Where the bracket ends, quotes respected.
fn closing(text: &str) -> Option<usize> {
    let (mut in_quotes, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            ']' if !in_quotes => return Some(at),
            _ => {}
        }
    }
    None
}
