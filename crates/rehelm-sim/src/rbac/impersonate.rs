//! Acting as somebody else: the `Impersonate-…` headers, for those who may.

use http::HeaderMap;

use super::{Identity, Question, verdict};
use crate::refusal::Refusal;
use crate::world::World;

/// Whom the request is to be taken as coming from.
pub(crate) fn identity(world: &World, real: &Identity, headers: &HeaderMap) -> Result<Identity, Refusal> {
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect()
    };
    let (user, mut groups) = (all("impersonate-user"), all("impersonate-group"));
    let Some(user) = user.first().filter(|user| !user.is_empty()) else {
        if groups.is_empty() && all("impersonate-uid").is_empty() {
            return Ok(real.clone());
        }
        return Err(Refusal::unexplained(format!(
            "requested {groups:?} without impersonating a user"
        )));
    };
    let mut account = user
        .strip_prefix("system:serviceaccount:")
        .map(|rest| rest.splitn(2, ':'));
    let account = account.as_mut().and_then(|parts| Some((parts.next()?, parts.next()?)));
    match account {
        Some((namespace, name)) => may(world, real, "serviceaccounts", "", namespace, name)?,
        None => may(world, real, "users", "", "", user)?,
    }
    for group in &groups {
        may(world, real, "groups", "", "", group)?;
    }
    for uid in all("impersonate-uid") {
        may(world, real, "uids", "authentication.k8s.io", "", &uid)?;
    }
    if let (true, Some((namespace, _))) = (groups.is_empty(), account) {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    let known = ["system:authenticated", "system:unauthenticated"];
    if user != "system:anonymous" && !groups.iter().any(|group| known.contains(&group.as_str())) {
        groups.push("system:authenticated".to_owned());
    }
    if user == "system:anonymous" && groups.is_empty() {
        groups.push("system:unauthenticated".to_owned());
    }
    Ok(Identity {
        name: user.clone(),
        groups,
    })
}

fn may(
    world: &World,
    real: &Identity,
    resource: &str,
    group: &str,
    namespace: &str,
    name: &str,
) -> Result<(), Refusal> {
    let question = Question {
        verb: "impersonate",
        group,
        resource,
        namespace,
        name,
        path: "",
    };
    let verdict = verdict(world, real, &question);
    if verdict.allowed {
        return Ok(());
    }
    Err(crate::route::refused(real, &question, &verdict))
}
