//! Programs built from Go modules in `testbed/`.
//!
//! The folder of a build is named after a hash of its recipe (module files, flags and sources of our own), so a changed recipe
//! builds anew and checkouts of different age live side by side.

use crate::cache::{data_dir, short_hash};
use crate::{Cache, Error, Result, command};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const INSTALL: &str = "install Go 1.25 or newer (https://go.dev/dl)";

/// How to build a set of programs.
pub(super) struct Recipe {
    /// Folder below the data folder with `go.mod` and `go.sum`.
    module: &'static str,
    /// Import path and file name of each program.
    programs: &'static [(&'static str, &'static str)],
    ldflags: &'static str,
    /// Whether the folder holds the program's own Go files, which then count like the module files.
    ours: bool,
    /// What a person should expect.
    about: &'static str,
}

pub(super) const ETCD: Recipe = Recipe {
    module: "etcd",
    programs: &[("go.etcd.io/etcd/server/v3", "etcd")],
    ldflags: "-s -w",
    ours: false,
    about: "about 40 s",
};

/// The version must be stamped: an API server that calls itself v0.0.0-master fails the checks of charts.
pub(super) const KUBERNETES: Recipe = Recipe {
    module: "kubernetes",
    programs: &[
        ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
        (
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "kube-controller-manager",
        ),
        ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
    ],
    ldflags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4 \
              -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35",
    ours: false,
    about: "about 5 min",
};

/// For machines without npm. Both name the versions that they would have as releases.
pub(super) const HELM: Recipe = Recipe {
    module: "clients",
    programs: &[("helm.sh/helm/v3/cmd/helm", "helm"), ("./kubectl", "kubectl")],
    ldflags: "-s -w -X helm.sh/helm/v3/internal/version.version=v3.17.2 \
              -X k8s.io/component-base/version.gitVersion=v1.32.2 -X k8s.io/component-base/version.gitMajor=1 \
              -X k8s.io/component-base/version.gitMinor=32",
    ours: false,
    about: "about 2 min",
};

/// The ways into pods.
pub(super) const STREAMS: Recipe = Recipe {
    module: "streams",
    programs: &[(".", "streams")],
    ldflags: "-s -w",
    ours: true,
    about: "about 20 s",
};

impl Recipe {
    /// The folder with the programs, built when it is not there yet.
    pub(super) fn built(&self, cache: &Cache, talk: &dyn Fn(String)) -> Result<Utf8PathBuf> {
        let source = data_dir().join(self.module);
        let hash = self.hash(&source)?;
        let dir = cache.path(format!("testbed/{}-{hash}", self.module));
        if dir.is_dir() {
            return Ok(dir);
        }
        fs::create_dir_all(cache.path("testbed"))?;
        let _lock = cache.lock(&format!("testbed/{}", self.module))?;
        if dir.is_dir() {
            return Ok(dir);
        }
        let aside = cache.path(format!("testbed/.{}-{hash}", self.module));
        fs::create_dir_all(&aside)?;
        talk(format!("building {} with Go ({}, once)", self.names(), self.about));
        with_heartbeat(talk, &self.names(), || self.build(&source, &aside))?;
        fs::rename(&aside, &dir)?;
        Ok(dir)
    }

    fn hash(&self, source: &Utf8Path) -> Result<String> {
        let mut parts = vec![fs::read(source.join("go.mod"))?, fs::read(source.join("go.sum"))?];
        parts.push(self.ldflags.as_bytes().to_vec());
        if self.ours {
            let files = source.read_dir_utf8()?.collect::<std::io::Result<Vec<_>>>()?;
            let mut files: Vec<_> = files.into_iter().map(|entry| entry.into_path()).collect();
            files.retain(|file| file.extension() == Some("go"));
            files.sort();
            for file in files {
                parts.push(fs::read(file)?);
            }
        }
        Ok(short_hash(parts.iter().map(Vec::as_slice)))
    }

    fn build(&self, source: &Utf8PathBuf, into: &Utf8PathBuf) -> Result<()> {
        if self.ours {
            // What cannot be fetched is missing on this machine; what does not compile is a mistake of ours.
            let mut go = Command::new("go");
            go.current_dir(source).args(["mod", "download"]);
            command::run(&mut go, b"", INSTALL).map_err(|error| match error {
                Error::Command { output, .. } => {
                    Error::unavailable(self.names(), output.trim(), "let Go reach its modules")
                }
                other => other,
            })?;
        }
        for (package, name) in self.programs {
            let mut go = Command::new("go");
            go.current_dir(source)
                .args(["build", "-trimpath", "-ldflags", self.ldflags, "-o"]);
            go.arg(into.join(name)).arg(package);
            command::run(&mut go, b"", INSTALL)?;
        }
        Ok(())
    }

    fn names(&self) -> String {
        self.programs
            .iter()
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Does `work` and says every ten seconds that it goes on.
fn with_heartbeat<T: Send>(talk: &dyn Fn(String), what: &str, work: impl FnOnce() -> T + Send) -> T {
    let start = Instant::now();
    std::thread::scope(|scope| {
        let (done, waits) = mpsc::channel::<()>();
        let worker = scope.spawn(move || {
            let _done = done;
            work()
        });
        while let Err(mpsc::RecvTimeoutError::Timeout) = waits.recv_timeout(Duration::from_secs(10)) {
            talk(format!("  still building {what}, {} s", start.elapsed().as_secs()));
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_our_own_count_and_no_others() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        for file in ["go.mod", "go.sum", "main.go"] {
            fs::write(dir.join(file), "1").expect("written");
        }
        let hashes = || [ETCD.hash(dir).expect("a hash"), STREAMS.hash(dir).expect("a hash")];
        let before = hashes();
        fs::write(dir.join("main.go"), "2").expect("written");
        let after = hashes();
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
    }
}
