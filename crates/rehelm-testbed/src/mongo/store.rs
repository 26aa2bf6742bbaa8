//! The Java program that stores: fetched and compiled once into the cache, started on a free port.
//!
//! Invariant: it ends when its owner does, however that ends, because it serves until its standard input is closed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::cache::short_hash;
use crate::{Cache, Error, Result, command};

const INSTALL: &str = "install a JDK, 17 or newer";

const POM: &str = include_str!("../../../../testbed/mongo/pom.xml");
const MAIN: &str = include_str!("../../../../testbed/mongo/Store.java");

/// The running program.
pub(super) struct Store {
    child: Child,
    pub port: u16,
}

impl Store {
    pub fn start() -> Result<Self> {
        let dir = built()?;
        let mut java = Command::new("java");
        java.args([
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-Xmx2g",
            "-cp",
        ]);
        java.arg(format!("{dir}/classes:{dir}/lib/*")).arg("Store");
        let mut child = java
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        match line
            .trim()
            .strip_prefix("listening ")
            .and_then(|port| port.parse().ok())
        {
            Some(port) => Ok(Self { child, port }),
            None => Err(Error::Data(format!("java said {line:?} instead of its port"))),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder with `lib/` and `classes/`, made when it is not there; its name changes with what it is made from.
fn built() -> Result<Utf8PathBuf> {
    let cache = Cache::open()?;
    let _lock = cache.lock("mongo")?;
    let done = cache.path(format!("mongo/{}", short_hash([POM.as_bytes(), MAIN.as_bytes()])));
    if done.exists() {
        return Ok(done);
    }
    fs::create_dir_all(cache.path("mongo"))?;
    let aside = tempfile::tempdir_in(cache.path("mongo"))?;
    let dir = Utf8Path::from_path(aside.path()).ok_or_else(|| Error::data(aside.path().display(), "odd path"))?;
    let (pom, main) = (dir.join("pom.xml"), dir.join("Store.java"));
    fs::write(&pom, POM)?;
    fs::write(&main, MAIN)?;
    let mut maven = Command::new("mvn");
    maven.args([
        "-B",
        "-q",
        "-f",
        pom.as_str(),
        "dependency:copy-dependencies",
        &format!("-DoutputDirectory={dir}/lib"),
    ]);
    command::run(&mut maven, b"", "install Maven").map_err(|error| match error {
        Error::Command { output, .. } => {
            Error::unavailable("mongo-java-server", output, "let Maven reach Maven Central")
        }
        other => other,
    })?;
    let mut javac = Command::new("javac");
    javac.args([
        "-cp",
        &format!("{dir}/lib/*"),
        "-d",
        &format!("{dir}/classes"),
        main.as_str(),
    ]);
    command::run(&mut javac, b"", INSTALL)?;
    fs::rename(dir, &done)?;
    Ok(done)
}
