//! The way to the database server: straight, or through the cluster where its names mean nothing on this machine.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rehelm_clients::kube::KubeCluster;
use rehelm_clients::mongo::{Login, Mongo, Router};
use rehelm_clients::tunnel::{Tunnel, may_be_inside};
use rehelm_core::mongo_uri::{ConnectionString, Host};
use rehelm_core::ports::{PortError, PortResult};
use secrecy::ExposeSecret;

use crate::config::file::PortForward;
use crate::errors::{Error, Result};

/// How long a name may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(3);

/// A connection, and the namespaces that it leads into when it goes through the API server.
pub struct Reached {
    /// The server.
    pub server: Mongo,
    /// Namespaces with pods whose ports are forwarded.
    pub through: Vec<String>,
}

/// Connects as `wish` says. `home` is the namespace of short names; the cluster is opened only when it is needed.
///
/// # Errors
/// When the server does not answer or refuses the login; with the cluster as the way, when that has no such server.
pub async fn connect<C>(
    login: &Login,
    wish: PortForward,
    home: Option<&str>,
    cluster: impl FnOnce() -> C,
) -> Result<PortResult<Reached>>
where
    C: Future<Output = Result<Arc<KubeCluster>>>,
{
    let straight = async || {
        let server = Mongo::connect(login).await;
        server.map(|server| Reached {
            server,
            through: Vec::new(),
        })
    };
    // What cannot be read is reported by the driver's side.
    let Ok(uri) = ConnectionString::parse(login.uri.expose_secret().trim()) else {
        return Ok(straight().await);
    };
    let hosts = uri.hosts();
    let wanted = match wish {
        PortForward::Never => false,
        PortForward::Always if uri.srv() => {
            return Err(Error::usage(
                "a mongodb+srv:// URI cannot be reached through a port-forward: its servers are looked up in DNS",
            )
            .hint("write them out: mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME"));
        }
        PortForward::Always => true,
        PortForward::Auto => !uri.srv() && inside(&hosts).await,
    };
    if !wanted {
        return Ok(straight().await);
    }
    let opened = match cluster().await {
        // Without a cluster there is only the straight way, whose error says more.
        Err(_) if wish == PortForward::Auto => return Ok(straight().await),
        opened => opened?,
    };
    let home = home.map_or_else(|| opened.context().namespace.clone(), str::to_owned);
    let tunnel = match Tunnel::open(opened, &home).await {
        Ok(tunnel) => tunnel,
        Err(error) => return Ok(Err(error)),
    };
    let mut through = std::collections::BTreeSet::new();
    let mut trouble = None;
    for host in &hosts {
        match tunnel.namespace_of(&host.name, host.port).await {
            Ok(namespace) => drop(through.insert(namespace)),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    // A member that is down is the driver's to go round.
    if through.is_empty() {
        return match trouble {
            Some(PortError::NotFound(_)) if wish == PortForward::Auto => Ok(straight().await),
            Some(error) => Ok(Err(error)),
            None => Ok(straight().await),
        };
    }
    let server = Mongo::connect_through(login, Some(Box::new(tunnel) as Box<dyn Router>)).await;
    Ok(server.map(|server| Reached {
        server,
        through: through.into_iter().collect(),
    }))
}

/// True when all names are such as a cluster gives out, and none means anything here.
async fn inside(hosts: &[Host]) -> bool {
    for host in hosts {
        if !may_be_inside(&host.name) {
            return false;
        }
        let found = tokio::net::lookup_host((host.name.as_str(), host.port.unwrap_or(27017)));
        if let Ok(Ok(mut addresses)) = tokio::time::timeout(LOOKUP, found).await
            && addresses.next().is_some()
        {
            return false;
        }
    }
    true
}

/// What to try about an error of the way itself.
pub fn hint(error: &PortError) -> Option<&'static str> {
    let words = error.to_string();
    if words.contains("pods/portforward") {
        return Some(
            "allow this user `get` and `create` of pods/portforward there, or reach the server in another way with --port-forward never",
        );
    }
    let ways = [
        "the way to port",
        "of the cluster that `",
        ": none of its",
        ": it has no port",
        ": it leads out",
        ": it selects no",
    ];
    let way = ways.iter().any(|way| words.contains(way));
    way.then_some("`kubectl get pods,services` in that namespace shows what is there; `port-forward: never` takes names as this machine knows them")
}
