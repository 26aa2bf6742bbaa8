//! Secrets in folders: a folder of manifests in, a folder of converted manifests out.
//!
//! The output appears whole or not at all: it is written beside the target (0700, files 0600, made durable) and
//! put in its place in one step. An earlier output is replaced; anything else in the target is never touched.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_core::finding::{Finding, Severity, worst};
use rehelm_core::object::Object;
use rehelm_core::secrets::{ConvertOptions, ConvertedSecret, SecretRules, SourceSecret, convert, convert_files};
use serde::Serialize;

use crate::input;

mod target;
#[cfg(test)]
mod tests;

/// Why a folder could not be read or written. Problems of its content are findings instead.
#[derive(Debug, thiserror::Error)]
pub enum SecretsFolderError {
    /// The input is not there.
    #[error("there is no folder {0}")]
    NoSource(Utf8PathBuf),
    /// Input and output overlap: replacing one would destroy the other.
    #[error("{to} and {from} are the same folder, or one is inside the other")]
    Overlap {
        /// The input.
        from: Utf8PathBuf,
        /// The output.
        to: Utf8PathBuf,
    },
    /// The target is a link or a file.
    #[error("{0} is not a folder but a {1}; nothing was written")]
    NotAFolder(Utf8PathBuf, &'static str),
    /// The target holds what no conversion wrote.
    #[error("{folder} holds files that no conversion wrote ({}); nothing was written", .files.join(", "))]
    ForeignFiles {
        /// The target.
        folder: Utf8PathBuf,
        /// Their names.
        files: Vec<String>,
    },
    /// The file system refused.
    #[error("{path}: {error}")]
    Io {
        /// What was read or written.
        path: Utf8PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The folder that was written, None when an error stopped it.
    pub written: Option<Utf8PathBuf>,
    /// What was (or, after errors, would have been) written, in the order of the rules.
    pub secrets: Vec<ReportedSecret>,
    /// Everything that there is to say; errors first.
    pub findings: Vec<Finding>,
}

/// One secret of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedSecret {
    /// File name in the output folder.
    pub file: String,
    /// Name of the object that it holds.
    pub name: String,
    /// Its name in the old install.
    pub source_name: String,
    /// Its class in the rules.
    pub class: String,
}

/// Converts the manifests (`*.yaml`, `*.yml`, `*.json`) of a folder. Nothing is written when a finding is an error.
///
/// # Errors
/// A folder that cannot be read, or a target that must not be replaced.
pub fn convert_folder(
    from: &Utf8Path,
    to: &Utf8Path,
    rules: &SecretRules,
    options: &ConvertOptions,
) -> Result<Report, SecretsFolderError> {
    let mut findings = Vec::new();
    let files = read_folder(from, &mut findings)?;
    target::check_apart(from, to)?;
    let (converted, mut more) = convert_files(&files, rules, options);
    // A file that could not be read stands for its secret, which is not missed on top.
    let unreadable = |name: &str| {
        let rule = rules.rules().find(|rule| rule.name == name);
        let mut errors = findings.iter().filter(|f| f.severity == Severity::Error);
        errors.any(|f| Utf8Path::new(&f.subject).file_stem() == rule.map(|r| r.file_stem()))
    };
    more.retain(|f| f.code != "secret-missing" || !unreadable(&f.subject));
    findings.extend(more);
    finish(converted, findings, to, rules)
}

/// Converts secrets that were read from a cluster; the rest is as in [`convert_folder`].
///
/// # Errors
/// A target that must not be replaced, or cannot be written.
pub fn convert_objects(
    objects: Vec<Object>,
    to: &Utf8Path,
    rules: &SecretRules,
    options: &ConvertOptions,
) -> Result<Report, SecretsFolderError> {
    let sources = objects.into_iter().map(SourceSecret::live).collect();
    let (converted, findings) = convert(sources, rules, options);
    finish(converted, findings, to, rules)
}

fn finish(
    converted: Vec<ConvertedSecret>,
    mut findings: Vec<Finding>,
    to: &Utf8Path,
    rules: &SecretRules,
) -> Result<Report, SecretsFolderError> {
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    // A trailing slash would make the system follow a link.
    let to: &Utf8Path = &to.components().collect::<Utf8PathBuf>();
    target::check_replaceable(to, rules)?;
    let written = match worst(&findings) {
        Severity::Error => None,
        _ => {
            target::replace(to, &converted)?;
            Some(to.to_owned())
        }
    };
    let secrets = converted
        .into_iter()
        .map(|c| ReportedSecret {
            name: c.object.name().to_owned(),
            file: c.file_name,
            source_name: c.source_name,
            class: c.class,
        })
        .collect();
    Ok(Report {
        written,
        secrets,
        findings,
    })
}

/// Name and text of every manifest, sorted by name. Other files are noted (`secret-file-ignored`); a file that
/// cannot be read or is no UTF-8 is an error finding (`secret-file-unreadable`).
fn read_folder(from: &Utf8Path, findings: &mut Vec<Finding>) -> Result<Vec<(String, String)>, SecretsFolderError> {
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => SecretsFolderError::NoSource(from.to_owned()),
        _ => SecretsFolderError::Io {
            path: from.to_owned(),
            error,
        },
    };
    let mut names = Vec::new();
    for entry in from.read_dir_utf8().map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_owned());
    }
    names.sort();
    let mut files = Vec::new();
    for name in names {
        let path = from.join(&name);
        let is_manifest = [".yaml", ".yml", ".json"]
            .iter()
            .any(|extension| name.ends_with(extension));
        if name.starts_with('.') || !is_manifest || !path.is_file() {
            findings.push(Finding::info("secret-file-ignored", name));
            continue;
        }
        match input::text(&path, input::TEXT) {
            Ok(text) => files.push((name, text)),
            Err(why) => findings.push(Finding::error("secret-file-unreadable", name).arg("why", why)),
        }
    }
    Ok(files)
}
