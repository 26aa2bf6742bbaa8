//! Extra Helm flags from the configuration: to which of Helm's commands they go, and which are refused.

use rehelm_core::ports::{PortError, PortResult};
use std::time::Duration;

/// About fetching charts: every command that takes a chart knows them.
const FETCH: &[&str] = &[
    "--ca-file",
    "--cert-file",
    "--devel",
    "--insecure-skip-tls-verify",
    "--key-file",
    "--keyring",
    "--pass-credentials",
    "--plain-http",
    "--repo",
    "--username",
    "--verify",
];
/// Only installing knows them.
const INSTALL: &[&str] = &["--history-max"];
/// Secrets do not belong into arguments, which every user of the machine can read.
const SECRET: &[&str] = &["--password", "--kube-token"];
/// They would break what rehelm promises: nothing is uninstalled on failure, the release is the one that was planned,
/// and the outcome does not hang on what an earlier release had.
const REFUSED: &[&str] = &[
    "--atomic",
    "--cleanup-on-fail",
    "--create-namespace",
    "--dry-run",
    "--force",
    "--force-replace",
    "--kube-apiserver",
    "--kube-as-group",
    "--kube-as-user",
    "--kube-context",
    "--kubeconfig",
    "--namespace",
    "--output",
    "--registry-config",
    "--reset-then-reuse-values",
    "--reuse-values",
    "--rollback-on-failure",
    "--version",
    "--wait",
    "--wait-for-jobs",
    "-n",
    "-o",
];

/// The flags of a release, each with its value if that is an argument of its own.
pub(crate) struct Flags(Vec<Vec<String>>);

impl Flags {
    /// Groups flags with their values and refuses those that must not be.
    pub fn read(flags: &[String]) -> PortResult<Self> {
        let mut groups: Vec<Vec<String>> = Vec::new();
        for flag in flags {
            if flag.starts_with('-') {
                groups.push(vec![flag.clone()]);
            } else if let Some(last) = groups.last_mut() {
                last.push(flag.clone());
            } else {
                return Err(PortError::Invalid(
                    format!("Helm flag {flag:?}"),
                    "a flag begins with -".to_owned(),
                ));
            }
        }
        for group in &groups {
            let name = name(group);
            let why = if SECRET.contains(&name) {
                "a secret must not be an argument; log in with `helm registry login`"
            } else if REFUSED.contains(&name) {
                "rehelm decides this itself"
            } else {
                continue;
            };
            return Err(PortError::Invalid(format!("Helm flag {name}"), why.to_owned()));
        }
        Ok(Self(groups))
    }

    /// For `show` and `pull`.
    pub fn fetch(&self) -> Vec<&str> {
        self.those(|name| FETCH.contains(&name))
    }

    /// For `template`.
    pub fn render(&self) -> Vec<&str> {
        self.those(|name| !INSTALL.contains(&name))
    }

    /// For `upgrade --install`.
    pub fn install(&self) -> Vec<&str> {
        self.those(|_| true)
    }

    /// For `registry login`, which calls some of them otherwise.
    pub fn login(&self, plain_http: bool) -> Vec<&str> {
        let mut given = self.those(|name| ["--ca-file", "--cert-file", "--key-file"].contains(&name));
        if self.has("--plain-http") {
            given.push(if plain_http { "--plain-http" } else { "--insecure" });
        } else if self.has("--insecure-skip-tls-verify") {
            given.push("--insecure");
        }
        given
    }

    /// `--timeout`, None when absent or not one of the simple forms of Go's durations (`90s`, `10m`, `1h30m`).
    pub fn timeout(&self) -> Option<Duration> {
        let group = self.0.iter().rev().find(|group| name(group) == "--timeout")?;
        let value = group[0]
            .split_once('=')
            .map(|(_, value)| value)
            .or(group.get(1).map(String::as_str))?;
        let mut seconds = 0;
        let mut digits = String::new();
        for c in value.chars() {
            let unit = match c {
                '0'..='9' => {
                    digits.push(c);
                    continue;
                }
                'h' => 3600,
                'm' => 60,
                's' => 1,
                _ => return None,
            };
            seconds += unit * std::mem::take(&mut digits).parse::<u64>().ok()?;
        }
        digits.is_empty().then_some(Duration::from_secs(seconds))
    }

    /// True when charts are looked for in a repository (`--repo`), so that a bare name is one.
    pub fn names_repository(&self) -> bool {
        self.has("--repo")
    }

    fn has(&self, wanted: &str) -> bool {
        self.0
            .iter()
            .any(|group| name(group) == wanted && !group[0].ends_with("=false"))
    }

    fn those(&self, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let groups = self.0.iter().filter(|group| wanted(name(group)));
        groups.flatten().map(String::as_str).collect()
    }
}

fn name(group: &[String]) -> &str {
    group[0].split('=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> PortResult<Flags> {
        Flags::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn each_command_gets_the_flags_that_it_knows() {
        let flags = flags("--plain-http --ca-file /ca --set a=b --history-max 3 --timeout=1h30m").unwrap();
        assert_eq!(flags.fetch(), ["--plain-http", "--ca-file", "/ca"]);
        assert_eq!(
            flags.render(),
            ["--plain-http", "--ca-file", "/ca", "--set", "a=b", "--timeout=1h30m"]
        );
        assert_eq!(flags.install().len(), 8);
        assert_eq!(flags.login(true), ["--ca-file", "/ca", "--plain-http"]);
        assert_eq!(flags.login(false), ["--ca-file", "/ca", "--insecure"]);
        assert_eq!(flags.timeout(), Some(Duration::from_secs(5400)));
    }

    #[test]
    fn secrets_and_what_breaks_a_promise_are_refused() {
        for bad in [
            "--password x",
            "--atomic",
            "--wait=true",
            "-n other",
            "stray",
            "--reuse-values",
        ] {
            assert!(matches!(flags(bad), Err(PortError::Invalid(..))), "{bad}");
        }
        assert_eq!(flags("--timeout 90").unwrap().timeout(), None);
        assert_eq!(flags("--timeout 90s").unwrap().timeout(), Some(Duration::from_secs(90)));
    }
}
