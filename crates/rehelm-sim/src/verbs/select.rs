//! Label and field selectors.

use serde_json::Value;

use crate::meta;
use crate::refusal::Refusal;
use crate::route::Call;

enum Test {
    Equals(String),
    Differs(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::Equals(wanted) => value == Some(wanted),
            Self::Differs(wanted) => value != Some(wanted),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|w| w == value)),
            Self::NotIn(wanted) => value.is_none_or(|value| wanted.iter().all(|w| w != value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

/// Both selectors of a list, watch or deletecollection.
pub(crate) struct Selector {
    labels: Vec<(String, Test)>,
    fields: Vec<(String, Test)>,
}

impl Selector {
    pub fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        let mut fields = parse(call.query.get("fieldSelector").unwrap_or_default())?;
        if !call.path.name.is_empty() {
            fields.push(("metadata.name".to_owned(), Test::Equals(call.path.name.clone())));
        }
        Ok(Self {
            labels: parse(call.query.get("labelSelector").unwrap_or_default())?,
            fields,
        })
    }

    pub fn matches(&self, object: &Value) -> bool {
        let labels = self
            .labels
            .iter()
            .all(|(key, test)| test.holds(meta::label(object, key)));
        labels
            && self
                .fields
                .iter()
                .all(|(path, test)| test.holds(Some(&field(object, path))))
    }
}

/// A field by its dotted path; absent ones are empty, as the API server has it.
fn field(object: &Value, path: &str) -> String {
    let mut at = object;
    for part in path.split('.') {
        match at.get(part) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Splits at commas that are outside parentheses.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0_u32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

fn parse(text: &str) -> Result<Vec<(String, Test)>, Refusal> {
    parts(text).into_iter().map(requirement).collect()
}

fn requirement(part: &str) -> Result<(String, Test), Refusal> {
    let owned = |text: &str| text.trim().to_owned();
    if let Some((key, value)) = part.split_once("!=") {
        return Ok((owned(key), Test::Differs(owned(value))));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok((owned(key), Test::Equals(owned(value))));
    }
    let (head, values) = part
        .split_once('(')
        .map_or((part, None), |(head, rest)| (head, Some(rest)));
    let words: Vec<&str> = head.split_whitespace().collect();
    let set = || -> Vec<String> {
        let inside = values.unwrap_or_default().trim_end_matches(')');
        inside.split(',').map(owned).collect()
    };
    match (words.as_slice(), values.is_some()) {
        ([key, "in"], true) => Ok((owned(key), Test::In(set()))),
        ([key, "notin"], true) => Ok((owned(key), Test::NotIn(set()))),
        ([key], false) => Ok(match key.strip_prefix('!') {
            Some(key) => (owned(key), Test::Absent),
            None => (owned(key), Test::Exists),
        }),
        _ => Err(Refusal::bad_request(format!("unable to parse requirement: {part:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, object: &Value) -> bool {
        let labels = parse(selector).expect("a selector");
        labels.iter().all(|(key, test)| test.holds(meta::label(object, key)))
    }

    #[test]
    fn label_selectors() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for yes in [
            "app=web",
            "app==web",
            "app!=db",
            "app in (db, web)",
            "app notin (db)",
            "app",
            "!gone",
            "app=web,tier",
        ] {
            assert!(matches(yes, &object), "{yes}");
        }
        for no in ["app=db", "gone", "!app", "app in (db)", "app=web,tier=back"] {
            assert!(!matches(no, &object), "{no}");
        }
        assert!(parse("a b c").is_err());
    }
}
