//! What travels from a coordinator to a shard: changes to write and rows to read. Everything in here is self-contained:
//! a replica applies it without looking at the schema, so applying depends on the log alone, and replicas stay equal.

use crate::ids::{ColumnId, RequestId, SchemaVersion, ShardId, StorageId};
use crate::time::HybridTime;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trefoil_cql::token::Token;
use trefoil_cql::types::CqlType;

/// The payload of a log entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Nothing: a new leader's first entry.
    Empty,
    /// A client's write.
    Write(WriteCommand),
    /// A definition (catalogue shard only).
    Schema(SchemaCommand),
    /// Everything dead before this is gone: tombstones and expired cells (see `storage::purge`).
    Purge(PurgeCommand),
    /// The storage of a dropped or truncated table is given up: from this entry on nothing in this shard sees its rows.
    Retire(RetireCommand),
    /// A logged batch over several shards, decided in the log of one of them (see `replicate::batch`).
    Batch(BatchCommand),
    /// Every share of a logged batch is applied: it need not be remembered.
    BatchDone {
        /// Index of the batch in this log.
        batch: u64,
    },
}

/// A logged batch over several shards. Once this is committed in its home shard, every share will be applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BatchCommand {
    /// Identity, for exactly-once.
    pub header: RequestHeader,
    /// What each shard has to do, the home shard's own share among them.
    pub shares: Vec<BatchShare>,
}

/// One shard's share of a logged batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BatchShare {
    /// The shard.
    pub shard: ShardId,
    /// What is written there.
    pub mutations: Vec<Mutation>,
}

impl BatchShare {
    /// The storages it touches.
    #[must_use]
    pub fn storages(&self) -> Vec<StorageId> {
        let mut storages: Vec<StorageId> = self.mutations.iter().map(|mutation| mutation.table).collect();
        storages.sort_unstable();
        storages.dedup();
        storages
    }
}

/// A write as the coordinator has it, borrowed: encodes to the same bytes as `Command::Write`.
#[derive(Debug, Serialize)]
pub enum CommandRef<'a> {
    /// Stands for `Command::Empty`, so that the next one has its number.
    Empty,
    /// See `WriteCommand`.
    Write {
        /// Identity, for exactly-once.
        header: RequestHeader,
        /// All must hold.
        conditions: &'a [Condition],
        /// What is written.
        mutations: &'a [&'a Mutation],
    },
}

impl CommandRef<'_> {
    /// The payload of a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        Bytes::from(postcard::to_extend(self, Vec::with_capacity(256)).expect("plain data in memory encodes"))
    }
}

/// What every client's command starts with, so that it is applied once although sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestHeader {
    /// Which request this is.
    pub id: RequestId,
    /// The coordinator has given its clients the answer of every request below this sequence: records of them may go.
    pub answered_below: u64,
    /// An entry stamped later than this is not applied: nobody waits for it any more.
    pub expires: HybridTime,
    /// The schema it was planned with.
    pub schema: SchemaVersion,
}

/// A write of one or more mutations in one shard: atomic and isolated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteCommand {
    /// Identity, for exactly-once.
    pub header: RequestHeader,
    /// All must hold when the entry is applied, or nothing is written.
    pub conditions: Vec<Condition>,
    /// What is written, in statement order.
    pub mutations: Vec<Mutation>,
}

/// A catalogue command: an encoded `schema::Definition` (the schema module owns the format).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchemaCommand {
    /// Identity, for exactly-once.
    pub header: RequestHeader,
    /// The encoded definition.
    pub definition: Bytes,
}

/// A storage that a definition gave up. Where this stands in a shard's log is the moment at which that definition happens to the
/// shard's rows (see `replicate::retire`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RetireCommand {
    /// The storage.
    pub storage: StorageId,
    /// After TRUNCATE: where the table's rows are now. `None`: the table is gone.
    pub successor: Option<StorageId>,
    /// A schema in which it is given up: what names it must be planned with this one, or a newer one.
    pub schema: SchemaVersion,
}

/// Which tombstones are old enough to go, for every replica at the same index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PurgeCommand {
    /// Seconds since 1970: what was deleted or expired before this is purged...
    pub deleted_before: i64,
    /// ...except in these tables, whose `gc_grace_seconds` is not the default.
    pub exceptions: Vec<(StorageId, i64)>,
}

/// A partition: serialised key as the protocol's routing key (one component: its bytes; several: `[u16 length, bytes, 0]` each).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionKey {
    /// Murmur3 of `key`; first, so that the derived order is ring order.
    pub token: Token,
    /// The serialised key.
    pub key: Bytes,
}

/// A clustering key in its order-preserving form (`storage::key`): byte order is clustering order, ASC and DESC included, and the
/// values can be decoded from it given the types. A prefix of the columns is a prefix of the bytes.
pub type ClusteringKey = Bytes;

/// Clustering keys in `start..end` as bytes; an empty `end` means no upper bound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusteringRange {
    /// First encoded key that is in.
    pub start: Bytes,
    /// First encoded key that is out; empty: none.
    pub end: Bytes,
}

/// Changes to one partition of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mutation {
    /// The table's storage.
    pub table: StorageId,
    /// The partition.
    pub partition: PartitionKey,
    /// `None`: the stamp of the log entry. `Some`: USING TIMESTAMP, microseconds.
    pub timestamp: Option<i64>,
    /// `None`: the log entry's. `Some`: the time that the request gives, in seconds since 1970, the same in all its mutations:
    /// seconds to live are counted from it, and what the write looks at is judged by it.
    pub now_seconds: Option<i64>,
    /// What changes.
    pub changes: Vec<Change>,
}

/// One change inside a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// DELETE of the whole partition.
    DeletePartition,
    /// DELETE of a range of rows.
    DeleteRange(ClusteringRange),
    /// DELETE of one whole row.
    DeleteRow(ClusteringKey),
    /// INSERT, UPDATE, or DELETE of cells.
    Row(RowChange),
}

/// Which row of a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RowId {
    /// The static row.
    Static,
    /// An ordinary row; the empty key when the table has no clustering columns.
    Row(ClusteringKey),
}

/// Changes to the cells of one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowChange {
    /// Which row.
    pub row: RowId,
    /// INSERT leaves a marker, UPDATE does not: a row without marker vanishes with its last value.
    pub marker: bool,
    /// Seconds to live, for the marker and every cell written; 0 is for ever.
    pub ttl: u32,
    /// The cells.
    pub cells: Vec<CellChange>,
}

/// A change of one column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CellChange {
    /// The column.
    pub column: ColumnId,
    /// What happens to it.
    pub operation: CellOperation,
}

/// What can happen to a column. Paths: a set's element, a map's key, a list's 16-byte time-ordered id, a user type's
/// two-byte field index. A whole frozen value is a simple cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CellOperation {
    /// Set a simple cell.
    Set(Bytes),
    /// Delete a simple cell, or all of a collection.
    Delete,
    /// Delete what the collection held just before (timestamp - 1), then put these: assignment. Elements as (path, value).
    Replace(Vec<(Bytes, Bytes)>),
    /// Put elements of a set (empty values), map or user type.
    Put(Vec<(Bytes, Bytes)>),
    /// Delete elements by path.
    Remove(Vec<Bytes>),
    /// Assign a whole list: as `Replace`, the paths made when applied.
    ListReplace(Vec<Bytes>),
    /// Append to a list, in this order.
    ListAppend(Vec<Bytes>),
    /// Prepend to a list, so that it then starts with these in this order.
    ListPrepend(Vec<Bytes>),
    /// Overwrite (`Some`) or delete (`None`) the element at an index; out of range is an error that is the write's outcome.
    ListSet(i32, Option<Bytes>),
    /// Delete all elements equal to one of these.
    ListRemove(Vec<Bytes>),
    /// Add to a counter.
    CounterAdd(i64),
    /// Nothing, but an index out of range is an error: the element at it was assigned what is unset.
    ListHas(i32),
    /// The write is refused with this text, if its conditions hold: a value that does not fit the column.
    Refused(String),
}

/// Something that must hold for a conditional write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Condition {
    /// The table's storage.
    pub table: StorageId,
    /// The partition.
    pub partition: PartitionKey,
    /// The row.
    pub row: RowId,
    /// What must hold for it.
    pub test: Test,
}

/// A test of one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Test {
    /// IF NOT EXISTS.
    NotExists,
    /// IF EXISTS.
    Exists,
    /// `IF column ...`, `IF column[element] ...`, `IF column.field ...`
    Column {
        /// The column.
        column: ColumnId,
        /// Its type, which decides how values compare.
        column_type: CqlType,
        /// Element (map key, list index as int) or field (two-byte index), if not the whole value.
        element: Option<Bytes>,
        /// How it is compared.
        operator: Operator,
        /// With what; serialised, `None` is null. Several only for IN.
        values: Vec<Option<Bytes>>,
    },
    /// A condition with a value that cannot be compared: if it comes to that, the write is refused with this text.
    Refused(String),
}

/// Comparison operators of relations and conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// =
    Equal,
    /// !=
    NotEqual,
    /// <
    Less,
    /// <=
    LessOrEqual,
    /// >
    Greater,
    /// >=
    GreaterOrEqual,
    /// IN
    In,
    /// CONTAINS
    Contains,
    /// CONTAINS KEY
    ContainsKey,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WriteOutcome {
    /// It was applied.
    Applied,
    /// Its conditions did not hold. `rows`: for each condition's row in order, as it is (absent: `None`).
    Rejected {
        /// The rows the conditions looked at, each once, in order of appearance; if only a static row was tested, then the
        /// first row of its partition as well.
        rows: Vec<ReadRow>,
    },
    /// The entry came after the request's expiry and was not applied.
    Expired,
    /// It names a table that is gone, in the schema of this version at the latest; nothing was written. Plan it again.
    Gone(SchemaVersion),
    /// It cannot be applied to the data (list index out of range); nothing was written. The text is for the client.
    Invalid(String),
    /// A definition was refused (catalogue only): an encoded `schema` error.
    Refused(Bytes),
}

/// What to read from one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadCommand {
    /// The table's storage.
    pub table: StorageId,
    /// Which partitions.
    pub partitions: Partitions,
    /// Which rows of each, ascending and disjoint; empty: all of them.
    pub clustering: Vec<ClusteringRange>,
    /// Rows of a partition in descending order (partitions always ascend).
    pub reversed: bool,
    /// Which columns the rows shall carry; `None`: all. Others may be left out.
    pub columns: Option<Vec<ColumnId>>,
    /// Whether static columns are wanted: they come with every row, and a partition with only them is one row.
    pub statics: bool,
    /// Only the first row of each partition (or its static row): SELECT DISTINCT.
    pub distinct: bool,
    /// Rows must pass all of these.
    pub filters: Vec<Filter>,
    /// At most so many rows of each partition; counts from the partition's start, also when resumed.
    pub per_partition_limit: Option<u32>,
    /// Stop after so many rows (that passed the filters).
    pub row_limit: u32,
    /// Stop after looking at so many stored bytes; the answer then says where to go on.
    pub byte_budget: u32,
    /// Go on after this position.
    pub resume: Option<Position>,
    /// Seconds since 1970 at which liveness is judged; `None`: the shard leader's hybrid time.
    pub now_seconds: Option<i64>,
    /// Cells of these columns, written through these timestamps, are no more: the columns were dropped.
    pub dropped: Vec<(ColumnId, i64)>,
}

impl ReadCommand {
    /// Everything in these partitions, up to a number of rows.
    #[must_use]
    pub fn of(table: StorageId, partitions: Partitions, row_limit: u32) -> ReadCommand {
        ReadCommand {
            table,
            partitions,
            clustering: Vec::new(),
            reversed: false,
            columns: None,
            statics: false,
            distinct: false,
            filters: Vec::new(),
            per_partition_limit: None,
            row_limit,
            byte_budget: u32::MAX,
            resume: None,
            now_seconds: None,
            dropped: Vec::new(),
        }
    }
}

/// Which partitions a read looks at, all within one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Partitions {
    /// These, in ring order.
    Keys(Vec<PartitionKey>),
    /// All with tokens in `start..=end`.
    Range {
        /// First token.
        start: Token,
        /// Last token.
        end: Token,
    },
}

/// Where a read stopped: after this row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The partition of the last row looked at.
    pub partition: PartitionKey,
    /// The row; `Static` when only the static row was returned; `None`: the partition is done.
    pub row: Option<RowId>,
    /// How many rows of this partition were returned so far, for `per_partition_limit`.
    pub returned_in_partition: u32,
}

/// A test that rows must pass (ALLOW FILTERING). Null never passes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// What is tested.
    pub target: FilterTarget,
    /// The type of what is tested.
    pub target_type: CqlType,
    /// How.
    pub operator: Operator,
    /// With what; several only for IN.
    pub values: Vec<Bytes>,
}

/// What a filter looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FilterTarget {
    /// A regular or static column.
    Column(ColumnId),
    /// The value of a map under a key.
    MapEntry(ColumnId, Bytes),
    /// The n-th of the partition key's components; the second number is how many there are.
    PartitionKeyPart(u16, u16),
    /// The n-th clustering column, with the types and orders of all up to it (to decode the key).
    ClusteringPart(u16, Vec<(CqlType, ClusteringOrder)>),
}

/// ASC or DESC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClusteringOrder {
    /// Ascending.
    #[default]
    Ascending,
    /// Descending.
    Descending,
}

/// Rows that a shard returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadResult {
    /// The rows, live at the time of the read: no tombstones, nothing expired.
    pub rows: Vec<ReadRow>,
    /// Where to go on; `None`: nothing is left in this shard.
    pub resume: Option<Position>,
    /// The seconds at which liveness was judged; remaining TTLs count from here.
    pub now_seconds: i64,
}

/// One row as read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadRow {
    /// Its partition.
    pub partition: PartitionKey,
    /// Its clustering key; `None`: there is no such row (a partition with only static values; a condition on a missing row).
    pub clustering: Option<ClusteringKey>,
    /// Its cells and those of its partition's static row, by (column, path).
    pub cells: Vec<ReadCell>,
}

/// One live cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReadCell {
    /// The column.
    pub column: ColumnId,
    /// Element of a collection; empty for simple cells.
    pub path: Bytes,
    /// Microseconds.
    pub timestamp: i64,
    /// Seconds to live as written; 0: for ever.
    pub ttl: u32,
    /// Seconds since 1970 at which it expires; 0 if never.
    pub expires: i64,
    /// The value (serialised; counters as 8 bytes).
    pub value: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Incarnation, NodeId};

    #[test]
    fn a_borrowed_command_encodes_like_an_owned_one() {
        let header = RequestHeader {
            id: RequestId { node: NodeId(1), incarnation: Incarnation(2), sequence: 3 },
            answered_below: 2,
            expires: HybridTime(99),
            schema: SchemaVersion(4),
        };
        let mutation = Mutation {
            table: StorageId(5),
            partition: PartitionKey { token: Token(-7), key: Bytes::from_static(b"key") },
            timestamp: Some(8),
            now_seconds: Some(9),
            changes: vec![Change::DeletePartition],
        };
        let condition = Condition {
            table: StorageId(5),
            partition: mutation.partition.clone(),
            row: RowId::Static,
            test: Test::NotExists,
        };
        let borrowed =
            CommandRef::Write { header, conditions: std::slice::from_ref(&condition), mutations: &[&mutation] }
                .encode();
        // As in `schema::tests`: stores and peers of another version are told by numbers.
        let reason = "the layout is another: raise FORMAT_VERSION of ShardState, STORE_FORMAT and PROTOCOL_VERSION";
        assert_eq!(xxhash_rust::xxh3::xxh3_64(&borrowed), 0x4af9_8b6b_6e0d_5f31, "{reason}");
        let owned = Command::Write(WriteCommand { header, conditions: vec![condition], mutations: vec![mutation] });
        assert_eq!(borrowed, postcard::to_stdvec(&owned).expect("encodes"));
    }
}
