//! Reviews: questions to the authorizer that are asked as objects.

use serde_json::{Value, json};

use super::{Identity, Question, evaluate, rules, verdict};
use crate::kinds::Kind;
use crate::refusal::{Cause, Refusal};
use crate::world::World;

/// The review with its answer as `status`.
pub(crate) fn review(world: &World, identity: &Identity, kind: &Kind, mut review: Value) -> Result<Value, Refusal> {
    review["status"] = match kind.facts.kind.as_str() {
        "SelfSubjectReview" => {
            let groups = &identity.groups;
            json!({"userInfo": {"username": identity.name, "groups": groups}})
        }
        "TokenReview" => json!({"user": {}, "error": "invalid bearer token"}),
        "SelfSubjectRulesReview" => rules_review(world, identity, &review)?,
        "SelfSubjectAccessReview" => access(world, identity, kind, &review)?,
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let somebody = subject(kind, &review)?;
            access(world, &somebody, kind, &review)?
        }
        _ => return Err(Refusal::method_not_allowed()),
    };
    Ok(review)
}

fn invalid(kind: &Kind, causes: &[Cause]) -> Refusal {
    Refusal::invalid(&format!(".{}", kind.facts.group), "", causes)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whom a review is about.
fn subject(kind: &Kind, review: &Value) -> Result<Identity, Refusal> {
    let groups = review.pointer("/spec/groups").and_then(Value::as_array);
    let groups: Vec<String> = groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_str().map(str::to_owned))
        .collect();
    let name = text(review, "/spec/user").to_owned();
    if name.is_empty() && groups.is_empty() {
        let why = "at least one of user or group must be specified";
        return Err(invalid(kind, &[Cause::invalid("spec.user", &"".into(), why)]));
    }
    Ok(Identity { name, groups })
}

fn access(world: &World, identity: &Identity, kind: &Kind, review: &Value) -> Result<Value, Refusal> {
    let resource = review
        .pointer("/spec/resourceAttributes")
        .filter(|given| given.is_object());
    let path = review
        .pointer("/spec/nonResourceAttributes")
        .filter(|given| given.is_object());
    let joined;
    let question = match (resource, path) {
        (Some(given), None) => {
            let (plural, sub) = (text(given, "/resource"), text(given, "/subresource"));
            joined = if sub.is_empty() {
                plural.to_owned()
            } else {
                format!("{plural}/{sub}")
            };
            Question {
                verb: text(given, "/verb"),
                group: text(given, "/group"),
                resource: &joined,
                namespace: text(given, "/namespace"),
                name: text(given, "/name"),
                path: "",
            }
        }
        (None, Some(given)) => Question {
            verb: text(given, "/verb"),
            path: text(given, "/path"),
            ..Question::default()
        },
        _ => {
            let (field, why) = match resource {
                None => (
                    "spec.resourceAttributes",
                    "exactly one of nonResourceAttributes or resourceAttributes must be specified",
                ),
                Some(_) => (
                    "spec.nonResourceAttributes",
                    "cannot be specified in combination with resourceAttributes",
                ),
            };
            return Err(invalid(kind, &[Cause::invalid(field, &Value::Null, why)]));
        }
    };
    let verdict = verdict(world, identity, &question);
    let mut status = json!({"allowed": verdict.allowed});
    if !verdict.reason.is_empty() {
        status["reason"] = verdict.reason.into();
    }
    Ok(status)
}

fn rules_review(world: &World, identity: &Identity, review: &Value) -> Result<Value, Refusal> {
    let namespace = text(review, "/spec/namespace");
    if namespace.is_empty() {
        return Err(Refusal::bad_request("no namespace on request"));
    }
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    let everything = [
        json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
        json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
    ];
    let granted = evaluate::granted(world, identity, namespace);
    let own = granted.rules.into_iter().map(|grant| grant.rule);
    let unbound = !world.options.authorize || identity.is_master();
    for rule in everything.into_iter().filter(|_| unbound).chain(own) {
        let keep = |keys: &[&str]| -> Value {
            let fields = keys.iter().filter(|key| !rules::texts(&rule, key).is_empty());
            fields.map(|key| ((*key).to_owned(), rule[*key].clone())).collect()
        };
        if !rules::texts(&rule, "resources").is_empty() {
            resources.push(keep(&["verbs", "apiGroups", "resources", "resourceNames"]));
        }
        if !rules::texts(&rule, "nonResourceURLs").is_empty() {
            paths.push(keep(&["verbs", "nonResourceURLs"]));
        }
    }
    let mut status = json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
    if !granted.missing.is_empty() {
        status["incomplete"] = true.into();
        status["evaluationError"] = granted.missing.join("; ").into();
    }
    Ok(status)
}
