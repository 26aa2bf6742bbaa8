//! A folder with the example in it, the tools, and the program run there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_testbed::{Cache, Error, Tools, build};

pub struct Hall {
    folder: tempfile::TempDir,
    tools: Tools,
}

/// What a command said and how it ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Fails the test unless the command ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("JSON")
    }

    /// Fails the test unless these are said, in this order.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let mut rest = self.err.as_str();
        for word in words {
            let Some(at) = rest.find(word) else {
                panic!("{word:?} is not said in its place:\n{}", self.err);
            };
            rest = &rest[at + word.len()..];
        }
        self
    }
}

impl Hall {
    /// None, and a line that says why, where Helm or kubectl cannot be had.
    pub fn open() -> Option<Self> {
        let tools = Cache::open().and_then(|cache| build::clients(&cache, &|line| eprintln!("{line}")));
        match tools {
            Ok(tools) => {
                let folder = tempfile::tempdir().expect("a folder");
                let hall = Self { folder, tools };
                rehelm::rehearsal::example::write(&hall.path("")).expect("written");
                Some(hall)
            }
            Err(Error::Unavailable { what, why, install }) => {
                eprintln!("SKIPPED: {what} is not available: {why}. To run this test: {install}");
                None
            }
            Err(other) => panic!("no tools: {other}"),
        }
    }

    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    pub fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).expect("UTF-8").join(name)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehelm"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REHELM_") {
                command.env_remove(name);
            }
        }
        command
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("KUBECONFIG", self.path("none"))
            .env("HELM_BIN", &self.tools.helm)
            .env("KUBECTL_BIN", &self.tools.kubectl)
            .env("NO_COLOR", "1");
        command
    }

    /// Runs the program to its end.
    pub fn rehelm(&self, words: &[&str]) -> Said {
        let Output { status, stdout, stderr } = self.command(words).output().expect("rehelm starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said {
            code: status.code().unwrap_or(-1),
            out: text(stdout),
            err: text(stderr),
        }
    }

    /// `rehelm rehearse …`.
    pub fn rehearse(&self, words: &[&str]) -> Said {
        self.rehelm(&[&["rehearse"], words].concat())
    }

    /// `rehelm rehearse … --serve`, until it listens.
    pub fn serve(&self, words: &[&str]) -> Served {
        let log = std::fs::File::create(self.path("serve.log")).expect("a log");
        let mut child = self
            .command(&[&["rehearse", "--serve"], words].concat())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("rehelm starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("readable");
        let said = || std::fs::read_to_string(self.path("serve.log")).unwrap_or_default();
        let kubeconfig = line.trim().strip_prefix("export KUBECONFIG=");
        let kubeconfig = kubeconfig.unwrap_or_else(|| panic!("it does not listen: {line:?}\n{}", said()));
        Served {
            kubeconfig: kubeconfig.into(),
            kubectl: self.tools.kubectl.clone(),
            child,
        }
    }
}

/// A rehearsal that left its API open.
pub struct Served {
    pub kubeconfig: Utf8PathBuf,
    kubectl: Utf8PathBuf,
    child: Child,
}

impl Served {
    #[track_caller]
    pub fn kubectl(&self, words: &[&str]) -> String {
        let output = Command::new(&self.kubectl)
            .args(words)
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .expect("kubectl starts");
        assert!(
            output.status.success(),
            "kubectl {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Ctrl-C; gives the exit code.
    pub fn end(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
        self.child.wait().expect("ended").code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
