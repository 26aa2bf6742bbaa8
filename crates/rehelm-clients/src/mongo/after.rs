//! "Everything after this `_id`", across types.
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

/// A filter for the documents whose `_id` sorts after `last`; None when there can be none.
pub(super) fn after(last: &Bson) -> Option<Document> {
    let own = last.element_type() as u8;
    // The driver counts MinKey as 0xff, the query language as -1.
    let own = if own == 0xff { -1 } else { i32::from(own) };
    let group = ORDER.iter().position(|group| group.contains(&own)).unwrap_or(0);
    let later: Vec<i32> = ORDER[group + 1..].concat();
    let rest = match last {
        Bson::MinKey | Bson::Null | Bson::Undefined | Bson::MaxKey => None,
        // Not a number sorts before all numbers, and no number is greater than it.
        Bson::Double(number) if number.is_nan() => Some(doc! { "_id": { "$type": NUMBERS.to_vec(), "$ne": f64::NAN } }),
        Bson::Decimal128(number) if number.to_string() == "NaN" => {
            Some(doc! { "_id": { "$type": NUMBERS.to_vec(), "$ne": f64::NAN } })
        }
        value => Some(doc! { "_id": { "$gt": value.clone() } }),
    };
    let later = (!later.is_empty()).then(|| doc! { "_id": { "$type": later } });
    match (rest, later) {
        (Some(rest), Some(later)) => Some(doc! { "$or": [rest, later] }),
        (rest, later) => rest.or(later),
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
