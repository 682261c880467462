//! Lines between nodes, over pipes in memory: greetings that do not match, damage, loss of the line.

use super::frame::{FrameError, FrameWriter, next_frame};
use super::*;
use crate::shell::{Connections, Inbox, NodeClock, Switchboard};
use bytes::BytesMut;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use trefoil_core::config::{Layout, NodeInfo};
use trefoil_core::ids::{Incarnation, NodeId, SchemaVersion, ZoneId};
use trefoil_core::message::{Body, Message};
use trefoil_core::time::HybridTime;
use trefoil_core::world::Input;

const CLUSTER: [u8; 16] = [3; 16];
const CALLER: NodeId = NodeId(1);
const CALLED: NodeId = NodeId(2);

fn message(round: u64) -> Message {
    let body = Body::SchemaTaken { version: SchemaVersion(1), round };
    Message { stamp: HybridTime(5), incarnation: Incarnation(1), number: round, body }
}

fn greeting() -> Greeting {
    Greeting { cluster: CLUSTER, from: CALLER, to: CALLED }
}

fn switchboard() -> Switchboard {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let node = |id: NodeId, zone| NodeInfo {
        id,
        zone: ZoneId(zone),
        host_id: [0; 16],
        cql_address: address,
        peer_address: address,
    };
    Switchboard::new(&Layout {
        cluster_id: CLUSTER,
        cluster_name: String::new(),
        data_center: String::new(),
        zones: vec!["a".into(), "b".into()],
        nodes: vec![node(CALLER, 0), node(CALLED, 1)],
        shards: 1,
    })
}

/// The called side, and what it put before its node.
struct Called {
    connections: Rc<Connections>,
    inbox: Arc<Inbox>,
    switchboard: Switchboard,
}

impl Called {
    fn new() -> Called {
        let inbox = Arc::new(Inbox::default());
        let connections = Rc::new(Connections::new(inbox.clone(), NodeClock::start()));
        Called { connections, inbox, switchboard: switchboard() }
    }

    async fn answer(&self, stream: DuplexStream) -> PeerError {
        answer(stream, CALLED, CLUSTER, &self.connections, &self.switchboard).await
    }

    /// Messages heard, at least so many.
    async fn heard(&self, count: usize) -> Vec<u64> {
        let mut inputs = Vec::new();
        loop {
            self.connections.drain(&mut inputs);
            if inputs.len() >= count {
                break;
            }
            self.inbox.rung().await;
        }
        let round = |input: &Input| match input {
            Input::Message { from: CALLER, message: Message { body: Body::SchemaTaken { round, .. }, .. } } => *round,
            other => panic!("heard {other:?}"),
        };
        inputs.iter().map(round).collect()
    }
}

#[tokio::test]
async fn messages_arrive_in_order() {
    let (one, two) = duplex(64);
    let (links, called) = (Links::new([CALLED]), Called::new());
    links.send(CALLED, &mut vec![message(0)]);
    let (greeted, agreed) = tokio::sync::oneshot::channel();
    let speak = async {
        agreed.await.expect("both sides agree");
        for round in 1..=100 {
            links.send(CALLED, &mut vec![message(round)]);
        }
        called.heard(100).await
    };
    tokio::select! {
        error = call(one, &links, greeting(), || greeted.send(()).expect("somebody waits")) => panic!("{error}"),
        error = called.answer(two) => panic!("{error}"),
        heard = speak => assert_eq!(heard, (1..=100).collect::<Vec<_>>()),
    }
    let stats = links.stats()[&CALLED];
    assert_eq!((stats.sent, stats.dropped, stats.calls), (100, 1, 1), "without a line messages are dropped");
}

#[tokio::test]
async fn an_isolated_zone_hears_nothing() {
    let (mut one, two) = duplex(4096);
    let called = Called::new();
    called.switchboard.set_isolated(ZoneId(0), true);
    greeting().send(&mut one).await.expect("there is room");
    let mut frame = Vec::new();
    FrameWriter::default().append(&[message(1)], &mut frame, usize::MAX);
    one.write_all(&frame).await.expect("there is room");
    one.shutdown().await.expect("it closes");
    assert!(matches!(called.answer(two).await, PeerError::Closed));
    let mut inputs = Vec::new();
    called.connections.drain(&mut inputs);
    assert!(inputs.is_empty(), "{inputs:?}");
}

/// What the caller is told when the called side says this.
async fn told(words: &[u8]) -> PeerError {
    let (one, mut two) = duplex(4096);
    two.write_all(words).await.expect("there is room");
    call(one, &Links::new([CALLED]), greeting(), || {}).await
}

#[tokio::test]
async fn greetings_that_do_not_match_are_refused_with_a_reason() {
    let answer = Greeting { cluster: CLUSTER, from: CALLED, to: CALLER };
    let newer = PROTOCOL_VERSION + 1;
    let text = told(&answer.encode(newer)).await.to_string();
    let versions = [format!("speaks version {newer}"), format!("speaks {PROTOCOL_VERSION}")];
    assert!(versions.iter().all(|version| text.contains(version)), "{text}");
    let other_cluster = Greeting { cluster: [9; 16], ..answer }.encode(PROTOCOL_VERSION);
    assert!(matches!(told(&other_cluster).await, PeerError::Greeting(GreetingError::Cluster { .. })));
    let other_node = Greeting { from: NodeId(7), ..answer }.encode(PROTOCOL_VERSION);
    assert!(matches!(told(&other_node).await, PeerError::Greeting(GreetingError::Node { .. })));
    assert!(matches!(told(b"HTTP/1.1 400 Bad Request\r\n").await, PeerError::Greeting(GreetingError::NotTrefoil)));
    let mut damaged = answer.encode(PROTOCOL_VERSION);
    damaged[30] ^= 1;
    assert!(matches!(told(&damaged).await, PeerError::Greeting(GreetingError::Damaged)));
}

#[tokio::test]
async fn a_caller_of_another_cluster_is_told_so() {
    let (mut one, two) = duplex(4096);
    let called = Called::new();
    let wrong = Greeting { cluster: [9; 16], from: CALLER, to: CALLED };
    wrong.send(&mut one).await.expect("there is room");
    let error = called.answer(two).await;
    assert!(matches!(error, PeerError::Greeting(GreetingError::Cluster { .. })), "{error}");
    let told = Greeting::receive(&mut one, CLUSTER).await.expect("it answers all the same");
    assert_eq!(told.from, CALLED);
}

#[tokio::test]
async fn damage_ends_the_line_before_it_reaches_the_node() {
    for place in [0, 4, 9, 12] {
        let (mut one, two) = duplex(4096);
        let called = Called::new();
        greeting().send(&mut one).await.expect("there is room");
        let mut frame = Vec::new();
        FrameWriter::default().append(&[message(1)], &mut frame, usize::MAX);
        frame[place] ^= 0x80;
        one.write_all(&frame).await.expect("there is room");
        one.shutdown().await.expect("it closes");
        let error = called.answer(two).await;
        // A longer length is an end in the middle of a frame.
        assert!(matches!(error, PeerError::Frame(FrameError::Checksum) | PeerError::Closed), "{place}: {error}");
        let mut inputs = Vec::new();
        called.connections.drain(&mut inputs);
        assert!(inputs.is_empty(), "{place}: {inputs:?}");
    }
}

#[test]
fn frames_are_bounded() {
    let mut endless = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
    endless.extend_from_slice(&[0; 4]);
    assert!(matches!(next_frame(&mut endless, &mut Vec::new()), Err(FrameError::TooLong(_))));
    let (mut writer, mut out) = (FrameWriter::default(), Vec::new());
    let many: Vec<Message> = (0..1_000).map(message).collect();
    let dropped = writer.append(&many, &mut out, 1_000);
    assert!(dropped > 0 && out.len() < 1_100, "{dropped} dropped, {} bytes wait", out.len());
    let (mut buffer, mut messages) = (BytesMut::from(&out[..]), Vec::new());
    while next_frame(&mut buffer, &mut messages).expect("it is sound") {}
    assert_eq!(messages.len(), 1_000 - dropped);
    assert!(buffer.is_empty());
}
