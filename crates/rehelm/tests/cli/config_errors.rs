//! What is said about a `rehelm.yaml` that is wrong.

use crate::place::Place;

const GOOD: &str =
    "profile: ./shop\nsource:\n  kustomize: [kustomize]\ntarget:\n  chart: oci://x/y\n  version: 4.38.0\n";

fn said(text: &str) -> String {
    let place = Place::with_product();
    place.write("rehelm.yaml", text);
    place.rehelm("check")
}

#[test]
fn errors_name_file_and_line_and_what_was_expected() {
    let cases = [
        ("an unknown field", GOOD.replace("kustomize:", "kustomise:")),
        ("a missing field", GOOD.replace("  chart: oci://x/y\n", "")),
        ("a wrong type", GOOD.replace("[kustomize]", "kustomize")),
        ("a field twice", format!("{GOOD}target: {{}}\n")),
        ("an unknown scenario", format!("{GOOD}scenario: in-clustre\n")),
        ("no YAML", GOOD.replace("source:", "source: [")),
        ("an empty file", String::new()),
        (
            "a URI with a password",
            format!("{GOOD}mongodb:\n  uri-file: mongodb://root:hunter2@db\n"),
        ),
        (
            "a password",
            GOOD.replace(
                "  version",
                "  registry: \n    username: me\n    password: hunter2\n  version",
            ),
        ),
        (
            "two ways to the database",
            format!("{GOOD}mongodb:\n  uri-env: A\n  uri-file: b\n"),
        ),
        (
            "a host without a password",
            format!("{GOOD}mongodb:\n  host: db:27017\n"),
        ),
        ("no length of time", format!("{GOOD}soak: soon\n")),
        ("a chart without a version", GOOD.replace("  version: 4.38.0\n", "")),
        (
            "a Helm flag that deletes",
            GOOD.replace("  version", "  helm-flags: [--atomic]\n  version"),
        ),
        ("an unknown profile", GOOD.replace("./shop", "no-such-thing")),
        (
            "two clusters",
            GOOD.replace("  kustomize", "  context: a\n  kustomize")
                .replace("  chart", "  context: b\n  chart"),
        ),
    ];
    let all: Vec<String> = cases
        .iter()
        .map(|(what, text)| format!("# {what}\n{}", said(text)))
        .collect();
    let all: Vec<String> = all
        .join("\n")
        .lines()
        .filter(|line| !line.contains("built in: "))
        .map(str::to_owned)
        .collect();
    let all = all.join("\n");
    assert!(!all.contains("hunter2"));
    insta::assert_snapshot!(all);
}

#[test]
fn no_file_is_a_usage_error_that_names_init() {
    insta::assert_snapshot!(Place::empty().rehelm("plan"));
}
