//! Stand-ins for secret values: equal values get equal ones, of the same length class and of the same form.
//!
//! A stand-in is made from a hash that is keyed with 32 random bytes which are thrown away with the process, so that nobody
//! can try guesses against it. What a rehearsal needs of a value stays: that it is a connection string and to where, which
//! registries a login names, that a certificate is one, that two values are the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::mongo_uri::ConnectionString;

/// URIs whose user and database are names, not secrets.
const DATABASES: [&str; 9] = [
    "amqp",
    "amqps",
    "mariadb",
    "mysql",
    "nats",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
];

/// Makes stand-ins under one key.
pub(super) struct StandIns {
    key: [u8; 32],
}

impl StandIns {
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Bytes that depend on the key and the value only, as many as asked for.
    fn stream(&self, value: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 32);
        let mut block = 0_u64;
        while bytes.len() < length {
            let mut hash = Sha256::new();
            hash.update(self.key);
            hash.update(block.to_be_bytes());
            hash.update(Sha256::digest(value));
            bytes.extend_from_slice(&hash.finalize());
            block += 1;
        }
        bytes.truncate(length);
        bytes
    }

    /// A plain text: letters and digits, or only digits where it was a number.
    pub fn word(&self, value: &str) -> String {
        if value.trim().is_empty() {
            return value.to_owned();
        }
        // Short letters would often be the same as some part of something else.
        let digits = value.len() > 1 && value.bytes().all(|b| b.is_ascii_digit());
        let letters: &[u8] = if digits {
            b"0123456789"
        } else {
            b"abcdefghijkmnpqrstuvwxyz23456789"
        };
        let stream = self.stream(value.as_bytes(), class(value.len()));
        let text = |bytes: Vec<u8>| -> String {
            bytes
                .iter()
                .map(|b| char::from(letters[usize::from(*b) % letters.len()]))
                .collect()
        };
        text(stream)
    }

    /// A value of a secret, whatever it is.
    pub fn bytes(&self, value: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(value) {
            Ok(text) => self.text(text).into_bytes(),
            Err(_) => self.stream(value, class(value.len())),
        }
    }

    /// A text, by its form.
    pub fn text(&self, value: &str) -> String {
        let trimmed = value.trim_end();
        let end = &value[trimmed.len()..];
        let inner = if let Ok(uri) = ConnectionString::parse(trimmed) {
            uri.disguised(&|secret| self.word(secret))
        } else if trimmed.contains("-----BEGIN ") {
            self.pem(trimmed)
        } else if let Some(uri) = self.uri(trimmed) {
            uri
        } else if let Some(json) = self.json(trimmed) {
            json
        } else if trimmed.contains('\n') {
            let lines: Vec<String> = trimmed.split('\n').map(|line| self.word(line)).collect();
            lines.join("\n")
        } else {
            self.word(trimmed)
        };
        inner + end
    }

    /// `scheme://…`; user and path stay for databases only.
    fn uri(&self, text: &str) -> Option<String> {
        let (scheme, rest) = text.split_once("://")?;
        let good = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if scheme.is_empty() || !scheme.chars().all(good) || text.contains(char::is_whitespace) {
            return None;
        }
        let database = DATABASES.contains(&scheme.to_ascii_lowercase().as_str());
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, more) = rest.split_at(end);
        let (login, host) = match authority.rsplit_once('@') {
            None => (None, authority),
            Some((login, host)) => (Some(login), host),
        };
        let word = |part: &str| self.word(&percent_decode_str(part).decode_utf8_lossy());
        let login = login.map(|login| match login.split_once(':') {
            Some((user, password)) if database => format!("{user}:{}@", word(password)),
            Some((user, password)) => format!("{}:{}@", word(user), word(password)),
            None => format!("{}@", word(login)),
        });
        let (path, query) = more.split_at(more.find(['?', '#']).unwrap_or(more.len()));
        let path = match path {
            _ if database => path.to_owned(),
            "" | "/" => path.to_owned(),
            path => format!("/{}", self.word(&path[1..])),
        };
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("{}{}", &query[..1], self.word(&query[1..]))
        };
        Some(format!("{scheme}://{}{host}{path}{query}", login.unwrap_or_default()))
    }

    /// A JSON document: its form and its keys stay.
    fn json(&self, text: &str) -> Option<String> {
        if !text.starts_with(['{', '[']) {
            return None;
        }
        let mut value: Value = serde_json::from_str(text).ok()?;
        self.leaves(&mut value);
        Some(value.to_string())
    }

    /// Replaces every text and number below.
    pub fn leaves(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Number(number) => {
                let word = self.word(&number.to_string());
                *value = word[..word.len().min(9)]
                    .parse::<u64>()
                    .map_or(Value::String(word), Value::from);
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.leaves(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.leaves(field)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Registries and user names stay; None for what is no such document.
    pub fn docker(&self, text: &str) -> Option<String> {
        let mut config: Value = serde_json::from_str(text).ok()?;
        // `.dockercfg` has the registries at the top.
        let nested = config.get("auths").is_some();
        let registries = if nested { config.get_mut("auths")? } else { &mut config };
        for login in registries.as_object_mut()?.values_mut() {
            self.login(login.as_object_mut()?);
        }
        if nested {
            for (name, other) in config.as_object_mut()? {
                if name != "auths" {
                    self.leaves(other);
                }
            }
        }
        Some(config.to_string())
    }

    fn login(&self, login: &mut serde_json::Map<String, Value>) {
        let own = |name: &str, login: &serde_json::Map<String, Value>| login.get(name)?.as_str().map(str::to_owned);
        let auth = own("auth", login)
            .and_then(|auth| String::from_utf8(STANDARD.decode(auth).ok()?).ok())
            .and_then(|auth| {
                auth.split_once(':')
                    .map(|(user, word)| (user.to_owned(), word.to_owned()))
            });
        for (name, value) in login.iter_mut() {
            match (name.as_str(), &auth) {
                ("username" | "user", _) => {}
                ("auth", Some((user, password))) => {
                    *value = STANDARD.encode(format!("{user}:{}", self.word(password))).into();
                }
                _ => self.leaves(value),
            }
        }
    }

    /// Labels and the number of lines stay.
    fn pem(&self, text: &str) -> String {
        let line = |line: &str| match line {
            label if label.starts_with("-----") => label.to_owned(),
            "" => String::new(),
            line => {
                let length = class(line.len()).min(64);
                let bytes = self.stream(line.as_bytes(), length.div_ceil(4) * 3);
                STANDARD.encode(bytes).chars().take(length).collect()
            }
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Length of the stand-in for a value: the next power of two, at least 8.
fn class(length: usize) -> usize {
    match length {
        0 => 0,
        length => length.next_power_of_two().max(8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> StandIns {
        StandIns::new([7; 32])
    }

    #[test]
    fn equal_values_get_equal_stand_ins_under_one_key_only() {
        let (a, b) = (one(), StandIns::new([8; 32]));
        assert_eq!(a.word("hunter2"), a.word("hunter2"));
        assert_ne!(a.word("hunter2"), a.word("hunter3"));
        assert_ne!(a.word("hunter2"), b.word("hunter2"));
        assert_eq!(a.word("hunter2").len(), 8);
        assert_eq!(a.word("a password of more letters").len(), 32);
        assert_eq!(a.word(""), "");
        assert!(a.word("123456").bytes().all(|b| b.is_ascii_digit()));
    }

    #[test]
    fn connection_strings_keep_where_they_lead() {
        let said = one().text("mongodb://notes:s3cret@a:1,b:2/notes?replicaSet=rs0\n");
        assert_eq!(
            said,
            format!(
                "mongodb://notes:{}@a:1,b:2/notes?replicaSet=rs0\n",
                one().word("s3cret")
            )
        );
        let said = one().text("redis://:s3cret@cache:6379/0");
        assert_eq!(said, format!("redis://:{}@cache:6379/0", one().word("s3cret")));
        let said = one().text("https://hooks.example/services/T0/B0/xyzzy?token=abc");
        assert!(
            said.starts_with("https://hooks.example/") && !said.contains("xyzzy") && !said.contains("abc"),
            "{said}"
        );
        let said = one().text("https://0123abcd@errors.example/42");
        assert!(!said.contains("0123abcd"), "{said}");
    }

    #[test]
    fn logins_keep_their_registries() {
        let auth = STANDARD.encode("bot:pass:word");
        let config =
            format!(r#"{{"auths":{{"r.example":{{"username":"bot","password":"pass:word","auth":"{auth}"}}}}}}"#);
        let said: Value = serde_json::from_str(&one().docker(&config).unwrap()).unwrap();
        let login = &said["auths"]["r.example"];
        let word = one().word("pass:word");
        assert_eq!(
            (&login["username"], &login["password"]),
            (&"bot".into(), &word.clone().into())
        );
        assert_eq!(login["auth"], STANDARD.encode(format!("bot:{word}")));
        assert_eq!(one().docker("no json"), None);
    }

    #[test]
    fn keys_and_documents_keep_their_form() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ\nabc\n-----END PRIVATE KEY-----\n";
        let said = one().text(pem);
        assert!(said.starts_with("-----BEGIN PRIVATE KEY-----\n") && said.ends_with("-----END PRIVATE KEY-----\n"));
        assert!(!said.contains("MIIEvQ") && said.lines().count() == 4, "{said}");
        let said: Value = serde_json::from_str(&one().text(r#"{"a": {"b": "secret", "c": [true, 12345]}}"#)).unwrap();
        assert_eq!(
            (&said["a"]["b"], &said["a"]["c"][0]),
            (&one().word("secret").into(), &true.into())
        );
        assert_ne!(said["a"]["c"][1], 12345);
        assert_ne!(one().bytes(&[0xff, 0xfe, 1]), [0xff, 0xfe, 1]);
    }
}
