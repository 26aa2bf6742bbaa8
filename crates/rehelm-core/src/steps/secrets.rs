//! `secrets`: the old install's secrets, converted, in the release's namespace.
//!
//! The plan holds names only. Contents are read from the old namespace when the step runs, converted by the profile's
//! rules and created; a secret that is there already is accepted only when it holds the same content.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Names, Undo, accesses, on};
use crate::finding::{Finding, Severity};
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PatchKind, PortError, Select};
use crate::restore::{self, CREATED_BY};
use crate::secrets::{self as convert, ConvertOptions, SourceSecret};
use crate::world::{StepError, StepResult, World};

/// One secret on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CarriedSecret {
    /// Its name in the old namespace.
    pub from: String,
    /// Its name in the release's namespace.
    pub to: String,
    /// Class by the profile's rules.
    pub class: String,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Secrets {
    /// Which secrets.
    pub secrets: Vec<CarriedSecret>,
    /// Groups of secrets that were switched on.
    pub groups: Vec<String>,
}

impl Secrets {
    /// The converted secrets, from the live ones.
    ///
    /// # Errors
    /// When one cannot be read or converted.
    pub async fn converted(&self, world: &World<'_>) -> StepResult<Vec<Object>> {
        let names: BTreeSet<&str> = self.secrets.iter().map(|s| s.from.as_str()).collect();
        let select = Select {
            namespace: Some(world.source_namespace().to_owned()),
            ..Select::default()
        };
        let live = world.source.list("v1", "Secret", &select).await?;
        let inputs = live
            .into_iter()
            .filter(|s| names.contains(s.name()))
            .map(SourceSecret::live)
            .collect();
        let options = ConvertOptions {
            namespace: world.target_namespace().to_owned(),
            release: world.plan.target.release.clone(),
            groups: self.groups.iter().cloned().collect(),
            keep_server_fields: false,
        };
        let (converted, findings) = convert::convert(inputs, &world.profile.secrets, &options);
        let wanted: BTreeSet<&str> = self.secrets.iter().map(|s| s.to.as_str()).collect();
        let converted: Vec<Object> = converted
            .into_iter()
            .map(|c| c.object)
            .filter(|o| wanted.contains(o.name()))
            .collect();
        let have: BTreeSet<&str> = converted.iter().map(Object::name).collect();
        let mut missing: Vec<Finding> = wanted
            .difference(&have)
            .map(|n| Finding::error("secret-gone", (*n).to_owned()))
            .collect();
        if !missing.is_empty() {
            missing.extend(findings.into_iter().filter(|f| f.severity == Severity::Error));
            return Err(StepError::Refused(missing));
        }
        Ok(converted)
    }

    /// Refuses secrets of the same name with other content.
    async fn compare(&self, world: &World<'_>, wanted: &[Object]) -> StepResult<()> {
        let select = Select {
            namespace: Some(world.target_namespace().to_owned()),
            ..Select::default()
        };
        let live = world.target.list("v1", "Secret", &select).await?;
        let differ: Vec<Finding> = wanted
            .iter()
            .filter(|w| live.iter().any(|l| l.name() == w.name() && !same_content(l, w)))
            .map(|w| Finding::error("secret-differs", w.reference().to_string()))
            .collect();
        if differ.is_empty() {
            Ok(())
        } else {
            Err(StepError::Refused(differ))
        }
    }
}

/// True when two secrets hold the same keys, contents and type.
pub fn same_content(a: &Object, b: &Object) -> bool {
    let kind = |o: &Object| o.str("/type").unwrap_or("Opaque").to_owned();
    kind(a) == kind(b) && crate::gather::chart_data(a) == crate::gather::chart_data(b)
}

/// What a secret that is there already gets: the marks that the converted one has, nothing taken away.
fn metadata_patch(secret: &Object) -> serde_json::Value {
    let mut metadata = serde_json::Map::new();
    for field in ["annotations", "labels"] {
        if let Some(marks) = secret
            .0
            .get("metadata")
            .and_then(|m| m.get(field))
            .filter(|m| m.is_object())
        {
            metadata.insert(field.to_owned(), marks.clone());
        }
    }
    serde_json::json!({"metadata": metadata})
}

#[async_trait]
impl Action for Secrets {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, names: &Names) -> Vec<ObjRef> {
        self.secrets
            .iter()
            .map(|s| ObjRef::new("v1", "Secret", Some(&names.target), &s.to))
            .collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        vec![
            format!(
                "rehelm secrets convert --from cluster --to migration-secrets -n {}",
                names.target
            ),
            format!("kubectl create -n {} -f migration-secrets/", names.target),
        ]
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = accesses(&["list"], "", "secrets", Some(&names.source));
        rights.extend(accesses(&["list", "create"], "", "secrets", Some(&names.target)));
        rights.extend(self.touches(names).iter().flat_map(|s| on(s, &["get", "patch"])));
        rights
    }

    fn undo_rights(&self, names: &Names) -> Vec<Access> {
        let secrets = self.touches(names);
        secrets
            .iter()
            .flat_map(|s| on(s, &["get", "delete", "list", "watch"]))
            .collect()
    }

    async fn precheck(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let wanted = self.converted(world).await?;
        self.compare(world, &wanted).await
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let run = world.state().run;
        let wanted = self.converted(world).await?;
        self.compare(world, &wanted).await?;
        try_join_all(wanted.into_iter().map(|secret| {
            let run = run.clone();
            async move {
                let mut created = secret.clone();
                created.set_annotation(CREATED_BY, &run);
                match world.target.create(&created, false).await {
                    Ok(_) => Ok(()),
                    // Same content, as just compared: only the metadata is brought up to date.
                    Err(PortError::Exists(_)) => {
                        let reference = secret.reference();
                        let live = world.target.get(&reference).await?;
                        let live = live.ok_or_else(|| PortError::NotFound(reference.to_string()))?;
                        let patch = metadata_patch(&secret);
                        let unchanged = restore::precondition(&live);
                        world
                            .target
                            .patch(&reference, PatchKind::Merge, &patch, &unchanged, false)
                            .await?;
                        Ok(())
                    }
                    Err(other) => Err(StepError::from(other)),
                }
            }
        }))
        .await?;
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let wanted = self.converted(world).await?;
        self.compare(world, &wanted).await?;
        for secret in &wanted {
            let reference = secret.reference();
            world
                .target
                .get(&reference)
                .await?
                .ok_or_else(|| PortError::NotFound(reference.to_string()))?;
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let run = world.state().run;
        for carried in &self.secrets {
            let reference = ObjRef::new("v1", "Secret", Some(world.target_namespace()), &carried.to);
            let Some(live) = world.target.get(&reference).await? else {
                continue;
            };
            if live.annotation(CREATED_BY) == Some(run.as_str()) {
                restore::delete_and_wait(world, world.target, &reference, live.uid()).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_without_marks_takes_none_away() {
        let plain = Object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": null}}));
        assert_eq!(metadata_patch(&plain), json!({"metadata": {}}));
    }

    #[test]
    fn text_and_encoded_content_are_the_same_content() {
        let encoded = Object(json!({"kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "eA=="}}));
        let text =
            Object(json!({"kind": "Secret", "metadata": {"name": "a"}, "type": "Opaque", "stringData": {"k": "x"}}));
        assert!(same_content(&encoded, &text));
    }
}
