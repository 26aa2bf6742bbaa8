//! Names as the API server and Helm take them, so that what is wrong is found in `rehelm.yaml` and not half-way.

/// Longest name of a namespace (RFC 1123 label).
pub const NAMESPACE: usize = 63;

/// Longest name of a release: Helm makes names of objects from it.
pub const RELEASE: usize = 53;

/// Refuses names that no server takes, with the field.
///
/// # Errors
/// The first that is wrong.
pub fn check(source: &str, target: &str, release: &str) -> Result<(), String> {
    let all = [
        ("source.namespace", source, NAMESPACE),
        ("target.namespace", target, NAMESPACE),
        ("target.release", release, RELEASE),
    ];
    all.into_iter()
        .try_for_each(|(field, name, most)| label(name, most).map_err(|why| format!("{field}: {why}")))
}

/// Refuses a name that is no label, with what is allowed.
///
/// # Errors
/// What is wrong with it.
pub fn label(name: &str, most: usize) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    if name.len() > most {
        return Err(format!("`{name}` is longer than {most} characters"));
    }
    if !name.chars().all(inner) || !edge(name.chars().next()) || !edge(name.chars().last()) {
        return Err(format!(
            "`{name}` is no name: lowercase letters, digits and dashes, with a letter or digit at both ends"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_the_server_takes() {
        for good in ["a", "notes-old", "0a"] {
            assert!(label(good, NAMESPACE).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "../a", "ä", &"a".repeat(64)] {
            assert!(label(bad, NAMESPACE).is_err(), "{bad}");
        }
    }
}
