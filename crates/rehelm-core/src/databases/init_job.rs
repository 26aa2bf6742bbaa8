//! What the chart's own initialisation does with users of renamed databases, as far as its script can be read, held against
//! what the profile says.
//!
//! The job is known by what it uses: the secret with the connection string of a renamed database. Roles are looked for in its
//! commands and in the ConfigMaps that it mounts. A script is not run here, so a database that it names by a variable may be
//! any of them; one that names no role in a way that can be read is said to be unknown.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use crate::finding::Finding;
use crate::object::Object;
use crate::pods;
use crate::profile::{DatabaseRename, Profile};

/// `{role: 'NAME', db: 'DATABASE'}`, with whatever quotes, in either order.
const ROLE: &str =
    r#"\\?["']?role\\?["']?\s*:\s*\\?["']([^"'\\]+)\\?["']\s*,\s*\\?["']?db\\?["']?\s*:\s*\\?["']?([^"'\\},\s]+)"#;
const ROLE_LAST: &str =
    r#"\\?["']?db\\?["']?\s*:\s*\\?["']?([^"'\\},\s]+)\\?["']?\s*,\s*\\?["']?role\\?["']?\s*:\s*\\?["']([^"'\\]+)"#;

/// Roles by database; an empty name stands for one that the script takes from a variable.
type Roles = BTreeMap<String, BTreeSet<String>>;

/// Holds what rendered jobs give to users against what the profile expects.
pub fn compare(rendered: &[Object], profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rename in &profile.databases.renames {
        let jobs = rendered.iter().filter(|object| object.kind() == "Job");
        for job in jobs.filter(|job| uses(job, rename)) {
            findings.extend(of_job(job, rendered, rename));
        }
    }
    findings
}

fn uses(job: &Object, rename: &DatabaseRename) -> bool {
    let spec = pods::pod_spec(job);
    spec.is_some_and(|spec| pods::secret_uses(spec).iter().any(|used| used.secret == rename.secret))
}

fn of_job(job: &Object, rendered: &[Object], rename: &DatabaseRename) -> Option<Finding> {
    let roles = roles(&texts(job, rendered));
    if roles.is_empty() {
        let finding = Finding::info("database-init-unknown", job.reference().to_string());
        return Some(finding.arg("database", &rename.to));
    }
    let own = rename.roles.iter().map(|role| role.name.as_str());
    let expected: BTreeSet<&str> = own.chain(["readWrite"]).collect();
    let named = roles.get(&rename.to).or_else(|| roles.get(""));
    let more: Vec<&str> = named
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|role| !expected.contains(role))
        .collect();
    let finding = || {
        Finding::warning("database-init-roles", job.reference().to_string())
            .arg("database", &rename.to)
            .arg("roles", more.join(", "))
    };
    (!more.is_empty()).then(finding)
}

/// Commands of the job, and the texts of ConfigMaps that it mounts.
fn texts(job: &Object, rendered: &[Object]) -> Vec<String> {
    let Some(spec) = pods::pod_spec(job) else {
        return Vec::new();
    };
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut texts = Vec::new();
    for container in ["initContainers", "containers"].iter().flat_map(|key| list(spec, key)) {
        let words = ["command", "args"].iter().flat_map(|key| list(&container, key));
        texts.extend(words.filter_map(|word| word.as_str().map(str::to_owned)));
    }
    for volume in list(spec, "volumes") {
        let projected = list(&volume["projected"], "sources");
        let maps = projected.iter().map(|source| &source["configMap"]["name"]);
        for name in maps.chain([&volume["configMap"]["name"]]).filter_map(Value::as_str) {
            let found = rendered.iter().filter(|object| {
                object.kind() == "ConfigMap" && object.name() == name && object.namespace() == job.namespace()
            });
            let data = found.filter_map(|map| map.get("/data").and_then(Value::as_object));
            texts.extend(
                data.flat_map(|data| data.values())
                    .filter_map(|text| text.as_str().map(str::to_owned)),
            );
        }
    }
    texts
}

fn roles(texts: &[String]) -> Roles {
    let mut roles = Roles::new();
    let mut add = |role: &str, database: &str| {
        let literal = !database.contains(['$', '`', '(']);
        let database = if literal { database } else { "" };
        roles.entry(database.to_owned()).or_default().insert(role.to_owned());
    };
    for (text, role, database) in [(ROLE, 1, 2), (ROLE_LAST, 2, 1)] {
        // The expressions are constants.
        let Ok(pattern) = Regex::new(text) else { continue };
        for found in texts.iter().flat_map(|text| pattern.captures_iter(text)) {
            add(&found[role], &found[database]);
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile() -> Profile {
        let text = |text: &str| text.to_owned();
        let about = "name: p\ntitle: P\nsource-namespace: a\nnamespace: b\nrelease: p\nchart: p\nchart-versions: '*'\nkubernetes: '*'\n";
        let renames =
            "renames: [{from: old, to: new, secret: new-db, key: uri, roles: [{name: appendOnly, privileges: []}]}]\n";
        let files = BTreeMap::from([
            (text("profile.yaml"), text(about)),
            (text("databases.yaml"), text(renames)),
        ]);
        Profile::from_files(&files).expect("a profile")
    }

    fn rendered(script: &str, secret: &str) -> Vec<Object> {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "script", "namespace": "b"}, "data": {"x.sh": script}});
        let volumes =
            json!([{"name": "s", "configMap": {"name": "script"}}, {"name": "c", "secret": {"secretName": secret}}]);
        let pod = json!({"containers": [{"name": "init", "command": ["bash", "/x.sh"]}], "volumes": volumes});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "init", "namespace": "b"}, "spec": {"template": {"spec": pod}}});
        vec![Object(map), Object(job)]
    }

    fn found(script: &str) -> Vec<(String, String)> {
        let findings = compare(&rendered(script, "new-db"), &profile());
        let brief = |finding: Finding| (finding.code, finding.args.get("roles").cloned().unwrap_or_default());
        findings.into_iter().map(brief).collect()
    }

    #[test]
    fn roles_are_read_from_the_script_however_it_quotes() {
        for script in [
            "mongo --eval \"db.createUser({user: 'new', pwd: p, roles: [{role: 'readWrite', db: 'new'}]})\"",
            r#"db.createUser({"user": "$u", "roles": [{"db": "$DB", "role": "readWrite"}, {"role": "appendOnly", "db": "$DB"}]})"#,
            r#"echo "roles: [{role: \"readWrite\", db: \"${db}\"}]""#,
        ] {
            assert!(found(script).is_empty(), "{script}: {:?}", found(script));
        }
        let more = found(
            "roles: [{ role: 'readWrite', db: 'new' }, { role: 'dbAdmin', db: 'new' }, { role: 'root', db: 'other' }]",
        );
        assert_eq!(more, [("database-init-roles".to_owned(), "dbAdmin".to_owned())]);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_other_jobs_are_left_alone() {
        assert_eq!(
            found("./a-program --make-users"),
            [("database-init-unknown".to_owned(), String::new())]
        );
        assert!(compare(&rendered("role: 'root', db: 'new'", "another"), &profile()).is_empty());
    }
}
