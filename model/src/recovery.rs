//! Flush, recovery and exactly-once: the only replica of a shard, in every order in which requests arrive, once or again and late,
//! its log and its rows become durable, memtables are flushed, the log is cut, and power goes.
//!
//! Bounds: a few requests, each of which appends its own number to one list, so that whatever is lost or done twice shows in it;
//! each may arrive a few times, the copies having one header, as a coordinator sends them; a few flushes and power losses.
//! Requests arrive for the first time in their order; time stands still, so nothing expires.
//!
//! Properties: DURABLE-ACKNOWLEDGED, EXACTLY-ONCE, RESTART-SERVES-DURABLE (a replica whose disk was only cut short finds no
//! damage). That the log is cut, and that what was cut is served after a power loss, is checked too.

use crate::site::{Site, config};
use stateright::{Model, Property};
use std::collections::BTreeSet;
use trefoil_core::bugs::PlantedBug;
use trefoil_core::command::{
    CellChange, CellOperation, Change, Command, Mutation, PartitionKey, Partitions, ReadCommand, RequestHeader,
    RowChange, RowId, WriteCommand, WriteOutcome,
};
use trefoil_core::ids::{ColumnId, Incarnation, LogIndex, NodeId, RequestId, SchemaVersion, StorageId};
use trefoil_core::replicate::{Replica, ReplicaEvent};
use trefoil_core::time::{HybridTime, Monotonic};
use trefoil_cql::token::Token;

/// The world; its fields are the bounds.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Requests.
    pub requests: usize,
    /// How often each of them may arrive.
    pub sendings: u8,
    /// Flushes.
    pub flushes: u8,
    /// Power losses.
    pub crashes: u8,
    /// What is wrong on purpose.
    pub bug: Option<PlantedBug>,
}

/// A request as its coordinator knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Request {
    sent: u8,
    answered_below: u64,
    acknowledged: bool,
}

/// A state of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    site: Site,
    requests: Vec<Request>,
    flushes: u8,
    crashes: u8,
    /// What a reader would see, if anybody were served.
    list: Option<Vec<u8>>,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A request arrives.
    Arrive(usize),
    /// The log store writes its oldest batch.
    SyncLog,
    /// The row store writes its oldest batch.
    SyncRows,
    /// The memtable is flushed.
    Flush,
    /// Power is lost and comes back.
    Crash,
}

pub(crate) const TABLE: StorageId = StorageId(7);
const COLUMN: ColumnId = ColumnId(1);

fn partition() -> PartitionKey {
    PartitionKey { token: Token(5), key: bytes::Bytes::from_static(b"k") }
}

/// The only partition.
pub(crate) fn everything() -> Partitions {
    Partitions::Keys(vec![partition()])
}

/// Append the request's number to the list.
pub(crate) fn append(request: usize, answered_below: u64) -> Command {
    let operation = CellOperation::ListAppend(vec![vec![request as u8].into()]);
    let row = RowChange {
        row: RowId::Row(bytes::Bytes::new()),
        marker: true,
        ttl: 0,
        cells: vec![CellChange { column: COLUMN, operation }],
    };
    let mutation = Mutation {
        table: TABLE,
        partition: partition(),
        timestamp: None,
        now_seconds: None,
        changes: vec![Change::Row(row)],
    };
    let header = RequestHeader {
        id: RequestId { node: NodeId(9), incarnation: Incarnation(1), sequence: request as u64 },
        answered_below,
        expires: HybridTime(i64::MAX),
        schema: SchemaVersion(0),
    };
    Command::Write(WriteCommand { header, conditions: Vec::new(), mutations: vec![mutation] })
}

pub(crate) fn list(site: &Site) -> Vec<u8> {
    list_of(site, TABLE)
}

/// The list that the same partition has in some storage.
pub(crate) fn list_of(site: &Site, table: StorageId) -> Vec<u8> {
    let command = ReadCommand::of(table, everything(), 10);
    let read = site.replica.store().read(&command, 0, &site.around.stored, &site.around);
    let rows = read.expect("nothing damages the rows").rows;
    rows.iter().flat_map(|row| &row.cells).flat_map(|cell| cell.value.iter().copied()).collect()
}

impl State {
    /// Hear of what was applied, and look at the list.
    fn observe(&mut self) {
        for (_, event) in std::mem::take(&mut self.site.wanted.events) {
            if let ReplicaEvent::Applied { header, outcome: WriteOutcome::Applied } = event {
                self.requests[header.id.sequence as usize].acknowledged = true;
            }
        }
        self.list = self.site.replica.is_current(Monotonic(0)).then(|| list(&self.site));
    }

    /// Everything below this was answered to its client.
    fn answered_below(&self) -> u64 {
        self.requests.iter().take_while(|request| request.acknowledged).count() as u64
    }
}

impl Model for Recovery {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            site: Site::found(&config(1), self.bug),
            requests: vec![Request::default(); self.requests],
            flushes: self.flushes,
            crashes: self.crashes,
            list: None,
        };
        state.observe();
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.site.log.waiting.is_empty() {
            actions.push(Action::SyncLog);
        }
        if !state.site.around.waiting.is_empty() {
            actions.push(Action::SyncRows);
        }
        if state.site.replica.is_leader() {
            let first_new = state.requests.iter().take_while(|request| request.sent > 0).count();
            let may_arrive = |&at: &usize| at <= first_new && state.requests[at].sent < self.sendings;
            actions.extend((0..self.requests).filter(may_arrive).map(Action::Arrive));
        }
        if state.flushes > 0 && !state.site.replica.is_flushing() {
            actions.push(Action::Flush);
        }
        if state.crashes > 0 {
            actions.push(Action::Crash);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Arrive(at) => {
                if state.requests[at].sent == 0 {
                    state.requests[at].answered_below = state.answered_below();
                }
                state.requests[at].sent += 1;
                let payload = Replica::encode(&append(at, state.requests[at].answered_below));
                let Site { replica, around, .. } = &mut state.site;
                let stamp = HybridTime(replica.last_stamp().0 + 1);
                replica.propose(stamp, payload, around).ok()?;
                state.site.advance();
            }
            Action::SyncLog => state.site.sync_log(),
            Action::SyncRows => state.site.sync_rows(),
            Action::Flush => {
                state.flushes -= 1;
                let Site { replica, around, .. } = &mut state.site;
                if !replica.flush(around) {
                    return None;
                }
                state.site.advance();
            }
            Action::Crash => {
                state.crashes -= 1;
                state.site = state.site.restart(&config(1), true);
            }
        }
        state.observe();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("acknowledged stays", |_, state| {
                let Some(list) = &state.list else { return true };
                state.requests.iter().zip(0..).all(|(request, number)| !request.acknowledged || list.contains(&number))
            }),
            Property::<Self>::always("applied once", |_, state| {
                let Some(list) = &state.list else { return true };
                list.iter().collect::<BTreeSet<_>>().len() == list.len()
            }),
            Property::<Self>::always("no damage is found", |_, state| !state.site.around.damage),
            Property::<Self>::sometimes("the cut part of the log is served after a power loss", |model, state| {
                let all = state.list.as_ref().is_some_and(|list| list.len() == model.requests);
                let cut = state.site.log.saved.cut.0;
                all && state.crashes < model.crashes && cut > LogIndex(2) && state.site.log.saved.entries.len() < 3
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{caught, complete};

    /// Requests that arrive once; power may go twice, also while what the first loss left is written.
    fn flushes(bug: Option<PlantedBug>) -> Recovery {
        Recovery { requests: 3, sendings: 1, flushes: 2, crashes: 2, bug }
    }

    /// Two requests that may arrive again.
    fn retries(bug: Option<PlantedBug>) -> Recovery {
        Recovery { requests: 2, sendings: 2, flushes: 1, crashes: 2, bug }
    }

    #[test]
    fn what_was_acknowledged_survives_every_power_loss() {
        complete(flushes(None), 26_837);
    }

    #[test]
    fn a_request_that_arrives_again_is_applied_once() {
        complete(retries(None), 36_020);
    }

    #[test]
    fn a_memtable_lost_at_flush_is_caught() {
        caught(flushes(Some(PlantedBug::MemtableLostAtFlush)), "acknowledged stays");
    }

    #[test]
    fn a_log_cut_before_the_flush_is_caught() {
        caught(flushes(Some(PlantedBug::LogCutBeforeFlush)), "no damage is found");
    }

    #[test]
    fn an_acknowledgement_by_a_leader_that_counts_itself_early_is_caught() {
        caught(flushes(Some(PlantedBug::LeaderCountsUndurable)), "acknowledged stays");
    }

    #[test]
    fn forgotten_deduplication_is_caught() {
        caught(retries(Some(PlantedBug::DeduplicationForgotten)), "applied once");
    }

    #[test]
    fn deduplication_lost_at_a_restart_is_caught() {
        caught(retries(Some(PlantedBug::DeduplicationLostAtRestart)), "applied once");
    }
}
