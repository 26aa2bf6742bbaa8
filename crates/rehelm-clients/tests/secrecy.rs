//! Secrets on their way to Helm: never in arguments or environment, in private files only, and gone afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use camino::Utf8Path;
use rehelm_clients::helm::HelmCli;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_core::ports::{Helm, PortError, ReleaseSpec};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

/// Writes down how it was called; a values file that it is given is copied with its mode.
const FAKE: &str = r#"#!/bin/sh
here=$(dirname "$0")
[ "$1" = version ] && { echo v3.17.2; exit; }
printf '%s\n' "$@" >> "$here/args"
env >> "$here/env"
cat >> "$here/stdin"
for word in "$@"; do
  case $word in
    --values=*.json) file=${word#--values=}; stat -c %a "$file" "$(dirname "$file")" > "$here/modes"; cat "$file" > "$here/values" ;;
  esac
done
[ -e "$here/fails" ] && { echo "Error: template: no $(cat "$here/fails")" >&2; exit 1; }
[ -e "$here/hangs" ] && exec sleep 60
exit 0
"#;

struct Stage {
    dir: TempDir,
    helm: HelmCli,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("helm");
        fs::write(&program, FAKE).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let kubeconfig = dir.path().join("kubeconfig");
        let text = "{apiVersion: v1, kind: Config, current-context: ctx, contexts: [{name: ctx, context: {cluster: a}}], \
                    clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]}";
        fs::write(&kubeconfig, text).unwrap();
        let access = KubeAccess {
            kubeconfig: Some(kubeconfig.try_into().unwrap()),
            impersonate: Some("eve".into()),
            ..KubeAccess::default()
        };
        let cluster = Arc::new(KubeCluster::open(&access).await.unwrap());
        let private = dir.path().join("private");
        let helm = HelmCli::with_program(&program, cluster, &access, Utf8Path::from_path(&private).unwrap()).unwrap();
        Self { dir, helm }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Files in the private folder, at any depth.
    fn private_files(&self) -> usize {
        fn count(folder: &Path) -> usize {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|e| if e.path().is_dir() { count(&e.path()) } else { 1 })
                .sum()
        }
        count(&self.dir.path().join("private"))
    }

    fn spec(&self) -> ReleaseSpec {
        ReleaseSpec {
            release: "r".into(),
            namespace: "n".into(),
            chart: self.dir.path().to_str().unwrap().into(),
            version: None,
            values: vec!["/a,b.yaml".into()],
            private_values: Some(json!({"smtp": {"password": "hunter2hunter2"}})),
            flags: vec!["--set=a=b".into()],
        }
    }
}

#[tokio::test]
async fn private_values_are_in_a_private_file_for_as_long_as_helm_runs() {
    let stage = Stage::new().await;
    stage.helm.install(&stage.spec(), false).await.unwrap();
    let args = stage.read("args");
    assert_eq!(stage.read("values"), r#"{"smtp":{"password":"hunter2hunter2"}}"#);
    assert_eq!(stage.read("modes"), "600\n700\n");
    assert!(!args.contains("hunter2") && !stage.read("env").contains("hunter2"));
    assert_eq!(stage.private_files(), 0);
    // Private values come last of the files, so that they win; a comma in a name does not split it.
    let files: Vec<&str> = args.lines().filter(|line| line.starts_with("--values")).collect();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0], r#"--values="/a,b.yaml""#);
    for expected in [
        "--install",
        "--kube-context=ctx",
        "--kube-as-user=eve",
        "--timeout=600s",
        "--set=a=b",
        "--",
    ] {
        assert!(args.lines().any(|line| line == expected), "{expected}: {args}");
    }
    let env = stage.read("env");
    let kubeconfig = format!("KUBECONFIG={}", stage.dir.path().join("kubeconfig").display());
    assert!(env.lines().any(|line| line == kubeconfig));
}

#[tokio::test]
async fn a_failure_tells_no_secret_and_leaves_no_file() {
    let stage = Stage::new().await;
    stage.write("fails", "hunter2hunter2");
    let refused = stage.helm.install(&stage.spec(), false).await.unwrap_err();
    assert!(
        matches!(&refused, PortError::Invalid(about, why) if about == "r" && why == "template: no ***"),
        "{refused}"
    );
    assert_eq!(stage.private_files(), 0);
}

#[tokio::test]
async fn an_abandoned_install_leaves_no_file() {
    let stage = Stage::new().await;
    stage.write("hangs", "");
    let spec = stage.spec();
    tokio::select! {
        done = stage.helm.install(&spec, false) => panic!("{done:?}"),
        () = started(&stage) => {}
    }
    assert_eq!(stage.private_files(), 0);
}

/// Until the program has read its values file.
async fn started(stage: &Stage) {
    while stage.read("values").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_password_goes_through_standard_input() {
    let stage = Stage::new().await;
    let password = SecretString::from("pass-w0rd-pass");
    let flags = ["--plain-http".to_owned()];
    stage
        .helm
        .login("oci://registry.example:5000/helm/x", "me", &password, &flags)
        .await
        .unwrap();
    assert_eq!(stage.read("stdin"), "pass-w0rd-pass");
    let args = stage.read("args");
    assert!(!args.contains("pass-w0rd") && !stage.read("env").contains("pass-w0rd"));
    for expected in [
        "--password-stdin",
        "--username=me",
        "--insecure",
        "registry.example:5000",
    ] {
        assert!(args.lines().any(|line| line == expected), "{expected}: {args}");
    }
    assert!(args.contains("--registry-config=") && args.contains("private/helm-"));

    stage.write("fails", "pass-w0rd-pass");
    let refused = stage
        .helm
        .login("registry.example", "me", &password, &[])
        .await
        .unwrap_err();
    assert!(!refused.to_string().contains("w0rd"), "{refused}");
}
