//! Laws of the house, as tests: what must not be where. A law that is broken names file and line.
#![forbid(unsafe_code)]

use camino::{Utf8Path, Utf8PathBuf};

/// Crates and what they must never depend on, outside tests.
const KNOWS_NOTHING_OF: &[(&str, &[&str])] = &[
    (
        "rehelm-core",
        &[
            "rehelm-clients",
            "rehelm-report",
            "rehelm-testbed",
            "kube",
            "k8s-openapi",
            "hyper",
            "mongodb",
            "tokio",
            "clap",
            "anstream",
            "indicatif",
            "fs-err",
        ],
    ),
    (
        "rehelm-clients",
        &["rehelm-report", "rehelm-testbed", "clap", "anstream", "indicatif"],
    ),
    (
        "rehelm-report",
        &[
            "rehelm-clients",
            "rehelm-testbed",
            "kube",
            "k8s-openapi",
            "hyper",
            "mongodb",
            "tokio",
            "clap",
            "fs-err",
        ],
    ),
    (
        "rehelm-sim",
        &[
            "rehelm",
            "rehelm-core",
            "rehelm-clients",
            "rehelm-report",
            "rehelm-testbed",
        ],
    ),
    (
        "rehelm-testbed",
        &["rehelm-core", "rehelm-clients", "rehelm-report", "rehelm-sim"],
    ),
];

/// Words of products' own parts that are in no profile's name.
const PARTS_OF_PRODUCTS: &[&str] = &["traefik", "efs-provisioner"];

/// Lines that a file may have.
const LONGEST: usize = 400;

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folders(under: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut all: Vec<Utf8PathBuf> = under
        .read_dir_utf8()
        .expect("a folder")
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

/// Every file below, with its text; build output and snapshots left out.
fn sources(under: &Utf8Path, extension: &str) -> Vec<(Utf8PathBuf, String)> {
    let mut found = Vec::new();
    let mut todo = vec![under.to_owned()];
    while let Some(folder) = todo.pop() {
        let Ok(entries) = folder.read_dir_utf8() else { continue };
        for entry in entries {
            let path = entry.expect("readable").into_path();
            if path.is_dir() && !["target", "snapshots", ".git"].contains(&path.file_name().unwrap_or_default()) {
                todo.push(path);
            } else if path.extension() == Some(extension) {
                let text = fs_err::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn crates() -> Vec<Utf8PathBuf> {
    folders(&root().join("crates"))
}

/// Every source file of every crate.
fn crate_sources() -> Vec<(Utf8PathBuf, String)> {
    crates()
        .iter()
        .flat_map(|folder| sources(&folder.join("src"), "rs"))
        .collect()
}

#[track_caller]
fn none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn crates_depend_only_in_the_direction_of_the_data_flow() {
    let mut broken = Vec::new();
    for (name, forbidden) in KNOWS_NOTHING_OF {
        let path = root().join("crates").join(name).join("Cargo.toml");
        let manifest = fs_err::read_to_string(&path).expect("a manifest");
        let mut in_dependencies = false;
        for (number, line) in manifest.lines().enumerate() {
            if line.starts_with('[') {
                in_dependencies =
                    line == "[dependencies]" || line.starts_with("[target.") && line.ends_with(".dependencies]");
            }
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if in_dependencies && forbidden.contains(&dependency) {
                broken.push(format!(
                    "{path}:{}: {name} must know nothing of {dependency}",
                    number + 1
                ));
            }
        }
    }
    none(broken);
}

#[test]
fn no_product_is_named_in_code() {
    let mut words: Vec<String> = PARTS_OF_PRODUCTS.iter().map(|word| (*word).to_owned()).collect();
    for profile in folders(&root().join("profiles")) {
        let name = profile.file_name().unwrap_or_default().to_lowercase();
        words.extend(name.split('-').filter(|part| part.len() > 3).map(str::to_owned));
        words.push(name);
    }
    let mut broken = Vec::new();
    for (path, text) in crate_sources() {
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                broken.push(format!("{path}:{}: `{word}` belongs into profiles/", number + 1));
            }
        }
    }
    none(broken);
}

#[test]
fn files_stay_short_enough_to_be_read() {
    let folders = [root().join("crates"), root().join("xtask")];
    let all = folders.iter().flat_map(|folder| sources(folder, "rs"));
    none(
        all.map(|(path, text)| (path, text.lines().count()))
            .filter(|(_, lines)| *lines > LONGEST)
            .map(|(path, lines)| format!("{path}: {lines} lines, {LONGEST} are enough"))
            .collect(),
    );
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let roots = crates().into_iter().chain([root().join("xtask")]).flat_map(|folder| {
        ["src/lib.rs", "src/main.rs"]
            .map(|name| folder.join(name))
            .into_iter()
            .filter(|path| path.is_file())
    });
    none(
        roots
            .filter(|path| {
                !fs_err::read_to_string(path)
                    .expect("UTF-8")
                    .contains("#![forbid(unsafe_code)]")
            })
            .map(|path| format!("{path}: #![forbid(unsafe_code)] is missing"))
            .collect(),
    );
}

#[test]
fn only_the_printer_prints() {
    let mut broken = Vec::new();
    for (path, text) in crate_sources() {
        // The testbed's programs talk over their streams; that is their interface.
        if path.as_str().contains("rehelm-testbed") || path.ends_with("rehelm/src/printer.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if ["println!(", "print!(", "::stdout()", "::stderr()"]
                .iter()
                .any(|call| code.contains(call))
            {
                broken.push(format!("{path}:{}: printing belongs into the printer", number + 1));
            }
        }
    }
    none(broken);
}

#[test]
fn every_file_says_what_it_is_for() {
    none(
        crate_sources()
            .into_iter()
            .filter(|(path, _)| !path.file_name().unwrap_or_default().ends_with("tests.rs"))
            .filter(|(_, text)| !text.starts_with("//!") && !text.starts_with("#![forbid(unsafe_code)]\n//!"))
            .map(|(path, _)| format!("{path}: begins without //! and its purpose"))
            .collect(),
    );
}
