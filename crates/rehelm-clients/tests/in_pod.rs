//! The scripts that run in a pod, run by a real shell: with stand-ins of the tools, and with the real ones where they are.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use async_trait::async_trait;
use rehelm_clients::in_pod::{InPod, Said, Server, Shell, Trouble, look_for_tools};
use rehelm_clients::mongo::Login;
use rehelm_core::ports::{PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};

/// A password with everything that a shell, or a reader of lines, could stumble over.
const PASSWORD: &str = " s3cr$t'\"\\n%s`*\\ ";

/// Shells that pods' images have as `sh`, those of them that are here.
fn shells() -> impl Iterator<Item = &'static str> {
    let all = ["/bin/sh", "/bin/dash", "/bin/bash"];
    all.into_iter().filter(|shell| Path::new(shell).exists())
}

/// This machine in place of a pod.
struct Here {
    shell: &'static str,
    path: String,
    place: PathBuf,
}

async fn each(from: impl AsyncRead + Unpin, said: Said, heard: &(dyn for<'x> Fn(Said, &'x str) + Send + Sync)) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        heard(said, &line);
    }
}

#[async_trait]
impl Shell for Here {
    async fn run(
        &self,
        script: &str,
        args: &[String],
        input: &SecretString,
        heard: &(dyn for<'x> Fn(Said, &'x str) + Send + Sync),
    ) -> PortResult<i32> {
        let mut command = tokio::process::Command::new(self.shell);
        command.args(["-c", script, "rehelm"]).args(args).env_clear();
        command.env("PATH", &self.path).env("PLACE", &self.place);
        // What is exported already must not carry the password on.
        command.env("word", "").env("SHELLOPTS", "xtrace");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let other = |error: std::io::Error| PortError::Other(error.to_string());
        let mut child = command.spawn().map_err(other)?;
        // It stays open, as a pod's does.
        let mut stdin = child.stdin.take().expect("an input");
        let _ = stdin.write_all(input.expose_secret().as_bytes()).await;
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        tokio::join!(each(stdout, Said::Stdout, heard), each(stderr, Said::Stderr, heard));
        let status = child.wait().await.map_err(other)?;
        Ok(status.code().unwrap_or(137))
    }
}

struct Scene {
    shell: Here,
    folder: tempfile::TempDir,
}

/// Stand-ins, and a database `old` with 40 documents.
fn scene(shell: &'static str) -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tools");
    let shell = Here {
        shell,
        path: format!("{}:/usr/bin:/bin", tools.display()),
        place: folder.path().to_owned(),
    };
    let scene = Scene { shell, folder };
    scene.write("password", PASSWORD);
    scene.write("old", &"document\n".repeat(40));
    scene
}

impl Scene {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

fn server(uri: &str, password: &str, users: &[&str]) -> Server {
    let login = Login {
        uri: uri.to_owned().into(),
        password: Some(password.to_owned().into()),
        users: users.iter().map(|user| (*user).to_owned()).collect(),
    };
    Server::of(&login).expect("a server")
}

fn nobody(_: &str, _: &str) {}

#[tokio::test]
async fn what_is_dumped_arrives_and_nobody_sees_the_password() {
    for shell in shells() {
        let scene = scene(shell);
        look_for_tools(&scene.shell).await.expect("tools");
        let server = server("mongodb://localhost/", PASSWORD, &["root"]);
        let pod = InPod::open(&scene.shell, &server, "old", &nobody).await.expect("opens");
        // A name with letters that mean something to the shell and to patterns.
        let odd = "n*w'`;x";
        assert_eq!(pod.collections(odd).await.expect("looks"), [""; 0]);
        let copied = pod.copy("old", odd).await.expect("copies");
        assert_eq!((copied.restored, copied.dumped["people"]), (40, 40));
        assert_eq!(scene.read(odd), scene.read("old"));
        assert_eq!(pod.collections(odd).await.expect("looks"), ["people"]);
        assert_eq!(pod.count(odd).await.expect("counts"), copied.dumped);
        let seen = scene.read("seen");
        assert!(
            seen.contains("--username=root") && seen.contains("mongorestore"),
            "{seen}"
        );
        assert!(!seen.contains("s3cr"), "{seen}");
    }
}

#[tokio::test]
async fn each_tools_failure_is_told() {
    let server = server("mongodb://localhost/", PASSWORD, &["root"]);
    let all = [
        (
            "dump.mode",
            "fails",
            "mongodump failed with exit code 3: Failed: the disk is gone, ***",
        ),
        ("dump.mode", "killed", "mongodump was killed by signal 9"),
        (
            "restore.mode",
            "fails",
            "mongorestore failed with exit code 1: Failed: no space left",
        ),
        ("restore.mode", "duplicates", "mongorestore could not write 2 documents"),
    ];
    for (shell, (file, mode, words)) in shells().flat_map(|shell| all.map(|one| (shell, one))) {
        let scene = scene(shell);
        let pod = InPod::open(&scene.shell, &server, "old", &nobody).await.expect("opens");
        scene.write(file, mode);
        let trouble = pod.copy("old", "new").await.expect_err(mode);
        assert!(trouble.to_string().contains(words), "{mode}: {trouble}");
        assert!(!format!("{trouble} {trouble:?}").contains("s3cr"), "{trouble}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_before_anything_is_written() {
    let scene = scene("/bin/sh");
    let empty = tempfile::tempdir().expect("a folder");
    let bare = Here {
        shell: "/bin/sh",
        path: empty.path().display().to_string(),
        place: empty.path().to_owned(),
    };
    let missing = look_for_tools(&bare).await.expect_err("no tools");
    assert_eq!(missing.to_string(), "the container has no mongodump, no mongorestore");
    let root = server("mongodb://localhost/", PASSWORD, &["root"]);
    let open = async |server: &Server, from: &str| InPod::open(&scene.shell, server, from, &nobody).await.err();
    assert!(matches!(open(&root, "olt").await, Some(Trouble::NotThere(name)) if name == "olt"));
    scene.write("bare", "");
    assert!(matches!(open(&root, "bare").await, Some(Trouble::Empty(name)) if name == "bare"));
    let other = server("mongodb://localhost/", "another", &["root", "admin"]);
    assert!(matches!(open(&other, "old").await, Some(Trouble::Refused(names)) if names == ["root", "admin"]));
}

/// The folder of real tools, where they are.
fn real_tools() -> Option<PathBuf> {
    let named = std::env::var_os("MONGODUMP_BIN").map(PathBuf::from);
    let found = named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| folder.join("mongodump"))
            .find(|program| program.is_file())
    })?;
    Some(found.parent()?.to_owned())
}

#[test]
fn real_tools_copy_what_they_read() {
    let Some(tools) = real_tools() else {
        eprintln!("SKIPPED: no mongodump on PATH, and MONGODUMP_BIN names none");
        return;
    };
    let real = match rehelm_testbed::mongo::Server::start(Default::default()) {
        Ok(server) => server,
        Err(error) if error.is_unavailable() => {
            eprintln!("SKIPPED: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let shell = Here {
        shell: "/bin/sh",
        path: format!("{}:/usr/bin:/bin", tools.display()),
        place: std::env::temp_dir(),
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let uri = format!("{}?directConnection=true", real.uri());
        let client = mongodb::Client::with_uri_str(uri).await.expect("a driver");
        // More than one reply's worth.
        let documents = (0..30_000).map(|n| bson::doc! { "_id": n, "text": "x".repeat(1000) });
        let many = client.database("old").collection("many");
        many.insert_many(documents).await.expect("inserts");
        let own = client.database("old").collection("a.b");
        own.insert_one(bson::doc! { "_id": 1 }).await.expect("inserts");
        let host = format!("mongodb://127.0.0.1:{}/", real.port());
        look_for_tools(&shell).await.expect("tools");
        let wrong = server(&host, "wrong", &["root"]);
        assert!(matches!(
            InPod::open(&shell, &wrong, "old", &nobody).await,
            Err(Trouble::Refused(_))
        ));
        let server = server(&host, "root-password", &["mongoadmin", "root"]);
        assert!(matches!(
            InPod::open(&shell, &server, "olt", &nobody).await,
            Err(Trouble::NotThere(_))
        ));
        let pod = InPod::open(&shell, &server, "old", &nobody).await.expect("opens");
        assert!(pod.collections("n*w").await.expect("looks").is_empty());
        let copied = pod.copy("old", "n*w").await.expect("copies");
        assert_eq!(
            (copied.restored, copied.dumped["many"], copied.dumped["a.b"]),
            (30_001, 30_000, 1)
        );
        assert_eq!(pod.count("n*w").await.expect("counts"), copied.dumped);
        let many = client.database("n*w").collection::<bson::Document>("many");
        assert_eq!(many.count_documents(bson::doc! {}).await.expect("counts"), 30_000);
        // What is there already is a failure that mongorestore ends with 0 after.
        let again = pod.copy("old", "n*w").await.expect_err("duplicates");
        assert!(matches!(again, Trouble::Failed { .. }), "{again}");
    });
}
