//! What is left open for a look around.

use crate::hall::Hall;

#[test]
fn kubectl_looks_around_in_what_was_served() {
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example"]);
    let pods = served.kubectl(&["get", "pods", "-n", "notes-old"]);
    assert!(pods.contains("web-") && pods.contains("Running"), "{pods}");
    let claims = served.kubectl(&["get", "pvc", "-n", "notes-old", "--no-headers"]);
    assert_eq!(
        claims.lines().filter(|line| line.contains("Bound")).count(),
        3,
        "{claims}"
    );
    served.kubectl(&["scale", "deployment/web", "--replicas=1", "-n", "notes-old"]);
    served.kubectl(&[
        "rollout",
        "status",
        "deployment/web",
        "-n",
        "notes-old",
        "--timeout=60s",
    ]);
    assert_eq!(served.end(), Some(0));
}

#[test]
fn it_stops_where_it_is_told_and_shows_what_is_there_then() {
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example", "--until", "scale"]);
    let web = served.kubectl(&[
        "get",
        "deployment",
        "web",
        "-n",
        "notes-old",
        "-o",
        "jsonpath={.spec.replicas}",
    ]);
    assert_eq!(web, "0");
    served.kubectl(&["get", "namespace", "notes"]);
    assert_eq!(served.end(), Some(0));
}
