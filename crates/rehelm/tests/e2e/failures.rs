//! What goes wrong is said, stops at the right place, and can be taken back.

use rehelm_testbed::Error;
use serde_json::Value;

use crate::scene::{Scene, differences};

/// A release whose image does not exist: the wait explains it, the rollback brings everything back (D18).
#[test]
fn a_bad_image_is_explained_and_rolled_back() {
    let Some(scene) = Scene::up("aws") else { return };
    let before = scene.outside();
    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    let mut fault = rehelm_testbed::kubelet::faults::Fault::new(rehelm_testbed::kubelet::faults::Kind::ImagePullError);
    fault.namespace = Some("cognigy-ai".into());
    fault.pod = Some("service-webchat".into());
    scene.block_on(scene.bed.play(&[fault])).expect("a fault");
    let said = scene.rehelm(&["migrate", "--yes", "--hopeless", "3s"]).code(4);
    assert!(said.err.contains("service-webchat"), "{}", said.err);
    scene.rehelm(&["rollback", "--yes"]).code(0);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// A hook that fails: Helm leaves a failed release, and `--rollback-on-failure` goes back by itself (D18).
#[test]
fn a_failed_hook_goes_back_by_itself() {
    // One try instead of seven with pauses that double: Helm waits for the Job's own verdict.
    let impatient = |chart: &camino::Utf8Path| -> Result<(), Error> {
        let file = chart.join("templates/job.yaml");
        let text = fs_err::read_to_string(&file)?;
        Ok(fs_err::write(
            file,
            text.replacen("spec:\n  template:", "spec:\n  backoffLimit: 0\n  template:", 1),
        )?)
    };
    let Some(scene) = Scene::up_with("azure", impatient) else {
        return;
    };
    let before = scene.outside();
    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    let mut fault = rehelm_testbed::kubelet::faults::Fault::new(rehelm_testbed::kubelet::faults::Kind::JobFails);
    fault.namespace = Some("cognigy-ai".into());
    scene.block_on(scene.bed.play(&[fault])).expect("a fault");
    let said = scene.rehelm(&["migrate", "--yes", "--rollback-on-failure"]).code(5);
    assert!(said.err.contains("release"), "{}", said.err);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// What the server will refuse is refused by the dry run, before anything has stopped.
#[test]
fn what_the_server_refuses_is_known_before_the_outage() {
    let refused = |chart: &camino::Utf8Path| -> Result<(), Error> {
        let file = chart.join("templates/late.yaml");
        let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: late\nspec:\n  ports: [{port: 99999}]\n";
        fs_err::write(file, text).map_err(|e| Error::Data(e.to_string()))
    };
    let Some(scene) = Scene::up_with("local", refused) else {
        return;
    };
    let before = scene.outside();
    scene.plan().code(0);
    let said = scene.rehelm(&["prepare", "--yes"]);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    assert!(said.err.contains("Service/cognigy-ai/late"), "{}", said.err);
    let running = scene.objects("deployments", Some("default"));
    assert!(running.values().all(|d| d["spec"]["replicas"] != 0));
    scene.rehelm(&["rollback", "--yes"]).code(0);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// A plan is about objects as they were: what changed since is named, and nothing is done.
#[test]
fn a_stale_plan_and_a_second_operator_are_refused() {
    let Some(scene) = Scene::up("aws") else { return };
    scene.plan().code(0);
    let first = std::fs::read(scene.run_file("plan.json")).expect("a plan");
    scene.plan().code(0);
    assert_eq!(
        first,
        std::fs::read(scene.run_file("plan.json")).expect("a plan"),
        "the same input, the same bytes"
    );

    scene.kubectl(&["set", "env", "deployment/service-ai", "-n", "default", "CHANGED=1"]);
    let said = scene.rehelm(&["prepare", "--yes"]).code(8);
    assert!(said.err.contains("service-ai"), "{}", said.err);
    assert!(!scene.exists("namespace", "default", "cognigy-ai"), "nothing was done");
    scene.kubectl(&["rollout", "status", "deployment/service-ai", "-n", "default"]);

    scene.plan().code(0);
    let lease = serde_json::json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "rehelm-cognigy-ai", "namespace": "default"},
        "spec": {"holderIdentity": "elsewhere/1/1", "leaseDurationSeconds": 30,
                 "acquireTime": now(), "renewTime": now()}});
    let file = scene.folder().join("lease.json");
    std::fs::write(&file, lease.to_string()).expect("written");
    scene.kubectl(&["create", "-f", file.as_str()]);
    let said = scene.rehelm(&["prepare", "--yes"]).code(9);
    assert!(said.err.contains("elsewhere"), "{}", said.err);
    scene.kubectl(&["delete", "lease", "rehelm-cognigy-ai", "-n", "default"]);
    scene.rehelm(&["prepare", "--yes"]).code(0);

    let secrets: Vec<Value> = scene.objects("secrets", Some("default")).into_values().collect();
    no_secret_in(&scene, &secrets);
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// No content of any secret stands in the plan or in the journal.
fn no_secret_in(scene: &Scene, secrets: &[Value]) {
    use base64::Engine as _;
    for file in ["plan.json", "journal.jsonl"] {
        let text = std::fs::read_to_string(scene.run_file(file)).expect("written by the run");
        for secret in secrets {
            for (key, value) in secret["data"].as_object().into_iter().flatten() {
                let encoded = value.as_str().unwrap_or_default();
                let plain = base64::engine::general_purpose::STANDARD
                    .decode(encoded)
                    .unwrap_or_default();
                let plain = String::from_utf8_lossy(&plain).into_owned();
                if plain.len() > 8 {
                    assert!(
                        !text.contains(encoded) && !text.contains(&plain),
                        "{file} holds {} {key}",
                        secret["metadata"]["name"]
                    );
                }
            }
        }
    }
}
