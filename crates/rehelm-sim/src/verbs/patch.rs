//! `patch`: all four kinds.

use std::sync::Arc;

use serde_json::Value;

use super::body::Strictness;
use super::{body, existing, placed, shown, update};
use crate::decode::{self, Style};
use crate::patch::apply::Application;
use crate::patch::typed::{Root, Type};
use crate::patch::{json, merge, strategic, wording};
use crate::refusal::{Cause, Refusal};
use crate::route::{Answer, Call};
use crate::world::{World, Writer};
use crate::{convert, meta};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let media = call.asked.media();
    match media {
        JSON | MERGE | APPLY => {}
        STRATEGIC if call.kind.crd.is_none() => {}
        _ if call.kind.crd.is_none() => return Err(Refusal::unsupported_patch()),
        _ => return Err(Refusal::unsupported_media(&[JSON, MERGE, APPLY])),
    }
    let strictness = body::strictness(call, "PatchOptions")?;
    if media == APPLY {
        return apply(world, call, strictness);
    }
    let old = existing(world, call)?;
    let object = patched(call, &old, strictness)?;
    let object = placed(call, object)?;
    update::same_name(call, &object)?;
    let stored = update::write(world, call, &old, object, true)?;
    Ok(Answer::Object(200, shown(call, &stored)))
}

fn patched(call: &Call<'_>, old: &Arc<Value>, strictness: Strictness) -> Result<Value, Refusal> {
    let live = shown(call, old);
    let media = call.asked.media();
    let prefix = if media == STRATEGIC {
        ""
    } else {
        "error decoding patch: "
    };
    let read = body::patch(call).map_err(|fault| Refusal::bad_request(format!("{prefix}{fault}")))?;
    let (patch, mut strict) = (read.value, read.strict);
    let schema = call.kind.schema.as_ref();
    let (mut object, style) = match media {
        JSON => {
            strict = json::unknown_members(&patch);
            (json::patched(&live, &patch)?, Style::Json)
        }
        MERGE => (merge::patched(&live, &patch)?, Style::Json),
        _ => (strategic::patched(schema, &live, &patch)?, Style::Converted),
    };
    let quoted = || match style {
        Style::Json => object.to_string(),
        Style::Converted => wording::plain(&patch),
    };
    body::patched(call, strictness, &object, style, &quoted, strict)?;
    body::settle(&call.kind, &mut object);
    Ok(object)
}

fn apply(world: &mut World, call: &Call<'_>, strictness: Strictness) -> Result<Answer, Refusal> {
    let (kind, path) = (&call.kind, &call.path);
    let old = world.get(&kind.id, &path.namespace, &path.name);
    if old.is_none() && !path.subresource.is_empty() {
        return Err(Refusal::not_found(&kind.id, &path.name));
    }
    let anything = Root {
        of: Type::Deduced,
        zeros: true,
    };
    let read = decode::yaml(&anything, &call.asked.body).map_err(|fault| {
        Refusal::bad_request(format!("error decoding YAML: error converting YAML to JSON: {fault}"))
    })?;
    if !read.value.is_object() {
        return Err(Refusal::bad_request(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            wording::json_name(&read.value)
        )));
    }
    let manager = call.asked.manager(&call.query);
    let application = Application {
        kind,
        config: &read.value,
        manager: &manager,
        subresource: &path.subresource,
        force: call.query.flag("force"),
        now: world.now(),
    };
    let live = old.as_ref().map(|old| convert::to_version(kind, (**old).clone()));
    let object = application.run(live.as_ref())?;
    if !read.strict.is_empty() && strictness != Strictness::Ignore {
        if strictness == Strictness::Refuse {
            return Err(Refusal::bad_request(format!(
                "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {}",
                read.strict.join("\n  ")
            )));
        }
        call.asked.warn(read.strict);
    }
    let object = placed(call, object)?;
    update::same_name(call, &object)?;
    if let Some(old) = old {
        let stored = update::write(world, call, &old, object, false)?;
        return Ok(Answer::Object(200, shown(call, &stored)));
    }
    let uid = meta::uid(&object);
    if !uid.is_empty() {
        // The server checks it twice.
        let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
        return Err(Refusal::invalid(&kind.qualified(), &path.name, &[cause.clone(), cause]));
    }
    let writer = Writer {
        manager,
        tracks: false,
        ..Writer::new("", "")
    };
    let created = world.insert(kind, object, &writer, call.query.dry_run())?;
    super::warnings::of_new(call, &created);
    Ok(Answer::Object(201, shown(call, &created)))
}
