//! Takes out of answers what two servers cannot have in common. Everything it does is in the list here:
//!
//! - uids become `<uid KIND/NAME>`, from the object that has the uid; those of objects never seen become `<uid>`;
//! - names that the server made up end in `<new>`; hashes of pod templates and revisions become `<hash>`;
//! - times become `<time>`; resourceVersions `<rv>`, but for kinds that no controller writes: those count up from `<rv 1>`
//!   per object, so that a write that changes nothing shows;
//! - addresses of pods, services and machines become `<ip>`, node ports `<port>`, continue tokens `<token>`, nodes `<node>`,
//!   their zones `<zone>`;
//! - the cluster's CA becomes `<ca>`;
//! - a slice's generation, the count of pods that are just ending, and the source of a volume that a provisioner made;
//! - in what programs print: ages `<age>`, columns by two spaces, and events left out;
//! - status and revision of kinds that controllers write to are left out of answers that were not waited for;
//! - in `managedFields`, entries of controllers and of the machines' stand-in are left out, the rest is sorted; items of
//!   lists are sorted where their order follows names that the server made up.

mod chance;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::run::Transcript;
use chance::{forget_chance, forget_controllers};

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

static UID: LazyLock<Regex> = LazyLock::new(|| regex(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"));
/// A ReplicaSet that is gone is known from messages only.
static REPLICA_SET: LazyLock<Regex> = LazyLock::new(|| regex(r#"(ReplicaSet "[a-z0-9-]+?)-([a-z0-9]{6,10})(")"#));
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"([A-Z][a-z]{2},? (\d+ )?[A-Z][a-z]{2} +\d+ |\d{4}-\d\d-\d\d )\d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?( UTC| \d{4})?",
    )
});
static AGE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(\d+[dhms]){1,2}\b"));
static COLUMNS: LazyLock<Regex> = LazyLock::new(|| regex(r"[ \t]{2,}"));
static ZONE: LazyLock<Regex> = LazyLock::new(|| regex(r"\beu-central-1[ab]\b"));
static IP: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(10\.\d+\.\d+\.\d+|192\.0\.2\.\d+|198\.18\.\d+\.\d+)\b"));

/// resourceVersions within messages.
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"("resourceVersion":"|ResourceVersion in the precondition \(|ResourceVersion in record \()\d+"#)
});

/// Lists whose items are sorted when names in them were made up by the server.
const LISTS: &[&str] = &["items", "endpoints", "addresses", "notReadyAddresses", "rows"];

fn is_made_up(text: &str) -> bool {
    ["<new>", "<hash>", "pvc-<uid"].iter().any(|sign| text.contains(sign))
}

/// What a program printed, line by line.
fn printed(said: &str) -> Value {
    let lines = said.lines().take_while(|line| !line.starts_with("Events:"));
    let lines = lines.map(|line| {
        let line = AGE.replace_all(line.trim_end(), "<age>");
        COLUMNS.replace_all(&line, "  ").into_owned()
    });
    lines.collect()
}

/// Field managers whose entries are the cluster's own business.
const CLUSTER: &[&str] = &[
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "unknown",
    "rehelm-testbed",
    "kube-apiserver",
];

/// Kinds that nobody but the client writes: each of their resourceVersions is counted.
const QUIET: &[&str] = &[
    "ConfigMap",
    "Secret",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "IngressClass",
    "StorageClass",
    "NetworkPolicy",
    "Widget",
];

/// The names that a transcript's server made up.
#[derive(Default)]
struct Known {
    uids: BTreeMap<String, String>,
    made_up: BTreeMap<String, String>,
    versions: BTreeMap<String, BTreeMap<u64, usize>>,
}

/// The transcript without what is the server's own: steps and objects, as they are recorded.
pub fn normal(transcript: &Transcript) -> Value {
    let mut known = Known::default();
    let bodies = transcript
        .steps
        .iter()
        .map(|step| &step.answer.body)
        .chain(&transcript.objects);
    let bodies: Vec<&Value> = bodies.collect();
    bodies.iter().for_each(|body| known.learn(body));
    let mut steps = Vec::new();
    for step in &transcript.steps {
        let mut body = known.clean("", &step.answer.body);
        if !step.settled {
            forget_controllers(&mut body);
        }
        if !step.only.is_empty() {
            let chosen = step
                .only
                .iter()
                .map(|at| (at.clone(), body.pointer(at).cloned().unwrap_or(Value::Null)));
            body = Value::Object(chosen.collect());
        }
        if let (true, Value::String(said)) = (step.printed, &body) {
            body = printed(said);
            // kubectl prints a ConfigMap's keys in the order of a Go map, another one each time.
            if let (true, Value::Array(lines)) = (
                step.title.contains("describe") && step.title.contains("configmap"),
                &mut body,
            ) {
                lines.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            }
        }
        if step.code_only {
            body = Value::Null;
        }
        let mut entry = serde_json::json!({"step": step.title, "code": step.answer.code, "body": body});
        if !step.answer.warnings.is_empty() {
            let warnings = step.answer.warnings.iter().map(|text| known.text(text));
            entry["warnings"] = warnings.collect();
        }
        steps.push(entry);
    }
    let mut objects = Map::new();
    for object in &transcript.objects {
        let clean = known.clean("", object);
        let text = |pointer: &str| {
            clean
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let key = format!(
            "{} {}/{}",
            text("/kind"),
            text("/metadata/namespace"),
            text("/metadata/name")
        );
        let group = objects.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(group) = group.as_array_mut() {
            group.push(clean);
            group.sort_by_cached_key(sorted);
        }
    }
    objects.sort_keys();
    serde_json::json!({"steps": steps, "objects": objects})
}

impl Known {
    /// Remembers uids, made-up names and resourceVersions.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(map) => {
                if let Some(meta) = map.get("metadata").filter(|meta| meta["name"].is_string()) {
                    self.learn_object(map, meta);
                }
                self.learn_list(map);
                for key in [
                    "pod-template-hash",
                    "controller-revision-hash",
                    "controller.kubernetes.io/hash",
                ] {
                    if let Some(Value::String(hash)) = map.get(key) {
                        let hash = hash.rsplit('-').next().unwrap_or(hash);
                        self.made_up.insert(format!("-{hash}"), "-<hash>".to_owned());
                    }
                }
                self.learn_reference(map);
                map.values().for_each(|item| self.learn(item));
            }
            _ => {}
        }
    }

    /// Items of lists do not say their kind: the list does.
    fn learn_list(&mut self, list: &Map<String, Value>) {
        let kind = list
            .get("kind")
            .and_then(Value::as_str)
            .and_then(|kind| kind.strip_suffix("List"));
        let items = list.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            if let (Some(kind), Some(uid)) = (kind, item["metadata"]["uid"].as_str()) {
                let name = item["metadata"]["name"].as_str().unwrap_or_default();
                self.uids.insert(uid.to_owned(), format!("{kind}/{name}"));
            }
        }
    }

    /// References name the objects whose uid they give.
    fn learn_reference(&mut self, map: &Map<String, Value>) {
        let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
        if !text("uid").is_empty() && !text("kind").is_empty() {
            let entry = self.uids.entry(text("uid").to_owned());
            entry.or_insert_with(|| format!("{}/{}", text("kind"), text("name")));
        }
    }

    fn learn_object(&mut self, object: &Map<String, Value>, meta: &Value) {
        let text = |key: &str| meta[key].as_str().unwrap_or_default();
        let (name, prefix, uid) = (text("name"), text("generateName"), text("uid"));
        // Pods of a StatefulSet say that their name was generated, and are numbered.
        let end = name.strip_prefix(prefix).unwrap_or_default();
        if !prefix.is_empty() && (end.len() >= 5 || !end.chars().all(|c| c.is_ascii_digit())) {
            self.made_up.insert(name.to_owned(), format!("{prefix}<new>"));
        }
        if uid.is_empty() {
            return;
        }
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        let entry = self.uids.entry(uid.to_owned()).or_default();
        if entry.is_empty() || entry.starts_with('/') {
            *entry = format!("{kind}/{name}");
        }
        if let Ok(version) = text("resourceVersion").parse() {
            let versions = self.versions.entry(uid.to_owned()).or_default();
            let next = versions.len() + 1;
            versions.entry(version).or_insert(next);
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut made_up: Vec<_> = self.made_up.iter().collect();
        made_up.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, stands_for) in made_up {
            if text.contains(name.as_str()) {
                text = text.replace(name.as_str(), stands_for);
            }
        }
        let uid = |found: &regex::Captures<'_>| match self.uids.get(&found[0]) {
            Some(of) if !of.starts_with('/') => format!("<uid {}>", self.names(of)),
            _ => "<uid>".to_owned(),
        };
        let text = UID.replace_all(&text, uid);
        let text = TIME.replace_all(&text, "<time>");
        let text = VERSION.replace_all(&text, "$1<rv>");
        let text = REPLICA_SET.replace_all(&text, "$1-<hash>$3");
        let text = DATE.replace_all(&text, "<time>");
        let text = ZONE.replace_all(&text, "<zone>");
        IP.replace_all(&text, "<ip>").into_owned()
    }

    /// Made-up names within a name; a uid within a name stays a plain `<uid>`.
    fn names(&self, of: &str) -> String {
        let mut of = of.to_owned();
        for (name, stands_for) in self.made_up.iter().rev() {
            of = of.replace(name.as_str(), stands_for);
        }
        UID.replace_all(&of, "<uid>").into_owned()
    }

    fn clean(&self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => match key {
                "resourceVersion" if text.parse::<u64>().is_ok() => "<rv>".into(),
                "continue" if !text.is_empty() => "<token>".into(),
                "nodeName" | "volume.kubernetes.io/selected-node" => "<node>".into(),
                "modifiedAt" => "<time>".into(),
                "release" if text.len() > 200 => "<release>".into(),
                "pod-template-hash" | "controller-revision-hash" | "controller.kubernetes.io/hash" | "ca.crt" => {
                    format!("<{key}>").into()
                }
                _ => self.text(text).into(),
            },
            Value::Number(_) if key == "nodePort" || key == "healthCheckNodePort" => "<port>".into(),
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.clean("", item)).collect();
                if key == "managedFields" {
                    items.retain(|entry| !CLUSTER.contains(&entry["manager"].as_str().unwrap_or_default()));
                }
                if key == "managedFields"
                    || LISTS.contains(&key) && items.iter().map(sorted).any(|text| is_made_up(&text))
                {
                    items.sort_by_cached_key(sorted);
                }
                items.into()
            }
            Value::Object(map) => {
                let cleaned = map.iter().map(|(key, item)| (self.text(key), self.clean(key, item)));
                let mut cleaned: Map<String, Value> = cleaned.collect();
                if cleaned
                    .get("managedFields")
                    .and_then(Value::as_array)
                    .is_some_and(Vec::is_empty)
                {
                    cleaned.shift_remove("managedFields");
                }
                self.count_version(map, &mut cleaned);
                forget_chance(&mut cleaned);
                // The order of ports in Endpoints follows a hash.
                if cleaned.contains_key("addresses") || cleaned.contains_key("notReadyAddresses") {
                    let ports = cleaned.get_mut("ports").and_then(Value::as_array_mut);
                    ports.into_iter().for_each(|ports| ports.sort_by_cached_key(sorted));
                }
                cleaned.into()
            }
            other => other.clone(),
        }
    }

    fn count_version(&self, raw: &Map<String, Value>, cleaned: &mut Map<String, Value>) {
        let text = |key: &str| raw.get(key).and_then(Value::as_str).unwrap_or_default();
        let of = self.uids.get(text("uid"));
        if !of.is_some_and(|of| QUIET.iter().any(|kind| of.split('/').next() == Some(kind))) {
            return;
        }
        let version = text("resourceVersion").parse().ok();
        let count = version.and_then(|version: u64| self.versions.get(text("uid"))?.get(&version));
        if let (Some(count), Some(cleaned)) = (count, cleaned.get_mut("resourceVersion")) {
            *cleaned = format!("<rv {count}>").into();
        }
    }
}

/// A value as text, its keys sorted: the order of items must not depend on the order of keys.
fn sorted(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}
