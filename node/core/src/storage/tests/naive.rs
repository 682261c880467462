//! The model: everything written is kept as a list of items and looked through by brute force, deletions take effect at once, and
//! a purge removes at once. Written without looking at how storage does it.

use crate::command::{
    CellOperation, Change, ClusteringRange, Command, Condition, FilterTarget, Mutation, PartitionKey, Partitions,
    PurgeCommand, ReadCell, ReadCommand, ReadRow, RowId, Test, WriteCommand, WriteOutcome,
};
use crate::ids::{ColumnId, StorageId};
use crate::storage::out_of_range;
use crate::time::HybridTime;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Marker { ttl: u32, expires: i64 },
    RowDeletion { seconds: i64 },
    ColumnDeletion { column: ColumnId, seconds: i64 },
    Cell { column: ColumnId, path: Option<Bytes>, value: Option<Bytes>, ttl: u32, expires: i64, seconds: i64 },
}

type Row = Vec<(i64, Item)>;
type RowPlace = (StorageId, PartitionKey, RowId);

/// A deletion of a partition (no range) or of a range: timestamp and seconds.
type Large = (Option<ClusteringRange>, i64, i64);

#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    rows: BTreeMap<RowPlace, Row>,
    large: BTreeMap<(StorageId, PartitionKey), Vec<Large>>,
    dropped: BTreeSet<StorageId>,
    purged: BTreeMap<StorageId, i64>,
}

fn in_range(range: &ClusteringRange, key: &[u8]) -> bool {
    *range.start <= *key && (range.end.is_empty() || *key < *range.end)
}

impl Naive {
    pub(super) fn apply(&mut self, stamp: HybridTime, command: &Command) -> Option<WriteOutcome> {
        match command {
            Command::Write(write) => return Some(self.write(stamp, write)),
            Command::Purge(purge) => self.purge(stamp, purge),
            Command::Retire(retire) => {
                self.dropped.insert(retire.storage);
                self.rows.retain(|(of, ..), _| *of != retire.storage);
                self.large.retain(|(of, _), _| *of != retire.storage);
            }
            _ => {}
        }
        None
    }

    fn through(&self, place: &RowPlace) -> i64 {
        let all = self.large.get(&(place.0, place.1.clone())).map(Vec::as_slice).unwrap_or_default();
        let covers = |range: &Option<ClusteringRange>| match (range, &place.2) {
            (None, _) => true,
            (Some(_), RowId::Static) => false,
            (Some(range), RowId::Row(key)) => in_range(range, key),
        };
        all.iter().filter(|(range, ..)| covers(range)).map(|(_, timestamp, _)| *timestamp).max().unwrap_or(i64::MIN)
    }

    /// What of a row counts.
    fn survivors(&self, place: &RowPlace) -> Row {
        let Some(row) = self.rows.get(place) else { return Row::new() };
        let large = self.through(place);
        let best = |items: Vec<&(i64, Item)>| {
            items.into_iter().max_by_key(|(timestamp, item)| (*timestamp, rank(item))).cloned()
        };
        let mut kept = Row::new();
        let deletions = row.iter().filter(|(at, item)| *at > large && matches!(item, Item::RowDeletion { .. }));
        kept.extend(best(deletions.collect()));
        let floor = kept.first().map_or(large, |(at, _)| *at);
        let markers = row.iter().filter(|(at, item)| *at > floor && matches!(item, Item::Marker { .. }));
        kept.extend(best(markers.collect()));
        let columns: BTreeSet<ColumnId> = row.iter().filter_map(|(_, item)| column_of(item)).collect();
        for column in columns {
            let of = |item: &Item| column_of(item) == Some(column);
            let deletions =
                row.iter().filter(|(at, item)| *at > floor && of(item) && matches!(item, Item::ColumnDeletion { .. }));
            let deletion = best(deletions.collect());
            let floor = deletion.as_ref().map_or(floor, |(at, _)| *at);
            kept.extend(deletion);
            let paths: BTreeSet<Option<Bytes>> =
                row.iter().filter(|(_, item)| of(item)).filter_map(|(_, item)| path_of(item)).collect();
            for path in paths {
                let here = |item: &Item| of(item) && path_of(item).as_ref() == Some(&path);
                kept.extend(best(row.iter().filter(|(at, item)| *at > floor && here(item)).collect()));
            }
        }
        kept
    }

    fn purge(&mut self, stamp: HybridTime, purge: &PurgeCommand) {
        let asked: BTreeMap<StorageId, i64> = purge.exceptions.iter().copied().collect();
        for table in (0..10).map(StorageId) {
            let before = (*asked.get(&table).unwrap_or(&purge.deleted_before)).min(stamp.seconds());
            let before = before.max(*self.purged.get(&table).unwrap_or(&0));
            self.purged.insert(table, before);
            let places: Vec<RowPlace> = self.rows.keys().filter(|(of, ..)| *of == table).cloned().collect();
            for place in places {
                let mut kept = self.survivors(&place);
                kept.retain(|(_, item)| match item {
                    Item::Marker { ttl, expires } => *ttl == 0 || *expires >= before,
                    Item::RowDeletion { seconds } | Item::ColumnDeletion { seconds, .. } => *seconds >= before,
                    Item::Cell { value: None, seconds, .. } => *seconds >= before,
                    Item::Cell { ttl, expires, .. } => *ttl == 0 || *expires >= before,
                });
                self.rows.insert(place, kept);
            }
            for ((of, _), all) in &mut self.large {
                if *of == table {
                    all.retain(|(.., seconds)| *seconds >= before);
                }
            }
        }
    }

    /// Live cells, and whether the row is alive.
    fn live(&self, place: &RowPlace, now: i64) -> (bool, Vec<ReadCell>) {
        self.live_but(&[], place, now)
    }

    /// The same without cells that were dropped.
    fn live_but(&self, dropped: &[(ColumnId, i64)], place: &RowPlace, now: i64) -> (bool, Vec<ReadCell>) {
        let mut alive = false;
        let mut cells = Vec::new();
        for (timestamp, item) in self.survivors(place) {
            match item {
                Item::Marker { ttl, expires } => alive |= ttl == 0 || expires > now,
                Item::Cell { column, .. }
                    if dropped.iter().any(|(of, through)| *of == column && timestamp <= *through) => {}
                Item::Cell { column, path, value: Some(value), ttl, expires, .. } if ttl == 0 || expires > now => {
                    alive = true;
                    let path = path.unwrap_or_default();
                    cells.push(ReadCell { column, path, timestamp, ttl, expires, value });
                }
                _ => {}
            }
        }
        cells.sort();
        (alive, cells)
    }

    fn with_statics(&self, place: &RowPlace, now: i64) -> (bool, Vec<ReadCell>) {
        let (alive, mut cells) = self.live(place, now);
        if place.2 != RowId::Static {
            cells.extend(self.live(&(place.0, place.1.clone(), RowId::Static), now).1);
            cells.sort_by(|one, two| (one.column, &one.path).cmp(&(two.column, &two.path)));
        }
        (alive, cells)
    }

    fn condition(&self, condition: &Condition, now: i64) -> (bool, ReadRow) {
        let place = (condition.table, condition.partition.clone(), condition.row.clone());
        let (alive, cells) = self.with_statics(&place, now);
        let holds = match &condition.test {
            Test::NotExists => !alive,
            Test::Exists => alive,
            Test::Column { column, values, .. } => {
                let value = cells.iter().find(|cell| cell.column == *column).map(|cell| cell.value.clone());
                values.first() == Some(&value)
            }
            Test::Refused(_) => unreachable!("the dice make none"),
        };
        let clustering = match &condition.row {
            RowId::Row(key) if alive => Some(key.clone()),
            _ => None,
        };
        (holds, ReadRow { partition: condition.partition.clone(), clustering, cells })
    }

    fn first_row(&self, condition: &Condition, only_marked: bool, now: i64) -> Option<ReadRow> {
        let places = self.rows.keys().filter(|(table, partition, row)| {
            *table == condition.table && *partition == condition.partition && *row != RowId::Static
        });
        places.cloned().find_map(|place| {
            let (alive, cells) = self.with_statics(&place, now);
            let is_live = |item: &Item| matches!(item, Item::Marker { ttl, expires } if *ttl == 0 || *expires > now);
            let is_seen =
                if only_marked { self.survivors(&place).iter().any(|(_, item)| is_live(item)) } else { alive };
            let RowId::Row(key) = place.2 else { return None };
            is_seen.then(|| ReadRow { partition: place.1, clustering: Some(key), cells })
        })
    }

    fn write(&mut self, stamp: HybridTime, write: &WriteCommand) -> WriteOutcome {
        let now = write.mutations[0].now_seconds.unwrap_or(stamp.seconds());
        let tested: Vec<_> = write.conditions.iter().map(|condition| self.condition(condition, now)).collect();
        if tested.iter().any(|(holds, _)| !holds) {
            let mut rows = Vec::new();
            let mut seen = Vec::new();
            for (condition, (_, row)) in write.conditions.iter().zip(tested) {
                let place = (condition.table, &condition.partition, &condition.row);
                if !seen.contains(&place) {
                    seen.push(place);
                    rows.push(row);
                }
            }
            if write.conditions.iter().all(|condition| condition.row == RowId::Static) {
                let changes = write.mutations.iter().flat_map(|mutation| &mutation.changes);
                let only_marked = changes.into_iter().all(|change| match change {
                    Change::DeletePartition => true,
                    Change::Row(change) => change.row == RowId::Static,
                    Change::DeleteRow(_) | Change::DeleteRange(_) => false,
                });
                rows.extend(self.first_row(&write.conditions[0], only_marked, now));
            }
            return WriteOutcome::Rejected { rows };
        }
        let before = self.clone();
        let mut operations = 0;
        let mut totals = BTreeMap::new();
        for mutation in write.mutations.iter().filter(|mutation| !before.dropped.contains(&mutation.table)) {
            if let Err(reason) = self.mutation(&before, stamp, write, mutation, &mut operations, &mut totals) {
                *self = before;
                return WriteOutcome::Invalid(reason);
            }
        }
        WriteOutcome::Applied
    }

    fn mutation(
        &mut self,
        before: &Naive,
        stamp: HybridTime,
        write: &WriteCommand,
        mutation: &Mutation,
        operations: &mut u32,
        totals: &mut BTreeMap<(RowPlace, ColumnId), i64>,
    ) -> Result<(), String> {
        let timestamp = mutation.timestamp.unwrap_or(stamp.0);
        let now = stamp.seconds();
        let said = mutation.now_seconds.unwrap_or(now);
        let purged = *self.purged.get(&mutation.table).unwrap_or(&0);
        let before_it = timestamp - i64::from(!write.conditions.is_empty());
        for change in &mutation.changes {
            let partition = (mutation.table, mutation.partition.clone());
            let place = |row: &RowId| (mutation.table, mutation.partition.clone(), row.clone());
            match change {
                Change::DeletePartition => self.large.entry(partition).or_default().push((None, before_it, now)),
                Change::DeleteRange(range) => {
                    self.large.entry(partition).or_default().push((Some(range.clone()), before_it, now));
                }
                Change::DeleteRow(key) => {
                    let row = self.rows.entry(place(&RowId::Row(key.clone()))).or_default();
                    row.push((timestamp, Item::RowDeletion { seconds: now }));
                }
                Change::Row(change) => {
                    let place = place(&change.row);
                    let expires = if change.ttl == 0 { 0 } else { (said + i64::from(change.ttl)).max(purged) };
                    let ttl = change.ttl;
                    let mut items = Row::new();
                    if change.marker {
                        items.push((timestamp, Item::Marker { ttl, expires }));
                    }
                    for cell in &change.cells {
                        let column = cell.column;
                        let item = |path: Option<Bytes>, value: Option<&Bytes>| {
                            let value = value.cloned();
                            (
                                timestamp,
                                Item::Cell {
                                    column,
                                    path,
                                    ttl: if value.is_some() { ttl } else { 0 },
                                    expires: if value.is_some() { expires } else { 0 },
                                    value,
                                    seconds: now,
                                },
                            )
                        };
                        let wipe = (timestamp - 1, Item::ColumnDeletion { column, seconds: now });
                        // What was there before the write, with what this statement did so far.
                        let mut seen = Naive::default();
                        let so_far = items.iter().filter(|(_, item)| column_of(item) == Some(column)).cloned();
                        seen.rows.insert(place.clone(), before.survivors(&place).into_iter().chain(so_far).collect());
                        let list = || {
                            seen.live(&place, said)
                                .1
                                .into_iter()
                                .filter(|cell| cell.column == column)
                                .collect::<Vec<_>>()
                        };
                        let mut path = |prepend: bool, element: usize| {
                            if element == 0 {
                                *operations += 1;
                            }
                            let time = stamp.0 as u64 | 1 << 63;
                            let (time, operation) =
                                if prepend { (u64::MAX - time, u32::MAX - *operations) } else { (time, *operations) };
                            Bytes::from(
                                [&time.to_be_bytes()[..], &operation.to_be_bytes(), &(element as u32).to_be_bytes()]
                                    .concat(),
                            )
                        };
                        match &cell.operation {
                            CellOperation::Set(value) => items.push(item(None, Some(value))),
                            CellOperation::Delete => {
                                items.push((timestamp, Item::ColumnDeletion { column, seconds: now }))
                            }
                            CellOperation::Replace(all) => {
                                items.push(wipe);
                                items.extend(all.iter().map(|(path, value)| item(Some(path.clone()), Some(value))));
                            }
                            CellOperation::Put(all) => {
                                items.extend(all.iter().map(|(path, value)| item(Some(path.clone()), Some(value))))
                            }
                            CellOperation::Remove(paths) => {
                                items.extend(paths.iter().map(|path| item(Some(path.clone()), None)))
                            }
                            CellOperation::ListReplace(all) => {
                                items.push(wipe);
                                items.extend(
                                    all.iter().enumerate().map(|(n, value)| item(Some(path(false, n)), Some(value))),
                                );
                            }
                            CellOperation::ListAppend(all) => items.extend(
                                all.iter().enumerate().map(|(n, value)| item(Some(path(false, n)), Some(value))),
                            ),
                            CellOperation::ListPrepend(all) => items.extend(
                                all.iter().enumerate().map(|(n, value)| item(Some(path(true, n)), Some(value))),
                            ),
                            CellOperation::ListSet(index, value) => match list().get(*index as usize) {
                                Some(old) => items.push(item(Some(old.path.clone()), value.as_ref())),
                                None if list().is_empty() && value.is_some() => {
                                    return Err("Attempted to set an element on a list which is null".into());
                                }
                                None if list().is_empty() => {
                                    return Err("Attempted to delete an element from a list which is null".into());
                                }
                                None => {
                                    return Err(format!(
                                        "List index {index} out of bound, list has size {}",
                                        list().len()
                                    ));
                                }
                            },
                            CellOperation::ListHas(index) if list().get(*index as usize).is_none() => {
                                return Err(out_of_range(*index, list().len(), true));
                            }
                            CellOperation::ListHas(_) => {}
                            CellOperation::Refused(reason) => return Err(reason.clone()),
                            CellOperation::ListRemove(values) => {
                                items.extend(
                                    list()
                                        .iter()
                                        .filter(|old| values.contains(&old.value))
                                        .map(|old| item(Some(old.path.clone()), None)),
                                );
                            }
                            CellOperation::CounterAdd(delta) => {
                                let live = before.live(&place, said).1;
                                let old = live.iter().find(|cell| cell.column == column);
                                let old = old
                                    .map_or(0, |cell| i64::from_be_bytes((*cell.value).try_into().expect("a counter")));
                                let total = totals.entry((place.clone(), column)).or_insert(old);
                                *total += delta;
                                let total = Bytes::copy_from_slice(&total.to_be_bytes());
                                if let Some(row) = self.rows.get_mut(&place) {
                                    let is_older =
                                        |item: &Item| matches!(item, Item::Cell { column: of, .. } if *of == column);
                                    row.retain(|(at, item)| *at != timestamp || !is_older(item));
                                }
                                let mut new = item(None, Some(&total));
                                if let Item::Cell { ttl, expires, .. } = &mut new.1 {
                                    (*ttl, *expires) = (0, 0);
                                }
                                items.push(new);
                            }
                        }
                    }
                    self.rows.entry(place).or_default().extend(items);
                }
            }
        }
        Ok(())
    }

    /// All rows that a read returns, on one endless page.
    pub(super) fn read(&self, command: &ReadCommand, now: i64) -> Vec<ReadRow> {
        let now = command.now_seconds.unwrap_or(now);
        let wanted = |column: ColumnId| {
            let filtered = command.filters.iter().any(|filter| filter.target == FilterTarget::Column(column));
            command.columns.as_ref().is_none_or(|columns| columns.contains(&column)) || filtered
        };
        let mut partitions: BTreeSet<PartitionKey> = BTreeSet::new();
        for (table, partition, _) in self.rows.keys() {
            let inside = match &command.partitions {
                Partitions::Keys(keys) => keys.contains(partition),
                Partitions::Range { start, end } => *start <= partition.token && partition.token <= *end,
            };
            if *table == command.table && inside {
                partitions.insert(partition.clone());
            }
        }
        let mut result = Vec::new();
        for partition in partitions {
            let place = |row| (command.table, partition.clone(), row);
            let passes = |cells: &[ReadCell]| {
                command.filters.iter().all(|filter| {
                    let FilterTarget::Column(column) = &filter.target else { return true };
                    cells.iter().any(|cell| cell.column == *column && cell.value == filter.values[0])
                })
            };
            let (static_alive, mut statics) = self.live_but(&command.dropped, &place(RowId::Static), now);
            statics.retain(|cell| command.statics && wanted(cell.column));
            let mut rows = Vec::new();
            let mut any = false;
            for row in self.rows.range(place(RowId::Static)..).map(|(place, _)| place) {
                let (table, of, RowId::Row(key)) = row else { continue };
                let inside =
                    command.clustering.is_empty() || command.clustering.iter().any(|range| in_range(range, key));
                if *table != command.table || *of != partition || !inside {
                    continue;
                }
                let (alive, mut cells) = self.live_but(&command.dropped, row, now);
                if alive {
                    any = true;
                    cells.retain(|cell| wanted(cell.column));
                    cells.extend(statics.clone());
                    cells.sort_by(|one, two| (one.column, &one.path).cmp(&(two.column, &two.path)));
                    if passes(&cells) {
                        rows.push(ReadRow { partition: partition.clone(), clustering: Some(key.clone()), cells });
                    }
                }
            }
            if command.reversed {
                rows.reverse();
            }
            if !any && command.statics && static_alive && command.clustering.is_empty() && passes(&statics) {
                rows.push(ReadRow { partition: partition.clone(), clustering: None, cells: statics });
            }
            let limit = if command.distinct { 1 } else { command.per_partition_limit.unwrap_or(u32::MAX) };
            rows.truncate(limit as usize);
            result.extend(rows);
        }
        result
    }
}

fn rank(item: &Item) -> (u8, i64, Bytes, i64) {
    match item {
        Item::Marker { ttl, expires } => (u8::from(*ttl > 0), *expires, Bytes::new(), -i64::from(*ttl)),
        Item::RowDeletion { seconds } | Item::ColumnDeletion { seconds, .. } => (0, *seconds, Bytes::new(), 0),
        Item::Cell { value: None, seconds, .. } => (2, *seconds, Bytes::new(), 0),
        Item::Cell { value: Some(value), ttl, expires, .. } => {
            (u8::from(*ttl > 0), *expires, value.clone(), -i64::from(*ttl))
        }
    }
}

fn column_of(item: &Item) -> Option<ColumnId> {
    match item {
        Item::ColumnDeletion { column, .. } | Item::Cell { column, .. } => Some(*column),
        Item::Marker { .. } | Item::RowDeletion { .. } => None,
    }
}

fn path_of(item: &Item) -> Option<Option<Bytes>> {
    match item {
        Item::Cell { path, .. } => Some(path.clone()),
        _ => None,
    }
}
