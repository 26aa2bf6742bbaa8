use super::*;

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn add(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn listed(files: &[&PathBuf]) -> Environment {
    Environment {
        kubeconfig: Some(std::env::join_paths(files).unwrap()),
        ..Environment::default()
    }
}

const ONE: &str = "apiVersion: v1
kind: Config
current-context: a
contexts:
- name: a
  context: {cluster: c, user: u, namespace: team}
clusters:
- name: c
  cluster: {server: 'https://one.example:6443'}
";
const TWO: &str = "apiVersion: v1
kind: Config
current-context: b
contexts:
- name: a
  context: {cluster: other, user: other}
- name: b
  context: {cluster: c, user: u}
users:
- name: u
  user: {token: t}
";

#[tokio::test]
async fn lists_are_merged_and_missing_files_passed_over() {
    let files = Files::new();
    let (one, two) = (files.add("one", ONE), files.add("two", TWO));
    let env = listed(&[&files.dir.path().join("none"), &one, &two]);
    let (config, facts, limit) = load(&KubeAccess::default(), &env).await.unwrap();
    assert_eq!(
        facts.context.as_deref(),
        Some("a"),
        "the first file's current context wins"
    );
    assert_eq!(facts.namespace, "team");
    assert_eq!(facts.url, "https://one.example:6443");
    assert_eq!(facts.files, [one, two]);
    assert_eq!(limit, REQUEST_TIMEOUT);
    assert!(config.auth_info.token.is_some(), "the user comes from the second file");

    let access = KubeAccess {
        context: Some("b".into()),
        impersonate: Some("eve".into()),
        impersonate_groups: vec!["g".into()],
        ..KubeAccess::default()
    };
    let (config, facts, _) = load(&access, &env).await.unwrap();
    assert_eq!(
        (facts.context.as_deref(), facts.namespace.as_str()),
        (Some("b"), "default")
    );
    assert_eq!(facts.user.as_deref(), Some("eve"));
    assert_eq!(config.auth_info.impersonate_groups, Some(vec!["g".to_owned()]));
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_there_is() {
    let files = Files::new();
    let one = files.add("one", ONE);
    let access = |context: Option<&str>, file: Option<&str>| KubeAccess {
        context: context.map(str::to_owned),
        kubeconfig: file.map(Utf8PathBuf::from),
        ..KubeAccess::default()
    };
    let fails = async |access: &KubeAccess, env: &Environment| load(access, env).await.unwrap_err().to_string();

    let said = fails(&access(Some("zzz"), None), &listed(&[&one])).await;
    assert_eq!(said, "context zzz (there are: a) not found");
    let said = fails(&access(None, Some("/none/such")), &Environment::default()).await;
    assert_eq!(said, "kubeconfig /none/such not found");
    let said = fails(&access(None, None), &Environment::default()).await;
    assert!(said.contains("--kubeconfig or KUBECONFIG"), "{said}");

    let unset = files.add("unset", &ONE.replace("current-context: a", "current-context: ''"));
    let said = fails(&access(None, None), &listed(&[&unset])).await;
    assert!(said.contains("name one with --context (there are: a)"), "{said}");

    let broken = files.add("broken", "contexts: [");
    let said = fails(&access(None, None), &listed(&[&broken])).await;
    assert!(said.contains("broken"), "{said}");
}

#[tokio::test]
async fn the_home_folder_is_read_when_nothing_else_is_named() {
    let files = Files::new();
    std::fs::create_dir(files.dir.path().join(".kube")).unwrap();
    files.add(".kube/config", ONE);
    let env = Environment {
        home: Some(files.dir.path().to_owned()),
        ..Environment::default()
    };
    let (_, facts, _) = load(&KubeAccess::default(), &env).await.unwrap();
    assert_eq!(facts.user.as_deref(), Some("u"));
}
