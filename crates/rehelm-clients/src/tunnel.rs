//! A way to servers inside the cluster, for a driver on this machine: a proxy on loopback whose connections go through the
//! API server into pods, as `kubectl port-forward` does it.
//!
//! The driver asks the proxy for names, so it keeps those that servers and their certificates have, and it can follow a
//! replica set by the names that its members use among themselves. **The proxy listens on loopback only and asks for a
//! password** that was made for it: no other program of the machine gets into the cluster through it.

mod names;
mod places;
mod socks;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rehelm_core::ports::{PortError, PortResult};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub use self::names::may_be_inside;
use self::places::Places;
use self::socks::Reply;
use crate::kube::KubeCluster;
use crate::mongo::{Proxy, Router};

/// A proxy that leads into one cluster; it ends, with all its connections, when it is dropped.
pub struct Tunnel {
    inner: Arc<Inner>,
    proxy: Proxy,
    task: JoinHandle<()>,
}

struct Inner {
    cluster: Arc<KubeCluster>,
    places: Places,
    /// What the last connection that could not be made failed with.
    last: Mutex<Option<String>>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tunnel {
    /// Opens the proxy. `home` is the namespace that short names are looked up in.
    ///
    /// # Errors
    /// When this machine has no port.
    pub async fn open(cluster: Arc<KubeCluster>, home: &str) -> PortResult<Self> {
        let failed = |error: std::io::Error| PortError::Other(format!("cannot listen on loopback: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let proxy = Proxy::new(address);
        let inner = Arc::new(Inner {
            places: Places::new(cluster.clone(), home.to_owned()),
            cluster,
            last: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, inner.clone(), proxy.clone()));
        Ok(Self { inner, proxy, task })
    }

    /// The namespace of the pod that a name leads to.
    ///
    /// # Errors
    /// When it leads to none, or the cluster does not answer.
    pub async fn namespace_of(&self, host: &str, port: Option<u16>) -> PortResult<String> {
        let place = self.inner.places.find(host, port.unwrap_or(names::USUAL)).await?;
        Ok(place.namespace)
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.proxy.address
    }
}

#[async_trait]
impl Router for Tunnel {
    async fn way_to(&self, member: &str) -> PortResult<String> {
        let (host, port) = names::split(member);
        self.inner.places.find(host, port).await?;
        Ok(member.to_owned())
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }

    fn trouble(&self) -> Option<String> {
        self.inner.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Takes connections; they end with this task.
async fn serve(listener: TcpListener, inner: Arc<Inner>, proxy: Proxy) {
    let mut open = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(open.spawn(inner.clone().connection(stream, proxy.clone()))),
            // Out of file descriptors, or the driver left: the next one may be luckier.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
        while open.try_join_next().is_some() {}
    }
}

impl Inner {
    async fn connection(self: Arc<Self>, mut stream: TcpStream, proxy: Proxy) {
        let _ = stream.set_nodelay(true);
        let Ok((host, port)) = socks::asked(&mut stream, &proxy).await else {
            return;
        };
        let lead = async {
            let place = self.places.find(&host, port).await?;
            let way = self.cluster.forward(&place.namespace, &place.pod, place.port).await;
            if way.is_err() {
                // Perhaps another pod is there now.
                self.places.forget(&host, port);
            }
            way
        };
        let outcome = match lead.await {
            Ok(way) => match socks::reply(&mut stream, Reply::Done).await {
                Ok(()) => way.carry(&mut stream).await,
                Err(_) => return,
            },
            Err(error) => {
                let reply = match &error {
                    PortError::Forbidden(_) => Reply::NotAllowed,
                    _ => Reply::Unreachable,
                };
                let _ = socks::reply(&mut stream, reply).await;
                Err(error)
            }
        };
        if let Err(error) = &outcome {
            tracing::debug!(%host, port, %error, "no way into the cluster");
            // A pod that ended meanwhile is known as such by the next one who asks.
            self.places.forget(&host, port);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = outcome.err().map(|error| error.to_string());
    }
}
