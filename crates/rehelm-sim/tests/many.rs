//! Controllers look at what changed, not at everything: the cost of a workload does not grow with the cluster.

use std::time::{Duration, Instant};

use rehelm_sim::{Options, Sim};
use serde_json::{Value, json};

fn deployment(at: usize) -> [Value; 2] {
    let app = format!("app-{at}");
    let meta = |kind: &str| {
        json!({"name": app, "namespace": "default", "uid": format!("{kind}-{at}"),
            "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 1})
    };
    let template =
        json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    [
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("d"),
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": app}}, "template": template}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("s"),
            "spec": {"clusterIP": "None", "selector": {"app": app}, "ports": [{"port": 80}]}}),
    ]
}

fn time(deployments: usize) -> (usize, Duration) {
    let sim = Sim::new(Options::default());
    sim.load((0..deployments).flat_map(deployment).collect())
        .expect("kinds that are served");
    let begun = Instant::now();
    sim.quiesce(Duration::from_secs(600));
    let took = begun.elapsed();
    let pods = sim.objects().into_iter().filter(|object| object["kind"] == "Pod");
    let ready = pods.filter(|pod| pod["status"]["phase"] == "Running").count();
    assert_eq!(ready, 2 * deployments);
    (sim.objects().len(), took)
}

#[test]
fn cost_is_linear() {
    // The best of three: other programs may have the processor now and then.
    let best = |deployments| (0..3).map(|_| time(deployments)).min_by_key(|(_, took)| *took);
    let ((few, short), (many, long)) = (best(20).expect("three"), best(160).expect("three"));
    let each = |count: usize, took: Duration| took.as_secs_f64() / f64::from(u32::try_from(count).unwrap_or(1));
    let ratio = each(many, long) / each(few, short);
    // With everything looked at each time the ratio would be that of the sizes, 5 or more.
    assert!(ratio < 3.0, "{few} objects in {short:?}, {many} in {long:?}");
}
