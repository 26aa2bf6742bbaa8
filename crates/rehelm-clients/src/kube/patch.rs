//! How a precondition travels with a patch, so that the server itself refuses to change another object.

use rehelm_core::object::ObjRef;
use rehelm_core::ports::{PatchKind, PortError, PortResult, Precondition};
use serde_json::{Map, Value, json};

/// Content type of a patch.
pub(crate) fn content_type(kind: PatchKind) -> &'static str {
    match kind {
        PatchKind::Merge => "application/merge-patch+json",
        PatchKind::Json => "application/json-patch+json",
        PatchKind::Apply => "application/apply-patch+yaml",
    }
}

/// The patch as it is sent: uid and resourceVersion in the body of a merge or apply patch (the server compares them
/// with the live object), or as `test` operations before those of a JSON patch.
pub(crate) fn body(object: &ObjRef, kind: PatchKind, patch: &Value, precondition: &Precondition) -> PortResult<Value> {
    let tests = [
        ("uid", &precondition.uid),
        ("resourceVersion", &precondition.resource_version),
    ];
    let tests = tests
        .iter()
        .filter_map(|(field, value)| Some((*field, value.as_ref()?)));
    let bad = |why: &str| PortError::Invalid(object.to_string(), format!("the patch is {why}"));
    match kind {
        PatchKind::Json => {
            let operations = patch.as_array().ok_or_else(|| bad("not a list of operations"))?;
            let tests =
                tests.map(|(field, value)| json!({"op": "test", "path": format!("/metadata/{field}"), "value": value}));
            Ok(tests.chain(operations.iter().cloned()).collect())
        }
        PatchKind::Merge | PatchKind::Apply => {
            let mut body = patch.as_object().ok_or_else(|| bad("not a mapping"))?.clone();
            if kind == PatchKind::Apply {
                body.insert("apiVersion".to_owned(), json!(object.api_version));
                body.insert("kind".to_owned(), json!(object.kind));
                metadata(&mut body, &bad)?.insert("name".to_owned(), json!(object.name));
                // Read from a server, these would make the apply a failing precondition or be refused.
                let fields = metadata(&mut body, &bad)?;
                for owned in ["managedFields", "uid", "resourceVersion"] {
                    fields.remove(owned);
                }
            }
            for (field, value) in tests {
                metadata(&mut body, &bad)?.insert(field.to_owned(), json!(value));
            }
            Ok(Value::Object(body))
        }
    }
}

/// The first `test` operation of a JSON patch that the live object fails, as a sentence. The server answers every
/// failing JSON patch with the same words, so what failed has to be found out afterwards.
pub(crate) fn failed_test(live: &Value, patch: &Value) -> Option<String> {
    let operations = patch.as_array()?;
    let tests = operations.iter().filter(|o| o["op"] == "test");
    let mut fails = tests.filter(|o| {
        let found = o["path"].as_str().and_then(|path| live.pointer(path));
        found.unwrap_or(&Value::Null) != &o["value"]
    });
    Some(format!(
        "{} is not as expected any more",
        fails.next()?["path"].as_str().unwrap_or_default()
    ))
}

fn metadata<'a>(
    body: &'a mut Map<String, Value>,
    bad: &dyn Fn(&str) -> PortError,
) -> PortResult<&'a mut Map<String, Value>> {
    let entry = body.entry("metadata").or_insert_with(|| json!({}));
    entry
        .as_object_mut()
        .ok_or_else(|| bad("without a mapping as metadata"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(kind: PatchKind, patch: Value) -> PortResult<Value> {
        let object = ObjRef::new("v1", "Secret", Some("a"), "x");
        let precondition = Precondition {
            uid: Some("u".into()),
            resource_version: Some("7".into()),
        };
        body(&object, kind, &patch, &precondition)
    }

    #[test]
    fn preconditions_are_part_of_every_kind_of_patch() {
        assert_eq!(
            send(PatchKind::Merge, json!({"data": {"k": null}})).unwrap(),
            json!({"data": {"k": null}, "metadata": {"uid": "u", "resourceVersion": "7"}})
        );
        assert_eq!(
            send(PatchKind::Json, json!([{"op": "remove", "path": "/data"}])).unwrap(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "remove", "path": "/data"},
            ])
        );
        assert_eq!(
            send(
                PatchKind::Apply,
                json!({"metadata": {"labels": {"l": "1"}, "managedFields": []}})
            )
            .unwrap(),
            json!({
                "metadata": {"labels": {"l": "1"}, "name": "x", "uid": "u", "resourceVersion": "7"},
                "apiVersion": "v1",
                "kind": "Secret",
            })
        );
        let live = json!({"metadata": {"uid": "u", "resourceVersion": "8"}});
        let sent = send(PatchKind::Json, json!([])).unwrap();
        assert_eq!(
            failed_test(&live, &sent).unwrap(),
            "/metadata/resourceVersion is not as expected any more"
        );
        assert!(send(PatchKind::Json, json!({})).is_err());
        assert!(send(PatchKind::Merge, json!({"metadata": 3})).is_err());
    }
}
