//! `log`, and what would need containers that run.

use super::text;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::verbs::existing;
use crate::world::World;

/// A line in place of what the container would have said; following ends at once.
pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let pod = existing(world, call)?;
    let pod_name = &call.path.name;
    let names = |path: &str| -> Vec<String> {
        let all = pod.pointer(path).and_then(serde_json::Value::as_array);
        let all = all.into_iter().flatten();
        all.map(|container| text(container, "/name").to_owned()).collect()
    };
    let (own, initial) = (names("/spec/containers"), names("/spec/initContainers"));
    let container = match (call.query.get("container"), own.as_slice()) {
        (Some(named), _) => named.to_owned(),
        (None, [only]) => only.clone(),
        (None, _) => {
            let mut message = format!(
                "a container name must be specified for pod {pod_name}, choose one of: [{}]",
                own.join(" ")
            );
            if !initial.is_empty() {
                message = format!("{message} or one of the init containers: [{}]", initial.join(" "));
            }
            return Err(Refusal::bad_request(message));
        }
    };
    if !own.iter().chain(&initial).any(|name| *name == container) {
        return Err(Refusal::bad_request(format!(
            "container {container} is not valid for pod {pod_name}"
        )));
    }
    let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let mut statuses = statuses
        .iter()
        .filter_map(|path| pod.pointer(path).and_then(serde_json::Value::as_array))
        .flatten();
    let status = statuses.find(|status| text(status, "/name") == container);
    let waiting = status
        .map(|status| text(status, "/state/waiting/reason"))
        .unwrap_or_default();
    let ran = status.is_some_and(|status| status.pointer("/lastState/terminated").is_some());
    if !waiting.is_empty() && !ran {
        let why = match waiting {
            "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image",
            _ => waiting,
        };
        return Err(Refusal::bad_request(format!(
            "container \"{container}\" in pod \"{pod_name}\" is waiting to start: {why}"
        )));
    }
    Ok(Answer::Text(format!(
        "(simulated: container {container} of pod {pod_name} runs nothing and says nothing)\n"
    )))
}

/// Nothing runs in a simulated container.
pub(super) fn no_containers(call: &Call<'_>) -> Refusal {
    Refusal {
        code: 501,
        reason: "NotImplemented",
        message: format!(
            "pods/{} is not possible here: this cluster is simulated, its containers run nothing",
            call.path.subresource
        ),
        details: None,
    }
}
