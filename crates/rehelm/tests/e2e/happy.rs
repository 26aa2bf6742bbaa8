//! There: prepare, migrate, verify, cleanup, for each cloud.

use crate::scene::Scene;
use serde_json::Value;

fn goes_there(scenario: &str) {
    let Some(scene) = Scene::up(scenario) else { return };
    let ns = scene.scenario.namespace.clone();
    let bystander = scene.bystander();
    let claims = ["flow-modules", "functions", "redis-persistent"];
    let volume = |namespace: &str, claim: &str| {
        let claim = scene.get("pvc", namespace, claim);
        let name = claim["spec"]["volumeName"].as_str().expect("bound").to_owned();
        let uid = scene.get("pv", namespace, &name)["metadata"]["uid"].clone();
        (claim["status"]["phase"].clone(), name, uid)
    };
    let before: Vec<_> = claims.iter().map(|c| volume(&ns, c)).collect();
    let password = scene.get("secret", &ns, "cognigy-smtp")["data"]["system-smtp-password"].clone();

    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    // No outage yet: everything of the old install still runs.
    let deployments = scene.objects("deployments", Some(&ns));
    assert!(
        deployments.values().all(|d| d["spec"]["replicas"] != 0),
        "prepare stopped something"
    );

    scene.rehelm(&["migrate", "--yes"]).code(0);
    scene.rehelm(&["verify"]).code(0);
    assert!(
        !scene.exists("tlsoptions.traefik.containo.us", &ns, "default"),
        "D14: never two of them while one serves"
    );
    let after: Vec<_> = claims.iter().map(|c| volume("cognigy-ai", c)).collect();
    assert_eq!(before, after, "each claim is bound to the volume that it had");
    assert_eq!(
        scene.get("secret", "cognigy-ai", "cognigy-smtp")["data"]["system-smtp-password"],
        password,
        "D5"
    );
    assert_eq!(scene.bystander(), bystander);

    // Too early, then on time, with the words that it asks for.
    scene.rehelm(&["cleanup", "--yes-irreversible"]).code(6);
    scene.rehelm(&["cleanup", "--yes-irreversible", "--soak", "0s"]).code(0);
    assert_eq!(scene.bystander(), bystander);
    assert!(scene.exists("service", &ns, "kubernetes"));
    assert!(
        scene.exists("crd", &ns, "tlsoptions.traefik.containo.us"),
        "D24: definitions stay"
    );
    assert!(!scene.exists("tlsoptions.traefik.containo.us", &ns, "default"), "D14");
    assert!(!scene.exists("secret", &ns, "cognigy-service-ai"), "D24");
    let left: Vec<String> = scene.objects("deployments", Some(&ns)).into_keys().collect();
    let kept: &[&str] = if scenario == "aws" {
        &["bystander"]
    } else {
        &["bystander", "mongo-server"]
    };
    let want: Vec<String> = kept.iter().map(|n| format!("Deployment/{ns}/{n}")).collect();
    assert_eq!(left, want);
    let status: Value = serde_json::from_str(&scene.rehelm(&["status", "-o", "json"]).code(0).out).expect("JSON");
    assert!(status.is_object());
}

#[test]
fn aws() {
    goes_there("aws");
}

#[test]
fn azure() {
    goes_there("azure");
}

#[test]
fn local() {
    goes_there("local");
}
