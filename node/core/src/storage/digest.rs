//! A hash of everything a shard has at an index: equal on all replicas at that index, whatever was flushed, swept or
//! received by snapshot. What the replica-equality oracle and operators compare.

use super::damage::Damage;
use super::encoding::{put_bytes, put_varint};
use super::purge::Horizons;
use super::view::View;
use super::walk::{Found, Item, Place, walk};
use crate::bugs::Bugs;
use crate::command::RowId;
use crate::raft::AppliedThrough;
use crate::world::Rows;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A digest being computed, in slices.
#[derive(Clone, Debug)]
pub struct Digest {
    /// The index it is of.
    pub(crate) applied: AppliedThrough,
    after: Option<Place>,
    hash: u64,
}

/// How far a digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestStep {
    /// Call again.
    Unfinished,
    /// Entries were applied since it began: begin anew.
    Overtaken,
    /// This is it.
    Done(u64),
}

impl Digest {
    pub(crate) fn new(applied: AppliedThrough) -> Digest {
        let seed = xxh3_64_with_seed(&applied.stamp.0.to_le_bytes(), applied.position.index.0);
        Digest { applied, after: None, hash: seed }
    }

    /// Look at about `bytes_max` bytes more.
    pub(crate) fn step<R: Rows, B: Bugs>(
        &mut self,
        view: &View<'_, R, B>,
        horizons: &Horizons,
        bytes_max: usize,
    ) -> Result<DigestStep, Damage> {
        let mut hash = self.hash;
        let mut left = bytes_max;
        let mut content = Vec::new();
        let after = walk(view, self.after.as_ref(), |place, found| {
            content.clear();
            put_place(place, &mut content);
            match found {
                Found::Row(row) => content.extend_from_slice(row.view().bytes()),
                Found::Deletions(mut deletions) => {
                    deletions.purge(horizons.of(place.table));
                    if deletions.is_empty() {
                        return false;
                    }
                    deletions.encode(&mut content);
                }
            }
            hash = xxh3_64_with_seed(&content, hash);
            left = left.saturating_sub(content.len());
            left == 0
        })?;
        self.hash = hash;
        if after.is_some() {
            self.after = after;
            return Ok(DigestStep::Unfinished);
        }
        content.clear();
        horizons.encode(&mut content);
        Ok(DigestStep::Done(xxh3_64_with_seed(&content, hash)))
    }
}

fn put_place(place: &Place, out: &mut Vec<u8>) {
    put_varint(out, u64::from(place.table.0));
    out.extend_from_slice(&place.partition.token.0.to_le_bytes());
    put_bytes(out, &place.partition.key);
    match &place.item {
        Item::Deletions => out.push(0),
        Item::Row(RowId::Static) => out.push(1),
        Item::Row(RowId::Row(key)) => {
            out.push(2);
            put_bytes(out, key);
        }
    }
}
