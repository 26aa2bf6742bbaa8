use std::sync::Mutex;
use std::time::Duration;

use kube::client::Body;
use rehelm_core::object::Object;
use rehelm_core::ports::{ApiKind, Cluster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::kube::{ContextFacts, KubeCluster};

/// Answers everything with one live secret, and counts.
fn cluster(asked: Arc<Mutex<Vec<String>>>) -> KubeCluster {
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let path = request.uri().path().to_owned();
        asked.lock().unwrap().push(format!("{} {path}", request.method()));
        let secrets = json!([{"name": "secrets", "namespaced": true, "kind": "Secret"}]);
        let body = match path.as_str() {
            "/api" => json!({"versions": ["v1"]}),
            "/apis" => json!({"groups": []}),
            "/api/v1" => json!({"resources": secrets}),
            _ => json!({"items": [{"metadata": {"name": "live", "namespace": "a"}}]}),
        };
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body.to_string())))) }
    });
    let facts = ContextFacts {
        context: None,
        user: None,
        namespace: "a".into(),
        url: "https://script".into(),
        ca: None,
        files: Vec::new(),
    };
    KubeCluster::with_client(kube::Client::new(service, "a"), facts, Duration::from_secs(10))
}

async fn ask(proxy: &ReadProxy, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let text = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn only_who_knows_the_path_may_read_and_nobody_may_write() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let cluster = cluster(Arc::clone(&asked));
    let kind = ApiKind {
        plural: "secrets".into(),
        namespaced: true,
    };
    assert_eq!(cluster.kind("v1", "Secret").await.unwrap(), kind);
    let planned = Object::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "planned", "namespace": "a"},
    }));
    let planned = Planned::place(&cluster, &[planned.unwrap()]).await.unwrap();
    let proxy = ReadProxy::start(cluster.reader(), planned, Vec::new()).await.unwrap();
    asked.lock().unwrap().clear();

    let token = proxy.token().expose_secret().to_owned();
    let path = "api/v1/namespaces/a/secrets";
    assert_eq!(ask(&proxy, &format!("GET /{path}")).await.0, 401);
    assert_eq!(ask(&proxy, &format!("GET /wrong/{path}")).await.0, 401);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(
            ask(&proxy, &format!("{method} /{token}/{path}")).await.0,
            405,
            "{method}"
        );
    }
    let (code, one) = ask(&proxy, &format!("GET /{token}/{path}/planned")).await;
    assert!(code == 200 && one.contains("planned"), "{one}");
    assert!(asked.lock().unwrap().is_empty(), "none of these reached the server");

    let (code, list) = ask(&proxy, &format!("GET /{token}/{path}?limit=500")).await;
    let list: Value = serde_json::from_str(&list).unwrap();
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|i| i["metadata"]["name"].as_str())
        .collect();
    assert_eq!((code, names), (200, vec!["live", "planned"]));
    let (_, all) = ask(&proxy, &format!("GET /{token}/api/v1/secrets")).await;
    assert!(all.contains("planned"));
    let (_, other) = ask(&proxy, &format!("GET /{token}/api/v1/namespaces/b/secrets")).await;
    assert!(!other.contains("planned"));
    assert_eq!(
        asked.lock().unwrap().as_slice(),
        [
            "GET /api/v1/namespaces/a/secrets",
            "GET /api/v1/secrets",
            "GET /api/v1/namespaces/b/secrets",
        ]
    );

    let address = proxy.address;
    drop(proxy);
    tokio::task::yield_now().await;
    let gone = tokio::time::timeout(Duration::from_secs(5), async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    assert!(gone.await.is_ok(), "it ends with its value");
}
