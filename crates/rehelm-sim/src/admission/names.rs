//! Syntax of names, labels and annotations, in the API server's words. Each check gives what is wrong, or nothing.

/// A rule that a text must keep.
pub(super) type Rule = fn(&str) -> Vec<String>;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                         and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
                         validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                          alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
                          regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
                         is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                     must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                     regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
                          or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Letters and digits at both ends, these or `inner` between.
fn framed(text: &str, ends: fn(u8) -> bool, inner: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    ends(*first) && ends(*last) && bytes.iter().all(|byte| ends(*byte) || inner.contains(byte))
}

fn at_most(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} characters"))
}

/// RFC 1123 label, as names of namespaces and containers are.
pub(super) fn label(text: &str) -> Vec<String> {
    let syntax = (!framed(text, lower, b"-")).then(|| {
        let dots = text.split('.').all(|part| framed(part, lower, b"-"));
        if dots { "must not contain dots" } else { LABEL }.to_owned()
    });
    at_most(text, 63).into_iter().chain(syntax).collect()
}

/// RFC 1035 label, as names of Services are.
pub(super) fn label_1035(text: &str) -> Vec<String> {
    let starts = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    let syntax = (!framed(text, lower, b"-") || !starts).then(|| LABEL_1035.to_owned());
    at_most(text, 63).into_iter().chain(syntax).collect()
}

/// RFC 1123 subdomain, as most names are.
pub(super) fn subdomain(text: &str) -> Vec<String> {
    let syntax = (!text.split('.').all(|part| framed(part, lower, b"-"))).then(|| SUBDOMAIN.to_owned());
    at_most(text, 253).into_iter().chain(syntax).collect()
}

/// Names of RBAC objects: what can stand in a path.
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let held = ["/", "%"].into_iter().filter(|letter| text.contains(letter));
    held.map(|letter| format!("may not contain '{letter}'")).collect()
}

/// Any text.
pub(super) fn anything(_: &str) -> Vec<String> {
    Vec::new()
}

/// `prefix/name`, as keys of labels and annotations are.
pub(super) fn qualified(text: &str) -> Vec<String> {
    key(text, "qualified name")
}

/// The same, as the key of a label.
pub(super) fn label_key(text: &str) -> Vec<String> {
    key(text, "valid label key")
}

fn key(text: &str, what: &str) -> Vec<String> {
    let bytes = |text: &str, most: usize| (text.len() > most).then(|| format!("must be no more than {most} bytes"));
    let mut wrong = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
            }
            *name
        }
        _ => {
            return vec![format!(
                "a {what} {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else {
        wrong.extend(bytes(name, 63).map(|why| format!("name part {why}")));
    }
    if !framed(name, |byte| byte.is_ascii_alphanumeric(), b"-_.") {
        wrong.push(format!("name part {QUALIFIED}"));
    }
    wrong
}

/// Value of a label.
pub(super) fn label_value(text: &str) -> Vec<String> {
    let fine = text.is_empty() || framed(text, |byte| byte.is_ascii_alphanumeric(), b"-_.");
    let long = (text.len() > 63).then(|| "must be no more than 63 bytes".to_owned());
    let syntax = (!fine).then(|| VALUE.to_owned());
    long.into_iter().chain(syntax).collect()
}

/// Key of a Secret's or ConfigMap's data.
pub(super) fn config_key(text: &str) -> Vec<String> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let fine = !text.is_empty() && text.as_bytes().iter().all(allowed);
    let mut wrong: Vec<String> = at_most(text, 253).into_iter().collect();
    wrong.extend((!fine).then(|| CONFIG_KEY.to_owned()));
    if matches!(text, "." | "..") {
        wrong.push(format!("must not be '{text}'"));
    } else if text.starts_with("..") {
        wrong.push("must not start with '..'".to_owned());
    }
    wrong
}

/// Name of an environment variable: printable ASCII without `=`.
pub(super) fn env_name(text: &str) -> Vec<String> {
    let fine = !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'=');
    let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    (!fine).then(|| why.to_owned()).into_iter().collect()
}

/// Name of a port in a Pod or Service: an IANA service name.
pub(super) fn port_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 15 {
        wrong.push("must be no more than 15 characters".to_owned());
    }
    let allowed = |byte: u8| lower(byte) || byte == b'-';
    if !text.bytes().all(allowed) {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rules() {
        for good in ["a", "a-b", "0", "a.b-c.d"] {
            assert!(subdomain(good).is_empty(), "{good}");
        }
        for bad in ["", "A", "a_b", "-a", "a..b", "a."] {
            assert_eq!(subdomain(bad).len(), 1, "{bad}");
        }
        assert_eq!(label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert!(qualified("example.com/Name_1").is_empty());
        assert_eq!(qualified("/x"), ["prefix part must be non-empty"]);
        assert!(label_value("").is_empty());
        assert_eq!(label_value("-x").len(), 1);
        assert_eq!(label_1035("1a").len(), 1);
    }
}
