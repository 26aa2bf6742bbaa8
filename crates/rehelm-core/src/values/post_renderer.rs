//! What the chart cannot express, as a Kustomize folder that Helm runs over its render.
//!
//! Patches are strategic merge patches where the server knows the kind, so that they hold when the chart's next version adds an
//! item to a list, and merge patches for other kinds. Every patch has a selector: an object that is not there is no error,
//! because newer Helm runs hooks and manifests through it separately.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::compare::Compared;
use super::field::{FieldPath, FieldStep};
use super::proof::{Class, Residual, Why};
use super::sides::Sides;
use crate::object::ObjRef;
use crate::yaml;

pub mod beside;

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// Its path within the folder.
    pub path: String,
    /// Its content.
    pub content: String,
    /// True for the program that Helm calls.
    pub executable: bool,
}

/// Name of the program in the folder.
pub const PROGRAM: &str = "post-renderer";
/// Name by which Helm 4 knows it as a plugin.
pub const PLUGIN: &str = "rehelm-post-renderer";

/// Groups whose types Kustomize knows, so that lists are merged by their keys.
const KNOWN_GROUPS: [&str; 10] = [
    "",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
];

/// Lists that are merged, with the key of their items. Source: patchMergeKey in the types of the API.
const MERGED: [(&str, &str); 12] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("ports", "containerPort"),
    ("imagePullSecrets", "name"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
    ("webhooks", "name"),
    ("secrets", "name"),
];

/// True for a difference that a post-renderer carries.
pub fn carries(residual: &Residual) -> bool {
    let class = matches!(residual.class, Class::ChartCannot | Class::NeedsPerson | Class::Unknown);
    let person = [Why::Given, Why::Secret, Why::NoObject, Why::Switch, Why::Stays];
    class
        && !residual.hook
        && !residual.field.0.is_empty()
        && !person.contains(&residual.why)
        && residual.object.kind != "Secret"
}

/// The folder that carries them; empty when there is nothing to carry.
pub fn files(sides: &Sides, residuals: &[Residual]) -> Vec<PatchFile> {
    let mut by_object: BTreeMap<&ObjRef, Vec<&Residual>> = BTreeMap::new();
    for residual in residuals.iter().filter(|r| carries(r)) {
        by_object.entry(&residual.object).or_default().push(residual);
    }
    let (mut out, mut patches) = (Vec::new(), Vec::new());
    for (_, made, compared) in sides.pairs() {
        let reference = made.object.reference();
        let Some(residuals) = by_object.get(&reference) else {
            continue;
        };
        let mut patch =
            json!({"apiVersion": reference.api_version, "kind": reference.kind, "metadata": {"name": reference.name}});
        let strategic = KNOWN_GROUPS.contains(&reference.group());
        for residual in residuals {
            put(&mut patch, &residual.field, residual, compared, strategic);
        }
        let path = format!("patches/{}.yaml", file_name(&reference));
        patches.push(json!({"path": path, "target": target(&reference)}));
        out.push(PatchFile {
            path,
            content: yaml::to_string(&patch),
            executable: false,
        });
    }
    if out.is_empty() {
        return out;
    }
    let kustomization = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": ["rendered.yaml"], "patches": patches});
    let head = "# What the chart cannot express, written by `rehelm values derive`. Helm's render comes in as rendered.yaml.\n";
    out.push(PatchFile {
        path: "kustomization.yaml".into(),
        content: format!("{head}{}", yaml::to_string(&kustomization)),
        executable: false,
    });
    out.push(PatchFile {
        path: PROGRAM.into(),
        content: include_str!("post_renderer/program.sh").into(),
        executable: true,
    });
    out.push(PatchFile {
        path: "plugin.yaml".into(),
        content: plugin(),
        executable: false,
    });
    out
}

/// What Helm 4 needs, which takes the name of an installed plugin and no path.
fn plugin() -> String {
    let head =
        "# Helm 4 runs post-renderers as plugins: helm plugin install DIR, then --post-renderer rehelm-post-renderer\n";
    let plugin = json!({"apiVersion": "v1", "type": "postrenderer/v1", "name": PLUGIN, "version": "0.1.0", "runtime": "subprocess",
        "runtimeConfig": {"platformCommand": [{"command": "${HELM_PLUGIN_DIR}/post-renderer"}]}});
    format!("{head}{}", yaml::to_string(&plugin))
}

fn file_name(object: &ObjRef) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect()
    };
    format!("{}-{}", plain(&object.kind), plain(&object.name))
}

/// Selects exactly this object; its name is a regular expression there.
fn target(object: &ObjRef) -> Value {
    let mut target = Map::new();
    if !object.group().is_empty() {
        target.insert("group".into(), json!(object.group()));
    }
    let version = object.api_version.rsplit('/').next().unwrap_or_default();
    target.insert("version".into(), json!(version));
    target.insert("kind".into(), json!(object.kind));
    let name: String = object
        .name
        .chars()
        .flat_map(|c| {
            if c.is_alphanumeric() || c == '-' {
                vec![c]
            } else {
                vec!['\\', c]
            }
        })
        .collect();
    target.insert("name".into(), json!(name));
    Value::Object(target)
}

/// Puts one difference into the patch.
fn put(patch: &mut Value, field: &FieldPath, residual: &Residual, compared: &Compared, strategic: bool) {
    let mut at = patch;
    let mut here = FieldPath::default();
    for (depth, step) in field.0.iter().enumerate() {
        let last = depth + 1 == field.0.len();
        match step {
            FieldStep::Key(key) => {
                here = here.key(key);
                if !at.is_object() {
                    *at = json!({});
                }
                if last {
                    at[key.as_str()] = residual.today.clone().unwrap_or(Value::Null);
                    return;
                }
                if at.get(key.as_str()).is_some_and(Value::is_null) {
                    return;
                }
                // Nothing of it is there today: it goes as a whole.
                let node = compared.nodes.get(&here);
                if node.is_some_and(|node| node.today.is_none()) {
                    at[key.as_str()] = Value::Null;
                    return;
                }
                let next = field.0.get(depth + 1);
                let list = next.is_some_and(|next| !matches!(next, FieldStep::Key(_)));
                if list && !mergeable(&here, field, depth + 1, compared, strategic) {
                    at[key.as_str()] = whole(&here, compared, strategic);
                    return;
                }
                let empty = if list { json!([]) } else { json!({}) };
                let map = at.as_object_mut().expect("made above");
                at = map.entry(key.as_str()).or_insert(empty);
            }
            _ => {
                let list = here.clone();
                here = here.step(step.clone());
                let node = compared.nodes.get(&here).cloned().unwrap_or_default();
                let name = merge_key(&list, compared).unwrap_or("name");
                let id = node
                    .chart
                    .as_ref()
                    .or(node.today.as_ref())
                    .and_then(|item| item.get(name))
                    .cloned()
                    .unwrap_or_default();
                if !at.is_array() {
                    *at = json!([]);
                }
                let items = at.as_array_mut().expect("made above");
                let known = items.iter().position(|item| item.get(name) == Some(&id));
                let place = known.unwrap_or_else(|| {
                    items.push(json!({name: id}));
                    items.len() - 1
                });
                if node.today.is_none() {
                    items[place] = json!({name: id, "$patch": "delete"});
                    return;
                }
                if node.chart.is_none() {
                    items[place] = node.today.unwrap_or_default();
                    return;
                }
                at = &mut items[place];
            }
        }
    }
}

/// Key by which a list is merged.
fn merge_key(list: &FieldPath, compared: &Compared) -> Option<&'static str> {
    let Some(FieldStep::Key(name)) = list.0.last() else {
        return None;
    };
    let service = name == "ports" && list.0.len() == 2;
    let key = if service {
        "port"
    } else {
        MERGED.iter().find(|(list, _)| list == name).map(|(_, key)| *key)?
    };
    // Two ports of one number, or items without the key, cannot be told apart.
    let node = compared.nodes.get(list)?;
    let unique = |side: &Option<Value>| {
        let items = side.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        let mut ids: Vec<String> = items
            .iter()
            .map(|item| item.get(key).map(Value::to_string).unwrap_or_default())
            .collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        ids.len() == all && !ids.iter().any(String::is_empty)
    };
    (unique(&node.today) && unique(&node.chart)).then_some(key)
}

fn mergeable(list: &FieldPath, field: &FieldPath, depth: usize, compared: &Compared, strategic: bool) -> bool {
    let Some(key) = merge_key(list, compared) else {
        return false;
    };
    let item = FieldPath(field.0[..=depth].to_vec());
    let node = compared.nodes.get(&item);
    let id = |side: &Option<Value>| side.as_ref().and_then(|item| item.get(key)).cloned();
    // An item whose identity itself differs is another item: the list goes as a whole.
    let same = node.is_some_and(|n| n.today.is_none() || n.chart.is_none() || id(&n.today) == id(&n.chart));
    strategic && same && matches!(field.0[depth], FieldStep::Item { .. })
}

/// The list as it is today.
fn whole(list: &FieldPath, compared: &Compared, strategic: bool) -> Value {
    let node = compared.nodes.get(list).cloned().unwrap_or_default();
    let Some(Value::Array(mut items)) = node.today else {
        return Value::Null;
    };
    // Rights that the chart gives are not taken.
    let theirs = node.chart.as_ref().and_then(Value::as_array).into_iter().flatten();
    let rules = theirs.filter(|item| item.get("verbs").is_some() && !items.contains(item));
    let rules: Vec<Value> = rules.cloned().collect();
    items.extend(rules);
    let merged = matches!(list.0.last(), Some(FieldStep::Key(name)) if name == "ports" || MERGED.iter().any(|(list, _)| list == name));
    if strategic && merged {
        items.push(json!({"$patch": "replace"}));
    }
    Value::Array(items)
}
