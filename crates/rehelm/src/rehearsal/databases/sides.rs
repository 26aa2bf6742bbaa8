//! Two databases in memory held against each other.

use std::collections::BTreeMap;

use rehelm_core::ports::{
    CollectionComparison, Comparison, Difference, DifferenceKind, Levelled, PortError, PortResult,
};

use super::{Collection, Collections, absent};

/// Documents by their `_id`.
fn by_id(collection: Option<&Collection>) -> BTreeMap<String, &str> {
    let documents = collection.into_iter().flat_map(|own| &own.documents);
    let id = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        value["_id"].to_string()
    };
    documents.map(|text| (id(text), text.as_str())).collect()
}

/// Makes `to` equal to `from`.
pub(super) fn level(databases: &mut BTreeMap<String, Collections>, from: &str, to: &str) -> PortResult<Levelled> {
    if from == to {
        return Err(PortError::Invalid(
            format!("copy of {from}"),
            "it is its own copy".into(),
        ));
    }
    let source = databases.get(from).cloned().ok_or_else(|| absent(from))?;
    databases.entry(to.to_owned()).or_default();
    let found = compare(databases, from, to, 0)?;
    let mut done = Levelled::default();
    for counts in found.collections.values() {
        done.inserted += counts.missing;
        done.deleted += counts.extra;
        done.replaced += counts.different;
        done.compared += counts.documents;
    }
    databases.insert(to.to_owned(), source);
    Ok(done)
}

/// Finds what differs.
pub(super) fn compare(
    databases: &BTreeMap<String, Collections>,
    from: &str,
    to: &str,
    most: usize,
) -> PortResult<Comparison> {
    let side = |name: &str| databases.get(name).ok_or_else(|| absent(name));
    let (source, copy) = (side(from)?, side(to)?);
    let mut out = Comparison::default();
    for name in source
        .keys()
        .chain(copy.keys().filter(|name| !source.contains_key(*name)))
    {
        let (own, other) = (by_id(source.get(name)), by_id(copy.get(name)));
        let mut counts = CollectionComparison {
            documents: own.len() as u64,
            shape: source.get(name).map(|c| &c.outline.indexes) != copy.get(name).map(|c| &c.outline.indexes),
            ..CollectionComparison::default()
        };
        let ids = own.keys().chain(other.keys().filter(|id| !own.contains_key(*id)));
        for id in ids {
            let (kind, count) = match (own.get(id), other.get(id)) {
                (Some(a), Some(b)) if a == b => continue,
                (Some(_), Some(_)) => (DifferenceKind::Different, &mut counts.different),
                (Some(_), None) => (DifferenceKind::Missing, &mut counts.missing),
                (None, _) => (DifferenceKind::Extra, &mut counts.extra),
            };
            *count += 1;
            if out.differences.len() < most {
                out.differences.push(Difference {
                    collection: name.clone(),
                    id: id.clone(),
                    kind,
                    fields: Vec::new(),
                });
            }
        }
        out.collections.insert(name.clone(), counts);
    }
    Ok(out)
}
