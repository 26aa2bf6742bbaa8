//! Claims, volumes, databases.

use serde_json::json;

use crate::checks::fixture::{breaks, object, secret};
use crate::finding::Severity::{Error, Info, Warning};

#[test]
fn claims() {
    breaks("claim-unbound", Error, |c| c.observed().claims[0].volume = None);
    breaks("claim-unbound", Error, |c| {
        c.observed().claims[0].claim.0["status"]["phase"] = json!("Lost")
    });
    let found = breaks("claim-class", Error, |c| {
        c.rendered("PersistentVolumeClaim", "data")["spec"]["storageClassName"] = json!("slow");
    });
    assert_eq!(
        (found.args["claim"].as_str(), found.args["volume"].as_str()),
        ("slow", "fast")
    );
    breaks("claim-access-modes", Error, |c| {
        c.rendered("PersistentVolumeClaim", "data")["spec"]["accessModes"] = json!(["ReadWriteMany"]);
    });
    breaks("claim-volume-mode", Error, |c| {
        c.rendered("PersistentVolumeClaim", "data")["spec"]["volumeMode"] = json!("Block");
    });
    breaks("claim-size", Error, |c| {
        c.rendered("PersistentVolumeClaim", "data")["spec"]["resources"]["requests"]["storage"] = json!("11Gi");
    });
    breaks("claim-fields", Error, |c| {
        c.rendered("PersistentVolumeClaim", "data")["spec"]["volumeName"] = json!("vol-2");
    });
    breaks("claim-missing-in-release", Error, |c| {
        c.pod()["volumes"] = json!([{"name": "x", "persistentVolumeClaim": {"claimName": "other"}}]);
    });
}

#[test]
fn volumes() {
    breaks("volume-claim-ref", Error, |c| {
        c.volume()["spec"]["claimRef"]["uid"] = json!("another")
    });
    breaks("volume-class-missing", Info, |c| c.observed().classes.clear());
    breaks("volume-class-missing", Warning, |c| {
        c.observed().classes.clear();
        c.volume()["metadata"]["annotations"] = json!({"pv.kubernetes.io/provisioned-by": "d"});
    });
    let affinity = |zone: &str| {
        json!({"required": {"nodeSelectorTerms": [{"matchExpressions":
        [{"key": "zone", "operator": "In", "values": [zone]}]}]}})
    };
    breaks("volume-affinity", Error, |c| {
        c.volume()["spec"]["nodeAffinity"] = affinity("b")
    });
    breaks("volume-affinity", crate::finding::Severity::Ok, |c| {
        c.observed().nodes[0].set_label("zone", "b");
        c.volume()["spec"]["nodeAffinity"] = affinity("b");
    });
    let found = breaks("volume-twice", Warning, |c| {
        let mut twin = c.observed().volumes[0].clone();
        twin.0["metadata"]["name"] = json!("vol-2");
        c.observed().volumes.push(twin);
    });
    assert_eq!(found.args["others"], "vol-2");
    breaks("volume-delete-policy", Info, |c| {
        c.volume()["spec"]["persistentVolumeReclaimPolicy"] = json!("Delete");
    });
    breaks("volume-in-tree", Info, |c| {
        c.volume()["spec"]["awsElasticBlockStore"] = json!({"volumeID": "v"});
    });
}

#[test]
fn an_embedded_server_is_an_error_only_when_it_is_used() {
    let server = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "database", "namespace": "old"},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": "db"}}}}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "old"},
        "spec": {"selector": {"app": "db"}}});
    breaks("database-embedded", Warning, |c| c.declare(server.clone()));
    let found = breaks("database-embedded", Error, |c| {
        c.declare(server.clone());
        c.declare(service.clone());
        c.observed().converted[1] = secret("new", "orders", &[("uri", "mongodb://orders:geheim@db:27017/orders")]);
    });
    assert_eq!(found.args["hosts"], "db");
    breaks("database-embedded", Warning, |c| {
        c.declare(server);
        c.live("Deployment", "database")["spec"]["replicas"] = json!(0);
    });
}

#[test]
fn database_hosts_must_be_found_from_the_other_namespace() {
    let uri = |c: &mut crate::checks::fixture::Case, host: &str| {
        let uri = format!("mongodb://orders:geheim@{host}/orders");
        c.observed().converted[1] = secret("new", "orders", &[("uri", &uri)]);
    };
    let found = breaks("database-host", Error, |c| uri(c, "mongo:27017"));
    assert_eq!(
        (found.args["why"].as_str(), found.args["secrets"].as_str()),
        ("short", "orders")
    );
    breaks("database-host", Warning, |c| uri(c, "api-main.old.svc"));
    for fine in ["10.0.0.1", "[::1]:27017", "a.b.example", "api-main"] {
        breaks("database-host", crate::finding::Severity::Ok, |c| uri(c, fine));
    }
}

#[test]
fn database_server() {
    breaks("database-access", Error, |c| c.input.databases = None);
    breaks("database-access", Error, |c| {
        c.input.databases = Some(Err("refused".into()))
    });
    breaks("database-source", Info, |c| c.input.databases = None);
    let look = |c: &mut crate::checks::fixture::Case, members: usize, names: &[&str]| {
        let Some(Ok(look)) = &mut c.input.databases else {
            panic!()
        };
        look.facts.replica_set.truncate(members);
        look.names = names.iter().map(|n| (*n).to_owned()).collect();
    };
    breaks("database-topology", Warning, |c| look(c, 0, &["orders"]));
    breaks("database-source", Error, |c| look(c, 3, &[]));
    let found = breaks("database-left", Error, |c| look(c, 3, &["orders", "orders-new"]));
    assert_eq!(found.args["from"], "orders");
}

#[test]
fn leftovers() {
    use crate::ports::ReleaseState;
    let found = breaks("release-left", Error, |c| {
        c.observed().release = Some(ReleaseState {
            revision: 1,
            status: "pending-install".into(),
            chart: "shop-2.0.3".into(),
            manifest: vec![],
        });
    });
    assert_eq!(found.args["status"], "pending-install");
    breaks("object-left", Warning, |c| {
        let mut left = object(c.rendered("Service", "api-main").clone());
        left.set_annotation("meta.helm.sh/release-name", "shop");
        left.set_annotation("meta.helm.sh/release-namespace", "new");
        c.observed().live.insert(left.reference().key(), left);
    });
    let claim = |phase: &str, volume: &str| {
        object(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "new"}, "spec": {"volumeName": volume}, "status": {"phase": phase}}))
    };
    breaks("claim-left", Error, |c| {
        c.input.around.target_claims.push(claim("Bound", "vol-9"))
    });
    breaks("claim-left", Warning, |c| {
        c.input.around.target_claims.push(claim("Pending", "vol-9"))
    });
    breaks("claim-left", Info, |c| {
        c.input.around.target_claims.push(claim("Pending", "vol-1"))
    });
    breaks("secret-left", Error, |c| {
        c.observed()
            .target_secrets
            .push(secret("new", "mail", &[("password", "q")]))
    });
    breaks("secret-left", crate::finding::Severity::Ok, |c| {
        c.observed()
            .target_secrets
            .push(secret("new", "mail", &[("password", "p")]));
    });
    breaks("volume-left", Warning, |c| {
        let mut old = c.observed().volumes[0].clone();
        old.0["metadata"]["name"] = json!("vol-9");
        old.0["spec"]["claimRef"] = json!({"namespace": "new", "name": "data"});
        c.observed().volumes.push(old);
    });
    breaks("mark-left", Info, |c| {
        c.volume()["metadata"]["annotations"] = json!({"rehelm.dev/original-reclaim-policy": "Delete"});
    });
}
