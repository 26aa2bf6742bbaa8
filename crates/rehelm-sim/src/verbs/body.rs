//! What writes bring: options in the query, objects in the body.

use serde_json::Value;

use crate::decode::{self, Decoded, Style};
use crate::kinds::Kind;
use crate::meta;
use crate::patch::typed::{Root, Type};
use crate::refusal::{Cause, Refusal};
use crate::route::Call;
use crate::world::World;

/// Bytes of a field manager's name at most.
const LONGEST_MANAGER: usize = 128;

/// What becomes of fields that are unknown or there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    Ignore,
    Warn,
    Refuse,
}

/// Checks the options of a write; `options` is their type's name (`CreateOptions` and the like).
pub(super) fn strictness(call: &Call<'_>, options: &str) -> Result<Strictness, Refusal> {
    let query = &call.query;
    let mut causes = Vec::new();
    if query.get("force").is_some() && options == "PatchOptions" && call.asked.media() != super::patch::APPLY {
        causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
    }
    let manager = query.get("fieldManager").unwrap_or_default();
    if manager.is_empty() && options == "PatchOptions" && call.asked.media() == super::patch::APPLY {
        causes.push(Cause::required("fieldManager", "is required for apply patch"));
    }
    if manager.len() > LONGEST_MANAGER {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {LONGEST_MANAGER} bytes"),
            field: "fieldManager".to_owned(),
        });
    }
    if let Some((at, odd)) = manager.chars().enumerate().find(|(_, c)| c.is_control()) {
        let why = format!("invalid character U+{:04X} (at position {at})", u32::from(odd));
        causes.push(Cause::invalid("fieldManager", &manager.into(), &why));
    }
    if let Some(dry) = query.get("dryRun").filter(|dry| *dry != "All") {
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: [{dry:?}]: supported values: \"All\""),
            field: "dryRun".to_owned(),
        });
    }
    let strictness = match query.get("fieldValidation") {
        Some("Ignore") => Strictness::Ignore,
        None | Some("Warn") => Strictness::Warn,
        Some("Strict") => Strictness::Refuse,
        Some(other) => {
            causes.push(Cause {
                reason: "FieldValueNotSupported",
                message: format!(
                    "Unsupported value: {other:?}: supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
                ),
                field: "fieldValidation".to_owned(),
            });
            Strictness::Ignore
        }
    };
    if causes.is_empty() {
        return Ok(strictness);
    }
    Err(Refusal::invalid(&format!("{options}.meta.k8s.io"), "", &causes))
}

/// The object in the body of a create or an update.
pub(super) fn object(world: &World, call: &Call<'_>, strictness: Strictness) -> Result<Value, Refusal> {
    let Decoded { mut value, strict } = decoded(call)?;
    let kind = &*call.kind;
    let named = name_type(&mut value, kind)?;
    right_type(world, kind, &named, &value)?;
    let handled = |why: &str| {
        Refusal::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            named.kind, named.version, kind.facts.kind
        ))
    };
    if let Some(fault) = decode::mistyped(kind, &value, Style::Json) {
        return Err(handled(&fault));
    }
    if strictness != Strictness::Ignore && !strict.is_empty() {
        if strictness == Strictness::Refuse {
            let strict: Vec<String> = strict.iter().map(|fault| in_yaml(fault)).collect();
            return Err(handled(&format!("strict decoding error: {}", strict.join(", "))));
        }
        call.asked.warn(strict);
    }
    settle(kind, &mut value);
    Ok(value)
}

/// What the server's types make of nulls.
pub(super) fn settle(kind: &Kind, value: &mut Value) {
    if kind.crd.is_none() {
        decode::empty_texts(&Root::of(kind).of, value);
    }
}

fn in_yaml(fault: &str) -> String {
    if fault.starts_with("line ") {
        format!("yaml: unmarshal errors:\n  {fault}")
    } else {
        fault.to_owned()
    }
}

fn decoded(call: &Call<'_>) -> Result<Decoded, Refusal> {
    let asked = call.asked;
    let root = Root::of(&call.kind);
    let read = match asked.media() {
        "" | "application/json" => decode::json(&root, &asked.body),
        "application/yaml" => decode::yaml(&root, &asked.body),
        _ => {
            return Err(Refusal::unsupported_media(&[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ]));
        }
    };
    let unrecognized = |why: &str| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} ({})",
            call.kind.facts.kind,
            summary(&asked.body)
        ))
    };
    let decoded = read.map_err(|fault| unrecognized(&fault))?;
    if !decoded.value.is_object() {
        let what = crate::patch::wording::json_name(&decoded.value);
        return Err(unrecognized(&format!(
            "json: cannot unmarshal {what} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
        )));
    }
    Ok(decoded)
}

/// The first bytes of a body, as messages quote it.
fn summary(body: &[u8]) -> String {
    const MOST: usize = 30;
    let first = &body[..body.len().min(MOST)];
    let more = if body.len() > MOST { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(first)),
        Some(_) => {
            let hex: String = first.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}{more}")
        }
    }
}

/// The type that a body names.
struct Named {
    group: String,
    version: String,
    kind: String,
}

/// Reads the type that a body names; built-in kinds need not be named.
fn name_type(value: &mut Value, kind: &Kind) -> Result<Named, Refusal> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (key, default) in [("apiVersion", kind.api_version()), ("kind", kind.facts.kind.clone())] {
        if text(value, key).is_empty() {
            if kind.crd.is_some() && key == "kind" {
                return Err(Refusal::bad_request(format!("Object 'Kind' is missing in '{value}'")));
            }
            if let Some(map) = value.as_object_mut() {
                map.insert(key.to_owned(), default.into());
            }
        }
    }
    let api_version = text(value, "apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    Ok(Named {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text(value, "kind"),
    })
}

/// Refuses objects of another type than the path's.
fn right_type(world: &World, kind: &Kind, named: &Named, value: &Value) -> Result<(), Refusal> {
    let api_version = crate::kinds::api_version(&named.group, &named.version);
    let same_kind = named.kind == kind.facts.kind;
    if api_version == kind.api_version() && same_kind {
        return Ok(());
    }
    let other_version = || {
        Refusal::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            kind.api_version()
        ))
    };
    if kind.crd.is_some() {
        if api_version != kind.api_version() {
            return Err(other_version());
        }
        let why = format!("must be {}", kind.facts.kind);
        let cause = Cause::invalid("kind", &named.kind.as_str().into(), &why);
        let qualified = format!("{}.{}", named.kind, named.group);
        return Err(Refusal::invalid(&qualified, meta::name(value), &[cause]));
    }
    if same_kind && named.group == kind.facts.group {
        return Err(other_version());
    }
    let why = if world.kinds.of(&api_version, &named.kind).is_some() {
        format!(
            "converting ({}.{}) to ({}.{}): unknown conversion",
            named.version,
            named.kind,
            package(&kind.facts.group),
            kind.facts.kind
        )
    } else {
        format!(
            "no kind {:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\"",
            named.kind
        )
    };
    Err(Refusal::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: {why}",
        named.kind, named.version, kind.facts.kind
    )))
}

/// Name of the package that holds a group's own types.
fn package(group: &str) -> &str {
    match group.split('.').next() {
        None | Some("") => "core",
        Some(first) => first,
    }
}

/// Checks a patched object as if it had come as a body; `quoted` is what messages quote.
pub(super) fn patched(
    call: &Call<'_>,
    strictness: Strictness,
    object: &Value,
    style: Style,
    quoted: &dyn Fn() -> String,
    mut strict: Vec<String>,
) -> Result<(), Refusal> {
    let kind = &*call.kind;
    let refused = |why: &str| {
        let cause = Cause::invalid("patch", &quoted().into(), why);
        Refusal::invalid("", "", &[cause])
    };
    let field = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let (api_version, name) = (field("apiVersion"), field("kind"));
    let registered = api_version == kind.api_version() && name == kind.facts.kind;
    if !registered && !api_version.is_empty() && !name.is_empty() {
        if kind.crd.is_some() && api_version == kind.api_version() {
            let why = format!("must be {}", kind.facts.kind);
            let cause = Cause::invalid("kind", &name.into(), &why);
            return Err(Refusal::invalid(
                &format!("{name}.{}", kind.facts.group),
                &call.path.name,
                &[cause],
            ));
        }
        return Err(refused(&format!(
            "no kind {name:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )));
    }
    if let Some(fault) = decode::mistyped(kind, object, style) {
        return Err(refused(&fault));
    }
    if strictness == Strictness::Ignore {
        return Ok(());
    }
    strict.extend(decode::unknown_fields(&Root::of(kind), object));
    if strict.is_empty() {
        return Ok(());
    }
    if strictness == Strictness::Refuse {
        return Err(refused(&format!("strict decoding error: {}", strict.join(", "))));
    }
    call.asked.warn(strict);
    Ok(())
}

/// A patch's own JSON, with the keys that are there twice.
pub(super) fn patch(call: &Call<'_>) -> Result<Decoded, String> {
    let root = Root {
        of: Type::Deduced,
        zeros: true,
    };
    decode::json(&root, &call.asked.body)
}
