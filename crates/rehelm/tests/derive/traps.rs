//! A chart of our own that holds what makes deriving hard, with known answers.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{Place, has_tools, of_class, yaml};

#[test]
fn every_trap_has_its_known_answer() {
    if !has_tools() {
        return;
    }
    let place = Place::of("shop");
    let report = place.derive(&["--post-renderer", "post", "--report", "report.md"]);
    let text = place.read("values_prod.yaml");
    let values = yaml(&text);
    let want = json!({
        "registry": "mirror.example.org",
        "logLevel": "debug",
        "environment": {"FEATURE_A": "on", "BASE_URL": "http://shop.example.org", "TIMEOUT": "0755"},
        "web": {
            "replicaCount": 3,
            "tag": "3.2",
            "resources": {"limits": {"cpu": "0.5", "ephemeral-storage": "1Gi"}},
            "extraEnv": [{"name": "EXTRA", "value": "y"}],
            "bigNumber": "1000000",
            "motd": "a {{ \"{{\" }} b }}\tc",
            "sticky": true,
            "readinessProbe": null,
        },
        "worker": {"resources": {"requests": {"cpu": "100m"}}},
        "languages": {"en": {"enabled": true}},
        "metrics": {"enabled": false},
    });
    for (key, content) in want.as_object().unwrap() {
        assert_eq!(values[key], *content, "{key}\n{text}");
    }
    assert_eq!(of_class(&report, "unknown"), 0, "{report:#}");
    // One value, two wishes: both are told.
    let conflicts = report["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:#?}");
    assert_eq!(conflicts[0]["path"], "graceSeconds");
    let wishes: Vec<&Value> = conflicts[0]["wishes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wish| &wish[0])
        .collect();
    assert!(
        wishes.contains(&&json!(60)) && wishes.contains(&&json!(90)),
        "{wishes:?}"
    );
    // What the chart cannot express goes behind the post-renderer: nothing but what is meant is left then.
    let left: Vec<String> = report["residuals"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .filter(|(at, r)| r["class"] != "by-design" && !report["carried"].as_array().unwrap().contains(&json!(at)))
        .map(|(_, r)| r["field"].to_string())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let carried = |field: &str| {
        report["residuals"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["field"] == field && r["class"] == "chart-cannot")
    };
    assert!(
        carried("spec.template.spec.nodeSelector.pool") && carried("spec.template.spec.tolerations[0].key"),
        "{report:#}"
    );
    assert!(carried(
        "spec.template.spec.containers[name=web].livenessProbe.timeoutSeconds"
    ));
    let codes: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    for code in [
        "values-feature-off",
        "values-replicas",
        "values-resources",
        "values-env-lost",
        "values-scheme",
        "values-sticky",
        "values-image",
        "values-conflict",
        "values-secret-empty",
    ] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    let line = text.lines().find(|line| line.contains("replicaCount: 3")).unwrap();
    assert!(
        line.contains("# Deployment/shop-web spec.replicas") && line.contains("chart: 1"),
        "{line}"
    );
    assert!(place.read("report.md").contains("| `web.replicaCount` | `3` | `1` |"));
    let mode = std::fs::metadata(place.path("post/post-renderer"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);

    // The files that were written say the same when they are read back.
    let diff = place.values(
        "diff",
        &[
            "-f",
            "values_prod.yaml",
            "--post-renderer",
            "post",
            "--detailed-exitcode",
        ],
    );
    assert_eq!(diff.status.code(), Some(0), "{}", String::from_utf8_lossy(&diff.stdout));
    let bare = place.values("diff", &["--detailed-exitcode"]);
    assert_eq!(bare.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&bare.stdout).contains("spec.replicas: 3 → 1"));

    // Nothing is overwritten without a word.
    let again = place.values("derive", &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
}

#[test]
fn what_a_person_gave_stays_and_secrets_have_a_file_of_their_own() {
    if !has_tools() {
        return;
    }
    let place = Place::of("shop");
    std::fs::write(
        place.path("start.yaml"),
        "web: {replicaCount: 2}\nmail: {password: hunter22}\n",
    )
    .unwrap();
    let report = place.derive(&["-f", "start.yaml"]);
    let text = place.read("values_prod.yaml");
    assert_eq!(yaml(&text)["web"]["replicaCount"], 2);
    assert!(!text.contains("hunter22") && !report.to_string().contains("hunter22"));
    let secret = place.path("values_prod.secrets.yaml");
    assert_eq!(
        yaml(&std::fs::read_to_string(&secret).unwrap())["mail"]["password"],
        "hunter22"
    );
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let given = report["residuals"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["why"] == "given")
        .unwrap();
    assert_eq!(given["value"], "web.replicaCount");
}
