//! The documents of built Kustomize folders, split as the server can take them.

use crate::{Error, Result};
use serde_json::Value;
use std::collections::HashSet;

/// Documents in the order in which they can be applied.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// What a fresh cluster takes.
    pub(super) first: String,
    /// Objects of kinds that are defined by the set itself: a first `kubectl apply` refuses them.
    pub(super) second: String,
}

impl Built {
    /// Splits a stream of YAML documents; their text stays as it is.
    pub(super) fn split(stream: &str) -> Result<Self> {
        let documents: Vec<(&str, Value)> = stream
            .split("\n---\n")
            .map(|text| {
                Ok((
                    text,
                    serde_saphyr::from_str(text).map_err(|e| Error::data("kustomize build", e))?,
                ))
            })
            .collect::<Result<_>>()?;
        let defined: HashSet<(&str, &str)> = documents
            .iter()
            .filter(|(_, value)| value["kind"] == "CustomResourceDefinition")
            .filter_map(|(_, value)| {
                Some((
                    value["spec"]["group"].as_str()?,
                    value["spec"]["names"]["kind"].as_str()?,
                ))
            })
            .collect();
        let mut built = Self::default();
        for (text, value) in &documents {
            let group = value["apiVersion"]
                .as_str()
                .and_then(|v| v.split_once('/'))
                .map_or("", |(group, _)| group);
            let own = defined.contains(&(group, value["kind"].as_str().unwrap_or_default()));
            let part = if own { &mut built.second } else { &mut built.first };
            part.push_str(text);
            part.push_str("\n---\n");
        }
        Ok(built)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_kinds_come_second() {
        let stream = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: a.example, names: {kind: Thing}}\n---\napiVersion: a.example/v1\nkind: Thing\n---\napiVersion: v1\nkind: Service\n";
        let built = Built::split(stream).expect("documents");
        assert!(built.second.contains("kind: Thing\n") && !built.second.contains("Service"));
        assert_eq!(built.first.matches("\n---\n").count(), 2);
    }
}
