//! What a real server is hard to bring to: old discovery, overload, a watch that ends or expires.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use ::http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use kube::client::Body;

use super::*;

/// One answer of a scripted server: method and path it is for, status, headers, body.
type Step = (&'static str, u16, &'static [(&'static str, &'static str)], Value);

/// A server that gives the answers of a script, each once and in order of the requests it fits, and keeps a log.
#[derive(Clone)]
struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn cluster(steps: Vec<Step>) -> (KubeCluster, Self) {
        let script = Self {
            steps: Arc::new(Mutex::new(steps.into())),
            log: Arc::default(),
        };
        let own = script.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let own = own.clone();
            async move { Ok::<_, Infallible>(own.answer(request).await) }
        });
        let facts = ContextFacts {
            context: None,
            user: None,
            namespace: "default".into(),
            url: "https://script".into(),
            ca: None,
            files: Vec::new(),
        };
        let client = Client::new(service, "default");
        (KubeCluster::with_client(client, facts, Duration::from_secs(60)), script)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let _ = body.collect().await;
        let mut asked = format!("{} {}", parts.method, parts.uri.path());
        if parts.uri.query().is_some_and(|query| query.contains("watch=true")) {
            asked = asked.replace("GET", "WATCH");
        }
        self.log.lock().unwrap().push(asked.clone());
        let mut steps = self.steps.lock().unwrap();
        let at = steps.iter().position(|(wanted, ..)| *wanted == asked);
        let (_, code, headers, body) = at.and_then(|at| steps.remove(at)).unwrap_or_else(|| {
            (
                "",
                404,
                &[],
                json!({"kind": "Status", "reason": "NotFound", "message": "x not found"}),
            )
        });
        let text = match body {
            // Events of a watch, a line each.
            Value::Array(events) => events.iter().map(|event| format!("{event}\n")).collect(),
            body => body.to_string(),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    }

    fn count(&self, asked: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| *line == asked).count()
    }
}

/// Discovery as servers before 1.26 give it.
fn old_discovery() -> Vec<Step> {
    let groups = json!([
        {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]},
        {"name": "broken.example", "versions": [{"groupVersion": "broken.example/v1", "version": "v1"}]},
    ]);
    let core = json!([
        {"name": "configmaps", "namespaced": true, "kind": "ConfigMap"},
        {"name": "namespaces", "namespaced": false, "kind": "Namespace"},
        {"name": "namespaces/status", "namespaced": false, "kind": "Namespace"},
    ]);
    let apps = json!([
        {"name": "deployments", "namespaced": true, "kind": "Deployment"},
        {"name": "deployments/scale", "namespaced": true, "kind": "Scale"},
    ]);
    vec![
        ("GET /api", 200, &[], json!({"kind": "APIVersions", "versions": ["v1"]})),
        ("GET /apis", 200, &[], json!({"kind": "APIGroupList", "groups": groups})),
        (
            "GET /api/v1",
            200,
            &[],
            json!({"kind": "APIResourceList", "resources": core}),
        ),
        (
            "GET /apis/apps/v1",
            200,
            &[],
            json!({"kind": "APIResourceList", "resources": apps}),
        ),
        ("GET /apis/broken.example/v1", 503, &[], json!({})),
    ]
}

fn map(version: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "a", "resourceVersion": version},
        "data": {"k": value},
    })
}

fn list(version: &str, items: &[Value]) -> Value {
    json!({"kind": "ConfigMapList", "metadata": {"resourceVersion": version}, "items": items})
}

const X: &str = "/api/v1/namespaces/a/configmaps/x";

fn x() -> ObjRef {
    ObjRef::new("v1", "ConfigMap", Some("a"), "x")
}

#[tokio::test]
async fn old_servers_are_discovered_and_a_broken_group_left_out() {
    let mut steps = old_discovery();
    let late = json!([{"name": "things", "namespaced": false, "kind": "Thing"}]);
    steps.push(("GET /apis/late.example/v1", 404, &[], json!({})));
    steps.push(("GET /apis/late.example/v1", 200, &[], json!({"resources": late})));
    let (cluster, script) = Script::cluster(steps);
    let deployment = cluster.kind("apps/v1", "Deployment").await.unwrap();
    assert_eq!(
        (deployment.plural.as_str(), deployment.namespaced),
        ("deployments", true)
    );
    assert_eq!(cluster.kind("v1", "Namespace").await.unwrap().plural, "namespaces");
    assert_eq!(script.count("GET /apis"), 1, "read once");
    assert!(
        cluster
            .kind("late.example/v1", "Thing")
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert_eq!(cluster.kind("late.example/v1", "Thing").await.unwrap().plural, "things");
}

#[tokio::test]
async fn reads_are_repeated_and_writes_only_when_nothing_can_have_happened() {
    let mut steps = old_discovery();
    let get = "GET /api/v1/namespaces/a/configmaps/x";
    steps.push((get, 503, &[], json!({})));
    steps.push((get, 429, &[("retry-after", "1")], json!({})));
    steps.push((get, 200, &[], map("1", "v")));
    let post = "POST /api/v1/namespaces/a/configmaps";
    steps.push((post, 429, &[("retry-after", "0")], json!({})));
    steps.push((post, 500, &[], json!({"message": "etcdserver: leader changed"})));
    steps.push((post, 201, &[], map("2", "v")));
    let (cluster, script) = Script::cluster(steps);
    let began = tokio::time::Instant::now();
    assert!(cluster.get(&x()).await.unwrap().is_some());
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "the server's own wish is heeded"
    );
    let refused = cluster.create(&Object(map("", "v")), false).await.unwrap_err();
    assert!(
        matches!(&refused, PortError::Unavailable(why) if why.contains("leader changed")),
        "{refused:?}"
    );
    assert_eq!(script.count(post), 2);
}

#[tokio::test]
async fn patience_has_an_end() {
    let mut steps = old_discovery();
    steps.extend((0..100).map(|_| ("GET /api/v1/namespaces/a/configmaps/x", 503, [].as_slice(), json!({}))));
    let (mut cluster, script) = Script::cluster(steps);
    cluster.wire.patience = Duration::from_millis(700);
    assert!(matches!(cluster.get(&x()).await, Err(PortError::Unavailable(_))));
    let asked = script.count(&format!("GET {X}"));
    assert_eq!(asked, 3, "now, after 0.2 s, after 0.6 s");
}

#[tokio::test]
async fn a_watch_goes_on_after_its_end_and_starts_over_when_expired() {
    let (listed, watched) = (
        "GET /api/v1/namespaces/a/configmaps",
        "WATCH /api/v1/namespaces/a/configmaps",
    );
    let expired = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
    let mut steps = old_discovery();
    steps.push((listed, 200, &[], list("1", &[map("1", "a")])));
    steps.push((
        watched,
        200,
        &[],
        json!([{"type": "MODIFIED", "object": map("2", "b")}]),
    ));
    steps.push((watched, 200, &[], json!([{"type": "ERROR", "object": expired}])));
    steps.push((listed, 503, &[], json!({})));
    steps.push((listed, 200, &[], list("9", &[map("9", "c")])));
    steps.push((watched, 410, &[], expired));
    steps.push((listed, 200, &[], list("10", &[])));
    let (cluster, script) = Script::cluster(steps);
    let seen = Mutex::new(Vec::new());
    let until = |map: Option<&Object>| {
        let value = map.and_then(|m| m.str("/data/k")).unwrap_or("none").to_owned();
        seen.lock().unwrap().push(value);
        map.is_none()
    };
    let gone = cluster.wait(&x(), Duration::from_secs(60), &until).await.unwrap();
    assert!(gone.is_none());
    assert_eq!(*seen.lock().unwrap(), ["a", "b", "c", "none"]);
    assert_eq!((script.count(listed), script.count(watched)), (4, 3));
}
