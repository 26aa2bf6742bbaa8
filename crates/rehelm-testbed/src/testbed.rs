//! A running testbed.
//!
//! Invariant: from the first started process on, `testbed.json` names every process, so whatever happens to the
//! starter, `down` finds them all.

use crate::build::{self, Tools};
use crate::kubelet::containers;
use crate::process::Process;
use crate::provision::Cloud;
use crate::state::{Registry, State};
use crate::{Cache, Error, Options, Result, nodes, plane, program};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// The API server, as its process is called.
const API: &str = "kube-apiserver";

/// A control plane, a registry and their stand-ins. Dropping it ends them, unless [`Testbed::keep`] was called.
pub struct Testbed {
    /// The administrator's kubeconfig.
    pub kubeconfig: Utf8PathBuf,
    /// The OCI registry.
    pub registry: Registry,
    /// Everything that belongs to this testbed.
    pub dir: Utf8PathBuf,
    /// Helm and kubectl.
    pub tools: Tools,
    pub(crate) state: State,
    client: kube::Client,
    ends: bool,
}

impl Testbed {
    /// Starts a testbed and returns when its API answers and its nodes are ready.
    pub async fn up(options: Options) -> Result<Self> {
        Self::up_with(options, &|_| ()).await
    }

    /// As [`Testbed::up`]; what takes long is told through `talk`.
    pub async fn up_with(options: Options, talk: &dyn Fn(String)) -> Result<Self> {
        let cache = Cache::open()?;
        let bin = build::binaries(&cache, talk)?;
        let tools = build::tools(&cache, options.helm, talk)?;
        let program = program::path(options.program.as_deref())?;
        let containers = match options.programs.is_empty() {
            true => None,
            false => Some(build::containers(&cache, &options.programs, talk)?),
        };
        let mut state = reserve(&cache, &options, tools)?;
        match start(&mut state, &options, &bin, containers.as_ref(), &program).await {
            Ok(client) => Ok(Self::of(state, client, true)),
            Err(e) => {
                let _ = state.end();
                Err(e)
            }
        }
    }

    /// Takes hold of a testbed that runs; dropping this handle does not end it.
    pub async fn attach(name: &str) -> Result<Self> {
        let state = State::read(&Cache::open()?.runs()?.join(name))?;
        let client = crate::client(&state.kubeconfig).await?;
        Ok(Self::of(state, client, false))
    }

    fn of(state: State, client: kube::Client, ends: bool) -> Self {
        let (kubeconfig, registry) = (state.kubeconfig.clone(), state.registry.clone());
        Self {
            kubeconfig,
            registry,
            dir: state.dir.clone(),
            tools: state.tools.clone(),
            state,
            client,
            ends,
        }
    }

    /// A client with all rights.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// What `testbed.json` says.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The root user's connection string of the database server, if this testbed has one.
    pub fn mongo_uri(&self) -> Option<&str> {
        self.state.mongo_uri.as_deref()
    }

    /// Sends SIGKILL to the API server, as a machine that dies does. Nothing answers until [`Testbed::start_api`].
    pub fn kill_api(&self) {
        for process in self.state.processes.iter().filter(|p| p.name == API) {
            process.end();
        }
    }

    /// Starts the API server anew, on the same port and data, and waits until it answers.
    pub async fn start_api(&mut self) -> Result<()> {
        let bin = build::binaries(&Cache::open()?, &|_| ())?;
        let (dir, ports) = (self.state.dir.clone(), self.state.ports);
        let tokens = fs::read_to_string(dir.join("tokens.csv"))?;
        let token = tokens.split(',').next().unwrap_or_default();
        let api = plane::api_server(&bin.kubernetes, &dir, &ports, token)?;
        self.state.processes.retain(|p| p.name != API);
        record(&mut self.state, api.clone())?;
        plane::ready(&self.kubeconfig, &api, Duration::from_secs(60)).await?;
        Ok(())
    }

    /// Lets it run on after this handle is dropped.
    pub fn keep(mut self) -> State {
        self.ends = false;
        self.state.clone()
    }

    /// Ends it and removes its folder.
    pub fn down(mut self) -> Result<()> {
        self.ends = false;
        self.state.end()
    }
}

impl std::fmt::Debug for Testbed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Testbed")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        if self.ends {
            let _ = self.state.end();
        }
    }
}

/// Makes the folder and takes the ports, alone among all starters of this user.
fn reserve(cache: &Cache, options: &Options, tools: Tools) -> Result<State> {
    let _lock = cache.lock("run")?;
    let others = State::all(cache)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => format!("t-{}", plane::random_token()?.get(..8).unwrap_or("x")),
    };
    if let Some(old) = others.iter().find(|s| s.name == name) {
        if old.alive() {
            return Err(Error::Data(format!(
                "testbed {name} runs already; end it with `cargo xtask testbed down --name {name}`"
            )));
        }
        old.end()?;
    }
    let dir = cache.runs()?.join(&name);
    fs::create_dir_all(dir.join("certs"))?;
    fs::set_permissions(&dir, PermissionsExt::from_mode(0o700))?;
    let taken: HashSet<u16> = others.iter().flat_map(|s| s.ports.all()).collect();
    let state = State {
        kubeconfig: dir.join("kubeconfig"),
        ports: plane::reserve(&taken)?,
        registry: Registry::default(),
        mongo_uri: None,
        installed: None,
        processes: Vec::new(),
        name,
        dir,
        tools,
    };
    state.write()?;
    Ok(state)
}

/// Starts everything; the slowest part (store, then API server) goes first, the rest while that is getting ready.
async fn start(
    state: &mut State,
    options: &Options,
    bin: &build::Binaries,
    containers: Option<&build::Containers>,
    program: &Utf8Path,
) -> Result<kube::Client> {
    let (dir, ports) = (state.dir.clone(), state.ports);
    let token = plane::random_token()?;
    record(state, plane::etcd(&bin.etcd, &dir, &ports)?)?;
    let api = plane::api_server(&bin.kubernetes, &dir, &ports, &token)?;
    record(state, api.clone())?;
    plane::kubeconfig(&dir, &state.name, &ports, &token)?;
    let (registry, login) = plane::registry(bin, &dir, &ports)?;
    state.registry = login;
    record(state, registry)?;
    if let Some(mongo) = options.mongo.clone() {
        // While the API server starts; the first time on a machine this fetches and compiles.
        let (program, dir) = (program.to_owned(), dir.clone());
        let spawn = move || crate::mongo::spawn(&program, &dir, &mongo);
        let spawned = tokio::task::spawn_blocking(spawn)
            .await
            .map_err(|e| Error::Data(e.to_string()))??;
        state.mongo_uri = Some(spawned.uri);
        state.processes.extend(spawned.processes);
        state.write()?;
    }
    let client = plane::ready(&state.kubeconfig, &api, Duration::from_secs(60)).await?;
    record(state, plane::controllers(&bin.kubernetes, &dir)?)?;
    record(state, plane::scheduler(&bin.kubernetes, &dir)?)?;
    if let Some(made) = containers {
        record(state, plane::streams(made, &dir, &ports)?)?;
        containers::write(&dir, made, ports.kubelet, &options.programs)?;
    }
    record(state, program::kubelet(program, &dir, options)?)?;
    let cloud = Cloud::read(&options.cloud)?;
    nodes::register_drivers(&client, &cloud).await?;
    let nodes = if options.nodes.is_empty() {
        &cloud.nodes
    } else {
        &options.nodes
    };
    nodes::create(&client, nodes).await?;
    nodes::ready(&client, nodes, Duration::from_secs(30)).await?;
    Ok(client)
}

fn record(state: &mut State, process: Process) -> Result<()> {
    state.processes.push(process);
    state.write()
}
