//! Where two databases differ: counts by collection, and single documents by their `_id` with the fields that differ.
//! What a field holds is never told: type, size and a hash whose key nobody keeps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bson::{RawBsonRef, RawDocument, RawDocumentBuf};
use rehelm_core::ports::{
    CollectionComparison, Comparison, Difference, DifferenceKind, FieldDifference, PortError, PortResult, ValueFacts,
};
use sha2::{Digest, Sha256};

use super::collections::{Collection, Kind};
use super::digest::hex;
use super::walk::{AsyncSee, Range, Walk};
use super::{Mongo, not_own};

struct Comparer<'a> {
    collection: &'a str,
    key: &'a [u8],
    counts: CollectionComparison,
    found: &'a mut Vec<Difference>,
    most: usize,
}

impl Comparer<'_> {
    fn note(&mut self, id: &RawDocument, kind: DifferenceKind, fields: Vec<FieldDifference>) {
        if self.found.len() < self.most {
            let value = id.get("_id").ok().flatten().map(RawBsonRef::to_raw_bson);
            let value = value.and_then(|value| bson::Bson::try_from(value).ok());
            self.found.push(Difference {
                collection: self.collection.to_owned(),
                id: value.map_or_else(|| "?".into(), |value| value.into_relaxed_extjson().to_string()),
                kind,
                fields,
            });
        }
    }
}

#[async_trait]
impl AsyncSee for Comparer<'_> {
    async fn see(&mut self, range: Range) -> PortResult<()> {
        self.counts.documents += range.documents;
        self.counts.missing += range.missing.len() as u64;
        self.counts.extra += range.extra.len() as u64;
        self.counts.different += range.different.len() as u64;
        for document in &range.missing {
            self.note(document, DifferenceKind::Missing, Vec::new());
        }
        for id in &range.extra {
            self.note(id, DifferenceKind::Extra, Vec::new());
        }
        for (from, to) in &range.different {
            if self.found.len() < self.most {
                let fields = fields(from, to, self.key);
                self.note(from, DifferenceKind::Different, fields);
            }
        }
        Ok(())
    }
}

impl Mongo {
    pub(super) async fn compare_databases(&self, from: &str, to: &str, most: usize) -> PortResult<Comparison> {
        not_own(from)?;
        not_own(to)?;
        let (source, copy) = futures::try_join!(self.collections(from), self.collections(to))?;
        if source.is_empty() {
            return Err(PortError::NotFound(format!("database {from}")));
        }
        let of = |list: &[Collection]| -> BTreeMap<String, Collection> {
            list.iter().map(|own| (own.name.clone(), own.clone())).collect()
        };
        let (source, copy) = (of(&source), of(&copy));
        let mut names: Vec<_> = source.keys().chain(copy.keys()).collect();
        names.sort();
        names.dedup();
        // A new key each time: short values could be guessed from plain hashes.
        let key: [u8; 32] = rand::random();
        let mut out = Comparison::default();
        for name in names {
            let (own, other) = (source.get(name), copy.get(name));
            let mut comparer = Comparer {
                collection: name,
                key: &key,
                counts: CollectionComparison::default(),
                found: &mut out.differences,
                most,
            };
            let view = |c: Option<&Collection>| c.is_some_and(|c| c.kind == Kind::View);
            if !view(own) && !view(other) {
                // A collection that is not there is an empty one to a reader.
                self.walk(&mut Walk::new(from, to, name), &mut comparer).await?;
            }
            let mut counts = comparer.counts;
            counts.shape = match (own, other) {
                (Some(own), Some(other)) => {
                    let (a, b) = futures::try_join!(self.indexes(from, own), self.indexes(to, other))?;
                    own.shape(&a) != other.shape(&b)
                }
                _ => true,
            };
            out.collections.insert(name.clone(), counts);
        }
        Ok(out)
    }
}

/// Fields that differ, the deepest documents that hold them named by dotted paths.
fn fields(from: &RawDocument, to: &RawDocument, key: &[u8]) -> Vec<FieldDifference> {
    let mut out = Vec::new();
    collect(from, to, "", key, &mut out);
    if out.is_empty() {
        // Same fields with the same values: only their order is another one.
        out.push(FieldDifference {
            path: "(order of fields)".into(),
            from: None,
            to: None,
        });
    }
    out
}

fn collect(from: &RawDocument, to: &RawDocument, above: &str, key: &[u8], out: &mut Vec<FieldDifference>) {
    let read = |document: &RawDocument| -> Vec<(String, RawDocumentBuf)> {
        let pairs = document.iter().filter_map(Result::ok);
        let alone = |value: RawBsonRef<'_>| {
            let mut own = RawDocumentBuf::new();
            own.append_ref("v", value);
            own
        };
        pairs.map(|(name, value)| (name.to_owned(), alone(value))).collect()
    };
    let (from, to) = (read(from), read(to));
    let mut names: Vec<&String> = from.iter().map(|(name, _)| name).collect();
    names.extend(
        to.iter()
            .map(|(name, _)| name)
            .filter(|name| !from.iter().any(|(own, _)| own == *name)),
    );
    for name in names {
        // Odd documents hold a name twice: all of its values count.
        let of = |list: &[(String, RawDocumentBuf)]| -> Vec<RawDocumentBuf> {
            list.iter()
                .filter(|(own, _)| own == name)
                .map(|(_, value)| value.clone())
                .collect()
        };
        let (a, b) = (of(&from), of(&to));
        if a == b {
            continue;
        }
        let path = if above.is_empty() {
            name.clone()
        } else {
            format!("{above}.{name}")
        };
        let below = |list: &[RawDocumentBuf]| match list {
            [one] => one.get_document("v").ok().map(RawDocument::to_owned),
            _ => None,
        };
        match (below(&a), below(&b)) {
            (Some(a), Some(b)) => collect(&a, &b, &path, key, out),
            _ => out.push(FieldDifference {
                path,
                from: facts(&a, key),
                to: facts(&b, key),
            }),
        }
    }
}

fn facts(values: &[RawDocumentBuf], key: &[u8]) -> Option<ValueFacts> {
    let first = values.first()?;
    let kind = first.get("v").ok().flatten()?.element_type();
    let mut hash = Sha256::new();
    hash.update(key);
    values.iter().for_each(|value| hash.update(value.as_bytes()));
    Some(ValueFacts {
        kind: format!("{kind:?}"),
        // Without the document around it: length, type, name `v`, end.
        bytes: values.iter().map(|value| value.as_bytes().len() - 8).sum(),
        hash: hex(&hash.finalize())[..12].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn fields_are_named_and_never_told() {
        let from = rawdoc! { "_id": 1, "a": { "b": "secret", "c": 1 }, "d": [1], "same": "x" };
        let to = rawdoc! { "_id": 1, "a": { "b": "Secret", "c": 1 }, "same": "x", "e": true };
        let found = fields(&from, &to, b"key");
        let paths: Vec<_> = found.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["a.b", "d", "e"]);
        let (own, other) = (
            found[0].from.clone().expect("there"),
            found[0].to.clone().expect("there"),
        );
        assert_eq!((own.kind.as_str(), own.bytes), ("String", 11));
        assert_ne!(own.hash, other.hash);
        assert!(found[1].to.is_none() && found[2].from.is_none());
        assert!(!format!("{found:?}").to_lowercase().contains("secret"));
        let order = fields(&rawdoc! { "a": 1, "b": 2 }, &rawdoc! { "b": 2, "a": 1 }, b"key");
        assert_eq!(order[0].path, "(order of fields)");
    }
}
