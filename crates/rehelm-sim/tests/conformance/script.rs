//! Request scripts: what is in `conformance/scripts/*.yaml`.
//!
//! ```yaml
//! about: One sentence.
//! namespaces: ["${p}"]              # made before and removed after; this is the default
//! steps:
//!   - do: POST /api/v1/namespaces/${p}/configmaps?fieldValidation=Strict
//!     body: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
//!     save: {uid: /metadata/uid}    # ${uid} from here on
//!   - do: PATCH /api/v1/namespaces/${p}/configmaps/a
//!     type: apply                   # merge, strategic, apply, json-patch, json, yaml, or a media type
//!     as: alice                     # impersonated; `as-groups` too
//!     body: {...}
//!   - settle: /apis/apps/v1/namespaces/${p}/deployments/web
//!     until: {/status/readyReplicas: 2, /metadata/deletionTimestamp: absent}
//!   - run: kubectl get deployments -n ${p}
//!   - watch: /api/v1/namespaces/${p}/configmaps?resourceVersion=${rv}
//!     events: 3
//! ```
//!
//! `${p}` is the script's prefix: its namespace, and the start of the names of its cluster-scoped objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// A script and its name.
#[derive(Debug, Clone)]
pub struct Script {
    pub name: String,
    pub content: Content,
}

/// A script's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Content {
    pub about: String,
    #[serde(default = "own_namespace")]
    pub namespaces: Vec<String>,
    /// Runs while no other script does: cluster-scoped objects that are new at its end are its own, whatever their names.
    #[serde(default)]
    pub alone: bool,
    /// Runs only live, and only where this path (seen from the repository) exists.
    #[serde(default)]
    pub needs: Option<String>,
    pub steps: Vec<Step>,
}

fn own_namespace() -> Vec<String> {
    vec!["${p}".to_owned()]
}

/// One step; exactly one of `do`, `settle`, `watch`, `apply`, `run` is given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// What the step is for; names it in reports and gaps when given.
    #[serde(default)]
    pub name: Option<String>,
    /// `METHOD /path?query`.
    #[serde(default, rename = "do")]
    pub request: Option<String>,
    /// A program and its words, `kubectl …` or `helm …`; the repository is its folder.
    #[serde(default)]
    pub run: Option<String>,
    /// A path that is asked until it shows what `until` says.
    #[serde(default)]
    pub settle: Option<String>,
    /// A path to watch until `events` have come.
    #[serde(default)]
    pub watch: Option<String>,
    /// Objects to apply server-side, one request each: a file of `conformance/inputs`, or a folder of the repository,
    /// built by kubectl where it is one of Kustomize.
    #[serde(default)]
    pub apply: Option<String>,
    /// The namespace of all of them, whatever they say.
    #[serde(default)]
    pub into: Option<String>,
    /// JSON pointer → value, `present` or `absent`.
    #[serde(default)]
    pub until: BTreeMap<String, Value>,
    /// The settled status code; 200 unless said otherwise.
    #[serde(default)]
    pub code: Option<u16>,
    #[serde(default)]
    pub events: usize,
    #[serde(default)]
    pub body: Option<Value>,
    #[serde(default, rename = "type")]
    pub media: Option<String>,
    #[serde(default)]
    pub accept: Option<String>,
    #[serde(default, rename = "as")]
    pub user: Option<String>,
    #[serde(default)]
    pub as_groups: Vec<String>,
    /// Name → JSON pointer into the answer.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Compare these parts of the answer only.
    #[serde(default)]
    pub only: Vec<String>,
    /// Compare nothing but the status code: the reason is written here.
    #[serde(default)]
    pub code_only: Option<String>,
}

impl Step {
    /// The name of a step in reports.
    pub fn title(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let said = [
            ("", &self.request),
            ("", &self.run),
            ("settle ", &self.settle),
            ("watch ", &self.watch),
            ("apply ", &self.apply),
        ];
        let found = said
            .iter()
            .find_map(|(word, text)| text.as_ref().map(|text| format!("{word}{text}")));
        found.unwrap_or_default()
    }

    /// The media type of the body.
    pub fn content_type(&self) -> &str {
        match self.media.as_deref().unwrap_or("json") {
            "json" => "application/json",
            "yaml" => "application/yaml",
            "merge" => "application/merge-patch+json",
            "strategic" => "application/strategic-merge-patch+json",
            "json-patch" => "application/json-patch+json",
            "apply" => "application/apply-patch+yaml",
            other => other,
        }
    }

    /// The Accept header.
    pub fn accepted(&self) -> &str {
        match self.accept.as_deref() {
            Some("table") => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            Some(other) => other,
            None => "application/json",
        }
    }
}

/// The folder `conformance` of this crate.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every script, by name.
pub fn all() -> Vec<Script> {
    let scripts = folder().join("scripts");
    let mut found: Vec<Script> = std::fs::read_dir(&scripts)
        .expect("the folder of scripts")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a script");
            let content = serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Script { name, content }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Replaces `${name}` in a text.
pub fn fill(text: &str, vars: &BTreeMap<String, String>) -> String {
    let mut filled = text.to_owned();
    while let Some(start) = filled.find("${") {
        let Some(length) = filled[start..].find('}') else { break };
        let name = &filled[start + 2..start + length];
        let value = vars
            .get(name)
            .unwrap_or_else(|| panic!("no variable {name} in {text:?}"));
        filled.replace_range(start..=start + length, value);
    }
    filled
}

/// Replaces `${name}` in every text of a value, keys included.
pub fn fill_value(value: &Value, vars: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => fill(text, vars).into(),
        Value::Array(items) => items.iter().map(|item| fill_value(item, vars)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| (fill(key, vars), fill_value(item, vars)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
