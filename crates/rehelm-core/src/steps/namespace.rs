//! `namespace`: the release's namespace.
//!
//! Created when it is missing; only one that this run created is removed again, and only when nothing is left in it
//! but what the server itself puts there.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Names, Undo, accesses, create, on, plural};
use crate::finding::Finding;
use crate::gather;
use crate::object::ObjRef;
use crate::ports::{Access, PortError, Precondition, Select};
use crate::restore::CREATED_BY;
use crate::world::{StepResult, World};

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// True when it was there before.
    pub exists: bool,
}

/// Kinds that keep a namespace from being removed.
const CONTENT: [(&str, &str); 9] = [
    ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("networking.k8s.io/v1", "Ingress"),
];

#[async_trait]
impl Action for Namespace {
    fn undo_kind(&self) -> Undo {
        if self.exists { Undo::Nothing } else { Undo::Yes }
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        if self.exists {
            Vec::new()
        } else {
            vec![gather::namespace_ref(&self.name)]
        }
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        if self.exists {
            Vec::new()
        } else {
            vec![format!("kubectl create namespace {}", self.name)]
        }
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        let namespace = gather::namespace_ref(&self.name);
        let mut rights = on(&namespace, &["get", "list", "watch"]);
        if !self.exists {
            rights.push(create(&namespace));
        }
        rights
    }

    fn undo_rights(&self, _: &Names) -> Vec<Access> {
        if self.exists {
            return Vec::new();
        }
        let content = CONTENT.iter().flat_map(|(api, kind)| {
            let object = ObjRef::new(api, kind, Some(&self.name), "");
            accesses(&["list"], object.group(), &plural(kind), Some(&self.name))
        });
        let namespace = gather::namespace_ref(&self.name);
        on(&namespace, &["get", "delete", "list", "watch"])
            .into_iter()
            .chain(content)
            .collect()
    }

    async fn precheck(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let live = world.target.get(&gather::namespace_ref(&self.name)).await?;
        if live.is_some_and(|n| n.is_terminating()) {
            return Err(crate::world::StepError::refused(Finding::error(
                "namespace-terminating",
                self.name.clone(),
            )));
        }
        Ok(())
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        if self.exists {
            return Ok(());
        }
        let mut namespace = gather::namespace(&self.name);
        namespace.set_annotation(CREATED_BY, &world.state().run);
        match world.target.create(&namespace, false).await {
            Ok(_) | Err(PortError::Exists(_)) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let reference = gather::namespace_ref(&self.name);
        world
            .target
            .wait(&reference, world.timeouts.objects, &|n| {
                n.is_some_and(|n| !n.is_terminating())
            })
            .await?;
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let reference = gather::namespace_ref(&self.name);
        let Some(namespace) = world.target.get(&reference).await? else {
            return Ok(());
        };
        if namespace.annotation(CREATED_BY) != Some(world.state().run.as_str()) {
            return Ok(());
        }
        if let Some(left) = leftover(world, &self.name).await? {
            world
                .progress
                .finding(&Finding::warning("namespace-kept", self.name.clone()).arg("left", left));
            return Ok(());
        }
        let this_one = Precondition {
            uid: Some(namespace.uid().to_owned()),
            resource_version: None,
        };
        world.target.delete(&reference, &this_one, false).await?;
        world
            .target
            .wait(&reference, world.timeouts.objects, &|n| n.is_none())
            .await?;
        Ok(())
    }
}

/// The first object in the namespace that neither the server nor this run's own work put there.
async fn leftover(world: &World<'_>, name: &str) -> StepResult<Option<String>> {
    for (api, kind) in CONTENT {
        let select = Select {
            namespace: Some(name.to_owned()),
            ..Select::default()
        };
        let left = world.target.list(api, kind, &select).await?.into_iter().find(|o| {
            let servers_own = (kind == "ConfigMap" && o.name() == "kube-root-ca.crt")
                || o.str("/type") == Some("kubernetes.io/service-account-token");
            !servers_own && !o.is_terminating()
        });
        if let Some(object) = left {
            return Ok(Some(object.reference().to_string()));
        }
    }
    Ok(None)
}
