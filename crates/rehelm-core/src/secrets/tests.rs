//! Fixtures of a made-up product: every rule once.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::finding::Severity;
use crate::yaml;

mod problems;

const RULES: &str = r#"
classes:
- name: plain
  helm-owned: true
  annotations: replace
  labels: replace
  secrets:
    shop-mail: {}
    shop-gift: {optional: not every shop gives}
    shop-token: {since: 2.1.0}
    shop-queue: {file: queue}
- name: hook
  annotations: replace
  labels: untouched
  set-annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: "-4"}
  secrets:
    shop-db-orders-provider:
      rename:
        to: shop-db-orders
        connection-string: {key: uri, from: orders-provider, to: orders}
    shop-db-extra: {group: extras}
- name: merged
  set-labels: {tier: shop}
  secrets:
    shop-tls: {}
groups:
  extras: Extras are sold
not-carried:
  shop-pull: made by the chart
"#;

fn rules() -> SecretRules {
    yaml::from_str(RULES, "rules").unwrap()
}

fn options() -> ConvertOptions {
    ConvertOptions {
        namespace: "new".into(),
        release: "shop".into(),
        ..ConvertOptions::default()
    }
}

fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "data": data})
}

fn uri(text: &str) -> Value {
    json!({"uri": data::encode(text.as_bytes())})
}

/// One file for every secret that must be there.
fn complete() -> Vec<(String, String)> {
    [
        (
            "shop-mail.yaml",
            secret("shop-mail", &json!({"password": "aHVudGVyMg=="})),
        ),
        ("queue.yaml", secret("shop-queue", &json!({"q": "cQ=="}))),
        (
            "shop-db-orders-provider.yml",
            secret(
                "shop-db-orders-provider",
                &uri("mongodb://orders-provider:pw@db-0,db-1/orders-provider?w=1"),
            ),
        ),
        ("shop-tls.json", secret("shop-tls", &json!({"tls.key": "aw=="}))),
    ]
    .map(|(file, value)| (file.to_owned(), yaml::to_string(&value)))
    .to_vec()
}

fn with(mut files: Vec<(String, String)>, file: &str, text: &str) -> Vec<(String, String)> {
    files.retain(|(name, _)| name != file);
    files.push((file.to_owned(), text.to_owned()));
    files
}

fn codes(findings: &[Finding], severity: Severity) -> Vec<(String, String)> {
    findings
        .iter()
        .filter(|f| f.severity == severity)
        .map(|f| (f.code.clone(), f.subject.clone()))
        .collect()
}

fn pair(code: &str, subject: &str) -> (String, String) {
    (code.to_owned(), subject.to_owned())
}

fn get<'a>(converted: &'a [ConvertedSecret], file: &str) -> &'a Object {
    let found = converted.iter().find(|c| c.file_name == file);
    &found
        .unwrap_or_else(|| panic!("{file} is not among the results"))
        .object
}

fn text_of(object: &Object, key: &str) -> String {
    let value = object.get("/data").unwrap()[key].as_str().unwrap();
    String::from_utf8(decode(value).unwrap()).unwrap()
}

#[test]
fn each_class_sets_what_it_says_and_data_stays() {
    let mut mail = secret("shop-mail", &json!({"password": "aHVudGVyMg=="}));
    mail["metadata"]["labels"] = json!({"team": "a"});
    mail["metadata"]["annotations"] = json!({"note": "b"});
    let mut tls = secret("shop-tls", &json!({"tls.key": "aw=="}));
    tls["metadata"]["labels"] = json!({"team": "a"});
    let mut orders: Value = secret(
        "shop-db-orders-provider",
        &uri("mongodb://orders-provider:pw@h/orders-provider"),
    );
    orders["metadata"]["labels"] = json!({"team": "a"});
    orders["metadata"]["annotations"] = json!({"note": "b"});
    let files = with(complete(), "shop-mail.yaml", &yaml::to_string(&mail));
    let files = with(files, "shop-tls.json", &tls.to_string());
    let files = with(files, "shop-db-orders-provider.yml", &yaml::to_string(&orders));
    let (converted, findings) = convert_files(&files, &rules(), &options());
    assert_eq!(codes(&findings, Severity::Error), []);
    assert_eq!(
        codes(&findings, Severity::Warning),
        [pair("secret-optional-missing", "shop-gift")]
    );
    assert_eq!(
        converted.iter().map(|c| c.file_name.as_str()).collect::<Vec<_>>(),
        ["shop-mail.yaml", "queue.yaml", "shop-db-orders.yaml", "shop-tls.yaml"]
    );
    assert_eq!(
        get(&converted, "shop-mail.yaml").0,
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"password": "aHVudGVyMg=="},
            "metadata": {
                "name": "shop-mail", "namespace": "new",
                "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "new"},
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
            },
        })
    );
    assert_eq!(get(&converted, "queue.yaml").name(), "shop-queue");
    let orders = get(&converted, "shop-db-orders.yaml");
    assert_eq!(
        orders.0["metadata"],
        json!({
            "name": "shop-db-orders", "namespace": "new", "labels": {"team": "a"},
            "annotations": {"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "-4"},
        })
    );
    assert_eq!(text_of(orders, "uri"), "mongodb://orders:pw@h/orders");
    assert_eq!(
        get(&converted, "shop-tls.yaml").0["metadata"],
        json!({"name": "shop-tls", "namespace": "new", "labels": {"team": "a", "tier": "shop"}})
    );
}

#[test]
fn server_fields_go_unless_they_are_wanted() {
    let mut tls = secret("shop-tls", &json!({"k": "aw=="}));
    let server = json!({
        "uid": "u", "resourceVersion": "7", "creationTimestamp": "2020-01-02T03:04:05Z", "generation": 1,
        "selfLink": "/x", "managedFields": [], "ownerReferences": [{"kind": "X"}], "namespace": "default",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x"},
        "finalizers": ["a/b"],
    });
    for (key, value) in server.as_object().unwrap() {
        tls["metadata"][key] = value.clone();
    }
    let files = with(complete(), "shop-tls.json", &tls.to_string());
    let (converted, _) = convert_files(&files, &rules(), &options());
    assert_eq!(
        get(&converted, "shop-tls.yaml").0["metadata"],
        json!({
            "name": "shop-tls", "namespace": "new", "annotations": {"mine": "x"}, "finalizers": ["a/b"],
            "labels": {"tier": "shop"},
        })
    );
    let keep = ConvertOptions {
        keep_server_fields: true,
        ..options()
    };
    let (converted, _) = convert_files(&files, &rules(), &keep);
    let mut expected = tls["metadata"].clone();
    expected["namespace"] = json!("new");
    expected["labels"] = json!({"tier": "shop"});
    assert_eq!(get(&converted, "shop-tls.yaml").0["metadata"], expected);
}

#[test]
fn files_are_found_by_the_object_and_by_the_file() {
    let mut files = complete();
    files.retain(|(name, _)| name != "queue.yaml" && name != "shop-mail.yaml");
    let files = with(
        files,
        "shop-queue.yaml",
        &yaml::to_string(&secret("shop-queue", &json!({"q": "cQ=="}))),
    );
    let files = with(
        files,
        "shop-mail.yaml",
        &yaml::to_string(&secret("mail", &json!({"p": "cQ=="}))),
    );
    let (converted, findings) = convert_files(&files, &rules(), &options());
    assert_eq!(codes(&findings, Severity::Error), []);
    assert!(codes(&findings, Severity::Warning).contains(&pair("secret-named-otherwise", "shop-mail.yaml")));
    assert_eq!(get(&converted, "queue.yaml").name(), "shop-queue");
    assert_eq!(get(&converted, "shop-mail.yaml").name(), "mail");
}

#[test]
fn one_file_may_hold_all_of_them() {
    let items: Vec<Value> = complete()
        .iter()
        .map(|(file, text)| yaml::parse_document(text, file).unwrap().unwrap())
        .collect();
    let (separate, _) = convert_files(&complete(), &rules(), &options());
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let documents = yaml::to_string_documents(&items);
    for text in [list, documents] {
        let (converted, findings) = convert_files(&[("backup.yaml".into(), text)], &rules(), &options());
        assert_eq!(codes(&findings, Severity::Error), []);
        assert_eq!(
            codes(&findings, Severity::Info),
            [pair("secret-file-many", "backup.yaml")]
        );
        assert_eq!(converted, separate);
    }
}

#[test]
fn groups_and_newer_secrets() {
    let files = with(
        complete(),
        "shop-token.yaml",
        &yaml::to_string(&secret("shop-token", &json!({"t": "dA=="}))),
    );
    let extra = with(
        files.clone(),
        "shop-db-extra.yaml",
        &yaml::to_string(&secret("shop-db-extra", &json!({"e": "ZQ=="}))),
    );
    let on = ConvertOptions {
        groups: ["extras".to_owned()].into(),
        ..options()
    };
    let (converted, findings) = convert_files(&extra, &rules(), &options());
    assert_eq!(get(&converted, "shop-token.yaml").name(), "shop-token");
    assert_eq!(converted.len(), 5);
    assert_eq!(
        codes(&findings, Severity::Info),
        [pair("secret-group-off", "shop-db-extra.yaml")]
    );
    let (converted, findings) = convert_files(&extra, &rules(), &on);
    assert_eq!(codes(&findings, Severity::Error), []);
    assert_eq!(converted.len(), 6);
    let (_, findings) = convert_files(&files, &rules(), &on);
    assert_eq!(
        codes(&findings, Severity::Error),
        [pair("secret-missing", "shop-db-extra")]
    );
    let wrong = ConvertOptions {
        groups: ["apps".to_owned()].into(),
        ..options()
    };
    let (_, findings) = convert_files(&files, &rules(), &wrong);
    assert_eq!(
        codes(&findings, Severity::Error),
        [pair("secret-group-unknown", "apps")]
    );
}

#[test]
fn live_secrets_are_converted_and_bystanders_only_noted() {
    let mut live: Vec<SourceSecret> = Vec::new();
    for (file, text) in complete() {
        let mut object = Object::from_value(yaml::parse_document(&text, &file).unwrap().unwrap()).unwrap();
        object.set_namespace("default");
        object.metadata_mut().insert("uid".into(), json!("u"));
        live.push(SourceSecret::live(object));
    }
    let mut other = live[0].object.clone();
    other.metadata_mut().insert("name".into(), json!("bystander"));
    live.push(SourceSecret::live(other));
    let (converted, findings) = convert(live, &rules(), &options());
    let (from_files, _) = convert_files(&complete(), &rules(), &options());
    assert_eq!(converted, from_files);
    assert_eq!(
        codes(&findings, Severity::Info),
        [pair("secret-unknown", "Secret/default/bystander")]
    );
}

#[test]
fn new_names_can_be_asked_for() {
    let rules = rules();
    assert_eq!(rules.new_name("shop-db-orders-provider"), Some("shop-db-orders"));
    assert_eq!(rules.new_name("shop-queue"), Some("shop-queue"));
    assert_eq!(rules.new_name("shop-pull"), None);
}

proptest! {
    #[test]
    fn data_survives(entries in prop::collection::btree_map("[a-z._-]{1,9}", prop::collection::vec(any::<u8>(), 0..60), 0..5)) {
        let data: serde_json::Map<String, Value> =
            entries.iter().map(|(k, v)| (k.clone(), data::encode(v).into())).collect();
        let data = Value::Object(data);
        let files = with(complete(), "shop-mail.yaml", &yaml::to_string(&secret("shop-mail", &data)));
        let (converted, _) = convert_files(&files, &rules(), &options());
        let written = yaml::to_string(&get(&converted, "shop-mail.yaml").0);
        let read = yaml::parse_document(&written, "x").unwrap().unwrap();
        prop_assert_eq!(&read["data"], &data);
        for (key, value) in entries {
            prop_assert_eq!(decode(read["data"][&key].as_str().unwrap()), Some(value));
        }
    }

    #[test]
    fn whatever_a_file_holds_nothing_panics(text in "[a-zA-Z:{}\\[\\],\n \\-&*|>'\"0-9]{0,60}") {
        let _ = convert_files(&with(complete(), "queue.yaml", &text), &rules(), &options());
    }

    #[test]
    fn odd_objects_do_not_panic(part in "(data|stringData|metadata|kind|type)", value in prop_oneof![
        Just(json!(null)), Just(json!([])), Just(json!(1)), Just(json!({})), Just(json!("x")), Just(json!({"name": 1})),
        Just(json!({"name": "shop-db-orders-provider", "labels": 3, "annotations": []})), Just(json!({"uri": {}})),
    ]) {
        let mut object = secret("shop-db-orders-provider", &uri("mongodb://orders-provider:p@h/orders-provider"));
        object[part] = value;
        let _ = convert(vec![SourceSecret::live(Object(object.clone()))], &rules(), &options());
        let _ = convert_files(&with(complete(), "shop-db-orders-provider.yml", &object.to_string()), &rules(), &options());
    }
}
