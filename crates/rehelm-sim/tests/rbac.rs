//! Who may do what, and how it is said. Messages are those of Kubernetes 1.35.

mod common;

use common::{ask, ask_as, request, send};
use rehelm_sim::{Identity, Options, Sim};
use serde_json::{Value, json};

const GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";

fn joe() -> Identity {
    Identity::user("joe", &[])
}

async fn allow(sim: &Sim, kind: &str, name: &str, rules: Value, subject: Value) {
    let place = if kind == "Role" { "/namespaces/default" } else { "" };
    let plural = kind.to_lowercase();
    let role =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": rules});
    let (code, answer) = ask(sim, "POST", &format!("{GROUP}{place}/{plural}s"), role).await;
    assert_eq!(code, 201, "{answer}");
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"), "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}, "subjects": [subject]});
    let (code, answer) = ask(sim, "POST", &format!("{GROUP}{place}/{plural}bindings"), binding).await;
    assert_eq!(code, 201, "{answer}");
}

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

async fn refusal(sim: &Sim, who: &Identity, method: &str, path: &str) -> String {
    let (code, status) = ask_as(sim, who, method, path, Value::Null).await;
    assert_eq!((code, status["reason"].as_str()), (403, Some("Forbidden")), "{path}");
    status["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn refusals_say_who_cannot_do_what_where() {
    let sim = Sim::new(Options::default());
    let joe = joe();
    let cases = [
        (
            "/api/v1/namespaces",
            "namespaces is forbidden: User \"joe\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope",
        ),
        (
            "/api/v1/namespaces/default",
            "namespaces \"default\" is forbidden: User \"joe\" cannot get resource \"namespaces\" in API group \"\" in the namespace \"default\"",
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments/x/scale",
            "deployments.apps \"x\" is forbidden: User \"joe\" cannot get resource \"deployments/scale\" in API group \"apps\" in the namespace \"default\"",
        ),
        (
            "/apis/foo.io/v1/things",
            "things.foo.io is forbidden: User \"joe\" cannot list resource \"things\" in API group \"foo.io\" at the cluster scope",
        ),
        ("/metrics", "forbidden: User \"joe\" cannot get path \"/metrics\""),
    ];
    for (path, message) in cases {
        assert_eq!(refusal(&sim, &joe, "GET", path).await, message);
    }
    let (code, _) = ask_as(&sim, &joe, "GET", "/version", Value::Null).await;
    assert_eq!(code, 200, "everybody may read the version");
}

#[tokio::test]
async fn roles_allow_within_their_namespace() {
    let sim = Sim::new(Options::default());
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]);
    let account = json!({"kind": "ServiceAccount", "name": "robot", "namespace": "kube-system"});
    allow(&sim, "Role", "reader", rules, account).await;
    let robot = Identity::service_account("kube-system", "robot");
    let (code, _) = ask_as(
        &sim,
        &robot,
        "GET",
        "/api/v1/namespaces/default/configmaps",
        Value::Null,
    )
    .await;
    assert_eq!(code, 200);
    refusal(&sim, &robot, "GET", "/api/v1/namespaces/kube-system/configmaps").await;
    refusal(&sim, &robot, "GET", "/api/v1/configmaps").await;
    refusal(&sim, &robot, "DELETE", "/api/v1/namespaces/default/configmaps").await;
}

#[tokio::test]
async fn a_role_that_is_gone_is_named() {
    let sim = Sim::new(Options::default());
    allow(&sim, "ClusterRole", "reader", json!([]), user("joe")).await;
    ask(&sim, "DELETE", &format!("{GROUP}/clusterroles/reader"), Value::Null).await;
    let message = refusal(&sim, &joe(), "GET", "/api/v1/nodes").await;
    let end = "at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io \"reader\" not found";
    assert!(message.ends_with(end), "{message}");
}

#[tokio::test]
async fn nobody_gives_away_what_they_do_not_have() {
    let sim = Sim::new(Options::default());
    let rules = json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
    ]);
    allow(&sim, "ClusterRole", "writer", rules, user("joe")).await;
    let role = |verbs: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]})
    };
    let path = format!("{GROUP}/namespaces/default/roles");
    let (code, status) = ask_as(&sim, &joe(), "POST", &path, role(json!(["get", "list", "watch"]))).await;
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"joe\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\" \"watch\"]}"
    );
    let (code, status) = ask_as(&sim, &joe(), "POST", &path, role(json!(["get"]))).await;
    assert_eq!(code, 201, "{status}");
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": [user("joe")]});
    let path = format!("{GROUP}/namespaces/default/rolebindings");
    let (code, status) = ask_as(&sim, &joe(), "POST", &path, binding).await;
    assert_eq!(code, 403, "{status}");
    let message = status["message"].as_str().unwrap_or_default();
    let lines: Vec<&str> = message.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            r#"{APIGroups:["*"], Resources:["*"], Verbs:["*"]}"#,
            r#"{NonResourceURLs:["*"], Verbs:["*"]}"#
        ]
    );
}

async fn review(sim: &Sim, who: &Identity, kind: &str, spec: Value) -> Value {
    let group = if kind == "SelfSubjectReview" {
        "authentication.k8s.io"
    } else {
        "authorization.k8s.io"
    };
    let body = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "spec": spec});
    let path = format!("/apis/{group}/v1/{}s", kind.to_lowercase());
    let (code, answer) = ask_as(sim, who, "POST", &path, body).await;
    assert_eq!(code, 201, "{answer}");
    answer["status"].clone()
}

#[tokio::test]
async fn reviews_answer_without_being_stored() {
    let sim = Sim::new(Options::default());
    let pods = json!({"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}});
    let status = review(&sim, &joe(), "SelfSubjectAccessReview", pods.clone()).await;
    assert_eq!(status, json!({"allowed": false}));
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    allow(&sim, "ClusterRole", "reader", rules, user("joe")).await;
    let status = review(&sim, &joe(), "SelfSubjectAccessReview", pods.clone()).await;
    let reason = "RBAC: allowed by ClusterRoleBinding \"reader\" of ClusterRole \"reader\" to User \"joe\"";
    assert_eq!(status, json!({"allowed": true, "reason": reason}));
    let mut about = pods;
    about["user"] = "joe".into();
    let status = review(&sim, &Identity::admin(), "SubjectAccessReview", about).await;
    assert_eq!(status["allowed"], true);
    let status = review(&sim, &joe(), "SelfSubjectRulesReview", json!({"namespace": "default"})).await;
    let rules = status["resourceRules"].as_array().expect("rules");
    assert!(
        rules.contains(&json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]})),
        "{status}"
    );
    let status = review(&sim, &joe(), "SelfSubjectReview", Value::Null).await;
    assert_eq!(
        status["userInfo"],
        json!({"username": "joe", "groups": ["system:authenticated"]})
    );
}

#[tokio::test]
async fn whoever_may_can_act_as_somebody_else() {
    let sim = Sim::new(Options::default());
    let as_joe = |path: &str| {
        let mut request = request("GET", path, &Value::Null);
        request
            .headers_mut()
            .insert("impersonate-user", "joe".parse().expect("a header"));
        request
    };
    let (code, status) = send(sim.service(), as_joe("/api/v1/nodes")).await;
    assert_eq!(code, 403);
    assert!(
        status["message"]
            .as_str()
            .is_some_and(|text| text.contains("User \"joe\" cannot list"))
    );
    let (code, status) = send(sim.service_as(Identity::user("ann", &[])), as_joe("/api/v1/nodes")).await;
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "users \"joe\" is forbidden: User \"ann\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
    );
}
