//! Claims that find their volumes, and those that do not.

use serde_json::{Value, json};

use super::Bench;

/// A volume's and a claim's spec, and how claim, volume and the claim's event are soon after.
type Row = (&'static str, Value, Value, &'static str, &'static str, &'static str);

fn rows() -> Vec<Row> {
    let two = json!({"requests": {"storage": "2Gi"}});
    vec![
        (
            "a volume that suits",
            json!({}),
            json!({}),
            "Bound v cb",
            "Bound lab/c ub",
            "",
        ),
        (
            "no volume and no class",
            json!({}),
            json!({"storageClassName": ""}),
            "Pending  ",
            "Available / ",
            "FailedBinding: no persistent volumes available for this claim and no storage class is set",
        ),
        (
            "a class that is not there",
            json!({}),
            json!({"storageClassName": "none"}),
            "Pending  ",
            "Available / ",
            "ProvisioningFailed: storageclass.storage.k8s.io \"none\" not found",
        ),
        (
            "a class without a provisioner",
            json!({}),
            json!({"storageClassName": "static"}),
            "Pending  ",
            "Available / ",
            "ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner",
        ),
        (
            "a class that waits for a pod",
            json!({"storageClassName": "later"}),
            json!({"storageClassName": "later"}),
            "Pending  ",
            "Available / ",
            "WaitForFirstConsumer: waiting for first consumer to be created before binding",
        ),
        (
            "a volume that is named and not there",
            json!({}),
            json!({"volumeName": "w"}),
            "Pending w ",
            "Available / ",
            "",
        ),
        (
            "a named volume that is too small",
            json!({}),
            json!({"volumeName": "v", "resources": two}),
            "Pending v ",
            "Available / ",
            "VolumeMismatch: Cannot bind to requested volume \"v\": requested PV is too small",
        ),
        (
            "a named volume of another class",
            json!({}),
            json!({"volumeName": "v", "storageClassName": "other"}),
            "Pending v ",
            "Available / ",
            "VolumeMismatch: Cannot bind to requested volume \"v\": storageClassName does not match",
        ),
        (
            "a named volume with other access modes",
            json!({}),
            json!({"volumeName": "v", "accessModes": ["ReadWriteMany"]}),
            "Pending v ",
            "Available / ",
            "VolumeMismatch: Cannot bind to requested volume \"v\": incompatible accessMode",
        ),
        (
            "a named volume of another mode",
            json!({}),
            json!({"volumeName": "v", "volumeMode": "Block"}),
            "Pending v ",
            "Available / ",
            "VolumeMismatch: Cannot bind to requested volume \"v\": incompatible volumeMode",
        ),
        (
            "a named volume that is meant for another claim",
            json!({"claimRef": {"namespace": "lab", "name": "other"}}),
            json!({"volumeName": "v"}),
            "Pending v ",
            "Available lab/other ",
            "FailedBinding: volume \"v\" already bound to a different claim.",
        ),
        (
            "a volume that is meant for the claim by name",
            json!({"claimRef": {"namespace": "lab", "name": "c"}}),
            json!({}),
            "Bound v cb",
            "Bound lab/c u",
            "",
        ),
        (
            "a volume that is meant for a claim of that name that is gone",
            json!({"claimRef": {"namespace": "lab", "name": "c", "uid": "11111111-1111-4111-8111-111111111111"}}),
            json!({"volumeName": "v"}),
            "Pending v ",
            "Released lab/c u",
            "FailedBinding: volume \"v\" already bound to a different claim.",
        ),
        (
            "a volume with more room and modes",
            json!({"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce", "ReadWriteMany"]}),
            json!({}),
            "Bound v cb",
            "Bound lab/c ub",
            "",
        ),
        (
            "a selector that does not hold",
            json!({}),
            json!({"selector": {"matchLabels": {"a": "b"}}}),
            "Pending  ",
            "Available / ",
            "ProvisioningFailed: storageclass.storage.k8s.io \"manual\" not found",
        ),
        (
            "a volume in another zone, for a class that does not wait",
            json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["far"]}]}]}}}),
            json!({}),
            "Bound v cb",
            "Bound lab/c ub",
            "",
        ),
    ]
}

#[test]
fn claims_and_volumes_end_as_they_do_on_a_real_control_plane() {
    for (situation, volume, claim, claim_is, volume_is, told) in rows() {
        let bench = Bench::new();
        bench.class("static", "kubernetes.io/no-provisioner", "Immediate", "Delete");
        bench.class(
            "later",
            "kubernetes.io/no-provisioner",
            "WaitForFirstConsumer",
            "Delete",
        );
        bench.volume("v", volume);
        bench.claim("c", claim);
        assert_eq!(bench.claim_is("lab", "c"), claim_is, "{situation}");
        assert_eq!(bench.volume_is("v"), volume_is, "{situation}");
        let told: Vec<_> = [told].into_iter().filter(|told| !told.is_empty()).collect();
        assert_eq!(bench.told("lab", "c"), told, "{situation}");
    }
}

#[test]
fn the_smallest_volume_with_the_fewest_modes_is_taken() {
    let bench = Bench::new();
    let both = json!(["ReadWriteOnce", "ReadWriteMany"]);
    bench.volume("large", json!({"capacity": {"storage": "9Gi"}}));
    bench.volume("small", json!({"capacity": {"storage": "2Gi"}}));
    bench.volume("smallest", json!({"accessModes": both}));
    bench.claim("c", json!({}));
    assert_eq!(bench.claim_is("lab", "c"), "Bound small cb");
}

#[test]
fn a_bound_claim_shows_what_it_has() {
    let bench = Bench::new();
    bench.volume("v", json!({"capacity": {"storage": "2Gi"}}));
    bench.claim("c", json!({}));
    let claim = bench.lab.get("persistentvolumeclaims", "c");
    let status = json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}});
    assert_eq!(claim["status"], status);
    let volume = bench.lab.get("persistentvolumes", "v");
    assert_eq!(volume["spec"]["claimRef"]["kind"], "PersistentVolumeClaim");
    assert!(volume["spec"]["claimRef"]["resourceVersion"].is_string());
}

#[test]
fn a_volume_that_comes_later_is_found_at_the_resync() {
    let bench = Bench::new();
    bench.claim("c", json!({}));
    bench.volume("v", json!({}));
    assert_eq!(bench.claim_is("lab", "c"), "Pending  ");
    let waited = bench.until_bound("lab", "c");
    assert!((12.0..15.0).contains(&waited), "{waited}");
    assert_eq!(bench.claim_is("lab", "c"), "Bound v cb");
}

#[test]
fn a_volume_that_is_made_for_the_claims_uid_is_found_at_once() {
    let bench = Bench::new();
    let uid = bench.claim("c", json!({}));
    bench.volume("v", json!({"claimRef": {"namespace": "lab", "name": "c", "uid": uid}}));
    assert_eq!(bench.claim_is("lab", "c"), "Bound v cb");
    assert_eq!(bench.volume_is("v"), "Bound lab/c u");
}

#[test]
fn a_default_class_that_comes_later_is_given_at_the_resync() {
    let bench = Bench::new();
    bench.claim("c", json!({"storageClassName": null}));
    bench.lab.create(json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "default", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "maker.example/nfs",
    }));
    bench.touch("lab", "c");
    bench.lab.rest();
    assert!(bench.claim_is("lab", "c").starts_with("Bound pvc-"));
    let claim = bench.lab.get("persistentvolumeclaims", "c");
    assert_eq!(claim["spec"]["storageClassName"], "default");
}

#[test]
fn a_claim_that_waits_for_good_does_not_keep_time_going() {
    let bench = Bench::new();
    bench.claim("c", json!({"volumeName": "never"}));
    bench.claim("d", json!({"storageClassName": ""}));
    bench.lab.rest();
    assert_eq!(bench.lab.rest().as_secs(), 0);
}

#[test]
fn the_policy_decides_what_becomes_of_a_volume() {
    for (policy, more, volume_is, told) in [
        ("Retain", json!({}), "Released lab/c ub", ""),
        (
            "Delete",
            json!({}),
            "Failed lab/c ub",
            "VolumeFailedDelete: error getting deleter volume plugin for volume \"v\": no deletable volume plugin matched",
        ),
        (
            "Delete",
            json!({"nfs": null, "csi": {"driver": "d.example", "volumeHandle": "h"}}),
            "Released lab/c ub",
            "",
        ),
        (
            "Delete",
            json!({"nfs": null, "hostPath": {"path": "/srv"}}),
            "Failed lab/c ub",
            "VolumeFailedDelete: host_path deleter only supports /tmp/.+ but received provided /srv",
        ),
    ] {
        let bench = Bench::new();
        let mut spec = json!({"persistentVolumeReclaimPolicy": policy});
        for (key, value) in more.as_object().expect("a mapping") {
            spec[key] = value.clone();
        }
        bench.volume("v", spec);
        bench.claim("c", json!({}));
        bench.delete_claim("lab", "c");
        assert_eq!(bench.claim_is("lab", "c"), "gone");
        assert_eq!(bench.volume_is("v"), volume_is, "{more}");
        let told: Vec<_> = [told].into_iter().filter(|told| !told.is_empty()).collect();
        assert_eq!(bench.told("default", "v"), told, "{more}");
    }
}

#[test]
fn a_volume_that_points_at_a_claim_with_another_volume_is_let_go() {
    let bench = Bench::new();
    bench.volume("v", json!({}));
    let uid = bench.claim("c", json!({}));
    bench.volume("w", json!({"claimRef": {"namespace": "lab", "name": "c", "uid": uid}}));
    assert_eq!(bench.volume_is("w"), "Available lab/c ");
    assert_eq!(bench.claim_is("lab", "c"), "Bound v cb");
}

#[test]
fn a_bound_volume_that_loses_its_reference_gets_it_back_at_the_resync() {
    let bench = Bench::new();
    bench.volume("v", json!({}));
    bench.claim("c", json!({}));
    bench.repoint("v", serde_json::Value::Null);
    assert_eq!(bench.claim_is("lab", "c"), "Bound v cb");
    assert_eq!(bench.volume_is("v"), "Available / b");
    bench.lab.rest();
    assert_eq!(bench.volume_is("v"), "Bound lab/c ub");
}
