//! Reads rows that are in memory, as a shard reads its own: what system tables and tests need.

use super::super::restrictions::split_key;
use super::super::value;
use crate::command::{
    ClusteringRange, Filter, FilterTarget, Operator, Partitions, Position, ReadCommand, ReadResult, ReadRow, RowId,
};
use crate::ids::ColumnId;
use crate::storage::decode_clustering;
use bytes::Bytes;
use trefoil_cql::types::CqlType;

/// Carry out a command on rows in ring and clustering order.
pub(super) fn read(rows: &[ReadRow], command: &ReadCommand, now_seconds: i64) -> ReadResult {
    let mut result = ReadResult { rows: Vec::new(), resume: None, now_seconds };
    for partition in rows.chunk_by(|a, b| a.partition == b.partition) {
        if wants_partition(&partition[0], command) && !read_partition(partition, command, &mut result) {
            break;
        }
    }
    result
}

fn wants_partition(row: &ReadRow, command: &ReadCommand) -> bool {
    let wanted = match &command.partitions {
        Partitions::Keys(keys) => keys.contains(&row.partition),
        Partitions::Range { start, end } => (*start..=*end).contains(&row.partition.token),
    };
    let is_ahead = command.resume.as_ref().is_none_or(|position| {
        row.partition > position.partition || (row.partition == position.partition && position.row.is_some())
    });
    wanted && is_ahead
}

/// Gives whether there is room for more.
fn read_partition(rows: &[ReadRow], command: &ReadCommand, result: &mut ReadResult) -> bool {
    let resume = command.resume.as_ref().filter(|position| position.partition == rows[0].partition);
    let mut returned = resume.map_or(0, |position| position.returned_in_partition);
    let limit = if command.distinct { Some(1) } else { command.per_partition_limit };
    let after = match resume.and_then(|position| position.row.as_ref()) {
        Some(RowId::Row(key)) => Some(key),
        _ => None,
    };
    let mut order: Vec<&ReadRow> = rows.iter().collect();
    if command.reversed {
        order.reverse();
    }
    for row in order {
        // Where nothing but static values was returned, nothing but rows can follow.
        if row.clustering.is_none() && resume.is_some() {
            continue;
        }
        let key = row.clustering.clone().unwrap_or_default();
        let is_ahead = after.is_none_or(|after| if command.reversed { key < *after } else { key > *after });
        if !is_ahead
            || !in_ranges(&key, &command.clustering)
            || !command.filters.iter().all(|filter| passes(filter, row))
        {
            continue;
        }
        if limit.is_some_and(|limit| returned >= limit) {
            break;
        }
        if result.rows.len() as u32 >= command.row_limit {
            let position = result.rows.last().map(|last: &ReadRow| {
                // A row of another partition than this one was the last of its own.
                let is_here = last.partition == row.partition;
                let key = RowId::Row(last.clustering.clone().unwrap_or_default());
                Position {
                    partition: last.partition.clone(),
                    row: is_here.then_some(key),
                    returned_in_partition: if is_here { returned } else { 0 },
                }
            });
            result.resume = position;
            return false;
        }
        returned += 1;
        result.rows.push(row.clone());
    }
    true
}

fn in_ranges(key: &Bytes, ranges: &[ClusteringRange]) -> bool {
    ranges.is_empty() || ranges.iter().any(|range| range.start <= *key && (range.end.is_empty() || *key < range.end))
}

/// Whether a row fulfils a filter. Null never does.
fn passes(filter: &Filter, row: &ReadRow) -> bool {
    match &filter.target {
        FilterTarget::Column(id) => column_passes(filter, row, *id),
        FilterTarget::MapEntry(id, key) => row
            .cells
            .iter()
            .filter(|cell| cell.column == *id && cell.path == *key)
            .any(|cell| value_passes(filter, &cell.value)),
        FilterTarget::PartitionKeyPart(position, count) => {
            let parts = split_key(&row.partition.key, usize::from(*count));
            parts.get(usize::from(*position)).is_some_and(|part| value_passes(filter, part))
        }
        FilterTarget::ClusteringPart(position, types) => {
            let values = row.clustering.as_ref().and_then(|key| decode_clustering(key, types).ok());
            values
                .and_then(|values| values.into_iter().nth(usize::from(*position)))
                .is_some_and(|part| value_passes(filter, &part))
        }
    }
}

fn column_passes(filter: &Filter, row: &ReadRow, id: ColumnId) -> bool {
    let mut cells = row.cells.iter().filter(|cell| cell.column == id);
    match (&filter.target_type, filter.operator) {
        (CqlType::Set(_), Operator::Contains) | (CqlType::Map(..), Operator::ContainsKey) => {
            cells.any(|cell| filter.values.contains(&cell.path))
        }
        (CqlType::Map(..) | CqlType::List(_), Operator::Contains) => {
            cells.any(|cell| filter.values.contains(&cell.value))
        }
        _ => cells.any(|cell| value_passes(filter, &cell.value)),
    }
}

fn value_passes(filter: &Filter, have: &Bytes) -> bool {
    let compared = |wanted: &Bytes| value::compare(&filter.target_type, have, wanted);
    let any = |test: fn(std::cmp::Ordering) -> bool| filter.values.iter().any(|wanted| test(compared(wanted)));
    match filter.operator {
        Operator::Equal | Operator::In => any(std::cmp::Ordering::is_eq),
        Operator::NotEqual => any(std::cmp::Ordering::is_ne),
        Operator::Less => any(std::cmp::Ordering::is_lt),
        Operator::LessOrEqual => any(std::cmp::Ordering::is_le),
        Operator::Greater => any(std::cmp::Ordering::is_gt),
        Operator::GreaterOrEqual => any(std::cmp::Ordering::is_ge),
        // A frozen collection is one value.
        Operator::Contains => {
            let values = match filter.target_type.unfrozen() {
                CqlType::Map(..) => {
                    value::entries(have).map(|entries| entries.into_iter().map(|(_, value)| value).collect())
                }
                _ => value::elements(have),
            };
            values.is_ok_and(|values: Vec<Bytes>| values.iter().any(|value| filter.values.contains(value)))
        }
        Operator::ContainsKey => {
            value::entries(have).is_ok_and(|entries| entries.iter().any(|(key, _)| filter.values.contains(key)))
        }
    }
}
