//! How `init` writes `rehelm.yaml`: the reader's first lesson, so every field is there with a comment, set or as an example.

use std::fmt::Write;

use super::file::{File, Mongodb, Registry, SecretKey};

/// The text of a configuration. `schema` is where editors find the JSON Schema.
///
/// Reading the text gives the same configuration back; a test holds that.
pub fn write(file: &File, schema: &str) -> String {
    let mut out = format!(
        "# yaml-language-server: $schema={schema}
# What rehelm moves, from where to where. Relative paths start at this file's folder.
# Flags and REHELM_* variables win over this file. No password belongs in here: name the place that holds it.

# The product: a built-in profile, or a folder with one (./my-profile).
profile: {}

# in-cluster: to another namespace of the same cluster; volumes are taken along.
scenario: in-cluster

# The Kustomize install, as it runs now.
source:
",
        scalar(&file.profile)
    );
    let source = &file.source;
    optional(
        &mut out,
        "context",
        source.context.as_deref(),
        "prod",
        "context of the kubeconfig; default: the current one",
    );
    optional(&mut out, "namespace", source.namespace.as_deref(), "default", "");
    out.push_str("  # Every folder that was applied, in that order. Files of built manifests are taken too.\n");
    list(&mut out, "kustomize", &source.kustomize, "./kubernetes/product");

    let target = &file.target;
    out.push_str("\n# The Helm release, as it will run.\ntarget:\n");
    optional(&mut out, "namespace", target.namespace.as_deref(), "my-namespace", "");
    optional(&mut out, "release", target.release.as_deref(), "my-release", "");
    let _ = writeln!(
        out,
        "  # oci://HOST/PATH, a folder or a packed chart.\n  chart: {}",
        scalar(&target.chart)
    );
    optional(
        &mut out,
        "version",
        target.version.as_deref(),
        "1.2.3",
        "needed for oci://",
    );
    out.push_str("  # Later files win. They must carry what the Kustomize patches changed; `rehelm check` compares.\n");
    list(&mut out, "values", &target.values, "values_prod.yaml");
    out.push_str("  # Flags that every Helm call gets.\n");
    list(&mut out, "helm-flags", &target.helm_flags, "--plain-http");
    out.push_str(
        "  # What the chart cannot express: a folder that `rehelm values derive --post-renderer` has written.\n",
    );
    optional(
        &mut out,
        "post-renderer",
        target.post_renderer.as_deref(),
        "post-renderer",
        "",
    );
    registry(&mut out, target.registry.as_ref());
    mongodb(&mut out, file.mongodb.as_ref());

    out.push_str(
        "
# The backup of every object that is touched lies in .rehelm/, readable by you only. With age public keys it is encrypted.
",
    );
    if file.backup.recipients.is_empty() {
        out.push_str("#backup:\n#  recipients:\n#    - age1…\n");
    } else {
        out.push_str("backup:\n");
        list(&mut out, "recipients", &file.backup.recipients, "");
    }
    out.push_str("\n# Time between a successful `rehelm verify` and `rehelm cleanup`.\n");
    let _ = writeln!(out, "soak: {}", scalar(file.soak.as_deref().unwrap_or("24h")));
    out
}

fn registry(out: &mut String, registry: Option<&Registry>) {
    out.push_str("  # Login for the chart's registry; the password is in a file or in a variable.\n");
    let Some(registry) = registry else {
        out.push_str("  #registry:\n  #  username: me\n  #  password-file: ./registry-password   # or password-env: REGISTRY_PASSWORD\n");
        return;
    };
    let _ = writeln!(out, "  registry:\n    username: {}", scalar(&registry.username));
    for (name, value) in [
        ("password-file", &registry.password_file),
        ("password-env", &registry.password_env),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "    {name}: {}", scalar(value));
        }
    }
}

fn mongodb(out: &mut String, mongodb: Option<&Mongodb>) {
    out.push_str(
        "
# How to reach MongoDB as its root user, when the product has databases that are copied.
# One of: uri-secret, uri-file, uri-env (a whole mongodb:// URI), or host with users and a password's place.
",
    );
    let Some(mongodb) = mongodb else {
        out.push_str(
            "#mongodb:
#  uri-secret: {namespace: mongodb, name: my-uri, key: uri}
#mongodb:
#  host: mongodb-0.mongodb-headless.mongodb.svc.cluster.local:27017/?replicaSet=rs0
#  users: [root, admin]
#  password-secret: {namespace: mongodb, name: mongodb, key: mongodb-root-password}
#  port-forward: auto     # or always, never: through the API server when only the cluster knows the host
",
        );
        return;
    };
    out.push_str("mongodb:\n");
    for (name, key) in [
        ("uri-secret", &mongodb.uri_secret),
        ("password-secret", &mongodb.password_secret),
    ] {
        if let Some(SecretKey {
            namespace,
            name: secret,
            key,
        }) = key
        {
            let _ = writeln!(
                out,
                "  {name}: {{namespace: {}, name: {}, key: {}}}",
                scalar(namespace),
                scalar(secret),
                scalar(key)
            );
        }
    }
    for (name, value) in [
        ("uri-file", &mongodb.uri_file),
        ("uri-env", &mongodb.uri_env),
        ("host", &mongodb.host),
        ("password-file", &mongodb.password_file),
        ("password-env", &mongodb.password_env),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name}: {}", scalar(value));
        }
    }
    if let Some(forward) = mongodb.port_forward {
        let word = serde_json::to_value(forward).unwrap_or_default();
        let _ = writeln!(out, "  port-forward: {}", word.as_str().unwrap_or_default());
    }
    if !mongodb.users.is_empty() {
        list(out, "users", &mongodb.users, "");
    }
}

fn optional(out: &mut String, name: &str, value: Option<&str>, example: &str, comment: &str) {
    let line = match value {
        Some(value) => format!("  {name}: {}", scalar(value)),
        None => format!("  #{name}: {example}"),
    };
    let gap = if comment.is_empty() { "" } else { "   # " };
    let _ = writeln!(out, "{line}{gap}{comment}");
}

fn list(out: &mut String, name: &str, items: &[String], example: &str) {
    if items.is_empty() {
        let _ = writeln!(out, "  #{name}:\n  #  - {example}");
        return;
    }
    let _ = writeln!(out, "  {name}:");
    for item in items {
        let _ = writeln!(out, "    - {}", scalar(item));
    }
}

/// One value on one line: quoted whenever bare text could be read as something else.
fn scalar(text: &str) -> String {
    let bare = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/')
        && !text.ends_with(':')
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_ascii_lowercase().as_str());
    // JSON strings are YAML strings; their escapes mean the same.
    if bare {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::{Backup, Scenario, Source, Target};

    #[test]
    fn what_is_written_is_read_back() {
        let file = File {
            profile: "./my profile".into(),
            scenario: Scenario::InCluster,
            source: Source {
                context: Some("arn:aws:eks:x: y".into()),
                namespace: Some("no".into()),
                kustomize: vec!["a".into(), "b # c".into()],
            },
            target: Target {
                chart: "oci://h:5000/x".into(),
                version: Some("4.38".into()),
                values: vec!["~/v.yaml".into()],
                helm_flags: vec!["--plain-http".into()],
                post_renderer: Some("./post renderer".into()),
                registry: Some(Registry {
                    username: "me".into(),
                    password_file: Some("p".into()),
                    password_env: None,
                }),
                ..Target::default()
            },
            mongodb: Some(Mongodb {
                host: Some("a:1,b:2/?replicaSet=rs0".into()),
                users: vec!["root".into()],
                port_forward: Some(crate::config::file::PortForward::Always),
                password_secret: Some(SecretKey {
                    namespace: "m".into(),
                    name: "on".into(),
                    key: "a b".into(),
                }),
                ..Mongodb::default()
            }),
            backup: Backup {
                recipients: vec!["age1x".into()],
            },
            soak: Some("36h".into()),
        };
        let text = write(&file, "x.json");
        assert_eq!(
            File::parse("rehelm.yaml".into(), &text).expect("readable"),
            file,
            "{text}"
        );
    }

    #[test]
    fn what_is_left_out_stays_an_example() {
        let file = File {
            profile: "p".into(),
            scenario: Scenario::InCluster,
            source: Source {
                kustomize: vec!["a".into()],
                ..Source::default()
            },
            target: Target {
                chart: "./c".into(),
                ..Target::default()
            },
            mongodb: None,
            backup: Backup::default(),
            soak: Some("24h".into()),
        };
        let text = write(&file, "x.json");
        assert_eq!(
            File::parse("rehelm.yaml".into(), &text).expect("readable"),
            file,
            "{text}"
        );
    }
}
