//! kubectl as an operator uses it.

use crate::command::{self, Output};
use crate::{Error, Result};
use camino::Utf8PathBuf;
use std::process::Command;

/// kubectl (or Helm) on one cluster.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: Utf8PathBuf,
    kubeconfig: Utf8PathBuf,
}

impl Kubectl {
    /// Uses this program on the cluster of this kubeconfig.
    pub fn new(program: Utf8PathBuf, kubeconfig: Utf8PathBuf) -> Self {
        Self { program, kubeconfig }
    }

    /// Runs it with `stdin` as its input; an exit code other than 0 is an error.
    pub async fn run<S: AsRef<str>>(&self, args: impl IntoIterator<Item = S>, stdin: &str) -> Result<Output> {
        let mut kubectl = Command::new(&self.program);
        kubectl
            .env("KUBECONFIG", &self.kubeconfig)
            .args(args.into_iter().map(|a| a.as_ref().to_owned()));
        let stdin = stdin.to_owned();
        let hint = "cargo xtask testbed build";
        let work = move || command::run(&mut kubectl, stdin.as_bytes(), hint);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Error::Data(e.to_string()))?
    }
}
