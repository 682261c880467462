//! Sweeping: freeing what no read can see any more, in the store itself, between flushes.
//!
//! Flushes rewrite only rows that change. A sweep walks over the store of a shard and rewrites rows that hold purged tombstones and
//! expired values, or lie under the deletion of a partition or range; then purged deletions have nothing left to
//! cover and go too. It uses the horizons of the durable meta record: what is not yet flushed is younger. Nobody can tell
//! from an answer whether a sweep has run.

use super::batch::{BatchError, LogicalWriter, RowsWriter, Update};
use super::damage::Damage;
use super::deletions::Deletions;
use super::encoding::Malformed;
use super::key::{self, Space};
use super::merge::filter;
use super::row::RowView;
use super::shard::TokenRange;
use super::stored::{self, StoredRow};
use super::view::next_stored_table;
use crate::bugs::NoBugs;
use crate::ids::{ShardId, StorageId};
use crate::world::Rows;
use std::sync::Arc;

/// What a step costs of the budget, whatever it finds.
const STEP_COST_BYTES: i64 = 64;

/// Rows and deletions to be rewritten.
#[derive(Clone, Debug)]
pub struct SweepPart {
    shard: ShardId,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    /// Filter this row by the deletions of its partition, if any.
    Row { key: Vec<u8>, horizon: i64, deletions: Option<Arc<Deletions>> },
    /// Forget the purged deletions of this partition: its rows have been filtered.
    Deletions { key: Vec<u8>, horizon: i64 },
}

/// A walk over the stored rows of a shard.
#[derive(Clone, Debug)]
pub struct Sweep {
    shard: ShardId,
    tokens: TokenRange,
    next: Option<Next>,
}

#[derive(Clone, Debug)]
enum Next {
    /// The first table from this one on.
    Table(StorageId),
    /// On in a table. Its horizon is that of when the walk came to it: a younger one would purge deletions that were flushed
    /// meanwhile and have not been looked for.
    Inside { table: StorageId, horizon: i64, at: At },
}

#[derive(Clone, Debug)]
enum At {
    /// Partitions with deletions, from this key on.
    Partitions(Vec<u8>),
    /// Rows of one of them, from this key on.
    RowsUnder { record: Vec<u8>, deletions: Arc<Deletions>, from: Vec<u8> },
    /// All rows of the table, from this key on.
    Rows(Vec<u8>),
}

/// What is left of a row; `None`: it needs no rewriting.
fn swept(stored: StoredRow<'_>, deleted_through: i64, horizon: i64) -> Option<Vec<u8>> {
    let purges = stored.horizon < horizon && stored.row.is_mortal();
    if deleted_through == i64::MIN && !purges {
        return None;
    }
    let mut out = Vec::new();
    filter(stored.row, deleted_through, horizon.max(stored.horizon), &mut out, &NoBugs);
    (out != stored.row.bytes()).then_some(out)
}

impl SweepPart {
    pub(crate) fn write<W: RowsWriter>(&self, writer: &mut W) -> Result<(), BatchError<W::Error>> {
        let mut writer = LogicalWriter::new(writer, self.shard);
        for step in &self.steps {
            match step {
                Step::Row { key, horizon, deletions } => {
                    writer.update(key, |old, out| rewrite_row(old, key, *horizon, deletions.as_deref(), out))?;
                }
                Step::Deletions { key, horizon } => writer.update(key, |old, out| {
                    let Some(old) = old else { return Ok(Update::Keep) };
                    let mut deletions = Deletions::decode(old)?;
                    deletions.purge(*horizon);
                    deletions.encode(out);
                    Ok(if deletions.is_empty() { Update::Delete } else { Update::Put })
                })?,
            }
        }
        writer.finish()
    }
}

fn rewrite_row(
    old: Option<&[u8]>,
    key: &[u8],
    horizon: i64,
    deletions: Option<&Deletions>,
    out: &mut Vec<u8>,
) -> Result<Update, Malformed> {
    let Some(old) = old else { return Ok(Update::Keep) };
    let stored = stored::read_row(old)?;
    let through = deleted_through(key, stored.horizon, deletions)?;
    let Some(left) = swept(stored, through, horizon) else { return Ok(Update::Keep) };
    if RowView::trusted(&left).is_empty() {
        return Ok(Update::Delete);
    }
    stored::put_row(horizon.max(stored.horizon), &left, out);
    Ok(Update::Put)
}

fn deleted_through(key: &[u8], horizon: i64, deletions: Option<&Deletions>) -> Result<i64, Malformed> {
    let Some(deletions) = deletions else { return Ok(i64::MIN) };
    let row = key::parse_row(&key[key::partition_length(key)?..])?;
    Ok(deletions.deleted_through(row.clustering(), horizon))
}

/// What the keys of the rows under a record of deletions begin with.
fn rows_of(record: &[u8]) -> Vec<u8> {
    [&[Space::Rows as u8], &record[1..]].concat()
}

impl Sweep {
    pub(crate) fn new(shard: ShardId, tokens: TokenRange) -> Sweep {
        Sweep { shard, tokens, next: Some(Next::Table(StorageId(0))) }
    }

    /// Look at about `bytes_max` bytes more. `None`: the walk is over. A part may be empty.
    pub(crate) fn advance<R: Rows>(
        &mut self,
        rows: &R,
        horizon_of: impl Fn(StorageId) -> i64,
        is_dropped: impl Fn(StorageId) -> bool,
        bytes_max: usize,
    ) -> Result<Option<SweepPart>, Damage> {
        let mut part = SweepPart { shard: self.shard, steps: Vec::new() };
        let mut left = i64::try_from(bytes_max).unwrap_or(i64::MAX);
        while left > 0 {
            let Some(next) = self.next.take() else { break };
            left -= STEP_COST_BYTES;
            self.next = match next {
                Next::Table(from) => self.next_table(rows, from, &horizon_of, &is_dropped),
                Next::Inside { table, horizon, at } => {
                    match self.inside(rows, table, horizon, at, &mut part, &mut left)? {
                        Some(at) => Some(Next::Inside { table, horizon, at }),
                        None => table.0.checked_add(1).map(StorageId).map(Next::Table),
                    }
                }
            };
        }
        Ok((self.next.is_some() || !part.steps.is_empty()).then_some(part))
    }

    fn next_table<R: Rows>(
        &self,
        rows: &R,
        from: StorageId,
        horizon_of: &impl Fn(StorageId) -> i64,
        is_dropped: &impl Fn(StorageId) -> bool,
    ) -> Option<Next> {
        let spaces = [Space::Deletions, Space::Rows].into_iter();
        let table = spaces.filter_map(|space| next_stored_table(rows, space, self.tokens, from)).min()?;
        if is_dropped(table) {
            return table.0.checked_add(1).map(StorageId).map(Next::Table);
        }
        let at = At::Partitions(key::token_start(Space::Deletions, table, self.tokens.start));
        Some(Next::Inside { table, horizon: horizon_of(table), at })
    }

    /// One step inside a table; `None`: behind its end.
    fn inside<R: Rows>(
        &self,
        rows: &R,
        table: StorageId,
        horizon: i64,
        at: At,
        part: &mut SweepPart,
        left: &mut i64,
    ) -> Result<Option<At>, Damage> {
        Ok(match at {
            At::Partitions(from) => Some(self.next_partition(rows, table, from, left)?),
            At::RowsUnder { record, deletions, from } => {
                let mut end = rows_of(&record);
                key::put_behind_rows(&mut end);
                match self.rows(rows, (from, end), horizon, Some(&deletions), part, left)? {
                    Some(from) => Some(At::RowsUnder { record, deletions, from }),
                    None => {
                        let behind = [&record[..], &[0]].concat();
                        if deletions.has_before(horizon) {
                            part.steps.push(Step::Deletions { key: record, horizon });
                        }
                        Some(At::Partitions(behind))
                    }
                }
            }
            At::Rows(from) => {
                let end = key::token_end(Space::Rows, table, self.tokens.end);
                self.rows(rows, (from, end), horizon, None, part, left)?.map(At::Rows)
            }
        })
    }

    fn next_partition<R: Rows>(&self, rows: &R, table: StorageId, from: Vec<u8>, left: &mut i64) -> Result<At, Damage> {
        let end = key::token_end(Space::Deletions, table, self.tokens.end);
        let Some(entry) = stored::range(rows, self.shard, &from, &end, false).next() else {
            return Ok(At::Rows(key::token_start(Space::Rows, table, self.tokens.start)));
        };
        let (record, content) = entry?;
        *left -= content.len() as i64;
        let deletions = Deletions::decode(content).map_err(|_| stored::malformed(self.shard, &record))?;
        let record = record.into_owned();
        Ok(At::RowsUnder { from: rows_of(&record), record, deletions: Arc::new(deletions) })
    }

    /// Add the rows of a range that need rewriting; says where it stopped, if before the end.
    fn rows<R: Rows>(
        &self,
        rows: &R,
        (from, end): (Vec<u8>, Vec<u8>),
        horizon: i64,
        deletions: Option<&Arc<Deletions>>,
        part: &mut SweepPart,
        left: &mut i64,
    ) -> Result<Option<Vec<u8>>, Damage> {
        for entry in stored::range(rows, self.shard, &from, &end, false) {
            let (key, content) = entry?;
            *left -= (key.len() + content.len()) as i64;
            let malformed = |_| stored::malformed(self.shard, &key);
            let stored = stored::read_row(content).map_err(malformed)?;
            let through = deleted_through(&key, stored.horizon, deletions.map(|all| &**all)).map_err(malformed)?;
            if swept(stored, through, horizon).is_some() {
                part.steps.push(Step::Row { key: key.to_vec(), horizon, deletions: deletions.cloned() });
            }
            if *left <= 0 {
                return Ok(Some([&key, &[0][..]].concat()));
            }
        }
        Ok(None)
    }
}
