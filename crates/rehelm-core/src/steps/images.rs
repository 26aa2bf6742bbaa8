//! `images`: the release's images can be pulled, before anything stops.
//!
//! An image that a node lists, or that a pod of the old install runs, needs no proof. Every other one is asked of the
//! cluster by a probe pod in the old install's namespace, with the pull secrets that its release will use; it is
//! enough that the kubelet got past pulling. The pods are removed whatever the answer.

use async_trait::async_trait;
use futures::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

use super::{Action, Names, Undo, create, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::pods;
use crate::ports::{Access, PortError, Precondition};
use crate::restore::CREATED_BY;
use crate::world::{StepError, StepResult, World};

/// An image that nothing in the cluster has shown yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unproven {
    /// Reference.
    pub image: String,
    /// Pull secrets of the pods that use it, as far as they exist in the old namespace.
    pub pull_secrets: Vec<String>,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Images {
    /// Images that are there already.
    pub proven: usize,
    /// Images to ask for.
    pub unproven: Vec<Unproven>,
}

/// How long a pull may take.
const PULL: Duration = Duration::from_secs(180);

fn probe_name(image: &str) -> String {
    let digest = crate::digest::of_bytes(image.as_bytes());
    format!("rehelm-pull-{}", &digest["sha256:".len()..][..10])
}

fn probe(image: &Unproven, namespace: &str, run: &str) -> Object {
    Object(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": probe_name(&image.image), "namespace": namespace, "annotations": {CREATED_BY: run},
                     "labels": {"app.kubernetes.io/name": "rehelm-pull"}},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
            "activeDeadlineSeconds": PULL.as_secs(), "terminationGracePeriodSeconds": 0,
            "imagePullSecrets": image.pull_secrets.iter().map(|s| json!({"name": s})).collect::<Vec<_>>(),
            "containers": [{
                "name": "pull", "image": image.image, "imagePullPolicy": "IfNotPresent", "command": ["true"],
                "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"cpu": "100m", "memory": "32Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                                    "runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            }],
        },
    }))
}

/// Some(true) when the image was pulled, Some(false) when it cannot be, None when it is not known yet.
fn pulled(pod: &Object) -> Option<bool> {
    if pods::finished(pod) && pod.str("/status/reason") != Some("DeadlineExceeded") {
        return Some(true);
    }
    let status = pod.get("/status/containerStatuses/0")?;
    if status.pointer("/state/running").is_some() || status.pointer("/state/terminated").is_some() {
        return Some(true);
    }
    match status.pointer("/state/waiting/reason").and_then(Value::as_str)? {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Some(false),
        "RunContainerError" | "CreateContainerError" | "CrashLoopBackOff" => Some(true),
        _ => None,
    }
}

async fn ask(world: &World<'_>, image: &Unproven, run: &str) -> StepResult<Option<Finding>> {
    let pod = probe(image, world.source_namespace(), run);
    let reference = pod.reference();
    match world.source.create(&pod, false).await {
        Ok(_) | Err(PortError::Exists(_)) => {}
        Err(PortError::Invalid(_, why) | PortError::Forbidden(why)) => {
            return Ok(Some(
                Finding::warning("image-not-asked", image.image.clone()).arg("message", why),
            ));
        }
        Err(other) => return Err(other.into()),
    }
    let answer = world
        .source
        .wait(&reference, PULL, &|p| p.is_none_or(|p| pulled(p).is_some()))
        .await;
    let gone = world.source.delete(&reference, &Precondition::default(), false).await;
    let finding = match answer {
        Ok(Some(pod)) if pulled(&pod) == Some(true) => None,
        Ok(Some(pod)) => {
            let message = pod
                .str("/status/containerStatuses/0/state/waiting/message")
                .unwrap_or_default()
                .to_owned();
            Some(Finding::error("image-not-pulled", image.image.clone()).arg("message", message))
        }
        Ok(None) => {
            Some(Finding::warning("image-not-asked", image.image.clone()).arg("message", "the probe pod vanished"))
        }
        Err(PortError::Timeout { .. }) => {
            Some(Finding::warning("image-not-asked", image.image.clone()).arg("message", "no answer in time"))
        }
        Err(other) => return Err(other.into()),
    };
    gone?;
    Ok(finding)
}

#[async_trait]
impl Action for Images {
    fn undo_kind(&self) -> Undo {
        Undo::Nothing
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        Vec::new()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        self.unproven
            .iter()
            .map(|i| {
                format!(
                    "kubectl run {} -n {} --image={} --restart=Never -- true",
                    probe_name(&i.image),
                    names.source,
                    i.image
                )
            })
            .collect()
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        let probes = self
            .unproven
            .iter()
            .map(|image| ObjRef::new("v1", "Pod", Some(&names.source), &probe_name(&image.image)));
        probes
            .flat_map(|pod| on(&pod, &["delete", "list", "watch"]).into_iter().chain([create(&pod)]))
            .collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let run = world.state().run;
        let answers = join_all(self.unproven.iter().map(|image| ask(world, image, &run))).await;
        let mut refused = Vec::new();
        for answer in answers {
            match answer? {
                Some(finding) if finding.severity == crate::finding::Severity::Error => refused.push(finding),
                Some(finding) => world.progress.finding(&finding),
                None => {}
            }
        }
        let accepted = &world.plan.accepted;
        refused.retain(|f| !accepted.contains(&f.code));
        if refused.is_empty() {
            Ok(())
        } else {
            Err(StepError::Refused(refused))
        }
    }

    async fn verify(&self, _: &World<'_>, _: u32) -> StepResult<()> {
        Ok(())
    }
}
