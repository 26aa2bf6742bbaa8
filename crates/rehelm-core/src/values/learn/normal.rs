//! Takes sentinels back: the same JSON as if each value were its default, so that only what values decide is left to compare.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::sentinel::{MarkId, Marks};

/// Shortest base64 that can hold a sentinel.
const SHORTEST: usize = 8;

/// Sentinels with what they stand for; `instead` wins over the defaults (names that the chart makes up by itself).
pub(crate) struct Restorer<'a> {
    pub marks: &'a Marks,
    pub instead: &'a HashMap<MarkId, String>,
}

impl Restorer<'_> {
    /// The JSON without sentinels. Keys are restored, too.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match self.text(text) {
                Some(text) => Value::String(text),
                None => value.clone(),
            },
            Value::Number(number) => match self.marks.of_number(number) {
                Some(mark) => match &self.marks.restore[mark] {
                    Value::String(text) => text
                        .parse::<i64>()
                        .map_or_else(|_| Value::from(text.as_str()), Value::from),
                    other => other.clone(),
                },
                None => value.clone(),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(map) => {
                let fields = map.iter().map(|(key, value)| (self.key(key), self.value(value)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    /// A key that would become empty or that is nothing but a sentinel of its own stays as it is.
    fn key(&self, key: &str) -> String {
        self.text(key)
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| key.to_owned())
    }

    /// The text without sentinels; None when it has none.
    pub fn text(&self, text: &str) -> Option<String> {
        let sights = self.marks.in_text(text);
        if sights.is_empty() {
            return self.encoded(text);
        }
        let mut restored = String::with_capacity(text.len());
        let mut from = 0;
        for sight in sights {
            restored.push_str(&text[from..sight.from]);
            let piece = &text[sight.from..sight.to];
            let plain = match (self.instead.get(&sight.mark), &self.marks.restore[sight.mark]) {
                (Some(text), _) | (None, Value::String(text)) => text.clone(),
                (None, Value::Null) => String::new(),
                (None, other) => other.to_string(),
            };
            let upper = piece.chars().any(char::is_uppercase) && !piece.chars().any(char::is_lowercase);
            restored.push_str(&if upper { plain.to_uppercase() } else { plain });
            from = sight.to;
        }
        restored.push_str(&text[from..]);
        Some(restored)
    }

    /// The same for sentinels inside base64.
    fn encoded(&self, text: &str) -> Option<String> {
        let mut restored = String::new();
        let mut from = 0;
        for (start, end, decoded) in encoded_runs(text) {
            if let Some(plain) = self.text(&decoded) {
                restored.push_str(&text[from..start]);
                restored.push_str(&STANDARD.encode(plain));
                from = end;
            }
        }
        (from > 0).then(|| restored + &text[from..])
    }
}

/// Stretches of base64 in a text that decode to text: from, to, decoded.
pub(crate) fn encoded_runs(text: &str) -> Vec<(usize, usize, String)> {
    let is_digit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    let bytes = text.as_bytes();
    let mut runs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes[at..].iter().take_while(|c| is_digit(**c)).count();
        let signs = bytes[at + digits..].iter().take(2).take_while(|c| **c == b'=').count();
        let end = at + digits + signs;
        if digits + signs >= SHORTEST
            && (digits + signs) % 4 == 0
            && let Ok(decoded) = STANDARD.decode(&bytes[at..end])
            && let Ok(decoded) = String::from_utf8(decoded)
        {
            runs.push((at, end, decoded));
        }
        at = end.max(at + 1);
    }
    runs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentinels_are_taken_back_everywhere() {
        let mut marks = Marks::default();
        let (_, host) = marks.text(json!("example.org"));
        let (_, port) = marks.number(json!(80), &|_| false);
        let instead = HashMap::new();
        let restorer = Restorer {
            marks: &marks,
            instead: &instead,
        };
        let secret = STANDARD.encode(format!(
            "{{\"auth\":\"{}\"}}",
            STANDARD.encode(format!("{host}:{port}"))
        ));
        let made = json!({"a": format!("http://{host}:{port}/"), "b": port, "c": [host.to_uppercase()], "d": secret, "e": "plain"});
        let plain = json!({"a": "http://example.org:80/", "b": 80, "c": ["EXAMPLE.ORG"],
            "d": STANDARD.encode(format!("{{\"auth\":\"{}\"}}", STANDARD.encode("example.org:80"))), "e": "plain"});
        assert_eq!(restorer.value(&made), plain);
    }
}
