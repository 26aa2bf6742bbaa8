//! Values as the API server's own structures print them, and differences between two of them.

use serde_json::{Map, Value};

/// The same value with every mapping in the order of its keys, as Go prints maps.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            // A selector is a structure: its labels come first.
            if keys.len() == 2 && keys[0] == "matchExpressions" && keys[1] == "matchLabels" {
                keys.reverse();
            }
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&map[key]))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn text(value: Option<&Value>) -> Value {
    value.cloned().unwrap_or_else(|| "".into())
}

fn null(value: Option<&Value>) -> Value {
    value.map(sorted).unwrap_or_default()
}

fn structure(fields: &[(&str, Value)]) -> Value {
    let map: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Value::Object(map)
}

/// The spec of a claim.
pub(super) fn claim_spec(spec: &Value) -> Value {
    let resources = spec.get("resources");
    let part = |part: &str| null(resources.and_then(|resources| resources.get(part)));
    let source = |key: &str, namespaced: bool| match spec.get(key).filter(|source| !source.is_null()) {
        None => Value::Null,
        Some(source) => {
            let mut fields = vec![
                ("APIGroup", null(source.get("apiGroup"))),
                ("Kind", text(source.get("kind"))),
                ("Name", text(source.get("name"))),
            ];
            if namespaced {
                fields.push(("Namespace", null(source.get("namespace"))));
            }
            structure(&fields)
        }
    };
    structure(&[
        ("AccessModes", null(spec.get("accessModes"))),
        ("Selector", null(spec.get("selector"))),
        (
            "Resources",
            structure(&[("Limits", part("limits")), ("Requests", part("requests"))]),
        ),
        ("VolumeName", text(spec.get("volumeName"))),
        ("StorageClassName", null(spec.get("storageClassName"))),
        ("VolumeMode", null(spec.get("volumeMode"))),
        ("DataSource", source("dataSource", false)),
        ("DataSourceRef", source("dataSourceRef", true)),
        ("VolumeAttributesClassName", null(spec.get("volumeAttributesClassName"))),
    ])
}

/// Sources of volumes in the order of the server's structure.
pub(super) const SOURCES: [&str; 22] = [
    "GCEPersistentDisk",
    "AWSElasticBlockStore",
    "HostPath",
    "Glusterfs",
    "NFS",
    "RBD",
    "Quobyte",
    "ISCSI",
    "FlexVolume",
    "Cinder",
    "CephFS",
    "FC",
    "Flocker",
    "AzureFile",
    "VsphereVolume",
    "AzureDisk",
    "PhotonPersistentDisk",
    "PortworxVolume",
    "ScaleIO",
    "Local",
    "StorageOS",
    "CSI",
];

/// Fields of the sources that are in use: name and what an absent one is (`""`, `false`, `0`, or null).
fn fields(source: &str) -> &'static [(&'static str, &'static str)] {
    match source {
        "GCEPersistentDisk" => &[
            ("PDName", "\"\""),
            ("FSType", "\"\""),
            ("Partition", "0"),
            ("ReadOnly", "false"),
        ],
        "AWSElasticBlockStore" => &[
            ("VolumeID", "\"\""),
            ("FSType", "\"\""),
            ("Partition", "0"),
            ("ReadOnly", "false"),
        ],
        "HostPath" => &[("Path", "\"\""), ("Type", "null")],
        "NFS" => &[("Server", "\"\""), ("Path", "\"\""), ("ReadOnly", "false")],
        "AzureFile" => &[
            ("SecretName", "\"\""),
            ("ShareName", "\"\""),
            ("ReadOnly", "false"),
            ("SecretNamespace", "null"),
        ],
        "AzureDisk" => &[
            ("DiskName", "\"\""),
            ("DataDiskURI", "\"\""),
            ("CachingMode", "null"),
            ("FSType", "null"),
            ("ReadOnly", "null"),
            ("Kind", "null"),
        ],
        "Local" => &[("Path", "\"\""), ("FSType", "null")],
        "CSI" => &[
            ("Driver", "\"\""),
            ("VolumeHandle", "\"\""),
            ("ReadOnly", "false"),
            ("FSType", "\"\""),
            ("VolumeAttributes", "null"),
            ("ControllerPublishSecretRef", "null"),
            ("NodeStageSecretRef", "null"),
            ("NodePublishSecretRef", "null"),
            ("ControllerExpandSecretRef", "null"),
            ("NodeExpandSecretRef", "null"),
        ],
        _ => &[],
    }
}

/// The source of a volume's spec.
pub(super) fn volume_source(spec: &Value) -> Value {
    let get = |map: &Value, name: &str| {
        let found = map
            .as_object()?
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1.clone()).filter(|value| !value.is_null())
    };
    let all = SOURCES.iter().map(|source| {
        let value = get(spec, source).map_or(Value::Null, |value| {
            let known = fields(source);
            if known.is_empty() {
                return sorted(&value);
            }
            let map = known.iter().map(|(field, absent)| {
                let own = get(&value, field).map(|own| match own.as_object() {
                    Some(map) if field.ends_with("Ref") => structure(&[
                        ("Name", text(map.get("name"))),
                        ("Namespace", text(map.get("namespace"))),
                    ]),
                    _ => sorted(&own),
                });
                let own = own.unwrap_or_else(|| serde_json::from_str(absent).unwrap_or_default());
                ((*field).to_owned(), own)
            });
            Value::Object(map.collect())
        });
        ((*source).to_owned(), value)
    });
    Value::Object(all.collect())
}

/// Lines of a value, one space to a level.
fn lines(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    if serde::Serialize::serialize(value, &mut serializer).is_err() {
        return Vec::new();
    }
    String::from_utf8_lossy(&out).lines().map(str::to_owned).collect()
}

/// A unified diff with three lines of context.
pub(super) fn diff(old: &Value, new: &Value) -> String {
    let (a, b) = (lines(old), lines(new));
    let edits = edits(&a, &b);
    let changed: Vec<usize> = (0..edits.len()).filter(|at| edits[*at].0 != ' ').collect();
    let mut out = String::new();
    let mut at = 0;
    while at < changed.len() {
        let mut last = at;
        while last + 1 < changed.len() && changed[last + 1] - changed[last] <= 6 {
            last += 1;
        }
        let from = changed[at].saturating_sub(3);
        let to = (changed[last] + 4).min(edits.len());
        let count = |range: std::ops::Range<usize>, but: char| edits[range].iter().filter(|edit| edit.0 != but).count();
        let (a_from, b_from) = (count(0..from, '+') + 1, count(0..from, '-') + 1);
        let (a_len, b_len) = (count(from..to, '+'), count(from..to, '-'));
        out.push_str(&format!("@@ -{a_from},{a_len} +{b_from},{b_len} @@\n"));
        for (sign, line) in &edits[from..to] {
            out.push_str(&format!("{sign}{line}\n"));
        }
        at = last + 1;
    }
    out
}

/// A shortest way from one text to the other: kept, removed and added lines.
fn edits<'a>(a: &'a [String], b: &'a [String]) -> Vec<(char, &'a str)> {
    let mut common = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            edits.push((' ', a[i].as_str()));
            i += 1;
            j += 1;
        } else if i < a.len() && (j == b.len() || common[i + 1][j] > common[i][j + 1]) {
            edits.push(('-', a[i].as_str()));
            i += 1;
        } else {
            edits.push(('+', b[j].as_str()));
            j += 1;
        }
    }
    // Of what changed in one place the old lines come first.
    for block in edits.chunk_by_mut(|a, b| (a.0 == ' ') == (b.0 == ' ')) {
        block.sort_by_key(|edit| edit.0 == '+');
    }
    edits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_of_claims_are_told_as_the_server_does() {
        let spec = |class: &str| {
            claim_spec(&json!({
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": class,
                "volumeMode": "Filesystem",
            }))
        };
        assert_eq!(
            diff(&spec("x"), &spec("yy")),
            "@@ -10,7 +10,7 @@\n   }\n  },\n  \"VolumeName\": \"\",\n- \"StorageClassName\": \"x\",\n+ \
             \"StorageClassName\": \"yy\",\n  \"VolumeMode\": \"Filesystem\",\n  \"DataSource\": null,\n  \
             \"DataSourceRef\": null,\n"
        );
    }
}
