//! Whom the words of a refusal blame.

use serde_json::Value;

use super::super::path::ValuePath;

/// Splits a group that was refused: those that the words seem to blame (or else who is a suspect anyway), and the others. Both parts are smaller than the group.
pub(super) fn split(
    words: &str,
    group: &[usize],
    all: &[(ValuePath, Value)],
    suspect: &dyn Fn(usize) -> bool,
) -> (Vec<usize>, Vec<usize>) {
    let named = |n: &&usize| blames(words, &all[**n]);
    let spoken = spoken_of(words);
    let meant = |n: &&usize| spoken.iter().any(|keys| ends_like(&all[**n].0, keys));
    let suspected = |n: &&usize| suspect(**n);
    for blamed in [&named as &dyn Fn(&&usize) -> bool, &meant, &suspected] {
        let (blamed, rest): (Vec<usize>, Vec<usize>) = group.iter().partition(|n| blamed(n));
        if !blamed.is_empty() && !rest.is_empty() {
            return (blamed, rest);
        }
    }
    let (a, b) = group.split_at(group.len() / 2);
    (a.to_vec(), b.to_vec())
}

/// True when the words name the value or have its content in them.
fn blames(words: &str, (path, value): &(ValuePath, Value)) -> bool {
    let keys = path.to_string();
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let named = [
        format!(".Values.{keys}"),
        format!("- {keys}"),
        format!("'/{}'", keys.replace('.', "/")),
    ];
    let names = named.iter().any(|name| {
        words
            .match_indices(name.as_str())
            .any(|(at, _)| is_end(&words[at + name.len()..]))
    });
    names
        || contents(value)
            .iter()
            .any(|content| content.len() > 4 && words.contains(content.as_str()))
}

/// The paths in the expression at which a template failed: `at <.access.filters.statuscodes>`, `at <$config.tls.domains>`.
fn spoken_of(words: &str) -> Vec<Vec<&str>> {
    let Some((expression, _)) = words.split_once("at <").and_then(|(_, rest)| rest.split_once('>')) else {
        return Vec::new();
    };
    let paths = expression
        .split(|c: char| c.is_whitespace() || "()|,".contains(c))
        .filter_map(|word| {
            let (_, below) = word
                .split_once('.')
                .filter(|(base, _)| base.is_empty() || base.starts_with('$'))?;
            let keys = below.strip_prefix("Values.").unwrap_or(below);
            Some(keys.split('.').filter(|key| !key.is_empty()).collect::<Vec<_>>())
        });
    paths.filter(|keys| !keys.is_empty()).collect()
}

/// True when a value's path ends as one of these does or one above it: a dot may stand for anything before.
fn ends_like(path: &ValuePath, keys: &[&str]) -> bool {
    let path = path.to_string();
    (1..=keys.len()).rev().any(|n| {
        let end = keys[..n].join(".");
        path.strip_suffix(&end)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

fn contents(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().flat_map(contents).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| contents(value).into_iter().chain([key.clone()]))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_blame_by_name_or_by_content() {
        let all: Vec<(ValuePath, Value)> = [
            ("image.tag", json!("zq12345")),
            ("service.type", json!(true)),
            ("service.typed", json!(1)),
        ]
        .into_iter()
        .map(|(path, value)| (path.parse().unwrap(), value))
        .collect();
        let blamed = |words: &str| split(words, &[0, 1, 2], &all, &|_| false).0;
        assert_eq!(blamed("at <semver zq12345>: bad"), [0]);
        assert_eq!(blamed("executing at <.Values.service.type>: no"), [1]);
        assert_eq!(blamed("- service.type: must be text"), [1]);
        assert_eq!(blamed("at '/service/type': got number"), [1]);
        assert_eq!(blamed("who knows"), [0]);
        assert_eq!(blamed("at <$config.service.typed>: no map"), [2]);
        assert_eq!(blamed("at <semver .image.tag.major \"1\">: no field"), [0]);
    }
}
