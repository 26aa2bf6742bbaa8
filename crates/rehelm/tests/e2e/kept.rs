//! A store whose data travels with its volume, as a real process with the vendor's own configuration: what is asked of it
//! before the stop and after the start, when all is well and when it is not.

use camino::Utf8PathBuf;
use rehelm_testbed::kubelet::faults::{Fault, Kind};

use crate::inside::redis;
use crate::scene::{Scene, differences};

const KEYS: &str = "500";

/// A command of the store's own client, in the pod of that namespace, with the password that the pod has.
fn ask(scene: &Scene, namespace: &str, words: &str) -> String {
    let password = "REDISCLI_AUTH=$(sed -n 's/^requirepass *//p' /var/run/secrets/redis-password.conf)";
    // A pod without a probe is ready before its program listens.
    let up = "until redis-cli PING | grep -q PONG; do sleep 0.1; done";
    let script = format!("export {password}; {up}; {words}");
    let command = [
        "exec",
        "-n",
        namespace,
        "deploy/redis-persistent",
        "--",
        "sh",
        "-c",
        &script,
    ];
    scene.kubectl(&command).trim().to_owned()
}

/// Saves, and says whether that worked.
fn saved(scene: &Scene, namespace: &str) -> bool {
    let wait = "until redis-cli INFO persistence | grep -q rdb_bgsave_in_progress:0; do :; done";
    ask(
        scene,
        namespace,
        &format!("redis-cli BGSAVE; {wait}; redis-cli INFO persistence"),
    )
    .contains("rdb_last_bgsave_status:ok")
}

/// The folder that the volume of the store is.
fn volume(scene: &Scene, namespace: &str) -> Utf8PathBuf {
    let claim = scene.get("pvc", namespace, "redis-persistent");
    let name = claim["spec"]["volumeName"].as_str().expect("bound").to_owned();
    scene.bed.dir.join("volumes").join(name)
}

fn may_be_written(folder: &Utf8PathBuf, may: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if may { 0o755 } else { 0o555 };
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).expect("ours");
}

fn replicas(scene: &Scene, namespace: &str, count: u8) {
    let count = format!("--replicas={count}");
    scene.kubectl(&["scale", "-n", namespace, "deploy/redis-persistent", &count]);
    let status = [
        "rollout",
        "status",
        "-n",
        namespace,
        "deploy/redis-persistent",
        "--timeout=30s",
    ];
    scene.kubectl(&status);
    if count.ends_with('0') {
        let gone = [
            "wait",
            "-n",
            namespace,
            "pods",
            "-l",
            "app=redis-persistent",
            "--for=delete",
            "--timeout=30s",
        ];
        scene.kubectl(&gone);
    }
}

#[test]
fn what_travels_with_its_volume_is_proven_to_be_there() {
    let program = redis("/redis:", &["/var/run/config/redis.conf"]);
    let Some(scene) = Scene::up_running("aws", vec![program]) else {
        return;
    };
    let (old, new) = (scene.scenario.namespace.clone(), "cognigy-ai");
    let fill = format!("redis-cli EVAL \"for i=1,{KEYS} do redis.call('SET','key:'..i,i) end\" 0");
    ask(&scene, &old, &fill);
    assert!(saved(&scene, &old));
    let folder = volume(&scene, &old);
    let said = scene.plan().code(0);
    assert!(!said.out.contains("exec-check"), "{}", said.out);
    scene.rehelm(&["prepare", "--yes"]).code(0);

    // It cannot save: nothing stops.
    let running = || scene.objects("deployments,persistentvolumeclaims", Some(&old));
    let prepared = running();
    may_be_written(&folder, false);
    assert!(!saved(&scene, &old));
    let said = scene.rehelm(&["check"]).code(3);
    assert!(
        said.out.contains("exec-check-failed") && said.out.contains("saved to disk"),
        "{}",
        said.out
    );
    let said = scene.rehelm(&["migrate", "--yes"]).code(3);
    assert!(said.err.contains("saved to disk"), "{}", said.err);
    let differ = differences(&prepared, &running());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert_eq!(ask(&scene, &old, "redis-cli DBSIZE"), KEYS);
    may_be_written(&folder, true);
    assert!(saved(&scene, &old));

    // It is gone while nothing runs: the release comes up without it, and that is said.
    let fault = Fault {
        namespace: Some(new.to_owned()),
        pod: Some("redis-persistent".to_owned()),
        ..Fault::new(Kind::ImagePullError)
    };
    scene.block_on(scene.bed.play(&[fault])).expect("a fault");
    scene.rehelm(&["migrate", "--yes", "--hopeless", "1s"]).code(4);
    let (dump, aside) = (folder.join("dump.rdb"), folder.with_extension("aside"));
    std::fs::rename(&dump, &aside).expect("saved when it stopped");
    scene.block_on(scene.bed.play(&[])).expect("no fault");
    let said = scene.rehelm(&["migrate", "--yes", "--hopeless", "1s"]).code(4);
    assert!(
        said.err.contains("“keys are there” found nothing any more"),
        "{}",
        said.err
    );
    assert!(said.err.contains(KEYS), "{}", said.err);

    // It is there again, in another process on the same volume.
    replicas(&scene, new, 0);
    std::fs::rename(&aside, &dump).expect("put back");
    replicas(&scene, new, 1);
    scene.rehelm(&["migrate", "--yes"]).code(0);
    scene.rehelm(&["verify"]).code(0);
    assert_eq!(volume(&scene, new), folder);
    assert_eq!(ask(&scene, new, "redis-cli DBSIZE"), KEYS);
    assert_eq!(ask(&scene, new, "redis-cli GET key:77"), "77");
    let journal = std::fs::read_to_string(scene.run_file("journal.jsonl")).expect("written by the run");
    assert!(journal.contains("counted keys are there"), "asked before the stop");

    // And back, with what was written meanwhile.
    ask(&scene, new, "redis-cli SET later 1");
    scene.rehelm(&["rollback", "--yes"]).code(0);
    assert_eq!(ask(&scene, &old, "redis-cli MGET key:77 later"), "77\n1");
    let differ = differences(&prepared, &running());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
