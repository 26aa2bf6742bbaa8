//! The actions of a template, word by word.

use std::collections::BTreeMap;

/// A word of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `.a.b` (from the dot), `$.a.b` (from the root: `Some("")`), `$x.a` (from a variable: `Some("x")`).
    Path(Option<String>, Vec<String>),
    /// A text in quotes.
    Text(String),
    /// A name: function, keyword, number.
    Name(String),
    /// `(`, `)`, `|`, `,`, `:=` or `=`.
    Sign(&'static str),
}

/// Actions of a template in their order; comments and texts between them left out.
pub(super) fn actions(text: &str) -> Vec<Vec<Word>> {
    let mut actions = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        rest = &rest[start + 2..];
        let inner = rest.strip_prefix('-').unwrap_or(rest);
        if inner.trim_start().starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        let (words, after) = words(inner);
        actions.push(words);
        rest = after;
    }
    actions
}

/// Bodies of named templates.
pub(super) fn defines<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeMap<String, Vec<Vec<Word>>> {
    let mut defines = BTreeMap::new();
    for text in texts {
        let mut depth = 0usize;
        let mut open: Option<(String, usize, Vec<Vec<Word>>)> = None;
        for action in actions(text) {
            let first = match action.first() {
                Some(Word::Name(name)) => name.as_str(),
                _ => "",
            };
            let ends = first == "end";
            if ends {
                depth = depth.saturating_sub(1);
            }
            if ends && open.as_ref().is_some_and(|(_, at, _)| *at == depth) {
                if let Some((name, _, body)) = open.take() {
                    defines.insert(name, body);
                }
                continue;
            }
            if let ("define" | "block", Some(Word::Text(name)), None) = (first, action.get(1), &open) {
                open = Some((name.clone(), depth, Vec::new()));
            } else if let Some((_, _, body)) = &mut open {
                body.push(action.clone());
            }
            if ["if", "with", "range", "define", "block"].contains(&first) {
                depth += 1;
            }
        }
    }
    defines
}

/// Words up to the end of the action, and what comes after it.
fn words(text: &str) -> (Vec<Word>, &str) {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("-}}").or_else(|| rest.strip_prefix("}}")) {
            return (words, after);
        }
        let Some(first) = rest.chars().next() else {
            return (words, rest);
        };
        let used = match first {
            '"' => {
                let end = quoted_end(rest);
                let text = rest[..end].to_owned();
                words.push(Word::Text(
                    serde_json::from_str(&text).unwrap_or_else(|_| text.trim_matches('"').to_owned()),
                ));
                end
            }
            '`' => {
                let end = rest[1..].find('`').map_or(rest.len(), |at| at + 2);
                words.push(Word::Text(rest[..end].trim_matches('`').to_owned()));
                end
            }
            '(' | ')' | '|' | ',' | '=' => {
                let sign = ["(", ")", "|", ",", "="]
                    .into_iter()
                    .find(|sign| rest.starts_with(sign));
                words.extend(sign.map(Word::Sign));
                1
            }
            ':' => {
                words.push(Word::Sign(":="));
                rest.len().min(if rest.starts_with(":=") { 2 } else { 1 })
            }
            '.' | '$' => {
                let end = rest[1..]
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
                    .map_or(rest.len(), |at| at + 1);
                words.push(path(&rest[..end]));
                end
            }
            _ => {
                let end = rest[first.len_utf8()..]
                    .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .map_or(rest.len(), |at| at + first.len_utf8());
                words.push(Word::Name(rest[..end].to_owned()));
                end
            }
        };
        rest = &rest[used..];
    }
}

fn path(text: &str) -> Word {
    let keys = |text: &str| {
        text.split('.')
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    match text.strip_prefix('$') {
        None => Word::Path(None, keys(text)),
        Some(rest) => {
            let (name, below) = rest.split_once('.').unwrap_or((rest, ""));
            Word::Path(Some(name.to_owned()), keys(below))
        }
    }
}

fn quoted_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
