//! What clients do: each lane of a client is a list of steps, one after the other, as a session that waits for its answer.
//! Values are unique in the whole run, so that what is read says who wrote it. How an operation becomes CQL is in
//! `client::statement`; what its outcome must be like is in `oracle`.

use crate::language::program::Request;
use serde::{Deserialize, Serialize};

/// A client: a driver with its connections, in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientPlan {
    /// Where it stands; cut off together with that zone.
    pub zone: u8,
    /// The protocol version it speaks.
    pub protocol: u8,
    /// How it chooses nodes.
    pub routing: Routing,
    /// After how long it gives an operation up.
    pub timeout_ms: u64,
    /// Programs that run at the same time over the same connections.
    pub lanes: Vec<Vec<Step>>,
}

/// How a client chooses the node for its next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Routing {
    /// Nodes of its own zone, others only after a failure.
    OwnZone,
    /// One after the other.
    RoundRobin,
    /// Always the same, until it fails.
    Sticky,
    /// Always this one: for audits.
    Pinned(u8),
}

/// A pause, then an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// How long the client thinks first.
    pub pause_ms: u32,
    /// What it does then.
    pub operation: Operation,
}

/// Which of the two tables of the batch workload a read looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Half {
    /// The first table.
    Left,
    /// The second table.
    Right,
}

/// One operation of a client. Every `value` is unique in the run and above 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Write a register: INSERT at QUORUM.
    RegisterWrite {
        /// Which.
        key: u32,
        /// What.
        value: u32,
        /// Bytes of ballast, so that memtables fill.
        filler: u16,
    },
    /// Delete a register's row.
    RegisterDelete {
        /// Which.
        key: u32,
    },
    /// Read a register, linearizable.
    RegisterRead {
        /// Which.
        key: u32,
    },
    /// Read a register from the nearest replica: may be old, may not be invented.
    RegisterReadNear {
        /// Which.
        key: u32,
    },
    /// INSERT ... IF NOT EXISTS.
    CasInsert {
        /// Which.
        key: u32,
        /// What.
        value: u32,
    },
    /// UPDATE ... IF v = what this lane saw last.
    CasUpdate {
        /// Which.
        key: u32,
        /// To what.
        value: u32,
    },
    /// DELETE ... IF v = what this lane saw last.
    CasDelete {
        /// Which.
        key: u32,
    },
    /// SELECT at SERIAL.
    CasRead {
        /// Which.
        key: u32,
    },
    /// Append to a list.
    ListAppend {
        /// Which.
        key: u32,
        /// What.
        value: u32,
    },
    /// Add to a set.
    SetAdd {
        /// Which.
        key: u32,
        /// What.
        value: u32,
    },
    /// Read list and set.
    CollectionRead {
        /// Which.
        key: u32,
    },
    /// Add to counters, one or several in a counter batch.
    CounterAdd {
        /// Which, each once, and in which place of it: see `oracle::counters`.
        counters: Vec<(u32, u8)>,
    },
    /// Read a counter.
    CounterRead {
        /// Which.
        key: u32,
    },
    /// Write one row of a partition.
    RowWrite {
        /// Which partition.
        partition: u32,
        /// Its clustering key.
        row: u32,
        /// What.
        value: u32,
        /// Bytes of ballast.
        filler: u16,
    },
    /// Delete one row.
    RowDelete {
        /// Which partition.
        partition: u32,
        /// Its clustering key.
        row: u32,
    },
    /// Delete rows `from..to`.
    RangeDelete {
        /// Which partition.
        partition: u32,
        /// First that goes.
        from: u32,
        /// First that stays.
        to: u32,
    },
    /// Delete a whole partition.
    PartitionDelete {
        /// Which partition.
        partition: u32,
    },
    /// Read a partition page by page.
    Scan {
        /// Which partition.
        partition: u32,
        /// Rows of a page.
        page_size: u32,
        /// ORDER BY descending.
        reversed: bool,
    },
    /// Read the whole table page by page, across shards.
    ScanAll {
        /// Rows of a page.
        page_size: u32,
    },
    /// Write the same value into several rows of two tables of one partition, in one batch.
    BatchWrite {
        /// Which partition.
        partition: u32,
        /// What.
        value: u32,
    },
    /// Read one of the two tables of a batch partition.
    BatchRead {
        /// Which partition.
        partition: u32,
        /// Which table.
        half: Half,
    },
    /// Add one row to each of several partitions, in one batch.
    SpreadWrite {
        /// Which partitions, each once, on whatever shards they lie.
        partitions: Vec<u32>,
        /// The row's clustering key, and the one element of its list.
        value: u32,
        /// A logged batch: all or nothing.
        logged: bool,
    },
    /// Read all rows of such a partition.
    SpreadRead {
        /// Which partition.
        partition: u32,
    },
    /// Write a key once, to expire.
    ExpiringWrite {
        /// Which; no other operation writes it.
        key: u32,
        /// What.
        value: u32,
        /// Seconds to live.
        ttl: u32,
    },
    /// Read such a key.
    ExpiringRead {
        /// Which.
        key: u32,
    },
    /// CREATE TABLE.
    TableCreate {
        /// Which; only this lane creates, alters, truncates and drops it.
        table: u32,
    },
    /// DROP TABLE.
    TableDrop {
        /// Which.
        table: u32,
    },
    /// ALTER TABLE ADD a column.
    TableAlter {
        /// Which.
        table: u32,
        /// The new column's number.
        column: u32,
    },
    /// TRUNCATE.
    TableTruncate {
        /// Which.
        table: u32,
    },
    /// Write a row of such a table.
    TableWrite {
        /// Which.
        table: u32,
        /// The row.
        key: u32,
        /// What.
        value: u32,
    },
    /// Read a row of such a table.
    TableRead {
        /// Which.
        table: u32,
        /// The row.
        key: u32,
    },
    /// A request of a generated program.
    Statement {
        /// Which of the plan's tables; only this lane uses it.
        table: u32,
        /// What is asked.
        request: Box<Request>,
    },
}
