//! A database server that only the cluster knows, reached through its API server.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::net::SocketAddr;

use bson::doc;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_clients::tunnel::Tunnel;
use rehelm_core::ports::{Databases, How};
use rehelm_sim::{Identity, ServeOptions, Served, Sim};
use rehelm_testbed::mongo::{Options, Server, TlsFront};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::place::Place;

const MEMBERS: [&str; 2] = [
    "mongo-0.mongo.shop.svc.cluster.local:27017",
    "mongo-1.mongo.shop.svc.cluster.local:27017",
];

/// A cluster with two database pods behind a service, and what is in them.
pub struct Scene {
    pub server: Server,
    pub sim: Sim,
    pub served: Served,
    pub place: Place,
    pub runtime: Runtime,
}

pub fn pod(name: &str, ready: bool) -> Value {
    let ready = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "labels": {"app": "mongo"}},
        "spec": {"hostname": name, "subdomain": "mongo", "nodeName": "node-1",
            "containers": [{"name": "db", "image": "db", "ports": [{"name": "db", "containerPort": 27017}]}]},
        "status": {"phase": "Running", "podIP": "10.1.1.1", "conditions": [{"type": "Ready", "status": ready}]},
    })
}

fn service(name: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "namespace": "shop", "uid": format!("uid-{name}")});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
}

pub fn scene() -> Option<Scene> {
    let options = Options {
        member_names: MEMBERS.map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let server = match Server::start_members(options, 2) {
        Ok(server) => server,
        Err(error) if error.is_unavailable() => {
            eprintln!("SKIPPED: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let sim = Sim::new(Default::default());
    let selector = json!({"app": "mongo"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "uid-shop"}});
    let ports = json!([{"name": "db", "port": 27000, "targetPort": "db"}]);
    sim.load(vec![
        namespace,
        service(
            "mongo",
            json!({"clusterIP": "None", "selector": selector, "ports": [{"port": 27017}]}),
        ),
        service(
            "front",
            json!({"clusterIP": "10.96.7.7", "selector": selector, "ports": ports}),
        ),
        pod("mongo-0", true),
        pod("mongo-1", true),
        pod("mongo-2", false),
    ])
    .expect("loads");
    for (name, port) in ["mongo-0", "mongo-1"].iter().zip(server.ports()) {
        sim.port_leads_to("shop", name, 27017, SocketAddr::from(([127, 0, 0, 1], *port)));
    }
    let runtime = Runtime::new().expect("a runtime");
    let served = runtime.block_on(sim.serve(ServeOptions::default())).expect("serves");
    let place = Place::empty();
    place.write("kubeconfig", &served.kubeconfig());
    runtime.block_on(async {
        let uri = format!("{}?directConnection=true", server.uri());
        let driver = mongodb::Client::with_uri_str(uri).await.expect("a driver");
        let people = driver.database("old").collection("people");
        let documents = (0..300).map(|n| doc! { "_id": n, "name": format!("name {n} {}", "x".repeat(2000)) });
        people.insert_many(documents).await.expect("inserts");
    });
    Some(Scene {
        server,
        sim,
        served,
        place,
        runtime,
    })
}

impl Scene {
    /// Gives somebody these rights in the shop's namespace, and no others.
    pub fn eve_may(&self, rules: &Value) -> Identity {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "look", "namespace": "shop"}, "rules": rules});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "look", "namespace": "shop"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "look"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}]});
        self.sim.load(vec![role, binding]).expect("loads");
        Identity {
            name: "eve".to_owned(),
            groups: vec!["system:authenticated".to_owned()],
        }
    }

    fn uri(&self, hosts: &str) -> String {
        format!("mongodb://root:root-password@{hosts}/")
    }

    fn list(&self, hosts: &str, more: &str) -> String {
        self.place.write("uri.txt", &self.uri(hosts));
        let flags = format!(
            "--uri-file {} --kubeconfig {}",
            self.place.path("uri.txt"),
            self.place.path("kubeconfig")
        );
        self.place.rehelm(&format!("db list {flags} {more}"))
    }

    async fn connect(&self, uri: String, home: &str) -> Mongo {
        let access = KubeAccess {
            kubeconfig: Some(self.place.path("kubeconfig")),
            ..KubeAccess::default()
        };
        let cluster = KubeCluster::open(&access).await.expect("opens");
        let tunnel = Tunnel::open(cluster.into(), home).await.expect("listens");
        Mongo::connect_through(&Login::uri(uri.into()), Some(Box::new(tunnel)))
            .await
            .expect("connects")
    }
}

#[test]
fn a_server_is_reached_by_the_names_that_the_cluster_has_for_it() {
    let Some(scene) = scene() else { return };
    for hosts in [
        "mongo.shop.svc",
        "mongo.shop.svc.cluster.local:27017",
        "front.shop.svc:27000",
        "mongo-1.mongo.shop.svc.cluster.local",
        "mongo-0.mongo.shop.svc.cluster.local,mongo-1.mongo.shop.svc.cluster.local",
    ] {
        let said = scene.list(hosts, "");
        assert!(
            said.contains("exit 0") && said.contains("old") && said.contains("300"),
            "{hosts}: {said}"
        );
    }
    // Short names are those of the namespace that is named.
    let said = scene.list("mongo-1.mongo,mongo-0.mongo", "-n shop --port-forward always");
    assert!(said.contains("exit 0") && said.contains("300"), "{said}");
}

#[test]
fn what_stands_in_the_way_is_said() {
    let Some(scene) = scene() else { return };
    let said = scene.list("mango.shop.svc", "--port-forward always");
    assert!(
        said.contains("exit 1") && said.contains("`mango.shop.svc` names"),
        "{said}"
    );
    let said = scene.list("front.shop.svc:27018", "");
    assert!(said.contains("has no port 27018"), "{said}");
    let said = scene.list("mongo.shop.svc:27018", "");
    assert!(
        said.contains("the way to port 27018") && said.contains("connection refused"),
        "{said}"
    );
    let said = scene.list("mongo.shop.svc", "--port-forward never");
    assert!(
        said.contains("exit 1") && said.contains("--port-forward always"),
        "{said}"
    );
    assert!(!said.contains("root-password"), "{said}");
    // Somebody who may look and not forward.
    let rules = json!([{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]}]);
    let eve = scene.eve_may(&rules);
    scene.place.write("kubeconfig", &scene.served.kubeconfig_for(&eve));
    let said = scene.list("mongo.shop.svc", "");
    assert!(
        said.contains("pods/portforward") && said.contains("`get` and `create`"),
        "{said}"
    );
}

#[test]
fn a_primary_that_steps_down_is_followed_through_the_cluster() {
    let Some(scene) = scene() else { return };
    scene.runtime.block_on(async {
        for hosts in ["mongo.shop.svc", "mongo-0.mongo,mongo-1.mongo"] {
            let set = if hosts.contains(',') { "?replicaSet=rs0" } else { "" };
            let mongo = scene.connect(format!("{}{set}", scene.uri(hosts)), "shop").await;
            let how = How::default();
            mongo.copy("old", "copy", &how, &|_, _, _| ()).await.expect("copies");
            scene.server.step_down();
            mongo.drop_database("copy").await.expect("drops at the new primary");
            mongo
                .copy("old", "copy", &how, &|_, _, _| ())
                .await
                .expect("copies again");
            let proofs = (mongo.prove("old", None).await, mongo.prove("copy", None).await);
            assert_eq!(proofs.0.expect("proves"), proofs.1.expect("proves"), "{hosts}");
        }
    });
}

#[test]
fn certificates_are_checked_against_the_names_that_servers_have_in_the_cluster() {
    let Some(scene) = scene() else { return };
    let names = [
        "mongo.shop.svc",
        "mongo-0.mongo.shop.svc.cluster.local",
        "mongo-1.mongo.shop.svc.cluster.local",
    ];
    let fronts = [0, 1].map(|at| TlsFront::start(scene.server.ports()[at], &names).expect("a front"));
    for (name, front) in ["mongo-0", "mongo-1"].iter().zip(&fronts) {
        scene
            .sim
            .port_leads_to("shop", name, 27017, SocketAddr::from(([127, 0, 0, 1], front.port())));
    }
    // Each has an authority of its own.
    let (ca, client) = (format!("{}{}", fronts[0].ca, fronts[1].ca), &fronts[0].client);
    scene.place.write("ca.pem", &ca);
    scene.place.write("client.pem", client);
    let tls = format!(
        "/?tls=true&tlsCAFile={}&tlsCertificateKeyFile={}",
        scene.place.path("ca.pem"),
        scene.place.path("client.pem")
    );
    let list = |host: &str| {
        scene
            .place
            .write("uri.txt", &format!("mongodb://root:root-password@{host}{tls}"));
        let flags = format!(
            "--uri-file {} --kubeconfig {}",
            scene.place.path("uri.txt"),
            scene.place.path("kubeconfig")
        );
        scene.place.rehelm(&format!("db list {flags}"))
    };
    let said = list("mongo.shop.svc");
    assert!(said.contains("exit 0") && said.contains("300"), "{said}");
    // The same server by a name that is not in its certificate.
    let said = list("front.shop.svc:27000");
    assert!(said.contains("exit 1") && said.contains("ertificate"), "{said}");
}
