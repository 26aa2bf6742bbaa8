//! What a profile knows and no probe can find.

use serde_json::json;

use crate::support::{Place, charts, has_tools, yaml};

#[test]
fn a_hint_is_kept_when_the_render_is_right_with_it_and_marked() {
    if !has_tools() {
        return;
    }
    let without = Place::of("hinted");
    let report = without.derive(&[]);
    assert_eq!(yaml(&without.read("values_prod.yaml")), json!({"level": 2}));
    assert!(!report["findings"].to_string().contains("values-hinted"), "{report}");
    let with = Place::of("hinted");
    let profile = charts().join("hinted.profile");
    let report = with.derive(&["--profile", profile.to_str().unwrap()]);
    assert_eq!(
        yaml(&with.read("values_prod.yaml")),
        json!({"level": 2, "tier": "gold"})
    );
    let findings = report["findings"].as_array().unwrap();
    let marked: Vec<_> = findings.iter().filter(|f| f["code"] == "values-hinted").collect();
    assert_eq!(marked.len(), 1, "{marked:?}");
    assert_eq!(
        (&marked[0]["subject"], &marked[0]["args"]["value"]),
        (&json!("ConfigMap/web"), &json!("tier"))
    );
    // The other hint had no effect: the difference is still told.
    assert!(
        report["residuals"].to_string().contains("shape"),
        "{}",
        report["residuals"]
    );
}
