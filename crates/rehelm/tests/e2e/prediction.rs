//! A rehearsal on a snapshot says what the real run will do: the same plan, the same objects at the end, and an outage that
//! stands beside the measured one.

use std::collections::BTreeMap;

use rehelm::rehearsal::compare::settled;
use serde_json::Value;

use crate::scene::{Scene, comparable, differences};

/// What a migration leaves behind, in the words of `kubectl get`.
const KINDS: &str = "deployments,services,configmaps,secrets,serviceaccounts,ingresses,persistentvolumeclaims,jobs,\
                     roles,rolebindings,persistentvolumes,storageclasses,clusterroles,clusterrolebindings,ingressclasses";

type Objects = BTreeMap<String, Value>;

/// What a plan says, but for where it was saved and what only a node can answer: on the testbed no command runs in a pod, which is
/// a warning, and in a rehearsal nobody tries.
fn plan_lines(planned: &str) -> impl Iterator<Item = &str> {
    let mut unasked = false;
    planned.lines().filter(move |line| {
        // The line after a finding says what to do about it.
        let fix = std::mem::replace(&mut unasked, line.ends_with("[exec-check-unasked]"));
        !(fix || unasked || line.starts_with("Saved") || line.ends_with(" warnings"))
    })
}

fn foresees(scenario: &str, custom: &str) {
    let Some(scene) = Scene::up(scenario) else { return };
    let mut flags = vec!["--fill-values", "--confirm", "snapshots"];
    flags.extend(scene.waived().iter().flat_map(|id| ["--accept", id]));
    std::fs::write(scene.folder().join("passphrase"), "a phrase for one test\n").expect("written");
    let snapshot = ["snapshot", "--passphrase-file", "passphrase", "--out", "snap.tar.zst"];
    scene.rehelm(&snapshot).code(0);
    let planned = scene.plan().code(0).out;

    let sealed = ["--snapshot", "snap.tar.zst", "--passphrase-file", "passphrase"];
    let words = [&["rehearse", "--keep", "-o", "json"], &sealed[..], &flags].concat();
    let rehearsed = scene.rehelm(&words).code(0);
    let mut said = rehearsed.err.lines();
    for line in plan_lines(&planned) {
        assert!(
            said.any(|other| other == line),
            "not in the rehearsal's plan: {line}\n{}",
            rehearsed.err
        );
    }
    let account: Value = serde_json::from_str(&rehearsed.out).expect("JSON");
    let kept = account["folder"].as_str().expect("kept").to_owned();
    let lines = std::fs::read_to_string(format!("{kept}/end.jsonl")).expect("the rehearsal's end");
    std::fs::remove_dir_all(&kept).expect("removed");

    scene.rehelm(&["prepare", "--yes"]).code(0);
    let measured = outage(&scene.rehelm(&["migrate", "--yes"]).code(0).err);
    scene.rehelm(&["cleanup", "--yes-irreversible", "--soak", "0s"]).code(0);

    let kinds = [KINDS, custom].concat();
    let real: Objects = scene
        .objects(&kinds, None)
        .into_iter()
        .map(|(k, v)| (k, settled(v)))
        .collect();
    let objects = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let simulated = objects.map(rehelm_core::object::Object);
    let simulated: Objects = simulated
        .map(|o| (o.reference().to_string(), comparable(&o)))
        .filter(|(_, value)| is_of(value, &real))
        .map(|(key, value)| (key, settled(value)))
        .collect();
    let differ = differences(&real, &simulated);
    assert!(differ.is_empty(), "real -> rehearsed\n{}", differ.join("\n"));
    eprintln!(
        "{scenario}: outage rehearsed {:.1} s, estimated {} s, measured {measured}; {} objects at the end are equal",
        account["outageSeconds"][0].as_f64().expect("a number"),
        account["estimatedSeconds"],
        real.len(),
    );
}

/// What `migrate` says about the outage that it measured.
fn outage(said: &str) -> String {
    let after = said
        .split("outage ended after ")
        .nth(1)
        .expect("the outage was measured");
    after.lines().next().unwrap_or_default().to_owned()
}

/// True for an object of a kind that the real cluster was asked for.
fn is_of(value: &Value, real: &Objects) -> bool {
    real.values()
        .any(|other| other["kind"] == value["kind"] && other["apiVersion"] == value["apiVersion"])
}

#[test]
fn of_the_reference() {
    foresees("aws", ",middlewares.traefik.containo.us,tlsoptions.traefik.containo.us");
}

#[test]
fn of_the_example() {
    foresees("notes", "");
}
