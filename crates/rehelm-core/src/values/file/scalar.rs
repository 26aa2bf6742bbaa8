//! Scalars and keys: plain where no reader could be mistaken, a block where a text has lines, quoted and escaped otherwise.

use serde_json::Value;

/// Words that some reader takes for something else than a text.
const WORDS: [&str; 11] = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
];

/// A key.
pub(super) fn key(key: &str) -> String {
    if is_plain(key) { key.to_owned() } else { quoted(key) }
}

/// A scalar (or an empty list or mapping) behind a key that is indented by `indent`.
pub(super) fn scalar(value: &Value, indent: &str) -> String {
    match value {
        Value::String(text) if is_block(text) => block(text, indent),
        other => inline(other),
    }
}

/// A scalar on one line.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// Begins with a letter or `/`, has only letters, digits and harmless signs, and is no word that means something.
fn is_plain(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '+');
    let colons = text.chars().all(|c| harmless(c) || c == ':') && !text.ends_with(':');
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    first && colons && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Text of several lines in printable ASCII that begins and ends plainly.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        && body
            .lines()
            .next()
            .is_some_and(|first| !first.is_empty() && !first.starts_with(' '))
        && body
            .split('\n')
            .all(|line| !line.ends_with(' ') && line.chars().all(|c| matches!(c, ' '..='~')))
}

fn block(text: &str, indent: &str) -> String {
    let (sign, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let lines: Vec<String> = body
        .split('\n')
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{indent}  {line}")
            }
        })
        .collect();
    format!("{sign}\n{}", lines.join("\n"))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_reader_could_take_for_something_else_is_quoted() {
        for odd in [
            "y",
            "No",
            "0755",
            "1e6",
            "~",
            "",
            " a",
            "a ",
            "a: b",
            "a:",
            "- x",
            "*",
            "1_000",
            "NaN",
            "2024-01-01",
        ] {
            assert!(quoted(odd) == inline(&json!(odd)), "{odd}");
        }
        for plain in ["a", "/x", "registry.example.com:5000/a-b_c:v1.2", "https://x"] {
            assert_eq!(inline(&json!(plain)), plain);
        }
        assert_eq!(quoted("\t\u{2028}\u{e9}😀\\"), r#""\t\u2028\xe9\U0001f600\\""#);
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in prop_oneof![".*", "[ \t\na-c:#|>'\"-]{0,12}", "[0-9eEyYnN._xo:+-]{1,5}"], key in "[^\u{0}]{1,4}") {
            let value = json!({key: {"t": text.clone(), "l": [text]}});
            let written = super::super::write(&value, &json!({}), &[], &Default::default());
            prop_assert_eq!(crate::yaml::parse_document(&written, "").unwrap().unwrap(), value);
        }
    }
}
