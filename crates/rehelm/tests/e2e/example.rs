//! Another product, our own: nothing in rehelm knows the first one.

use crate::scene::{Scene, differences};

#[test]
fn there_and_back_and_there_again() {
    let Some(scene) = Scene::up("notes") else { return };
    let before = scene.outside();
    let bystander = scene.bystander();
    let volume = scene.get("pvc", "notes-old", "search-index")["spec"]["volumeName"].clone();

    // The chart would empty the mail password: without consent to fill it the plan is blocked, and nothing is done.
    let said = scene.rehelm(&["plan"]).code(3);
    assert!(said.out.contains("notes-mail"), "{}", said.out);
    scene.rehelm(&["prepare", "--yes"]).code(3);

    scene.migrated();
    scene.rehelm(&["verify"]).code(0);
    // Mounted by the release, made by nobody's chart: it came along all the same.
    let moved = scene.get("pvc", "notes", "search-index");
    assert_eq!(
        (&moved["status"]["phase"], &moved["spec"]["volumeName"]),
        (&"Bound".into(), &volume)
    );
    let kept = scene.get("secret", "notes", "notes-session")["data"]["key"].clone();
    assert_eq!(
        kept,
        scene.get("secret", "notes-old", "notes-session")["data"]["key"],
        "the chart invented no other"
    );

    scene.rehelm(&["rollback", "--yes", "--drop-copies"]).code(0);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));

    scene.migrated();
    scene.rehelm(&["verify"]).code(0);
    scene.rehelm(&["cleanup", "--yes-irreversible", "--soak", "0s"]).code(0);
    let left: Vec<String> = scene.objects("deployments", Some("notes-old")).into_keys().collect();
    assert_eq!(left, ["Deployment/notes-old/bystander"]);
    assert_eq!(scene.bystander(), bystander);
}
