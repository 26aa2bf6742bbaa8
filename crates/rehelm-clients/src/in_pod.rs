//! mongodump | mongorestore inside a pod, through the API server's exec: for clusters whose rights allow nothing else, and
//! for people who prefer it.
//!
//! **Invariants.** The password goes in through the command's input and from there into the input of each tool: it is in no
//! argument, variable of the environment or file, neither here nor there. How each of the two tools ended is known, whatever
//! the other one did. Nothing is ever dropped. What the tools say is shown without the password.

mod names;
mod pod;
mod server;
mod trouble;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use rehelm_core::ports::{PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};

pub use names::refused;
pub use pod::PodShell;
pub use server::{Server, User};
pub use trouble::Trouble;
pub use words::Tool;
use words::Word;

const TOOLS: &str = include_str!("in_pod/scripts/tools.sh");
const LOOK: &str = include_str!("in_pod/scripts/look.sh");
const COPY: &str = include_str!("in_pod/scripts/copy.sh");

/// What runtimes say of an image without a shell.
const NO_SHELL: [&str; 2] = ["executable file not found", "no such file or directory"];

/// Lines of a tool that are kept for telling why it failed.
const KEPT: usize = 4;

/// Where a line was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// On the standard output.
    Stdout,
    /// On the standard error.
    Stderr,
}

/// Runs scripts where the tools are.
#[async_trait]
pub trait Shell: Send + Sync {
    /// `sh -c SCRIPT rehelm ARGS…` until it ends; its exit code. `input` is what it can read; `heard` gets each line.
    async fn run(
        &self,
        script: &str,
        args: &[String],
        input: &SecretString,
        heard: &(dyn for<'x> Fn(Said, &'x str) + Send + Sync),
    ) -> PortResult<i32>;
}

/// Documents of each collection, as a tool counted them while it read.
pub type Counts = BTreeMap<String, u64>;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// What mongodump read.
    pub dumped: Counts,
    /// Documents that mongorestore wrote.
    pub restored: u64,
}

/// A server, as the tools in a pod reach it as a user that was let in.
pub struct InPod<'a> {
    shell: &'a dyn Shell,
    server: &'a Server,
    user: Option<User>,
    /// Hears how far a collection is.
    progress: &'a (dyn Fn(&str, &str) + Send + Sync),
}

/// What the scripts said.
#[derive(Default)]
struct Heard {
    begun: Vec<String>,
    dumped: Counts,
    so: bool,
    restored: Option<(u64, u64)>,
    refused: bool,
    ended: BTreeMap<&'static str, i32>,
    last: BTreeMap<&'static str, VecDeque<String>>,
}

/// Says whether the pod has what is needed.
///
/// # Errors
/// [`Trouble::Missing`], or no way into the pod.
pub async fn look_for_tools(shell: &dyn Shell) -> Result<(), Trouble> {
    let said = Mutex::new(Vec::new());
    let hear = |_: Said, line: &str| {
        said.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_owned())
    };
    let code = shell.run(TOOLS, &[], &SecretString::default(), &hear).await;
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    match code {
        Ok(126 | 127) if said.is_empty() => return Err(Trouble::Missing(vec!["sh"])),
        Err(PortError::Invalid(_, why)) if NO_SHELL.iter().any(|words| why.to_lowercase().contains(words)) => {
            return Err(Trouble::Missing(vec!["sh"]));
        }
        other => drop(other?),
    }
    let needed = ["mongodump", "mongorestore", "printf"];
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|tool| !said.contains(&format!("has {tool}")))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Trouble::Missing(missing))
    }
}

impl<'a> InPod<'a> {
    /// Finds out who is let in, by looking for documents of `from`.
    ///
    /// # Errors
    /// [`Trouble::Refused`], [`Trouble::NotThere`], [`Trouble::Empty`]; what the tool said.
    pub async fn open(
        shell: &'a dyn Shell,
        server: &'a Server,
        from: &str,
        progress: &'a (dyn Fn(&str, &str) + Send + Sync),
    ) -> Result<Self, Trouble> {
        let mut own = Self {
            shell,
            server,
            user: None,
            progress,
        };
        let mut tries: Vec<Option<User>> = server.users.iter().cloned().map(Some).collect();
        if tries.is_empty() {
            tries.push(None);
        }
        for user in tries {
            own.user = user;
            match own.look("documents", from).await {
                Err(Trouble::Refused(_)) => {}
                Err(trouble) => return Err(trouble),
                Ok(heard) if heard.so || heard.dumped.values().any(|count| *count > 0) => return Ok(own),
                Ok(heard) if heard.begun.is_empty() => return Err(Trouble::NotThere(from.to_owned())),
                Ok(_) => return Err(Trouble::Empty(from.to_owned())),
            }
        }
        Err(Trouble::Refused(
            server.users.iter().map(|user| user.name.clone()).collect(),
        ))
    }

    /// Collections that a database has; stops at the first.
    ///
    /// # Errors
    /// What the tool said.
    pub async fn collections(&self, database: &str) -> Result<Vec<String>, Trouble> {
        self.look("any", database).await.map(|heard| heard.begun)
    }

    /// Reads a whole database and counts.
    ///
    /// # Errors
    /// What the tool said.
    pub async fn count(&self, database: &str) -> Result<Counts, Trouble> {
        self.look("all", database).await.map(|heard| heard.dumped)
    }

    /// Copies into a database that must be empty.
    ///
    /// # Errors
    /// When either tool failed, or not every document arrived.
    pub async fn copy(&self, from: &str, to: &str) -> Result<Copied, Trouble> {
        let names = [from.to_owned(), names::pattern(from), names::pattern(to)];
        let heard = self.run(COPY, &names).await?;
        let end = |tool: Tool| heard.ended.get(tool.name()).copied();
        let (Some(dump), Some(restore)) = (end(Tool::Dump), end(Tool::Restore)) else {
            return Err(Trouble::Broken(
                "the script in the pod did not say how the tools ended".to_owned(),
            ));
        };
        let (restored, failed) = heard.restored.unwrap_or_default();
        if dump != 0 || restore != 0 || failed > 0 {
            let ends = [(Tool::Dump, dump), (Tool::Restore, restore)];
            let ends = ends
                .into_iter()
                .filter(|(tool, code)| *code != 0 || *tool == Tool::Restore && failed > 0);
            return Err(Trouble::Failed {
                tools: ends.map(|(tool, code)| (tool, code, heard.last_words(tool))).collect(),
                restored,
                failed,
            });
        }
        let dumped: u64 = heard.dumped.values().sum();
        if dumped == 0 || dumped != restored {
            return Err(Trouble::Uneven { dumped, restored });
        }
        Ok(Copied {
            dumped: heard.dumped,
            restored,
        })
    }

    async fn look(&self, what: &str, database: &str) -> Result<Heard, Trouble> {
        let heard = self.run(LOOK, &[what.to_owned(), database.to_owned()]).await?;
        match heard.ended.get(Tool::Dump.name()) {
            // It was ended as soon as enough was known.
            Some(0) | None if !heard.begun.is_empty() => Ok(heard),
            Some(0) => Ok(heard),
            _ if heard.refused => Err(Trouble::Refused(Vec::new())),
            Some(code) => Err(Trouble::Failed {
                tools: vec![(Tool::Dump, *code, heard.last_words(Tool::Dump))],
                restored: 0,
                failed: 0,
            }),
            None => Err(Trouble::Broken(
                "the script in the pod did not say how mongodump ended".to_owned(),
            )),
        }
    }

    async fn run(&self, script: &str, names: &[String]) -> Result<Heard, Trouble> {
        let mut args = names.to_vec();
        args.extend(self.server.flags_for(self.user.as_ref()));
        let password = self
            .server
            .password
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .filter(|_| self.user.is_some());
        let input = SecretString::from(format!("{}\n", password.unwrap_or_default()));
        let heard = Mutex::new(Heard::default());
        let hear = |said: Said, line: &str| {
            // Mended tools of the future may say what they were told.
            let line = match password {
                Some(password) => line.replace(password, "***"),
                None => line.to_owned(),
            };
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.hear(said, &line, self.progress);
        };
        self.shell.run(script, &args, &input, &hear).await?;
        Ok(heard.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Heard {
    fn hear(&mut self, said: Said, line: &str, progress: &(dyn Fn(&str, &str) + Send + Sync)) {
        let tool = if said == Said::Stdout {
            Tool::Dump
        } else {
            Tool::Restore
        };
        match (words::read(line), tool) {
            (Some(Word::Ended(tool, code)), Tool::Dump) => drop(self.ended.insert(tool.name(), code)),
            (Some(Word::Begun(name)), Tool::Dump) => self.begun.push(name),
            (Some(Word::Dumped(name, count)), Tool::Dump) => {
                progress(&name, &format!("{count} documents read"));
                self.dumped.insert(name, count);
            }
            (Some(Word::So(name, so)), Tool::Dump) => {
                self.so |= !so.starts_with("0 ");
                progress(&name, &format!("{so} documents read"));
            }
            (Some(Word::Restored(restored, failed)), Tool::Restore) => self.restored = Some((restored, failed)),
            (word, tool) => {
                self.refused |= word == Some(Word::Refused);
                let last = self.last.entry(tool.name()).or_default();
                let said = words::without_time(line).trim();
                if matches!(word, None | Some(Word::Refused)) && !said.is_empty() && !said.starts_with("Enter password")
                {
                    last.push_back(said.to_owned());
                    while last.len() > KEPT {
                        last.pop_front();
                    }
                }
            }
        }
    }

    /// Why it failed: what it calls a failure, else the last that it said.
    fn last_words(&self, tool: Tool) -> String {
        let Some(last) = self.last.get(tool.name()) else {
            return String::new();
        };
        let told = last
            .iter()
            .rev()
            .find(|line| line.starts_with("Failed:") || line.contains("error"));
        told.or(last.back()).cloned().unwrap_or_default()
    }
}
