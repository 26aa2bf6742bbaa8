//! What the real Helm stored about a release that it installed: everything that it rendered, hooks apart.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rehelm_clients::kube::KubeCluster;
use rehelm_core::object::Object;
use rehelm_core::ports::{ChartFacts, Cluster, PortError, PortResult, ReleaseState};
use rehelm_core::yaml;
use serde_json::Value;

/// A hook of the chart.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What it makes.
    pub object: Object,
    /// `pre-install`, …
    pub events: Vec<String>,
    /// Lighter ones come first.
    pub weight: i64,
    /// `before-hook-creation`, …
    pub policies: Vec<String>,
}

/// A release as it was stored.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Version of the Helm that made it.
    pub version: String,
    /// The chart.
    pub chart: ChartFacts,
    /// The stored release.
    pub payload: Value,
    /// Its objects, in Helm's order.
    pub objects: Vec<Object>,
    /// Its hooks, in Helm's order.
    pub hooks: Vec<Hook>,
    /// What the chart's `crds/` folder defines.
    pub crds: Vec<Object>,
}

fn bad(why: impl std::fmt::Display) -> PortError {
    PortError::Other(format!("the recorded release cannot be read: {why}"))
}

fn documents(text: &str) -> PortResult<Vec<Object>> {
    let (objects, _) = yaml::parse_objects(text, "release").map_err(bad)?;
    Ok(objects)
}

impl Recording {
    /// Reads a stored release.
    ///
    /// # Errors
    /// When the Secret holds none.
    pub fn of(record: &Object, version: String, chart: ChartFacts) -> PortResult<Self> {
        let payload = unpack(record)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
        let mut hooks = Vec::new();
        for hook in payload["hooks"].as_array().into_iter().flatten() {
            for object in documents(hook["manifest"].as_str().unwrap_or_default())? {
                hooks.push(Hook {
                    object,
                    events: texts(&hook["events"]),
                    weight: hook["weight"].as_i64().unwrap_or_default(),
                    policies: texts(&hook["delete_policies"]),
                });
            }
        }
        hooks.sort_by(|a, b| (a.weight, a.object.name()).cmp(&(b.weight, b.object.name())));
        let mut crds = Vec::new();
        for file in payload["chart"]["files"].as_array().into_iter().flatten() {
            let name = file["name"].as_str().unwrap_or_default();
            if name.starts_with("crds/") {
                let data = STANDARD
                    .decode(file["data"].as_str().unwrap_or_default())
                    .map_err(bad)?;
                crds.extend(documents(&String::from_utf8_lossy(&data))?);
            }
        }
        Ok(Self {
            version,
            chart,
            objects: documents(payload["manifest"].as_str().unwrap_or_default())?,
            hooks,
            crds,
            payload,
        })
    }

    /// The Secret's content for a revision in a state.
    pub fn packed(&self, revision: u32, status: &str) -> PortResult<String> {
        let mut payload = self.payload.clone();
        payload["version"] = revision.into();
        payload["info"]["status"] = status.into();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(payload.to_string().as_bytes()).map_err(bad)?;
        let packed = packed.finish().map_err(bad)?;
        Ok(STANDARD.encode(STANDARD.encode(packed)))
    }
}

fn unpack(record: &Object) -> PortResult<Value> {
    let stored = record
        .str("/data/release")
        .ok_or_else(|| bad("data.release is missing"))?;
    let outer = STANDARD.decode(stored).map_err(bad)?;
    let inner = STANDARD.decode(outer).map_err(bad)?;
    let mut json = Vec::new();
    GzDecoder::new(inner.as_slice()).read_to_end(&mut json).map_err(bad)?;
    serde_json::from_slice(&json).map_err(bad)
}

/// Secrets of all revisions, oldest first.
///
/// # Errors
/// When the server does not answer.
pub async fn records(cluster: &dyn Cluster, namespace: &str, release: &str) -> PortResult<Vec<Object>> {
    let mut records = cluster
        .list("v1", "Secret", &super::selection(namespace, release))
        .await?;
    records.sort_by_key(revision);
    Ok(records)
}

/// Number of a revision.
pub(crate) fn revision(record: &Object) -> u32 {
    record.label("version").and_then(|v| v.parse().ok()).unwrap_or_default()
}

/// Puts objects of kinds that live in namespaces into one.
pub(crate) async fn place(cluster: &KubeCluster, objects: &mut [Object], namespace: &str) {
    for object in objects {
        let kind = cluster.kind(object.api_version(), object.kind()).await;
        if kind.is_ok_and(|kind| kind.namespaced) && object.namespace().is_none() {
            object.set_namespace(namespace);
        }
    }
}

/// What a Secret says about its revision.
pub(crate) async fn state(cluster: &KubeCluster, record: &Object, namespace: &str) -> PortResult<ReleaseState> {
    let payload = unpack(record)?;
    let mut manifest = documents(payload["manifest"].as_str().unwrap_or_default())?;
    place(cluster, &mut manifest, namespace).await;
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    Ok(ReleaseState {
        revision: revision(record),
        status: text("/info/status").to_owned(),
        chart: format!("{}-{}", text("/chart/metadata/name"), text("/chart/metadata/version")),
        manifest,
    })
}
