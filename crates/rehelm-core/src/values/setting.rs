//! What a person calls one field: a toleration, a variable, the resources of a container, and not each leaf of them.
//!
//! Comparisons go by leaves, because one leaf may be right and the next one wrong. Reports count both.

use super::field::{FieldPath, FieldStep};

/// Lists whose items are not one setting but hold many.
const ROOMS: [&str; 4] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumeClaimTemplates",
];
/// Maps that are one setting with all that is in them.
const BLOCKS: [&str; 16] = [
    "resources",
    "nodeSelector",
    "affinity",
    "securityContext",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "strategy",
    "updateStrategy",
    "dnsConfig",
    "matchLabels",
    "behavior",
    "sessionAffinityConfig",
    "volumeClaimTemplate",
    "overhead",
];

/// The setting that a leaf is part of; a leaf that stands for itself is its own.
pub fn setting(field: &FieldPath) -> FieldPath {
    let mut list = "";
    for (at, step) in field.0.iter().enumerate() {
        let whole = match step {
            FieldStep::Key(key) => {
                list = key;
                BLOCKS.contains(&key.as_str()) && at > 0
            }
            _ => !ROOMS.contains(&list),
        };
        if whole {
            return FieldPath(field.0[..=at].to_vec());
        }
    }
    field.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_of_one_setting_are_one() {
        for (leaf, whole) in [
            (
                "spec.template.spec.tolerations[0].key",
                "spec.template.spec.tolerations[0]",
            ),
            (
                "spec.template.spec.nodeSelector.pool",
                "spec.template.spec.nodeSelector",
            ),
            (
                "spec.template.spec.containers[name=a].env[name=B].valueFrom.secretKeyRef.key",
                "spec.template.spec.containers[name=a].env[name=B]",
            ),
            (
                "spec.template.spec.containers[name=a].resources.limits.cpu",
                "spec.template.spec.containers[name=a].resources",
            ),
            (
                "spec.template.spec.containers[name=a].image",
                "spec.template.spec.containers[name=a].image",
            ),
            ("metadata.annotations[\"a/b\"]", "metadata.annotations.a/b"),
            ("data.KEY", "data.KEY"),
            ("spec.replicas", "spec.replicas"),
        ] {
            assert_eq!(setting(&leaf.parse().unwrap()).to_string(), whole);
        }
    }
}
