//! Finding the primary, at the beginning and again after it changed.
//!
//! A replica set that is seen from outside names members by names that may mean nothing here, so the connection is to one
//! member, directly, and the driver cannot follow an election. Whoever meets a server that takes no writes any more asks
//! it (or another member) who does, and goes there: by a router where there is one, else by the member's own name.

use std::net::SocketAddr;

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, ServerAddress, Socks5Proxy};
use rehelm_core::ports::{PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};

use super::connect::{attempt, is_master};
use super::error::{not_primary, port};
use super::{Link, Mongo};

/// Ways to the members of a replica set that this machine cannot reach by their own names.
#[async_trait]
pub trait Router: Send + Sync {
    /// `host:port` that leads to the member which its set calls `member`: on this machine, or for the proxy.
    async fn way_to(&self, member: &str) -> PortResult<String>;

    /// What every connection goes through.
    fn proxy(&self) -> Option<&Proxy> {
        None
    }

    /// What the way itself failed with the last time, which a driver does not say.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// A SOCKS proxy on loopback, with a user and a password made for it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

impl Proxy {
    /// One that listens there, with a password that nobody knows yet.
    pub fn new(address: SocketAddr) -> Self {
        let random: [u8; 24] = rand::random();
        Self {
            address,
            user: "rehelm".to_owned(),
            password: random.map(|byte| format!("{byte:02x}")).concat().into(),
        }
    }

    /// For the driver.
    pub(super) fn options(&self) -> Socks5Proxy {
        Socks5Proxy::builder()
            .host(self.address.ip().to_string())
            .port(self.address.port())
            .authentication((self.user.clone(), self.password.expose_secret().to_owned()))
            .build()
    }
}

/// What a member says of its set.
struct Said {
    writable: bool,
    primary: Option<String>,
    set: String,
    members: Vec<String>,
}

impl Said {
    fn read(hello: &Document) -> Self {
        let list = hello.get_array("hosts").map(Vec::as_slice).unwrap_or_default();
        Self {
            writable: ["ismaster", "isWritablePrimary"]
                .iter()
                .any(|field| hello.get_bool(field) == Ok(true)),
            primary: hello.get_str("primary").ok().map(str::to_owned),
            set: hello.get_str("setName").unwrap_or_default().to_owned(),
            members: list.iter().filter_map(Bson::as_str).map(Into::into).collect(),
        }
    }
}

/// True for names that mean this machine, wherever they are read.
fn here(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Mongo {
    /// A direct connection may have reached a secondary: goes on to the primary.
    pub(super) async fn on_primary(self, hello: Document, forwarded: bool) -> PortResult<Self> {
        let said = Said::read(&hello);
        let Link { client, mut options } = self.link();
        if said.writable || options.direct_connection != Some(true) {
            return Ok(self);
        }
        let own = &self.hosts;
        let set = &said.set;
        let primary = said.primary.clone().unwrap_or_else(|| "unknown".into());
        let lost = || {
            let why =
                format!("{own} is not the primary of replica set `{set}` (that is {primary}): connect to the primary");
            PortError::Unavailable(why)
        };
        if said.set.is_empty() {
            return Err(lost());
        }
        if self.router.is_some() || (forwarded && here(&primary)) {
            let link = self.link_to(&primary, &options).await?;
            client.shutdown().immediate(true).await;
            *self.link.write().unwrap_or_else(|poison| poison.into_inner()) = link;
            return Ok(self);
        }
        if forwarded {
            return Err(lost());
        }
        client.shutdown().immediate(true).await;
        options.direct_connection = Some(false);
        options.repl_set_name = Some(said.set.clone());
        let (client, _) = attempt(&options, "admin", is_master())
            .await
            .map_err(|error| port(&format!("MongoDB at {own}"), error))?;
        *self.link.write().unwrap_or_else(|poison| poison.into_inner()) = Link { client, options };
        Ok(self)
    }

    /// A connection to that member, which must take writes.
    async fn link_to(&self, member: &str, options: &ClientOptions) -> PortResult<Link> {
        let address = match &self.router {
            Some(router) => router.way_to(member).await?,
            None => member.to_owned(),
        };
        let mut options = options.clone();
        let bad = |error: Error| PortError::Unavailable(format!("member {member}: {}", error.kind));
        options.hosts = vec![ServerAddress::parse(&address).map_err(bad)?];
        options.direct_connection = Some(true);
        options.repl_set_name = None;
        let (client, hello) = attempt(&options, "admin", is_master())
            .await
            .map_err(|error| port(&format!("MongoDB member {member}"), error))?;
        if Said::read(&hello).writable {
            return Ok(Link { client, options });
        }
        client.shutdown().immediate(true).await;
        Err(PortError::Unavailable(format!("member {member} takes no writes")))
    }

    /// After an error that another try may mend: sees to it that the next one reaches a primary, if there is one.
    pub(super) async fn recover(&self, error: &Error) {
        let link = self.link();
        let broken = matches!(
            error.kind.as_ref(),
            ErrorKind::Io(_)
                | ErrorKind::ProxyConnect { .. }
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::ServerSelection { .. }
        );
        if link.options.direct_connection != Some(true) || !(broken || not_primary(error)) {
            return;
        }
        let hello = link.client.database("admin").run_command(doc! { "isMaster": 1 }).await;
        let said = hello.map(|hello| Said::read(&hello)).ok();
        let mut members = self.members.lock().await;
        let candidates = match &said {
            Some(said) if said.writable || said.set.is_empty() => {
                members.clone_from(&said.members);
                return;
            }
            Some(said) => {
                members.clone_from(&said.members);
                let rest = said.members.iter().filter(|m| Some(*m) != said.primary.as_ref());
                said.primary.iter().chain(rest).cloned().collect()
            }
            None => members.clone(),
        };
        // Another task of this copy may have been there first.
        if self.link().options.hosts != link.options.hosts {
            return;
        }
        for member in candidates {
            if let Ok(found) = self.link_to(&member, &link.options).await {
                *self.link.write().unwrap_or_else(|poison| poison.into_inner()) = found;
                return;
            }
        }
    }

    /// Remembers the members, so that one of them can be asked when the present one is gone.
    pub(super) async fn remember(&self, hello: &Document) {
        *self.members.lock().await = Said::read(hello).members;
    }
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn names_of_this_machine_mean_it_everywhere() {
        assert!(here("127.0.0.1:27017") && here("localhost:1") && here("[::1]:5"));
        assert!(!here("mongo-0.mongo.svc:27017") && !here("10.0.0.1:27017"));
    }
}
