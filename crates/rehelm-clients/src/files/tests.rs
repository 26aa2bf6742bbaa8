use super::*;

fn files() -> (tempfile::TempDir, RunFiles) {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(dir.path()).unwrap().join("run");
    let files = RunFiles::open(&root).unwrap();
    (dir, files)
}

fn mode(path: &Utf8Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_are_private_and_come_back() {
    let (_dir, files) = files();
    files.write("a/b/plan.json".into(), b"1").unwrap();
    files.write("a/b/plan.json".into(), b"22").unwrap();
    assert_eq!(
        files.read("a/b/plan.json".into()).unwrap().as_deref(),
        Some(b"22".as_slice())
    );
    assert_eq!(
        files.read(&files.root().join("a/b/plan.json")).unwrap().unwrap().len(),
        2
    );
    assert_eq!(mode(&files.root().join("a/b/plan.json")), 0o600);
    for folder in ["", "a", "a/b"] {
        assert_eq!(mode(&files.root().join(folder)), 0o700, "{folder}");
    }
    assert_eq!(files.list("a/b".into()).unwrap(), ["plan.json"]);
    assert_eq!(files.read("none".into()).unwrap(), None);
    assert!(files.list("none".into()).unwrap().is_empty());
    files.remove("a/b/plan.json".into()).unwrap();
    files.remove("a/b/plan.json".into()).unwrap();
    assert!(files.list("a/b".into()).unwrap().is_empty());
}

#[test]
fn a_folder_that_was_open_is_closed() {
    let (_dir, files) = files();
    fs::set_permissions(files.root(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(mode(RunFiles::open(files.root()).unwrap().root()), 0o700);
}

#[test]
fn lines_are_appended_and_a_torn_one_stands_alone() {
    let (_dir, files) = files();
    files.append("journal".into(), "one").unwrap();
    files.append("journal".into(), "two").unwrap();
    fs::write(files.root().join("journal"), "one\ntw").unwrap();
    files.append("journal".into(), "three").unwrap();
    assert_eq!(files.read("journal".into()).unwrap().unwrap(), b"one\ntw\nthree\n");
    assert!(files.append("journal".into(), "a\nb").is_err());
    files.append("new".into(), "x").unwrap();
    assert_eq!(mode(&files.root().join("new")), 0o600);
}

#[test]
fn nothing_outside_is_reached() {
    let (dir, files) = files();
    let outside = Utf8Path::from_path(dir.path()).unwrap().join("outside");
    fs::write(&outside, "mine").unwrap();
    std::os::unix::fs::symlink(&outside, files.root().join("link")).unwrap();
    std::os::unix::fs::symlink(dir.path(), files.root().join("folder")).unwrap();
    for path in [
        "link",
        "folder/outside",
        "../outside",
        outside.as_str(),
        "a/../../outside",
    ] {
        let path = Utf8Path::new(path);
        let invalid = |result: PortResult<()>| assert!(matches!(result, Err(PortError::Invalid(..))), "{path}");
        invalid(files.write(path, b"x"));
        invalid(files.read(path).map(drop));
        invalid(files.append(path, "x"));
        invalid(files.remove(path));
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
    assert!(files.write("".into(), b"x").is_err());
    assert!(matches!(
        RunFiles::open(&files.root().join("link")),
        Err(PortError::Invalid(..))
    ));
}
