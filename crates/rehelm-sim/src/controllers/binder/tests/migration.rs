//! The ways in which migrations move a volume from a claim in one namespace to a claim in another, and back.

use serde_json::{Value, json};

use super::Bench;

/// A volume that was bound to `lab/c`, whose claim is deleted; a resync is just over.
fn released() -> Bench {
    let bench = Bench::new();
    bench.volume("v", json!({}));
    bench.claim("c", json!({}));
    bench.delete_claim("lab", "c");
    assert_eq!(bench.volume_is("v"), "Released lab/c ub");
    bench.after_resync();
    bench
}

fn to_new() -> Value {
    json!({"namespace": "new", "name": "c"})
}

fn named() -> Value {
    json!({"volumeName": "v"})
}

#[test]
fn as_documented_the_reference_is_cleared_and_the_claim_waits_for_the_resync() {
    let bench = released();
    bench.repoint("v", Value::Null);
    assert_eq!(bench.volume_is("v"), "Available / b");
    bench.claim_in("new", "c", named(), json!({}));
    assert_eq!(bench.claim_is("new", "c"), "Pending v ");
    assert_eq!(bench.volume_is("v"), "Bound new/c ub");
    let waited = bench.until_bound("new", "c");
    assert!((11.0..15.0).contains(&waited), "{waited}");
    assert_eq!(bench.claim_is("new", "c"), "Bound v c");
}

#[test]
fn a_reference_by_name_waits_for_the_resync_too() {
    let bench = released();
    bench.repoint("v", to_new());
    bench.claim_in("new", "c", named(), json!({}));
    let waited = bench.until_bound("new", "c");
    assert!((11.0..15.0).contains(&waited), "{waited}");
    assert_eq!(bench.volume_is("v"), "Bound new/c ub");
}

#[test]
fn the_claim_first_and_a_reference_by_name_and_a_touch_waits_for_the_resync() {
    let bench = released();
    bench.claim_in("new", "c", named(), json!({}));
    bench.repoint("v", to_new());
    bench.touch("new", "c");
    let waited = bench.until_bound("new", "c");
    assert!((10.0..15.0).contains(&waited), "{waited}");
}

#[test]
fn the_claim_first_and_a_reference_with_its_uid_and_a_touch_binds_in_less_than_a_second() {
    let bench = released();
    let uid = bench.claim_in("new", "c", named(), json!({}));
    assert_eq!(bench.claim_is("new", "c"), "Pending v ");
    assert_eq!(
        bench.told("new", "c"),
        ["FailedBinding: volume \"v\" already bound to a different claim."]
    );
    let mut to = to_new();
    to["uid"] = uid.into();
    bench.repoint("v", to);
    assert_eq!(bench.volume_is("v"), "Bound new/c ub");
    assert_eq!(bench.claim_is("new", "c"), "Pending v ");
    bench.touch("new", "c");
    let waited = bench.until_bound("new", "c");
    assert!(waited < 1.0, "{waited}");
    assert_eq!(bench.claim_is("new", "c"), "Bound v c");
}

#[test]
fn the_same_without_a_touch_waits_for_the_resync() {
    let bench = released();
    let uid = bench.claim_in("new", "c", named(), json!({}));
    let mut to = to_new();
    to["uid"] = uid.into();
    bench.repoint("v", to);
    let waited = bench.until_bound("new", "c");
    assert!((11.0..15.0).contains(&waited), "{waited}");
}

/// The volume is bound to `new/c`; that claim goes, and the saved manifest of the old one comes back.
fn rolled_back() -> Bench {
    let bench = released();
    bench.repoint("v", Value::Null);
    bench.claim_in("new", "c", named(), json!({}));
    bench.until_bound("new", "c");
    bench.delete_claim("new", "c");
    let saved = json!({"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"});
    bench.claim_in("lab", "c", named(), saved);
    bench
}

#[test]
fn the_documented_rollback_loses_the_claim() {
    let bench = rolled_back();
    assert_eq!(bench.claim_is("lab", "c"), "Lost v cb");
    assert_eq!(bench.volume_is("v"), "Released new/c ub");
    let told = "ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly";
    assert_eq!(bench.told("lab", "c"), [told]);
    bench.lab.rest();
    assert_eq!(bench.claim_is("lab", "c"), "Lost v cb");
}

#[test]
fn a_lost_claim_is_found_again_when_the_volume_is_pointed_at_it() {
    let bench = rolled_back();
    let uid = bench.lab.get("persistentvolumeclaims", "c")["metadata"]["uid"].clone();
    bench.repoint("v", json!({"namespace": "lab", "name": "c", "uid": uid}));
    assert_eq!(bench.claim_is("lab", "c"), "Lost v cb");
    bench.until_bound("lab", "c");
    assert_eq!(bench.volume_is("v"), "Bound lab/c ub");
    let status = bench.lab.get("persistentvolumeclaims", "c")["status"].clone();
    assert_eq!(status["capacity"], json!({"storage": "1Gi"}));
}

#[test]
fn a_rollback_that_points_the_volume_back_first_keeps_the_claim() {
    let bench = released();
    bench.repoint("v", json!({"namespace": "lab", "name": "c"}));
    assert_eq!(bench.volume_is("v"), "Available lab/c b");
    let saved = json!({"pv.kubernetes.io/bind-completed": "yes"});
    bench.repoint("v", Value::Null);
    bench.claim_in("lab", "c", named(), saved);
    bench.until_bound("lab", "c");
    assert_eq!(bench.claim_is("lab", "c"), "Bound v c");
}

#[test]
fn a_saved_claim_is_lost_too_when_the_volume_is_pointed_back_without_its_uid() {
    let bench = released();
    bench.repoint("v", json!({"namespace": "lab", "name": "c"}));
    let saved = json!({"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"});
    bench.claim_in("lab", "c", named(), saved);
    bench.lab.rest();
    assert_eq!(bench.claim_is("lab", "c"), "Lost v cb");
    assert_eq!(bench.volume_is("v"), "Available lab/c b");
}

#[test]
fn a_claim_without_its_volume_is_lost() {
    let bench = Bench::new();
    bench.volume("v", json!({}));
    bench.claim("c", json!({}));
    let gone = bench.lab.with(|world| world.remove("persistentvolumes", "", "v"));
    gone.expect("a deletion");
    bench.pause();
    assert_eq!(bench.volume_is("v"), "Bound lab/c ub", "protected while bound");
    bench.lab.change("persistentvolumes", "v", |volume| {
        crate::meta::unset(volume, "finalizers");
    });
    bench.pause();
    assert_eq!(bench.volume_is("v"), "gone");
    assert_eq!(bench.claim_is("lab", "c"), "Lost v cb");
    let claim = bench.lab.get("persistentvolumeclaims", "c");
    assert_eq!(claim["status"], json!({"phase": "Lost"}));
    let told = "ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!";
    assert_eq!(bench.told("lab", "c"), [told]);
}
