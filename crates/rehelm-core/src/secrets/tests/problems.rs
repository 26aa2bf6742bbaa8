//! What is said about odd or broken input.

use super::*;

#[test]
fn all_problems_are_said_at_once() {
    let mut files = complete();
    files.retain(|(name, _)| name != "shop-tls.json");
    let files = with(files, "shop-mail.yaml", "");
    let files = with(files, "queue.yaml", "kind: Secret\n");
    let files = with(files, "shop-db-orders-provider.yml", "a: [b\n");
    let files = with(files, "readme.yaml", "just words\n");
    let files = with(
        files,
        "other.yaml",
        &yaml::to_string(&secret("other", &json!({"a": "YQ=="}))),
    );
    let files = with(
        files,
        "shop-pull.yaml",
        &yaml::to_string(&secret("shop-pull", &json!({"a": "YQ=="}))),
    );
    let (_, findings) = convert_files(&files, &rules(), &options());
    let mut errors = codes(&findings, Severity::Error);
    errors.sort();
    assert_eq!(
        errors,
        [
            pair("secret-file-empty", "shop-mail.yaml"),
            pair("secret-file-unreadable", "shop-db-orders-provider.yml"),
            pair("secret-missing", "shop-tls"),
            pair("secret-not-an-object", "queue.yaml"),
        ]
    );
    let mut warnings = codes(&findings, Severity::Warning);
    warnings.sort();
    assert_eq!(
        warnings,
        [
            pair("secret-not-an-object", "readme.yaml"),
            pair("secret-optional-missing", "shop-gift"),
            pair("secret-unknown", "other.yaml"),
        ]
    );
    assert_eq!(
        codes(&findings, Severity::Info),
        [pair("secret-not-carried", "shop-pull.yaml")]
    );
}

#[test]
fn doubles_are_fine_only_when_they_are_equal() {
    let same = yaml::to_string(&secret("shop-queue", &json!({"q": "cQ=="})));
    let (converted, findings) = convert_files(&with(complete(), "shop-queue.yaml", &same), &rules(), &options());
    assert_eq!(codes(&findings, Severity::Error), []);
    assert_eq!(
        codes(&findings, Severity::Info),
        [pair("secret-duplicate-equal", "shop-queue")]
    );
    assert_eq!(converted.len(), 4);
    let other = yaml::to_string(&secret("shop-queue", &json!({"q": "cg=="})));
    let (_, findings) = convert_files(&with(complete(), "shop-queue.yaml", &other), &rules(), &options());
    assert_eq!(
        codes(&findings, Severity::Error),
        [pair("secret-duplicate", "shop-queue")]
    );
    assert_eq!(findings[0].args["files"], "queue.yaml, shop-queue.yaml");
}

#[test]
fn odd_content_is_said_and_carried() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: shop-mail}\n\
                data: {a: 0755, b: yes, c: ~, d: 'no base64!', e: |\n  YWJj\n  ZGVm\n  }\nstringData: {f: clear}\n";
    let text = text.replace(
        "{a: 0755, b: yes, c: ~, d: 'no base64!', e: |\n  YWJj\n  ZGVm\n  }",
        "\n  a: 0755\n  b: yes\n  c: ~\n  d: no base64!\n  e: |\n    YWJj\n    ZGVm",
    );
    let (converted, findings) = convert_files(&with(complete(), "shop-mail.yaml", &text), &rules(), &options());
    assert_eq!(codes(&findings, Severity::Error), []);
    let of_mail: Vec<_> = findings.iter().filter(|f| f.subject == "shop-mail.yaml").collect();
    let said: Vec<_> = of_mail
        .iter()
        .map(|f| (f.code.as_str(), f.args.get("key").map_or("", String::as_str)))
        .collect();
    assert_eq!(
        said,
        [
            ("secret-value-not-base64", "d"),
            ("secret-value-not-text", "a"),
            ("secret-value-not-text", "b"),
            ("secret-string-data", ""),
        ]
    );
    assert_eq!(
        get(&converted, "shop-mail.yaml").0["data"],
        json!({"a": 493, "b": true, "c": null, "d": "no base64!", "e": "YWJj\nZGVm\n"})
    );
    let empty = "kind: Secret\nmetadata: {name: shop-mail}\n";
    let (converted, findings) = convert_files(&with(complete(), "shop-mail.yaml", empty), &rules(), &options());
    assert!(codes(&findings, Severity::Warning).contains(&pair("secret-without-data", "shop-mail.yaml")));
    assert!(codes(&findings, Severity::Info).contains(&pair("secret-head-completed", "shop-mail.yaml")));
    assert_eq!(get(&converted, "shop-mail.yaml").api_version(), "v1");
}

#[test]
fn a_connection_string_changes_in_user_and_database_only() {
    let convert_uri = |data: &Value| {
        let file = yaml::to_string(&secret("shop-db-orders-provider", data));
        let files = with(complete(), "shop-db-orders-provider.yml", &file);
        let (converted, findings) = convert_files(&files, &rules(), &options());
        let new = converted
            .iter()
            .find(|c| c.file_name == "shop-db-orders.yaml")
            .map(|c| c.object.clone());
        (new, findings)
    };
    let (new, findings) = convert_uri(&uri(
        "mongodb://orders-provider:my-orders-provider-pw@orders-provider-db:27017/orders-provider?authSource=orders-provider\n",
    ));
    assert_eq!(
        text_of(&new.unwrap(), "uri"),
        "mongodb://orders:my-orders-provider-pw@orders-provider-db:27017/orders?authSource=orders\n"
    );
    let kept: Vec<_> = findings
        .iter()
        .filter(|f| f.code == "connection-string-part-kept")
        .map(|f| &f.args["part"])
        .collect();
    assert_eq!(kept, ["hosts", "password"]);
    let (new, findings) = convert_uri(&uri("mongodb://admin:x@h/orders-provider"));
    assert_eq!(text_of(&new.unwrap(), "uri"), "mongodb://admin:x@h/orders");
    assert!(
        findings
            .iter()
            .any(|f| f.code == "connection-string-named-otherwise" && f.args["part"] == "user")
    );
    for bad in [
        uri("postgres://a"),
        json!({"uri": "=="}),
        json!({"uri": 5}),
        json!({"uri": "/w=="}),
    ] {
        let (new, findings) = convert_uri(&bad);
        assert_eq!(new, None);
        assert_eq!(
            codes(&findings, Severity::Error),
            [pair("connection-string-unreadable", "shop-db-orders-provider.yml")]
        );
    }
    let (new, findings) = convert_uri(&json!({"other": "YQ=="}));
    assert_eq!(new, None);
    assert_eq!(
        codes(&findings, Severity::Error),
        [pair("secret-key-missing", "shop-db-orders-provider.yml")]
    );
}

#[test]
fn a_wrong_kind_under_an_expected_name_is_an_error() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-mail}\ndata: {}\n";
    let (_, findings) = convert_files(&with(complete(), "shop-mail.yaml", map), &rules(), &options());
    assert_eq!(
        codes(&findings, Severity::Error),
        [pair("secret-wrong-kind", "shop-mail.yaml")]
    );
    let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n";
    let (_, findings) = convert_files(
        &with(complete(), "kustomization.yaml", kustomization),
        &rules(),
        &options(),
    );
    assert_eq!(codes(&findings, Severity::Error), []);
}
