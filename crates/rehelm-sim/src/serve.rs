//! The API on loopback, with TLS and bearer tokens, for programs of their own: kubectl, Helm, k9s.

mod certificates;
mod kubeconfig;
mod listen;
mod stream;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::pace::outside::{Lead, lead};
use crate::rbac::Identity;
use crate::{Pace, Sim};

/// How the API is served.
#[derive(Clone, Copy, Debug)]
pub struct ServeOptions {
    /// How virtual time passes meanwhile.
    pub pace: Pace,
    /// Where to listen; loopback unless said otherwise.
    pub address: IpAddr,
    /// 0 takes a port that is free.
    pub port: u16,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
        }
    }
}

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Who may come in: tokens and whom they stand for.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Identity>>);

impl Tokens {
    fn of(&self, token: &str) -> Option<Identity> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
    }

    /// The token of an identity; made when it has none yet.
    fn issue(&self, identity: &Identity) -> String {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, _)) = known.iter().find(|(_, of)| *of == identity) {
            return token.clone();
        }
        let token = certificates::random_token();
        known.insert(token.clone(), identity.clone());
        token
    }
}

/// A simulated API that listens; dropping it ends the listener and its connections.
pub struct Served {
    address: SocketAddr,
    ca_pem: String,
    tokens: Arc<Tokens>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    lead: Option<Lead>,
}

/// How long a request that is under way may take when the listener is stopped.
const PATIENCE: Duration = Duration::from_secs(2);

impl Served {
    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate authority that clients have to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A bearer token for somebody.
    pub fn token_for(&self, identity: &Identity) -> String {
        self.tokens.issue(identity)
    }

    /// A kubeconfig for the cluster's administrator.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_for(&Identity::admin())
    }

    /// A kubeconfig for somebody else.
    pub fn kubeconfig_for(&self, identity: &Identity) -> String {
        kubeconfig::text(&self.url(), &self.ca_pem, &identity.name, &self.token_for(identity))
    }

    /// Writes a kubeconfig that only this user can read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_kubeconfig(&self, path: &std::path::Path, identity: &Identity) -> std::io::Result<()> {
        kubeconfig::write(path, &self.kubeconfig_for(identity))
    }

    /// Stops listening, lets requests end that are under way, and ends watches.
    pub async fn stop(mut self) {
        self.lead.take();
        self.stop.send_replace(true);
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sim {
    /// Serves the API on a port, until what is returned is dropped.
    ///
    /// # Errors
    /// The port cannot be had, or no certificate made.
    pub async fn serve(&self, options: ServeOptions) -> Result<Served, ServeError> {
        let address = SocketAddr::new(options.address, options.port);
        let failed = |source| ServeError::Listen { address, source };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let made = certificates::make(address.ip()).map_err(ServeError::Certificate)?;
        let tokens = Arc::new(Tokens::default());
        let (stop, stopped) = watch::channel(false);
        let server = listen::Server {
            shared: self.shared.clone(),
            tokens: tokens.clone(),
            tls: tokio_rustls::TlsAcceptor::from(made.tls),
        };
        Ok(Served {
            address,
            ca_pem: made.ca_pem,
            tokens,
            stop,
            task: tokio::spawn(listen::run(server, listener, stopped)),
            lead: lead(&self.shared, options.pace),
        })
    }
}
