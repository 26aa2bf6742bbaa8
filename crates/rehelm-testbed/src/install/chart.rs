//! Pushing charts to the testbed's registry.

use crate::{Error, Result, Testbed, command};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use serde::Deserialize;
use std::process::Command;

/// A chart in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// `oci://HOST/helm/NAME`.
    pub reference: String,
    /// The chart's version.
    pub version: String,
}

#[derive(Deserialize)]
struct ChartFile {
    name: String,
    version: String,
}

impl Testbed {
    /// Pushes a chart folder; with `relax` the chart accepts this cluster's version of Kubernetes.
    pub async fn push_chart(&self, chart: &Utf8Path, relax: bool) -> Result<Pushed> {
        self.push_patched_chart(chart, |copy| if relax { relax_kube_version(copy) } else { Ok(()) })
            .await
    }

    /// Pushes a copy of a chart folder that `patch` may change first.
    pub async fn push_patched_chart(
        &self,
        chart: &Utf8Path,
        patch: impl FnOnce(&Utf8Path) -> Result<()>,
    ) -> Result<Pushed> {
        let aside = tempfile::tempdir_in(&self.dir)?;
        let dir = Utf8Path::from_path(aside.path())
            .ok_or_else(|| Error::Data("odd path".into()))?
            .to_owned();
        let copy = dir.join("chart");
        copy_dir(chart, &copy)?;
        patch(&copy)?;
        let file = copy.join("Chart.yaml");
        let about: ChartFile =
            serde_saphyr::from_str(&fs::read_to_string(&file)?).map_err(|e| Error::data(&file, e))?;
        let helm = Helm {
            program: self.tools.helm.clone(),
            config: dir.join("login.json"),
        };
        let registry = self.registry.clone();
        let pushed = Pushed {
            reference: format!("oci://{}/helm/{}", registry.host, about.name),
            version: about.version.clone(),
        };
        let push = move || -> Result<()> {
            helm.run(["package", copy.as_str(), "--destination", dir.as_str()], "")?;
            let plain = helm.flag("--plain-http")?;
            let user = registry.user.as_str();
            helm.run(
                [
                    "registry",
                    "login",
                    &registry.host,
                    plain,
                    "--username",
                    user,
                    "--password-stdin",
                ],
                &registry.password,
            )?;
            let archive = dir.join(format!("{}-{}.tgz", about.name, about.version));
            let target = format!("oci://{}/helm", registry.host);
            helm.run(["push", archive.as_str(), &target, "--plain-http"], "")
        };
        tokio::task::spawn_blocking(push)
            .await
            .map_err(|e| Error::Data(e.to_string()))??;
        drop(aside);
        Ok(pushed)
    }
}

/// Helm with a login file of its own, so that the user's logins stay as they are.
struct Helm {
    program: Utf8PathBuf,
    config: Utf8PathBuf,
}

impl Helm {
    fn run<const N: usize>(&self, args: [&str; N], stdin: &str) -> Result<()> {
        let mut helm = Command::new(&self.program);
        helm.args(args)
            .env("HELM_REGISTRY_CONFIG", &self.config)
            .env_remove("HELM_NAMESPACE");
        command::run(&mut helm, stdin.as_bytes(), "cargo xtask testbed build").map(drop)
    }

    /// Helm before 3.18 has no `--plain-http` for logins; there `--insecure` falls back to plain HTTP.
    fn flag(&self, wanted: &'static str) -> Result<&'static str> {
        let mut helm = Command::new(&self.program);
        let help = command::run(
            helm.args(["registry", "login", "--help"]),
            b"",
            "cargo xtask testbed build",
        )?;
        Ok(if help.stdout.contains(wanted) {
            wanted
        } else {
            "--insecure"
        })
    }
}

/// Replaces the chart's limit on the version of Kubernetes by none.
pub fn relax_kube_version(chart: &Utf8Path) -> Result<()> {
    let file = chart.join("Chart.yaml");
    let text = fs::read_to_string(&file)?;
    let relaxed = text.lines().map(|line| match line.starts_with("kubeVersion:") {
        true => "kubeVersion: \">=1.19.0-0\"\n".to_owned(),
        false => format!("{line}\n"),
    });
    Ok(fs::write(&file, relaxed.collect::<String>())?)
}

/// Copies a folder; the copy can be written to even when the original cannot.
fn copy_dir(from: &Utf8Path, to: &Utf8Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(entry.path(), &target)?;
        } else {
            fs::write(&target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
