//! The load generator: a fixed number of requests in flight, no allocation to speak of.
//!
//! Closed: as fast as answers come, a thread for each connection; finds the throughput. Open: at a given rate, latencies counted from
//! when a request was *due*, so that a stall is charged to every request that it delayed. One thread serves all its connections and
//! waits by spinning: it wants a core of its own, and two of them on one core would measure each other's turns.

use crate::histogram::Histogram;
use crate::workload::{Statements, Workload};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use trefoil_cql::protocol::{Framer, HEADER_BYTES, Header, Opcode};
use trefoil_tests::client::{ClientError, Connection};

/// How the requests come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// The next when an answer has come.
    Closed,
    /// So many a second on each connection.
    Open(f64),
    /// So many in all on each connection, closed.
    Count(u64),
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Loading, or a workload.
    pub workload: Option<Workload>,
    /// How the requests come.
    pub pace: Pace,
    /// Requests in flight on each connection.
    pub window: usize,
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub duration: Duration,
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Latencies of those that count.
    pub latencies: Histogram,
    /// Errors that the server answered.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
    /// How long it was counted.
    pub seconds: f64,
}

/// Run a plan over connections to these addresses, one each.
///
/// # Errors
/// When a connection fails.
pub async fn run(addresses: &[SocketAddr], statements: &Statements, plan: Plan) -> Result<Outcome, ClientError> {
    let mut wires = Vec::new();
    for address in addresses {
        let (stream, framer) = Connection::open(*address).await?.into_parts();
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        wires.push((stream, framer));
    }
    let connections = wires.len() as u64;
    let wires = (0..).zip(wires);
    let wires: Vec<Wire<'_>> = wires
        .map(|(number, (stream, framer))| Wire::new(stream, framer, statements, plan, number, connections))
        .collect();
    let results: Vec<io::Result<Outcome>> = if matches!(plan.pace, Pace::Open(_)) {
        spin(wires)
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = wires.into_iter().map(|wire| scope.spawn(|| wire.run())).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a load thread panicked"))))
                .collect()
        })
    };
    let mut outcome = Outcome::default();
    for result in results {
        let one = result?;
        outcome.latencies.merge(&one.latencies);
        outcome.errors += one.errors;
        outcome.first_error = outcome.first_error.or(one.first_error);
        outcome.seconds = outcome.seconds.max(one.seconds);
    }
    Ok(outcome)
}

/// Serve all wires in turn until each has all its answers.
fn spin(mut wires: Vec<Wire<'_>>) -> Vec<io::Result<Outcome>> {
    let mut input = vec![0; INPUT_BYTES];
    let mut results = Vec::new();
    for wire in &wires {
        if let Err(error) = wire.stream.set_nonblocking(true) {
            results.push(Err(error));
        }
    }
    while !wires.is_empty() {
        wires = wires
            .into_iter()
            .filter_map(|mut wire| match wire.turn(&mut input) {
                Ok(false) => Some(wire),
                Ok(true) => {
                    results.push(Ok(wire.finish()));
                    None
                }
                Err(error) => {
                    results.push(Err(error));
                    None
                }
            })
            .collect();
    }
    results
}

/// What one read takes at most.
const INPUT_BYTES: usize = 1 << 18;

struct Wire<'a> {
    stream: TcpStream,
    framer: Framer,
    statements: &'a Statements,
    plan: Plan,
    rng: ChaCha8Rng,
    /// Numbers of this connection's requests: `turn`, `turn + step`, ...
    turn: u64,
    step: u64,
    left: u64,
    sent: u64,
    began: Instant,
    /// When the request under each stream id was due.
    due: Vec<Instant>,
    free: Vec<i16>,
    out: Vec<u8>,
    outcome: Outcome,
}

impl<'a> Wire<'a> {
    fn new(
        stream: TcpStream,
        framer: Framer,
        statements: &'a Statements,
        plan: Plan,
        number: u64,
        step: u64,
    ) -> Wire<'a> {
        let began = Instant::now();
        Wire {
            stream,
            framer,
            statements,
            plan,
            rng: ChaCha8Rng::seed_from_u64(number),
            turn: number,
            step,
            left: if let Pace::Count(count) = plan.pace { count } else { u64::MAX },
            sent: 0,
            began,
            due: vec![began; plan.window],
            free: (0..plan.window as i16).rev().collect(),
            out: Vec::with_capacity(1 << 16),
            outcome: Outcome::default(),
        }
    }

    fn run(mut self) -> io::Result<Outcome> {
        let mut input = vec![0; INPUT_BYTES];
        while !self.turn(&mut input)? {}
        Ok(self.finish())
    }

    /// Send what is due and take what has come; whether all is over.
    fn turn(&mut self, input: &mut [u8]) -> io::Result<bool> {
        let now = Instant::now();
        let end = self.began + self.plan.warm_up + self.plan.duration;
        let time_is_up = now >= end && !matches!(self.plan.pace, Pace::Count(_));
        if !time_is_up {
            self.fill(now);
        }
        self.flush()?;
        if self.free.len() == self.plan.window && (time_is_up || self.left == 0) {
            return Ok(true);
        }
        match self.stream.read(input) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => self.framer.feed(&input[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
        while let Some(envelope) = self.framer.next_envelope().map_err(io::Error::other)? {
            self.answered(&envelope, end)?;
        }
        Ok(false)
    }

    fn finish(mut self) -> Outcome {
        self.outcome.seconds = match self.plan.pace {
            Pace::Count(_) => self.began.elapsed().as_secs_f64(),
            _ => self.plan.duration.as_secs_f64(),
        };
        self.outcome
    }

    /// Write requests into the buffer while there is room for them and they are due.
    fn fill(&mut self, now: Instant) {
        while self.left > 0
            && let Some(stream) = self.free.last().copied()
        {
            let due = match self.plan.pace {
                Pace::Open(rate) => self.began + Duration::from_secs_f64(self.sent as f64 / rate),
                Pace::Closed | Pace::Count(_) => now,
            };
            if due > now {
                break;
            }
            let envelope = match self.plan.workload {
                Some(workload) => self.statements.request(workload, self.turn, stream, &mut self.rng),
                None => self.statements.load(self.turn, stream, &mut self.rng),
            };
            self.free.pop();
            self.turn += self.step;
            self.left -= 1;
            self.sent += 1;
            self.due[stream as usize] = due;
            self.framer.encode(&envelope, &mut self.out);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        Ok(())
    }

    fn answered(&mut self, envelope: &Bytes, end: Instant) -> io::Result<()> {
        let header = Header::of(envelope).map_err(io::Error::other)?;
        let now = Instant::now();
        let due = self.due.get(header.stream as usize).ok_or_else(|| io::Error::other("an answer to nothing"))?;
        if header.opcode == Opcode::Error {
            self.outcome.errors += 1;
            let text = || String::from_utf8_lossy(envelope.get(HEADER_BYTES + 6..).unwrap_or_default()).into_owned();
            self.outcome.first_error.get_or_insert_with(text);
        } else if *due >= self.began + self.plan.warm_up && (now <= end || matches!(self.plan.pace, Pace::Open(_))) {
            self.outcome.latencies.record(now - *due);
        }
        self.free.push(header.stream);
        Ok(())
    }
}
