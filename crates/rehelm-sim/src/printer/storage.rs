//! What is shown of volumes, claims and storage classes.

use serde_json::Value;

use super::{list, name, plain, text};
use crate::meta;
use crate::timeline::Time;

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const DEFAULT_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

pub(super) fn phase(object: &Value, _: Time) -> Value {
    if meta::is_terminating(object) {
        return "Terminating".into();
    }
    text(object, "/status/phase").into()
}

/// Access modes, short, in the order that the server has.
fn modes(object: &Value, path: &str) -> String {
    let all = list(object, path);
    let short = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let found = short.iter().filter(|(long, _)| all.iter().any(|mode| mode == long));
    found.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

pub(super) fn volume_capacity(volume: &Value, _: Time) -> Value {
    match plain(volume.pointer("/spec/capacity/storage")).as_str() {
        "" => "0".into(),
        capacity => capacity.into(),
    }
}

pub(super) fn volume_modes(volume: &Value, _: Time) -> Value {
    modes(volume, "/spec/accessModes").into()
}

pub(super) fn claim(volume: &Value, _: Time) -> Value {
    match volume.pointer("/spec/claimRef") {
        Some(claim) => format!("{}/{}", text(claim, "/namespace"), text(claim, "/name")).into(),
        None => "".into(),
    }
}

/// The old annotation goes before the field.
pub(super) fn class(object: &Value, _: Time) -> Value {
    match meta::get(object, "annotations").and_then(|notes| notes.get(BETA_CLASS)) {
        Some(class) => class.clone(),
        None => text(object, "/spec/storageClassName").into(),
    }
}

fn is_bound(claim: &Value) -> bool {
    !text(claim, "/spec/volumeName").is_empty()
}

pub(super) fn claim_capacity(claim: &Value, _: Time) -> Value {
    if !is_bound(claim) {
        return "".into();
    }
    match plain(claim.pointer("/status/capacity/storage")).as_str() {
        "" => "0".into(),
        capacity => capacity.into(),
    }
}

pub(super) fn claim_modes(claim: &Value, _: Time) -> Value {
    if is_bound(claim) {
        modes(claim, "/status/accessModes").into()
    } else {
        "".into()
    }
}

pub(super) fn class_name(class: &Value, _: Time) -> Value {
    let notes = meta::get(class, "annotations");
    let default = DEFAULT_CLASS
        .iter()
        .any(|key| notes.and_then(|notes| notes.get(*key)) == Some(&"true".into()));
    if default {
        format!("{} (default)", name(class)).into()
    } else {
        name(class).into()
    }
}

pub(super) fn expansion(class: &Value, _: Time) -> Value {
    (class["allowVolumeExpansion"] == true).into()
}

pub(super) fn token_requests(driver: &Value, _: Time) -> Value {
    match driver.pointer("/spec/tokenRequests").and_then(Value::as_array) {
        Some(requests) => {
            let audiences = requests.iter().map(|request| text(request, "/audience"));
            audiences.collect::<Vec<_>>().join(",").into()
        }
        None => "<unset>".into(),
    }
}

pub(super) fn lifecycle(driver: &Value, _: Time) -> Value {
    let modes = list(driver, "/spec/volumeLifecycleModes")
        .iter()
        .map(|mode| plain(Some(mode)));
    super::or_none(modes.collect::<Vec<_>>().join(",")).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_show_what_they_are_bound_to() {
        let mut claim = json!({"metadata": {"annotations": {BETA_CLASS: "old"}}, "spec": {"storageClassName": "new"},
            "status": {"phase": "Pending", "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "capacity": {"storage": "1Gi"}}});
        let now = Time(0);
        assert_eq!([claim_capacity(&claim, now), claim_modes(&claim, now)], ["", ""]);
        claim["spec"]["volumeName"] = "v".into();
        assert_eq!(
            [claim_capacity(&claim, now), claim_modes(&claim, now)],
            ["1Gi", "RWO,RWX"]
        );
        assert_eq!(class(&claim, now), "old");
    }
}
