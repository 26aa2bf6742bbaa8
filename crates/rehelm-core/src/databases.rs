//! What is done with databases beside a plan's steps: proof that two are equal, and copies that are kept in step.

pub mod equality;
pub mod init_job;
pub mod notebook;
pub mod sync;
pub mod tail;

use crate::ports::DatabaseProof;

/// Documents and bytes of a whole database.
pub fn totals(proof: &DatabaseProof) -> (u64, u64) {
    proof.values().fold((0, 0), |(d, b), c| (d + c.documents, b + c.bytes))
}

/// Collections that differ between two proofs.
pub fn differences(from: &DatabaseProof, to: &DatabaseProof) -> Vec<String> {
    let mut names: Vec<&String> = from
        .keys()
        .chain(to.keys().filter(|k| !from.contains_key(*k)))
        .collect();
    names.sort();
    names
        .into_iter()
        .filter(|n| from.get(*n) != to.get(*n))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::CollectionProof;

    fn proof(documents: u64, content: &str) -> CollectionProof {
        CollectionProof {
            documents,
            bytes: documents * 10,
            content: content.into(),
            shape: "s".into(),
        }
    }

    #[test]
    fn differences_name_collections_of_either_side() {
        let from = DatabaseProof::from([("a".into(), proof(1, "x")), ("b".into(), proof(2, "y"))]);
        let to = DatabaseProof::from([("a".into(), proof(1, "z")), ("c".into(), proof(1, "q"))]);
        assert_eq!(differences(&from, &to), ["a", "b", "c"]);
        assert!(differences(&from, &from).is_empty());
        assert_eq!(totals(&from), (3, 30));
    }
}
