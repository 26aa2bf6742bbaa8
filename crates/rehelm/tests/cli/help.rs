//! Help texts.

use crate::place::Place;

#[test]
fn the_help_lists_the_verbs_in_the_order_of_a_migration() {
    insta::assert_snapshot!(Place::empty().rehelm("--help"));
}

#[test]
fn the_help_of_plan() {
    insta::assert_snapshot!(Place::empty().rehelm("plan --help"));
}

#[test]
fn an_unknown_verb_is_a_usage_error_with_a_suggestion() {
    insta::assert_snapshot!(Place::empty().rehelm("migarte"));
}

#[test]
fn completions_know_the_verbs() {
    let script = Place::empty().rehelm("completions bash");
    assert!(
        script.starts_with("exit 0\n") && script.contains("rollback"),
        "{script}"
    );
}

#[test]
fn a_manual_page_is_written_for_every_verb() {
    let place = Place::empty();
    place.rehelm("man pages");
    for verb in ["", "-init", "-migrate", "-secrets-convert"] {
        assert!(place.path(&format!("pages/rehelm{verb}.1")).is_file(), "{verb}");
    }
    assert!(place.read("pages/rehelm.1").contains("Exit codes"));
}

#[test]
fn the_help_of_snapshot_teaches() {
    insta::assert_snapshot!(Place::empty().rehelm("snapshot --help"));
}

#[test]
fn a_snapshot_that_everybody_could_read_is_refused() {
    let said = Place::empty().rehelm("snapshot");
    assert!(
        said.starts_with("exit 2\n") && said.contains("--redact") && said.contains("--recipient"),
        "{said}"
    );
}
