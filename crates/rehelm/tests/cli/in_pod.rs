//! `rehelm db copy --in-pod`: the command line, the web socket, and a shell with tools at its end.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};

use bson::doc;
use rehelm_sim::Identity;
use serde_json::json;

use crate::forward::{Scene, scene};

const PASSWORD: &str = "root-password";

/// Lets commands in a pod find stand-ins of the tools, and a database `old` with 40 documents.
fn stand_ins(scene: &Scene) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rehelm-clients/tests/fixtures/tools");
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let place = scene.place.path("pod");
    scene
        .sim
        .commands_run_here("shop", "mongo-0", &[("PATH", &path), ("PLACE", place.as_str())]);
    scene.place.write("pod/password", PASSWORD);
    scene.place.write("pod/old", &"document\n".repeat(40));
    scene.place.write("password.txt", &format!("{PASSWORD}\n"));
}

fn copy(scene: &Scene, words: &str) -> String {
    let kubeconfig = scene.place.path("kubeconfig");
    let said = scene
        .place
        .rehelm(&format!("db copy {words} --kubeconfig {kubeconfig}"));
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

/// Somebody who may do nothing but this.
fn only(scene: &Scene, resource: &str, verbs: &[&str]) -> Identity {
    let eve = scene.eve_may(&json!([{"apiGroups": [""], "resources": [resource], "verbs": verbs}]));
    scene.place.write("kubeconfig", &scene.served.kubeconfig_for(&eve));
    eve
}

#[test]
fn the_right_to_run_commands_is_enough_and_what_it_cannot_prove_is_said() {
    let Some(scene) = scene() else { return };
    stand_ins(&scene);
    only(&scene, "pods/exec", &["get", "create"]);
    let flags = "--in-pod shop/mongo-0 --user root --password-file password.txt";
    let said = copy(&scene, &format!("old new {flags} -o json"));
    assert!(said.contains("exit 0") && said.contains("\"proven\": false"), "{said}");
    assert!(
        said.contains("\"restored\": 40") && said.contains("NOT proven equal"),
        "{said}"
    );
    assert_eq!(scene.place.read("pod/new"), scene.place.read("pod/old"));
    let seen = scene.place.read("pod/seen");
    assert!(seen.contains("--username=root") && !seen.contains(PASSWORD), "{seen}");
    // Once more would only bring duplicates.
    let said = copy(&scene, &format!("old new {flags}"));
    assert!(
        said.contains("exit 3") && said.contains("new is there already"),
        "{said}"
    );
    let said = copy(&scene, &format!("olt other {flags}"));
    assert!(
        said.contains("exit 1") && said.contains("there is no database olt"),
        "{said}"
    );
    let said = copy(
        &scene,
        "old other --in-pod shop/mongo-0 --user nobody --password-file uri.txt",
    );
    assert!(
        said.contains("exit 1") && !scene.place.path("pod/other").exists(),
        "{said}"
    );
    for (file, mode, words) in [
        ("pod/dump.mode", "killed", "mongodump was killed by signal 9"),
        ("pod/restore.mode", "duplicates", "could not write 2 documents"),
    ] {
        scene.place.write(file, mode);
        let said = copy(&scene, &format!("old to-{mode} {flags}"));
        assert!(said.contains("exit 1") && said.contains(words), "{said}");
        scene.place.write(file, "");
    }
}

#[test]
fn where_the_server_can_be_reached_the_copy_is_proven() {
    let Some(scene) = scene() else { return };
    stand_ins(&scene);
    // The stand-ins do not know the server: what they would have made is made here.
    let fill = |name: &str| {
        scene.runtime.block_on(async {
            let uri = format!("{}?directConnection=true", scene.server.uri());
            let driver = mongodb::Client::with_uri_str(uri).await.expect("a driver");
            let people = driver.database("new").collection(name);
            let documents = (0..300).map(|n| doc! { "_id": n, "name": format!("name {n} {}", "x".repeat(2000)) });
            people.insert_many(documents).await.expect("inserts");
        });
    };
    fill("people");
    scene
        .place
        .write("uri.txt", &format!("mongodb://root:{PASSWORD}@mongo.shop.svc/"));
    let flags = "--in-pod shop/mongo-0/db --uri-file uri.txt";
    let said = copy(&scene, &format!("old new {flags}"));
    assert!(
        said.contains("exit 0") && said.contains("new is equal to old: 300 documents"),
        "{said}"
    );
    fill("more");
    std::fs::remove_file(scene.place.path("pod/new")).expect("removed");
    let said = copy(&scene, &format!("old new {flags} -o json"));
    assert!(said.contains("exit 7") && said.contains("\"proven\": false"), "{said}");
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_done() {
    let Some(scene) = scene() else { return };
    stand_ins(&scene);
    let flags = "--user root --password-file password.txt";
    for (words, exit, told) in [
        ("old new --in-pod mongo-0", 2, "NAMESPACE/POD"),
        ("old new --in-pod shop/mongo-0 --max-rate 20M", 2, "cannot be used with"),
        ("old new", 2, "a password alone names no server"),
        ("old a$b --in-pod shop/mongo-0", 2, "in its name"),
        ("old old --in-pod shop/mongo-0", 2, "to itself"),
        ("old new --in-pod shop/mongo-9", 3, "there is no Pod/shop/mongo-9"),
        ("old new --in-pod shop/mongo-0/bd", 3, "it has: db"),
        // Nothing runs there.
        ("old new --in-pod shop/mongo-1", 1, "nothing runs in its containers"),
    ] {
        let said = copy(&scene, &format!("{words} {flags}"));
        assert!(
            said.contains(&format!("exit {exit}")) && said.contains(told),
            "{words}: {said}"
        );
    }
    for (path, told) in [
        ("/nowhere", "no sh"),
        (scene.place.path("bin").as_str(), "no mongodump"),
    ] {
        std::fs::create_dir_all(scene.place.path("bin")).expect("a folder");
        let _ = std::os::unix::fs::symlink("/bin/sh", scene.place.path("bin/sh"));
        scene.sim.commands_run_here("shop", "mongo-0", &[("PATH", path)]);
        let said = copy(&scene, &format!("old new --in-pod shop/mongo-0 {flags}"));
        assert!(said.contains("exit 3") && said.contains(told), "{said}");
    }
    only(&scene, "pods", &["get"]);
    let said = copy(&scene, &format!("old new --in-pod shop/mongo-0 {flags}"));
    assert!(said.contains("exit 3") && said.contains("pods/exec"), "{said}");
}

#[test]
fn real_tools_do_the_same() {
    let named = std::env::var_os("MONGODUMP_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("mongodump"));
    let Some(tool) = named.or_else(|| found.find(|program| program.is_file())) else {
        eprintln!("SKIPPED: no mongodump on PATH, and MONGODUMP_BIN names none");
        return;
    };
    let Some(scene) = scene() else { return };
    let path = format!("{}:/usr/bin:/bin", tool.parent().expect("a folder").display());
    scene.sim.commands_run_here("shop", "mongo-0", &[("PATH", &path)]);
    scene.place.write("password.txt", PASSWORD);
    let flags = format!("--uri mongodb://127.0.0.1:{}/ --user admin,root", scene.server.port());
    let words = format!("old new --in-pod shop/mongo-0 {flags} --password-file password.txt");
    let said = copy(&scene, &words);
    assert!(
        said.contains("exit 0") && said.contains("300 documents in 1 collections"),
        "{said}"
    );
    scene.place.write("uri.txt", &scene.server.uri());
    let said = scene.place.rehelm("db verify old new --uri-file uri.txt");
    assert!(said.contains("exit 0"), "{said}");
    let said = copy(&scene, &words);
    assert!(said.contains("exit 3") && said.contains("people"), "{said}");
}
