//! Whether a request may be made at all.

use crate::rbac::{self, Identity, Question, Verdict};
use crate::refusal::Refusal;
use crate::request::{Query, ResourcePath};
use crate::world::World;

/// Checks a request for a resource.
pub(super) fn resource(
    world: &World,
    identity: &Identity,
    verb: &str,
    path: &ResourcePath,
    query: &Query,
) -> Result<(), Refusal> {
    let resource = if path.subresource.is_empty() {
        path.plural.clone()
    } else {
        format!("{}/{}", path.plural, path.subresource)
    };
    // A list or watch of one object by its name asks for that object; a namespace is within itself.
    let by_field = query
        .get("fieldSelector")
        .and_then(|selector| selector.strip_prefix("metadata.name="));
    let by_field = by_field.filter(|name| !name.contains([',', '=', '!']));
    let name = if path.name.is_empty() {
        by_field.unwrap_or_default()
    } else {
        &path.name
    };
    let of_namespace = path.group.is_empty() && path.plural == "namespaces" && path.namespace.is_empty();
    let question = Question {
        verb,
        group: &path.group,
        resource: &resource,
        namespace: if of_namespace { &path.name } else { &path.namespace },
        name,
        path: "",
    };
    let verdict = rbac::verdict(world, identity, &question);
    if verdict.allowed {
        return Ok(());
    }
    Err(refused(identity, &question, &verdict))
}

/// Checks a request for something that is no resource.
pub(super) fn path(world: &World, identity: &Identity, method: &str, path: &str) -> Result<(), Refusal> {
    let verb = method.to_lowercase();
    let question = Question {
        verb: &verb,
        path,
        ..Question::default()
    };
    let verdict = rbac::verdict(world, identity, &question);
    if verdict.allowed {
        return Ok(());
    }
    let reason = because(&verdict);
    Err(Refusal {
        code: 403,
        reason: "Forbidden",
        message: format!(
            "forbidden: User \"{}\" cannot {verb} path \"{path}\"{reason}",
            identity.name
        ),
        details: Some(serde_json::json!({})),
    })
}

fn because(verdict: &Verdict) -> String {
    match verdict.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

/// The refusal of a question about a resource.
pub(crate) fn refused(identity: &Identity, question: &Question<'_>, verdict: &Verdict) -> Refusal {
    let plural = question.resource.split('/').next().unwrap_or_default();
    let id = crate::kinds::id(question.group, plural);
    let place = match question.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}{}",
        identity.name,
        question.verb,
        question.resource,
        question.group,
        because(verdict)
    );
    Refusal::forbidden(&id, question.name, &why)
}
