//! Reads: look-ups, slices and scans over all layers at once, in pages.
//!
//! A page ends at its row limit, or when it has looked at enough bytes, whether these were rows, tombstones or rows that a
//! filter kept back: no read does unbounded work. It then says where it stopped, and the next page goes on strictly behind
//! that, also if the row there is gone by then. No row is returned twice or left out over pages (oracle of the simulator).

use super::damage::Damage;
use super::key::RowRef;
use super::live::{Copies, collect_cells, with_statics};
use super::predicate::passes;
use super::scan::{RowSource, Search};
use super::stored::Entry;
use super::view::{Cursor, From, PartitionDeletions, RowBytes, View};
use crate::bugs::{Bugs, PlantedBug};
use crate::command::{
    ClusteringRange, FilterTarget, PartitionKey, Partitions, Position, ReadCell, ReadCommand, ReadResult, ReadRow,
    RowId,
};
use crate::ids::ColumnId;
use crate::world::Rows;
use bytes::Bytes;
use std::borrow::Cow;
use trefoil_cql::token::Token;

/// What looking for a partition costs of the budget, found or not.
const PARTITION_COST_BYTES: i64 = 64;

/// Execute a read.
pub(crate) fn execute<R: Rows, B: Bugs>(
    view: View<'_, R, B>,
    command: &ReadCommand,
    now_seconds: i64,
) -> Result<ReadResult, Damage> {
    let now_seconds = command.now_seconds.unwrap_or(now_seconds);
    let mut reading = Reading {
        view,
        command,
        now_seconds,
        horizon: view.horizon(command.table),
        rows: Vec::new(),
        copies: Copies::default(),
        budget: i64::from(command.byte_budget),
        progress: false,
        per_partition: if command.distinct { 1 } else { command.per_partition_limit.unwrap_or(u32::MAX) },
        wanted: command.columns.as_deref().map(|columns| wanted_columns(columns, command)),
        resume: None,
    };
    if !view.store.is_dropped(command.table) {
        match &command.partitions {
            Partitions::Keys(keys) => reading.keys(keys)?,
            Partitions::Range { start, end } => reading.token_range(*start, *end)?,
        }
    }
    Ok(ReadResult { rows: reading.rows, resume: reading.resume, now_seconds })
}

/// Columns that are asked for or filtered by, in order.
fn wanted_columns(columns: &[ColumnId], command: &ReadCommand) -> Vec<ColumnId> {
    let mut wanted = columns.to_vec();
    wanted.extend(command.filters.iter().filter_map(|filter| match &filter.target {
        FilterTarget::Column(column) | FilterTarget::MapEntry(column, _) => Some(*column),
        FilterTarget::PartitionKeyPart(..) | FilterTarget::ClusteringPart(..) => None,
    }));
    wanted.sort_unstable();
    wanted
}

struct Reading<'a, 'c, R, B> {
    view: View<'a, R, B>,
    command: &'c ReadCommand,
    now_seconds: i64,
    horizon: i64,
    rows: Vec<ReadRow>,
    copies: Copies,
    budget: i64,
    /// Whether this page has got past anything: it must, or the next would stop at the same place.
    progress: bool,
    per_partition: u32,
    wanted: Option<Vec<ColumnId>>,
    resume: Option<Position>,
}

/// Start and end of a range of clustering keys.
type Bounds<'r> = (Cow<'r, [u8]>, Cow<'r, [u8]>);

/// How far a partition was read.
struct Progress<'a> {
    last: Option<Cow<'a, [u8]>>,
    returned: u32,
}

impl<'a, R: Rows, B: Bugs> Reading<'a, '_, R, B> {
    fn is_full(&self) -> bool {
        self.rows.len() >= self.command.row_limit.max(1) as usize || (self.progress && self.budget <= 0)
    }

    fn keys(&mut self, keys: &[PartitionKey]) -> Result<(), Damage> {
        let mut search = self.search();
        let mut done: Option<&PartitionKey> = None;
        for key in keys {
            let mut from = None;
            if let Some(position) = &self.command.resume {
                if *key < position.partition || (*key == position.partition && position.row.is_none()) {
                    continue;
                }
                from = Some(position).filter(|position| *key == position.partition);
            }
            if self.is_full() {
                self.resume = done.map(|done| partition_done(done.clone()));
                return Ok(());
            }
            if self.partition(key, from, &mut search)? {
                return Ok(());
            }
            done = Some(key);
        }
        Ok(())
    }

    fn token_range(&mut self, start: Token, end: Token) -> Result<(), Damage> {
        let tokens = self.view.store.tokens();
        let (start, end) = (start.max(tokens.start), end.min(tokens.end));
        let table = self.command.table;
        let mut search = self.search();
        let mut done: Option<PartitionKey> = None;
        if let Some(position) = &self.command.resume
            && position.partition.token >= start
        {
            if position.row.is_some() && self.partition(&position.partition, Some(position), &mut search)? {
                return Ok(());
            }
            done = Some(position.partition.clone());
        }
        let whole = self.command.clustering.is_empty() && !self.command.reversed;
        let from = done.as_ref().map_or(From::Token(start), From::Behind);
        let mut scan = self.view.scan(table, from, end);
        while let Some(next) = scan.next()? {
            if self.is_full() {
                self.resume = done.map(partition_done);
                return Ok(());
            }
            let stopped = match whole {
                true => self.partition(&next, None, &mut scan)?,
                false => self.partition(&next, None, &mut search)?,
            };
            if stopped {
                return Ok(());
            }
            if !scan.leave() {
                scan = self.view.scan(table, From::Behind(&next), end);
            }
            done = Some(next);
        }
        Ok(())
    }

    fn search(&self) -> Search<'a, R, B> {
        Search { view: self.view, table: self.command.table, reversed: self.command.reversed }
    }

    /// Read a partition, or go on in it; says whether the page ended there.
    fn partition(
        &mut self,
        partition: &PartitionKey,
        from: Option<&Position>,
        source: &mut impl RowSource<'a>,
    ) -> Result<bool, Damage> {
        let table = self.command.table;
        self.budget -= PARTITION_COST_BYTES;
        let mut progress = Progress {
            last: from.and_then(|position| match &position.row {
                Some(RowId::Row(key)) => Some(Cow::Owned(key.to_vec())),
                _ => None,
            }),
            returned: match from {
                Some(_) if self.view.bugs.planted(PlantedBug::PartitionLimitForgottenBetweenPages) => 0,
                from => from.map_or(0, |position| position.returned_in_partition),
            },
        };
        let deletions = self.view.deletions(table, partition)?;
        let mut statics = Vec::new();
        let static_alive = self.command.statics && self.statics(partition, &deletions, &mut statics)?;
        let all = [ClusteringRange::all()];
        let ranges = if self.command.clustering.is_empty() { &all[..] } else { &self.command.clustering };
        for index in 0..ranges.len() {
            let range = &ranges[if self.command.reversed { ranges.len() - 1 - index } else { index }];
            if progress.returned >= self.per_partition {
                break;
            }
            let Some((start, end)) = self.rest_of(range, progress.last.as_deref()) else { continue };
            let stopped = if let Some(key) = range.as_row() {
                self.look_up(partition, key, &deletions, &statics, &mut progress)?
            } else {
                self.slice(partition, source.rows(partition, (&start, &end)), &deletions, &statics, &mut progress)?
            };
            if stopped {
                return Ok(true);
            }
        }
        // A partition with nothing but static values is a row too, unless rows were asked for by their keys.
        if progress.returned == 0 && self.command.clustering.is_empty() && static_alive {
            self.offer(partition, None, statics);
        }
        self.progress = true;
        Ok(false)
    }

    /// The static row's cells; says whether it is alive.
    fn statics(
        &mut self,
        partition: &PartitionKey,
        deletions: &PartitionDeletions<'a>,
        cells: &mut Vec<ReadCell>,
    ) -> Result<bool, Damage> {
        let (row, bytes) = self.view.row(self.command.table, partition, RowRef::Static, deletions)?;
        self.budget -= bytes as i64;
        Ok(row.is_some_and(|row| self.collect(&row, cells)))
    }

    /// What of a range lies behind the last row in the direction of the read.
    fn rest_of<'r>(&self, range: &'r ClusteringRange, last: Option<&[u8]>) -> Option<Bounds<'r>> {
        let mut start = Cow::Borrowed(&*range.start);
        let mut end = Cow::Borrowed(&*range.end);
        if let Some(last) = last {
            let repeats = self.view.bugs.planted(PlantedBug::PageRepeatsRow);
            let behind = || [last, &[0]].concat();
            if self.command.reversed {
                if end.is_empty() || last < &*end {
                    end = Cow::Owned(if repeats { behind() } else { last.to_vec() });
                    if end.is_empty() {
                        return None;
                    }
                }
            } else if last >= &*start {
                start = Cow::Owned(if repeats { last.to_vec() } else { behind() });
            }
        }
        (end.is_empty() || start < end).then_some((start, end))
    }

    fn look_up(
        &mut self,
        partition: &PartitionKey,
        key: &Bytes,
        deletions: &PartitionDeletions<'a>,
        statics: &[ReadCell],
        progress: &mut Progress<'a>,
    ) -> Result<bool, Damage> {
        if self.is_full() {
            return Ok(self.stop(partition, progress));
        }
        let (row, bytes) = self.view.row(self.command.table, partition, RowRef::Row(key), deletions)?;
        self.budget -= bytes as i64;
        self.progress = true;
        if let Some(row) = row {
            progress.returned += u32::from(self.offer_row(partition, |_| key.clone(), &row, statics));
        }
        if self.command.clustering.len() > 1 {
            progress.last = Some(Cow::Owned(key.to_vec()));
        }
        Ok(false)
    }

    fn slice(
        &mut self,
        partition: &PartitionKey,
        mut cursor: Cursor<'a, impl Iterator<Item = Result<Entry<'a>, Damage>>>,
        deletions: &PartitionDeletions<'a>,
        statics: &[ReadCell],
        progress: &mut Progress<'a>,
    ) -> Result<bool, Damage> {
        while progress.returned < self.per_partition {
            if self.is_full() && cursor.has_next()? {
                return Ok(self.stop(partition, progress));
            }
            let Some(next) = cursor.next(&self.view, self.horizon, deletions)? else { break };
            self.budget -= next.bytes as i64;
            self.progress = true;
            if let Some(row) = next.row {
                let key = |copies: &mut Copies| copies.copy(&next.clustering);
                progress.returned += u32::from(self.offer_row(partition, key, &row, statics));
            }
            progress.last = Some(next.clustering);
        }
        Ok(false)
    }

    fn stop(&mut self, partition: &PartitionKey, progress: &Progress<'_>) -> bool {
        let row = progress.last.as_ref().map_or(RowId::Static, |key| RowId::Row(Bytes::copy_from_slice(key)));
        self.resume =
            Some(Position { partition: partition.clone(), row: Some(row), returned_in_partition: progress.returned });
        true
    }

    fn collect(&mut self, row: &RowBytes<'_>, cells: &mut Vec<ReadCell>) -> bool {
        let wanted = self.wanted.as_deref();
        let is_wanted = |column| wanted.is_none_or(|wanted| wanted.binary_search(&column).is_ok());
        collect_cells(row, self.now_seconds, is_wanted, &self.command.dropped, &mut self.copies, cells)
    }

    /// Return a row if it is alive and passes; says whether it was.
    fn offer_row(
        &mut self,
        partition: &PartitionKey,
        key: impl FnOnce(&mut Copies) -> Bytes,
        row: &RowBytes<'_>,
        statics: &[ReadCell],
    ) -> bool {
        let mut cells = Vec::with_capacity(self.wanted.as_ref().map_or(0, Vec::len));
        if !self.collect(row, &mut cells) {
            return false;
        }
        with_statics(&mut cells, statics);
        let key = key(&mut self.copies);
        self.offer(partition, Some(key), cells)
    }

    fn offer(&mut self, partition: &PartitionKey, clustering: Option<Bytes>, cells: Vec<ReadCell>) -> bool {
        let passed = self.command.filters.iter().all(|filter| passes(filter, partition, clustering.as_deref(), &cells));
        if passed {
            self.rows.push(ReadRow { partition: partition.clone(), clustering, cells });
        }
        passed
    }
}

fn partition_done(partition: PartitionKey) -> Position {
    Position { partition, row: None, returned_in_partition: 0 }
}
