//! Situations and end states as a real 1.35 control plane shows them.

use serde_json::json;

use crate::controllers::lab::Lab;
use crate::controllers::read;
use crate::meta;

fn set(lab: &Lab, more: serde_json::Value) {
    let claim = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    let mut spec = json!({"replicas": 2, "serviceName": "sts", "volumeClaimTemplates": claim,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}});
    for (key, value) in more.as_object().expect("a mapping") {
        spec[key] = value.clone();
    }
    lab.workload("StatefulSet", "sts", spec);
}

/// Claims have no provisioner here; what is of interest is the set.
fn images(lab: &Lab) -> Vec<String> {
    let pods = lab.list("pods");
    pods.iter()
        .map(|pod| read::text(pod, "/spec/containers/0/image").to_owned())
        .collect()
}

fn set_image(lab: &Lab, image: &str) {
    lab.change("statefulsets.apps", "sts", |s| {
        s["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    });
}

#[test]
fn pods_come_in_order_with_names_and_claims() {
    let lab = Lab::new();
    set(&lab, json!({"volumeClaimTemplates": []}));
    lab.sim.advance(std::time::Duration::from_millis(500));
    assert_eq!(lab.names("pods"), ["sts-0"]);
    lab.rest();
    assert_eq!(lab.names("pods"), ["sts-0", "sts-1"]);
    let pod = lab.get("pods", "sts-1");
    assert_eq!(meta::label(&pod, "apps.kubernetes.io/pod-index"), Some("1"));
    assert_eq!(pod["spec"]["hostname"], "sts-1");
    assert_eq!(pod["spec"]["subdomain"], "sts");
    let found = lab.get("statefulsets.apps", "sts");
    let status = &found["status"];
    for field in [
        "replicas",
        "readyReplicas",
        "availableReplicas",
        "currentReplicas",
        "updatedReplicas",
    ] {
        assert_eq!(status[field], 2, "{field}");
    }
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    assert_eq!(
        meta::label(&pod, "controller-revision-hash"),
        status["currentRevision"].as_str()
    );
    lab.change("statefulsets.apps", "sts", |s| s["spec"]["replicas"] = 0.into());
    lab.rest();
    assert!(lab.names("pods").is_empty());
    assert_eq!(lab.get("statefulsets.apps", "sts")["status"]["replicas"], 0);
}

#[test]
fn claims_outlive_pods_unless_told_otherwise() {
    let lab = Lab::new();
    set(&lab, json!({"podManagementPolicy": "Parallel"}));
    lab.rest();
    assert_eq!(lab.names("persistentvolumeclaims"), ["data-sts-0", "data-sts-1"]);
    let claim = lab.get("persistentvolumeclaims", "data-sts-0");
    assert_eq!(meta::label(&claim, "app"), Some("sts"));
    assert!(meta::owners(&claim).is_empty());
    let volumes = &lab.get("pods", "sts-0")["spec"]["volumes"];
    assert_eq!(
        volumes[0],
        json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-sts-0"}})
    );
    lab.change("statefulsets.apps", "sts", |s| s["spec"]["replicas"] = 1.into());
    lab.rest();
    assert_eq!(lab.names("persistentvolumeclaims").len(), 2);
    lab.change("statefulsets.apps", "sts", |s| {
        s["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
    });
    lab.rest();
    let owners = |name| meta::owners(&lab.get("persistentvolumeclaims", name)).len();
    assert_eq!((owners("data-sts-0"), owners("data-sts-1")), (1, 0));
}

#[test]
fn an_update_goes_from_the_last_to_the_partition() {
    let lab = Lab::new();
    set(
        &lab,
        json!({"replicas": 3, "volumeClaimTemplates": [],
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}),
    );
    lab.rest();
    set_image(&lab, "new");
    lab.rest();
    assert_eq!(images(&lab), ["nginx", "nginx", "new"]);
    let status = &lab.get("statefulsets.apps", "sts")["status"];
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    assert_eq!(
        (status["currentReplicas"].as_i64(), status["updatedReplicas"].as_i64()),
        (Some(2), Some(1))
    );
    lab.delete("pods", "sts-0", "Background");
    lab.rest();
    assert_eq!(
        images(&lab),
        ["nginx", "nginx", "new"],
        "below the partition the old template is used"
    );
    lab.change("statefulsets.apps", "sts", |s| {
        s["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 0.into();
    });
    lab.rest();
    assert_eq!(images(&lab), ["new"; 3]);
    let status = &lab.get("statefulsets.apps", "sts")["status"];
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    assert_eq!(lab.list("controllerrevisions.apps").len(), 2);
    set_image(&lab, "nginx");
    lab.rest();
    assert_eq!(
        lab.list("controllerrevisions.apps").len(),
        2,
        "an old template is an old revision"
    );
}
