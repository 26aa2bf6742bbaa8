//! JSON patches (RFC 6902), with the API server's two deviations: `replace` adds a member that is not there, and places
//! in lists may be counted from the end.

use serde_json::Value;

use super::wording;
use crate::refusal::Refusal;

/// Operations that a patch has at most.
const MOST: usize = 10_000;

/// Applies a patch to an object.
///
/// # Errors
/// 400 for what is no patch, 422 for one that cannot be carried out.
pub(crate) fn patched(object: &Value, patch: &Value) -> Result<Value, Refusal> {
    let Value::Array(operations) = patch else {
        return Err(Refusal::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
            wording::json_name(patch)
        )));
    };
    if operations.len() > MOST {
        return Err(Refusal::too_large(format!(
            "The allowed maximum operations in a JSON patch is {MOST}, got {}",
            operations.len()
        )));
    }
    let mut result = object.clone();
    for operation in operations {
        carry_out(&mut result, operation).ok_or_else(Refusal::unprocessable)?;
    }
    Ok(result)
}

/// Fields of operations that the server does not know, as strict validation names them.
pub(crate) fn unknown_members(patch: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    for (at, operation) in patch.as_array().into_iter().flatten().enumerate() {
        for key in operation.as_object().into_iter().flat_map(|map| map.keys()) {
            if !matches!(key.as_str(), "op" | "path" | "from" | "value") {
                unknown.push(format!("json patch unknown field \"[{at}].{key}\""));
            }
        }
    }
    unknown
}

/// None when the operation does not fit the object.
fn carry_out(object: &mut Value, operation: &Value) -> Option<()> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let path = text("path")?;
    let value = || operation.get("value").cloned().unwrap_or_default();
    match text("op")? {
        "add" => add(object, path, value()),
        "remove" => remove(object, path).map(|_| ()),
        "replace" => replace(object, path, value()),
        "move" => {
            let moved = remove(object, text("from")?)?;
            add(object, path, moved)
        }
        "copy" => {
            let copied = at(object, text("from")?)?.unwrap_or_default();
            add(object, path, copied)
        }
        "test" => {
            let found = if path.is_empty() {
                object.clone()
            } else {
                at(object, path)?.unwrap_or_default()
            };
            (found == value()).then_some(())
        }
        _ => None,
    }
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The parent of a path, and the path's last part.
fn parent<'a>(object: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.len() < 2 {
        return None;
    }
    let last = unescaped(parts.pop()?);
    let mut at = object;
    for part in parts.into_iter().skip(1) {
        let part = unescaped(part);
        at = match at {
            Value::Object(map) => map.get_mut(&part)?,
            Value::Array(list) => {
                let index = place(&part, list.len())?;
                list.get_mut(index)?
            }
            _ => return None,
        };
    }
    Some((at, last)).filter(|(at, _)| at.is_object() || at.is_array())
}

/// A place in a list of this length; negative ones count from the end.
fn place(part: &str, length: usize) -> Option<usize> {
    let number: i64 = part.parse().ok()?;
    if number < 0 {
        length.checked_sub(usize::try_from(number.unsigned_abs()).ok()?)
    } else {
        usize::try_from(number).ok()
    }
}

/// The value at a path: None when the path leads nowhere, `Some(None)` when only its last member is missing.
fn at(object: &mut Value, path: &str) -> Option<Option<Value>> {
    let (parent, last) = parent(object, path)?;
    match parent {
        Value::Array(list) => {
            let index = place(&last, list.len())?;
            list.get(index).cloned().map(Some)
        }
        parent => Some(parent.get(&last).cloned()),
    }
}

fn add(object: &mut Value, path: &str, value: Value) -> Option<()> {
    match parent(object, path)? {
        (Value::Object(map), last) => {
            map.insert(last, value);
        }
        (Value::Array(list), last) if last == "-" => list.push(value),
        (Value::Array(list), last) => {
            let index = place(&last, list.len() + 1).filter(|index| *index <= list.len())?;
            list.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &str) -> Option<Value> {
    match parent(object, path)? {
        (Value::Object(map), last) => map.shift_remove(&last),
        (Value::Array(list), last) => {
            let index = place(&last, list.len()).filter(|index| *index < list.len())?;
            Some(list.remove(index))
        }
        _ => None,
    }
}

fn replace(object: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *object = Some(value).filter(|value| value.is_object() || value.is_array())?;
        return Some(());
    }
    match parent(object, path)? {
        (Value::Object(map), last) => {
            map.insert(last, value);
        }
        (Value::Array(list), last) => {
            let index = place(&last, list.len())?;
            *list.get_mut(index)? = value;
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_of_the_standard_and_the_servers_own() {
        let object = json!({"data": {"a": "1", "b/c": "2"}, "list": [1, 2, 3]});
        let after = |patch: Value| patched(&object, &patch).map_err(|refusal| refusal.code);
        assert_eq!(
            after(json!([{"op": "remove", "path": "/data/b~1c"}, {"op": "add", "path": "/list/1", "value": 9}])),
            Ok(json!({"data": {"a": "1"}, "list": [1, 9, 2, 3]}))
        );
        assert_eq!(
            after(json!([{"op": "replace", "path": "/data/new", "value": "x"}, {"op": "remove", "path": "/list/-1"}])),
            Ok(json!({"data": {"a": "1", "b/c": "2", "new": "x"}, "list": [1, 2]}))
        );
        assert_eq!(
            after(
                json!([{"op": "move", "from": "/data/a", "path": "/data/z"}, {"op": "add", "path": "/list/-", "value": 4}])
            ),
            Ok(json!({"data": {"b/c": "2", "z": "1"}, "list": [1, 2, 3, 4]}))
        );
        for wrong in [
            json!([{"op": "test", "path": "/data/a", "value": "2"}]),
            json!([{"op": "remove", "path": "/data/none"}]),
            json!([{"op": "add", "path": "/none/x", "value": 1}]),
            json!([{"op": "add", "path": "/list/7", "value": 1}]),
            json!([{"op": "jump", "path": "/list/7"}]),
            json!([{"path": "/list/7"}]),
        ] {
            assert_eq!(after(wrong), Err(422));
        }
        assert_eq!(after(json!({"op": "add"})), Err(400));
    }
}
