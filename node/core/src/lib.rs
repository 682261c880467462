//! The Trefoil node as one deterministic state machine.
//!
//! Follow one INSERT: `session` decodes the request, `statement` plans it against the `schema`, `coordinate` finds
//! the shard's leader, `replicate` puts it into the shard's log (`raft`), `storage` applies it to the memtable and
//! flushes it into rows. `node` ties these together and is all that a world sees. Nothing here blocks, reads a
//! clock, draws randomness or touches a file: everything comes in as an `Input` and leaves through the `World`.

pub mod bugs;
pub mod catalogue;
pub mod command;
pub mod config;
pub mod coordinate;
pub mod ids;
pub mod limits;
pub mod membership;
pub mod message;
pub mod node;
pub mod raft;
pub mod replicate;
pub mod schema;
pub mod session;
pub mod statement;
pub mod storage;
pub mod time;
pub mod world;
