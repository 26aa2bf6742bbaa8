//! The ways on that are taken after a loss: `restore` from a backup, `resume` for programs, and a journal that was damaged.

use age::secrecy::ExposeSecret as _;
use libtest_mimic::Trial;
use rehelm_core::rights::Duty;
use rehelm_sim::Identity;
use serde_json::Value;

use crate::scene::Scene;
use crate::trial;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("restore::asks_for_its_rights_first", asks_first),
        trial("restore::sealed_secrets_come_back_with_the_identity", sealed),
        trial("restore::resume_speaks_json", resume_json),
        trial("restore::a_damaged_journal_is_refused_with_what_is_known", damaged),
    ]
}

fn example() -> Result<Scene, String> {
    Ok(Scene::open("example")?.ok_or("the example is part of the project")?)
}

fn migrated(scene: &Scene) -> Result<(), String> {
    for line in ["plan --fill-values", "prepare --yes", "migrate --yes"] {
        scene.rehelm(line).check(0, &[])?;
    }
    Ok(())
}

/// Bringing the originals back asks for its rights before it takes the lock or changes anything.
fn asks_first() -> Result<(), String> {
    let scene = example()?;
    let roles = scene.rehelm("plan -o rbac --fill-values --quiet --duty read");
    scene.apply(roles.text.split("\nSaved ").next().unwrap_or_default())?;
    migrated(&scene)?;
    let line = format!("restore --from {}/.rehelm/backup --without-secrets --yes", scene.folder);
    let nobody = format!("rehelm-{}-{}", scene.stage.settings.release, Duty::Migrate);
    scene.act_as(Identity::service_account(
        &scene.stage.settings.source_namespace,
        &nobody,
    ));
    scene.stage.sim.forget_requests();
    scene.rehelm(&line).check(3, &["nothing was changed", "kube-system"])?;
    // Enough to know the cluster, and not to change it.
    let reader = format!("rehelm-{}-{}", scene.stage.settings.release, Duty::Read);
    scene.act_as(Identity::service_account(
        &scene.stage.settings.source_namespace,
        &reader,
    ));
    scene.stage.sim.forget_requests();
    scene.rehelm(&line).check(3, &["right-missing", "delete"])?;
    let writes = scene.writes();
    if !writes.is_empty() {
        return Err(format!("there were writes: {writes:?}"));
    }
    scene.act_as(Identity::admin());
    scene.rehelm(&line).check(0, &["The originals are back"])?;
    scene.rehelm(&line).check(0, &["Everything is as in the backup"])?;
    Ok(())
}

/// Namespace, name and content of the old install's secrets.
fn secrets(scene: &Scene) -> Vec<(String, Value)> {
    let all = scene.stage.sim.objects().into_iter();
    all.filter(|o| o["kind"] == "Secret" && o["metadata"]["namespace"] == "notes-old")
        .map(|o| {
            (
                o["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                o["data"].clone(),
            )
        })
        .collect()
}

fn sealed() -> Result<(), String> {
    let scene = example()?;
    let identity = age::x25519::Identity::generate();
    let config = scene.folder.join("rehelm.yaml");
    let text = std::fs::read_to_string(&config).map_err(|e| e.to_string())?;
    let text = format!("{text}backup: {{recipients: [{}]}}\n", identity.to_public());
    std::fs::write(&config, text).map_err(|e| e.to_string())?;
    let before = secrets(&scene);
    migrated(&scene)?;
    scene.stage.soak();
    scene.rehelm("cleanup --yes-irreversible").check(0, &[])?;
    let left = secrets(&scene);
    if left.len() >= before.len() {
        return Err(format!("the cleanup left {} of {} secrets", left.len(), before.len()));
    }
    // A cleanup closes the run, and its folder moves.
    let backup = backup_of(&scene)?;
    let line = format!("restore --from {backup} --yes");
    scene.rehelm(&line).check(2, &["--identity", "--without-secrets"])?;
    let other = scene.folder.join("other.key");
    let write = |at: &camino::Utf8Path, key: &age::x25519::Identity| {
        std::fs::write(at, key.to_string().expose_secret()).map_err(|e| e.to_string())
    };
    write(&other, &age::x25519::Identity::generate())?;
    scene
        .rehelm(&format!("{line} --identity {other}"))
        .check(1, &["cannot open the secrets"])?;
    let own = scene.folder.join("own.key");
    write(&own, &identity)?;
    scene
        .rehelm(&format!("{line} --identity {own}"))
        .check(0, &["The originals are back"])?;
    let now = secrets(&scene);
    match before == now {
        true => Ok(()),
        false => {
            let names = |all: &[(String, Value)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            Err(format!("before {:?}, now {:?}", names(&before), names(&now)))
        }
    }
}

/// Where the backup is: the run's own folder, or the one of a run that is over.
fn backup_of(scene: &Scene) -> Result<camino::Utf8PathBuf, String> {
    let folder = scene.folder.join(".rehelm");
    let own = folder.join("backup");
    if own.is_dir() {
        return Ok(own);
    }
    let runs = folder.join("runs").read_dir_utf8().map_err(|e| e.to_string())?;
    let found = runs
        .flatten()
        .map(|run| run.path().join("backup"))
        .find(|path| path.is_dir());
    found.ok_or_else(|| "there is no backup".to_owned())
}

/// A run that stopped half-way goes on, and what a program reads is one document of JSON on stdout.
fn resume_json() -> Result<(), String> {
    let scene = example()?;
    for line in ["plan --fill-values", "prepare --yes"] {
        scene.rehelm(line).check(0, &[])?;
    }
    let broken = rehelm::rehearsal::fault::parse("pod=notes/web-:crash")?;
    scene.stage.sim.fault(broken);
    scene.rehelm("migrate --yes --ready-timeout 1m").check(4, &[])?;
    scene.stage.sim.mend();
    let said = scene.rehelm("resume --yes -o json --quiet").check(0, &[])?;
    // What is told to people comes before it here; in a terminal that is stderr.
    let (_, text) = said.text.split_once("\n{").ok_or("there is no document")?;
    let document: Value = serde_json::from_str(&format!("{{{text}")).map_err(|why| format!("{why}:\n{}", said.text))?;
    match (&document["resumed"], &document["status"]["state"]) {
        (resumed, state) if resumed == "migrate" && state == "migrated" => Ok(()),
        _ => Err(said.text),
    }
}

fn damaged() -> Result<(), String> {
    let scene = example()?;
    for line in ["plan --fill-values", "prepare --yes"] {
        scene.rehelm(line).check(0, &[])?;
    }
    let path = scene.folder.join(".rehelm/journal.jsonl");
    let sound = std::fs::read(&path).map_err(|e| e.to_string())?;
    let mut bytes = sound.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).map_err(|e| e.to_string())?;
    scene.stage.sim.forget_requests();
    for line in ["migrate --yes", "rollback --yes", "cleanup --yes-irreversible"] {
        let said = scene.rehelm(line);
        if said.code == 0 {
            return Err(format!("{line} went on:\n{}", said.text));
        }
        said.check(1, &["journal.jsonl:", "records are sound", "--from-cluster"])?;
    }
    let writes = scene.writes();
    if !writes.is_empty() {
        return Err(format!("there were writes: {writes:?}"));
    }
    scene.rehelm("resume --from-cluster --yes").check(0, &[])?;
    Ok(())
}
