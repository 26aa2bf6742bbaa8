//! What the tests share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use rehelm_testbed::{Options, Result, Testbed, printer, wait};
use serde_json::Value;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// Long enough for a busy machine; waits end at once when what they wait for is there.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Options of a test: our own kubelet program, and an end with this process.
pub fn options() -> Options {
    Options {
        program: Some(env!("CARGO_BIN_EXE_rehelm-testbed").into()),
        ..Options::for_test()
    }
}

/// A testbed, or nothing (said loudly) when this machine lacks what it stands on.
pub async fn up(options: Options) -> Option<Testbed> {
    match Testbed::up_with(options, &|line| printer::talk(line)).await {
        Err(e) if e.is_unavailable() => {
            printer::talk(format!("SKIPPED: {e}"));
            None
        }
        other => Some(other.expect("a testbed")),
    }
}

/// Applies YAML documents.
pub async fn apply(testbed: &Testbed, yaml: &str) {
    // kubectl takes a stream that begins with a brace for JSON.
    let yaml = format!("# YAML\n{yaml}");
    let args = ["apply", "--validate=false", "-f", "-"];
    testbed.kubectl().run(args, &yaml).await.expect("kubectl apply");
}

/// Runs kubectl and gives its standard output.
pub async fn kubectl(testbed: &Testbed, line: &str) -> Result<String> {
    Ok(testbed.kubectl().run(line.split(' '), "").await?.stdout)
}

/// Waits until one object of the default namespace looks as asked.
pub async fn until<K>(testbed: &Testbed, name: &str, what: &str, looks: impl Fn(&Value) -> bool)
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    K: Clone + serde::Serialize + serde::de::DeserializeOwned + Debug + Send + Sync + 'static,
{
    let api = kube::Api::<K>::namespaced(testbed.client(), "default");
    let missing = |all: &[Arc<K>]| {
        let object = all.iter().find(|o| o.meta().name.as_deref() == Some(name));
        let value = object
            .map(|o| serde_json::to_value(&**o).expect("json"))
            .unwrap_or_default();
        if looks(&value) {
            vec![]
        } else {
            vec![format!("{name}: {}", value["status"])]
        }
    };
    wait::until(api, what, LIMIT, missing).await.expect(what);
}
