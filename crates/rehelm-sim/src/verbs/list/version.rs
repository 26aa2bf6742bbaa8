//! Which version of a list is wanted: `resourceVersion`, `resourceVersionMatch`.

use serde_json::json;

use super::page::Page;
use crate::refusal::{Cause, Refusal};
use crate::request::Query;
use crate::route::Call;
use crate::world::World;

const MATCH: &str = "resourceVersionMatch";

/// The version that the list shows.
pub(super) fn wanted(world: &World, call: &Call<'_>, page: &Page) -> Result<u64, Refusal> {
    check(&call.query)?;
    let newest = world.store.version();
    if page.start.is_some() {
        return Ok(page.version.unwrap_or(newest));
    }
    let asked = not_newer(world, &call.query)?;
    let exact = match call.query.get(MATCH) {
        Some(matching) => matching == "Exact",
        // A limited list of a version is that version's.
        None => page.limit.is_some(),
    };
    Ok(asked.filter(|asked| exact && *asked > 0).unwrap_or(newest))
}

/// The version that the client names; it must not be newer than the newest.
pub(crate) fn not_newer(world: &World, query: &Query) -> Result<Option<u64>, Refusal> {
    let Some(asked) = query.get("resourceVersion") else {
        return Ok(None);
    };
    let version: u64 = asked.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{asked}\": strconv.ParseUint: parsing \"{asked}\": invalid syntax"
        ))
    })?;
    let newest = world.store.version();
    if version > newest {
        let causes = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
        return Err(Refusal {
            code: 504,
            reason: "Timeout",
            message: format!("Timeout: Too large resource version: {version}, current: {newest}"),
            details: Some(json!({"causes": causes, "retryAfterSeconds": 1})),
        });
    }
    Ok(Some(version))
}

fn check(query: &Query) -> Result<(), Refusal> {
    let version = query.get("resourceVersion").unwrap_or_default();
    let mut causes = Vec::new();
    if let Some(matching) = query.get(MATCH) {
        if version.is_empty() {
            causes.push(Cause::forbidden(
                MATCH,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if query.get("continue").is_some() {
            causes.push(Cause::forbidden(
                MATCH,
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if !matches!(matching, "Exact" | "NotOlderThan") {
            let supported = ["Exact", "NotOlderThan", ""];
            causes.push(Cause::not_supported(MATCH, &matching.into(), &supported));
        }
        if matching == "Exact" && version == "0" {
            let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            causes.push(Cause::forbidden(MATCH, why));
        }
    }
    if query.get("sendInitialEvents").is_some() {
        let why = "sendInitialEvents is forbidden for list";
        causes.push(Cause::forbidden("sendInitialEvents", why));
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid("ListOptions.meta.k8s.io", "", &causes))
}
