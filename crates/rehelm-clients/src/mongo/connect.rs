//! From a connection string to a connection that may write.

use std::net::IpAddr;
use std::sync::RwLock;
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Client;
use mongodb::error::Error;
use mongodb::options::{Acknowledgment, AuthMechanism, ClientOptions, Credential, WriteConcern};
use rehelm_core::mongo_uri::{ConnectionString, Host};
use rehelm_core::ports::{PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};

use super::error::{login_refused, port};
use super::{Link, Mongo, Router};

/// How long a server may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to get in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The connection string; user and password may be in it.
    pub uri: SecretString,
    /// The password when it is not in the connection string, and of the `users`.
    pub password: Option<SecretString>,
    /// More users to try, in this order, after the connection string's own: root users have different names in different
    /// installs. They are looked up in the string's `authSource`, else in `admin`.
    pub users: Vec<String>,
}

impl Login {
    /// A connection string that says everything.
    pub fn uri(uri: SecretString) -> Self {
        Self {
            uri,
            password: None,
            users: Vec::new(),
        }
    }

    /// The logins to try. None in it means without one.
    fn candidates(&self, uri: &ConnectionString, own: Option<Credential>) -> Vec<Option<Credential>> {
        let password = self.password.clone().or_else(|| uri.password());
        let password = || password.as_ref().map(|password| password.expose_secret().to_owned());
        let mut candidates = Vec::new();
        if let Some(mut own) = own.filter(|own| own.username.as_ref().is_some_and(|name| !name.is_empty())) {
            // X.509 and the like have no password.
            own.password = own
                .password
                .take()
                .or_else(|| own.mechanism.is_none().then(password).flatten());
            candidates.push(own);
        }
        let source = uri.option("authSource").unwrap_or_else(|| "admin".into());
        for user in self.users.iter().filter(|_| password().is_some()) {
            let mut credential = Credential::default();
            credential.username = Some(user.clone());
            credential.password = password();
            credential.source = Some(source.clone());
            if !candidates
                .iter()
                .any(|known| known.username.as_ref() == Some(user) && known.source == credential.source)
            {
                candidates.push(credential);
            }
        }
        match candidates.is_empty() {
            true => vec![None],
            false => candidates.into_iter().map(Some).collect(),
        }
    }
}

pub(crate) fn loopback(host: &Host) -> bool {
    host.name == "localhost" || host.name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Nobody may read a password in an error, whoever worded it.
fn scrubbed(uri: &ConnectionString, error: &Error) -> String {
    let words = error.kind.to_string();
    let secret = uri.password().filter(|password| !password.expose_secret().is_empty());
    match secret.is_some_and(|password| words.contains(password.expose_secret())) {
        true => "the driver does not accept it".into(),
        false => words,
    }
}

pub(super) fn is_master() -> Document {
    doc! { "isMaster": 1 }
}

/// Runs a command over a new client. Without a mechanism SCRAM-SHA-256 is tried and then SCRAM-SHA-1, which users from
/// before 4.0 have only: left to itself this driver asks about the user's namesake in `admin`, and guesses wrong for users
/// of other databases.
pub(super) async fn attempt(
    options: &ClientOptions,
    database: &str,
    command: Document,
) -> Result<(Client, Document), Error> {
    let open = options
        .credential
        .as_ref()
        .is_some_and(|credential| credential.mechanism.is_none());
    let ways: &[_] = if open {
        &[Some(AuthMechanism::ScramSha256), Some(AuthMechanism::ScramSha1)]
    } else {
        &[None]
    };
    let mut refused = None;
    for way in ways {
        let mut options = options.clone();
        if let (Some(credential), Some(way)) = (&mut options.credential, way) {
            credential.mechanism = Some(way.clone());
        }
        let client = Client::with_options(options)?;
        match client.database(database).run_command(command.clone()).await {
            Ok(reply) => return Ok((client, reply)),
            Err(error) => {
                client.shutdown().immediate(true).await;
                if !login_refused(&error) {
                    return Err(error);
                }
                // What the stronger one was refused with says more.
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| Error::custom("no way to log in".to_owned())))
}

impl Mongo {
    /// Connects, finds out which of the candidate users can log in, and makes sure that writes go to a primary.
    pub async fn connect(login: &Login) -> PortResult<Self> {
        Self::connect_through(login, None).await
    }

    /// As [`Mongo::connect`], with ways to the members of a replica set whose names mean nothing on this machine.
    pub async fn connect_through(login: &Login, router: Option<Box<dyn Router>>) -> PortResult<Self> {
        let bad = |why: String| PortError::Invalid("MongoDB connection string".into(), why);
        let uri = ConnectionString::parse(login.uri.expose_secret()).map_err(|error| bad(error.to_string()))?;
        let text = uri.expose().trim_end();
        let mut options = ClientOptions::parse(text)
            .await
            .map_err(|error| bad(scrubbed(&uri, &error)))?;
        let hosts: Vec<_> = options.hosts.iter().map(ToString::to_string).collect();
        let hosts = hosts.join(",");
        options.app_name = Some(super::writers::APP.into());
        options.server_selection_timeout.get_or_insert(PATIENCE);
        options.connect_timeout.get_or_insert(PATIENCE);
        // What was written is read back: from the primary, and only what a change of primary cannot undo.
        options.selection_criteria = None;
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).build());
        if let Some(proxy) = router.as_ref().and_then(|router| router.proxy()) {
            options.socks5_proxy = Some(proxy.options());
        }
        // A forwarded port reaches one member; the names that the others go by mean nothing here.
        let forwarded = !uri.srv() && matches!(uri.hosts().as_slice(), [only] if loopback(only));
        let direct = options.hosts.len() == 1 && !uri.srv() && (forwarded || options.repl_set_name.is_none());
        if direct && options.direct_connection.is_none() && options.load_balanced != Some(true) {
            options.direct_connection = Some(true);
        }
        let candidates = login.candidates(&uri, options.credential.take());
        let mut refused = Vec::new();
        for credential in candidates {
            options.credential = credential;
            let user = options
                .credential
                .as_ref()
                .and_then(|credential| credential.username.clone());
            match attempt(&options, "admin", is_master()).await {
                Ok((client, hello)) => {
                    let own = Self {
                        link: RwLock::new(Link { client, options }),
                        hosts,
                        router,
                        members: tokio::sync::Mutex::default(),
                    };
                    own.remember(&hello).await;
                    return own.on_primary(hello, forwarded).await;
                }
                Err(error) if login_refused(&error) => refused.push(user.unwrap_or_default()),
                Err(error) => {
                    let trouble = router.as_ref().and_then(|router| router.trouble());
                    let said = port(&format!("MongoDB at {hosts}"), error);
                    return Err(match trouble {
                        Some(trouble) => PortError::Unavailable(format!("MongoDB at {hosts}: {trouble}")),
                        None => said,
                    });
                }
            }
        }
        let names = refused.join("`, `");
        Err(PortError::Forbidden(format!(
            "MongoDB at {hosts} refuses the login of `{names}` with the given password"
        )))
    }
}
