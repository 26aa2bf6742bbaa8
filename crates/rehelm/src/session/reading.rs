//! What is read beside the plan's own objects, and what it means when something may not be read.

use rehelm_core::exec_checks;
use rehelm_core::finding::Finding;
use rehelm_core::object::ObjRef;
use rehelm_core::ports::PortError;
use rehelm_core::rights::Beside;

use super::Session;
use crate::errors::{Context, Error, Result};

impl Session {
    /// What is read of the cluster beside the plan's own objects.
    pub fn beside(&self) -> Beside {
        let secrets = self.settings.secrets().into_iter();
        let singletons = self.profile.ingress.singletons.iter();
        Beside {
            secrets: secrets
                .map(|key| ObjRef::new("v1", "Secret", Some(&key.namespace), &key.name))
                .collect(),
            forwards: self.forwards.clone(),
            everywhere: singletons.map(|s| (s.api_version.clone(), s.kind.clone())).collect(),
        }
    }
}

impl Session {
    /// What containers and databases say of what is to come, before anybody has to wait.
    pub(super) async fn inside(&self) -> Result<Vec<Finding>> {
        let checks = &self.profile.workloads.exec_checks;
        let asked = exec_checks::before(&*self.cluster, &self.settings.source_namespace, checks).await;
        let mut findings = asked.context(|| "cannot ask the product's containers".to_owned())?;
        let Some(server) = &self.databases else {
            return Ok(findings);
        };
        // A server that does not answer has a finding of its own.
        let names = server.list().await.unwrap_or_default();
        for rename in self
            .profile
            .databases
            .renames
            .iter()
            .filter(|own| names.contains(&own.from))
        {
            match server.obstacles(&rename.from, &rename.to).await {
                Ok(found) => findings.extend(found),
                Err(why) => {
                    findings.push(Finding::warning("database-obstacles-unknown", &rename.from).arg("why", why));
                }
            }
        }
        Ok(findings)
    }
}

/// What a plan is made from could not be read; when that is a matter of rights, nothing else is wrong.
pub(super) fn unreadable(error: PortError) -> Error {
    let forbidden = matches!(error, PortError::Forbidden(_));
    let said = Error::unread("cannot read what the plan is made from", error);
    if forbidden {
        return said.hint("somebody who may read it can print the roles that are needed: rehelm plan -o rbac");
    }
    said
}
