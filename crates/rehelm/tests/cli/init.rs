//! `rehelm init`

use std::os::unix::fs::PermissionsExt;

use crate::place::Place;

const INIT: &str =
    "init --profile ./shop --kustomize kustomize --chart oci://registry.example/helm/shop --version 4.38.0";

#[test]
fn it_writes_a_file_that_teaches() {
    let place = Place::with_product();
    insta::assert_snapshot!("init_says", place.rehelm(&format!("{INIT} --values values.yaml")));
    insta::assert_snapshot!("init_writes", place.read("rehelm.yaml"));
}

#[test]
fn everything_can_be_said_at_once() {
    let place = Place::with_product();
    let said = place.rehelm(&format!(
        "{INIT} -n other --source-namespace old --context prod --release r --helm-flag --plain-http \
         --registry-username me --registry-password-file secret.txt --soak 48h --backup-recipient age1abc \
         --mongodb-host db:27017/?replicaSet=rs0 --mongodb-user root --mongodb-password-secret db/db/password"
    ));
    assert!(said.starts_with("exit 0\n"), "{said}");
    insta::assert_snapshot!(place.read("rehelm.yaml"));
}

#[test]
fn the_run_folder_is_private_and_holds_the_schema() {
    let place = Place::with_product();
    place.rehelm(INIT);
    let mode = fs_err::metadata(place.path(".rehelm"))
        .expect("made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(place.read(".rehelm/rehelm.schema.json").contains("kustomize"));
}

#[test]
fn it_does_not_overwrite_without_force() {
    let place = Place::with_product();
    place.write("rehelm.yaml", "mine\n");
    insta::assert_snapshot!(place.rehelm(INIT));
    assert_eq!(place.read("rehelm.yaml"), "mine\n");
    assert!(place.rehelm(&format!("{INIT} --force")).starts_with("exit 0\n"));
    assert_ne!(place.read("rehelm.yaml"), "mine\n");
}

#[test]
fn what_is_missing_is_asked_for() {
    let place = Place::with_product();
    let all = [
        "init",
        "init --profile ./nowhere --kustomize kustomize --chart oci://x/y --version 1",
        "init --profile ./shop --chart oci://x/y --version 1",
        "init --profile ./shop --kustomize kustomize",
        "init --profile ./shop --kustomize kustomize --chart oci://x/y",
        "init --profile ./shop --kustomize nowhere --chart oci://x/y --version 1",
        "init --profile ./shop --kustomize kustomize --chart nowhere",
        "init --profile ./shop --kustomize kustomize --chart oci://x/y --version 1 --values nowhere.yaml",
        "init --profile ./shop --kustomize kustomize --chart oci://x/y --version 1 --mongodb-uri-secret a/b",
    ];
    let said: Vec<String> = all
        .iter()
        .map(|args| format!("$ rehelm {args}\n{}", place.rehelm(args)))
        .collect();
    // The list of built-in profiles grows; only its place in the text is golden.
    let said: Vec<String> = said
        .join("\n")
        .lines()
        .map(|line| {
            line.split_once("built in: ")
                .map_or(line, |(before, _)| before)
                .to_owned()
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
    assert!(!place.path("rehelm.yaml").exists());
}

#[test]
fn a_uri_with_a_password_never_reaches_the_file() {
    let place = Place::with_product();
    let said = place.rehelm("init --profile ./shop --kustomize kustomize --chart oci://u:hunter2@x/y --version 1");
    assert!(said.starts_with("exit 2\n") && !said.contains("hunter2"), "{said}");
    assert!(!place.path("rehelm.yaml").exists());
}
