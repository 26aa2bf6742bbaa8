//! What a Kustomize folder builds, by `kubectl kustomize`; a built manifest (a file, or `-` for standard input) is
//! taken as it is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use rehelm_core::finding::Finding;
use rehelm_core::object::Object;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::yaml;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::input;
use crate::process::{self, Ran, Run};

/// A build may fetch bases from elsewhere.
const BUILD_TIME: Duration = Duration::from_secs(300);
/// A manifest that is larger than this is not one.
const MOST: u64 = 256 << 20;
/// How many files are looked at for one that was moved.
const LOOKED_AT: usize = 20_000;

/// The kubectl program; looked for only when a folder is to be built.
#[derive(Clone, Debug, Default)]
pub struct Kustomize {
    program: Option<PathBuf>,
}

impl Kustomize {
    /// With the program that `KUBECTL_BIN` or PATH names, or another one.
    pub fn new(program: Option<&Path>) -> Self {
        Self {
            program: program.map(Path::to_owned),
        }
    }

    /// Versions of kubectl and of the Kustomize in it, such as `v1.32.3` and `v5.5.0`.
    ///
    /// # Errors
    /// NotFound without kubectl, Invalid for one that cannot build (before 1.21, the oldest with today's Kustomize).
    pub async fn version(&self) -> PortResult<(String, String)> {
        let program = self.program()?;
        let name = program.display().to_string();
        let bad = |why: &str| PortError::Invalid(name.clone(), why.to_owned());
        let ran = self
            .run(
                &program,
                ["version", "--client", "--output=json"],
                Duration::from_secs(60),
            )
            .await?;
        let answer: Value = serde_json::from_str(&ran.stdout).map_err(|_| bad("it is no kubectl"))?;
        let version = answer["clientVersion"]["gitVersion"].as_str().unwrap_or_default();
        let minor = semver::Version::parse(version.trim_start_matches('v')).map_err(|_| bad("it is no kubectl"))?;
        if (minor.major, minor.minor) < (1, 21) {
            let why = format!("it is kubectl {version}; 1.21 or later is needed (name another with KUBECTL_BIN)");
            return Err(bad(&why));
        }
        let kustomize = answer["kustomizeVersion"].as_str().unwrap_or("unknown");
        Ok((version.to_owned(), kustomize.to_owned()))
    }

    /// The objects of a folder, a file or standard input (`-`), in their order. Findings: `kustomize-warning` (`text`)
    /// for what the program warns of, `manifest-not-an-object` for odd documents.
    ///
    /// # Errors
    /// NotFound when there is no such source, Invalid with the program's own words (and where a file is that the
    /// kustomization names in the wrong place) when it does not build.
    pub async fn build(&self, source: &str) -> PortResult<(Vec<Object>, Vec<Finding>)> {
        let path = Utf8Path::new(source);
        if source == "-" {
            return parse(&from_stdin().await?, "standard input");
        }
        if path.is_dir() {
            return self.build_folder(path).await;
        }
        match fs::metadata(path) {
            Ok(found) if found.len() > MOST => Err(PortError::Invalid(
                source.to_owned(),
                "too large for a manifest".to_owned(),
            )),
            Ok(_) => {
                let text = input::text(path, MOST).map_err(|e| PortError::Invalid(source.to_owned(), e.to_string()))?;
                parse(&text, source)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(PortError::NotFound(source.to_owned())),
            Err(e) => Err(PortError::Other(e.to_string())),
        }
    }

    async fn build_folder(&self, folder: &Utf8Path) -> PortResult<(Vec<Object>, Vec<Finding>)> {
        self.version().await?;
        let program = self.program()?;
        // A folder that begins with a dash would be a flag.
        let named = if folder.is_absolute() {
            folder.to_owned()
        } else {
            Utf8Path::new(".").join(folder)
        };
        let ran = self.run(&program, ["kustomize", named.as_str()], BUILD_TIME).await?;
        if !ran.success {
            let said = ran
                .stderr
                .lines()
                .filter(|line| !is_warning(line))
                .collect::<Vec<_>>()
                .join("\n");
            let said = said.trim().trim_start_matches("error: ").to_owned();
            let hint = moved(&said, folder)
                .map(|hint| format!("\nhint: {hint}"))
                .unwrap_or_default();
            return Err(PortError::Invalid(folder.to_string(), said + &hint));
        }
        let (objects, mut findings) = parse(&ran.stdout, folder.as_str())?;
        let lines = ran.stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        findings.extend(lines.map(|line| {
            let text = line.trim_start_matches("# ").trim_start_matches("Warning: ");
            Finding::warning("kustomize-warning", folder.as_str()).arg("text", text)
        }));
        Ok((objects, findings))
    }

    fn program(&self) -> PortResult<PathBuf> {
        match &self.program {
            Some(program) => Ok(program.clone()),
            None => process::find("kubectl", "KUBECTL_BIN"),
        }
    }

    async fn run<const N: usize>(&self, program: &Path, args: [&str; N], time_limit: Duration) -> PortResult<Ran> {
        process::run(Run {
            program,
            args: args.iter().map(OsString::from).collect(),
            env: Vec::new(),
            stdin: None,
            time_limit,
            mark: None,
        })
        .await
    }
}

async fn from_stdin() -> PortResult<String> {
    let mut bytes = Vec::new();
    let read = tokio::io::stdin().take(MOST).read_to_end(&mut bytes).await;
    read.map_err(|e| PortError::Other(format!("standard input: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(text: &str, source: &str) -> PortResult<(Vec<Object>, Vec<Finding>)> {
    yaml::parse_objects(text, source).map_err(|e| PortError::Invalid(source.to_owned(), e.to_string()))
}

fn is_warning(line: &str) -> bool {
    line.starts_with("# Warning:") || line.starts_with("Warning:")
}

/// When the error names a file that is not there: where under the folder one of that name is.
fn moved(said: &str, folder: &Utf8Path) -> Option<String> {
    let missing = said
        .split('\'')
        .map(Utf8Path::new)
        .find(|part| part.is_absolute() && !part.exists())?;
    let name = missing.file_name()?;
    let root = folder.canonicalize_utf8().unwrap_or_else(|_| folder.to_owned());
    let shown = |path: &Utf8Path| path.strip_prefix(&root).unwrap_or(path).to_string();
    let mut found = Vec::new();
    search(&root, name, &mut found, &mut LOOKED_AT.clone());
    let mut places: Vec<String> = found.iter().map(|path| shown(path)).collect();
    places.sort();
    let missing = shown(missing);
    match places.as_slice() {
        [] => None,
        [one] => Some(format!("{missing} does not exist, but {one} does")),
        _ => Some(format!("{missing} does not exist, but these do: {}", places.join(", "))),
    }
}

fn search(folder: &Utf8Path, name: &str, found: &mut Vec<Utf8PathBuf>, left: &mut usize) {
    let Ok(entries) = folder.read_dir_utf8() else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if entry.file_name() == name {
            found.push(entry.path().to_owned());
        }
        if is_folder && entry.file_name() != ".git" {
            search(entry.path(), name, found, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn a_file_in_the_wrong_place_is_found() {
        let dir = folder(&[("overlays/proxy/services/p.yaml", ""), ("x/y.yaml", "")]);
        let root = Utf8Path::from_path(dir.path()).unwrap();
        let said = format!(
            "accumulating: evalsymlink failure on '{root}/overlays/services/p.yaml' : lstat {root}: no such file"
        );
        assert_eq!(
            moved(&said, root).unwrap(),
            "overlays/services/p.yaml does not exist, but overlays/proxy/services/p.yaml does"
        );
        assert_eq!(moved(&said.replace("p.yaml", "q.yaml"), root), None);
        assert_eq!(moved("it's broken", root), None);
    }

    #[tokio::test]
    async fn built_manifests_are_taken_as_they_are() {
        let text = "kind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\nnothing: here\n";
        let dir = folder(&[("built.yaml", text)]);
        let file = dir.path().join("built.yaml").to_str().unwrap().to_owned();
        let (objects, findings) = Kustomize::default().build(&file).await.unwrap();
        assert_eq!(objects[0].name(), "a");
        assert_eq!(findings[0].code, "manifest-not-an-object");
        assert!(
            Kustomize::default()
                .build("/none/such")
                .await
                .unwrap_err()
                .is_not_found()
        );
    }

    #[tokio::test]
    async fn warnings_are_findings_and_failures_have_the_programs_words() {
        let dir = folder(&[]);
        let root = Utf8Path::from_path(dir.path()).unwrap();
        let kubectl = root.join("kubectl");
        let script = r##"#!/bin/sh
[ "$1" = version ] && { echo '{"clientVersion": {"gitVersion": "v1.30.0"}, "kustomizeVersion": "v5.0.4"}'; exit; }
echo "# Warning: 'x' is deprecated" >&2
[ -e "$2/broken" ] && { echo "error: no good" >&2; exit 1; }
echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'
"##;
        fs::write(&kubectl, script).unwrap();
        fs::set_permissions(&kubectl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let kustomize = Kustomize::new(Some(kubectl.as_std_path()));
        let (objects, findings) = kustomize.build(root.as_str()).await.unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!(findings[0].args["text"], "'x' is deprecated");
        fs::write(root.join("broken"), "").unwrap();
        let refused = kustomize.build(root.as_str()).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("{root} refused: no good"));
        fs::write(&kubectl, script.replace("v1.30.0", "v1.20.9")).unwrap();
        assert!(
            kustomize
                .build(root.as_str())
                .await
                .unwrap_err()
                .to_string()
                .contains("1.21 or later")
        );
    }
}
