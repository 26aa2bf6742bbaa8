//! Keeps passwords out of `rehelm.yaml`: the text is looked at before it is read, so that no password can reach a message.

use camino::Utf8Path;

use crate::errors::{Error, Result};

/// Refuses a text with a password in it, naming the line and never the password.
///
/// # Errors
/// A usage error with `FILE:LINE` for a URI with a password (also in a comment) and for a field that is named like one.
pub fn refuse_passwords(path: &Utf8Path, text: &str) -> Result<()> {
    for (number, line) in text.lines().enumerate() {
        let at = format!("{path}:{}", number + 1);
        if has_uri_password(line) {
            return Err(Error::usage(format!("{at}: a URI with a password does not belong in this file"))
                .hint("put it into a secret, a file or an environment variable, and name that: uri-secret, uri-file, uri-env")
                .hint("change the password if the file has been shared"));
        }
        let field = line.trim_start().trim_start_matches("- ");
        if let Some((name, value)) = field.split_once(':')
            && ["password", "passwd", "token", "uri"].contains(&name.trim().trim_matches(['"', '\'']))
            && !value.trim().is_empty()
        {
            let name = name.trim();
            return Err(
                Error::usage(format!("{at}: `{name}` does not belong in this file")).hint(format!(
                    "name the place that holds it: {name}-secret, {name}-file or {name}-env"
                )),
            );
        }
    }
    Ok(())
}

/// True when the text holds `scheme://user:password@`.
pub fn has_uri_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let end = rest
            .find(|c: char| c.is_whitespace() || ['/', '"', '\''].contains(&c))
            .unwrap_or(rest.len());
        // A password that was not percent-encoded may hold a slash; the last @ decides then.
        let authority = match rest[..end].rfind('@') {
            Some(_) => &rest[..end],
            None => rest.split(char::is_whitespace).next().unwrap_or_default(),
        };
        authority
            .rsplit_once('@')
            .is_some_and(|(login, _)| login.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_uris_are_seen() {
        assert!(has_uri_password("uri: mongodb://root:hunter2@db:27017/admin"));
        assert!(has_uri_password("# mongodb://root:a/b@db"));
        assert!(has_uri_password("chart: oci://u:p@host/x"));
        assert!(!has_uri_password("mongodb://root@db:27017/admin"));
        assert!(!has_uri_password("oci://host:5000/helm/x"));
        assert!(!has_uri_password("write to me@example.org: now"));
    }

    #[test]
    fn the_line_is_named_and_the_password_is_not() {
        let error = refuse_passwords("a.yaml".into(), "a: b\nuri: mongodb://root:hunter2@db\n").unwrap_err();
        assert!(error.message().starts_with("a.yaml:2: "), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_password_field_is_refused_by_name() {
        let error = refuse_passwords("a.yaml".into(), "registry:\n  password: x1\n").unwrap_err();
        assert_eq!(error.message(), "a.yaml:2: `password` does not belong in this file");
        assert!(refuse_passwords("a.yaml".into(), "password-file: x\n").is_ok());
    }
}
