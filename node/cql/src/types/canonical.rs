//! Values from clients may hold sets and maps in any order, with duplicates: what is stored frozen, or compared as bytes, is
//! sorted first, also inside other values.

use super::collection::{elements, entries, fields, join_elements, join_fields, join_map, join_set};
use super::vector::{join_vector, vector_elements};
use super::{CqlType, InvalidValue, compare};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Whether a value of the type can have more than one form.
fn has_forms(value_type: &CqlType) -> bool {
    match value_type {
        CqlType::Set(_) | CqlType::Map(..) => true,
        CqlType::List(inner) | CqlType::Frozen(inner) | CqlType::Vector(inner, _) => has_forms(inner),
        CqlType::Tuple(types) => types.iter().any(has_forms),
        CqlType::UserType(user) => user.fields.iter().any(|(_, field)| has_forms(field)),
        _ => false,
    }
}

/// The value with all its sets and maps sorted and without duplicates; itself, if it is so already.
///
/// # Errors
/// For bytes that `validate` refuses, and only if they cannot be taken apart.
pub fn canonicalise<'a>(value_type: &CqlType, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, InvalidValue> {
    if !has_forms(value_type) || bytes.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    Ok(match value_type {
        CqlType::Frozen(inner) => return canonicalise(inner, bytes),
        CqlType::Set(element) => {
            let parts = elements(bytes)?.map(|part| canonicalise(element, part?)).collect::<Result<Vec<_>, _>>()?;
            if ascending(element, parts.iter(), &parts) {
                return Ok(Cow::Borrowed(bytes));
            }
            Cow::Owned(join_set(element, parts))
        }
        CqlType::Map(key, value) => {
            let mut parts = entries(bytes)?;
            let mut pairs = Vec::new();
            while let (Some(one), Some(other)) = (parts.next(), parts.next()) {
                pairs.push((canonicalise(key, one?)?, canonicalise(value, other?)?));
            }
            let unchanged = pairs.iter().all(|(_, value)| matches!(value, Cow::Borrowed(_)));
            let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
            if unchanged && ascending(key, pairs.iter().map(|(key, _)| key), &keys) {
                return Ok(Cow::Borrowed(bytes));
            }
            Cow::Owned(join_map(key, pairs))
        }
        CqlType::List(element) => {
            let parts = elements(bytes)?.map(|part| canonicalise(element, part?)).collect::<Result<Vec<_>, _>>()?;
            Cow::Owned(join_elements(&parts))
        }
        CqlType::Vector(element, dimension) => {
            let parts = vector_elements(element, *dimension, bytes).map(|part| canonicalise(element, part?));
            Cow::Owned(join_vector(element, &parts.collect::<Result<Vec<_>, _>>()?)?)
        }
        CqlType::Tuple(types) => Cow::Owned(canonical_fields(types.iter(), bytes)?),
        CqlType::UserType(user) => Cow::Owned(canonical_fields(user.fields.iter().map(|(_, field)| field), bytes)?),
        _ => Cow::Borrowed(bytes),
    })
}

/// Whether parts are sorted, unique and unchanged.
fn ascending<'a>(
    part_type: &CqlType,
    mut parts: impl Iterator<Item = &'a Cow<'a, [u8]>>,
    all: &[Cow<'_, [u8]>],
) -> bool {
    parts.all(|part| matches!(part, Cow::Borrowed(_)))
        && all.windows(2).all(|pair| compare(part_type, &pair[0], &pair[1]) == Ordering::Less)
}

fn canonical_fields<'a>(types: impl Iterator<Item = &'a CqlType>, bytes: &[u8]) -> Result<Vec<u8>, InvalidValue> {
    let parts = types.zip(fields(bytes)).map(|(field_type, field)| match field? {
        Some(field) => canonicalise(field_type, field).map(Some),
        None => Ok(None),
    });
    Ok(join_fields(&parts.collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_maps_are_sorted_at_every_depth() {
        let int = |value: i32| value.to_be_bytes().to_vec();
        let set = CqlType::Set(Box::new(CqlType::Int));
        let unsorted = join_elements(&[int(2), int(-1), int(2)]);
        let sorted = join_elements(&[int(-1), int(2)]);
        assert_eq!(canonicalise(&set, &unsorted), Ok(Cow::Owned(sorted.clone())));
        assert!(matches!(canonicalise(&set, &sorted), Ok(Cow::Borrowed(_))));
        let map = CqlType::Map(Box::new(set.clone()), Box::new(CqlType::Tuple(vec![set.clone()])));
        let value = join_map(&set, vec![(unsorted.clone(), join_fields(&[Some(unsorted.clone())]))]);
        let expected = join_map(&set, vec![(sorted.clone(), join_fields(&[Some(sorted.clone())]))]);
        assert_eq!(canonicalise(&map, &value), Ok(Cow::Owned(expected.clone())));
        assert_eq!(canonicalise(&map, &expected).as_deref(), Ok(&expected[..]));
        // Sorted already, but not unique.
        let doubled = join_elements(&[int(-1), int(2), int(2)]);
        assert_eq!(canonicalise(&set, &doubled).as_deref(), Ok(&sorted[..]));
        let numbers = CqlType::Map(Box::new(CqlType::Int), Box::new(CqlType::Int));
        let mut twice = join_elements(&[int(1), int(5), int(1), int(6)]);
        twice[3] = 2;
        assert_eq!(canonicalise(&numbers, &twice).as_deref(), Ok(&join_map(&CqlType::Int, vec![(int(1), int(6))])[..]));
        assert!(matches!(canonicalise(&CqlType::Int, &[0; 4]), Ok(Cow::Borrowed(_))));
        assert!(canonicalise(&set, &[0]).is_err());
    }
}
