//! Secrets of the old install, turned into what a Helm release can adopt.
//!
//! Pure: objects and rules in, objects and findings out. Data is never touched, except user and database of the
//! connection strings that the rules rename. Every problem is reported in one go; where any of them is an error,
//! nothing of the result may be used. Findings name files, secrets and keys, never a value.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::object::Object;

mod connection;
mod data;
mod metadata;
mod previous;
mod read;
mod rules;
#[cfg(test)]
mod tests;

pub use data::{decode, keys};
pub use metadata::{SERVER_ANNOTATIONS, SERVER_METADATA, without_server_fields};
pub use previous::is_previous_output;
pub use read::{convert_files, read_files};
pub use rules::{ConnectionStringRename, MetadataPolicy, Rule, SecretClass, SecretEntry, SecretRename, SecretRules};

/// A secret of the old install. Its `Debug` form shows no content.
#[derive(Clone, PartialEq)]
pub struct SourceSecret {
    /// File that it was read from; None for one that came from a cluster.
    pub file: Option<String>,
    /// True when its file holds nothing else, so that the file's name may say which secret it is.
    pub alone: bool,
    /// The object as it was read: a mapping whose `metadata` is a mapping with a name.
    pub object: Object,
}

impl SourceSecret {
    /// A secret as a cluster holds it.
    pub fn live(object: Object) -> Self {
        Self {
            file: None,
            alone: false,
            object,
        }
    }

    /// What findings name: the file, else the object.
    fn subject(&self) -> String {
        self.file.clone().unwrap_or_else(|| self.object.reference().to_string())
    }

    fn stem(&self) -> Option<&str> {
        self.file.as_deref().filter(|_| self.alone).map(file_stem)
    }
}

impl std::fmt::Debug for SourceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SourceSecret").field(&self.subject()).finish()
    }
}

/// Where the copies go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConvertOptions {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// Optional groups that are in use.
    pub groups: BTreeSet<String>,
    /// Keeps uid, resourceVersion and the like, which belong to the old object.
    pub keep_server_fields: bool,
}

/// A secret as it will be applied. Its `Debug` form shows no content.
#[derive(Clone, PartialEq)]
pub struct ConvertedSecret {
    /// Name of the file that it is written to.
    pub file_name: String,
    /// The object, in the release's namespace.
    pub object: Object,
    /// Its class in the rules.
    pub class: String,
    /// Its name in the old install.
    pub source_name: String,
}

impl std::fmt::Debug for ConvertedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ConvertedSecret").field(&self.file_name).finish()
    }
}

/// Converts all secrets that the rules know. The result is in the order of the rules.
///
/// Findings (codes; arguments):
/// - errors: `secret-missing` (`file`, `class`), `secret-duplicate` (`files`), `secret-wrong-kind` (`kind`),
///   `secret-data-unreadable` (`why`), `secret-key-missing` (`key`), `connection-string-unreadable` (`key`, `why`),
///   `secret-group-unknown`;
/// - warnings: `secret-unknown`, `secret-named-otherwise` (`secret`), `secret-optional-missing` (`why`, `class`),
///   `secret-without-data`, `secret-value-not-text` (`key`, `type`), `secret-value-not-base64` (`key`),
///   `connection-string-named-otherwise` (`key`, `part`), `connection-string-part-kept` (`key`, `part`);
/// - notes: `secret-not-carried` (`why`), `secret-group-off` (`group`), `secret-duplicate-equal` (`files`),
///   `secret-string-data`.
pub fn convert(
    sources: Vec<SourceSecret>,
    rules: &SecretRules,
    options: &ConvertOptions,
) -> (Vec<ConvertedSecret>, Vec<Finding>) {
    let mut findings: Vec<Finding> = options
        .groups
        .iter()
        .filter(|group| !rules.groups.contains_key(*group))
        .map(|group| Finding::error("secret-group-unknown", group))
        .collect();
    let mut found = assign(sources, rules, options, &mut findings);
    let mut converted = Vec::new();
    for rule in rules.rules().filter(|rule| is_on(rule, options)) {
        let candidates = found.remove(rule.name).unwrap_or_default();
        if candidates.is_empty() {
            findings.extend(missing(&rule));
        } else if let Some(source) = choose(candidates, &rule, &mut findings) {
            converted.extend(convert_one(source, &rule, options, &mut findings));
        }
    }
    findings.sort_by(|a, b| (b.severity, &a.subject, &a.code).cmp(&(a.severity, &b.subject, &b.code)));
    (converted, findings)
}

fn is_on(rule: &Rule<'_>, options: &ConvertOptions) -> bool {
    rule.entry.group.as_ref().is_none_or(|g| options.groups.contains(g))
}

/// Finds the rule of each source: by the object's name, else by the name of the file that holds only it.
fn assign<'a>(
    sources: Vec<SourceSecret>,
    rules: &'a SecretRules,
    options: &ConvertOptions,
    findings: &mut Vec<Finding>,
) -> BTreeMap<&'a str, Vec<SourceSecret>> {
    let by_name: BTreeMap<&str, Rule<'a>> = rules.rules().map(|r| (r.name, r)).collect();
    let by_stem: BTreeMap<&str, Rule<'a>> = rules.rules().map(|r| (r.file_stem(), r)).collect();
    let mut found: BTreeMap<&str, Vec<SourceSecret>> = BTreeMap::new();
    for source in sources {
        let (name, subject) = (source.object.name().to_owned(), source.subject());
        let from_stem = source.stem().and_then(|stem| by_stem.get(stem));
        if source.object.kind() != "Secret" {
            let finding = match from_stem {
                Some(_) => Finding::error("secret-wrong-kind", subject),
                None => Finding::warning("secret-unknown", subject),
            };
            findings.push(finding.arg("kind", source.object.kind()));
        } else if let Some(rule) = by_name
            .get(name.as_str())
            .or_else(|| from_stem.filter(|_| !rules.not_carried.contains_key(&name)))
        {
            if let Some(group) = rule.entry.group.as_ref().filter(|_| !is_on(rule, options)) {
                findings.push(Finding::info("secret-group-off", subject).arg("group", group));
                continue;
            }
            if rule.name != name {
                findings.push(
                    Finding::warning("secret-named-otherwise", subject)
                        .arg("secret", name)
                        .arg("expected", rule.name),
                );
            }
            found.entry(rule.name).or_default().push(source);
        } else if let Some(why) = rules
            .not_carried
            .get(&name)
            .or_else(|| rules.not_carried.get(source.stem()?))
        {
            findings.push(Finding::info("secret-not-carried", subject).arg("why", why));
        } else {
            let severity = if source.file.is_some() {
                Finding::warning
            } else {
                Finding::info
            };
            findings.push(severity("secret-unknown".to_owned(), subject).arg("secret", name));
        }
    }
    found
}

fn missing(rule: &Rule<'_>) -> Option<Finding> {
    let finding = match (&rule.entry.since, &rule.entry.optional) {
        (Some(_), _) => return None,
        (None, Some(why)) => Finding::warning("secret-optional-missing", rule.name).arg("why", why),
        (None, None) => Finding::error("secret-missing", rule.name),
    };
    let file = format!("{}.yaml", rule.file_stem());
    Some(finding.arg("class", &rule.class.name).arg("file", file))
}

/// One of several sources of the same secret, when they say the same; the file with the expected name before others.
fn choose(mut candidates: Vec<SourceSecret>, rule: &Rule<'_>, findings: &mut Vec<Finding>) -> Option<SourceSecret> {
    candidates.sort_by_key(|c| (c.stem() != Some(rule.file_stem()), c.file.clone()));
    if candidates.len() > 1 {
        let content = |c: &SourceSecret| ["/type", "/data", "/stringData"].map(|p| c.object.get(p).cloned());
        let equal = candidates.iter().all(|c| content(c) == content(&candidates[0]));
        let files: Vec<String> = candidates.iter().map(SourceSecret::subject).collect();
        let finding = match equal {
            true => Finding::info("secret-duplicate-equal", rule.name),
            false => Finding::error("secret-duplicate", rule.name),
        };
        findings.push(finding.arg("files", files.join(", ")));
        if !equal {
            return None;
        }
    }
    candidates.into_iter().next()
}

fn convert_one(
    source: SourceSecret,
    rule: &Rule<'_>,
    options: &ConvertOptions,
    findings: &mut Vec<Finding>,
) -> Option<ConvertedSecret> {
    let subject = source.subject();
    let source_name = source.object.name().to_owned();
    let mut object = source.object;
    if let Err(why) = metadata::check(&object).and_then(|()| data::check(&object, &subject, findings)) {
        findings.push(Finding::error("secret-data-unreadable", subject).arg("why", why));
        return None;
    }
    if let Some(rename) = &rule.entry.rename {
        object.metadata_mut().insert("name".into(), rename.to.clone().into());
        if let Some(connection) = &rename.connection_string
            && !connection::rename(&mut object, connection, &subject, findings)
        {
            return None;
        }
    }
    if !options.keep_server_fields {
        without_server_fields(&mut object);
    }
    metadata::apply(&mut object, rule.class, options);
    Some(ConvertedSecret {
        file_name: format!("{}.yaml", rule.new_file_stem()),
        object,
        class: rule.class.name.clone(),
        source_name,
    })
}

/// A file's name without folder and extension.
fn file_stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    [".yaml", ".yml", ".json"]
        .iter()
        .find_map(|extension| name.strip_suffix(extension))
        .unwrap_or(name)
}
