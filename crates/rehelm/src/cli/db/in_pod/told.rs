//! What a person is told when a copy in a pod does not come about, or cannot be proven.

use rehelm_clients::in_pod::{Copied, Counts, PodShell, Trouble};
use rehelm_core::ports::PortError;

use crate::errors::Error;
use crate::exit::Exit;

/// A reason that is only a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Why(pub String);

/// Before anything is changed.
pub fn before(trouble: Trouble, shell: &PodShell) -> Error {
    let namespace = shell.pod.namespace.as_deref().unwrap_or_default();
    let pod = &shell.pod;
    match trouble {
        Trouble::Port(PortError::Forbidden(_)) => super::pod::forbidden(namespace),
        Trouble::Missing(_) => {
            let container = shell.container.as_deref().unwrap_or_default();
            Error::new(
                Exit::Blocked,
                format!("container {container} of {pod} cannot do this; nothing was changed"),
            )
            .because(trouble)
            .hint(format!(
                "name a container that has the tools: --in-pod {namespace}/{}/CONTAINER",
                pod.name
            ))
            .hint("or copy from here, or with a Job: rehelm db copy, rehelm db job")
        }
        Trouble::Refused(ref users) if users.is_empty() => {
            Error::failed("the server lets nobody in without a login; nothing was changed")
                .hint("say who: --user NAME --password-file FILE, or --uri-file FILE")
        }
        Trouble::Refused(_) => Error::failed(format!("{trouble} with the given password; nothing was changed"))
            .hint("check user and password; users of a database need /?authSource=DATABASE in the URI"),
        Trouble::NotThere(_) | Trouble::Empty(_) => Error::failed(format!("{trouble}; nothing was changed")),
        trouble => Error::failed(format!("cannot look at the databases in {pod}; nothing was changed"))
            .because(trouble)
            .hint("in the pod, the server is localhost:27017 unless a URI says otherwise"),
    }
}

/// The target holds something.
pub fn occupied(from: &str, to: &str, collection: &str) -> Error {
    let error = Error::new(
        Exit::Blocked,
        format!("{to} is there already, with a collection {collection}; nothing was changed"),
    );
    error
        .hint(format!(
            "when it is what an earlier copy left, `rehelm db copy {from} {to}` without --in-pod goes on with it, where the server can be reached"
        ))
        .hint(format!("otherwise look what is in {to}; this command neither drops nor overwrites it"))
}

/// In the middle.
pub fn while_copying(trouble: Trouble, from: &str, to: &str) -> Error {
    let error = match trouble {
        Trouble::Port(PortError::Unavailable(_)) => Error::failed(format!(
            "the way into the pod broke while {from} was copied; what runs there may go on for a while"
        )),
        _ => Error::failed(format!("{from} was not copied whole to {to}")),
    };
    error
        .because(trouble)
        .hint(format!(
            "{to} may hold a part; `rehelm db copy {from} {to}` without --in-pod goes on with it, where the server can be reached"
        ))
        .hint(format!("otherwise drop {to} yourself, when it is certain that nothing else is in it, and copy again"))
}

/// What was only counted.
pub fn unproven(copied: &Copied, counted: &Counts, (from, to): (&str, &str), why: &str) -> String {
    let mut lines = vec![format!("NOT proven equal: {why}.")];
    let differ: Vec<String> = copied
        .dumped
        .iter()
        .map(|(name, dumped)| (name, *dumped, counted.get(name).copied()))
        .chain(
            counted
                .iter()
                .filter(|(name, _)| !copied.dumped.contains_key(*name))
                .map(|(name, count)| (name, 0, Some(*count))),
        )
        .filter(|(_, dumped, found)| Some(*dumped) != *found)
        .map(|(name, dumped, found)| {
            let found = found.map_or_else(|| "missing".to_owned(), |found| found.to_string());
            format!("  {name}: {dumped} in {from}, {found} in {to}")
        })
        .collect();
    if differ.is_empty() {
        lines.push(format!(
            "  Only counted, by mongodump in the pod: {} documents in {} collections, the same number in each on both sides.",
            copied.dumped.values().sum::<u64>(),
            copied.dumped.len(),
        ));
    } else {
        lines.push("  Counted by mongodump in the pod, and different:".to_owned());
        lines.extend(differ);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_differ_are_named() {
        let counts = |all: &[(&str, u64)]| {
            all.iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect::<Counts>()
        };
        let copied = Copied {
            dumped: counts(&[("a", 2), ("b", 1)]),
            restored: 3,
        };
        let said = unproven(&copied, &counts(&[("a", 3), ("c", 1)]), ("x", "y"), "because");
        for words in [
            "NOT proven equal: because.",
            "a: 2 in x, 3 in y",
            "b: 1 in x, missing in y",
            "c: 0 in x, 1 in y",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let said = unproven(&copied, &copied.dumped, ("x", "y"), "because");
        assert!(said.contains("3 documents in 2 collections"), "{said}");
    }
}
