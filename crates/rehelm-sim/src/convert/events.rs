//! Events of the core group and of `events.k8s.io`: the same objects under other names.

use serde_json::Value;

use super::rename;

const NAMES: [(&str, &str); 8] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
    ("eventTime", "eventTime"),
];

pub(super) fn to_new(event: &mut Value) {
    rename(event, &NAMES);
}

pub(super) fn from_new(event: &mut Value) {
    rename(event, &NAMES.map(|(old, new)| (new, old)));
}
