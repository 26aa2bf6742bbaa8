use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

#[test]
fn a_live_deployment_is_what_somebody_wrote() {
    let written = object(
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": {
            "containers": [{"name": "a", "image": "r/a:1", "ports": [{"containerPort": 80}], "env": [{"name": "E"}],
                "resources": {"limits": {"cpu": "1"}}, "livenessProbe": {"httpGet": {"port": 80, "path": "/live"}}}],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}]}}}}),
    );
    let live = object(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "4", "generation": 1, "managedFields": [],
            "annotations": {"deployment.kubernetes.io/revision": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        "spec": {"replicas": 2, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"creationTimestamp": null, "labels": {"app": "a"},
                "annotations": {"kubectl.kubernetes.io/restartedAt": "2024"}}, "spec": {
                "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
                "securityContext": {}, "terminationGracePeriodSeconds": 30,
                "containers": [{"name": "a", "image": "r/a:1", "imagePullPolicy": "IfNotPresent",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}], "env": [{"name": "E", "value": ""}],
                    "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}},
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "livenessProbe": {"httpGet": {"port": 80, "path": "/live", "scheme": "HTTP"}, "timeoutSeconds": 1,
                        "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}}],
                "volumes": [{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c", "defaultMode": 420}}]}}},
        "status": {"replicas": 2}}));
    assert_eq!(normal(&live, true), normal(&written, false));
    assert_eq!(
        normal(&written, false).0["spec"]["template"]["spec"]["volumes"][0]["emptyDir"],
        json!({})
    );
}

#[test]
fn a_service_keeps_what_was_asked_for() {
    let service =
        |spec: Value| object(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}));
    let live = service(
        json!({"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "sessionAffinity": "None",
        "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": 30001}]}),
    );
    assert_eq!(normal(&live, true).0["spec"], json!({"ports": [{"port": 80}]}));
    let headless = service(json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}));
    assert_eq!(
        normal(&headless, true).0["spec"],
        json!({"clusterIP": "None", "ports": [{"port": 80}]})
    );
    let fixed = service(json!({"ports": [{"port": 80, "nodePort": 30001}]}));
    assert_eq!(normal(&fixed, false).0["spec"]["ports"][0]["nodePort"], 30001);
}

#[test]
fn the_last_of_two_variables_counts_and_numbers_are_whole() {
    let pod = object(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "terminationGracePeriodSeconds": 1e6,
        "containers": [{"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "b"}, {"name": "A", "value": "2"}]}]}}),
    );
    let spec = &normal(&pod, false).0["spec"];
    assert_eq!(spec["terminationGracePeriodSeconds"], json!(1_000_000));
    assert_eq!(
        spec["containers"][0]["env"],
        json!([{"name": "B", "value": "b"}, {"name": "A", "value": "2"}])
    );
}

#[test]
fn texts_of_a_secret_are_stored_encoded() {
    let secret = object(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}, "type": "Opaque"}),
    );
    let plain = object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}));
    assert_eq!(normal(&secret, false), normal(&plain, false));
}

#[test]
fn defaults_are_known_by_path() {
    assert_eq!(default_of("Deployment", "spec.replicas"), Some(json!(1)));
    let probe = "spec.template.spec.containers.*.livenessProbe.timeoutSeconds";
    assert_eq!(default_of("StatefulSet", probe), Some(json!(1)));
    assert_eq!(default_of("Deployment", "spec.nothing"), None);
}

#[test]
fn rights_are_the_same_however_they_are_grouped() {
    let role = |rules: Value| {
        object(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules}),
        )
    };
    let one = role(json!([{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["list", "get"]}]));
    let two = role(json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}, {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]));
    assert_eq!(normal(&one, false), normal(&two, false));
}

#[test]
fn a_probe_without_its_action_is_not_nothing() {
    let pod = |probe: Value| {
        object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "a", "livenessProbe": probe}]}}))
    };
    assert_eq!(
        normal(&pod(json!({"httpGet": {"path": "/"}})), false).0["spec"]["containers"][0]["livenessProbe"],
        json!({"httpGet": {}})
    );
}
