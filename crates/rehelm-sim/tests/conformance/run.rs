//! Runs a script against an endpoint.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::clients::tools;
use crate::endpoint::{Answer, Endpoint};
use crate::inputs;
use crate::remains;
use crate::script::{Script, Step, fill, fill_value};

/// What one step gave.
#[derive(Debug, Clone)]
pub struct Given {
    pub title: String,
    pub answer: Answer,
    pub only: Vec<String>,
    pub code_only: bool,
    /// What controllers write may be seen: it was waited for, or the object is new.
    pub settled: bool,
    /// The body is what a program printed.
    pub printed: bool,
}

/// What a whole script gave.
#[derive(Debug, Clone)]
pub struct Transcript {
    pub steps: Vec<Given>,
    /// The script's objects at the end.
    pub objects: Vec<Value>,
}

/// Variables of a script.
pub type Vars = BTreeMap<String, String>;

/// The prefix of a script's names.
pub fn prefix(script: &str) -> String {
    format!("c-{script}")
}

/// Runs a script from an empty namespace to its last step, and cleans up.
pub async fn run(endpoint: &dyn Endpoint, script: &Script) -> Transcript {
    let prefix = prefix(&script.name);
    let mut vars = Vars::from([("p".to_owned(), prefix.clone())]);
    let namespaces: Vec<String> = script.content.namespaces.iter().map(|n| fill(n, &vars)).collect();
    // Cluster-scoped objects of whole installs carry no prefix.
    let applied = script.content.steps.iter().filter_map(|step| step.apply.as_ref());
    let mut extra: Vec<String> = applied.flat_map(|input| inputs::whole(&fill(input, &vars))).collect();
    remains::clear(endpoint, &prefix, &namespaces, &extra).await;
    let others = remains::whole(endpoint).await;
    for namespace in &namespaces {
        open(endpoint, namespace).await;
    }
    let mut steps = Vec::new();
    for step in &script.content.steps {
        if let Some(input) = &step.apply {
            let into = step.into.as_ref().map(|namespace| fill(namespace, &vars));
            for (title, object) in inputs::requests(&fill(input, &vars)) {
                let answer = apply(endpoint, &object, into.as_deref()).await;
                steps.push(Given {
                    title: unique(&steps, title),
                    settled: answer.code == 201,
                    answer,
                    only: Vec::new(),
                    code_only: false,
                    printed: false,
                });
            }
            continue;
        }
        let answer = take(endpoint, step, &vars).await;
        for (name, pointer) in &step.save {
            let value = match answer.body.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => format!("nothing-at-{name}"),
            };
            vars.insert(name.clone(), value);
        }
        steps.push(Given {
            title: unique(&steps, step.title()),
            printed: step.run.is_some(),
            settled: answer.code == 201 || step.settle.is_some(),
            answer,
            only: step.only.clone(),
            code_only: step.code_only.is_some(),
        });
    }
    if script.content.alone {
        let new = remains::whole(endpoint)
            .await
            .into_iter()
            .filter(|path| !others.contains(path));
        extra.extend(new);
        extra.sort();
        extra.dedup();
    }
    let objects = remains::settled(endpoint, &prefix, &namespaces, &extra).await;
    remains::clear(endpoint, &prefix, &namespaces, &extra).await;
    Transcript { steps, objects }
}

/// Titles name steps in the list of gaps: the second of the same title gets `#2`.
fn unique(steps: &[Given], title: String) -> String {
    let stem = |given: &Given| {
        given
            .title
            .rsplit_once(" #")
            .map_or(given.title.clone(), |(stem, _)| stem.to_owned())
    };
    let before = steps.iter().filter(|given| stem(given) == title).count();
    if before == 0 {
        title
    } else {
        format!("{title} #{}", before + 1)
    }
}

/// Makes a namespace and waits for what comes with every namespace.
async fn open(endpoint: &dyn Endpoint, namespace: &str) {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    endpoint
        .ask(request("POST", "/api/v1/namespaces", "application/json", Some(&object)))
        .await;
    for path in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
        let path = format!("/api/v1/namespaces/{namespace}/{path}");
        for _ in 0..50 {
            if endpoint.ask(get(&path)).await.code == 200 {
                break;
            }
            endpoint.moment().await;
        }
    }
}

/// Applies one object of an install; a kind that was defined a moment ago may not be served yet.
async fn apply(endpoint: &dyn Endpoint, object: &Value, into: Option<&str>) -> Answer {
    let mut answer = endpoint.ask(inputs::apply(object, into)).await;
    for _ in 0..20 {
        if answer.code != 404 {
            break;
        }
        endpoint.moment().await;
        answer = endpoint.ask(inputs::apply(object, into)).await;
    }
    answer
}

async fn take(endpoint: &dyn Endpoint, step: &Step, vars: &Vars) -> Answer {
    if let Some(path) = &step.settle {
        return settle(endpoint, step, &fill(path, vars), vars).await;
    }
    if let Some(words) = &step.run {
        let (kubeconfig, line) = (endpoint.kubeconfig().await, fill(words, vars));
        let said = tokio::task::spawn_blocking(move || tools::said(&kubeconfig, &line));
        return said.await.expect("a program");
    }
    if let Some(path) = &step.watch {
        let path = fill(path, vars);
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut request = get(&format!("{path}{sign}watch=true&timeoutSeconds=20"));
        accept(&mut request, step, vars);
        return endpoint.watch(request, step.events).await;
    }
    let asked = fill(step.request.as_deref().unwrap_or_default(), vars);
    let (method, path) = asked.split_once(' ').expect("METHOD /path");
    let body = step.body.as_ref().map(|body| fill_value(body, vars));
    let mut request = request(method, path, step.content_type(), body.as_ref());
    accept(&mut request, step, vars);
    endpoint.ask(request).await
}

fn accept(request: &mut Request<Full<Bytes>>, step: &Step, vars: &Vars) {
    let mut header = |name: &'static str, value: &str| {
        request.headers_mut().append(name, value.parse().expect("a header"));
    };
    header("accept", step.accepted());
    if let Some(user) = &step.user {
        header("impersonate-user", &fill(user, vars));
    }
    for group in &step.as_groups {
        header("impersonate-group", group);
    }
}

async fn settle(endpoint: &dyn Endpoint, step: &Step, path: &str, vars: &Vars) -> Answer {
    let request = || {
        let mut request = get(path);
        accept(&mut request, step, vars);
        request
    };
    for _ in 0..endpoint.patience() {
        let answer = endpoint.ask(request()).await;
        let right = |(pointer, wanted): (&String, &Value)| match (wanted.as_str(), answer.body.pointer(pointer)) {
            (Some("present"), found) => found.is_some(),
            (Some("absent"), found) => found.is_none(),
            (_, found) => found == Some(&fill_value(wanted, vars)),
        };
        if answer.code == step.code.unwrap_or(200) && step.until.iter().all(right) {
            return answer;
        }
        endpoint.moment().await;
    }
    let last = endpoint.ask(request()).await;
    Answer {
        code: 0,
        body: json!({"never settled": last.body}),
        warnings: Vec::new(),
    }
}

/// A GET.
pub fn get(path: &str) -> Request<Full<Bytes>> {
    request("GET", path, "", None)
}

/// A request of the suite's own client. A text body is sent as it is.
pub fn request(method: &str, path: &str, media: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
    let bytes = match body {
        None => Bytes::new(),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(value) => value.to_string().into(),
    };
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header("User-Agent", "conformance/1.0");
    if body.is_some() {
        builder = builder.header("Content-Type", media);
    }
    builder.body(Full::new(bytes)).expect("a request")
}
