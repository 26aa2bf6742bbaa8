//! What a chart makes of each entry of a map or each item of a list that it ranges over.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What one entry or item becomes: JSON with holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pattern {
    /// The key of the entry (or of the item, below [`Pattern::Map`] of the same name).
    Key,
    /// The content, as it is.
    Content,
    /// A text with the key and the content in it.
    Text(Vec<Hole>),
    /// A map of patterns.
    Map(Vec<(String, Pattern)>),
    /// What the chart writes, whatever the entry is.
    Fixed(Value),
}

/// Part of a text in a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hole {
    /// What the chart writes.
    Literal(String),
    /// The key.
    Key,
    /// The content, as text.
    Content,
}

/// An entry (with key) or an item (without) that was read out of a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fit {
    /// The key, where the pattern has one.
    pub key: Option<String>,
    /// The content; a text where the pattern writes it into a text.
    pub content: Option<Value>,
}

impl Pattern {
    /// What an entry becomes.
    pub fn write(&self, key: &str, content: &Value) -> Value {
        match self {
            Self::Key => Value::from(key),
            Self::Content => content.clone(),
            Self::Text(holes) => Value::String(write_text(holes, key, content)),
            Self::Map(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, pattern)| (name.clone(), pattern.write(key, content)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            Self::Fixed(value) => value.clone(),
        }
    }

    /// The entry that becomes this; None when none does.
    pub fn read(&self, made: &Value) -> Option<Fit> {
        let mut fit = Fit::default();
        self.take(made, &mut fit)?;
        Some(fit)
    }

    fn take(&self, made: &Value, fit: &mut Fit) -> Option<()> {
        match self {
            Self::Key => once(&mut fit.key, made.as_str()?.to_owned()),
            Self::Content => once(&mut fit.content, made.clone()),
            Self::Text(holes) => {
                let found = read_text(holes, made.as_str()?)?;
                found.key.map_or(Some(()), |key| once(&mut fit.key, key))?;
                found
                    .content
                    .map_or(Some(()), |content| once(&mut fit.content, content))
            }
            Self::Map(fields) => {
                let map = made.as_object().filter(|map| map.len() == fields.len())?;
                fields
                    .iter()
                    .try_for_each(|(name, pattern)| pattern.take(map.get(name)?, fit))
            }
            Self::Fixed(value) => (value == made).then_some(()),
        }
    }
}

fn once<T: PartialEq>(slot: &mut Option<T>, found: T) -> Option<()> {
    match slot {
        Some(before) => (*before == found).then_some(()),
        None => {
            *slot = Some(found);
            Some(())
        }
    }
}

/// The text that holes make.
pub fn write_text(holes: &[Hole], key: &str, content: &Value) -> String {
    let pieces = holes.iter().map(|hole| match hole {
        Hole::Literal(text) => text.clone(),
        Hole::Key => key.to_owned(),
        Hole::Content => content.as_str().map_or_else(|| content.to_string(), str::to_owned),
    });
    pieces.collect()
}

/// The key and the content in a text; None when it is not made so. A literal between them ends the first where it stands first.
pub fn read_text(holes: &[Hole], text: &str) -> Option<Fit> {
    let mut fit = Fit::default();
    let mut rest = text;
    let mut holes = holes;
    while let Some((hole, after)) = holes.split_first() {
        holes = after;
        if let Hole::Literal(literal) = hole {
            rest = rest.strip_prefix(literal.as_str())?;
            continue;
        }
        let end = match after {
            [] => rest.len(),
            [Hole::Literal(literal)] => rest.strip_suffix(literal.as_str())?.len(),
            [Hole::Literal(literal), ..] => rest.find(literal.as_str())?,
            _ => return None,
        };
        let (mine, others) = rest.split_at(end);
        match hole {
            Hole::Key => once(&mut fit.key, mine.to_owned())?,
            _ => once(&mut fit.content, Value::from(mine))?,
        }
        rest = others;
    }
    rest.is_empty().then_some(fit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn environment_from_a_map() {
        let pattern = Pattern::Map(vec![
            ("name".to_owned(), Pattern::Key),
            ("value".to_owned(), Pattern::Text(vec![Hole::Content])),
        ]);
        let made = pattern.write("LEVEL", &json!(3));
        assert_eq!(made, json!({"name": "LEVEL", "value": "3"}));
        let fit = pattern.read(&made).unwrap();
        assert_eq!((fit.key.as_deref(), fit.content), (Some("LEVEL"), Some(json!("3"))));
        assert_eq!(pattern.read(&json!({"name": "X", "valueFrom": {}})), None);
    }

    #[test]
    fn arguments_from_a_map() {
        let holes = [
            Hole::Literal("--".to_owned()),
            Hole::Key,
            Hole::Literal("=".to_owned()),
            Hole::Content,
        ];
        assert_eq!(write_text(&holes, "level", &json!(3)), "--level=3");
        let fit = read_text(&holes, "--a=b=c").unwrap();
        assert_eq!((fit.key.as_deref(), fit.content), (Some("a"), Some(json!("b=c"))));
        assert_eq!(read_text(&holes, "a=b"), None);
    }
}
