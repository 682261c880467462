//! Tests of values: conditions of writes, and filters of reads. Null equals only null, and no filter passes it.

use super::encoding::{Malformed, Reader};
use super::live::column_cells;
use crate::command::{ClusteringKey, Filter, FilterTarget, Operator, PartitionKey, ReadCell, Test};
use std::borrow::Cow;
use std::cmp::Ordering;
use trefoil_cql::types::{CqlType, compare, is_byte_ordered};

/// Whether a row passes. `clustering`: `None` when there is only the static row.
pub(crate) fn passes(filter: &Filter, partition: &PartitionKey, clustering: Option<&[u8]>, cells: &[ReadCell]) -> bool {
    let operands: Vec<Option<&[u8]>> = filter.values.iter().map(|value| Some(&**value)).collect();
    let check = |value: Option<Cow<'_, [u8]>>| match value {
        Some(value) => holds(filter.operator, &filter.target_type, Some(&value), &operands),
        None => false,
    };
    match &filter.target {
        FilterTarget::Column(column) => check(column_value(column_cells(cells, *column), &filter.target_type)),
        FilterTarget::MapEntry(column, key) => {
            let cells = column_cells(cells, *column);
            check(cells.iter().find(|cell| cell.path == *key).map(|cell| Cow::Borrowed(&*cell.value)))
        }
        FilterTarget::PartitionKeyPart(part, parts) => {
            check(key_part(&partition.key, *part, *parts).map(Cow::Borrowed))
        }
        FilterTarget::ClusteringPart(part, types) => {
            let decoded = clustering.and_then(|key| decode_part(key, usize::from(*part), types));
            check(decoded.map(|value| Cow::Owned(value.to_vec())))
        }
    }
}

fn decode_part(key: &[u8], part: usize, types: &[(CqlType, crate::command::ClusteringOrder)]) -> Option<ClusteringKey> {
    // The types go only as far as the part; the key goes on behind it.
    let mut reader = super::component::KeyReader::new(key);
    let mut value = Vec::new();
    for (column_type, order) in types.get(..=part)? {
        value.clear();
        reader.set_inverted(*order == crate::command::ClusteringOrder::Descending);
        super::component::decode_component(column_type, &mut reader, &mut value).ok()?;
    }
    Some(value.into())
}

/// The n-th component of a partition key.
fn key_part(key: &[u8], part: u16, parts: u16) -> Option<&[u8]> {
    if parts <= 1 {
        return Some(key);
    }
    let mut reader = Reader::new(key);
    for _ in 0..part {
        let length = u16::from_be_bytes(reader.array().ok()?);
        reader.take(usize::from(length) + 1).ok()?;
    }
    let length = u16::from_be_bytes(reader.array().ok()?);
    reader.take(usize::from(length)).ok()
}

/// Whether a condition holds, given a row's cells (none for a row that is not there). What cannot be compared refuses the write, with
/// this text for the client.
pub(crate) fn condition_holds(test: &Test, exists: bool, cells: &[ReadCell]) -> Result<bool, String> {
    let (column, column_type, element, operator, values) = match test {
        Test::NotExists => return Ok(!exists),
        Test::Exists => return Ok(exists),
        Test::Refused(reason) => return Err(reason.clone()),
        Test::Column { column, column_type, element, operator, values } => {
            (*column, column_type, element, *operator, values)
        }
    };
    let cells = column_cells(cells, column);
    let operands: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
    Ok(match element {
        None => holds(operator, column_type, column_value(cells, column_type).as_deref(), &operands),
        Some(element) => {
            refuse_negative_index(column_type, element, cells)?;
            let (value_type, value) = element_value(cells, column_type, element);
            holds(operator, value_type, value.as_deref(), &operands)
        }
    })
}

/// Of a frozen list that is not there Cassandra takes any index.
fn refuse_negative_index(column_type: &CqlType, element: &[u8], cells: &[ReadCell]) -> Result<(), String> {
    let is_list = matches!(column_type.unfrozen(), CqlType::List(_));
    let looks_at_index = column_type.is_multi_cell() || !cells.is_empty();
    match <[u8; 4]>::try_from(element).map(i32::from_be_bytes) {
        Ok(index) if is_list && looks_at_index && index < 0 => Err(format!("Invalid negative list index {index}")),
        _ => Ok(()),
    }
}

/// The whole value of a column, serialised; several cells are put together. A collection without elements is null.
fn column_value<'a>(cells: &'a [ReadCell], column_type: &CqlType) -> Option<Cow<'a, [u8]>> {
    let first = cells.first()?;
    if !column_type.is_multi_cell() {
        return Some(Cow::Borrowed(&first.value));
    }
    let mut out = Vec::new();
    let put = |bytes: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    if let CqlType::UserType(user) = column_type {
        for field in 0..user.fields.len() {
            match cells.iter().find(|cell| *cell.path == (field as u16).to_be_bytes()) {
                Some(cell) => put(&cell.value, &mut out),
                None => out.extend_from_slice(&(-1i32).to_be_bytes()),
            }
        }
        return Some(Cow::Owned(out));
    }
    out.extend_from_slice(&(cells.len() as i32).to_be_bytes());
    let mut sorted: Vec<&ReadCell> = cells.iter().collect();
    // Cells are stored in the order of their paths' bytes, which is not that of the elements.
    if let CqlType::Set(key) | CqlType::Map(key, _) = column_type
        && !is_byte_ordered(key)
    {
        sorted.sort_by(|a, b| compare(key, &a.path, &b.path));
    }
    for cell in sorted {
        if !matches!(column_type, CqlType::List(_)) {
            put(&cell.path, &mut out);
        }
        if !matches!(column_type, CqlType::Set(_)) {
            put(&cell.value, &mut out);
        }
    }
    Some(Cow::Owned(out))
}

/// An element of a collection or a field of a user type, frozen or not, with its type.
fn element_value<'a, 't>(
    cells: &'a [ReadCell],
    column_type: &'t CqlType,
    element: &[u8],
) -> (&'t CqlType, Option<Cow<'a, [u8]>>) {
    let index = |bytes: &[u8]| bytes.iter().fold(0usize, |index, byte| index << 8 | usize::from(*byte));
    let owned = |value: Option<&'a [u8]>| value.map(Cow::Borrowed);
    let by_path = || cells.iter().find(|cell| *cell.path == *element).map(|cell| &*cell.value);
    let frozen = |per_element| cells.first().and_then(|cell| elements(&cell.value, per_element).ok());
    match column_type {
        CqlType::List(inner) => (inner, owned(cells.get(index(element)).map(|cell| &*cell.value))),
        CqlType::Map(_, inner) => (inner, owned(by_path())),
        CqlType::UserType(user) => match user.fields.get(index(element)) {
            Some((_, field)) => (field, owned(by_path())),
            None => (column_type, None),
        },
        CqlType::Frozen(frozen_type) => match &**frozen_type {
            CqlType::List(inner) => (inner, owned(frozen(1).and_then(|all| all.get(index(element)).copied()))),
            CqlType::Map(key, inner) => {
                let found = frozen(2).and_then(|all| {
                    let mut pairs = all.chunks_exact(2);
                    pairs.find(|pair| compare(key, pair[0], element).is_eq()).map(|pair| pair[1])
                });
                (inner, owned(found))
            }
            CqlType::UserType(user) => match user.fields.get(index(element)) {
                Some((_, field)) => {
                    (field, owned(cells.first().and_then(|cell| frozen_field(&cell.value, index(element)))))
                }
                None => (column_type, None),
            },
            _ => (column_type, None),
        },
        _ => (column_type, None),
    }
}

/// The elements of a serialised collection; keys and values of a map one after the other.
fn elements(value: &[u8], per_element: usize) -> Result<Vec<&[u8]>, Malformed> {
    let mut reader = Reader::new(value);
    let count = u32::from_be_bytes(reader.array()?) as usize;
    let mut found = Vec::new();
    for _ in 0..count.checked_mul(per_element).ok_or(Malformed)? {
        let length = i32::from_be_bytes(reader.array()?);
        found.push(reader.take(usize::try_from(length).map_err(|_| Malformed)?)?);
    }
    Ok(found)
}

fn frozen_field(value: &[u8], field: usize) -> Option<&[u8]> {
    let mut reader = Reader::new(value);
    for _ in 0..field {
        let length = i32::from_be_bytes(reader.array().ok()?);
        reader.take(usize::try_from(length).unwrap_or(0)).ok()?;
    }
    let length = i32::from_be_bytes(reader.array().ok()?);
    reader.take(usize::try_from(length).ok()?).ok()
}

/// Whether a value (`None`: null) stands in this relation to the operands.
fn holds(operator: Operator, value_type: &CqlType, value: Option<&[u8]>, operands: &[Option<&[u8]>]) -> bool {
    // What is not frozen cannot be empty, only absent.
    let present = |operand: &Option<&[u8]>| match operand {
        Some(bytes) if value_type.is_multi_cell() && value_type.is_collection() => bytes.len() > 4,
        other => other.is_some(),
    };
    let equals = |operand: &Option<&[u8]>| match (value, operand.filter(|_| present(operand))) {
        (Some(value), Some(operand)) => value == operand || compare(value_type, value, operand).is_eq(),
        (value, operand) => value.is_none() && operand.is_none(),
    };
    let ordered = |accept: fn(Ordering) -> bool| match (value, operands.first()) {
        (Some(value), Some(Some(operand))) => accept(compare(value_type, value, operand)),
        _ => false,
    };
    match operator {
        Operator::Equal => operands.first().is_some_and(equals),
        Operator::NotEqual => operands.first().is_some_and(|operand| !equals(operand)),
        Operator::In => operands.iter().any(equals),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessOrEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(Ordering::is_ge),
        Operator::Contains | Operator::ContainsKey => {
            let (Some(value), Some(Some(operand))) = (value, operands.first()) else { return false };
            contains(operator == Operator::ContainsKey, value_type.unfrozen(), value, operand)
        }
    }
}

fn contains(keys: bool, collection: &CqlType, value: &[u8], operand: &[u8]) -> bool {
    let (per_element, offset, inner) = match collection {
        CqlType::List(inner) | CqlType::Set(inner) if !keys => (1, 0, inner),
        CqlType::Map(key, _) if keys => (2, 0, key),
        CqlType::Map(_, inner) => (2, 1, inner),
        _ => return false,
    };
    let Ok(all) = elements(value, per_element) else { return false };
    all.iter()
        .skip(offset)
        .step_by(per_element)
        .any(|element| *element == operand || compare(inner, element, operand).is_eq())
}
