//! Columns that a CRD names itself: `additionalPrinterColumns`, with simple JSONPaths.

use serde_json::Value;

use super::{age, definition, name, plain};
use crate::kinds::Kind;
use crate::timeline::Time;

pub(super) fn definitions(kind: &Kind) -> Vec<Value> {
    let mut all = vec![definition("Name", "string", "name", false)];
    for column in columns(kind) {
        let text = |key: &str| column.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut made = definition(text("name"), text("type"), text("format"), false);
        made["description"] = text("description").into();
        made["priority"] = column.get("priority").cloned().unwrap_or_else(|| 0.into());
        all.push(made);
    }
    if all.len() == 1 {
        all.push(definition("Age", "date", "", false));
    }
    all
}

pub(super) fn cells(kind: &Kind, object: &Value, now: Time) -> Vec<Value> {
    let mut cells = vec![Value::from(name(object))];
    for column in columns(kind) {
        let text = |key: &str| column.get(key).and_then(Value::as_str).unwrap_or_default();
        let found = find(object, text("jsonPath"));
        cells.push(found.map_or(Value::Null, |found| cell(text("type"), found, now)));
    }
    if cells.len() == 1 {
        let created = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
        cells.push(age::since(created.unwrap_or_default(), now).into());
    }
    cells
}

fn columns(kind: &Kind) -> &[Value] {
    let columns = kind.columns.as_ref().and_then(Value::as_array);
    columns.map(Vec::as_slice).unwrap_or_default()
}

/// A value as a column of this type shows it; null when it is of another type.
fn cell(type_name: &str, value: &Value, now: Time) -> Value {
    match (type_name, value) {
        ("integer", Value::Number(number)) => {
            let whole = number.as_i64();
            #[expect(clippy::cast_possible_truncation, reason = "as the server cuts it")]
            whole.or_else(|| number.as_f64().map(|number| number as i64)).into()
        }
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) => match age::parse(text) {
            Some(_) => age::since(text, now).into(),
            None => "<invalid>".into(),
        },
        ("string", Value::Null) => Value::Null,
        ("string", _) => plain(Some(value)).into(),
        _ => Value::Null,
    }
}

/// One step of a path.
enum Step {
    Field(String),
    At(i64),
    /// The first entry where a field has a value: `[?(@.type=="Ready")]`.
    Where(String, String),
}

/// The first thing that a path leads to.
fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = object;
    for step in steps(path)? {
        at = match step {
            Step::Field(name) => at.get(&name)?,
            Step::At(index) => {
                let list = at.as_array()?;
                let index = usize::try_from(index).ok().or_else(|| {
                    let back = usize::try_from(index.checked_neg()?).ok()?;
                    list.len().checked_sub(back)
                })?;
                list.get(index)?
            }
            Step::Where(field, wanted) => {
                let path = steps(&field)?;
                let same = |entry: &&Value| {
                    let found = path.iter().try_fold(*entry, |at, step| match step {
                        Step::Field(name) => at.get(name),
                        _ => None,
                    });
                    plain(found) == wanted
                };
                at.as_array()?.iter().find(same)?
            }
        };
    }
    Some(at).filter(|found| !found.is_null())
}

/// Takes a path apart: `.a.b`, `['a.b']`, `[0]`, `[*]`, filters for equality; None for what is more than that.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path
        .trim()
        .trim_start_matches('{')
        .trim_end_matches('}')
        .trim_start_matches('$');
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            if let Some(filter) = after.strip_prefix("?(") {
                let (filter, left) = filter.split_once(")]")?;
                let (field, wanted) = filter.split_once("==")?;
                let field = field.trim().strip_prefix('@')?;
                steps.push(Step::Where(
                    field.to_owned(),
                    wanted.trim().trim_matches(['"', '\'']).to_owned(),
                ));
                rest = left;
                continue;
            }
            let (inside, left) = after.split_once(']')?;
            steps.push(match inside {
                "*" => Step::At(0),
                _ => match inside.parse() {
                    Ok(index) => Step::At(index),
                    Err(_) => Step::Field(inside.trim_matches(['"', '\'']).to_owned()),
                },
            });
            rest = left;
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        // Dots within a name are written with a backslash.
        let (mut name, mut letters) = (String::new(), rest.char_indices().peekable());
        let mut end = rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                letter => name.push(letter),
            }
        }
        rest = &rest[end..];
        if !name.is_empty() {
            steps.push(Step::Field(name));
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths() {
        let object = json!({"spec": {"a.b": 1, "list": [{"x": 1}, {"x": 2}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let at = |path: &str| find(&object, path).cloned();
        assert_eq!(at(".spec.a\\.b"), Some(json!(1)));
        assert_eq!(at(".spec['a.b']"), Some(json!(1)));
        assert_eq!(at(".spec.list[1].x"), Some(json!(2)));
        assert_eq!(at(".spec.list[-1].x"), Some(json!(2)));
        assert_eq!(at(".spec.list[*].x"), Some(json!(1)));
        assert_eq!(
            at(".status.conditions[?(@.type==\"Ready\")].status"),
            Some(json!("True"))
        );
        assert_eq!(at(".gone.x"), None);
        assert_eq!(cell("string", &json!(3), Time(0)), "3");
        assert_eq!(cell("date", &json!("soon"), Time(0)), "<invalid>");
        assert_eq!(cell("integer", &json!("3"), Time(0)), Value::Null);
    }
}
