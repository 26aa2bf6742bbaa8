//! `switch`: the address that users come through, and what a person has to change.
//!
//! Cluster and chart cannot move a cloud's load balancer or somebody's DNS. The step waits for the new address,
//! compares it with the old one and says which names must point where.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

use super::{Action, Names, Undo, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PortError};
use crate::world::{StepResult, World};

/// A service that names point to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Door {
    /// Service of the old install.
    pub from: ObjRef,
    /// Service of the release.
    pub to: ObjRef,
    /// Addresses of the old one, when the plan was made.
    pub addresses: Vec<String>,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Switch {
    /// Which services.
    pub services: Vec<Door>,
    /// Host names of the release's ingresses.
    pub hosts: Vec<String>,
}

/// How long a cloud may take to give an address.
const ADDRESS: Duration = Duration::from_secs(300);

/// Addresses of a load balancer, sorted.
pub fn addresses(service: &Object) -> Vec<String> {
    let mut out: Vec<String> = service
        .get("/status/loadBalancer/ingress")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|i| {
            i.get("hostname")
                .or_else(|| i.get("ip"))
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .collect();
    out.sort();
    out
}

#[async_trait]
impl Action for Switch {
    fn undo_kind(&self) -> Undo {
        Undo::Nothing
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        Vec::new()
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        self.services
            .iter()
            .map(|d| {
                let namespace = d.to.namespace.as_deref().unwrap_or_default();
                format!(
                    "kubectl get service {} -n {namespace} -o jsonpath='{{.status.loadBalancer.ingress}}'",
                    d.to.name
                )
            })
            .collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        self.services
            .iter()
            .flat_map(|d| on(&d.to, &["list", "watch"]))
            .collect()
    }

    async fn run(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        for door in &self.services {
            let found = world
                .target
                .wait(&door.to, ADDRESS.min(world.timeouts.ready), &|s| {
                    s.is_some_and(|s| !addresses(s).is_empty())
                })
                .await;
            let now = match found {
                Ok(service) => service.as_ref().map(addresses).unwrap_or_default(),
                Err(PortError::Timeout { .. }) => {
                    world
                        .progress
                        .finding(&Finding::warning("address-missing", door.to.to_string()));
                    continue;
                }
                Err(other) => return Err(other.into()),
            };
            world.note(number, &format!("address {}", door.to), json!(now)).await?;
            if now == door.addresses {
                world
                    .progress
                    .finding(&Finding::info("address-kept", door.to.to_string()).arg("address", now.join(", ")));
            } else {
                let said = Finding::warning("address-changed", door.to.to_string())
                    .arg("old", door.addresses.join(", "))
                    .arg("new", now.join(", "))
                    .arg("hosts", self.hosts.join(", "));
                world.progress.finding(&said);
            }
        }
        Ok(())
    }

    async fn verify(&self, _: &World<'_>, _: u32) -> StepResult<()> {
        Ok(())
    }
}
