//! Applying one committed entry: the only way in which rows, records of requests and the schema change.
//!
//! Conditions are evaluated here, on what the log says came before, so a conditional write costs one round trip and is never
//! ambiguous inside the cluster. What happens depends on the entry and the state alone: replicas stay equal.

use super::deduplication::Verdict;
use super::output::{Output, ReplicaEvent};
use super::replica::Replica;
use crate::bugs::PlantedBug;
use crate::command::{Command, RequestHeader, SchemaCommand, WriteOutcome};
use crate::ids::{SchemaVersion, ShardId};
use crate::raft::{AppliedThrough, Entry, Position};
use crate::schema::{Definition, DefinitionContext, Schema};
use crate::storage::Damage;
use crate::world::{TraceEvent, World};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

impl Replica {
    /// Apply the entry after the last one applied.
    ///
    /// # Errors
    /// When a row that must be read is damaged; the replica has withdrawn.
    pub(super) fn apply_next<W: World>(&mut self, world: &mut W, output: &mut Output) -> Result<(), Damage> {
        let index = crate::ids::LogIndex(self.store.applied().position.index.0 + 1);
        let Some(entry) = self.raft.entry(index).cloned() else {
            let (floor, last) = (self.raft.floor(), self.raft.last_index());
            unreachable!(
                "raft keeps entries until they are applied: {index} of {floor}..={last}, committed {}",
                self.commit
            );
        };
        let at = AppliedThrough { position: Position { index, term: entry.term }, stamp: entry.stamp };
        let outcome = match self.apply_entry(&entry, at, world, output) {
            Ok(outcome) => outcome,
            Err(damage) => {
                self.found_damage(&damage);
                return Err(damage);
            }
        };
        self.state.digest = digest(self.state.digest, &entry, outcome.as_ref());
        let (shard, term, stamp, digest) = (self.shard, entry.term, entry.stamp, self.state.digest);
        world.trace(TraceEvent::Applied { shard, index, term, stamp, digest });
        Ok(())
    }

    fn apply_entry<W: World>(
        &mut self,
        entry: &Entry,
        at: AppliedThrough,
        world: &mut W,
        output: &mut Output,
    ) -> Result<Option<WriteOutcome>, Damage> {
        let command = if entry.payload.is_empty() {
            Command::Empty
        } else {
            postcard::from_bytes(&entry.payload).expect("entries are written by encode and guarded by checksums")
        };
        match command {
            Command::Empty => self.store.advance(at),
            Command::Purge(purge) => {
                self.store.apply_purge(at, &purge);
                self.housekeeping.purged = true;
            }
            Command::Retire(retire) => {
                crate::sometimes!(world, "storage retired");
                self.apply_retire(at, &retire);
            }
            Command::Write(mut write) => {
                let outcome = match self.known(&write.header, at, world) {
                    Some(outcome) => {
                        match outcome {
                            WriteOutcome::Expired => crate::sometimes!(world, "request came too late to be applied"),
                            _ => crate::sometimes!(world, "retried request answered from memory"),
                        }
                        self.store.advance(at);
                        outcome
                    }
                    None => {
                        let outcome = match self.redirect_write(&mut write) {
                            Ok(()) => self.store.apply_write(at, &write, world.rows(), &*world)?,
                            Err(schema) => {
                                self.store.advance(at);
                                WriteOutcome::Gone(schema)
                            }
                        };
                        self.remember(&write.header, &outcome, at, world);
                        outcome
                    }
                };
                output
                    .events
                    .push((self.shard, ReplicaEvent::Applied { header: write.header, outcome: outcome.clone() }));
                return Ok(Some(outcome));
            }
            Command::Batch(batch) => return self.apply_batch(batch, at, world, output).map(Some),
            Command::BatchDone { batch } => {
                self.store.advance(at);
                if let Some(pending) = self.state.batches.remove(&batch) {
                    let event = ReplicaEvent::BatchDone { batch, request: pending.request };
                    output.events.push((self.shard, event));
                }
            }
            Command::Schema(command) => {
                self.store.advance(at);
                let outcome = match self.known(&command.header, at, world) {
                    Some(outcome) => outcome,
                    None => {
                        let outcome = self.define(&command, at, world, output);
                        self.remember(&command.header, &outcome, at, world);
                        outcome
                    }
                };
                output
                    .events
                    .push((self.shard, ReplicaEvent::Applied { header: command.header, outcome: outcome.clone() }));
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    /// The outcome of a request that must not be applied (again).
    pub(super) fn known<W: World>(
        &self,
        header: &RequestHeader,
        at: AppliedThrough,
        world: &W,
    ) -> Option<WriteOutcome> {
        if at.stamp > header.expires {
            return Some(WriteOutcome::Expired);
        }
        if world.planted(PlantedBug::DeduplicationForgotten) {
            return None;
        }
        match self.state.deduplication.verdict(header) {
            Verdict::New => None,
            Verdict::Repeated(outcome) => Some(outcome),
            Verdict::Answered => Some(WriteOutcome::Expired),
        }
    }

    pub(super) fn remember<W: World>(
        &mut self,
        header: &RequestHeader,
        outcome: &WriteOutcome,
        at: AppliedThrough,
        world: &mut W,
    ) {
        self.state.deduplication.record(header, outcome.clone(), at.stamp);
        world.trace(TraceEvent::RequestApplied { shard: self.shard, request: header.id, index: at.position.index });
    }

    fn define<W: World>(
        &mut self,
        command: &SchemaCommand,
        at: AppliedThrough,
        world: &mut W,
        output: &mut Output,
    ) -> WriteOutcome {
        debug_assert_eq!(self.shard, ShardId::CATALOGUE);
        let Ok(definition) = Definition::decode(&command.definition) else {
            return WriteOutcome::Invalid("this definition is of an unknown version".into());
        };
        let schema = self.state.schema.get_or_insert_with(Schema::default);
        let context = DefinitionContext { version: SchemaVersion(at.position.index.0), stamp: at.stamp };
        match schema.apply(&definition, &context, &*world) {
            Ok(_) => {
                output.events.push((self.shard, ReplicaEvent::Schema));
                WriteOutcome::Applied
            }
            Err(error) => WriteOutcome::Refused(Bytes::from(error.encode())),
        }
    }
}

/// Extends the rolling hash by an entry and what became of it.
fn digest(before: u64, entry: &Entry, outcome: Option<&WriteOutcome>) -> u64 {
    let seed = before ^ entry.index.0.rotate_left(32) ^ entry.stamp.0.cast_unsigned();
    let after = xxh3_64_with_seed(&entry.payload, seed);
    match outcome {
        None | Some(WriteOutcome::Applied) => after,
        Some(other) => xxh3_64_with_seed(&postcard::to_stdvec(other).expect("plain data in memory encodes"), after),
    }
}
