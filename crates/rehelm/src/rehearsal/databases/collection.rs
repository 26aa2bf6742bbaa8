//! A collection in memory: its outline, and documents that are made up, so that a proof is a real computation.

use std::collections::BTreeSet;

use rehelm_core::digest;
use rehelm_core::ports::{CollectionOutline, CollectionProof, DatabaseOutline};
use serde_json::json;

/// Documents of one collection that are really there; the others would prove nothing more.
const MOST: u64 = 2_000;

/// Documents in a database that no snapshot outlines.
pub(super) const FEW: u64 = 40;

/// One collection.
#[derive(Clone, Default)]
pub(super) struct Collection {
    pub(super) documents: BTreeSet<String>,
    pub(super) outline: CollectionOutline,
}

/// What a database holds that no snapshot outlines.
pub(super) fn made_up() -> DatabaseOutline {
    let collection = |name: &str| CollectionOutline {
        name: name.to_owned(),
        documents: FEW,
        bytes: FEW * 120,
        indexes: vec![json!({"name": "_id_", "keys": [["_id", 1]]})],
        ..CollectionOutline::default()
    };
    DatabaseOutline {
        bytes: 2 * FEW * 120,
        collections: vec![collection("records"), collection("settings")],
    }
}

/// A collection as an outline has it, with documents made up.
pub(super) fn fill(database: &str, outline: CollectionOutline) -> Collection {
    let count = if outline.view { 0 } else { outline.documents.min(MOST) };
    let document = |n: u64| json!({"_id": n, "of": format!("{database}.{}", outline.name)}).to_string();
    Collection {
        documents: (0..count).map(document).collect(),
        outline,
    }
}

impl Collection {
    /// What a proof says of it.
    pub(super) fn proof(&self) -> CollectionProof {
        let mut content = String::new();
        for document in &self.documents {
            content.push_str(document);
            content.push('\n');
        }
        let shape = json!([self.outline.view, self.outline.indexes]).to_string();
        // What stands for more documents counts as them while it is whole.
        let whole = self.documents.len() as u64 == self.outline.documents.min(MOST);
        CollectionProof {
            documents: if whole {
                self.outline.documents
            } else {
                self.documents.len() as u64
            },
            bytes: self.outline.bytes,
            content: digest::of_bytes(content.as_bytes()),
            shape: digest::of_bytes(shape.as_bytes()),
        }
    }
}
