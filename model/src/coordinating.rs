//! A node that coordinates: what it does with answers that are late, old, or say that nothing happened, and what it plans without a
//! lease on its schema. Stories told to a whole node by peers that are played here; the second node leads every shard.

#![cfg(test)]

use crate::site::{Surroundings, config};
use trefoil_core::command::{ReadResult, RequestHeader, WriteOutcome};
use trefoil_core::config::{Config, Layout};
use trefoil_core::ids::{ConnId, Incarnation, LogIndex, NodeId, RequestId, SchemaVersion, ShardId, StorageId, Term};
use trefoil_core::message::{AliveEcho, Body, Message, Refusal};
use trefoil_core::node::{Node, Saved};
use trefoil_core::raft::{Append, Position, RaftMessage, Round};
use trefoil_core::schema::{
    ColumnDefinition, CreateKeyspace, CreateTable, Definition, DefinitionContext, Replication, Schema, TableOptions,
    Truncate,
};
use trefoil_core::time::{HybridTime, Monotonic, WallClock};
use trefoil_core::world::Input;
use trefoil_cql::protocol::request::{Query, QueryParameters, Startup};
use trefoil_cql::protocol::{Compression, Consistency, CqlError, ProtocolVersion, Request, Response, ResponseEnvelope};
use trefoil_cql::types::CqlType;

const LEADER: NodeId = NodeId(2);
const CLIENT: ConnId = ConnId(1);
const INSERT: &str = "INSERT INTO ks.t (k) VALUES (1)";
/// When this world begins, in microseconds.
const EPOCH: i64 = 1_700_000_000_000_000;

struct Coordinator {
    node: Node,
    around: Surroundings,
    shards: u32,
    said: u64,
    /// The round of the last question for the schema lease.
    round: u64,
}

fn table() -> Definition {
    Definition::CreateTable(Box::new(CreateTable {
        keyspace: "ks".into(),
        name: "t".into(),
        if_not_exists: false,
        id: [9; 16],
        columns: vec![ColumnDefinition { name: "k".into(), column_type: CqlType::Int, is_static: false }],
        partition_key: vec!["k".into()],
        clustering: Vec::new(),
        options: TableOptions::default(),
    }))
}

/// What these definitions come to.
fn schema_of(definitions: &[Definition]) -> Schema {
    let mut schema = Schema::default();
    for (version, definition) in (1..).zip(definitions) {
        let context = DefinitionContext { version: SchemaVersion(version), stamp: HybridTime(EPOCH) };
        schema.apply(definition, &context, &Surroundings::default()).expect("a sound definition");
    }
    schema
}

fn keyspace() -> Definition {
    Definition::CreateKeyspace(CreateKeyspace {
        keyspace: "ks".into(),
        if_not_exists: false,
        replication: Replication::Simple { factor: 3 },
        durable_writes: true,
    })
}

fn schema() -> Schema {
    schema_of(&[keyspace(), table()])
}

impl Coordinator {
    /// A node with a lease on a schema with one table, and a client.
    fn new(shards: u32) -> Coordinator {
        let config = config(3);
        let config = Config { layout: Layout { shards, ..config.layout }, ..config };
        let mut around = Surroundings::default();
        around.clock.wall = WallClock(EPOCH);
        let saved = Saved { founding: true, incarnation: Incarnation(7), ..Saved::default() };
        let node = Node::start(config, saved, &mut around);
        let mut coordinator = Coordinator { node, around, shards, said: 0, round: 0 };
        coordinator.node.settle(&mut coordinator.around);
        coordinator.leader_calls();
        coordinator.step(Input::Connected { conn: CLIENT, remote: ([127, 0, 0, 1], 9).into() });
        coordinator.request(&Request::Startup(Startup::new(Compression::None)));
        assert!(matches!(coordinator.replies()[..], [Response::Ready]));
        coordinator.wait(200);
        coordinator.offer(&schema(), coordinator.round);
        coordinator
    }

    /// The leader says that it is alive, and leads.
    fn leader_calls(&mut self) {
        let wall = self.around.clock.wall.0;
        let echo = Some(AliveEcho { wall, held_micros: 0 });
        let leads: Vec<ShardId> = (0..=self.shards).map(ShardId).collect();
        let heartbeat = RaftMessage::Append(Append {
            term: Term(1),
            round: Round { number: self.said, opened: Monotonic(0) },
            previous: Position::default(),
            entries: Vec::new(),
            commit: LogIndex(0),
            held_by_all: LogIndex(0),
            quiesce: false,
        });
        self.say(Body::Raft(leads.iter().map(|&shard| (shard, heartbeat.clone())).collect()));
        self.say(Body::Alive { leads, wall, echo });
    }

    fn step(&mut self, input: Input) {
        self.node.step(input, &mut self.around);
        self.node.settle(&mut self.around);
        for (to, message) in &self.around.sent {
            if let Body::SchemaTaken { round, .. } = message.body
                && *to == LEADER
            {
                self.round = self.round.max(round);
            }
        }
    }

    fn say(&mut self, body: Body) {
        self.said += 1;
        let stamp = HybridTime(self.around.clock.wall.0);
        let message = Message { stamp, incarnation: Incarnation(3), number: self.said, body };
        self.step(Input::Message { from: LEADER, message });
    }

    /// Milliseconds pass; the leader calls.
    fn wait(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds.div_ceil(50) {
            self.pass(50);
            self.leader_calls();
            self.step(Input::Wake);
        }
    }

    /// Milliseconds pass, and nobody has noticed yet.
    fn pass(&mut self, milliseconds: u64) {
        let clock = &mut self.around.clock;
        clock.monotonic = Monotonic(clock.monotonic.0 + milliseconds * 1_000_000);
        clock.wall = WallClock(clock.wall.0 + milliseconds as i64 * 1_000);
    }

    fn request(&mut self, request: &Request) {
        self.step(Input::Request { conn: CLIENT, envelope: request.encode(ProtocolVersion::V4, 1) });
    }

    fn ask(&mut self, text: &str) {
        let parameters = QueryParameters::with_consistency(Consistency::Quorum);
        self.request(&Request::Query(Query { text: text.into(), parameters }));
    }

    fn offer(&mut self, schema: &Schema, round: u64) {
        let encoded = Some(schema.encode().into());
        self.say(Body::SchemaOffer { version: schema.version, schema: encoded, round });
    }

    fn replies(&mut self) -> Vec<Response> {
        let replies = std::mem::take(&mut self.around.replies).into_iter();
        replies.map(|envelope| ResponseEnvelope::decode(&envelope).expect("a sound answer").response).collect()
    }

    fn errors(&mut self) -> Vec<CqlError> {
        let errors = self.replies().into_iter().filter_map(|response| match response {
            Response::Error(error) => Some(error),
            _ => None,
        });
        errors.collect()
    }

    /// What was proposed to the leader since the last look: header, shard, storages.
    fn proposed(&mut self) -> Vec<(RequestHeader, ShardId, Vec<StorageId>)> {
        let sent = std::mem::take(&mut self.around.sent).into_iter();
        let proposed = sent.filter_map(|(_, message)| match message.body {
            Body::Propose { shard, header, storages, .. } => Some((header, shard, storages)),
            _ => None,
        });
        proposed.collect()
    }

    /// The reads that the leader was asked for since the last look.
    fn reads(&mut self) -> Vec<(RequestId, ShardId)> {
        let sent = std::mem::take(&mut self.around.sent).into_iter();
        let reads = sent.filter_map(|(_, message)| match message.body {
            Body::Read { request, shard, .. } => Some((request, shard)),
            _ => None,
        });
        reads.collect()
    }
}

fn other_life(request: RequestId) -> RequestId {
    RequestId { incarnation: Incarnation(request.incarnation.0 - 1), ..request }
}

/// Nobody knows yet whether an earlier sending was applied: the client waits until its deadline, and is told that it is in doubt.
#[test]
fn what_came_too_late_is_not_acknowledged() {
    for text in [INSERT, "CREATE TABLE ks.u (k int PRIMARY KEY)"] {
        let mut coordinator = Coordinator::new(1);
        coordinator.ask(text);
        let (header, shard, _) = coordinator.proposed().pop().expect("it asks the leader");
        coordinator.say(Body::Proposed { request: header.id, shard, outcome: Ok(WriteOutcome::Expired) });
        assert_eq!(coordinator.replies(), [], "{text}");
        coordinator.wait(11_000);
        let errors = coordinator.errors();
        assert!(matches!(errors[..], [CqlError::WriteTimeout { .. }]), "{text}: {errors:?}");
    }
}

#[test]
fn answers_to_an_earlier_life_are_not_taken() {
    let mut coordinator = Coordinator::new(1);
    coordinator.ask(INSERT);
    let (header, shard, _) = coordinator.proposed().pop().expect("it asks the leader");
    let applied = || Ok(WriteOutcome::Applied);
    coordinator.say(Body::Proposed { request: other_life(header.id), shard, outcome: applied() });
    assert_eq!(coordinator.replies(), []);
    coordinator.say(Body::Proposed { request: header.id, shard, outcome: applied() });
    assert_eq!(coordinator.replies().len(), 1);

    coordinator.ask("SELECT k FROM ks.t WHERE k = 1");
    let (request, _) = coordinator.reads().pop().expect("it asks the leader");
    coordinator.say(Body::ReadDone { request: other_life(request), result: Ok(ReadResult::default()) });
    assert_eq!(coordinator.replies(), []);
    coordinator.say(Body::ReadDone { request, result: Ok(ReadResult::default()) });
    assert_eq!(coordinator.replies().len(), 1);
}

#[test]
fn the_answer_for_one_part_of_a_read_is_not_taken_for_another() {
    let mut coordinator = Coordinator::new(2);
    coordinator.ask("SELECT k FROM ks.t");
    let first = coordinator.reads().pop().expect("the first shard is asked for");
    let answer = |request| Body::ReadDone { request, result: Ok(ReadResult::default()) };
    coordinator.say(answer(first.0));
    let second = coordinator.reads().pop().expect("the second shard is asked for");
    assert_ne!(first.1, second.1);
    // The first was asked twice, and so it is answered twice.
    coordinator.say(answer(first.0));
    assert_eq!(coordinator.replies(), []);
    coordinator.say(answer(second.0));
    assert_eq!(coordinator.replies().len(), 1);
}

#[test]
fn a_refusal_is_passed_on_only_if_nothing_can_have_happened() {
    for refusal in [Refusal::Overloaded, Refusal::DiskFull] {
        for sendings in [1, 2] {
            let mut coordinator = Coordinator::new(1);
            coordinator.ask(INSERT);
            let mut proposed = coordinator.proposed();
            if sendings > 1 {
                coordinator.wait(1_000);
                proposed.extend(coordinator.proposed());
                assert!(proposed.len() > 1, "it is sent again");
            }
            let (header, shard, _) = proposed.remove(0);
            coordinator.say(Body::Proposed { request: header.id, shard, outcome: Err(refusal.clone()) });
            let told = coordinator.errors();
            if sendings == 1 {
                assert!(matches!(told[..], [CqlError::Overloaded(_)]), "{told:?}");
            } else {
                assert_eq!(told, [], "the first sending may have been applied");
                coordinator.say(Body::Proposed { request: header.id, shard, outcome: Ok(WriteOutcome::Applied) });
                assert_eq!(coordinator.replies().len(), 1);
            }
        }
    }
}

#[test]
fn a_definition_that_may_have_been_made_is_not_refused() {
    let mut coordinator = Coordinator::new(1);
    coordinator.ask("CREATE TABLE ks.u (k int PRIMARY KEY)");
    coordinator.wait(1_000);
    let proposed = coordinator.proposed();
    assert!(proposed.len() > 1, "it is sent again");
    let (header, shard, _) = proposed[0];
    coordinator.say(Body::Proposed { request: header.id, shard, outcome: Err(Refusal::Overloaded) });
    assert_eq!(coordinator.errors(), []);
}

/// The leader was asked, and then all the others fell silent: UNAVAILABLE would say that nothing has happened.
#[test]
fn a_write_in_doubt_times_out_however_few_are_alive() {
    let mut coordinator = Coordinator::new(1);
    coordinator.ask(INSERT);
    for _ in 0..60 {
        coordinator.pass(100);
        coordinator.step(Input::Wake);
    }
    let errors = coordinator.errors();
    assert!(matches!(errors[..], [CqlError::WriteTimeout { .. }]), "{errors:?}");
}

/// Its lease on the schema has lapsed, since nobody answers.
fn lapsed() -> Coordinator {
    let mut coordinator = Coordinator::new(1);
    coordinator.wait(4_100);
    coordinator.proposed();
    coordinator
}

#[test]
fn nothing_is_planned_without_a_lease_and_old_answers_give_none() {
    let mut coordinator = lapsed();
    let old = coordinator.round;
    coordinator.wait(500);
    assert!(coordinator.round > old);
    coordinator.ask(INSERT);
    coordinator.offer(&schema(), old);
    coordinator.wait(100);
    assert_eq!(coordinator.proposed(), [], "an answer to a question from long ago");
    let newer = SchemaVersion(schema().version.0 + 1);
    coordinator.say(Body::SchemaOffer { version: newer, schema: None, round: coordinator.round });
    assert_eq!(coordinator.proposed(), [], "a lease on a schema that it does not serve");
    coordinator.offer(&schema(), coordinator.round);
    assert_eq!(coordinator.proposed().len(), 1);
}

#[test]
fn what_waited_for_a_lease_is_planned_by_the_newest_schema() {
    let truncated =
        schema_of(&[keyspace(), table(), Definition::Truncate(Truncate { keyspace: "ks".into(), name: "t".into() })]);
    let storage = |schema: &Schema| schema.tables().map(|table| table.storage).collect::<Vec<_>>();
    assert_ne!(storage(&schema()), storage(&truncated));
    let mut coordinator = lapsed();
    coordinator.ask(INSERT);
    coordinator.offer(&truncated, coordinator.round);
    let (_, _, storages) = coordinator.proposed().pop().expect("it has a lease now");
    assert_eq!(storages, storage(&truncated));
    // What comes late does not take it back.
    coordinator.offer(&schema(), 0);
    coordinator.ask(INSERT);
    let (_, _, storages) = coordinator.proposed().pop().expect("it has a lease");
    assert_eq!(storages, storage(&truncated));
}

#[test]
fn a_table_is_not_denied_by_an_old_schema() {
    let mut coordinator = Coordinator::new(1);
    coordinator.ask("INSERT INTO ks.u (k) VALUES (1)");
    assert!(matches!(coordinator.errors()[..], [CqlError::Invalid(_)]), "under a lease it may say so");
    let mut coordinator = lapsed();
    coordinator.ask("INSERT INTO ks.u (k) VALUES (1)");
    assert_eq!(coordinator.replies(), []);
    let Definition::CreateTable(mut other) = table() else { unreachable!("it is one") };
    (other.name, other.id) = ("u".into(), [8; 16]);
    let with_both = schema_of(&[keyspace(), table(), Definition::CreateTable(other)]);
    coordinator.offer(&with_both, coordinator.round);
    assert_eq!(coordinator.proposed().len(), 1);
    assert_eq!(coordinator.replies(), []);
}
