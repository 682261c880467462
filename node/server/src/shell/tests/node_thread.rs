//! Nodes on real threads, sockets and stores: durability before answers, crashes that others survive, a good end.

use super::echo::{Echo, SHARD};
use crate::shell::{ConnectionLimits, Control, Event, NodeSpec, NodeState, NodeThread, Switchboard};
use crate::store::{Identity, LoadedLog, NodeStores, StoreOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;
use tokio::sync::oneshot;
use trefoil_core::config::{Config, Layout, NodeInfo, Tuning};
use trefoil_core::ids::{NodeId, ZoneId};
use trefoil_cql::protocol::request::{Query, QueryParameters, Startup};
use trefoil_cql::protocol::{Compression, Framer, ProtocolVersion, Request, Response, ResponseEnvelope, Role};

const NODE: NodeId = NodeId(1);
const STORES: StoreOptions = StoreOptions { log_map_bytes: 64 << 20, rows_map_bytes: 64 << 20, durable: false };

/// A running node, and how it will end.
struct Running {
    node: NodeThread,
    address: SocketAddr,
    ended: Receiver<NodeState>,
}

fn layout(address: SocketAddr) -> Layout {
    let info = NodeInfo { id: NODE, zone: ZoneId(0), host_id: [1; 16], cql_address: address, peer_address: address };
    Layout {
        cluster_id: [1; 16],
        cluster_name: "test".into(),
        data_center: "local".into(),
        zones: vec!["a".into()],
        nodes: vec![info],
        shards: 1,
    }
}

fn start(folder: &Path) -> Running {
    let cql = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = cql.local_addr().expect("a bound socket has an address");
    let layout = layout(address);
    let spec = NodeSpec {
        switchboard: Arc::new(Switchboard::new(&layout)),
        config: Config { node: NODE, layout, tuning: Tuning::default() },
        folder: folder.into(),
        stores: STORES,
        founding: true,
        limits: ConnectionLimits::default(),
        cql,
        peers: None,
        remote: Vec::new(),
    };
    let (sender, ended) = channel();
    let node = NodeThread::start::<Echo>(spec, move |state| sender.send(state).expect("the test listens"));
    Running { node: node.expect("the node starts"), address, ended }
}

fn loaded(folder: &Path) -> LoadedLog {
    let identity = Identity { cluster: [1; 16], node: NODE };
    NodeStores::open(folder, &identity, &STORES).expect("the stores are free again").loaded
}

struct Client {
    stream: TcpStream,
    framer: Framer,
}

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the node listens");
        let mut client = Client { stream, framer: Framer::new(Role::Client) };
        client.send(&Request::Startup(Startup::new(Compression::None)), 0);
        assert_eq!(client.receive().expect("an answer").response, Response::Ready);
        client
    }

    fn send(&mut self, request: &Request, stream: i16) {
        let mut out = Vec::new();
        self.framer.encode(&request.encode(ProtocolVersion::V4, stream), &mut out);
        self.stream.write_all(&out).expect("the node takes requests");
    }

    fn query(&mut self, text: &str, stream: i16) {
        self.send(&Request::Query(Query { text: text.into(), parameters: QueryParameters::default() }), stream);
    }

    fn receive(&mut self) -> Option<ResponseEnvelope> {
        loop {
            if let Some(envelope) = self.framer.next_envelope().expect("the node speaks the protocol") {
                return Some(ResponseEnvelope::decode(&envelope).expect("the node speaks the protocol"));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(count) if count > 0 => self.framer.feed(&bytes[..count]),
                _ => return None,
            }
        }
    }
}

#[test]
fn what_was_answered_survives_a_kill() {
    let folder = TempDir::new().expect("a folder");
    for round in 1..=3 {
        let running = start(folder.path());
        let mut client = Client::connect(running.address);
        (0..50).for_each(|stream| client.query("write", stream));
        // Answers to half of them; the rest is under way when the node is killed.
        (0..25).for_each(|stream| assert_eq!(client.receive().expect("an answer").stream, stream));
        running.node.kill();
        while client.receive().is_some() {}
        assert_eq!(running.ended.recv(), Ok(NodeState::Stopped));
        let entries = loaded(folder.path()).shards[&SHARD].entries.len();
        assert!(entries >= 25 * round, "{entries} entries after {round} rounds");
    }
}

#[test]
fn a_good_end_answers_and_keeps_everything() {
    let folder = TempDir::new().expect("a folder");
    let mut running = start(folder.path());
    let mut client = Client::connect(running.address);
    (0..500).for_each(|stream| client.query("write", stream));
    client.query("anything", 500);
    // The last request is answered at once, so all of them have arrived.
    let mut answers = 0;
    while client.receive().expect("an answer").stream != 500 {
        answers += 1;
    }
    running.node.shut_down();
    while client.receive().is_some() {
        answers += 1;
    }
    assert_eq!(answers, 500);
    running.node.join();
    assert_eq!(running.ended.recv(), Ok(NodeState::Stopped));
    assert_eq!(loaded(folder.path()).shards[&SHARD].entries.len(), 500);
    assert!(TcpStream::connect(running.address).is_err(), "the socket must be closed");
}

#[test]
fn a_panicking_node_is_a_crashed_node_that_others_survive() {
    let (one, two) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let (broken, sound) = (start(one.path()), start(two.path()));
    let mut client = Client::connect(broken.address);
    client.query("panic", 1);
    assert_eq!(client.receive(), None, "its sockets close");
    assert_eq!(broken.ended.recv(), Ok(NodeState::Crashed("as you wish".into())));
    assert_eq!(broken.node.state(), NodeState::Crashed("as you wish".into()));
    let mut other = Client::connect(sound.address);
    other.query("write", 1);
    assert!(other.receive().is_some());
    // It starts again on the same stores.
    drop(broken);
    let again = start(one.path());
    let mut client = Client::connect(again.address);
    client.query("write", 1);
    assert!(client.receive().is_some());
}

#[test]
fn a_node_tells_how_it_is() {
    let folder = TempDir::new().expect("a folder");
    let running = start(folder.path());
    let mut client = Client::connect(running.address);
    client.query("write", 1);
    client.receive().expect("an answer");
    let (question, answer) = oneshot::channel();
    running.node.inbox().put(Event::Control(Control::Report(question)));
    let report = answer.blocking_recv().expect("the node answers");
    assert_eq!((report.connections_open, report.connections_accepted), (1, 1));
    let counts: Vec<_> =
        report.requests.counts().map(|(kind, _, outcome, n)| (kind.label(), outcome.label(), n)).collect();
    assert_eq!(counts, [("query", "ok", 1), ("other", "ok", 1)]);
    assert_eq!((report.log.batches, report.log.failed), (1, 0));
    assert_eq!(report.status.schema_version, 1);
}
