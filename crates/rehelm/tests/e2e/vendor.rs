//! The vendor's own chart, with its templates, look-ups and random data, when `REHELM_VENDOR_CHART` names its folder.

use camino::Utf8Path;

use crate::scene::{Scene, differences};

#[test]
fn there_and_back_with_the_vendors_own_chart() {
    let Ok(chart) = std::env::var("REHELM_VENDOR_CHART") else {
        eprintln!("SKIPPED: REHELM_VENDOR_CHART names no chart");
        return;
    };
    let Some(scene) = Scene::up_chart("aws", Some(Utf8Path::new(&chart)), |_| Ok(())) else {
        return;
    };
    let before = scene.outside();
    scene.migrated();
    scene.rehelm(&["verify"]).code(0);
    scene.rehelm(&["rollback", "--yes"]).code(0);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
