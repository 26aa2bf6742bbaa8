//! The pod: there, running, and with the right to run commands in it.

use std::sync::Arc;

use rehelm_clients::in_pod::PodShell;
use rehelm_clients::kube::KubeCluster;
use rehelm_core::exec_checks::may_run;
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::{Cluster, PortError};
use serde_json::Value;

use super::Inside;
use crate::errors::{Context, Error, Result, nearest};
use crate::exit::Exit;

/// What kubectl chooses when no container is named.
const DEFAULT: &str = "/metadata/annotations/kubectl.kubernetes.io~1default-container";

/// The place where scripts run.
///
/// # Errors
/// What is missing, before anything is done.
pub async fn open(cluster: &Arc<KubeCluster>, inside: &Inside) -> Result<PodShell> {
    let Inside { namespace, pod, .. } = inside;
    let what = || format!("cannot ask what is allowed in {namespace}");
    if !may_run(&**cluster, namespace).await.context(what)? {
        return Err(forbidden(namespace));
    }
    let pod = ObjRef::new("v1", "Pod", Some(namespace), pod);
    let container = match cluster.get(&pod).await {
        Ok(Some(live)) => Some(container(&live, inside)?),
        Ok(None) => {
            return Err(
                Error::new(Exit::Blocked, format!("there is no {pod}; nothing was changed"))
                    .hint(format!("kubectl -n {namespace} get pods")),
            );
        }
        // Who may run commands need not be allowed to look; the command itself says what is wrong then.
        Err(PortError::Forbidden(_)) => inside.container.clone(),
        Err(error) => return Err(Error::failed(format!("cannot look at {pod}")).because(error)),
    };
    Ok(PodShell {
        cluster: cluster.clone(),
        pod,
        container,
    })
}

/// This identity may not run commands there.
pub fn forbidden(namespace: &str) -> Error {
    Error::new(
        Exit::Blocked,
        format!("this user may not run commands in pods of {namespace}; nothing was changed"),
    )
    .hint(format!("it takes `get` and `create` of pods/exec in {namespace}"))
}

fn container(pod: &Object, inside: &Inside) -> Result<String> {
    let phase = pod.get("/status/phase").and_then(Value::as_str).unwrap_or("unknown");
    if phase != "Running" || pod.is_terminating() {
        let what = if pod.is_terminating() {
            "is being deleted".to_owned()
        } else {
            format!("does not run: its phase is {phase}")
        };
        return Err(Error::new(
            Exit::Blocked,
            format!("{} {what}; nothing was changed", pod.reference()),
        ));
    }
    let all = pod.get("/spec/containers").and_then(Value::as_array);
    let names: Vec<&str> = all
        .into_iter()
        .flatten()
        .filter_map(|own| own["name"].as_str())
        .collect();
    let Some(named) = &inside.container else {
        let usual = pod
            .get(DEFAULT)
            .and_then(Value::as_str)
            .filter(|name| names.contains(name));
        return Ok(usual.or(names.first().copied()).unwrap_or_default().to_owned());
    };
    if names.contains(&named.as_str()) {
        return Ok(named.clone());
    }
    let error = Error::new(
        Exit::Blocked,
        format!("{} has no container {named}; nothing was changed", pod.reference()),
    );
    Err(match nearest(named, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("it has: {}", names.join(", "))),
    })
}
