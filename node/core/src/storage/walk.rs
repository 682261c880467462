//! A walk over everything a shard has, in order, in bounded steps that can be resumed: for snapshots and digests.

use super::damage::Damage;
use super::deletions::Deletions;
use super::key::RowRef;
use super::scan::{RowSource, Search};
use super::view::{From, PartitionDeletions, RowBytes, View};
use crate::bugs::Bugs;
use crate::command::{PartitionKey, RowId};
use crate::ids::StorageId;
use crate::world::Rows;

/// Where something of a shard is; ordered as walks go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) table: StorageId,
    pub(crate) partition: PartitionKey,
    pub(crate) item: Item,
}

/// What of a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Item {
    /// Its deletions larger than a row.
    Deletions,
    /// A row.
    Row(RowId),
}

/// What a walk found at a place.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// All deletions of a partition, also those purged that still count for old row versions.
    Deletions(Deletions),
    /// A row as it is now, purged.
    Row(RowBytes<'a>),
}

/// What is at one place now.
pub(crate) fn look<'a, R: Rows, B: Bugs>(view: &View<'a, R, B>, place: &Place) -> Result<Option<Found<'a>>, Damage> {
    let deletions = view.deletions(place.table, &place.partition)?;
    Ok(match &place.item {
        Item::Deletions => all_deletions(&deletions).map(Found::Deletions),
        Item::Row(row) => view.row(place.table, &place.partition, RowRef::of(row), &deletions)?.0.map(Found::Row),
    })
}

fn all_deletions(records: &PartitionDeletions<'_>) -> Option<Deletions> {
    let mut all = Deletions::default();
    records.iter().for_each(|record| all.merge(record));
    (!all.is_empty()).then_some(all)
}

/// Visit what lies behind `after`, in order, until `visit` says that it is enough. Returns the last place visited; `None` when
/// there is nothing more.
pub(crate) fn walk<'a, R: Rows, B: Bugs>(
    view: &View<'a, R, B>,
    after: Option<&Place>,
    mut visit: impl FnMut(&Place, Found<'a>) -> bool,
) -> Result<Option<Place>, Damage> {
    let mut table = after.map_or(StorageId(0), |place| place.table);
    let mut after = after;
    let tokens = view.store.tokens();
    while let Some(found) = view.next_table(table) {
        after = after.filter(|place| place.table == found);
        if !view.store.is_dropped(found) {
            let mut done: Option<PartitionKey> = None;
            if let Some(place) = after.take() {
                let mut search = Search { view: *view, table: found, reversed: false };
                let (place, item) = (&place.partition, Some(&place.item));
                if let Some(stopped) = partition(view, found, place, item, &mut search, &mut visit)? {
                    return Ok(Some(stopped));
                }
                done = Some(place.clone());
            }
            let from = done.as_ref().map_or(From::Token(tokens.start), From::Behind);
            let mut scan = view.scan(found, from, tokens.end);
            while let Some(next) = scan.next()? {
                if let Some(stopped) = partition(view, found, &next, None, &mut scan, &mut visit)? {
                    return Ok(Some(stopped));
                }
                if !scan.leave() {
                    scan = view.scan(found, From::Behind(&next), tokens.end);
                }
            }
        }
        let Some(following) = found.0.checked_add(1) else { break };
        table = StorageId(following);
    }
    Ok(None)
}

fn partition<'a, R: Rows, B: Bugs>(
    view: &View<'a, R, B>,
    table: StorageId,
    partition: &PartitionKey,
    after: Option<&Item>,
    source: &mut impl RowSource<'a>,
    visit: &mut impl FnMut(&Place, Found<'a>) -> bool,
) -> Result<Option<Place>, Damage> {
    let place = |item| Place { table, partition: partition.clone(), item };
    let deletions = view.deletions(table, partition)?;
    if after.is_none()
        && let Some(all) = all_deletions(&deletions)
    {
        let here = place(Item::Deletions);
        if visit(&here, Found::Deletions(all)) {
            return Ok(Some(here));
        }
    }
    if after.is_none_or(|item| *item == Item::Deletions)
        && let (Some(row), _) = view.row(table, partition, RowRef::Static, &deletions)?
    {
        let here = place(Item::Row(RowId::Static));
        if visit(&here, Found::Row(row)) {
            return Ok(Some(here));
        }
    }
    let start = match after {
        Some(Item::Row(RowId::Row(key))) => [key, &[0][..]].concat(),
        _ => Vec::new(),
    };
    let mut cursor = source.rows(partition, (&start, &[]));
    while let Some(next) = cursor.next(view, view.horizon(table), &deletions)? {
        if let Some(row) = next.row {
            let here = place(Item::Row(RowRef::Row(&next.clustering).to_row_id()));
            if visit(&here, Found::Row(row)) {
                return Ok(Some(here));
            }
        }
    }
    Ok(None)
}
