use serde_json::json;

use super::*;
use crate::sim::Options;

fn world() -> World {
    let mut world = World::new(Options::default());
    for name in ["default", "a"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        world.create("namespaces", namespace).expect("a namespace");
    }
    world
}

/// A pod that runs on a node.
fn pod(world: &mut World) -> Arc<Value> {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "a"},
        "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n", "terminationGracePeriodSeconds": 20},
    });
    world.create("pods", pod).expect("a pod")
}

fn delete(world: &mut World, id: &str, name: &str, options: &DeleteOptions) -> (Arc<Value>, bool) {
    let kind = world.kind(id).expect("a kind");
    let old = world.get(id, "a", name).expect("an object");
    world.delete(&kind, &old, options).expect("deleted")
}

fn grace(seconds: Option<i64>) -> DeleteOptions {
    DeleteOptions {
        grace_seconds: seconds,
        ..DeleteOptions::default()
    }
}

fn left(object: &Value) -> Option<i64> {
    meta::get(object, "deletionGracePeriodSeconds").and_then(Value::as_i64)
}

#[test]
fn the_grace_of_a_pod_may_become_shorter_and_never_longer() {
    let mut world = world();
    let start = world.now();
    pod(&mut world);
    let (object, gone) = delete(&mut world, "pods", "p", &grace(None));
    assert_eq!((left(&object), gone), (Some(20), false));
    let end = start.after(Duration::from_secs(20)).rfc3339();
    assert_eq!(meta::text(&object, "deletionTimestamp"), end);
    assert_eq!(meta::get(&object, "generation"), Some(&json!(2)));
    let (object, _) = delete(&mut world, "pods", "p", &grace(Some(40)));
    assert_eq!(left(&object), Some(20));
    let (object, gone) = delete(&mut world, "pods", "p", &grace(Some(5)));
    assert_eq!((left(&object), gone), (Some(5), false));
    let end = start.after(Duration::from_secs(5)).rfc3339();
    assert_eq!(meta::text(&object, "deletionTimestamp"), end);
    let (_, gone) = delete(&mut world, "pods", "p", &grace(Some(0)));
    assert!(gone);
    assert!(world.get("pods", "a", "p").is_none());
}

#[test]
fn a_finalizer_holds_a_pod_whose_grace_is_over() {
    let mut world = world();
    pod(&mut world);
    world
        .modify("pods", "a", "p", |pod| meta::add_finalizer(pod, "x.y/z"))
        .expect("changed");
    let (_, gone) = delete(&mut world, "pods", "p", &grace(Some(0)));
    assert!(!gone);
    world
        .modify("pods", "a", "p", |pod| meta::drop_finalizer(pod, "x.y/z"))
        .expect("changed");
    assert!(world.get("pods", "a", "p").is_none());
}

#[test]
fn jobs_leave_their_pods_unless_told_otherwise() {
    let mut world = world();
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": "a"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}},
    });
    world.create("jobs.batch", job).expect("a job");
    let background = DeleteOptions {
        propagation: Some("Background".to_owned()),
        dry_run: true,
        ..DeleteOptions::default()
    };
    assert!(delete(&mut world, "jobs.batch", "j", &background).1);
    let (object, gone) = delete(&mut world, "jobs.batch", "j", &DeleteOptions::default());
    assert!(!gone);
    assert_eq!(meta::finalizers(&object), ["orphan"]);
}

#[test]
fn ten_thousand_objects_are_admitted_in_little_time() {
    let mut world = world();
    let start = std::time::Instant::now();
    for at in 0..10_000 {
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": format!("c{at}"), "namespace": "a", "labels": {"app": "x"}},
            "data": {"a": "b"},
        });
        world.create("configmaps", map).expect("a map");
    }
    let service = |at: i32| {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": format!("s{at}"), "namespace": "a"},
            "spec": {"ports": [{"port": 80}], "selector": {"app": "x"}},
        })
    };
    for at in 0..1000 {
        world.create("services", service(at)).expect("a service");
    }
    // Generous: this is also run without optimization, beside other tests. Quadratic costs would show.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
