//! The order of clustering keys against the order of values: the latter is `trefoil_cql`'s, written for itself.

use crate::command::ClusteringOrder::{self, Ascending, Descending};
use crate::storage::{decode_clustering, encode_clustering};
use quickcheck::{Arbitrary, Gen, quickcheck};
use std::cmp::Ordering;
use std::sync::Arc;
use trefoil_cql::types::collection::{join_elements, join_fields, join_map, join_set};
use trefoil_cql::types::vector::join_vector;
use trefoil_cql::types::{CqlType, NativeType, UserType, compare, validate};

/// Two rows' values for some clustering columns.
#[derive(Clone, Debug)]
struct TwoKeys {
    types: Vec<(CqlType, ClusteringOrder)>,
    keys: [Vec<Vec<u8>>; 2],
}

fn below(random: &mut Gen, limit: usize) -> usize {
    usize::arbitrary(random) % limit
}

fn pick<T: Clone>(random: &mut Gen, from: &[T]) -> T {
    from[below(random, from.len())].clone()
}

fn any_type(random: &mut Gen, depth: usize) -> CqlType {
    let nested = |random: &mut Gen| Box::new(any_type(random, depth - 1));
    let whole = match below(random, if depth == 0 { 1 } else { 12 }) {
        1 => CqlType::List(nested(random)),
        2 => CqlType::Set(nested(random)),
        3 => CqlType::Map(nested(random), nested(random)),
        4 => CqlType::Tuple(vec![*nested(random), *nested(random)]),
        5 => {
            let fields = vec![("a".into(), *nested(random)), ("b".into(), *nested(random))];
            CqlType::UserType(Arc::new(UserType { keyspace: "k".into(), name: "t".into(), fields }))
        }
        6 => CqlType::Vector(nested(random), 2),
        _ => match pick(random, NativeType::ALL) {
            NativeType::Duration | NativeType::Counter => CqlType::Text,
            other => CqlType::from(other),
        },
    };
    whole.freeze()
}

fn any_value(value_type: &CqlType, random: &mut Gen) -> Vec<u8> {
    let some =
        |inner: &CqlType, random: &mut Gen| (0..below(random, 3)).map(|_| any_value(inner, random)).collect::<Vec<_>>();
    let field = |inner: &CqlType, random: &mut Gen| (below(random, 3) > 0).then(|| any_value(inner, random));
    match value_type.unfrozen() {
        CqlType::List(inner) => join_elements(&some(inner, random)),
        CqlType::Set(inner) => join_set(inner, some(inner, random)),
        CqlType::Map(key, inner) => {
            join_map(key, (0..below(random, 3)).map(|_| (any_value(key, random), any_value(inner, random))).collect())
        }
        CqlType::Tuple(types) => {
            let length = 1 + below(random, types.len());
            join_fields(&types[..length].iter().map(|inner| field(inner, random)).collect::<Vec<_>>())
        }
        CqlType::UserType(user) => {
            let length = 1 + below(random, user.fields.len());
            join_fields(&user.fields[..length].iter().map(|(_, inner)| field(inner, random)).collect::<Vec<_>>())
        }
        CqlType::Vector(inner, dimension) => loop {
            let elements: Vec<_> = (0..*dimension).map(|_| any_value(inner, random)).collect();
            // Elements of one size cannot be empty.
            if let Ok(vector) = join_vector(inner, &elements) {
                return vector;
            }
        },
        // Bytes that look like edges, until they are a value.
        scalar => loop {
            let length = pick(random, &[0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 9, 16]);
            let mut value: Vec<u8> =
                (0..length).map(|_| pick(random, &[0, 1, 2, 0x10, 0x41, 0x7f, 0x80, 0xfe, 0xff])).collect();
            if *scalar == CqlType::Boolean && value.len() == 1 {
                value[0] &= 1;
            }
            if validate(scalar, &value).is_ok() && (length > 0 || below(random, 4) == 0) {
                return value;
            }
        },
    }
}

impl Arbitrary for TwoKeys {
    fn arbitrary(random: &mut Gen) -> TwoKeys {
        let types: Vec<_> =
            (0..1 + below(random, 3)).map(|_| (any_type(random, 2), pick(random, &[Ascending, Descending]))).collect();
        let first: Vec<Vec<u8>> = types.iter().map(|(value_type, _)| any_value(value_type, random)).collect();
        let second = types.iter().zip(&first);
        let second = second.map(
            |((value_type, _), same)| {
                if below(random, 3) == 0 { same.clone() } else { any_value(value_type, random) }
            },
        );
        TwoKeys { keys: [first.clone(), second.collect()], types }
    }
}

/// As the columns compare one by one.
fn order_of(types: &[(CqlType, ClusteringOrder)], one: &[Vec<u8>], two: &[Vec<u8>]) -> Ordering {
    let columns = types.iter().zip(one.iter().zip(two)).map(|((value_type, order), (one, two))| {
        let ascending = compare(value_type, one, two);
        if *order == Descending { ascending.reverse() } else { ascending }
    });
    columns.fold(Ordering::Equal, Ordering::then)
}

quickcheck! {
    fn keys_sort_as_their_values_compare(sample: TwoKeys) -> bool {
        let TwoKeys { types, keys: [one, two] } = &sample;
        let encode = |values: &[Vec<u8>]| encode_clustering(values, types).expect("valid");
        encode(one).cmp(&encode(two)) == order_of(types, one, two)
    }

    fn decoded_values_are_equal_and_encode_alike(sample: TwoKeys) -> bool {
        let TwoKeys { types, keys: [one, _] } = &sample;
        let key = encode_clustering(one, types).expect("valid");
        let decoded: Vec<Vec<u8>> = decode_clustering(&key, types).expect("ours").into_iter().map(Into::into).collect();
        let valid = decoded.iter().zip(types).all(|(value, (value_type, _))| validate(value_type, value).is_ok());
        valid && order_of(types, one, &decoded) == Ordering::Equal && encode_clustering(&decoded, types).expect("valid") == key
    }

    fn no_component_begins_another(sample: TwoKeys) -> bool {
        let TwoKeys { types, keys: [one, two] } = &sample;
        let first = |values: &[Vec<u8>]| encode_clustering(&values[..1], types).expect("valid");
        let (one, two) = (first(one), first(two));
        one == two || !one.starts_with(&two) && !two.starts_with(&one)
    }

    fn any_bytes_are_decoded_or_refused(sample: TwoKeys, bytes: Vec<u8>) -> bool {
        let _ = decode_clustering(&bytes, &sample.types);
        let mut key = encode_clustering(&sample.keys[0], &sample.types).expect("valid").to_vec();
        for (place, byte) in bytes.iter().enumerate() {
            let length = key.len();
            key[place % length] = *byte;
        }
        let _ = decode_clustering(&key, &sample.types);
        let _ = encode_clustering(&[bytes], &sample.types);
        true
    }
}

#[test]
fn the_generator_reaches_every_type() {
    let mut random = Gen::new(20);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3_000 {
        let any = any_type(&mut random, 2);
        seen.extend(any.to_string().split(['<', '>', ',', ' ']).map(str::to_owned));
        assert!(validate(&any, &any_value(&any, &mut random)).is_ok(), "{any}");
    }
    let natives =
        NativeType::ALL.iter().map(|native| native.text()).filter(|text| !["counter", "duration"].contains(text));
    for text in natives.chain(["frozen", "list", "set", "map", "tuple", "t", "vector"]) {
        assert!(seen.contains(text), "{text}");
    }
}
