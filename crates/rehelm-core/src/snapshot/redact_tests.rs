use serde_json::json;

use super::*;
use crate::snapshot::Meta;

const PASSWORD: &str = "correct-horse-7";

fn snapshot(objects: &[(&str, Vec<Value>)]) -> Snapshot {
    Snapshot {
        meta: Meta {
            format: 1,
            taken: jiff::Timestamp::UNIX_EPOCH,
            by: "me".into(),
            context: "c".into(),
            version: "v1.30.0".into(),
            cluster_uid: "u".into(),
            api_versions: Vec::new(),
            secrets: Secrecy::Plain,
            resources: Vec::new(),
            unread: Vec::new(),
        },
        objects: objects
            .iter()
            .map(|(name, list)| ((*name).to_owned(), list.clone()))
            .collect(),
        databases: None,
    }
}

fn secret_named(name: &str, kind: &str, data: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(k, v)| ((*k).to_owned(), STANDARD.encode(v).into()))
        .collect();
    json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": name, "namespace": "n", "uid": name},
           "data": data})
}

fn plain(secret: &Value, key: &str) -> String {
    String::from_utf8(STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()).unwrap()
}

/// Everything that the snapshot says, base64 undone three times over.
fn says(snapshot: &Snapshot, needle: &str) -> bool {
    fn within(value: &Value, needle: &str) -> bool {
        match value {
            Value::String(text) => {
                let unpacked = crate::snapshot::release::unpack(text).is_some_and(|inner| within(&inner, needle));
                let decoded = STANDARD
                    .decode(text)
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                text.contains(needle)
                    || text.contains(&STANDARD.encode(needle))
                    || decoded.is_ok_and(|text| text.contains(needle))
                    || unpacked
            }
            Value::Array(items) => items.iter().any(|item| within(item, needle)),
            Value::Object(fields) => fields.values().any(|field| within(field, needle)),
            _ => false,
        }
    }
    snapshot.objects.values().flatten().any(|object| within(object, needle))
}

#[test]
fn no_secret_is_left_anywhere_and_equal_ones_stay_equal() {
    let uri = format!("mongodb://notes:{PASSWORD}@db:27017/notes");
    let mut applied = secret_named("a", "Opaque", &[("password", PASSWORD)]);
    let manifest = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"password": PASSWORD}});
    applied["metadata"]["annotations"] = json!({APPLIED: manifest.to_string()});
    let release = json!({
        "manifest": format!("---\n# Source: x\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n---\nkind: Secret\nmetadata: {{name: s}}\ndata: {{password: {}}}\n", STANDARD.encode(PASSWORD)),
        "hooks": [{"manifest": format!("kind: Secret\nstringData:\n  password: {PASSWORD}\n")}],
        "config": {"mail": {"password": PASSWORD, "host": "mail.example"}},
        "info": {"notes": format!("log in with {PASSWORD}"), "status": "deployed"},
    });
    let packed = release::pack(&release).unwrap();
    let record = json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": "sh.helm.release.v1.r.v1", "namespace": "n", "uid": "r"}, "data": {"release": packed}});
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "n"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "env": [
            {"name": "URI", "value": uri}, {"name": "MAIL_PASSWORD", "value": "written-down"}]}]}}}});
    let mut taken = snapshot(&[
        (
            SECRETS,
            vec![
                applied,
                secret_named("b", "Opaque", &[("uri", &uri), ("empty", "")]),
                record,
            ],
        ),
        ("deployments.apps", vec![workload]),
    ]);
    let before = taken.clone();
    assert!(says(&before, PASSWORD));
    let findings = redact(&mut taken, [3; 32]);
    assert!(!says(&taken, PASSWORD), "{:#?}", taken.objects);
    let secrets = &taken.objects[SECRETS];
    let word = plain(&secrets[0], "password");
    assert_eq!(
        plain(&secrets[1], "uri"),
        format!("mongodb://notes:{word}@db:27017/notes")
    );
    assert_eq!(plain(&secrets[1], "empty"), "");
    let env = &taken.objects["deployments.apps"][0]["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[0]["value"], plain(&secrets[1], "uri"));
    let opened = release::unpack(secrets[2]["data"]["release"].as_str().unwrap()).unwrap();
    assert!(
        opened["manifest"]
            .as_str()
            .unwrap()
            .contains("# Source: x\napiVersion: v1\nkind: ConfigMap")
    );
    assert_eq!(opened["config"]["mail"]["host"], "mail.example");
    assert_eq!(opened["config"]["mail"]["password"], word);
    let codes: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["snapshot-secret-repeated", "snapshot-literal-password"]);
    assert_eq!(findings[1].args["names"], "MAIL_PASSWORD");
    // What a plan is bound to has not changed.
    assert_eq!(secrets[0]["metadata"]["uid"], "a");
}

#[test]
fn names_are_no_secrets_and_the_server_s_own_keys_stay() {
    let token = secret_named(
        "t",
        "kubernetes.io/service-account-token",
        &[("namespace", "n"), ("token", "eyJhbGciOi.x.y")],
    );
    let named = secret_named("s", "Opaque", &[("database", "notes-archive-1")]);
    let claim = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes-archive-1", "namespace": "n"},
        "data": {"of": "notes-archive-1"}});
    let mut taken = snapshot(&[(SECRETS, vec![token, named]), ("configmaps", vec![claim.clone()])]);
    assert!(redact(&mut taken, [1; 32]).is_empty());
    assert_eq!(taken.objects["configmaps"][0], claim);
    assert_eq!(plain(&taken.objects[SECRETS][0], "namespace"), "n");
    assert!(!says(&taken, "eyJhbGciOi"));
    assert_eq!(taken.meta.secrets, Secrecy::Redacted);
}
