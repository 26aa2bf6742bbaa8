//! A product as data: what the planner cannot read off the manifests.
//!
//! A profile is a folder of YAML files. Everything that can be computed from the Kustomize build, the live cluster
//! and the chart's render is computed; a profile only says what is left: how secrets are renamed, which databases
//! get new names, which values carry facts of today's volumes and secrets, what must never be stopped.
//! All file names are optional except `profile.yaml`; unknown fields are errors, so that a typing mistake is seen.

mod sense;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exec_checks::ExecCheck;
use crate::object::Object;
use crate::secrets::SecretRules;
use crate::yaml;

/// `profile.yaml`: names, versions, defaults.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileFile {
    /// Identifier, as in `--profile NAME`.
    pub name: String,
    /// The product's name as people write it.
    pub title: String,
    /// Usual namespace of the Kustomize install.
    pub source_namespace: String,
    /// Usual namespace of the release.
    pub namespace: String,
    /// Usual release name.
    pub release: String,
    /// Name in the Chart.yaml of the chart that this profile knows.
    pub chart: String,
    /// Chart versions that the profile was written for, a Masterminds constraint.
    pub chart_versions: String,
    /// Kubernetes versions that the product's documentation names, a Masterminds constraint: outside it is a warning.
    pub kubernetes: String,
    /// Operating systems that the product's documentation names for the client: `linux`, `macos`, `windows`.
    #[serde(default)]
    pub client_os: Vec<String>,
    /// What a person has to confirm before the downtime, such as snapshots: id → nothing else; words by id.
    #[serde(default)]
    pub confirmations: Vec<String>,
}

/// `databases.yaml`: where databases live and which are renamed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DatabaseRules {
    /// Databases to be copied under a new name.
    #[serde(default)]
    pub renames: Vec<DatabaseRename>,
    /// Login names that a root user may have, in the order to try.
    #[serde(default)]
    pub root_users: Vec<String>,
    /// Secrets with a connection string whose hosts must be reachable from the release's namespace: key name.
    #[serde(default)]
    pub connection_string_key: Option<String>,
    /// A server inside the product's own manifests, which the documented procedure does not support.
    #[serde(default)]
    pub embedded_server: Option<String>,
}

/// One database that gets a new name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DatabaseRename {
    /// Old name.
    pub from: String,
    /// New name; a user of that name is made, stored in the new database, with `readWrite` on it.
    pub to: String,
    /// Converted secret (its name in the release's namespace) whose connection string holds the password.
    pub secret: String,
    /// Key of the connection string in that secret.
    pub key: String,
    /// Roles of its own that the chart's initialisation gives the user, beyond `readWrite`.
    #[serde(default)]
    pub roles: Vec<crate::ports::CustomRole>,
}

/// `volumes.yaml`: facts of volumes that the chart wants as values.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VolumeRules {
    /// Values that are read from today's volumes.
    #[serde(default)]
    pub values: Vec<VolumeValue>,
    /// Claims that hold data of the product; others that are declared on both sides are moved as well.
    #[serde(default)]
    pub claims: Vec<String>,
    /// Claims that stay where they are (with their volume) even though they are declared.
    #[serde(default)]
    pub stay: Vec<String>,
}

/// One value that is read from a volume.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VolumeValue {
    /// Claim whose volume is read.
    pub claim: String,
    /// Dotted path in the chart's values.
    pub value: String,
    /// Where to look, first match wins: JSON pointer into the PersistentVolume, and the part of the text that counts,
    /// as a literal prefix up to one of the end characters.
    pub from: Vec<VolumeField>,
}

/// A part of one field of a PersistentVolume.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VolumeField {
    /// JSON pointer, such as `/spec/nfs/server`.
    pub field: String,
    /// The text must start so.
    pub prefix: String,
    /// The part ends before the first of these characters.
    #[serde(default)]
    pub until: String,
}

/// `values.yaml`: values that carry the content of existing secrets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ValueRules {
    /// Values that the chart writes into a secret: filled from the running install when asked to.
    #[serde(default)]
    pub from_secrets: Vec<SecretValue>,
    /// Lines that would keep today's state where the chart's default differs: kept as words only.
    #[serde(default)]
    pub workload_keys: BTreeMap<String, String>,
    /// What `values derive` tries for fields for which rendering finds no value.
    #[serde(default)]
    pub hints: Vec<ValueHint>,
}

/// A value that reaches a field in a way that rendering does not bring out. It is tried, and kept when the render is right with it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ValueHint {
    /// `Kind/name` in the release.
    pub object: String,
    /// The field, such as `spec.template.spec.hostAliases`.
    pub field: String,
    /// Dotted path in the chart's values; the field is its content.
    pub value: String,
}

/// One value that holds a secret's content.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretValue {
    /// Secret as it is called in the release's namespace.
    pub secret: String,
    /// Key in its data.
    pub key: String,
    /// Dotted path in the chart's values.
    pub value: String,
}

/// `workloads.yaml`: exceptions among the declared workloads.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WorkloadRules {
    /// `Kind/name` of declared workloads that serve data to both sides: never stopped, never retired.
    #[serde(default)]
    pub never_stop: Vec<String>,
    /// Commands in the product's containers that show that data is where it must be.
    #[serde(default)]
    pub exec_checks: Vec<ExecCheck>,
    /// `Kind/name` → values key, where the key cannot be guessed from the name.
    #[serde(default)]
    pub values_key: BTreeMap<String, String>,
    /// What the chart calls things below a workload's key.
    #[serde(default)]
    pub values_fields: ValuesFields,
}

/// Names below a workload's key in the chart's values. What is not given is called as `helm create` and most charts call it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ValuesFields {
    /// Switches the workload on.
    pub enabled: String,
    /// Number of replicas.
    pub replicas: String,
    /// Requests and limits.
    pub resources: String,
    /// A list of further environment variables.
    pub env: String,
}

impl Default for ValuesFields {
    fn default() -> Self {
        let [enabled, replicas, resources, env] =
            ["enabled", "replicaCount", "resources", "extraEnvVars"].map(str::to_owned);
        Self {
            enabled,
            replicas,
            resources,
            env,
        }
    }
}

/// `ingress.yaml`: the door that users come through.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IngressRules {
    /// Services of type LoadBalancer whose address the product's DNS names point to.
    #[serde(default)]
    pub services: Vec<String>,
    /// Objects of which a controller uses one in all namespaces: a second one anywhere makes it ignore both.
    #[serde(default)]
    pub singletons: Vec<Singleton>,
}

/// An object that must be the only one of its name in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Singleton {
    /// `group/version`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
}

impl Singleton {
    /// True when an object is the one that is meant, in whichever namespace.
    pub fn names(&self, object: &Object) -> bool {
        object.api_version() == self.api_version && object.kind() == self.kind && object.name() == self.name
    }
}

/// `cleanup.yaml`: what outlives the old install.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CleanupRules {
    /// `Kind/name` that is never removed, with the reason's word id.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
}

/// A whole profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// `profile.yaml`
    pub about: ProfileFile,
    /// `secrets.yaml`
    pub secrets: SecretRules,
    /// `databases.yaml`
    pub databases: DatabaseRules,
    /// `volumes.yaml`
    pub volumes: VolumeRules,
    /// `values.yaml`
    pub values: ValueRules,
    /// `workloads.yaml`
    pub workloads: WorkloadRules,
    /// `ingress.yaml`
    pub ingress: IngressRules,
    /// `cleanup.yaml`
    pub cleanup: CleanupRules,
    /// `words.<lang>.ftl` by language.
    pub words: BTreeMap<String, String>,
    /// `sha256:…` over all files: a plan names the profile that it was made with.
    pub digest: String,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// `profile.yaml` is not among the files.
    #[error("the profile has no file profile.yaml")]
    NoProfileFile,
    /// One file is not what it should be.
    #[error("{why}")]
    File {
        /// Name within the profile's folder.
        file: String,
        /// What was expected, with line where known.
        why: String,
    },
}

impl Profile {
    /// Reads a profile from its files (name → text).
    ///
    /// # Errors
    /// [`ProfileError`] names the file and, where the reader knows it, the line.
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Self, ProfileError> {
        let mut hash = Sha256::new();
        for (name, text) in files {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        let about = files.get("profile.yaml").ok_or(ProfileError::NoProfileFile)?;
        let words = files
            .iter()
            .filter_map(|(name, text)| {
                let lang = name.strip_prefix("words.")?.strip_suffix(".ftl")?;
                Some((lang.to_owned(), text.clone()))
            })
            .collect();
        let profile = Self {
            about: parse("profile.yaml", about)?,
            secrets: optional(files, "secrets.yaml")?,
            databases: optional(files, "databases.yaml")?,
            volumes: optional(files, "volumes.yaml")?,
            values: optional(files, "values.yaml")?,
            workloads: optional(files, "workloads.yaml")?,
            ingress: optional(files, "ingress.yaml")?,
            cleanup: optional(files, "cleanup.yaml")?,
            words,
            digest: format!("sha256:{}", crate::digest::hex(&hash.finalize())),
        };
        sense::check(&profile)?;
        Ok(profile)
    }

    /// True when a declared workload (`Kind/name`) must keep running.
    pub fn never_stops(&self, kind: &str, name: &str) -> bool {
        self.workloads.never_stop.iter().any(|w| *w == format!("{kind}/{name}"))
    }
}

fn optional<T: DeserializeOwned + Default>(files: &BTreeMap<String, String>, name: &str) -> Result<T, ProfileError> {
    files
        .get(name)
        .map_or_else(|| Ok(T::default()), |text| parse(name, text))
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, ProfileError> {
    yaml::from_str(text, name).map_err(|e| ProfileError::File {
        file: name.to_owned(),
        why: e.to_string(),
    })
}
