//! How the tools reach the server from inside the pod: flags that both of them take since 4.2, and who may log in.

use rehelm_core::mongo_uri::ConnectionString;
use secrecy::{ExposeSecret, SecretString};

use crate::mongo::Login;

/// A user with the database that it is looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// `authSource`.
    pub source: String,
}

/// The server as the tools are told of it.
#[derive(Clone, Debug)]
pub struct Server {
    /// `--host` and what belongs to TLS.
    pub flags: Vec<String>,
    /// Users to try in this order; empty for a server that asks for none.
    pub users: Vec<User>,
    /// The password of all of them.
    pub password: Option<SecretString>,
    /// True when its names are the same server's from elsewhere as well, and not the pod's own loopback.
    pub elsewhere: bool,
}

/// Options of a URI that the tools have as flags with a value. Files are the pod's.
const WITH_VALUE: [(&str, &str); 3] = [
    ("tlsCAFile", "--sslCAFile"),
    ("tlsCertificateKeyFile", "--sslPEMKeyFile"),
    ("authMechanism", "--authenticationMechanism"),
];
/// Those that are on or off.
const SWITCHES: [(&str, &[&str]); 5] = [
    ("tls", &["--ssl"]),
    ("ssl", &["--ssl"]),
    ("tlsAllowInvalidCertificates", &["--sslAllowInvalidCertificates"]),
    ("tlsAllowInvalidHostnames", &["--sslAllowInvalidHostnames"]),
    (
        "tlsInsecure",
        &["--sslAllowInvalidCertificates", "--sslAllowInvalidHostnames"],
    ),
];
/// Those that cannot go this way, because they are, or may hold, secrets.
const REFUSED: [&str; 2] = ["tlsCertificateKeyFilePassword", "authMechanismProperties"];

impl Server {
    /// # Errors
    /// What of the URI or the password cannot go this way; never what it holds.
    pub fn of(login: &Login) -> Result<Self, String> {
        let uri = ConnectionString::parse(login.uri.expose_secret().trim()).map_err(|error| error.to_string())?;
        if uri.srv() {
            return Err("a mongodb+srv:// URI cannot be used in a pod; write its servers out: mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME".to_owned());
        }
        if let Some(option) = REFUSED.iter().find(|option| uri.option(option).is_some()) {
            return Err(format!(
                "the URI's option {option} cannot be given to the tools without showing it"
            ));
        }
        let hosts = uri.hosts();
        if hosts.iter().any(|host| host.name.starts_with('/')) {
            return Err("a socket cannot be used in a pod; name a host".to_owned());
        }
        let list: Vec<String> = hosts
            .iter()
            .map(|host| {
                let name = if host.name.contains(':') {
                    format!("[{}]", host.name)
                } else {
                    host.name.clone()
                };
                format!("{name}:{}", host.port.unwrap_or(27017))
            })
            .collect();
        let set = uri
            .option("replicaSet")
            .map(|set| format!("{set}/"))
            .unwrap_or_default();
        let mut flags = vec![format!("--host={set}{}", list.join(","))];
        for (option, flag) in WITH_VALUE {
            flags.extend(uri.option(option).map(|value| format!("{flag}={value}")));
        }
        for (option, own) in SWITCHES {
            if uri.option(option).is_some_and(|value| value == "true") {
                flags.extend(
                    own.iter()
                        .map(|flag| (*flag).to_owned())
                        .filter(|flag| !flags.contains(flag))
                        .collect::<Vec<_>>(),
                );
            }
        }
        let password = login.password.clone().or_else(|| uri.password());
        let password = password.filter(|password| !password.expose_secret().is_empty());
        if password
            .as_ref()
            .is_some_and(|password| password.expose_secret().contains(|letter: char| letter.is_control()))
        {
            return Err("the password holds a control character, at which the tools would stop reading it".to_owned());
        }
        Ok(Self {
            flags,
            users: users(login, &uri, password.is_some())?,
            password,
            elsewhere: !hosts.iter().any(crate::mongo::loopback),
        })
    }

    /// The flags with those of a user.
    pub fn flags_for(&self, user: Option<&User>) -> Vec<String> {
        let mut flags = self.flags.clone();
        if let Some(user) = user {
            flags.push(format!("--username={}", user.name));
            flags.push(format!("--authenticationDatabase={}", user.source));
        }
        flags
    }
}

fn users(login: &Login, uri: &ConnectionString, password: bool) -> Result<Vec<User>, String> {
    let mut users = Vec::new();
    let own = uri.user().filter(|name| !name.is_empty());
    if let Some(name) = own {
        // Certificates and tickets have no password; nobody is there to be asked for one.
        if !password && uri.option("authMechanism").is_none() {
            return Err("the URI names a user, and no password is given".to_owned());
        }
        users.push(User {
            name,
            source: uri.auth_source(),
        });
    }
    let source = uri.option("authSource").unwrap_or_else(|| "admin".to_owned());
    for name in login.users.iter().filter(|_| password) {
        let user = User {
            name: name.clone(),
            source: source.clone(),
        };
        if !users.contains(&user) {
            users.push(user);
        }
    }
    if users.is_empty() && password {
        return Err("a password is given, and no user".to_owned());
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, password: Option<&str>, users: &[&str]) -> Result<Server, String> {
        Server::of(&Login {
            uri: uri.to_owned().into(),
            password: password.map(|password| password.to_owned().into()),
            users: users.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    #[test]
    fn a_uri_becomes_flags_without_its_password() {
        let server = of(
            "mongodb://joe:s%40cret@a,b:1/shop?replicaSet=rs0&tls=true&tlsCAFile=/ca.pem&w=1",
            None,
            &["root"],
        );
        let server = server.expect("a server");
        assert_eq!(server.flags, ["--host=rs0/a:27017,b:1", "--sslCAFile=/ca.pem", "--ssl"]);
        let all: Vec<_> = server
            .users
            .iter()
            .map(|user| (user.name.as_str(), user.source.as_str()))
            .collect();
        assert_eq!(all, [("joe", "shop"), ("root", "admin")]);
        assert!(server.elsewhere && !format!("{:?}", server.flags_for(server.users.first())).contains("cret"));
        let server = of("mongodb://localhost/", Some("x"), &["-u"]).expect("a server");
        assert!(!server.elsewhere);
        assert_eq!(server.flags_for(server.users.first())[1], "--username=-u");
        assert!(
            of("mongodb://localhost/", None, &[])
                .expect("no login")
                .users
                .is_empty()
        );
    }

    #[test]
    fn what_cannot_go_this_way_is_refused_and_not_shown() {
        for (uri, password) in [
            ("mongodb+srv://u:hunter2@h/", None),
            ("mongodb://u@h/", None),
            ("mongodb://h/", Some("hunter2")),
            ("mongodb://u@h/", Some("hunter2\nx")),
            ("mongodb://u:hunter2@h/?tlsCertificateKeyFilePassword=hunter2", None),
        ] {
            let why = of(uri, password, &[]).expect_err(uri);
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
