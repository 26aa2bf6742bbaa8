//! "Everything after this `_id`" and "everything up to that one", across types.
//!
//! `$gt` compares within one type only, while the order of an index goes on through all types; so what comes after an
//! `_id` is the rest of its type and all documents of later types.
//!
//! Source: <https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/>.

use bson::{Bson, Document, doc};

/// BSON type numbers in the order in which MongoDB sorts them; types in one group are compared by value.
const ORDER: [&[i32]; 14] = [
    &[-1],
    &[6, 10],
    &[1, 16, 18, 19],
    &[2, 14],
    &[3],
    &[4],
    &[5],
    &[7],
    &[8],
    &[9],
    &[17],
    &[11],
    &[12, 13, 15],
    &[127],
];

const NUMBERS: [i32; 4] = [1, 16, 18, 19];

/// The group of types that a value belongs to, as an index of [`ORDER`].
fn group_of(value: &Bson) -> usize {
    let own = value.element_type() as u8;
    // The driver counts MinKey as 0xff, the query language as -1.
    let own = if own == 0xff { -1 } else { i32::from(own) };
    ORDER.iter().position(|group| group.contains(&own)).unwrap_or(0)
}

/// Types of which there is one value only.
fn single(value: &Bson) -> bool {
    matches!(value, Bson::MinKey | Bson::Null | Bson::Undefined | Bson::MaxKey)
}

/// Not a number sorts before all numbers, and no number is greater or less than it.
fn nan(value: &Bson) -> bool {
    match value {
        Bson::Double(number) => number.is_nan(),
        Bson::Decimal128(number) => number.to_string() == "NaN",
        _ => false,
    }
}

/// Every type of some groups; None for no group at all.
fn any_of(groups: &[&[i32]]) -> Option<Document> {
    let types: Vec<i32> = groups.concat();
    (!types.is_empty()).then(|| doc! { "_id": { "$type": types } })
}

fn either(one: Option<Document>, other: Option<Document>) -> Option<Document> {
    match (one, other) {
        (Some(one), Some(other)) => Some(doc! { "$or": [one, other] }),
        (one, other) => one.or(other),
    }
}

/// A filter for the documents whose `_id` sorts after `last`; None when there can be none.
pub(super) fn after(last: &Bson) -> Option<Document> {
    let rest = match last {
        value if single(value) => None,
        value if nan(value) => Some(doc! { "_id": { "$type": NUMBERS.to_vec(), "$ne": f64::NAN } }),
        value => Some(doc! { "_id": { "$gt": value.clone() } }),
    };
    either(rest, any_of(&ORDER[group_of(last) + 1..]))
}

/// A filter for the documents whose `_id` sorts up to `last`, which is one of them.
fn up_to(last: &Bson) -> Document {
    let group = group_of(last);
    let own = match last {
        value if single(value) => any_of(&ORDER[group..=group]),
        value if nan(value) => Some(doc! { "_id": f64::NAN }),
        // Not a number comes first, and no comparison includes it.
        value if ORDER[group].contains(&1) => either(
            Some(doc! { "_id": f64::NAN }),
            Some(doc! { "_id": { "$lte": value.clone() } }),
        ),
        value => Some(doc! { "_id": { "$lte": value.clone() } }),
    };
    either(own, any_of(&ORDER[..group])).unwrap_or_default()
}

/// A filter for the documents after `low` (from the first when None) up to and with `high` (to the last when None). None
/// when there can be none.
pub(super) fn between(low: Option<&Bson>, high: Option<&Bson>) -> Option<Document> {
    match (low, high) {
        (None, None) => Some(doc! {}),
        (Some(low), None) => after(low),
        (None, Some(high)) => Some(up_to(high)),
        // The plain form, which every server answers from the index alone.
        (Some(low), Some(high)) if group_of(low) == group_of(high) && !single(low) && !nan(low) && !nan(high) => {
            Some(doc! { "_id": { "$gt": low.clone(), "$lte": high.clone() } })
        }
        (Some(low), Some(high)) => after(low).map(|after| doc! { "$and": [after, up_to(high)] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_types_are_never_left_out() {
        let later = |last: Bson| after(&last).map(|filter| filter.to_string());
        let id = bson::oid::ObjectId::from_bytes([1; 12]);
        let want = doc! { "$or": [{ "_id": { "$gt": id } }, { "_id": { "$type": [8, 9, 17, 11, 12, 13, 15, 127] } }] };
        assert_eq!(later(id.into()), Some(want.to_string()));
        assert_eq!(later(Bson::MaxKey), None);
        for first in [Bson::MinKey, Bson::Null, Bson::Double(f64::NAN)] {
            let filter = later(first.clone()).expect("more can follow");
            assert!(!filter.contains("$gt") && filter.contains("127"), "{first}: {filter}");
        }
        assert!(later(Bson::Int64(5)).is_some_and(|filter| filter.contains("$gt") && filter.contains('2')));
    }
}
