//! A product's secrets as data (`secrets.yaml` of a profile).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which secrets move, and what their copies carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretRules {
    /// Secrets that are treated alike, in the order of the report.
    #[serde(default)]
    pub classes: Vec<SecretClass>,
    /// Optional parts of the product: name (which is also the command line's flag) → help text.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// Secrets that stay behind: name → reason.
    #[serde(default)]
    pub not_carried: BTreeMap<String, String>,
}

/// One treatment and the secrets that get it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretClass {
    /// Shown in reports.
    pub name: String,
    /// Adds Helm's ownership marks, so that the release takes the secret over instead of refusing it.
    #[serde(default)]
    pub helm_owned: bool,
    /// What happens to the annotations that are there.
    #[serde(default)]
    pub annotations: MetadataPolicy,
    /// What happens to the labels that are there.
    #[serde(default)]
    pub labels: MetadataPolicy,
    /// Annotations to set, such as hooks and resource policy.
    #[serde(default)]
    pub set_annotations: BTreeMap<String, String>,
    /// Labels to set.
    #[serde(default)]
    pub set_labels: BTreeMap<String, String>,
    /// `metadata.name` in the old install → details (`{}` for none).
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretEntry>,
}

/// What happens to a metadata mapping before new entries are set. Server bookkeeping goes by other rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetadataPolicy {
    /// Existing entries go.
    Replace,
    /// Existing entries stay unless set anew.
    #[default]
    Merge,
    /// The mapping stays as it is and nothing is set.
    Untouched,
}

/// Details of one secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretEntry {
    /// File stem, where it differs from the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Belongs to an optional group: carried and expected only when that group is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// First version that has it: carried when present, not missed when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// May be absent, and why; absence is a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<String>,
    /// Gets another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<SecretRename>,
}

/// A new name, and the connection string that changes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretRename {
    /// New `metadata.name` and file stem.
    pub to: String,
    /// A key whose connection string names a renamed user and database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_string: Option<ConnectionStringRename>,
}

/// User and database of one connection string, both called alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConnectionStringRename {
    /// Key in the secret's data.
    pub key: String,
    /// Old name.
    pub from: String,
    /// New name.
    pub to: String,
}

/// One secret with the class that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// Its class.
    pub class: &'a SecretClass,
    /// `metadata.name` in the old install.
    pub name: &'a str,
    /// Details.
    pub entry: &'a SecretEntry,
}

impl<'a> Rule<'a> {
    /// Stem of the file that holds it.
    pub fn file_stem(&self) -> &'a str {
        self.entry.file.as_deref().unwrap_or(self.name)
    }

    /// Name in the new namespace.
    pub fn new_name(&self) -> &'a str {
        self.entry.rename.as_ref().map_or(self.name, |r| &r.to)
    }

    /// Stem of the file that its copy is written to.
    pub fn new_file_stem(&self) -> &'a str {
        self.entry.rename.as_ref().map_or_else(|| self.file_stem(), |r| &r.to)
    }
}

impl SecretRules {
    /// All secrets that have a class, in the order of classes, then by name.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        self.classes.iter().flat_map(|class| {
            class
                .secrets
                .iter()
                .map(move |(name, entry)| Rule { class, name, entry })
        })
    }

    /// Name that a secret has in the release's namespace; None when it is not carried or not known.
    pub fn new_name(&self, name: &str) -> Option<&str> {
        self.rules().find(|rule| rule.name == name).map(|rule| rule.new_name())
    }
}
