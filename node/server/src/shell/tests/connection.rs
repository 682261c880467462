//! The real connection code over turmoil's network: partial frames, resets, slow readers, garbage.

use super::echo::{Wish, answer};
use crate::shell::connection::Ended;
use crate::shell::{ConnectionLimits, Connections, Inbox, NodeClock, serve};
use bytes::Bytes;
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;
use trefoil_core::world::Input;
use trefoil_cql::protocol::request::{Query, QueryParameters, Startup};
use trefoil_cql::protocol::{
    Compression, CqlError, Framer, ProtocolVersion, Request, Response, ResponseEnvelope, Role,
};
use turmoil::net::{TcpListener, TcpStream};

type Outcome = turmoil::Result;
const PORT: u16 = 9042;

/// What the server saw, told to the test after the simulation.
#[derive(Default)]
struct Seen {
    ended: Vec<Ended>,
    connected: usize,
    disconnected: usize,
    requests: usize,
    /// Requests that waited for the node at once, at most.
    waiting_max: usize,
}

/// A server that answers like `Echo`; its node sleeps this long between two drains.
async fn server(limits: ConnectionLimits, nap: Duration, seen: Arc<Mutex<Seen>>) -> Outcome {
    let inbox = Arc::new(Inbox::default());
    let connections = Rc::new(Connections::new(inbox.clone(), NodeClock::start()));
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    spawn_local(node(inbox, connections.clone(), nap, seen.clone()));
    loop {
        let (stream, remote) = listener.accept().await?;
        let (connections, seen) = (connections.clone(), seen.clone());
        spawn_local(async move {
            let ended = serve(stream, remote, connections, limits).await;
            seen.lock().expect("no test panicked").ended.push(ended);
        });
    }
}

async fn node(inbox: Arc<Inbox>, connections: Rc<Connections>, nap: Duration, seen: Arc<Mutex<Seen>>) {
    let mut inputs = Vec::new();
    loop {
        inbox.rung().await;
        tokio::time::sleep(nap).await;
        connections.drain(&mut inputs);
        let mut seen = seen.lock().expect("no test panicked");
        seen.waiting_max = seen.waiting_max.max(inputs.len());
        for input in inputs.drain(..) {
            match input {
                Input::Connected { .. } => seen.connected += 1,
                Input::Disconnected { .. } => seen.disconnected += 1,
                Input::Request { conn, envelope } => {
                    seen.requests += 1;
                    let (reply, wish) = answer(&envelope);
                    connections.reply(conn, reply);
                    if matches!(wish, Wish::Close) {
                        connections.close(conn);
                    }
                }
                _ => {}
            }
        }
        connections.flush();
    }
}

/// A client over the simulated network.
struct Client {
    stream: TcpStream,
    framer: Framer,
    version: ProtocolVersion,
}

impl Client {
    async fn connect(version: ProtocolVersion, compression: Compression) -> turmoil::Result<Client> {
        let stream = TcpStream::connect(("server", PORT)).await?;
        let mut client = Client { stream, framer: Framer::new(Role::Client), version };
        let startup = client.encode(Request::Startup(Startup::new(compression)), 0);
        client.stream.write_all(&startup).await?;
        assert_eq!(client.receive().await?.response, Response::Ready);
        Ok(client)
    }

    fn encode(&mut self, request: Request, stream: i16) -> Vec<u8> {
        let mut out = Vec::new();
        self.framer.encode(&request.encode(self.version, stream), &mut out);
        out
    }

    fn query(&mut self, text: &str, stream: i16) -> Vec<u8> {
        let query = Query { text: text.into(), parameters: QueryParameters::default() };
        self.encode(Request::Query(query), stream)
    }

    async fn receive(&mut self) -> turmoil::Result<ResponseEnvelope> {
        loop {
            if let Some(envelope) = self.framer.next_envelope()? {
                return Ok(ResponseEnvelope::decode(&envelope)?);
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).await?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            self.framer.feed(&bytes[..count]);
        }
    }
}

/// Run one client against one server, and tell what the server saw.
fn run<F: Future<Output = Outcome> + 'static>(
    limits: ConnectionLimits,
    nap: Duration,
    client: impl FnOnce() -> F + 'static,
) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut builder = turmoil::Builder::new();
    let mut sim = builder.rng_seed(7).simulation_duration(Duration::from_secs(600)).tcp_capacity(16).build();
    let server_seen = seen.clone();
    sim.host("server", move || server(limits, nap, server_seen.clone()));
    sim.client("client", client());
    sim.run().expect("the client is content");
    drop(sim);
    Arc::into_inner(seen).expect("the simulation is over").into_inner().expect("no test panicked")
}

#[test]
fn requests_in_pieces_become_whole() {
    for (version, compression) in [
        (ProtocolVersion::V3, Compression::None),
        (ProtocolVersion::V4, Compression::Lz4),
        (ProtocolVersion::V5, Compression::None),
        (ProtocolVersion::V5, Compression::Lz4),
    ] {
        let seen = run(ConnectionLimits::default(), Duration::ZERO, move || async move {
            let mut client = Client::connect(version, compression).await?;
            for stream in 1..4 {
                for byte in client.query("big 10000", stream) {
                    client.stream.write_all(&[byte]).await?;
                    client.stream.flush().await?;
                }
                let answer = client.receive().await?;
                assert_eq!(answer.stream, stream);
                assert_eq!(answer.response, Response::Error(CqlError::server("x".repeat(10_000))));
            }
            Ok(())
        });
        assert_eq!(seen.requests, 4, "{version:?} {compression:?}");
    }
}

#[test]
fn many_requests_at_once_are_answered_in_order() {
    run(ConnectionLimits::default(), Duration::from_millis(3), || async {
        let mut client = Client::connect(ProtocolVersion::V5, Compression::None).await?;
        let mut all = Vec::new();
        (1..=2_000).for_each(|stream| all.extend(client.query("anything", stream)));
        client.stream.write_all(&all).await?;
        for stream in 1..=2_000 {
            assert_eq!(client.receive().await?.stream, stream);
        }
        Ok(())
    });
}

#[test]
fn a_client_that_vanishes_in_the_middle_is_forgotten() {
    let seen = run(ConnectionLimits::default(), Duration::ZERO, || async {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let request = client.query("anything", 1);
        client.stream.write_all(&request[..request.len() / 2]).await?;
        drop(client);
        // Another one is served as if nothing had happened.
        let mut other = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let request = other.query("anything", 1);
        other.stream.write_all(&request).await?;
        other.receive().await?;
        Ok(())
    });
    assert_eq!((seen.connected, seen.requests), (2, 3));
    assert!(seen.disconnected >= 1, "the node must hear of it");
}

#[test]
fn a_network_that_breaks_ends_the_connection() {
    let seen = run(ConnectionLimits::default(), Duration::ZERO, || async {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let request = client.query("big 60000", 1);
        client.stream.write_all(&request).await?;
        let mut some = [0; 100];
        client.stream.read_exact(&mut some).await?;
        // Closing with unread answers is a reset.
        drop(client);
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    });
    assert_eq!((seen.connected, seen.disconnected), (1, 1));
    assert!(matches!(seen.ended[..], [Ended::Network(_) | Ended::ByClient]), "{:?}", seen.ended);
}

#[test]
fn a_client_that_takes_nothing_is_cut_off_and_others_do_not_wait() {
    let limits = ConnectionLimits { unsent_bytes_pause: 64 << 10, ..ConnectionLimits::default() };
    let seen = run(limits, Duration::ZERO, move || async move {
        let mut slow = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let before = turmoil::elapsed();
        for stream in 1..100 {
            let request = slow.query("big 60000", stream);
            if tokio::time::timeout(Duration::from_millis(100), slow.stream.write_all(&request)).await.is_err() {
                break;
            }
        }
        let mut quick = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        for stream in 1..50 {
            let request = quick.query("anything", stream);
            quick.stream.write_all(&request).await?;
            quick.receive().await?;
        }
        assert!(turmoil::elapsed() - before < limits.stall_max, "the quick client waited for the slow one");
        tokio::time::sleep(limits.stall_max * 2).await;
        Ok(())
    });
    let cut_off = seen.ended.iter().any(|ended| matches!(ended, Ended::SlowReader { unsent } if *unsent > 64 << 10));
    assert!(cut_off, "{:?}", seen.ended);
}

#[test]
fn what_piles_up_for_one_client_is_bounded() {
    let defaults = ConnectionLimits::default();
    let limits = ConnectionLimits { unsent_bytes_max: 512 << 10, unsent_bytes_pause: 8 << 20, ..defaults };
    let seen = run(limits, Duration::ZERO, move || async move {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        for stream in 1..=40 {
            // One by one: the simulated network takes any single write, however long.
            let request = client.query("big 60000", stream);
            if client.stream.write_all(&request).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Cut off long before the stall would be noticed.
        tokio::time::sleep(limits.stall_max / 2).await;
        Ok(())
    });
    assert!(matches!(seen.ended[..], [Ended::SlowReader { .. }]), "{:?}", seen.ended);
}

#[test]
fn nothing_is_read_while_the_node_does_not_keep_up() {
    let seen = run(ConnectionLimits::default(), Duration::from_secs(5), || async {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let mut all = Vec::new();
        (1..=30_000).for_each(|stream| all.extend(client.query("", stream)));
        let Client { stream, mut framer, .. } = client;
        let (mut read, mut write) = tokio::io::split(stream);
        let writer = spawn_local(async move { write.write_all(&all).await });
        let (mut answers, mut bytes) = (0, [0; 16 << 10]);
        while answers < 30_000 {
            let count = read.read(&mut bytes).await?;
            framer.feed(&bytes[..count]);
            while framer.next_envelope()?.is_some() {
                answers += 1;
            }
        }
        writer.await??;
        Ok(())
    });
    assert_eq!(seen.requests, 30_001);
    let bound = 16_384 + (64 << 10) / 9;
    assert!(seen.waiting_max <= bound, "{} requests waited", seen.waiting_max);
}

#[test]
fn a_client_that_asks_for_too_much_waits() {
    let limits = ConnectionLimits { in_flight_bytes_pause: 256 << 10, ..ConnectionLimits::default() };
    let seen = run(limits, Duration::from_secs(5), || async {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let text = "x".repeat(32 << 10);
        let mut all = Vec::new();
        (1..=40).for_each(|stream| all.extend(client.query(&text, stream)));
        client.stream.write_all(&all).await?;
        for _ in 1..=40 {
            assert!(!matches!(client.receive().await?.response, Response::Error(_)));
        }
        Ok(())
    });
    assert_eq!(seen.requests, 41);
    let bound = (256 + 64) / 32 + 1;
    assert!(seen.waiting_max <= bound, "{} requests waited", seen.waiting_max);
}

#[test]
fn garbage_is_answered_and_ends_the_connection() {
    let seen = run(ConnectionLimits::default(), Duration::ZERO, || async {
        let stream = TcpStream::connect(("server", PORT)).await?;
        let mut client = Client { stream, framer: Framer::new(Role::Client), version: ProtocolVersion::V5 };
        // A response, from a client.
        client.stream.write_all(&Response::Ready.encode(ProtocolVersion::V5, 3)).await?;
        let answer = client.receive().await?;
        assert!(matches!(answer.response, Response::Error(_)), "{answer:?}");
        assert!(client.receive().await.is_err(), "the connection must end");
        Ok(())
    });
    assert_eq!(seen.requests, 0);
    assert!(matches!(seen.ended[..], [Ended::Protocol(_)]), "{:?}", seen.ended);
}

#[test]
fn a_request_that_is_too_long_is_refused_and_the_connection_goes_on() {
    let limits = ConnectionLimits { request_bytes_max: 10_000, ..ConnectionLimits::default() };
    let seen = run(limits, Duration::ZERO, || async {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let mut all = client.query(&"x".repeat(20_000), 1);
        all.extend(client.query("anything", 2));
        client.stream.write_all(&all).await?;
        let (first, second) = (client.receive().await?, client.receive().await?);
        assert_eq!((first.stream, second.stream), (1, 2));
        assert!(matches!(first.response, Response::Error(_)));
        assert!(matches!(second.response, Response::Result(_)));
        Ok(())
    });
    assert_eq!(seen.requests, 2);
}

#[test]
fn a_connection_closed_by_the_node_delivers_what_was_replied() {
    let seen = run(ConnectionLimits::default(), Duration::ZERO, || async {
        let mut client = Client::connect(ProtocolVersion::V4, Compression::None).await?;
        let mut all = client.query("big 60000", 1);
        all.extend(client.query("close", 2));
        client.stream.write_all(&all).await?;
        assert_eq!(client.receive().await?.stream, 1);
        assert_eq!(client.receive().await?.stream, 2);
        assert!(client.receive().await.is_err(), "the connection must end");
        Ok(())
    });
    assert!(matches!(seen.ended[..], [Ended::ByNode]), "{:?}", seen.ended);
}

#[test]
fn replies_to_a_connection_that_is_gone_go_nowhere() {
    let inbox = Arc::new(Inbox::default());
    let connections = Connections::new(inbox, NodeClock::start());
    let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let first = connections.add(remote);
    connections.remove(first);
    let second = connections.add(remote);
    assert_ne!(first, second, "an id never comes again, though its slot does");
    connections.reply(first, Bytes::from_static(b"too late"));
    connections.flush();
    let taken = RefCell::new(Vec::new());
    connections.line(second).expect("it is there").take_replies(&mut taken.borrow_mut());
    assert!(taken.into_inner().is_empty(), "a late reply reached somebody else");
}
