//! Values from what lives, and a plan that knows its post-renderer; the example, served by the simulator.

use crate::hall::Hall;

#[test]
fn replicas_are_derived_as_they_run() {
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example"]);
    let kubeconfig = served.kubeconfig.as_str();
    served.kubectl(&["scale", "deployment/web", "--replicas=5", "-n", "notes-old"]);
    std::fs::write(hall.path("empty.yaml"), "{}\n").expect("written");
    let derive = |from: &str, out: &str| {
        hall.rehelm(&[
            "values",
            "derive",
            "--from",
            from,
            "--out",
            out,
            "-f",
            "empty.yaml",
            "-o",
            "json",
            "--kubeconfig",
            kubeconfig,
        ])
        .code(0)
        .json()
    };
    let live = derive("live", "live.yaml");
    let text = std::fs::read_to_string(hall.path("live.yaml")).expect("written");
    assert!(text.contains("replicas: 5"), "{text}");
    let declared = derive("kustomize", "declared.yaml");
    let text = std::fs::read_to_string(hall.path("declared.yaml")).expect("written");
    assert!(text.contains("replicas: 3"), "{text}");
    // What the server and its controllers have written is no difference: the objects meet as they are declared.
    for count in ["objects", "onlyToday", "onlyChart"] {
        assert_eq!(live["after"][count], declared["after"][count], "{count}");
    }
    let differ = |report: &serde_json::Value| -> Vec<String> {
        let all = report["residuals"].as_array().expect("a list").iter();
        let open = all.filter(|r| r["class"] != "by-design");
        open.map(|r| format!("{} {} {}", r["object"]["kind"], r["object"]["name"], r["field"]))
            .collect()
    };
    assert_eq!(differ(&live), differ(&declared));
    assert_eq!(served.end(), Some(0));
}

#[test]
fn a_patch_that_has_changed_makes_the_plan_stale() {
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example"]);
    let kubeconfig = served.kubeconfig.as_str();
    std::fs::create_dir_all(hall.path("post/patches")).expect("made");
    let program = hall.path("post/post-renderer");
    for (name, text) in [
        ("post-renderer", "#!/bin/sh\nexec cat\n"),
        ("kustomization.yaml", "resources: [rendered.yaml]\n"),
        ("patches/web.yaml", "a: 1\n"),
    ] {
        std::fs::write(hall.path("post").join(name), text).expect("written");
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("a program");
    let settings = std::fs::read_to_string(hall.path("rehelm.yaml")).expect("there");
    let settings = settings.replace("  chart: ./chart\n", "  chart: ./chart\n  post-renderer: ./post\n");
    std::fs::write(hall.path("rehelm.yaml"), settings).expect("written");
    let plan = [
        "plan",
        "--fill-values",
        "--accept",
        "database-access",
        "--confirm",
        "snapshots",
        "--kubeconfig",
        kubeconfig,
    ];
    let made = hall.rehelm(&plan);
    assert!([0, 3].contains(&made.code), "{}", made.err);
    let prepare = || hall.rehelm(&["prepare", "--yes", "--kubeconfig", kubeconfig]);
    std::fs::write(hall.path("post/patches/web.yaml"), "a: 2\n").expect("written");
    let said = prepare().code(8);
    assert!(
        said.err.contains("post-renderer") && said.err.contains("has changed"),
        "{}",
        said.err
    );
    // As it was, the plan is about it again.
    std::fs::write(hall.path("post/patches/web.yaml"), "a: 1\n").expect("written");
    let said = prepare();
    assert_ne!(said.code, 8, "{}", said.err);
    assert_eq!(served.end(), Some(0));
}
