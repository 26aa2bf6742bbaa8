//! Which Helm is there, and what it can do.

use rehelm_core::ports::{PortError, PortResult};
use semver::Version;

/// A Helm that rehelm can work with: 3.8 (OCI without an experimental switch) and later, or 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HelmVersion(Version);

impl HelmVersion {
    /// Reads what `helm version` prints, in any of its forms.
    pub fn parse(output: &str, program: &str) -> PortResult<Self> {
        let bad = || {
            PortError::Invalid(
                program.to_owned(),
                "it does not tell its version as Helm does".to_owned(),
            )
        };
        let start = output.find('v').ok_or_else(bad)?;
        let word: String = output[start + 1..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || ".-+".contains(*c))
            .collect();
        let version = Version::parse(&word).map_err(|_| bad())?;
        match (version.major, version.minor) {
            (3, 8..) | (4, _) => Ok(Self(version)),
            _ => Err(PortError::Invalid(
                program.to_owned(),
                format!("it is Helm v{version}; 3.8 or later, or 4, is needed (name another with HELM_BIN)"),
            )),
        }
    }

    /// `--dry-run=server`: templates may look things up.
    pub fn looks_up(&self) -> bool {
        self.at_least(3, 13)
    }

    /// `helm registry login --plain-http`.
    pub fn logs_in_plainly(&self) -> bool {
        self.at_least(3, 18)
    }

    /// Installs by server-side apply unless told otherwise.
    pub fn applies_on_server(&self) -> bool {
        self.at_least(4, 0)
    }

    /// Post-renderers are plugins.
    pub fn runs_plugins(&self) -> bool {
        self.at_least(4, 0)
    }

    fn at_least(&self, major: u64, minor: u64) -> bool {
        (self.0.major, self.0.minor) >= (major, minor)
    }
}

impl std::fmt::Display for HelmVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_ones_are_refused_and_abilities_known() {
        let parse = |output: &str| HelmVersion::parse(output, "/bin/helm");
        assert_eq!(parse("v3.17.2").unwrap().to_string(), "v3.17.2");
        assert!(parse("v3.13.0+g825e86f").unwrap().looks_up());
        assert!(!parse("v3.12.3").unwrap().looks_up());
        assert!(parse("v4.1.4\n").unwrap().applies_on_server());
        let old = parse("Client: v2.16.1+gbbdfe5e").unwrap_err().to_string();
        assert!(
            old.starts_with("/bin/helm refused: it is Helm v2.16.1+gbbdfe5e; 3.8 or later"),
            "{old}"
        );
        for output in ["v3.7.2", "v5.0.0", "", "usage: vi", "kubectl"] {
            assert!(parse(output).is_err(), "{output}");
        }
    }
}
