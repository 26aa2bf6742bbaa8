//! A chart of ours, and what is learned about it.

use camino::Utf8PathBuf;
use rehelm_clients::helm::offline::{OfflineHelm, Task};
use rehelm_core::values::learn::{LearnError, learn};
use rehelm_core::values::map::{How, Reach, ValueMap};
use rehelm_core::values::render::Unwatched;

/// Folder of one of our charts.
pub fn chart(name: &str) -> String {
    format!("{}/tests/values/charts/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// True when there is a Helm; says so loudly when there is none.
pub fn has_helm() -> bool {
    let there = rehelm_clients::program("helm", "HELM_BIN").is_ok();
    if !there {
        eprintln!("SKIPPED: there is no Helm (HELM_BIN or PATH), so nothing about values was tested");
    }
    there
}

/// What is learned about a chart, nothing remembered from before; None without a Helm.
pub async fn learned(name: &str, start: &str) -> Option<Result<ValueMap, LearnError>> {
    if !has_helm() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = Utf8PathBuf::from_path_buf(folder.path().join("start.yaml")).expect("UTF-8");
    fs_err::write(&file, start).expect("written");
    let task = Task {
        release: "rel".to_owned(),
        namespace: "apps".to_owned(),
        chart: chart(name),
        values: vec![file],
        ..Task::default()
    };
    Some(of_task(task).await)
}

/// The same for any chart.
pub async fn of_task(task: Task) -> Result<ValueMap, LearnError> {
    let helm = OfflineHelm::remembering(task, None)
        .await
        .expect("a chart that can be read");
    learn(&helm, helm.asked(), &Unwatched).await
}

/// How a value reaches a field of an object (`Kind/name`, field); panics with what there is when it does not.
#[track_caller]
pub fn how<'a>(map: &'a ValueMap, path: &str, object: &str, field: &str) -> &'a How {
    &reach(map, path, object, field).how
}

/// The same with everything around it.
#[track_caller]
pub fn reach<'a>(map: &'a ValueMap, path: &str, object: &str, field: &str) -> &'a Reach {
    let entry = map
        .entry(&path.parse().expect("a path"))
        .unwrap_or_else(|| panic!("no entry {path}"));
    let found = entry.reaches.iter().find(|reach| {
        format!("{}/{}", reach.object.kind, reach.object.name) == object && reach.field.to_string() == field
    });
    found.unwrap_or_else(|| panic!("{path} does not reach {object} {field}: {:#?}", entry.reaches))
}

/// Paths of all values that were not located.
pub fn lost(map: &ValueMap) -> Vec<String> {
    let lost = map.entries.iter().filter(|entry| !entry.is_located());
    lost.map(|entry| entry.path.to_string()).collect()
}
