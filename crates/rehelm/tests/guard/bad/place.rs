//! Where a case is tried: the example's folder, made wrong, and a cluster where the case wants one.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use camino::{Utf8Path, Utf8PathBuf};
use rehelm::cli::global::Staged;
use rehelm::config::Settings;
use rehelm::printer::Printer;
use rehelm::rehearsal::example;
use rehelm::rehearsal::shut::Shut;
use rehelm::rehearsal::stage::{self, Props, Stage};
use rehelm::session;
use rehelm_core::snapshot::{FORMAT, Meta, Secrecy};
use rehelm_sim::RequestRecord;
use serde_json::Value;

use super::case::{Case, Change};
use crate::scene::{Said, Scene};
use crate::setting;

/// The example, installed and prepared once.
struct Prepared {
    objects: Vec<Value>,
    /// `.rehelm/` after `plan` and `prepare`, by path.
    run: BTreeMap<String, Vec<u8>>,
}

fn prepared() -> Result<&'static Prepared, String> {
    static PREPARED: OnceLock<Result<Prepared, String>> = OnceLock::new();
    let made = PREPARED.get_or_init(|| {
        let scene = Scene::open("example")?.ok_or("the example is part of the project")?;
        let objects = scene.stage.sim.objects();
        scene.rehelm("plan --fill-values").check(0, &[])?;
        scene.rehelm("prepare --yes").check(0, &[])?;
        let files = ["plan.json", "journal.jsonl"].map(|name| format!(".rehelm/{name}"));
        let read = |name: String| {
            let bytes = std::fs::read(scene.folder.join(&name)).map_err(|e| format!("{name}: {e}"))?;
            Ok::<_, String>((name, bytes))
        };
        let run = files.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Prepared { objects, run })
    });
    made.as_ref().map_err(Clone::clone)
}

pub struct Place {
    folder: Utf8PathBuf,
    runtime: tokio::runtime::Runtime,
    stage: Option<Arc<Stage>>,
    line: String,
    _temporary: tempfile::TempDir,
}

impl Place {
    pub fn new(case: &Case) -> Result<Self, String> {
        let temporary = tempfile::tempdir().map_err(|e| e.to_string())?;
        let folder = Utf8Path::from_path(temporary.path()).ok_or("not UTF-8")?;
        let folder = folder.canonicalize_utf8().map_err(|e| e.to_string())?;
        example::write(&folder).map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
        // Made with a runtime of its own, which cannot be within another.
        prepared()?;
        // Settings and profile as they were; the verbs read what is wrong.
        let stage = match &case.cluster {
            Some(changes) => Some(Arc::new(runtime.block_on(set(&folder, changes))?)),
            None => None,
        };
        let mut place = Self {
            folder,
            runtime,
            stage,
            line: case.run.clone(),
            _temporary: temporary,
        };
        place.spoil(case)?;
        if let Some(stage) = &place.stage {
            stage.sim.forget_requests();
        }
        Ok(place)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), String> {
        let path = self.folder.join(name);
        let parent = path.parent().ok_or("a path in the folder")?;
        std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
        std::fs::write(&path, content).map_err(|e| format!("{path}: {e}"))
    }

    fn spoil(&mut self, case: &Case) -> Result<(), String> {
        if case.run.split_whitespace().any(|word| RUN_VERBS.contains(&word)) {
            for (name, content) in &prepared()?.run {
                self.write(name, content)?;
            }
        }
        if case.run.starts_with("secrets convert") {
            self.write("secrets/notes-registry.yaml", REGISTRY.as_bytes())?;
        }
        for name in &case.remove {
            let path = self.folder.join(name);
            let removed = match path.is_dir() {
                true => std::fs::remove_dir_all(&path),
                false => std::fs::remove_file(&path),
            };
            removed.map_err(|e| format!("{path}: {e}"))?;
        }
        for (name, text) in &case.files {
            self.write(name, text.as_bytes())?;
        }
        for (name, bytes) in &case.bytes {
            let bytes = base64::engine::general_purpose::STANDARD.decode(bytes);
            self.write(name, &bytes.map_err(|e| format!("{}: {e}", case.name))?)?;
        }
        for r in &case.repeat {
            self.write(
                &r.file,
                format!("{}{}{}", r.first, r.text.repeat(r.times), r.last).as_bytes(),
            )?;
        }
        for edit in &case.edit {
            let path = self.folder.join(&edit.file);
            let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
            if !text.contains(&edit.find) {
                return Err(format!("{path} has no {:?}", edit.find));
            }
            self.write(&edit.file, text.replacen(&edit.find, &edit.by, 1).as_bytes())?;
        }
        for (name, to) in &case.link {
            let path = self.folder.join(name);
            // What was there is replaced.
            let _ = std::fs::remove_file(&path);
            std::os::unix::fs::symlink(to, &path).map_err(|e| format!("{path}: {e}"))?;
        }
        Ok(())
    }

    pub fn run(&self) -> Result<Said, String> {
        let line = self.line.replace("~/", &format!("{}/", self.folder));
        let words = std::iter::once("rehelm").chain(line.split_whitespace());
        let mut cli = rehelm::cli::parse(words.map(Into::into)).map_err(|_| "the command line is not taken")?;
        cli.global.config = self.folder.join("rehelm.yaml");
        cli.global.kubeconfig = Some(self.folder.join("no-kubeconfig"));
        cli.global.stage = self.stage.clone().map(Staged);
        let printer = Arc::new(Printer::keeping());
        let _runtime = &self.runtime;
        let exit = rehelm::cli::run_with(&printer, cli);
        Ok(Said {
            code: exit.code(),
            text: printer.take(),
        })
    }

    /// Every file but those of Helm's own, which has its caches where it is told.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().expect("readable").flatten() {
                let path = entry.path().to_owned();
                let kind = entry.file_type().expect("known");
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let name = path.strip_prefix(&self.folder).expect("below").to_string();
                    all.insert(name, std::fs::read(&path).expect("readable"));
                }
            }
        }
        all.retain(|name, _| !name.starts_with(".rehelm/helm"));
        all
    }

    pub fn writes(&self) -> Vec<RequestRecord> {
        let Some(stage) = &self.stage else { return Vec::new() };
        crate::scene::writes(&stage.sim.requests())
    }
}

/// The one secret that the example has among its surroundings.
const REGISTRY: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: notes-registry}\n\
                        type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: e30=}\n";

/// Verbs that go on from a plan and a journal.
const RUN_VERBS: [&str; 7] = ["status", "show", "prepare", "migrate", "verify", "rollback", "cleanup"];

async fn set(folder: &Utf8Path, changes: &[Change]) -> Result<Stage, String> {
    let words = |e: rehelm::errors::Error| e.message().to_owned();
    let mut objects = prepared()?.objects.clone();
    for change in changes {
        apply(&mut objects, change)?;
    }
    let meta = Meta {
        format: FORMAT,
        taken: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_767_225_600),
        by: "a test".to_owned(),
        context: "story".to_owned(),
        version: "v1.35.0".to_owned(),
        cluster_uid: String::new(),
        api_versions: Vec::new(),
        secrets: Secrecy::Plain,
        resources: Vec::new(),
        unread: Vec::new(),
    };
    let (sim, _) = stage::cluster(&meta, BTreeMap::from([(String::new(), objects)])).map_err(words)?;
    let global = setting::global(&folder.join("rehelm.yaml"))?;
    let settings = Settings::load(&global, &Default::default()).map_err(words)?;
    let profile = session::load_profile(&settings).map_err(words)?;
    let props = Props {
        words: Arc::new(session::words(&global, &profile).map_err(words)?),
        settings,
        profile,
        context: "story".to_owned(),
        shapes: None,
        shut: Shut::default(),
    };
    Stage::set(sim, props, folder).await.map_err(words)
}

fn apply(objects: &mut Vec<Value>, change: &Change) -> Result<(), String> {
    let is = |o: &Value, kind: &str, name: &str| {
        let named = o["metadata"]["name"].as_str().unwrap_or_default();
        o["kind"] == kind && (named == name || name.strip_suffix('*').is_some_and(|start| named.starts_with(start)))
    };
    match change {
        Change::Add(object) => objects.push(object.clone()),
        Change::Drop { kind, name } => {
            let count = objects.len();
            objects.retain(|o| !is(o, kind, name));
            if objects.len() == count {
                return Err(format!("there is no {kind} {name}"));
            }
        }
        Change::Patch { kind, name, with } => {
            let mut met = 0;
            for object in objects.iter_mut().filter(|o| is(o, kind, name)) {
                merge(object, with);
                met += 1;
            }
            if met == 0 {
                return Err(format!("there is no {kind} {name}"));
            }
        }
    }
    Ok(())
}

/// RFC 7386.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Value::Object(into) = into else { return };
    for (key, value) in patch {
        if value.is_null() {
            into.shift_remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
