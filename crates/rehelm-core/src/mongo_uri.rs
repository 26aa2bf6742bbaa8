//! MongoDB connection strings: read, shown without secrets, renamed without touching anything else.
//!
//! A connection string in a Secret is somebody's working configuration. The text is therefore kept as it was and only
//! byte ranges into it are noted; a rewrite replaces two ranges, so the password, the hosts, the options and even a
//! trailing newline stay byte for byte. Reading is a little more lenient than the specification (an unescaped `@` or
//! `:` in a password is accepted, as many drivers do) but never guesses: what could be read two ways is an error.
//! No error and no formatting of this type ever holds the password.
//!
//! Source: <https://www.mongodb.com/docs/manual/reference/connection-string/>.

use std::fmt;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// What RFC 3986 calls unreserved stays as it is; everything else is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a text is no connection string. Says which part, never what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// It begins with neither `mongodb://` nor `mongodb+srv://`.
    #[error("a MongoDB connection string begins with mongodb:// or mongodb+srv://")]
    Scheme,
    /// `user:pass/word@host` and the like can be read in more than one way.
    #[error("the user or password holds a reserved character (@ : / ?) that is not percent-encoded")]
    Ambiguous,
    /// The host list is empty or one of its entries is.
    #[error("host {0} of the connection string is empty or malformed")]
    Host(usize),
    /// A port is not a number from 1 to 65535.
    #[error("the port of host {0} of the connection string is not a number from 1 to 65535")]
    Port(usize),
    /// `mongodb+srv` takes exactly one host name without a port.
    #[error("a mongodb+srv connection string takes exactly one host, without a port")]
    Srv,
    /// Percent-decoding does not give UTF-8.
    #[error("the {0} of the connection string is not UTF-8 after percent-decoding")]
    Encoding(&'static str),
    /// The database name holds a character that MongoDB forbids there.
    #[error("the database of the connection string holds one of / \\ \" $ @ or white space")]
    Database,
    /// An option is not `key=value`.
    #[error("option {0} of the connection string is not key=value")]
    Option(usize),
}

/// One server that a connection string names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name, IPv4 or IPv6 address (without brackets), or the decoded path of a Unix socket.
    pub name: String,
    /// Port; None when left to the default (27017, or the SRV record).
    pub port: Option<u16>,
}

/// A connection string and where its parts are. Formatting shows it without secrets; [`ConnectionString::expose`] gives
/// the text as it is.
#[derive(Clone)]
pub struct ConnectionString {
    text: SecretString,
    srv: bool,
    user: Option<Range<usize>>,
    password: Option<Range<usize>>,
    hosts: Range<usize>,
    database: Option<Range<usize>>,
    options: Option<Range<usize>>,
}

impl ConnectionString {
    /// Reads a connection string; white space at its end (a newline in a Secret) is kept and otherwise ignored.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        use ConnectionStringError as E;
        let srv = text.starts_with("mongodb+srv://");
        let start = match text {
            t if t.starts_with("mongodb://") => "mongodb://".len(),
            _ if srv => "mongodb+srv://".len(),
            _ => return Err(E::Scheme),
        };
        let end = text.trim_end().len().max(start);
        let find = |range: Range<usize>, what: &[char]| text[range.clone()].find(what).map(|at| range.start + at);
        let authority = start..find(start..end, &['/', '?']).unwrap_or(end);
        let at = text[authority.clone()].rfind('@').map(|at| authority.start + at);
        // Without user info nothing in a connection string needs an `@`: it is the end of a password with `/` or `?`.
        if at.is_none() && text[authority.end..end].contains('@') {
            return Err(E::Ambiguous);
        }
        let (user, password) = match at {
            None => (None, None),
            Some(at) => match find(start..at, &[':']) {
                Some(colon) => (Some(start..colon), Some(colon + 1..at)),
                None => (Some(start..at), None),
            },
        };
        let hosts = at.map_or(authority.start, |at| at + 1)..authority.end;
        let question = find(authority.end..end, &['?']);
        let database = text[authority.end..end]
            .starts_with('/')
            .then(|| authority.end + 1..question.unwrap_or(end));
        let this = Self {
            text: text.into(),
            srv,
            user,
            password,
            hosts,
            database: database.filter(|range| !range.is_empty()),
            options: question.map(|at| at + 1..end),
        };
        this.check()?;
        Ok(this)
    }

    fn check(&self) -> Result<(), ConnectionStringError> {
        use ConnectionStringError as E;
        for (part, range) in [
            ("user", &self.user),
            ("password", &self.password),
            ("database", &self.database),
        ] {
            if range
                .as_ref()
                .is_some_and(|range| percent_decode_str(self.at(range)).decode_utf8().is_err())
            {
                return Err(E::Encoding(part));
            }
        }
        let database = self.database.as_ref().map_or("", |range| self.at(range));
        if database.contains(['/', '\\', '"', '$', '@']) || database.contains(char::is_whitespace) {
            return Err(E::Database);
        }
        let hosts = self.read_hosts()?;
        if self.srv && (hosts.len() != 1 || hosts[0].port.is_some()) {
            return Err(E::Srv);
        }
        let options = self.options.as_ref().map_or("", |range| self.at(range));
        match options.split('&').position(|pair| pair.find('=').unwrap_or(0) == 0) {
            Some(index) if !options.is_empty() => Err(E::Option(index + 1)),
            _ => Ok(()),
        }
    }

    fn read_hosts(&self) -> Result<Vec<Host>, ConnectionStringError> {
        use ConnectionStringError as E;
        let read = |(index, text): (usize, &str)| {
            let (name, port) = match text.strip_prefix('[') {
                Some(v6) => {
                    let (name, rest) = v6.split_once(']').ok_or(E::Host(index + 1))?;
                    name.parse::<std::net::Ipv6Addr>().map_err(|_| E::Host(index + 1))?;
                    match rest.strip_prefix(':') {
                        None if !rest.is_empty() => return Err(E::Host(index + 1)),
                        port => (name, port),
                    }
                }
                None => text
                    .split_once(':')
                    .map_or((text, None), |(name, port)| (name, Some(port))),
            };
            let name = percent_decode_str(name)
                .decode_utf8()
                .map_err(|_| E::Host(index + 1))?
                .into_owned();
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(E::Host(index + 1));
            }
            let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
            let number = |port: &str| port.parse().ok().filter(|&number: &u16| number > 0 && digits(port));
            let port = port.map(|port| number(port).ok_or(E::Port(index + 1))).transpose()?;
            Ok(Host { name, port })
        };
        self.at(&self.hosts).split(',').enumerate().map(read).collect()
    }

    fn at(&self, range: &Range<usize>) -> &str {
        &self.text.expose_secret()[range.clone()]
    }

    fn decoded(&self, range: &Option<Range<usize>>) -> Option<String> {
        range
            .as_ref()
            .map(|range| percent_decode_str(self.at(range)).decode_utf8_lossy().into_owned())
    }

    /// The text as it is, password included.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// True for `mongodb+srv`: the host is a name whose SRV records list the servers.
    pub fn srv(&self) -> bool {
        self.srv
    }

    /// The user's name, decoded.
    pub fn user(&self) -> Option<String> {
        self.decoded(&self.user)
    }

    /// The password, decoded.
    pub fn password(&self) -> Option<SecretString> {
        self.decoded(&self.password).map(SecretString::from)
    }

    /// The servers, at least one.
    pub fn hosts(&self) -> Vec<Host> {
        self.read_hosts().unwrap_or_default()
    }

    /// The database, decoded; None when the path is absent or empty.
    pub fn database(&self) -> Option<String> {
        self.decoded(&self.database)
    }

    /// Value of an option, decoded; option names are compared without regard to case, the first one wins.
    pub fn option(&self, name: &str) -> Option<String> {
        let options = self.options.as_ref().map_or("", |range| self.at(range));
        let mut pairs = options.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    /// Database that the user is looked up in: `authSource`, else the database, else `admin`.
    pub fn auth_source(&self) -> String {
        self.option("authSource")
            .or_else(|| self.database())
            .unwrap_or_else(|| "admin".into())
    }

    /// Renames the user and the database, each as `(from, to)`, where the decoded part is exactly `from`. Every other
    /// byte stays; so does an `authSource` that names the database (see [`ConnectionString::rewrite_auth_source`]).
    pub fn rewrite(&self, user: (&str, &str), database: (&str, &str)) -> Self {
        // The database comes later in the text, so replacing it first leaves the user's range valid.
        let renamed = self.replace(&self.database, database);
        renamed.replace(&renamed.user, user)
    }

    /// Renames the value of the option `authSource`, as `(from, to)`, where it is exactly `from`: needed when users live
    /// in the database that is renamed and the string says so a second time.
    pub fn rewrite_auth_source(&self, database: (&str, &str)) -> Self {
        let Some(options) = self.options.clone() else {
            return self.clone();
        };
        let mut start = options.start;
        for pair in self.at(&options).split('&') {
            let end = start + pair.len();
            if let Some((key, _)) = pair.split_once('=')
                && key.eq_ignore_ascii_case("authSource")
            {
                return self.replace(&Some(start + key.len() + 1..end), database);
            }
            start = end + 1;
        }
        self.clone()
    }

    /// The text with another password, and with other values of options that may hold secrets; all else stays as it is.
    /// `stand_in` gets decoded values.
    pub fn disguised(&self, stand_in: &dyn Fn(&str) -> String) -> String {
        let escaped = |text: &str| utf8_percent_encode(&stand_in(text), ESCAPED).to_string();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut text = self.expose().to_owned();
        if let Some(range) = &self.options {
            let pairs = self.at(range).split('&').map(|pair| match pair.split_once('=') {
                Some((key, value)) if may_be_secret(key, value) => format!("{key}={}", escaped(&decoded(value))),
                _ => pair.to_owned(),
            });
            text.replace_range(range.clone(), &pairs.collect::<Vec<_>>().join("&"));
        }
        if let Some(range) = &self.password {
            text.replace_range(range.clone(), &escaped(&decoded(self.at(range))));
        }
        text
    }

    fn replace(&self, part: &Option<Range<usize>>, (from, to): (&str, &str)) -> Self {
        let Some(range) = part.as_ref().filter(|_| self.decoded(part).as_deref() == Some(from)) else {
            return self.clone();
        };
        let mut text = self.expose().to_owned();
        text.replace_range(range.clone(), &utf8_percent_encode(to, ESCAPED).to_string());
        // Escaped text cannot change how the rest is read; an empty or odd `to` leaves the string as it was.
        Self::parse(&text).unwrap_or_else(|_| self.clone())
    }
}

/// True for an option whose value is, or may hold, a secret.
fn may_be_secret(key: &str, value: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let named = ["password", "token", "properties", "secret"];
    named.iter().any(|word| lower.contains(word)) || value.contains('@')
}

impl PartialEq for ConnectionString {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for ConnectionString {}

/// Without the password and without option values that are, or may hold, secrets.
impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.srv { "mongodb+srv://" } else { "mongodb://" })?;
        if let Some(user) = &self.user {
            write!(
                f,
                "{}{}@",
                self.at(user),
                if self.password.is_some() { ":***" } else { "" }
            )?;
        }
        f.write_str(self.at(&self.hosts))?;
        if let Some(database) = &self.database {
            write!(f, "/{}", self.at(database))?;
        } else if self.options.is_some() {
            f.write_str("/")?;
        }
        let options = self.options.as_ref().map_or("", |range| self.at(range));
        for (index, pair) in options.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = if may_be_secret(key, value) { "***" } else { value };
            write!(f, "{}{key}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

/// Options may hold secrets, too, and a text that is hardly a connection string may hold them anywhere.
impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionString(not shown)")
    }
}

#[cfg(test)]
#[path = "mongo_uri_tests.rs"]
mod tests;
