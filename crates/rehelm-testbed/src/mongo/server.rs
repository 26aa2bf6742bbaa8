//! The server as a value: started, asked for its address, ordered to fail, dropped.

use std::sync::{Arc, Mutex};

use crate::Result;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::face::Face;
use super::fault::Fault;
use super::front::{Front, State, serve};
use super::store::Store;
use super::streams::News;
use super::users::Users;

/// How a server is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Options {
    /// The version it shows.
    pub face: Face,
    /// Name of the replica set that it is the only member of; None for a standalone server.
    pub replica_set: Option<String>,
    /// The first user, role `root`, in `admin`.
    pub root_user: String,
    /// That user's password.
    pub root_password: String,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// `host:port` of the members as the set names them; their addresses when it is empty.
    #[serde(default)]
    pub member_names: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            face: Face::default(),
            replica_set: Some("rs0".into()),
            root_user: "root".into(),
            root_password: "root-password".into(),
            port: 0,
            member_names: Vec::new(),
        }
    }
}

impl Options {
    pub(super) fn uri(&self, port: u16) -> String {
        let escape =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        format!(
            "mongodb://{}:{}@127.0.0.1:{port}/",
            escape(&self.root_user),
            escape(&self.root_password)
        )
    }
}

/// A running server. It has a runtime of its own, so tests with runtimes of their own can share it.
pub struct Server {
    options: Options,
    front: Arc<Front>,
    port: u16,
    ports: Vec<u16>,
    store: Store,
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts it; the first time on a machine this fetches and compiles, which takes some seconds.
    pub fn start(options: Options) -> Result<Self> {
        Self::start_members(options, 1)
    }

    /// The same as a replica set of several members with the same data; the first one takes writes.
    pub fn start_members(options: Options, members: usize) -> Result<Self> {
        let store = Store::start()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("mongo-front")
            .enable_all()
            .build()?;
        // Bound without the runtime: the caller may be inside another one.
        let mut listeners = Vec::new();
        for member in 0..members.max(1) {
            let port = if member == 0 { options.port } else { 0 };
            let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
            listener.set_nonblocking(true)?;
            let _guard = runtime.enter();
            listeners.push((listener.local_addr()?.port(), TcpListener::from_std(listener)?));
        }
        let ports: Vec<u16> = listeners.iter().map(|(port, _)| *port).collect();
        let port = ports[0];
        let users = Users::root(&options.root_user, &options.root_password);
        let front = Arc::new(Front {
            face: options.face,
            replica_set: options.replica_set.clone(),
            members: match options.member_names.len() == ports.len() {
                true => options.member_names.clone(),
                false => ports.iter().map(|port| format!("127.0.0.1:{port}")).collect(),
            },
            store: format!("127.0.0.1:{}", store.port),
            state: Mutex::new(State {
                users,
                ..State::default()
            }),
            news: News::default(),
        });
        for (member, (_, listener)) in listeners.into_iter().enumerate() {
            runtime.spawn(serve(front.clone(), listener, member));
        }
        Ok(Self {
            options,
            front,
            port,
            ports,
            store,
            runtime: Some(runtime),
        })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The ports of all members.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Another member takes writes from now on, and this one none.
    pub fn step_down(&self) {
        let mut state = self.front.state();
        state.primary = (state.primary + 1) % self.front.members.len();
        state.elections = state.elections.saturating_add(1);
        self.front.news.moved.send_replace(());
    }

    /// Change streams that go back behind the newest so many events find nothing any more, now and from now on.
    pub fn keep_events(&self, most: usize) {
        self.front.state().log.keep(most);
    }

    /// The same only once.
    pub fn forget_events(&self) {
        self.front.state().log.shrink(0);
    }

    /// Closes the connections on which change streams wait for events.
    pub fn cut_streams(&self) {
        self.front.state().streams.cuts += 1;
        self.front.news.moved.send_replace(());
    }

    /// Returns when a change stream waits for events.
    pub async fn stream_waits(&self) {
        let mut waiting = self.front.news.waiting.subscribe();
        // The sender lives as long as this server.
        let _ = waiting.wait_for(|count| *count > 0).await;
    }

    /// So many operations wait from now on, as `serverStatus` tells.
    pub fn set_queue(&self, waiting: u32) {
        self.front.state().queue = waiting;
    }

    /// The root user's connection string, password included.
    pub fn uri(&self) -> String {
        self.options.uri(self.port)
    }

    /// The store's process id.
    pub fn store_pid(&self) -> u32 {
        self.store.pid()
    }

    /// Orders a fault.
    pub fn inject(&self, fault: Fault) {
        self.front.state().faults.push(fault);
    }

    /// Takes back all faults that have not happened, and says how many those were.
    pub fn clear_faults(&self) -> usize {
        std::mem::take(&mut self.front.state().faults).len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Waiting for connections to end would wait for clients.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
