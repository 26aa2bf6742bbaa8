//! Which server, as whom: from flags, or from rehelm.yaml.

use std::sync::Arc;

use camino::Utf8PathBuf;
use rehelm_clients::mongo::Login;
use rehelm_core::mongo_uri::ConnectionString;
use rehelm_core::ports::{Clock, Cluster, Databases, Files, PortError};
use rehelm_core::profile::Profile;
use rehelm_report::Words;
use secrecy::{ExposeSecret, SecretString};

use crate::cli::global::Global;
use crate::cli::overrides::Overrides;
use crate::config::Settings;
use crate::config::file::PortForward;
use crate::config::settings::Password;
use crate::doors::{self, WallClock};
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::session;

/// The server of a pod, from inside.
const LOCAL: &str = "mongodb://localhost:27017/";

/// Which server, instead of the one in rehelm.yaml.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server (instead of the one in rehelm.yaml)")]
pub struct Where {
    /// URI without a password
    #[arg(
        long,
        env = "REHELM_URI",
        hide_env = true,
        group = "uri-from",
        hide_env_values = true
    )]
    pub uri: Option<String>,
    /// File that holds the URI
    #[arg(
        long,
        value_name = "FILE",
        env = "REHELM_URI_FILE",
        hide_env = true,
        group = "uri-from"
    )]
    pub uri_file: Option<Utf8PathBuf>,
    /// Environment variable that holds the URI
    #[arg(
        long,
        value_name = "NAME",
        env = "REHELM_URI_ENV",
        hide_env = true,
        group = "uri-from"
    )]
    pub uri_env: Option<String>,
    /// File that holds the password
    #[arg(
        long,
        value_name = "FILE",
        env = "REHELM_PASSWORD_FILE",
        hide_env = true,
        group = "password-from"
    )]
    pub password_file: Option<Utf8PathBuf>,
    /// Environment variable that holds the password
    #[arg(
        long,
        value_name = "NAME",
        env = "REHELM_PASSWORD_ENV",
        hide_env = true,
        group = "password-from"
    )]
    pub password_env: Option<String>,
    /// User to try; may be given again
    #[arg(
        long,
        value_name = "NAME",
        env = "REHELM_USER",
        hide_env = true,
        requires = "password-from",
        value_delimiter = ','
    )]
    pub user: Vec<String>,
    /// Whether the server is reached through the API server of the cluster, by names that only the cluster knows
    #[arg(long, value_name = "WHEN", value_enum, env = "REHELM_PORT_FORWARD", hide_env = true)]
    pub port_forward: Option<PortForward>,
}

/// What rehelm.yaml says of the product.
pub struct Product {
    /// Settings.
    pub settings: Settings,
    /// Profile.
    pub profile: Profile,
}

/// What a verb works with.
pub struct Place {
    /// The server.
    pub server: Arc<dyn Databases>,
    /// `.rehelm/`.
    pub files: Arc<dyn Files>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Sentences.
    pub words: Arc<Words>,
    /// The product, unless flags named the server.
    pub product: Option<Product>,
}

impl Where {
    fn named(&self) -> bool {
        self.uri.is_some() || self.uri_file.is_some() || self.uri_env.is_some()
    }

    /// The URI as the flags give it. One in an argument must not hold a password.
    async fn uri(&self) -> Result<SecretString> {
        let place = match (&self.uri, &self.uri_file, &self.uri_env) {
            (Some(text), ..) => {
                refuse_password(text)?;
                return Ok(text.clone().into());
            }
            (_, Some(path), _) => Password::File(path.clone()),
            (_, _, Some(name)) => Password::Env(name.clone()),
            _ => return Err(Error::usage("no URI is given")),
        };
        doors::password(&place, None).await
    }

    /// True when a password is named; without a URI that is enough inside a pod only.
    fn has_password(&self) -> bool {
        self.password_file.is_some() || self.password_env.is_some()
    }

    async fn login(&self, uri: SecretString) -> Result<Login> {
        let password = match (&self.password_file, &self.password_env) {
            (Some(path), _) => Some(doors::password(&Password::File(path.clone()), None).await?),
            (None, Some(name)) => Some(doors::password(&Password::Env(name.clone()), None).await?),
            (None, None) => None,
        };
        Ok(Login {
            uri: uri.expose_secret().trim().to_owned().into(),
            password,
            users: self.user.clone(),
        })
    }

    /// How to get in from inside a pod: as the flags say, else rehelm.yaml, else without a login. Where no host is named it
    /// is the pod's own.
    ///
    /// # Errors
    /// Usage errors; a password that cannot be read.
    pub async fn login_inside(&self, global: &Global) -> Result<Login> {
        if self.named() {
            return self.login(self.uri().await?).await;
        }
        if self.has_password() || !global.config.exists() {
            return self.login(LOCAL.to_owned().into()).await;
        }
        let settings = Settings::load(global, &Overrides::default())?;
        let profile = session::load_profile(&settings)?;
        let login = doors::databases_login(global, &settings, &profile).await?;
        Ok(login.unwrap_or_else(|| Login::uri(LOCAL.to_owned().into())))
    }

    /// The context that rehelm.yaml names, where it is read at all.
    ///
    /// # Errors
    /// Usage errors.
    pub fn context(&self, global: &Global) -> Result<Option<String>> {
        if self.named() || self.has_password() || !global.config.exists() {
            return Ok(None);
        }
        Ok(Settings::load(global, &Overrides::default())?.context)
    }

    /// Opens the server that the flags name, else the one of rehelm.yaml.
    ///
    /// # Errors
    /// Usage errors; a server that does not answer or refuses the login.
    pub async fn open(&self, global: &Global) -> Result<Place> {
        if self.has_password() && !self.named() {
            return Err(Error::usage("a password alone names no server").hint("name it: --uri mongodb://HOST:PORT/"));
        }
        if self.named() {
            let cluster = async || Ok(Arc::new(doors::cluster(global, None).await?));
            let wish = self.port_forward.unwrap_or_default();
            let login = self.login(self.uri().await?).await?;
            let reached = doors::connect(&login, wish, global.namespace.as_deref(), cluster).await?;
            return Ok(Place {
                server: Arc::new(reached.map_err(unreachable)?.server),
                files: Arc::new(doors::files(global)?),
                clock: Arc::new(WallClock),
                words: Arc::new(Words::new(global.lang.tag())),
                product: None,
            });
        }
        if !global.config.exists() {
            return Err(Error::usage("which server?")
                .hint("name it: --uri-file FILE, --uri-env NAME, or --uri URI with --password-file or --password-env")
                .hint(format!("or write {} with `rehelm init`", global.config)));
        }
        let flags = Overrides {
            mongodb_port_forward: self.port_forward,
            ..Overrides::default()
        };
        let settings = Settings::load(global, &flags)?;
        if let Some(stage) = &global.stage {
            let session = stage.0.session_with(settings).await?;
            return Ok(Place {
                server: session.databases.ok_or_else(unconfigured)?,
                files: session.files,
                clock: session.clock,
                words: session.words,
                product: Some(Product {
                    settings: session.settings,
                    profile: session.profile,
                }),
            });
        }
        let profile = session::load_profile(&settings)?;
        let words = Arc::new(session::words(global, &profile)?);
        let server = doors::databases_alone(global, &settings, &profile).await?;
        Ok(Place {
            server: Arc::new(server.ok_or_else(unconfigured)?.server),
            files: Arc::new(doors::files(global)?),
            clock: Arc::new(WallClock),
            words,
            product: Some(Product { settings, profile }),
        })
    }
}

impl Place {
    /// Pairs of databases: those that are named, else those that the product renames.
    ///
    /// # Errors
    /// A usage error when there are none.
    pub fn pairs(&self, named: &[(String, String)]) -> Result<Vec<(String, String)>> {
        if !named.is_empty() {
            return Ok(named.to_vec());
        }
        let renames = self.product.iter().flat_map(|own| &own.profile.databases.renames);
        let pairs: Vec<_> = renames.map(|own| (own.from.clone(), own.to.clone())).collect();
        if pairs.is_empty() {
            return Err(
                Error::usage("no pair of databases is named, and the profile renames none")
                    .hint("name them: --pair FROM:TO"),
            );
        }
        Ok(pairs)
    }
}

impl Product {
    /// The cluster with the secrets.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn cluster(&self, global: &Global) -> Result<Arc<dyn Cluster>> {
        if let Some(stage) = &global.stage {
            return Ok(stage.0.session_with(self.settings.clone()).await?.cluster);
        }
        Ok(Arc::new(
            doors::cluster(global, self.settings.context.as_deref()).await?,
        ))
    }
}

fn unconfigured() -> Error {
    Error::usage("rehelm.yaml does not say how to reach the databases").hint("fill in `mongodb:`, or use --uri-file")
}

/// A failed connection, with what to try.
fn unreachable(error: PortError) -> Error {
    let hint = doors::hint(&error).unwrap_or(match &error {
        PortError::Forbidden(_) => "check user and password; users of a database need /?authSource=DATABASE in the URI",
        PortError::Invalid(..) => "a URI looks like mongodb://HOST:27017/; special characters in it are %-encoded",
        _ => "is the host reachable from here? A service of the cluster is, by its name: --port-forward always",
    });
    Error::failed("cannot reach the database server")
        .because(error)
        .hint(hint)
}

fn refuse_password(text: &str) -> Result<()> {
    let uri = ConnectionString::parse(text);
    let has = match &uri {
        Ok(uri) => uri
            .password()
            .is_some_and(|password| !password.expose_secret().is_empty()),
        // What cannot be read may hold one all the same.
        Err(_) => text.contains('@'),
    };
    if has {
        return Err(
            Error::usage("a password in an argument can be read by every process of this machine")
                .hint("put the URI into a file (--uri-file) or a variable (--uri-env)")
                .hint("or leave the password out of it: --uri mongodb://USER@HOST/ --password-file FILE")
                .hint("that password is in your shell's history now: consider changing it"),
        );
    }
    uri.map(|_| ())
        .map_err(|error| Error::usage("--uri cannot be used").because(error))
}

/// What a port said, with the exit code that tells its kind.
pub fn failed(what: String, error: PortError) -> Error {
    let exit = match &error {
        PortError::Unavailable(_) => Exit::Stopped,
        _ => Exit::Error,
    };
    let again = exit == Exit::Stopped;
    let shown = Error::new(exit, what).because(error);
    if again {
        return shown.hint("the same command goes on where it stopped");
    }
    shown
}

/// `FROM:TO`.
///
/// # Errors
/// When it is not two names.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("expected FROM:TO".to_owned()),
    }
}

/// Bytes a second: `500K`, `20M`, `1G`, with or without `iB/s`.
///
/// # Errors
/// When it is none.
pub fn rate(text: &str) -> Result<u64, String> {
    let plain = text.trim_end_matches("/s").trim_end_matches('B').trim_end_matches('i');
    let digits = plain.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &plain[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return Err("expected bytes a second such as 20M".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "expected bytes a second such as 20M".to_owned())?;
    count
        .checked_mul(unit)
        .filter(|rate| *rate > 0)
        .ok_or_else(|| "expected bytes a second such as 20M".to_owned())
}

/// The product; a verb that needs one cannot be told the server by flags alone.
///
/// # Errors
/// A usage error when flags named the server.
pub fn product(place: &Place) -> Result<&Product> {
    let missing = || Error::usage("this needs rehelm.yaml, which names the product and its server");
    place.product.as_ref().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_arguments_are_refused_and_not_repeated() {
        for text in [
            "mongodb://root:hunter2@h/",
            "mongodb://root:hunter2/x@h/",
            "root:hunter2@h",
        ] {
            let error = refuse_password(text).expect_err("refused");
            let all = format!("{} {:?} {:?}", error.message(), error.causes(), error.hints());
            assert!(!all.contains("hunter2"), "{all}");
            assert!(all.contains("--uri-file"), "{all}");
        }
        refuse_password("mongodb://root@localhost:27017/?tls=true").expect("no password");
        refuse_password("mongodb://localhost").expect("no user");
        assert!(refuse_password("localhost").is_err());
    }

    #[test]
    fn rates_have_units() {
        assert_eq!(rate("20M"), Ok(20 << 20));
        assert_eq!(rate("1GiB/s"), Ok(1 << 30));
        assert_eq!(rate("500"), Ok(500));
        assert!(rate("fast").is_err() && rate("0").is_err() && rate("5T").is_err());
        assert_eq!(pair("a:b"), Ok(("a".into(), "b".into())));
        assert!(pair("a").is_err());
    }
}
