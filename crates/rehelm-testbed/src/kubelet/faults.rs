//! Faults that tests and demonstrations play.
//!
//! Two ways: the annotation `rehelm-testbed/fault: KIND` (or `slow-start=SECONDS`) on a pod, or the ConfigMap
//! [`TABLE`] in `kube-system`, each of whose values is a YAML list of [`Fault`]s. Taking a fault away ends it.

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Name of the ConfigMap in `kube-system`.
pub const TABLE: &str = "rehelm-testbed-faults";

/// Annotation of a pod that is to fail by itself.
pub const ANNOTATION: &str = "rehelm-testbed/fault";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Runs, but its readiness probe never passes.
    NeverReady,
    /// The image cannot be pulled.
    ImagePullError,
    /// The container ends again and again.
    CrashLoop,
    /// Ready only after some seconds.
    SlowStart,
    /// Stays terminating until the fault is taken away.
    WillNotDie,
    /// A Job's pod that ends with an error.
    JobFails,
}

/// A fault and whom it hits; every criterion that is given must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// Part of the name of one of the pod's images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Start of the pod's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// For `slow-start`: how many seconds (default 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

impl Fault {
    /// A fault that hits every pod; narrow it by its fields.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            image: None,
            pod: None,
            namespace: None,
            seconds: None,
        }
    }

    fn hits(&self, pod: &Pod) -> bool {
        let spec = pod.spec.as_ref();
        let images = || {
            spec.into_iter()
                .flat_map(|s| &s.containers)
                .filter_map(|c| c.image.as_deref())
        };
        self.namespace
            .as_deref()
            .is_none_or(|n| pod.metadata.namespace.as_deref() == Some(n))
            && self.pod.as_deref().is_none_or(|p| pod.name_any().starts_with(p))
            && self
                .image
                .as_deref()
                .is_none_or(|part| images().any(|image| image.contains(part)))
    }

    /// How long a slow start takes.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(5))
    }
}

/// All faults of the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Reads the table; what cannot be read is said and left out.
    pub(super) fn read(table: Option<&ConfigMap>) -> Self {
        let mut all = Vec::new();
        for (key, text) in table.into_iter().flat_map(|t| t.data.iter().flatten()) {
            match serde_saphyr::from_str::<Vec<Fault>>(text) {
                Ok(faults) => all.extend(faults),
                Err(e) => crate::printer::talk(format!("{TABLE}, {key}: {e}")),
            }
        }
        Self(all)
    }

    /// The first fault that hits the pod; its own annotation goes first.
    pub(super) fn of(&self, pod: &Pod) -> Option<Fault> {
        let own = pod.annotations().get(ANNOTATION).and_then(|text| annotation(text));
        own.or_else(|| self.0.iter().find(|fault| fault.hits(pod)).cloned())
    }
}

pub(super) fn is_table(map: &ConfigMap) -> bool {
    map.metadata.namespace.as_deref() == Some("kube-system") && map.name_any() == TABLE
}

fn annotation(text: &str) -> Option<Fault> {
    let (kind, seconds) = text.split_once('=').map_or((text, None), |(k, s)| (k, s.parse().ok()));
    let kind = serde_json::from_value(kind.trim().into()).ok()?;
    Some(Fault {
        seconds,
        ..Fault::new(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_annotation_and_table() {
        let slow = annotation("slow-start=7").expect("a fault");
        assert_eq!((slow.kind, slow.delay()), (Kind::SlowStart, Duration::from_secs(7)));
        assert_eq!(annotation("no-such"), None);
        let data = [("a".to_owned(), "- {kind: crash-loop, pod: redis-}\n".to_owned())];
        let faults = Faults::read(Some(&ConfigMap {
            data: Some(data.into()),
            ..Default::default()
        }));
        let mut pod = Pod::default();
        pod.metadata.name = Some("redis-0".into());
        assert_eq!(faults.of(&pod).map(|f| f.kind), Some(Kind::CrashLoop));
        pod.metadata.name = Some("other".into());
        assert_eq!(faults.of(&pod), None);
    }
}
