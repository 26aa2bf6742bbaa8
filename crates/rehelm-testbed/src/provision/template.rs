//! Templates of the data files: `{name}` is replaced, `{hexN}` gives N hex digits that depend on the object's uid only.

use sha2::{Digest, Sha256};

/// Replaces what is known; an unknown `{word}` stays.
pub(crate) fn fill(template: &str, words: &[(&str, &str)]) -> String {
    let uid = words.iter().find(|(name, _)| *name == "uid").map_or("", |(_, uid)| uid);
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((word, tail)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match (
            words.iter().find(|(name, _)| *name == word),
            word.strip_prefix("hex").and_then(|n| n.parse().ok()),
        ) {
            (Some((_, value)), _) => text.push_str(value),
            (None, Some(digits)) => text.push_str(&hex(uid, digits)),
            (None, None) => text.push_str(&format!("{{{word}}}")),
        }
        rest = tail;
    }
    text + rest
}

/// The first hex digits (at most 64) of the uid's digest.
fn hex(uid: &str, digits: usize) -> String {
    Sha256::digest(uid)
        .iter()
        .flat_map(|b| format!("{b:02x}").into_bytes())
        .take(digits)
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills() {
        let words = [("uid", "u"), ("zone", "z1")];
        assert_eq!(
            fill("aws://{zone}/vol-{hex3}", &words),
            format!("aws://z1/vol-{}", hex("u", 3))
        );
        assert_eq!(fill("{what} {", &words), "{what} {");
        assert_eq!(hex("u", 17).len(), 17);
    }
}
