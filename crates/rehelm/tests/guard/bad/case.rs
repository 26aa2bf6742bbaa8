//! The form of a case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One bad input in the example product's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is wrong.
    pub name: String,
    /// The command line without `rehelm`.
    pub run: String,
    /// How it must end.
    pub exit: u8,
    /// What must be said.
    #[serde(default)]
    pub says: Vec<String>,
    /// Files that the verb is there to write.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Files with this text.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Files with these bytes, base64.
    #[serde(default)]
    pub bytes: BTreeMap<String, String>,
    /// Files with a text many times.
    #[serde(default)]
    pub repeat: Vec<Repeat>,
    /// Texts in files replaced by others.
    #[serde(default)]
    pub edit: Vec<Edit>,
    /// Files that are missing.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Symbolic links.
    #[serde(default)]
    pub link: BTreeMap<String, String>,
    /// What the cluster has otherwise; with this (even empty) there is a cluster with the product in it.
    pub cluster: Option<Vec<Change>>,
}

/// A file made of one text many times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub file: String,
    #[serde(default)]
    pub first: String,
    pub text: String,
    pub times: usize,
    #[serde(default)]
    pub last: String,
}

/// A text in a file that is another one here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub file: String,
    pub find: String,
    pub by: String,
}

/// An object of the cluster that is another one here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Change {
    /// A merge patch for all objects of a kind whose name begins so.
    Patch { kind: String, name: String, with: Value },
    /// One more object.
    Add(Value),
    /// One less.
    Drop { kind: String, name: String },
}
