//! What differs between two versions of an object: the topmost fields, lists aligned by what identifies their items.

use serde_json::Value;

use super::super::field::{FieldPath, FieldStep, item_steps};

/// A field that differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub field: FieldPath,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// The topmost differences. A list that is longer or shorter differs by its items.
pub(crate) fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(&FieldPath::default(), Some(before), Some(after), &mut changes);
    changes
}

fn walk(at: &FieldPath, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                walk(&at.key(key), a.get(key), b.get(key), changes);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if !a.is_empty() && !b.is_empty() => {
            for (step, a, b) in aligned(name_of(at), a, b) {
                walk(&at.step(step), a, b, changes);
            }
        }
        (before, after) => changes.push(Change {
            field: at.clone(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

/// The name of the list at a path.
pub(crate) fn name_of(at: &FieldPath) -> &str {
    match at.0.last() {
        Some(FieldStep::Key(key)) => key,
        _ => "",
    }
}

type Pair<'a> = (FieldStep, Option<&'a Value>, Option<&'a Value>);

/// Items that belong together. Items by index are aligned from both ends.
fn aligned<'a>(list: &str, a: &'a [Value], b: &'a [Value]) -> Vec<Pair<'a>> {
    let (steps_a, steps_b) = (item_steps(list, a), item_steps(list, b));
    let (mut lone_a, mut lone_b) = (Vec::new(), Vec::new());
    let mut pairs = Vec::new();
    for (index, step) in steps_a.iter().enumerate() {
        match steps_b.iter().position(|other| other == step) {
            Some(other) if !matches!(step, FieldStep::Index(_)) => {
                pairs.push((step.clone(), Some(&a[index]), Some(&b[other])))
            }
            _ => lone_a.push(index),
        }
    }
    for (index, step) in steps_b.iter().enumerate() {
        if matches!(step, FieldStep::Index(_)) || !steps_a.contains(step) {
            lone_b.push(index);
        }
    }
    let head = lone_a.iter().zip(&lone_b).take_while(|(x, y)| a[**x] == b[**y]).count();
    let tail = lone_a[head..]
        .iter()
        .rev()
        .zip(lone_b[head..].iter().rev())
        .take_while(|(x, y)| a[**x] == b[**y])
        .count();
    let (middle_a, middle_b) = (&lone_a[head..lone_a.len() - tail], &lone_b[head..lone_b.len() - tail]);
    let plain = |index: usize, steps: &[FieldStep]| matches!(steps[index], FieldStep::Index(_));
    if middle_a.len() == middle_b.len()
        && middle_a.iter().all(|i| plain(*i, &steps_a))
        && middle_b.iter().all(|i| plain(*i, &steps_b))
    {
        pairs.extend(
            middle_a
                .iter()
                .zip(middle_b)
                .map(|(x, y)| (steps_a[*x].clone(), Some(&a[*x]), Some(&b[*y]))),
        );
    } else {
        pairs.extend(middle_a.iter().map(|x| (steps_a[*x].clone(), Some(&a[*x]), None)));
        pairs.extend(middle_b.iter().map(|y| (steps_b[*y].clone(), None, Some(&b[*y]))));
    }
    pairs
}

/// True when the texts are the same but for checksums in them.
pub(crate) fn is_checksum(before: Option<&Value>, after: Option<&Value>) -> bool {
    let (Some(Value::String(a)), Some(Value::String(b))) = (before, after) else {
        return false;
    };
    a != b && blurred(a).is_some_and(|a| blurred(b) == Some(a))
}

/// The text with every checksum made equal; None when it has none.
fn blurred(text: &str) -> Option<String> {
    let mut blurred = String::new();
    let mut any = false;
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        // Sixteen letters and more with digits among them are no word of a person.
        let checksum = hex && word.len() >= 16
            || hex && word.chars().any(|c| c.is_ascii_digit()) && word.chars().any(|c| c.is_ascii_lowercase());
        any |= checksum;
        blurred.push_str(if checksum { "#" } else { &word });
        blurred.push(c);
        word.clear();
    }
    any.then_some(blurred)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(before: Value, after: Value) -> Vec<String> {
        diff(&before, &after)
            .into_iter()
            .map(|change| change.field.to_string())
            .collect()
    }

    #[test]
    fn the_topmost_difference_is_told() {
        let pod = |env: Value| json!({"containers": [{"name": "a", "env": env}]});
        assert_eq!(
            fields(
                pod(json!([{"name": "X", "value": "1"}])),
                pod(json!([{"name": "W"}, {"name": "X", "value": "2"}]))
            ),
            ["containers[name=a].env[name=X].value", "containers[name=a].env[name=W]"]
        );
        assert_eq!(fields(json!({"a": 1}), json!({"a": 1, "b": {"c": 1}})), ["b"]);
    }

    #[test]
    fn items_without_identity_are_aligned_from_both_ends() {
        assert_eq!(
            fields(json!({"args": ["run", "x"]}), json!({"args": ["run", "y", "x"]})),
            ["args[1]"]
        );
        assert_eq!(
            fields(json!({"args": ["run", "x"]}), json!({"args": ["run", "y"]})),
            ["args[1]"]
        );
        assert_eq!(
            fields(json!({"args": ["run", "--a=1"]}), json!({"args": ["--a=2", "run"]})),
            ["args[^--a=]"]
        );
    }

    #[test]
    fn checksums_are_known() {
        let check = |a: &str, b: &str| is_checksum(Some(&json!(a)), Some(&json!(b)));
        assert!(check("rel-0a1b2c3d4e", "rel-9f8e7d6c5b"));
        assert!(!check("abc", "abd"));
        assert!(!check("image:1", "image:2"));
    }
}
