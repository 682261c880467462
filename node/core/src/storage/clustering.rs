//! Clustering keys in a form whose byte order is clustering order, ASC and DESC included: what the store sorts by, and what
//! positions, ranges and cursors are made of.
//!
//! Each column is a component that no other component begins with, so a prefix of columns is a prefix of bytes, and
//! everything with that prefix continues it. A component's first byte is never 0 nor 255: `ranges` builds bounds of these. Under
//! DESC all bytes of a component are inverted. Format: FORMAT.md, "Row store"; checked against `trefoil_cql`'s order of values (KEY-ORDER).

use super::component::{KeyReader, decode_component, encode_component};
use crate::command::{ClusteringKey, ClusteringOrder};
use bytes::Bytes;
use trefoil_cql::types::CqlType;

/// Why values and clustering keys do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClusteringError {
    /// More values than clustering columns.
    #[error("{given} values for {columns} clustering columns")]
    TooMany {
        /// Values given.
        given: usize,
        /// Columns there are.
        columns: usize,
    },
    /// A value is not one of its type.
    #[error("the value of clustering column {column} is not valid for its type")]
    InvalidValue {
        /// Which column, from 0.
        column: usize,
    },
    /// An encoded key does not fit the types.
    #[error("the encoded clustering key ends or goes wrong in column {column}")]
    InvalidKey {
        /// Which column, from 0.
        column: usize,
    },
    /// A type that cannot be a clustering column (duration, counter).
    #[error("clustering column {column} has a type without order")]
    Unordered {
        /// Which column, from 0.
        column: usize,
    },
}

/// The key of serialised values; fewer values than types give a prefix. Empty values sort first (last under DESC).
///
/// # Errors
/// When a value is not valid for its type.
pub fn encode_clustering<V: AsRef<[u8]>>(
    values: &[V],
    types: &[(CqlType, ClusteringOrder)],
) -> Result<ClusteringKey, ClusteringError> {
    let mut out = Vec::with_capacity(values.iter().map(|value| value.as_ref().len() + 3).sum());
    append_clustering(values, 0, types, &mut out)?;
    Ok(Bytes::from(out))
}

/// Append the components of the columns from `first` on.
pub(crate) fn append_clustering<V: AsRef<[u8]>>(
    values: &[V],
    first: usize,
    types: &[(CqlType, ClusteringOrder)],
    out: &mut Vec<u8>,
) -> Result<(), ClusteringError> {
    if first + values.len() > types.len() {
        return Err(ClusteringError::TooMany { given: first + values.len(), columns: types.len() });
    }
    for (column, (value, (column_type, order))) in (first..).zip(values.iter().zip(&types[first..])) {
        let start = out.len();
        encode_component(column_type, value.as_ref(), out).map_err(|invalid| invalid.in_column(column))?;
        if *order == ClusteringOrder::Descending {
            out[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    Ok(())
}

/// The serialised values of a key, or of a prefix of one. Values that compare equal come back in one form: a decimal without
/// trailing zeros, a tuple with all its fields.
///
/// # Errors
/// When the bytes were not encoded with these types.
pub fn decode_clustering(key: &[u8], types: &[(CqlType, ClusteringOrder)]) -> Result<Vec<Bytes>, ClusteringError> {
    let (mut values, mut ends) = (Vec::new(), Vec::with_capacity(types.len()));
    decode_clustering_into(key, types, &mut values, &mut ends)?;
    let (values, mut start) = (Bytes::from(values), 0);
    Ok(ends.into_iter().map(|end| values.slice(std::mem::replace(&mut start, end)..end)).collect())
}

/// The same without an allocation for each value: they are appended one after the other, and so are the places where they end.
pub(crate) fn decode_clustering_into(
    key: &[u8],
    types: &[(CqlType, ClusteringOrder)],
    values: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) -> Result<(), ClusteringError> {
    let mut reader = KeyReader::new(key);
    for (column, (column_type, order)) in types.iter().enumerate() {
        if reader.is_empty() {
            return Ok(());
        }
        reader.set_inverted(*order == ClusteringOrder::Descending);
        decode_component(column_type, &mut reader, values).map_err(|_| ClusteringError::InvalidKey { column })?;
        ends.push(values.len());
    }
    if reader.is_empty() { Ok(()) } else { Err(ClusteringError::InvalidKey { column: types.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClusteringOrder::{Ascending, Descending};
    use quickcheck::quickcheck;
    use std::sync::Arc;
    use trefoil_cql::types::UserType;

    fn key(value_type: &CqlType, value: &[u8], order: ClusteringOrder) -> Bytes {
        encode_clustering(&[value], &[(value_type.clone(), order)]).expect("a valid value")
    }

    /// Each value sorts before the next, under DESC after it, and comes back.
    fn ascends(value_type: &CqlType, values: &[Vec<u8>]) {
        for (one, two) in values.iter().zip(&values[1..]) {
            assert!(key(value_type, one, Ascending) < key(value_type, two, Ascending), "{value_type}: {one:?} {two:?}");
            assert!(
                key(value_type, one, Descending) > key(value_type, two, Descending),
                "{value_type}: {one:?} {two:?}"
            );
        }
        for value in values {
            for order in [Ascending, Descending] {
                let types = [(value_type.clone(), order)];
                assert_eq!(decode_clustering(&key(value_type, value, order), &types).expect("decodes"), [&value[..]]);
            }
        }
    }

    fn sized(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in values {
            out.extend_from_slice(&value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            out.extend_from_slice(value.unwrap_or_default());
        }
        out
    }

    fn collection(values: &[&[u8]], per_element: usize) -> Vec<u8> {
        let sizes: Vec<Option<&[u8]>> = values.iter().map(|value| Some(*value)).collect();
        [&((values.len() / per_element) as i32).to_be_bytes()[..], &sized(&sizes)].concat()
    }

    fn decimal(scale: i32, unscaled: &[u8]) -> Vec<u8> {
        [&scale.to_be_bytes()[..], unscaled].concat()
    }

    #[test]
    fn every_type_sorts_as_its_values_do() {
        let text = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        ascends(
            &CqlType::Text,
            &text(&["", "\0", "\0\0", "\0\u{1}", "\u{1}", "\u{2}", "a", "a\0", "a\u{1}", "ab", "b"]),
        );
        ascends(&CqlType::Blob, &[vec![], vec![0], vec![0, 255], vec![1], vec![254], vec![255], vec![255, 0]]);
        ascends(&CqlType::Boolean, &[vec![], vec![0], vec![1]]);
        ascends(&CqlType::TinyInt, &[-128i8, -1, 0, 127].map(|n| n.to_be_bytes().to_vec()));
        ascends(&CqlType::SmallInt, &[i16::MIN, -1, 0, i16::MAX].map(|n| n.to_be_bytes().to_vec()));
        ascends(&CqlType::Int, &[i32::MIN, -1, 0, i32::MAX].map(|n| n.to_be_bytes().to_vec()));
        ascends(&CqlType::BigInt, &[i64::MIN, -1, 0, i64::MAX].map(|n| n.to_be_bytes().to_vec()));
        ascends(&CqlType::Date, &[0u32, 1 << 31, u32::MAX].map(|n| n.to_be_bytes().to_vec()));
        let floats = [f32::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-40, 1.5, f32::INFINITY, f32::NAN];
        ascends(&CqlType::Float, &floats.map(|n| n.to_be_bytes().to_vec()));
        let doubles = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-310, 1.5, f64::INFINITY, f64::NAN];
        ascends(&CqlType::Double, &doubles.map(|n| n.to_be_bytes().to_vec()));
        ascends(&CqlType::Inet, &[vec![10, 0, 0, 1], vec![127, 0, 0, 1], [&[127, 0, 0, 1][..], &[0; 12]].concat()]);
        ascends(
            &CqlType::Varint,
            &[vec![0x80, 0], vec![0x80], vec![0xff], vec![0], vec![1], vec![0x7f], vec![0, 0x80]],
        );
        let long = |first: u8, length: usize| [&[first][..], &vec![3; length]].concat();
        ascends(&CqlType::Varint, &[long(0x80, 70), long(0x90, 70), long(0x90, 64), long(0x10, 64), long(0x10, 70)]);
    }

    #[test]
    fn decimals_sort_by_value_and_lose_trailing_zeros() {
        let values = [
            decimal(-40, &[0xff]),
            decimal(0, &[0xf0]),
            decimal(1, &[0xff]),
            decimal(i32::MAX, &[0xff]),
            decimal(0, &[0]),
            decimal(i32::MAX, &[1]),
            decimal(2, &[9]),
            decimal(1, &[1]),
            decimal(2, &[11]),
            decimal(1, &[12]),
            decimal(0, &[5]),
            decimal(0, &[50]),
            decimal(-100, &[1]),
            decimal(i32::MIN, &[1]),
        ];
        ascends(&CqlType::Decimal, &values);
        let same = key(&CqlType::Decimal, &decimal(2, &[100]), Ascending);
        assert_eq!(same, key(&CqlType::Decimal, &decimal(0, &[1]), Ascending), "1.00 is 1");
        let whole = key(&CqlType::Decimal, &decimal(-1, &[5]), Ascending);
        assert_eq!(decode_clustering(&whole, &[(CqlType::Decimal, Ascending)]).expect("decodes"), [decimal(0, &[50])]);
    }

    #[test]
    fn uuids_sort_by_version_then_time() {
        let uuid = |text: &str| uuid::Uuid::parse_str(text).expect("a uuid").as_bytes().to_vec();
        let by_time = [
            uuid("ffffffff-0000-1000-8000-000000000000"),
            uuid("00000000-0001-1000-7f00-000000000000"),
            uuid("00000000-0000-1001-8000-000000000000"),
        ];
        let mut with_versions = by_time.to_vec();
        with_versions.push(uuid("00000000-0000-4000-8000-000000000000"));
        with_versions.push(uuid("00000000-0000-4000-8000-000000000001"));
        ascends(&CqlType::Uuid, &with_versions);
        ascends(&CqlType::TimeUuid, &by_time);
        let signed = ["80", "ff", "00", "7f"].map(|byte| uuid(&format!("00000000-0000-1000-{byte}00-000000000000")));
        ascends(&CqlType::TimeUuid, &signed);
    }

    #[test]
    fn frozen_values_sort_element_by_element() {
        let frozen = |inner| CqlType::Frozen(Box::new(inner));
        let list = frozen(CqlType::List(Box::new(CqlType::Text)));
        ascends(
            &list,
            &[
                vec![],
                collection(&[], 1),
                collection(&[b""], 1),
                collection(&[b"a"], 1),
                collection(&[b"a", b""], 1),
                collection(&[b"ab"], 1),
            ],
        );
        let map = frozen(CqlType::Map(Box::new(CqlType::TinyInt), Box::new(CqlType::Blob)));
        ascends(
            &map,
            &[
                collection(&[&[255], &[7]], 2),
                collection(&[&[1], &[0]], 2),
                collection(&[&[1], &[0], &[2], &[]], 2),
                collection(&[&[1], &[1]], 2),
            ],
        );
        let pair = CqlType::Tuple(vec![CqlType::TinyInt, CqlType::Text]);
        ascends(
            &pair,
            &[
                sized(&[None, None]),
                sized(&[None, Some(b"z")]),
                sized(&[Some(&[255]), None]),
                sized(&[Some(&[255]), Some(b"")]),
                sized(&[Some(&[1]), None]),
            ],
        );
        let types = [(pair.clone(), Ascending)];
        let short = key(&pair, &sized(&[Some(&[1])]), Ascending);
        assert_eq!(
            decode_clustering(&short, &types).expect("decodes"),
            [sized(&[Some(&[1]), None])],
            "short tuples are filled up"
        );
        let user = |fields: usize| {
            let fields = (0..fields).map(|field| (format!("f{field}"), CqlType::Text)).collect();
            frozen(CqlType::UserType(Arc::new(UserType { keyspace: "k".into(), name: "t".into(), fields })))
        };
        let old = key(&user(1), &sized(&[Some(b"a")]), Ascending);
        assert_eq!(old, key(&user(2), &sized(&[Some(b"a"), None]), Ascending), "a new field is null in old values");
        let vector = CqlType::Vector(Box::new(CqlType::Text), 2);
        ascends(&vector, &[vec![0, 1, b'b'], vec![1, b'a', 0], [&[0x80, 0x81][..], &[b'a'; 129], &[0]].concat()]);
    }

    quickcheck! {
        fn several_columns_sort_one_by_one(one: (Vec<u8>, i32), two: (Vec<u8>, i32), orders: (bool, bool)) -> bool {
            let order = |descending| if descending { Descending } else { Ascending };
            let types = [(CqlType::Blob, order(orders.0)), (CqlType::Int, order(orders.1))];
            let encode = |row: &(Vec<u8>, i32)| encode_clustering(&[&row.0[..], &row.1.to_be_bytes()], &types).expect("valid");
            let turn = |ordering: std::cmp::Ordering, descending| if descending { ordering.reverse() } else { ordering };
            let wanted = turn(one.0.cmp(&two.0), orders.0).then(turn(one.1.cmp(&two.1), orders.1));
            let prefix = encode_clustering(&[&one.0[..]], &types).expect("valid");
            encode(&one).cmp(&encode(&two)) == wanted
                && encode(&one).starts_with(&prefix)
                && decode_clustering(&prefix, &types) == Ok(vec![one.0.clone().into()])
                && decode_clustering(&encode(&one), &types) == Ok(vec![one.0.clone().into(), one.1.to_be_bytes().to_vec().into()])
        }

        fn long_varints_sort_by_value(one: i128, two: i128, shift: u8) -> bool {
            use num_bigint::BigInt;
            let big = |n: i128| BigInt::from(n) << (u32::from(shift) * 4);
            let varint = |n: &BigInt| key(&CqlType::Varint, &n.to_signed_bytes_be(), Ascending);
            let scaled = |n: &BigInt| key(&CqlType::Decimal, &decimal(7, &n.to_signed_bytes_be()), Ascending);
            let wanted = big(one).cmp(&big(two));
            varint(&big(one)).cmp(&varint(&big(two))) == wanted && scaled(&big(one)).cmp(&scaled(&big(two))) == wanted
        }

        fn foreign_bytes_are_refused_or_decoded(bytes: Vec<u8>) -> bool {
            for value_type in [CqlType::Text, CqlType::Decimal, CqlType::Varint, CqlType::Uuid] {
                let _ = decode_clustering(&bytes, &[(value_type.clone(), Ascending)]);
                let _ = encode_clustering(&[&bytes], &[(CqlType::Tuple(vec![value_type.clone()]), Ascending)]);
                let _ = encode_clustering(&[&bytes], &[(CqlType::Set(Box::new(value_type)), Descending)]);
            }
            true
        }
    }
}
