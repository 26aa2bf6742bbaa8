//! The vendor's own folders and charts, where they are at hand (`REHELM_REFERENCE`).

mod common;

use std::sync::Arc;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use common::namespace;
use rehelm_clients::helm::HelmCli;
use rehelm_clients::kustomize::Kustomize;
use rehelm_core::object::Object;
use rehelm_core::ports::{Helm, ReleaseSpec};
use rehelm_testbed::{Cache, HelmMajor, build};

/// None when the folder is not there; says so on stderr.
#[allow(clippy::print_stderr)]
fn reference() -> Option<Utf8PathBuf> {
    let beside = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/cognigy-4.38.0");
    let folder = std::env::var("REHELM_REFERENCE").map_or(beside, Utf8PathBuf::from);
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("SKIPPED, no reference folder: set REHELM_REFERENCE");
    None
}

#[tokio::test]
#[allow(clippy::print_stderr)]
async fn kustomize_folders_build() {
    let Some(folder) = reference() else { return };
    let tools = match build::tools(&Cache::open().unwrap(), HelmMajor::Helm3, &|_| ()) {
        Ok(tools) => tools,
        Err(e) if e.is_unavailable() => return eprintln!("SKIPPED, no kubectl: {e}"),
        Err(e) => panic!("{e}"),
    };
    let kustomize = Kustomize::new(Some(tools.kubectl.as_std_path()));
    assert!(kustomize.version().await.unwrap().0.starts_with("v1."));
    let core = folder.join("kubernetes/core/production");
    for (dependencies, count) in [
        ("dependencies", 90),
        ("dependencies-aws", 84),
        ("dependencies-aws-multireplica", 81),
        ("dependencies-azure", 82),
    ] {
        let mut objects = Vec::new();
        for part in [dependencies, "product"] {
            let (built, _) = kustomize.build(core.join(part).as_str()).await.unwrap();
            objects.extend(built);
        }
        assert_eq!(objects.len(), count, "{dependencies}");
    }
    // As the vendor ships it, a patch is named where it is not: the error says where it is.
    let broken = tempfile::tempdir().unwrap();
    let broken = Utf8Path::from_path(broken.path()).unwrap().join("product");
    copy(&core.join("product"), &broken);
    let file = broken.join("kustomization.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("overlays/reverse-proxy/services/", "overlays/services/"),
    )
    .unwrap();
    let refused = kustomize.build(broken.as_str()).await.unwrap_err().to_string();
    assert!(
        refused.contains("hint: overlays/services/traefik_patch.yaml does not exist, but overlays/reverse-proxy/services/traefik_patch.yaml does"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)]
async fn charts_render_against_a_cluster() {
    let Some(folder) = reference() else { return };
    let Some(bed) = common::bed(HelmMajor::Helm3).await else {
        return;
    };
    let private = tempfile::tempdir().unwrap();
    let cluster = Arc::new(bed.cluster().await);
    let place = Utf8Path::from_path(private.path()).unwrap();
    let helm = HelmCli::with_program(
        bed.0.tools.helm.as_std_path(),
        Arc::clone(&cluster),
        &bed.access(),
        place,
    )
    .unwrap();
    namespace(&cluster, "new").await;
    for (cloud, count) in [("aws", 95), ("azure", 90), ("generic", 86)] {
        let chart = place.join(cloud);
        copy(&folder.join("charts").join(cloud), &chart);
        let file = chart.join("Chart.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("<v1.24.0-0", "<v1.99.0-0")).unwrap();
        let spec = ReleaseSpec {
            release: "cognigy-ai".into(),
            namespace: "new".into(),
            chart: chart.into_string(),
            version: None,
            values: Vec::new(),
            private_values: None,
            flags: Vec::new(),
        };
        let started = Instant::now();
        let rendered = helm.render(&spec, &[]).await.unwrap();
        let took = started.elapsed();
        assert!(rendered.notes.is_empty(), "{:?}", rendered.notes);
        assert_eq!(rendered.crds.len(), 9, "{cloud}");
        let (hooks, rest): (Vec<&Object>, Vec<&Object>) = rendered
            .objects
            .iter()
            .partition(|o| o.annotation("helm.sh/hook").is_some());
        eprintln!(
            "{cloud}: {} objects, {} hooks, rendered in {took:?}",
            rest.len(),
            hooks.len()
        );
        assert_eq!(rendered.objects.len(), count, "{cloud}");
        assert!(hooks.iter().any(|o| o.kind() == "Job"));
        assert!(
            rendered
                .objects
                .iter()
                .any(|o| o.kind() == "Service" && o.namespace() == Some("new"))
        );
    }
}

fn copy(from: &Utf8Path, to: &Utf8Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir_utf8().unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
