//! Label and field selectors.

mod fields;

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
        let mut fields = parse_fields(call.query.get("fieldSelector").unwrap_or_default())?;
        for (field, _) in &fields {
            fields::check(&call.kind, field)?;
        }
        if !call.path.name.is_empty() {
            fields.push(("metadata.name".to_owned(), Test::Equals(call.path.name.clone())));
        }
        Ok(Self {
            labels: parse(call.query.get("labelSelector").unwrap_or_default())?,
            fields,
        })
    }

    /// True when everything fits.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
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
                .all(|(path, test)| test.holds(Some(&fields::value(object, path))))
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

/// Field selectors know `=`, `==` and `!=` only.
fn parse_fields(text: &str) -> Result<Vec<(String, Test)>, Refusal> {
    let each = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let owned = |text: &str| text.trim().to_owned();
    each.map(|part| {
        if let Some((field, value)) = part.split_once("!=") {
            return Ok((owned(field), Test::Differs(owned(value))));
        }
        let (field, value) = part
            .split_once("==")
            .or_else(|| part.split_once('='))
            .ok_or_else(|| Refusal::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")))?;
        Ok((owned(field), Test::Equals(owned(value))))
    })
    .collect()
}

/// A key as labels have it: an optional prefix, and a name.
fn key(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let name = text.rsplit('/').next().unwrap_or_default();
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let inner = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if edge(name.chars().next()) && edge(name.chars().last()) && name.chars().all(inner) {
        return Ok(text.to_owned());
    }
    let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    Err(Refusal::bad_request(format!(
        "unable to parse requirement: <nil>: Invalid value: {text:?}: {why}"
    )))
}

fn requirement(part: &str) -> Result<(String, Test), Refusal> {
    let owned = |text: &str| text.trim().to_owned();
    let single = |value: &str| {
        if value.contains('=') {
            let why = "found '=', expected: ',' or 'end of string'";
            return Err(Refusal::bad_request(why));
        }
        Ok(owned(value))
    };
    if let Some((name, value)) = part.split_once("!=") {
        return Ok((key(name)?, Test::Differs(single(value)?)));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok((key(name)?, Test::Equals(single(value)?)));
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
        ([name, "in"], true) => Ok((key(name)?, Test::In(set()))),
        ([name, "notin"], true) => Ok((key(name)?, Test::NotIn(set()))),
        ([name], false) => match name.strip_prefix('!') {
            Some(name) => Ok((key(name)?, Test::Absent)),
            None => Ok((key(name)?, Test::Exists)),
        },
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
