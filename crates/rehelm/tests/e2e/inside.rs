//! Commands in pods and ways to their ports, with real processes in the pods and a real API server between.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_core::object::ObjRef;
use rehelm_core::ports::{Cluster, Executed, PortError, PortResult};
use rehelm_testbed::{Cache, Error, Options, Program, Testbed, mongo};
use serde_json::{Value, json};

/// What a test says when it cannot run.
pub fn skipped(error: &Error) {
    eprintln!("SKIPPED: {error}");
}

/// A store in place of whatever image has `image` in its name.
pub fn redis(image: &str, arguments: &[&str]) -> Program {
    let command = ["redis-server"].iter().chain(arguments);
    Program {
        image: image.to_owned(),
        command: command.map(|word| (*word).to_owned()).collect(),
        workdir: Some("/data".into()),
        package: Some("redis-server".to_owned()),
    }
}

/// The database server of the testbed, in a pod: its program, its options and what it stands on come as volumes.
fn database() -> Program {
    let program = std::env::current_exe()
        .expect("a test")
        .with_file_name("../rehelm-testbed");
    let command = format!("exec {} mongo < /options/options.json", program.display());
    Program {
        image: "db.example/mongo".to_owned(),
        command: ["sh", "-c", &command].map(str::to_owned).to_vec(),
        workdir: None,
        package: None,
    }
}

fn pod(name: &str, image: &str, folders: &[&str], maps: &[(&str, &str)]) -> Value {
    let host = folders.iter().enumerate();
    let host = host.map(|(at, path)| (format!("host-{at}"), json!({"hostPath": {"path": path}}), *path));
    let maps = maps.iter().enumerate();
    let maps = maps.map(|(at, (map, path))| (format!("map-{at}"), json!({"configMap": {"name": map}}), *path));
    let scratch = [("scratch".to_owned(), json!({"emptyDir": {}}), "/data")];
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    for (volume, mut source, path) in host.chain(maps).chain(scratch) {
        mounts.push(json!({"name": volume, "mountPath": path}));
        source["name"] = json!(volume);
        volumes.push(source);
    }
    let env = json!([{"name": "COLOUR", "value": "blue"}, {"name": "REHELM_CACHE", "value": cache().to_string()}]);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"volumes": volumes, "containers": [{"name": name, "image": image, "env": env, "volumeMounts": mounts}]},
    })
}

fn cache() -> Utf8PathBuf {
    Cache::open().expect("a cache").path("")
}

struct Shop {
    bed: Testbed,
    cluster: KubeCluster,
}

impl Shop {
    /// Three pods: a store, a database server, and one where nothing runs.
    async fn open() -> Result<Self, Error> {
        // Fetches and compiles what the database server needs, where that is still to do.
        tokio::task::spawn_blocking(|| mongo::Server::start(mongo::Options::default()).map(drop))
            .await
            .expect("no panic")?;
        let options = Options {
            programs: vec![redis("app.example/store", &["--save", ""]), database()],
            ..Options::for_test()
        };
        let bed = Testbed::up(options).await?;
        bed.namespace("shop").await?;
        let options = mongo::Options {
            port: 27017,
            member_names: vec!["mongo.shop.svc:27017".to_owned()],
            ..mongo::Options::default()
        };
        let options = serde_json::to_string(&options).expect("JSON");
        let target = std::env::current_exe().expect("a test");
        let target = target
            .ancestors()
            .nth(2)
            .expect("a folder")
            .to_str()
            .expect("UTF-8")
            .to_owned();
        let etc: Vec<String> = std::fs::read_dir("/etc").map_or(Vec::new(), |entries| {
            let paths = entries.flatten().map(|entry| entry.path().display().to_string());
            paths.filter(|path| path.starts_with("/etc/java")).collect()
        });
        let (cache, mut folders) = (cache(), vec![target.as_str()]);
        folders.push(cache.as_str());
        folders.extend(etc.iter().map(String::as_str));
        let all = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "options", "namespace": "shop"}, "data": {"options.json": options}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mongo", "namespace": "shop"},
                "spec": {"clusterIP": "None", "selector": {"app": "mongo"}, "ports": [{"port": 27017}]}},
            pod("store", "app.example/store:1", &[], &[]),
            pod("mongo", "db.example/mongo:1", &folders, &[("options", "/options")]),
            pod("idle", "app.example/other:1", &[], &[]),
        ]});
        let kubectl = bed.kubectl();
        kubectl
            .run(["apply", "--validate=false", "-f", "-"], &all.to_string())
            .await?;
        let ready = [
            "wait",
            "-n",
            "shop",
            "pods",
            "--all",
            "--for=condition=Ready",
            "--timeout=30s",
        ];
        kubectl.run(ready, "").await?;
        // A pod without a probe is ready before its program listens, here on 27017.
        let listens = "until grep -q ':6989 .* 0A ' /proc/net/tcp; do sleep 0.1; done";
        kubectl
            .run(["exec", "-n", "shop", "mongo", "--", "sh", "-c", listens], "")
            .await?;
        let cluster = open(&bed, None).await;
        Ok(Self { bed, cluster })
    }

    async fn exec(&self, pod: &str, command: &[&str]) -> PortResult<Option<Executed>> {
        exec(&self.cluster, pod, command).await
    }
}

async fn open(bed: &Testbed, somebody: Option<&str>) -> KubeCluster {
    let access = KubeAccess {
        kubeconfig: Some(bed.kubeconfig.clone()),
        impersonate: somebody.map(str::to_owned),
        request_timeout: Some(Duration::from_secs(15)),
        ..KubeAccess::default()
    };
    KubeCluster::open(&access).await.expect("opens")
}

async fn exec(cluster: &KubeCluster, pod: &str, command: &[&str]) -> PortResult<Option<Executed>> {
    let pod = ObjRef::new("v1", "Pod", Some("shop"), pod);
    let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    cluster.exec(&pod, None, &command).await
}

/// How it ended: exit code and output.
#[track_caller]
fn ended(said: PortResult<Option<Executed>>) -> (i32, String) {
    let ended = said.expect("runs").expect("something runs there");
    (ended.code, ended.stdout)
}

/// Why it did not run.
#[track_caller]
fn refused(said: PortResult<Option<Executed>>) -> PortError {
    match said {
        Err(error) => error,
        Ok(ended) => panic!("exit code {:?}", ended.map(|ended| ended.code)),
    }
}

#[test]
fn commands_and_ports() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let shop = match runtime.block_on(Shop::open()) {
        Err(error) if error.is_unavailable() => return skipped(&error),
        other => other.expect("a cluster"),
    };
    runtime.block_on(async {
        commands(&shop).await;
        nowhere(&shop).await;
    });
    ports(&shop, &runtime);
}

async fn commands(shop: &Shop) {
    let said = shop
        .exec("store", &["sh", "-c", "echo out; echo err >&2; exit 3"])
        .await;
    assert_eq!(ended(said), (3, "out\n".to_owned()));
    let said = shop
        .exec("store", &["sh", "-c", "echo $COLOUR $(pwd) $(cat /proc/1/comm)"])
        .await;
    assert_eq!(ended(said), (0, "blue /data redis-server\n".to_owned()));
    // More than is read, on either side.
    let begun = Instant::now();
    let (code, out) = ended(shop.exec("store", &["seq", "100000"]).await);
    assert_eq!((code, out.len()), (0, 64 * 1024));
    let said = shop.exec("store", &["sh", "-c", "seq 100000 >&2; echo over"]).await;
    assert_eq!(ended(said), (0, "over\n".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // Somebody else's client, through the same endpoint.
    let words = ["exec", "-n", "shop", "store", "--", "redis-cli", "PING"];
    assert_eq!(shop.bed.kubectl().run(words, "").await.expect("runs").stdout, "PONG\n");
}

/// What is not there, or not allowed, is an error that says so.
async fn nowhere(shop: &Shop) {
    let said = refused(shop.exec("store", &["no-such-program"]).await);
    assert!(
        matches!(&said, PortError::Invalid(_, why) if why.contains("not found in $PATH")),
        "{said:?}"
    );
    let said = refused(shop.exec("idle", &["true"]).await);
    assert!(
        matches!(&said, PortError::Invalid(_, why) if why.contains("nothing runs in pod shop/idle")),
        "{said:?}"
    );
    let said = refused(shop.exec("nobody", &["true"]).await);
    assert!(said.is_not_found(), "{said:?}");
    let eve = open(&shop.bed, Some("eve")).await;
    let said = refused(exec(&eve, "store", &["true"]).await);
    assert!(matches!(said, PortError::Forbidden(_)), "{said:?}");
    // The endpoint itself lets nobody in but the API server.
    let endpoint = format!(
        "https://127.0.0.1:{}/exec/shop/store/store?command=true",
        shop.bed.state().ports.kubelet
    );
    let curl = Command::new("curl")
        .args(["--insecure", "--silent", "--show-error", &endpoint])
        .output();
    assert!(curl.is_ok_and(|ended| !ended.status.success()));
}

fn ports(shop: &Shop, runtime: &tokio::runtime::Runtime) {
    let folder = tempfile::tempdir().expect("a folder");
    let uri = folder.path().join("uri");
    let db = |words: &[&str], host: &str| {
        std::fs::write(
            &uri,
            format!("mongodb://root:root-password@{host}/?directConnection=true"),
        )
        .expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_rehelm"))
            .arg("db")
            .args(words)
            .args([
                "--port-forward",
                "always",
                "--kubeconfig",
                shop.bed.kubeconfig.as_str(),
                "--uri-file",
            ])
            .arg(&uri)
            .current_dir(folder.path())
            .output()
            .expect("rehelm starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let mut kubectl = Command::new(&shop.bed.tools.kubectl)
        .args([
            "port-forward",
            "-n",
            "shop",
            "pod/mongo",
            ":27017",
            "--kubeconfig",
            shop.bed.kubeconfig.as_str(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    // It ends when nobody reads what it says.
    let mut talk = BufReader::new(kubectl.stdout.take().expect("piped"));
    let mut line = String::new();
    talk.read_line(&mut line).expect("a line");
    let near = line.split_whitespace().nth(2).expect("an address").to_owned();
    runtime.block_on(async {
        let uri = format!("mongodb://root:root-password@{near}/?directConnection=true");
        let driver = mongodb::Client::with_uri_str(uri).await.expect("a driver");
        let people = driver.database("old").collection("people");
        let documents = (0..300).map(|n| bson::doc! { "_id": n, "name": format!("name {n} {}", "x".repeat(4000)) });
        people.insert_many(documents).await.expect("inserts");
    });
    kubectl.kill().expect("ends");
    kubectl.wait().expect("ended");
    let (code, said) = db(&["list"], "mongo.shop.svc");
    assert!(
        code == Some(0) && said.contains("old") && said.contains("300"),
        "{said}"
    );
    let (code, said) = db(&["copy", "old", "new", "--way", "stream"], "mongo.shop.svc");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = db(&["list"], "mongo.shop.svc:27018");
    assert!(
        code == Some(1) && said.contains("the way to port 27018") && said.contains("connection refused"),
        "{said}"
    );
}
