//! And back: the old install runs exactly as before, from whichever state.

use crate::scene::{Scene, differences};

fn comes_back(scenario: &str) {
    let Some(scene) = Scene::up(scenario) else { return };
    let before = scene.outside();
    let bystander = scene.bystander();
    scene.migrated();
    scene.rehelm(&["rollback", "--yes"]).code(0);
    let after = scene.outside();
    let differ = differences(&before, &after);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert_eq!(scene.bystander(), bystander);
    let lost = scene.objects("persistentvolumeclaims", None);
    assert_eq!(
        lost.keys().filter(|k| k.contains("/cognigy-ai/")).count(),
        0,
        "no claim is left behind"
    );
    for claim in ["flow-modules", "functions", "redis-persistent"] {
        assert_eq!(
            scene.get("pvc", &scene.scenario.namespace, claim)["status"]["phase"],
            "Bound",
            "D17"
        );
    }
    let deployments = scene.objects("deployments", Some(&scene.scenario.namespace));
    assert!(
        deployments.values().all(|d| d["spec"]["replicas"] != 0),
        "D16: all folders run again"
    );
    // The way there is open again, once the copies of the first attempt are gone or taken on purpose.
    scene.plan();
}

#[test]
fn aws() {
    comes_back("aws");
}

#[test]
fn azure() {
    comes_back("azure");
}

#[test]
fn local() {
    comes_back("local");
}

/// Only prepared: nothing had stopped, everything is taken back, the namespace included.
#[test]
fn from_prepared() {
    let Some(scene) = Scene::up("aws") else { return };
    let before = scene.outside();
    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    scene.rehelm(&["rollback", "--yes"]).code(0);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(!scene.exists("namespace", "default", "cognigy-ai"));
}
