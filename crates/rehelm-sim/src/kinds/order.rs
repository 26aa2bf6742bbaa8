//! The order of versions: stable ones before betas before alphas, higher numbers first, other names last.

use std::cmp::{Ordering, Reverse};

/// Compares two versions of a group as the API server ranks them; the preferred one comes first.
///
/// Source of the rule: "Version priority" in the documentation of CRD versioning.
pub(crate) fn by_priority(a: &str, b: &str) -> Ordering {
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => Reverse(a).cmp(&Reverse(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// Stage (alpha 0, beta 1, stable 2), major, minor; None for names of another form.
fn rank(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    for (word, stage) in [("alpha", 0), ("beta", 1)] {
        if let Some((major, minor)) = rest.split_once(word) {
            return Some((stage, major.parse().ok()?, minor.parse().ok()?));
        }
    }
    Some((2, rest.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_in_order() {
        let mut given = [
            "v11alpha2",
            "foo10",
            "v2",
            "v1",
            "v10",
            "v3beta1",
            "foo1",
            "v12alpha1",
            "v11beta2",
            "v10beta3",
        ];
        given.sort_by(|a, b| by_priority(a, b));
        let expected = [
            "v10",
            "v2",
            "v1",
            "v11beta2",
            "v10beta3",
            "v3beta1",
            "v12alpha1",
            "v11alpha2",
            "foo1",
            "foo10",
        ];
        assert_eq!(given, expected);
    }
}
