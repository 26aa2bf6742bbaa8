//! What the reader cannot see in a profile's files: names that meet, constraints that are none, places that do not exist.

use std::collections::BTreeMap;

use super::{Profile, ProfileError};
use crate::constraint::Constraint;
use crate::values::solve::hints::Hint;

/// Databases that belong to the server.
const SERVERS_OWN: [&str; 3] = ["admin", "config", "local"];

/// Refuses the first thing that cannot be meant.
pub(super) fn check(profile: &Profile) -> Result<(), ProfileError> {
    let no = |file: &str, why: String| ProfileError::File {
        file: file.to_owned(),
        why: format!("{file}: {why}"),
    };
    let about = &profile.about;
    let constraints = [
        ("chart-versions", &about.chart_versions),
        ("kubernetes", &about.kubernetes),
    ];
    for (field, text) in constraints {
        Constraint::parse(text).map_err(|e| no("profile.yaml", format!("{field}: {e}")))?;
    }
    secrets(profile).map_err(|why| no("secrets.yaml", why))?;
    databases(profile).map_err(|why| no("databases.yaml", why))?;
    for check in &profile.workloads.exec_checks {
        check.sensible().map_err(|why| no("workloads.yaml", why))?;
    }
    for hint in &profile.values.hints {
        Hint::read(hint).map_err(|why| no("values.yaml", why))?;
    }
    let volumes = &profile.volumes;
    if let Some(both) = volumes.claims.iter().find(|claim| volumes.stay.contains(claim)) {
        return Err(no(
            "volumes.yaml",
            format!("claim {both} is under `claims` and under `stay`"),
        ));
    }
    let mut fields = volumes.values.iter().flat_map(|value| &value.from);
    if let Some(field) = fields.find(|field| !field.field.starts_with('/')) {
        let why = format!("`{}` is no JSON pointer, such as /spec/csi/volumeHandle", field.field);
        return Err(no("volumes.yaml", why));
    }
    Ok(())
}

fn secrets(profile: &Profile) -> Result<(), String> {
    let mut classes = BTreeMap::new();
    let mut names = BTreeMap::new();
    for rule in profile.secrets.rules() {
        if let Some(other) = classes.insert(rule.name, &rule.class.name) {
            return Err(format!(
                "secret {} is in the classes {other} and {}",
                rule.name, rule.class.name
            ));
        }
        if let Some(other) = names.insert(rule.new_name(), rule.name) {
            return Err(format!(
                "secrets {other} and {} both become {}",
                rule.name,
                rule.new_name()
            ));
        }
    }
    Ok(())
}

fn databases(profile: &Profile) -> Result<(), String> {
    let mut names = BTreeMap::new();
    for rename in &profile.databases.renames {
        let odd = |c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c);
        for name in [&rename.from, &rename.to] {
            if name.is_empty() || name.len() > 63 || name.contains(odd) {
                return Err(format!("`{name}` is no name of a database"));
            }
            if SERVERS_OWN.contains(&name.as_str()) {
                return Err(format!("{name} is a database of the server's own"));
            }
        }
        if rename.from == rename.to {
            return Err(format!("{} is renamed to itself", rename.from));
        }
        if let Some(other) = names.insert(&rename.to, &rename.from) {
            return Err(format!("{other} and {} both become {}", rename.from, rename.to));
        }
    }
    Ok(())
}
