//! One call of the Helm program: what it gets, and what a failure of it may say.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use rehelm_core::ports::{PortResult, ReleaseSpec};
use secrecy::{ExposeSecret, SecretString};

use super::private::redact;
use super::version::HelmVersion;
use super::{HelmCli, failure, plugin};
use crate::process::{self, Run};

/// Variables by which Helm would go to another cluster or store its releases elsewhere.
pub(super) const TAKEN_AWAY: &[&str] = &[
    "HELM_DRIVER",
    "HELM_KUBEAPISERVER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBEASUSER",
    "HELM_KUBECAFILE",
    "HELM_KUBECONTEXT",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBETOKEN",
    "HELM_NAMESPACE",
];

/// One call of the program.
#[derive(Default)]
pub(super) struct Call<'a> {
    pub args: Vec<OsString>,
    /// Names and files, which come after `--`.
    pub names: Vec<OsString>,
    pub kubeconfig: Option<&'a Path>,
    pub stdin: Option<&'a SecretString>,
    pub time: Duration,
    /// For errors: the chart or the release.
    pub about: &'a str,
    /// Whose secrets must not be in errors.
    pub spec: Option<&'a ReleaseSpec>,
    pub secrets: Vec<&'a SecretString>,
    /// True for a call that changes the cluster: it must not outlive this process unnoticed.
    pub changes: bool,
}

impl HelmCli {
    /// Runs Helm; its standard output.
    pub(super) async fn run(&self, call: Call<'_>) -> PortResult<String> {
        let files = &self.cluster.context().files;
        let kubeconfig = match call.kubeconfig {
            Some(file) => Some(file.as_os_str().to_owned()),
            None if files.is_empty() => None,
            None => std::env::join_paths(files).ok(),
        };
        let mut env: Vec<_> = TAKEN_AWAY.iter().map(|name| (*name, None)).collect();
        env.push(("KUBECONFIG", kubeconfig));
        let mut args = call.args;
        if self.version.get().is_some_and(HelmVersion::runs_plugins)
            && let Some(folder) = plugin::for_call(&self.private, &mut args)?
        {
            env.push(("HELM_PLUGINS", Some(folder.into_os_string())));
        }
        if !call.names.is_empty() {
            args.push("--".into());
            args.extend(call.names);
        }
        let mark = call.changes.then_some(self.mark.as_path());
        let ran = process::run(Run {
            program: &self.program,
            args,
            env,
            stdin: call.stdin.map(|text| text.expose_secret().as_bytes()),
            time_limit: call.time,
            mark,
        })
        .await?;
        let values = call.spec.and_then(|spec| spec.private_values.as_ref());
        let said = redact(&ran.stderr, values, &call.secrets);
        if !ran.success {
            return Err(failure::from_words(call.about, &said));
        }
        if !said.trim().is_empty() {
            tracing::debug!("helm: {}", said.trim());
        }
        Ok(ran.stdout)
    }
}

pub(super) fn words<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().into()).collect()
}

/// Helm splits the value of this flag at commas, as CSV.
pub(super) fn values_flag(file: &str) -> OsString {
    if file.contains([',', '"']) {
        format!("--values=\"{}\"", file.replace('"', "\"\"")).into()
    } else {
        format!("--values={file}").into()
    }
}
