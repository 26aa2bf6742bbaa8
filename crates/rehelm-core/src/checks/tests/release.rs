//! What the release names, writes, and does otherwise than today.

use serde_json::{Value, json};

use crate::checks::fixture::{Case, breaks, secret};
use crate::finding::Severity::{Error, Info, Ok, Warning};

#[test]
fn names_and_keys_of_secrets() {
    let uses = |c: &mut Case, name: &str, key: &str| {
        c.container()["env"][1]["valueFrom"]["secretKeyRef"] = json!({"name": name, "key": key});
    };
    let found = breaks("secret-missing-in-release", Error, |c| uses(c, "nowhere", "password"));
    assert_eq!(
        (found.subject.as_str(), found.args["users"].as_str()),
        ("Secret/new/nowhere", "Deployment/api-main")
    );
    let found = breaks("secret-key-missing", Error, |c| uses(c, "mail", "pass"));
    assert_eq!(found.args["key"], "pass");
    breaks("secret-key-missing", Ok, |c| {
        uses(c, "mail", "pass");
        c.container()["env"][1]["valueFrom"]["secretKeyRef"]["optional"] = json!(true);
    });
    breaks("config-missing-in-release", Error, |c| {
        c.container()["env"][2]["valueFrom"]["configMapKeyRef"]["key"] = json!("nothing");
    });
    breaks("config-missing-in-release", Error, |c| {
        c.pod()["volumes"] = json!([{"name": "x", "configMap": {"name": "nowhere"}}]);
    });
    breaks("service-account-missing", Error, |c| {
        c.pod()["serviceAccountName"] = json!("robot")
    });
    breaks("tls-secret", Error, |c| {
        c.observed().rendered.retain(|o| o.name() != "web-tls")
    });
    breaks("tls-secret", Warning, |c| {
        c.observed().rendered.retain(|o| o.name() != "web-tls");
        c.live("Ingress", "api-main")["spec"]
            .as_object_mut()
            .unwrap()
            .remove("tls");
    });
}

#[test]
fn secrets_that_the_chart_writes() {
    let chart = |c: &mut Case, name: &str, key: &str, content: &str| {
        let secret = secret("new", name, &[(key, content)]);
        c.observed().rendered.push(secret);
    };
    let found = breaks("secret-overwritten", Error, |c| chart(c, "mail", "password", ""));
    assert_eq!(found.args["value"], "mail.password");
    breaks("secret-overwritten", Ok, |c| chart(c, "mail", "password", "p"));
    breaks("secret-invented", Warning, |c| {
        chart(c, "fresh", "token", "aB3dE6gH9jK2mN5pQ8sT")
    });
    breaks("secret-invented", Ok, |c| {
        chart(c, "fresh", "url", "https://api.example/x")
    });
    let found = breaks("secret-invented", Warning, |c| {
        c.observed()
            .secrets
            .push(secret("old", "fresh", &[("token", "geheim")]));
        chart(c, "fresh", "token", "new");
    });
    assert_eq!(found.args["before"], "yes");
    breaks("secret-newer", Warning, |c| c.observed().chart.version = "2.1.0".into());
    breaks("secret-newer", Ok, |c| {
        c.observed().chart.version = "2.1.0".into();
        c.observed().secrets.push(secret("old", "token", &[("t", "x")]));
    });
    breaks("secret-type", Error, |c| {
        let mut other = secret("new", "mail", &[("password", "p")]);
        other.0["type"] = json!("kubernetes.io/basic-auth");
        c.observed().rendered.push(other);
    });
}

#[test]
fn images() {
    let found = breaks("image-registry-differs", Warning, |c| {
        c.container()["image"] = json!("other.example/api:1.0")
    });
    assert_eq!(found.args["images"], "r.example/api → other.example/api");
    breaks("pull-secret-missing", Error, |c| {
        c.observed().rendered.retain(|o| o.name() != "pull")
    });
    breaks("pull-secret-lost", Warning, |c| {
        c.pod().as_object_mut().unwrap().remove("imagePullSecrets");
    });
    breaks("image-floating", Info, |c| {
        c.container()["image"] = json!("r.example/api:latest")
    });
}

#[test]
fn a_workload_that_the_chart_leaves_off_comes_with_its_values_line() {
    let found = breaks("workload-lost", Warning, |c| {
        c.declare(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "worker-score-en", "namespace": "old"}, "spec": {}}));
    });
    assert_eq!(found.args["values"], r#"workerScoreEn: {"enabled":true}"#);
}

#[test]
fn replicas_and_resources() {
    let found = breaks("replicas-differ", Warning, |c| {
        c.rendered("Deployment", "api-main")["spec"]["replicas"] = json!(1);
    });
    assert_eq!(found.args["values"], r#"apiMain: {"replicaCount":2}"#);
    breaks("replicas-differ", Ok, |c| {
        c.live("Deployment", "api-main")["spec"]["replicas"] = json!(0)
    });
    breaks("resources-differ", Ok, |c| {
        c.container()["resources"]["limits"]["cpu"] = json!("1000m")
    });
    let found = breaks("resources-differ", Warning, |c| {
        c.container()["resources"]["limits"]["cpu"] = json!(2)
    });
    assert!(
        found.args["values"].starts_with(r#"apiMain: {"resources":{"#),
        "{found:?}"
    );
    breaks("resources-null", Warning, |c| c.container()["resources"] = Value::Null);
}

#[test]
fn fields_of_pods_that_would_be_lost() {
    breaks("scheduling-differs", Warning, |c| {
        c.live("Deployment", "api-main")["spec"]["template"]["spec"]["nodeSelector"] = json!({"pool": "big"});
    });
    let found = breaks("env-lost", Warning, |c| {
        c.container()["env"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(found.args["fields"], "LEVEL");
    breaks("env-differs", Warning, |c| {
        c.container()["env"][0]["value"] = json!("debug")
    });
    breaks("env-differs", Ok, |c| {
        c.live("Deployment", "api-main")["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] =
            json!("orders");
        c.container()["env"][0]["value"] = json!("orders-new");
    });
    breaks("mount-lost", Warning, |c| c.container()["volumeMounts"] = json!([]));
    breaks("probe-lost", Warning, |c| {
        c.container().as_object_mut().unwrap().remove("readinessProbe");
    });
}

#[test]
fn settings_and_doors() {
    let found = breaks("config-lost", Warning, |c| {
        c.rendered("ConfigMap", "settings")["data"]
            .as_object_mut()
            .unwrap()
            .remove("mode");
    });
    assert_eq!(found.args["fields"], "mode");
    breaks("config-differs", Warning, |c| {
        c.rendered("ConfigMap", "settings")["data"]["mode"] = json!("z")
    });
    breaks("config-differs", Ok, |c| {
        c.live("ConfigMap", "settings")["data"]["host"] = json!("http://api-main.old.svc:80");
        c.rendered("ConfigMap", "settings")["data"]["host"] = json!("http://api-main.new.svc:80");
    });
    let found = breaks("host-lost", Warning, |c| {
        c.rendered("Ingress", "api-main")["spec"]["rules"][0]["host"] = json!("other.example");
    });
    assert_eq!(found.subject, "api.example");
    breaks("ingress-annotation-lost", Warning, |c| {
        c.live("Ingress", "api-main")["metadata"]["annotations"] = json!({"edge.example/limit": "5"});
    });
    breaks("service-port-lost", Warning, |c| {
        c.rendered("Service", "api-main")["spec"]["ports"] = json!([{"port": 8080}]);
    });
    let found = breaks("service-type-differs", Warning, |c| {
        c.live("Service", "api-main")["spec"]["type"] = json!("LoadBalancer");
        c.live("Service", "api-main")["metadata"]["annotations"] = json!({"lb.example/internal": "true"});
    });
    assert_eq!(found.args["fields"], "lb.example/internal, type");
}
