//! `$out: {db, coll}`, which servers know from 4.4 on and the store not at all. Unlike a real one this loses the indexes
//! that the target had.

use bson::{Bson, Document, doc};

/// The target's database and collection, and the aggregation with a `$merge` in place of that `$out`; None for others.
pub(super) fn other_database(body: &Document) -> Option<(String, String, Document)> {
    let stages = body.get_array("pipeline").ok()?;
    let out = stages.last()?.as_document()?.get_document("$out").ok()?;
    let (database, collection) = (out.get_str("db").ok()?.to_owned(), out.get_str("coll").ok()?.to_owned());
    let into = doc! { "db": &database, "coll": &collection };
    let merge = doc! { "$merge": { "into": into, "whenMatched": "replace", "whenNotMatched": "insert" } };
    let mut stages = stages.clone();
    *stages.last_mut()? = Bson::Document(merge);
    let mut rewritten = body.clone();
    rewritten.insert("pipeline", stages);
    Some((database, collection, rewritten))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_with_a_database_is_rewritten() {
        let of = |out: Bson| doc! { "aggregate": "a", "pipeline": [{ "$match": {} }, { "$out": out }], "cursor": {} };
        assert_eq!(other_database(&of("b".into())), None);
        let (database, collection, merge) =
            other_database(&of(doc! { "db": "d", "coll": "b" }.into())).expect("rewritten");
        assert_eq!((database.as_str(), collection.as_str()), ("d", "b"));
        let last = merge.get_array("pipeline").expect("stages")[1]
            .as_document()
            .expect("a stage");
        assert!(last.contains_key("$merge"), "{merge}");
        assert_eq!(merge.keys().collect::<Vec<_>>(), ["aggregate", "pipeline", "cursor"]);
    }
}
