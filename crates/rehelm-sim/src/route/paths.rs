//! Paths that name no resource: health, versions, discovery, and the list of them all.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Asked, Given, authorize};
use crate::refusal::Refusal;
use crate::request::Query;
use crate::world::World;
use crate::{discovery, openapi};

/// What the health of the server is made of.
const CHECKS: [&str; 5] = [
    "ping",
    "log",
    "etcd",
    "informer-sync",
    "poststarthook/rbac/bootstrap-roles",
];

const HEALTH: [&str; 3] = ["/healthz", "/livez", "/readyz"];

pub(super) fn answer(world: &mut World, asked: &Asked, path: &str, query: &Query) -> Given {
    authorize::path(world, &asked.identity, asked.head.method.as_str(), path)?;
    let Some(answer) = known(world, asked, path, query) else {
        return Ok((Answer::Missing, None));
    };
    if asked.head.method != Method::GET {
        return Err(Refusal::method_not_allowed());
    }
    Ok((answer, None))
}

fn known(world: &mut World, asked: &Asked, path: &str, query: &Query) -> Option<Answer> {
    if let Some(answer) = health(path, query) {
        return Some(Answer::Text(answer));
    }
    match path.trim_end_matches('/') {
        "" => Some(Answer::Object(200, json!({"paths": all(world)}))),
        "/version" => Some(Answer::Object(200, discovery::version(world))),
        _ => {
            let accept = asked.header("accept");
            discovery::answer(world, path, accept).or_else(|| openapi::answer(world, path, accept))
        }
    }
}

fn health(path: &str, query: &Query) -> Option<String> {
    let (root, check) = HEALTH.iter().find_map(|root| Some((root, path.strip_prefix(root)?)))?;
    match check.trim_end_matches('/') {
        "" if query.has("verbose") => {
            let lines: String = CHECKS.iter().map(|check| format!("[+]{check} ok\n")).collect();
            Some(format!("{lines}{} check passed\n", root.trim_start_matches('/')))
        }
        "" => Some("ok".to_owned()),
        check => {
            let check = check.strip_prefix('/')?;
            CHECKS.contains(&check).then(|| "ok".to_owned())
        }
    }
}

fn all(world: &World) -> Vec<Value> {
    let mut paths: BTreeSet<String> = [
        "/api",
        "/api/v1",
        "/apis",
        "/apis/",
        "/openapi/v2",
        "/openapi/v3",
        "/version",
    ]
    .map(str::to_owned)
    .into();
    for root in HEALTH {
        paths.insert(root.to_owned());
        paths.extend(CHECKS.iter().map(|check| format!("{root}/{check}")));
    }
    for kind in world.kinds.all().filter(|kind| !kind.facts.group.is_empty()) {
        let group = format!("/apis/{}", kind.facts.group);
        paths.insert(format!("{group}/{}", kind.facts.version));
        paths.insert(group);
    }
    paths.into_iter().map(Value::from).collect()
}
