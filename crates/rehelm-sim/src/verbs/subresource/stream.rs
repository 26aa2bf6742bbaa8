//! `exec` and `portforward`: allowed, asked for as a web socket, and told what is behind.

use super::log;
use crate::inside::Stream;
use crate::refusal::Refusal;
use crate::route::{Answer, Call, authorized};
use crate::verbs::existing;
use crate::world::World;

/// From this minor on, `create` is asked for however the connection is made.
const CREATES: u32 = 35;

pub(super) fn run(world: &mut World, verb: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
    if verb == "get" && world.options.minor >= CREATES {
        authorized(world, call, "create")?;
    }
    let pod = existing(world, call)?;
    let spoken = call.asked.header("sec-websocket-protocol");
    // In this process there is no connection that could become another; SPDY is not spoken.
    if !call.asked.outside || !spoken.split(',').any(|one| one.trim() == "v4.channel.k8s.io") {
        return Err(log::no_containers(call));
    }
    let (namespace, name) = (&call.path.namespace, &call.path.name);
    if super::text(&pod, "/status/phase") != "Running" {
        let phase = super::text(&pod, "/status/phase");
        return Err(Refusal::bad_request(format!(
            "pod {name} is not running: its phase is {phase}"
        )));
    }
    if call.path.subresource == "exec" {
        let container = call.query.get("container").unwrap_or_default();
        let command = call.query.all("command");
        let stream = world.inside.run(namespace, name, container, command);
        return stream.map(Answer::Stream).ok_or_else(|| log::no_containers(call));
    }
    let asked = call.query.get("ports").unwrap_or_default().split(',');
    let ports = asked
        .map(|port| port.trim().parse::<u16>())
        .collect::<Result<Vec<_>, _>>();
    let ports = ports.map_err(|_| Refusal::bad_request("ports: expected numbers".to_owned()))?;
    let lead = |port: u16| (port, world.inside.leads(namespace, name, port));
    Ok(Answer::Stream(Stream::Ports(ports.into_iter().map(lead).collect())))
}
