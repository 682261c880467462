//! How much the shell can carry with nothing in it: a node that answers every request at once, or after a durable log batch.
//!
//! Pin the two halves to different cores:
//! `taskset -c 0 shell_ceiling serve 9999` and `taskset -c 1 shell_ceiling load 9999 write 64 10`

use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trefoil::shell::{ConnectionLimits, Machine, NodeSpec, NodeThread, Switchboard};
use trefoil::store::StoreOptions;
use trefoil_core::config::{Config, Layout, NodeInfo, Tuning};
use trefoil_core::ids::{ConnId, Incarnation, LogIndex, NodeId, ShardId, Term, Ticket, ZoneId};
use trefoil_core::node::{NodeStatus, Saved};
use trefoil_core::raft::{Entry, LogOp};
use trefoil_core::time::HybridTime;
use trefoil_core::world::{Batch, Input, World};

/// Requests whose body starts with this byte are written to the log first.
const WRITE: u8 = b'w';
const SHARDS: u32 = 12;

/// A node without a database.
struct Hollow {
    last: BTreeMap<u32, u64>,
    pending: BTreeMap<u32, Vec<Entry>>,
    asking: Vec<(ConnId, i16)>,
    waiting: BTreeMap<Ticket, Vec<(ConnId, i16)>>,
    answer: Vec<u8>,
    status: NodeStatus,
}

impl Hollow {
    fn reply<W: World>(&self, conn: ConnId, stream: i16, world: &mut W) {
        let mut envelope = self.answer.clone();
        envelope[2..4].copy_from_slice(&stream.to_be_bytes());
        world.reply(conn, Bytes::from(envelope));
    }
}

impl Machine for Hollow {
    fn start<W: World>(config: Config, saved: Saved, _world: &mut W) -> Hollow {
        let mut answer = vec![0x84, 0, 0, 0, 8];
        answer.extend_from_slice(&150_u32.to_be_bytes());
        answer.resize(9 + 150, 7);
        let last = saved.logs.iter().map(|(shard, log)| (shard.0, log.cut.0.0 + log.entries.len() as u64)).collect();
        let status = NodeStatus {
            node: config.node,
            incarnation: Incarnation(1),
            ready: true,
            schema_version: 0,
            alive: Vec::new(),
            replicas: Vec::new(),
            connections: 0,
            in_flight: 0,
            clock_offset_micros: None,
            clock_wrong: false,
            disk_full: false,
            disk_broken: false,
            counters: Default::default(),
        };
        let (pending, waiting) = (BTreeMap::new(), BTreeMap::new());
        Hollow { last, pending, asking: Vec::new(), waiting, answer, status }
    }

    fn step<W: World>(&mut self, input: Input, world: &mut W) {
        match input {
            Input::Request { conn, envelope } => {
                let stream = i16::from_be_bytes([envelope[2], envelope[3]]);
                if envelope[9] != WRITE {
                    return self.reply(conn, stream, world);
                }
                let shard = u32::from(envelope[10]) % SHARDS + 1;
                let last = self.last.entry(shard).or_default();
                *last += 1;
                let stamp = HybridTime(world.clock().wall.0);
                let entry = Entry { index: LogIndex(*last), term: Term(1), stamp, payload: envelope };
                self.pending.entry(shard).or_default().push(entry);
                self.asking.push((conn, stream));
            }
            Input::Durable { ticket } => {
                for (conn, stream) in self.waiting.remove(&ticket).unwrap_or_default() {
                    self.reply(conn, stream, world);
                }
            }
            Input::PersistFailed { failure, .. } => panic!("{failure:?}"),
            _ => {}
        }
    }

    fn settle<W: World>(&mut self, world: &mut W) {
        if self.pending.is_empty() {
            return;
        }
        let append = |(shard, entries): (u32, Vec<Entry>)| {
            let truncate_from = entries[0].index;
            LogOp::Append { shard: ShardId(shard), truncate_from, entries }
        };
        let mut ops: Vec<LogOp> = std::mem::take(&mut self.pending).into_iter().map(append).collect();
        for (shard, last) in &self.last {
            // As a node does after a flush.
            if last % 20_000 > 19_990 {
                ops.push(LogOp::CutThrough { shard: ShardId(*shard), index: LogIndex(last - 15_000), term: Term(1) });
            }
        }
        let ticket = world.persist(Batch::Log(ops));
        self.waiting.insert(ticket, std::mem::take(&mut self.asking));
    }

    fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    fn status(&self) -> NodeStatus {
        self.status.clone()
    }
}

fn serve(port: u16, folder: &str) {
    let cql = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    let address = cql.local_addr().expect("a bound socket has an address");
    let id = NodeId(1);
    let info = NodeInfo { id, zone: ZoneId(0), host_id: [1; 16], cql_address: address, peer_address: address };
    let layout = Layout {
        cluster_id: [1; 16],
        cluster_name: "hollow".into(),
        data_center: "local".into(),
        zones: vec!["a".into()],
        nodes: vec![info],
        shards: SHARDS,
    };
    let spec = NodeSpec {
        switchboard: Arc::new(Switchboard::new(&layout)),
        config: Config { node: id, layout, tuning: Tuning::default() },
        folder: folder.into(),
        stores: StoreOptions::default(),
        founding: true,
        limits: ConnectionLimits::default(),
        cql,
        peers: None,
        remote: Vec::new(),
    };
    let mut node = NodeThread::start::<Hollow>(spec, |_| {}).expect("the node starts");
    node.join();
}

/// `in_flight` requests at a time over four connections.
fn load(port: u16, kind: u8, in_flight: usize, time: Duration) {
    const CONNECTIONS: usize = 4;
    let each = (in_flight / CONNECTIONS).max(1);
    let threads: Vec<_> = (0..CONNECTIONS.min(in_flight))
        .map(|connection| std::thread::spawn(move || one(port, kind, each, time, connection)))
        .collect();
    let mut latencies: Vec<u32> = threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{} requests/s, p50 {} us, p99 {} us",
        latencies.len() as u64 * 1_000 / time.as_millis() as u64,
        at(0.5),
        at(0.99)
    );
}

fn one(port: u16, kind: u8, in_flight: usize, time: Duration, connection: usize) -> Vec<u32> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server is there");
    stream.set_nodelay(true).expect("a socket option");
    let mut counter = connection;
    let mut request = |stream: usize, out: &mut Vec<u8>| {
        counter += 7;
        let body = [kind, counter as u8];
        out.extend_from_slice(&[4, 0]);
        out.extend_from_slice(&(stream as u16).to_be_bytes());
        out.push(10);
        out.extend_from_slice(&170_u32.to_be_bytes());
        out.extend_from_slice(&body);
        out.resize(out.len() + 168, 3);
    };
    let start = Instant::now();
    let mut begun = vec![start; in_flight];
    let mut out = Vec::new();
    (0..in_flight).for_each(|stream| request(stream, &mut out));
    stream.write_all(&out).expect("it takes requests");
    let mut latencies = Vec::with_capacity(1 << 20);
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    while start.elapsed() < time {
        filled += stream.read(&mut buffer[filled..]).expect("it answers");
        out.clear();
        let (now, mut at) = (Instant::now(), 0);
        while filled - at >= 159 {
            let answered = usize::from(u16::from_be_bytes([buffer[at + 2], buffer[at + 3]]));
            latencies.push((now - begun[answered]).as_micros() as u32);
            begun[answered] = now;
            request(answered, &mut out);
            at += 159;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        stream.write_all(&out).expect("it takes requests");
    }
    latencies
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &words[1..] {
        ["serve", port, folder] => serve(port.parse().expect("a port"), folder),
        ["load", port, kind, in_flight, seconds] => load(
            port.parse().expect("a port"),
            kind.as_bytes()[0],
            in_flight.parse().expect("a number"),
            Duration::from_secs(seconds.parse().expect("a number")),
        ),
        _ => eprintln!("shell_ceiling serve PORT FOLDER | load PORT read|write IN_FLIGHT SECONDS"),
    }
}
