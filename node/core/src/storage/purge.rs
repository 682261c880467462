//! Which tombstones and expired values are gone for good.
//!
//! A purge is an entry of the log. What lies below it is seen through its *horizon*: whatever died before vanishes. What is
//! applied later is merged on top unpurged, and is too young for the horizon anyway. So what a replica answers depends on its
//! index, not on when it flushed; bytes are freed later, when a row is rewritten. Every row version says under which
//! horizon it was written, because a deletion that was purged meanwhile still counts for versions from before.

use super::encoding::{Malformed, Reader, put_signed, put_varint};
use crate::command::PurgeCommand;
use crate::ids::StorageId;
use crate::time::HybridTime;
use std::collections::BTreeMap;

/// For each table, the seconds before which everything dead is gone. Never goes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Horizons {
    default: i64,
    exceptions: BTreeMap<StorageId, i64>,
}

impl Horizons {
    /// The horizon of a table; 0: nothing was ever purged.
    #[inline]
    pub(crate) fn of(&self, table: StorageId) -> i64 {
        if self.exceptions.is_empty() { self.default } else { *self.exceptions.get(&table).unwrap_or(&self.default) }
    }

    /// What holds above a purge with this stamp. A purge cannot reach what is written after it, whatever it says.
    pub(crate) fn purged(&self, purge: &PurgeCommand, stamp: HybridTime) -> Horizons {
        let limit = |seconds: i64| seconds.min(stamp.seconds());
        let default = self.default.max(limit(purge.deleted_before));
        let asked: BTreeMap<StorageId, i64> = purge.exceptions.iter().copied().collect();
        let tables = asked.keys().chain(self.exceptions.keys()).copied();
        let exceptions = tables.map(|table| {
            let new = asked.get(&table).map_or(limit(purge.deleted_before), |seconds| limit(*seconds));
            (table, self.of(table).max(new))
        });
        Horizons { default, exceptions: exceptions.filter(|(_, horizon)| *horizon != default).collect() }
    }

    /// Append the stored form.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.default);
        put_varint(out, self.exceptions.len() as u64);
        for (table, horizon) in &self.exceptions {
            put_varint(out, u64::from(table.0));
            put_signed(out, *horizon);
        }
    }

    /// Read the stored form.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Horizons, Malformed> {
        let default = reader.signed()?;
        let count = reader.varint()?;
        let mut exceptions = BTreeMap::new();
        for _ in 0..count {
            exceptions.insert(StorageId(reader.varint_u32()?), reader.signed()?);
        }
        Ok(Horizons { default, exceptions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purge(deleted_before: i64, exceptions: &[(u32, i64)]) -> PurgeCommand {
        let exceptions = exceptions.iter().map(|(table, seconds)| (StorageId(*table), *seconds)).collect();
        PurgeCommand { deleted_before, exceptions }
    }

    #[test]
    fn horizons_never_go_back_and_never_pass_their_own_stamp() {
        let stamp = |seconds: i64| HybridTime(seconds * 1_000_000);
        let first = Horizons::default().purged(&purge(100, &[(1, 50), (2, 500)]), stamp(200));
        assert_eq!([1, 2, 3].map(|table| first.of(StorageId(table))), [50, 200, 100]);
        let second = first.purged(&purge(90, &[(1, 40)]), stamp(300));
        assert_eq!([1, 2, 3].map(|table| second.of(StorageId(table))), [50, 200, 100]);
        let third = second.purged(&purge(250, &[]), stamp(300));
        assert_eq!(third, Horizons { default: 250, exceptions: BTreeMap::new() });
        let mut out = Vec::new();
        first.encode(&mut out);
        assert_eq!(Horizons::decode(&mut Reader::new(&out)), Ok(first));
    }
}
