//! A node without a database, for tests of the shell: it answers what a query's text tells it to.

use crate::shell::Machine;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use trefoil_core::config::Config;
use trefoil_core::ids::{ConnId, Incarnation, LogIndex, ShardId, Term, Ticket};
use trefoil_core::node::{NodeStatus, Saved};
use trefoil_core::raft::{Entry, LogOp};
use trefoil_core::time::HybridTime;
use trefoil_core::world::{Batch, Input, World};
use trefoil_cql::protocol::response::{CqlError, QueryResult};
use trefoil_cql::protocol::{Request, RequestEnvelope, Response};

/// What a query's text asks this node to do.
pub(super) enum Wish {
    /// "big N": answer with N bytes.
    Big(usize),
    /// "write": answer when an entry is durable.
    Write,
    /// "panic": break.
    Panic,
    /// "close": answer and close.
    Close,
    /// Anything else: answer.
    Answer,
}

impl Wish {
    pub(super) fn of(text: &str) -> Wish {
        match text.split_once(' ') {
            Some(("big", size)) => Wish::Big(size.parse().expect("a size")),
            _ if text == "write" => Wish::Write,
            _ if text == "panic" => Wish::Panic,
            _ if text == "close" => Wish::Close,
            _ => Wish::Answer,
        }
    }
}

/// The answer to any request that is not refused by the shell already.
pub(super) fn answer(envelope: &Bytes) -> (Bytes, Wish) {
    let request = RequestEnvelope::decode(envelope).expect("the shell hands over whole envelopes");
    let (response, wish) = match &request.request {
        Request::Startup(_) => (Response::Ready, Wish::Answer),
        Request::Query(query) => match Wish::of(&query.text) {
            // An error is the simplest answer of any size.
            Wish::Big(size) => (Response::Error(CqlError::server("x".repeat(size))), Wish::Big(size)),
            wish => (Response::Result(QueryResult::Void), wish),
        },
        _ => (Response::Result(QueryResult::Void), Wish::Answer),
    };
    (response.encode(request.version, request.stream), wish)
}

/// The node.
pub(super) struct Echo {
    config: Config,
    incarnation: Incarnation,
    last: u64,
    pending: Vec<Entry>,
    asking: Vec<(ConnId, Bytes)>,
    waiting: BTreeMap<Ticket, Vec<(ConnId, Bytes)>>,
}

pub(super) const SHARD: ShardId = ShardId(1);

impl Machine for Echo {
    fn start<W: World>(config: Config, saved: Saved, world: &mut W) -> Echo {
        world.wake(world.clock().monotonic.plus(Duration::from_millis(1)));
        let last = saved.logs.get(&SHARD).map_or(0, |log| log.entries.len() as u64);
        let (pending, asking, waiting) = (Vec::new(), Vec::new(), BTreeMap::new());
        Echo { config, incarnation: saved.incarnation, last, pending, asking, waiting }
    }

    fn step<W: World>(&mut self, input: Input, world: &mut W) {
        match input {
            Input::Request { conn, envelope } => {
                let (reply, wish) = answer(&envelope);
                match wish {
                    Wish::Panic => panic!("as you wish"),
                    Wish::Write => {
                        self.last += 1;
                        let (index, term) = (LogIndex(self.last), Term(1));
                        self.pending.push(Entry { index, term, stamp: HybridTime(1), payload: envelope });
                        self.asking.push((conn, reply));
                    }
                    Wish::Close => {
                        world.reply(conn, reply);
                        world.close(conn);
                    }
                    Wish::Big(_) | Wish::Answer => world.reply(conn, reply),
                }
            }
            Input::Durable { ticket } => {
                for (conn, reply) in self.waiting.remove(&ticket).unwrap_or_default() {
                    world.reply(conn, reply);
                }
            }
            _ => {}
        }
    }

    fn settle<W: World>(&mut self, world: &mut W) {
        if let Some(first) = self.pending.first() {
            let truncate_from = first.index;
            let entries = std::mem::take(&mut self.pending);
            let ticket = world.persist(Batch::Log(vec![LogOp::Append { shard: SHARD, truncate_from, entries }]));
            self.waiting.insert(ticket, std::mem::take(&mut self.asking));
        }
    }

    fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    fn status(&self) -> NodeStatus {
        NodeStatus {
            node: self.config.node,
            incarnation: self.incarnation,
            ready: true,
            schema_version: self.last,
            alive: Vec::new(),
            replicas: Vec::new(),
            connections: 0,
            in_flight: 0,
            clock_offset_micros: None,
            clock_wrong: false,
            disk_full: false,
            disk_broken: false,
            counters: Default::default(),
        }
    }
}
