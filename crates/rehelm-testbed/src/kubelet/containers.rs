//! Real processes in pods, for images that a test named a program for; without such programs nothing of this is there.
//!
//! - **A pod is ready only while its process lives**, and its deletion ends only after the process has ended.
//! - Which process that is stands in `pods/NAMESPACE/POD.json`, for the streaming endpoint; its words are in `POD.log` beside it.
//! - **Processes end with this one**, however it ends. Linux counts the thread that started them as their parent, so only the
//!   main thread may, which is where reconciling happens.

use super::{Cluster, Key, environment, mounts, sandbox};
use crate::build;
use crate::kubelet::queue::Queue;
use crate::options::Program;
use crate::plane::private;
use crate::process::Process;
use crate::{Error, Result, printer};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};

/// The file in the testbed's folder that says what runs in pods.
const FILE: &str = "programs.json";
/// From a process that ended by itself to the next one.
const AGAIN: Duration = Duration::from_secs(1);

/// The content of [`FILE`].
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wanted {
    bwrap: Utf8PathBuf,
    port: u16,
    programs: Vec<Program>,
}

/// Writes down what the stand-in is to run.
pub(crate) fn write(dir: &Utf8Path, made: &build::Containers, port: u16, programs: &[Program]) -> Result<()> {
    let wanted = Wanted {
        bwrap: made.bwrap.clone(),
        port,
        programs: programs.to_vec(),
    };
    private(&dir.join(FILE), &json!(wanted).to_string())
}

/// All processes of all pods.
pub(crate) struct Containers {
    dir: Utf8PathBuf,
    wanted: Wanted,
    queue: Queue,
    running: Mutex<HashMap<(String, String), Running>>,
}

/// The process of one pod.
#[derive(Clone)]
struct Running {
    uid: String,
    /// None when it did not even start.
    process: Option<Process>,
    /// When it was asked to end.
    asked: Option<Instant>,
    ended: Arc<OnceLock<Instant>>,
}

impl Containers {
    /// None when nothing runs in pods.
    pub(super) fn read(dir: &Utf8Path, queue: Queue) -> Result<Option<Self>> {
        let file = dir.join(FILE);
        if !file.is_file() {
            return Ok(None);
        }
        let wanted = serde_json::from_str(&fs::read_to_string(&file)?).map_err(|e| Error::data(&file, e))?;
        Ok(Some(Self {
            dir: dir.to_owned(),
            wanted,
            queue,
            running: Mutex::default(),
        }))
    }

    /// Port of the streaming endpoint.
    pub(super) fn port(&self) -> u16 {
        self.wanted.port
    }

    /// Lets the pod's process run; how long to wait for the next one when it has just ended by itself.
    pub(super) async fn run(&self, cluster: &Cluster, pod: &Pod) -> Result<Option<Duration>> {
        let Some((container, program)) = self.program(pod) else {
            return Ok(None);
        };
        if let Some(running) = self.entry(pod) {
            let Some(ended) = running.ended.get() else {
                return Ok(None);
            };
            let left = AGAIN.saturating_sub(ended.elapsed());
            if !left.is_zero() {
                return Ok(Some(left));
            }
        }
        let running = self.start(cluster, pod, container, program).await?;
        let left = running.ended.get().map(|_| AGAIN);
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key(pod), running);
        Ok(left)
    }

    /// Asks the pod's process to end, and makes it end after its time of grace. None when none is left.
    pub(super) fn stop(&self, pod: &Pod) -> Result<Option<Duration>> {
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = all.get_mut(&key(pod)) else {
            return Ok(None);
        };
        let (Some(process), None) = (&running.process, running.ended.get()) else {
            all.remove(&key(pod));
            return self.forget(&key(pod)).map(|()| None);
        };
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
        if running.asked.is_none() {
            process.ask();
        }
        let left = grace.saturating_sub(running.asked.get_or_insert_with(Instant::now).elapsed());
        if left.is_zero() {
            process.kill();
        }
        // Its end is an event; this is for its time of grace only.
        Ok(Some(left.max(AGAIN)))
    }

    /// Ends at once what runs for a pod of that name that is gone. True when nothing of it is left.
    pub(super) fn cleared(&self, namespace: &str, name: &str, uid: Option<&str>) -> Result<bool> {
        let key = (namespace.to_owned(), name.to_owned());
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = all.get(&key).filter(|running| Some(running.uid.as_str()) != uid) else {
            return Ok(true);
        };
        if let (Some(process), None) = (&old.process, old.ended.get()) {
            process.kill();
            return Ok(false);
        }
        all.remove(&key);
        self.forget(&key).map(|()| true)
    }

    fn entry(&self, pod: &Pod) -> Option<Running> {
        let all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&key(pod)).cloned()
    }

    /// The container that a process runs for, and what runs there.
    fn program<'a>(&'a self, pod: &'a Pod) -> Option<(&'a Container, &'a Program)> {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let program = |container: &Container| {
            let image = container.image.as_deref().unwrap_or_default();
            self.wanted.programs.iter().find(|p| image.contains(&p.image))
        };
        containers.into_iter().find_map(|c| Some((c, program(c)?)))
    }

    async fn start(&self, cluster: &Cluster, pod: &Pod, container: &Container, program: &Program) -> Result<Running> {
        let (namespace, name) = key(pod);
        let folder = self.dir.join("pods").join(&namespace);
        fs::create_dir_all(&folder)?;
        let mounts = mounts::of(cluster, &self.dir, pod, container).await?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(format!("{name}.log")))?;
        let environment = environment::of(cluster, pod, container).await?;
        let mut command = tokio::process::Command::new(&self.wanted.bwrap);
        command
            .args(sandbox::arguments(&name, container, program, &mounts))
            .env_clear()
            .envs(&environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.into_file());
        let mut child = command.spawn()?;
        let outer = child.id().unwrap_or_default();
        // A line comes from inside, when the namespaces are complete and the program is next.
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).await?;
        }
        let ended = Arc::new(OnceLock::new());
        let process = match line.is_empty() {
            true => None,
            false => Process::child_of("container", outer),
        };
        if let Some(process) = &process {
            let about = json!({
                "container": container.name, "pid": process.pid, "started": process.started, "environment": environment,
            });
            let aside = folder.join(format!(".{name}.json"));
            private(&aside, &about.to_string())?;
            fs::rename(aside, folder.join(format!("{name}.json")))?;
        } else {
            let _ = child.wait().await;
            let _ = ended.set(Instant::now());
            printer::talk(format!("pod {namespace}/{name}: no process, see {folder}/{name}.log"));
        }
        let (queue, over) = (self.queue.clone(), Arc::clone(&ended));
        tokio::spawn(async move {
            let _ = child.wait().await;
            let _ = over.set(Instant::now());
            let _ = queue.send(Key::Pod(namespace, name));
        });
        Ok(Running {
            uid: pod.uid().unwrap_or_default(),
            process,
            asked: None,
            ended,
        })
    }

    /// Removes what was made for a pod, volumes that outlive it left out.
    fn forget(&self, (namespace, name): &(String, String)) -> Result<()> {
        let folder = self.dir.join("pods").join(namespace);
        for done in [
            fs::remove_file(folder.join(format!("{name}.json"))),
            fs::remove_dir_all(folder.join(name)),
        ] {
            match done {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                _ => (),
            }
        }
        Ok(())
    }
}

fn key(pod: &Pod) -> (String, String) {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}
