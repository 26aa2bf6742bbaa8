//! Plays a story and keeps what was said.

use std::process::Command;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use rehelm::cli::global::Staged;
use rehelm::printer::Printer;
use rehelm::rehearsal::compare::{self, Picture};
use rehelm::rehearsal::fault;
use rehelm::rehearsal::stage::Stage;
use rehelm_core::ports::DatabaseProof;

use crate::plain::Plain;
use crate::script::{Deed, Line};
use crate::{picture, root, setting};

/// A story's files: name and text.
pub type Told = Vec<(&'static str, String)>;

struct Player {
    runtime: tokio::runtime::Runtime,
    /// The product's folder, where `rehelm.yaml` is.
    folder: Utf8PathBuf,
    inputs: Utf8PathBuf,
    stage: Option<Arc<Stage>>,
    start: Option<Start>,
    plain: Plain,
    machine: String,
}

struct Start {
    objects: Picture,
    data: std::collections::BTreeMap<String, DatabaseProof>,
}

/// Plays all of it; None when its product is not there.
pub fn play(story: &Utf8Path, lines: &[Line]) -> Result<Option<Told>, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let place = Utf8Path::from_path(folder.path()).ok_or("the temporary folder is not UTF-8")?;
    let place = place.canonicalize_utf8().map_err(|e| e.to_string())?;
    let mut folders = vec![(place.to_string(), "~/product"), (root().to_string(), "~/rehelm")];
    folders.push((rehelm::doors::who(), "ops@laptop"));
    if let Ok(reference) = rehelm_testbed::install::reference() {
        folders.insert(0, (reference.to_string(), "~/reference"));
    }
    let mut player = Player {
        runtime: tokio::runtime::Runtime::new().map_err(|e| e.to_string())?,
        folder: place,
        inputs: story.join("in"),
        stage: None,
        start: None,
        plain: Plain::new(folders),
        machine: "first".to_owned(),
    };
    let mut transcript = String::new();
    for line in lines {
        transcript += &line.text;
        transcript.push('\n');
        let Some(deed) = &line.deed else { continue };
        let Some(said) = player
            .act(deed)
            .map_err(|why| format!("{}\n{why}\n\n{transcript}", line.text))?
        else {
            return Ok(None);
        };
        let said = player.plain.text(&said);
        if said.contains("{$") {
            return Err(format!("{}\na sentence lacks a fact:\n\n{said}", line.text));
        }
        transcript += &indented(&said);
        if std::env::var_os("STORY_LOUD").is_some() {
            eprint!("{}\n{}", line.text, indented(&said));
        }
    }
    let end = player
        .stage
        .as_ref()
        .map(|stage| picture::end(&stage.sim))
        .unwrap_or_default();
    let end = player.plain.text(&end);
    let journal = player.journal();
    Ok(Some(vec![
        ("transcript.txt", transcript),
        ("end.txt", end),
        ("journal.txt", journal),
    ]))
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim_end() {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    });
    lines.collect()
}

impl Player {
    fn act(&mut self, deed: &Deed) -> Result<Option<String>, String> {
        if let Deed::Cluster { name, minor } = deed {
            let set = setting::set(name, *minor, &self.folder);
            let Some(stage) = self.runtime.block_on(set)? else {
                return Ok(None);
            };
            self.begin(stage);
            return Ok(Some(String::new()));
        }
        let stage = self.stage.clone().ok_or("a story begins with `cluster`")?;
        let silent = Some(String::new());
        Ok(match deed {
            Deed::Cluster { .. } => None,
            Deed::Edit { file, what, by } => {
                self.edit(file, what, by)?;
                silent
            }
            Deed::Apply(file) => {
                let path = self.inputs.join(file).to_string();
                let (said, code) = self.program(&stage, "KUBECTL_BIN", &["apply".into(), "-f".into(), path])?;
                if code != Some(0) {
                    return Err(said);
                }
                stage.sim.advance(std::time::Duration::from_secs(5));
                Some(said)
            }
            Deed::Fault(text) => {
                stage.sim.fault(fault::parse(text)?);
                silent
            }
            Deed::Mend => {
                stage.sim.mend();
                silent
            }
            Deed::Wait(time) => {
                stage.sim.advance(*time);
                silent
            }
            Deed::KillAt(step) => {
                stage.shut.at_step(step);
                silent
            }
            Deed::DbWrite { database, count } => {
                let written = stage.databases.write(database, *count);
                written.map_err(|why| why.to_string())?;
                silent
            }
            Deed::Machine(name) => {
                self.machine(name)?;
                silent
            }
            Deed::Bring(name) => {
                let from = self.folder.join(format!(".rehelm.of-{name}/backup"));
                self.shell("cp", &["-r", from.as_str(), self.folder.join("backup").as_str()])?;
                silent
            }
            Deed::Lose(file) => {
                self.shell("rm", &["-r", self.folder.join(file).as_str()])?;
                silent
            }
            Deed::SameAsAtTheStart => Some(self.same(&stage, true)?),
            Deed::SameObjects => Some(self.same(&stage, false)?),
            Deed::EndsWith(_) => silent,
            Deed::Typed { words, ends } => {
                let dies = stage.shut.is_set();
                let (said, code) = match words.first().map(String::as_str) {
                    Some("rehelm") => self.rehelm(&stage, words)?,
                    Some("kubectl") => self.program(&stage, "KUBECTL_BIN", &words[1..])?,
                    Some("helm") => self.program(&stage, "HELM_BIN", &words[1..])?,
                    _ => return Err("stories know rehelm, kubectl and helm".to_owned()),
                };
                match code {
                    Some(code) if dies => return Err(format!("it was not killed, it ended with {code}:\n{said}")),
                    Some(code) if code != *ends => {
                        return Err(format!("it ended with {code}, the story says {ends}:\n{said}"));
                    }
                    _ => Some(said),
                }
            }
        })
    }

    fn begin(&mut self, stage: Stage) {
        let stage = Arc::new(stage);
        self.start = Some(Start {
            objects: compare::picture(stage.sim.shared_objects()),
            data: stage.databases.content(),
        });
        self.stage = Some(stage);
    }

    fn edit(&self, file: &str, what: &str, by: &str) -> Result<(), String> {
        let path = self.folder.join(file);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        let what = Regex::new(what).map_err(|e| e.to_string())?;
        if !what.is_match(&text) {
            return Err(format!("{path} has nothing like {what}"));
        }
        std::fs::write(&path, what.replace(&text, by).as_bytes()).map_err(|e| format!("{path}: {e}"))
    }

    /// Puts `.rehelm/` of this machine away and that of another one in its place.
    fn machine(&mut self, name: &str) -> Result<(), String> {
        let here = self.folder.join(".rehelm");
        let of = |name: &str| self.folder.join(format!(".rehelm.of-{name}"));
        if here.exists() {
            std::fs::rename(&here, of(&self.machine)).map_err(|e| e.to_string())?;
        }
        if of(name).exists() {
            std::fs::rename(of(name), &here).map_err(|e| e.to_string())?;
        }
        name.clone_into(&mut self.machine);
        Ok(())
    }

    fn shell(&self, program: &str, words: &[&str]) -> Result<(), String> {
        let ended = Command::new(program).args(words).status().map_err(|e| e.to_string())?;
        ended.success().then_some(()).ok_or(format!("{program} {words:?}"))
    }

    fn same(&self, stage: &Stage, databases: bool) -> Result<String, String> {
        let start = self.start.as_ref().ok_or("there was no start")?;
        let now = compare::picture(stage.sim.shared_objects());
        let mut differ = compare::differences(&start.objects, &now);
        if databases && start.data != stage.databases.content() {
            differ.push("databases".to_owned());
        }
        if differ.is_empty() {
            let more = if databases { " and the databases" } else { "" };
            return Ok(format!("yes: {} objects{more}", now.len()));
        }
        Err(format!("not the same:\n{}", differ.join("\n")))
    }

    /// A program of its own, on the simulated cluster.
    fn program(&self, stage: &Stage, variable: &str, words: &[String]) -> Result<(String, Option<i32>), String> {
        // Time passes for programs of their own in a task of this runtime.
        let _entered = self.runtime.enter();
        let program = std::env::var(variable).map_err(|_| format!("{variable} is not set"))?;
        let _hold = stage.sim.hold();
        let ended = Command::new(&program)
            .args(words)
            .current_dir(&self.folder)
            .env("KUBECONFIG", stage.kubeconfig())
            .env("HOME", &self.folder)
            .output()
            .map_err(|e| format!("{program}: {e}"))?;
        let mut said = String::from_utf8_lossy(&ended.stdout).into_owned();
        said += &String::from_utf8_lossy(&ended.stderr);
        let code = ended.status.code().unwrap_or(-1);
        if code != 0 {
            said += &format!("[exit {code}]\n");
        }
        Ok((said, Some(code)))
    }

    /// rehelm itself, in this process: what it prints is kept. No exit code when it was killed.
    fn rehelm(&self, stage: &Arc<Stage>, words: &[String]) -> Result<(String, Option<i32>), String> {
        let words = words.iter().map(|word| word.replace("~/product", self.folder.as_str()));
        let mut cli = match rehelm::cli::parse(words.map(Into::into)) {
            Ok(cli) => cli,
            Err(_) => return Err("the command line is not taken".to_owned()),
        };
        cli.global.config = self.folder.join("rehelm.yaml");
        cli.global.stage = Some(Staged(stage.clone()));
        let printer = Arc::new(Printer::keeping());
        let exit = rehelm::cli::run_with(&printer, cli);
        let mut said = printer.take();
        if stage.shut.is_dead() {
            said = said.replace("error: the process was killed\n", "") + "[killed]\n";
            stage.shut.revive();
            return Ok((said, None));
        }
        if exit.code() != 0 {
            said += &format!("[exit {}: {}]\n", exit.code(), exit.meaning());
        }
        Ok((said, Some(exit.code().into())))
    }

    /// The journal's records in their order, without what they hold.
    fn journal(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join(".rehelm/journal.jsonl")).unwrap_or_default();
        let records = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        records
            .map(|record| {
                let text = |key: &str| match record.get(key) {
                    Some(serde_json::Value::String(text)) => format!(" {text}"),
                    Some(serde_json::Value::Number(number)) => format!(" {number}"),
                    _ => String::new(),
                };
                format!(
                    "{}{}{}{}\n",
                    text("event").trim(),
                    text("command"),
                    text("step"),
                    text("kind")
                )
            })
            .collect()
    }
}
