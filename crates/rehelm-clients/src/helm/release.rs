//! Releases as Helm stores them: a Secret per revision, whose `release` is base64 of gzip of JSON.
//!
//! They are read through the cluster and not by `helm status`, so that a release can be seen (and forgotten) when Helm
//! itself cannot do anything with it, such as one that a killed install left pending.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use rehelm_core::object::Object;
use rehelm_core::ports::{Cluster, PortError, PortResult, Precondition, ReleaseState, Select};
use rehelm_core::yaml;
use serde_json::Value;

/// More than this is no release: Secrets hold 1 MiB, and manifests pack at most some hundredfold.
const MOST: u64 = 256 << 20;
const TYPE: &str = "helm.sh/release.v1";

/// The Secrets of all revisions, oldest first.
pub(crate) async fn records(cluster: &dyn Cluster, namespace: &str, release: &str) -> PortResult<Vec<Object>> {
    let select = Select {
        namespace: Some(namespace.to_owned()),
        labels: Some(format!("owner=helm,name={release}")),
        fields: None,
    };
    let mut records = cluster.list("v1", "Secret", &select).await?;
    records.retain(|record| record.str("/type") == Some(TYPE));
    records.sort_by_key(revision);
    Ok(records)
}

/// Removes the Secrets of all revisions, each only if it is still the one that was read.
pub(crate) async fn forget(cluster: &dyn Cluster, namespace: &str, release: &str) -> PortResult<()> {
    // Oldest first: after an interruption the newest is still there and still says what the state is.
    for record in &records(cluster, namespace, release).await? {
        let precondition = Precondition {
            uid: Some(record.uid().to_owned()),
            resource_version: None,
        };
        cluster.delete(&record.reference(), &precondition, false).await?;
    }
    Ok(())
}

/// Reads one revision; objects of its manifest are as they were rendered.
pub(crate) fn decode(record: &Object) -> PortResult<ReleaseState> {
    let name = record.reference().to_string();
    let bad = |why: String| PortError::Invalid(name.clone(), format!("it is not a Helm release: {why}"));
    let stored = record
        .str("/data/release")
        .ok_or_else(|| bad("data.release is missing".to_owned()))?;
    let release = unpack(stored).map_err(&bad)?;
    let text = |pointer: &str| release.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (manifest, _) = yaml::parse_objects(text("/manifest"), &name).map_err(|e| bad(e.to_string()))?;
    Ok(ReleaseState {
        revision: release["version"]
            .as_u64()
            .and_then(|v| v.try_into().ok())
            .unwrap_or_else(|| revision(record)),
        status: text("/info/status").to_owned(),
        chart: format!("{}-{}", text("/chart/metadata/name"), text("/chart/metadata/version")),
        manifest,
    })
}

fn unpack(stored: &str) -> Result<Value, String> {
    let outer = STANDARD.decode(stored).map_err(|e| e.to_string())?;
    let inner = STANDARD.decode(outer).map_err(|e| e.to_string())?;
    // Helm 2 and the first Helm 3 stored them unpacked.
    let json = if inner.starts_with(&[0x1f, 0x8b]) {
        let mut json = Vec::new();
        let mut packed = GzDecoder::new(inner.as_slice()).take(MOST);
        packed.read_to_end(&mut json).map_err(|e| e.to_string())?;
        json
    } else {
        inner
    };
    serde_json::from_slice(&json).map_err(|e| e.to_string())
}

fn revision(record: &Object) -> u32 {
    record.label("version").and_then(|v| v.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    fn record(release: &[u8]) -> Object {
        Object(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "sh.helm.release.v1.r.v2", "namespace": "n", "labels": {"version": "2"}},
            "data": {"release": STANDARD.encode(STANDARD.encode(release))},
        }))
    }

    #[test]
    fn a_revision_is_read_packed_and_unpacked() {
        let release = json!({
            "version": 2,
            "info": {"status": "pending-install"},
            "chart": {"metadata": {"name": "c", "version": "1.2.3"}},
            "manifest": "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\t\n---\n",
        });
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(release.to_string().as_bytes()).unwrap();
        for stored in [packed.finish().unwrap(), release.to_string().into_bytes()] {
            let state = decode(&record(&stored)).unwrap();
            assert_eq!(
                (state.revision, state.status.as_str(), state.chart.as_str()),
                (2, "pending-install", "c-1.2.3")
            );
            assert_eq!(state.manifest[0].name(), "x");
        }
    }

    #[test]
    fn what_is_no_release_is_said_without_its_content() {
        let said = decode(&record(b"hunter2")).unwrap_err().to_string();
        assert!(
            said.starts_with("Secret/n/sh.helm.release.v1.r.v2 refused") && !said.contains("hunter2"),
            "{said}"
        );
        assert!(decode(&record(&[0x1f, 0x8b, 0, 0])).is_err());
    }
}
