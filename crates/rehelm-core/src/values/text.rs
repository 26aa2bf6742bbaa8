//! How a text is made of values: literal parts, values in some writing, and base64 around some of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::ValuePath;

/// One part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// What the chart writes, whatever the values are.
    Literal(String),
    /// A value. Other parts of the same text may be other values.
    Value {
        /// Which one.
        path: ValuePath,
        /// How it is written.
        coding: Coding,
    },
    /// Base64 of a text.
    Base64(Vec<Part>),
}

/// How a value is written into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Coding {
    /// As it is; numbers and booleans as their digits and words.
    Plain,
    /// Between quotes as in JSON (the quotes belong to it).
    Quoted,
    /// In capitals.
    Upper,
    /// Without capitals.
    Lower,
    /// The first letter (of each word) in capitals.
    Title,
}

impl Coding {
    /// The value as it stands in the text; None for a map or a list (in which case nothing is known).
    pub fn write(self, value: &Value) -> Option<String> {
        let plain = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => return None,
        };
        Some(match self {
            Self::Plain => plain,
            Self::Quoted => Value::String(plain).to_string(),
            Self::Upper => plain.to_uppercase(),
            Self::Lower => plain.to_lowercase(),
            Self::Title => {
                let mut chars = plain.chars();
                chars
                    .next()
                    .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
            }
        })
    }

    /// The text that a value must have to stand so; None when no value can.
    pub fn read(self, written: &str) -> Option<String> {
        match self {
            Self::Plain => Some(written.to_owned()),
            Self::Quoted => serde_json::from_str(written).ok(),
            Self::Upper => (written == written.to_uppercase()).then(|| written.to_lowercase()),
            Self::Lower => (written == written.to_lowercase()).then(|| written.to_owned()),
            Self::Title => {
                let mut chars = written.chars();
                let first = chars.next();
                first
                    .is_none_or(char::is_uppercase)
                    .then(|| first.map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect()))
            }
        }
    }
}

/// The text that values make; None when one of them is a map or a list.
pub fn write<'a>(parts: &[Part], values: &dyn Fn(&ValuePath) -> &'a Value) -> Option<String> {
    parts.iter().try_fold(String::new(), |text, part| {
        let more = match part {
            Part::Literal(text) => text.clone(),
            Part::Value { path, coding } => coding.write(values(path))?,
            Part::Base64(parts) => STANDARD.encode(write(parts, values)?),
        };
        Some(text + &more)
    })
}

/// What each value must be, as a text, for the parts to make this text; in order of appearance. None when they cannot.
///
/// Between two values without anything between them the border cannot be known, which gives None; a literal between two
/// values ends the first one where it stands first, except for `:` and `@`, which end it where they stand last (the tag of an image).
pub fn read(parts: &[Part], text: &str) -> Option<Vec<(ValuePath, String)>> {
    let mut found = Vec::new();
    take(parts, text, &mut found)?;
    // A value that stands twice must be the same both times.
    let same = found
        .iter()
        .all(|(path, text): &(ValuePath, String)| found.iter().all(|(p, t)| p != path || t == text));
    same.then_some(found)
}

fn take(parts: &[Part], text: &str, found: &mut Vec<(ValuePath, String)>) -> Option<()> {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty().then_some(());
    };
    if let Part::Literal(literal) = first {
        return take(rest, text.strip_prefix(literal.as_str())?, found);
    }
    let (mine, others) = match rest.first() {
        None => (text, ""),
        Some(Part::Literal(literal)) if rest.len() == 1 => (text.strip_suffix(literal.as_str())?, literal.as_str()),
        Some(Part::Literal(literal)) if matches!(literal.as_str(), ":" | "@") => {
            text.split_at(text.rfind(literal.as_str())?)
        }
        Some(Part::Literal(literal)) => text.split_at(text.find(literal.as_str())?),
        Some(_) => return None,
    };
    match first {
        Part::Literal(_) => {}
        Part::Value { path, coding } => found.push((path.clone(), coding.read(mine)?)),
        Part::Base64(parts) => {
            let decoded = String::from_utf8(STANDARD.decode(mine).ok()?).ok()?;
            take(parts, &decoded, found)?;
        }
    }
    take(rest, others, found)
}

/// The values that parts speak of, in order of appearance.
pub fn values_of(parts: &[Part]) -> Vec<&ValuePath> {
    let mut found = Vec::new();
    for part in parts {
        match part {
            Part::Literal(_) => {}
            Part::Value { path, .. } => found.push(path),
            Part::Base64(parts) => found.extend(values_of(parts)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(path: &str) -> Part {
        Part::Value {
            path: path.parse().unwrap(),
            coding: Coding::Plain,
        }
    }

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn texts(parts: &[Part], text: &str) -> Option<Vec<String>> {
        Some(read(parts, text)?.into_iter().map(|(_, text)| text).collect())
    }

    #[test]
    fn an_image_has_its_tag_after_the_last_colon() {
        let parts = [value("image.repository"), literal(":"), value("image.tag")];
        assert_eq!(texts(&parts, "r:5000/a/b:1.2").unwrap(), ["r:5000/a/b", "1.2"]);
        assert_eq!(texts(&parts, "none"), None);
    }

    #[test]
    fn what_is_written_reads_back_through_base64() {
        let parts = [Part::Base64(vec![
            literal("{\"auth\":\""),
            Part::Base64(vec![value("u"), literal(":"), value("p")]),
            literal("\"}"),
        ])];
        let values = json!({"u": "me", "p": "word"});
        let text = write(&parts, &|path| path.get(&values).unwrap()).unwrap();
        assert_eq!(texts(&parts, &text).unwrap(), ["me", "word"]);
        assert_eq!(texts(&parts, "!"), None);
    }

    #[test]
    fn a_value_that_stands_twice_is_one() {
        let parts = [value("a"), literal("-"), value("a")];
        assert_eq!(texts(&parts, "x-x").unwrap(), ["x", "x"]);
        assert_eq!(texts(&parts, "x-y"), None);
        assert_eq!(texts(&[value("a"), value("b")], "xy"), None);
    }

    #[test]
    fn codings_go_both_ways() {
        for (coding, plain, written) in [
            (Coding::Plain, "aB", "aB"),
            (Coding::Quoted, "a\"b", "\"a\\\"b\""),
            (Coding::Upper, "ab", "AB"),
            (Coding::Lower, "ab", "ab"),
            (Coding::Title, "ab", "Ab"),
        ] {
            assert_eq!(coding.write(&json!(plain)).unwrap(), written);
            assert_eq!(coding.read(written).unwrap(), plain);
        }
        assert_eq!(Coding::Upper.read("Ab"), None);
        assert_eq!(Coding::Plain.write(&json!([])), None);
    }
}
