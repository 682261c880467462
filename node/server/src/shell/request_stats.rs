//! Counts and latencies of requests, kept by the node's own thread: plain numbers, no atomics on the path of a request.

use trefoil_cql::protocol::{Consistency, HEADER_BYTES, Opcode};

/// The kinds of request that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// QUERY.
    Query,
    /// PREPARE.
    Prepare,
    /// EXECUTE.
    Execute,
    /// BATCH.
    Batch,
    /// Everything else: STARTUP, OPTIONS, REGISTER, ...
    Other,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [RequestKind; 5] =
        [RequestKind::Query, RequestKind::Prepare, RequestKind::Execute, RequestKind::Batch, RequestKind::Other];

    /// Its name as a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            RequestKind::Query => "query",
            RequestKind::Prepare => "prepare",
            RequestKind::Execute => "execute",
            RequestKind::Batch => "batch",
            RequestKind::Other => "other",
        }
    }

    /// What an envelope asks for.
    fn of(envelope: &[u8]) -> RequestKind {
        match envelope.get(4).copied().and_then(Opcode::from_number) {
            Some(Opcode::Query) => RequestKind::Query,
            Some(Opcode::Prepare) => RequestKind::Prepare,
            Some(Opcode::Execute) => RequestKind::Execute,
            Some(Opcode::Batch) => RequestKind::Batch,
            _ => RequestKind::Other,
        }
    }
}

/// How requests end: well, or with one of the protocol's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(u8);

/// Error codes of the protocol and their labels. The last one stands for codes that are not listed.
const ERRORS: [(i32, &str); 19] = [
    (0x0000, "server_error"),
    (0x000A, "protocol_error"),
    (0x0100, "bad_credentials"),
    (0x1000, "unavailable"),
    (0x1001, "overloaded"),
    (0x1002, "bootstrapping"),
    (0x1003, "truncate_error"),
    (0x1100, "write_timeout"),
    (0x1200, "read_timeout"),
    (0x1300, "read_failure"),
    (0x1400, "function_failure"),
    (0x1500, "write_failure"),
    (0x1700, "cas_write_unknown"),
    (0x2000, "syntax_error"),
    (0x2100, "unauthorized"),
    (0x2200, "invalid"),
    (0x2300, "config_error"),
    (0x2400, "already_exists"),
    (0x2500, "unprepared"),
];
const OUTCOMES: usize = ERRORS.len() + 2;

impl Outcome {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Outcome> {
        (0..OUTCOMES).map(|number| Outcome(u8::try_from(number).expect("there are few outcomes")))
    }

    /// Its name as a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match usize::from(self.0) {
            0 => "ok",
            number => ERRORS.get(number - 1).map_or("other_error", |(_, label)| label),
        }
    }

    fn of(envelope: &[u8]) -> Outcome {
        if envelope.get(4).copied() != Some(Opcode::Error as u8) {
            return Outcome(0);
        }
        let code = envelope.get(HEADER_BYTES..).and_then(|body| body.first_chunk::<4>()).copied();
        let place = code.and_then(|code| ERRORS.iter().position(|(listed, _)| *listed == i32::from_be_bytes(code)));
        Outcome(u8::try_from(place.unwrap_or(ERRORS.len()) + 1).expect("there are few outcomes"))
    }
}

/// Upper bounds of the latency histogram's buckets, in seconds; the last bucket has none.
pub const LATENCY_BOUNDS_SECONDS: [f64; 18] = [
    0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.001_5, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25,
    0.5, 1.0, 5.0,
];

/// A histogram of how long requests took inside this process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    /// Requests per bucket, not cumulated.
    pub buckets: [u64; LATENCY_BOUNDS_SECONDS.len() + 1],
    /// All of them together, in seconds.
    pub sum_seconds: f64,
}

/// A request under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub(super) nanos: u64,
    kind: RequestKind,
    /// Number of the level; 11 when the request has none.
    consistency: u8,
}

const LEVELS: usize = Consistency::ALL.len() + 1;
const NO_LEVEL: u8 = Consistency::ALL.len() as u8;

impl Started {
    pub(super) fn now(envelope: &[u8], nanos: u64) -> Started {
        let kind = RequestKind::of(envelope);
        let consistency = consistency(kind, envelope).filter(|level| *level < u16::from(NO_LEVEL));
        Started { nanos, kind, consistency: consistency.map_or(NO_LEVEL, |level| level as u8) }
    }
}

/// The level of a query, without decoding all of it. Batches have theirs at the very end and are counted without.
fn consistency(kind: RequestKind, envelope: &[u8]) -> Option<u16> {
    let body = envelope.get(HEADER_BYTES..)?;
    let after_short =
        |body: &'_ [u8]| -> Option<usize> { Some(2 + usize::from(u16::from_be_bytes(*body.first_chunk::<2>()?))) };
    let skipped = match kind {
        RequestKind::Query => 4 + usize::try_from(u32::from_be_bytes(*body.first_chunk::<4>()?)).ok()?,
        RequestKind::Execute => {
            let id = after_short(body)?;
            // Version 5 names the result's metadata too.
            if envelope[0] & 0x7f >= 5 { id + after_short(body.get(id..)?)? } else { id }
        }
        _ => return None,
    };
    Some(u16::from_be_bytes(*body.get(skipped..)?.first_chunk::<2>()?))
}

/// Counts of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestStats {
    counts: Vec<u64>,
    /// By kind, in the order of `RequestKind::ALL`.
    pub latency: [Latency; RequestKind::ALL.len()],
}

impl Default for RequestStats {
    fn default() -> RequestStats {
        RequestStats { counts: vec![0; RequestKind::ALL.len() * LEVELS * OUTCOMES], latency: Default::default() }
    }
}

impl RequestStats {
    pub(super) fn finished(&mut self, started: Started, reply: &[u8], nanos: u64) {
        let (kind, outcome) = (started.kind as usize, Outcome::of(reply));
        self.counts[(kind * LEVELS + usize::from(started.consistency)) * OUTCOMES + usize::from(outcome.0)] += 1;
        let seconds = nanos.saturating_sub(started.nanos) as f64 / 1e9;
        let latency = &mut self.latency[kind];
        latency.buckets[LATENCY_BOUNDS_SECONDS.partition_point(|bound| *bound < seconds)] += 1;
        latency.sum_seconds += seconds;
    }

    /// Every combination that occurred, with its count. The level is `None` where a request has none.
    pub fn counts(&self) -> impl Iterator<Item = (RequestKind, Option<Consistency>, Outcome, u64)> + '_ {
        let occurred = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        occurred.map(|(place, count)| {
            let (rest, outcome) = (place / OUTCOMES, place % OUTCOMES);
            let outcome = Outcome(u8::try_from(outcome).expect("there are few outcomes"));
            let level = Consistency::ALL.get(rest % LEVELS).copied();
            (RequestKind::ALL[rest / LEVELS], level, outcome, *count)
        })
    }

    /// Add another node's numbers.
    pub fn add(&mut self, other: &RequestStats) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        for (mine, theirs) in self.latency.iter_mut().zip(&other.latency) {
            mine.sum_seconds += theirs.sum_seconds;
            for (mine, theirs) in mine.buckets.iter_mut().zip(&theirs.buckets) {
                *mine += theirs;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn envelope(version: u8, opcode: Opcode, body: &[u8]) -> Vec<u8> {
        let mut envelope = vec![version, 0, 0, 1, opcode as u8];
        envelope.extend_from_slice(&u32::try_from(body.len()).expect("a short body").to_be_bytes());
        envelope.extend_from_slice(body);
        envelope
    }

    #[test]
    fn requests_are_counted_by_kind_level_and_outcome() {
        let mut stats = RequestStats::default();
        let query = envelope(4, Opcode::Query, b"\0\0\0\x03abc\0\x04\0");
        let execute = envelope(5, Opcode::Execute, b"\0\x02id\0\x01m\0\x0a\0");
        let void = Bytes::from(envelope(0x84, Opcode::Result, b"\0\0\0\x01"));
        let unprepared = envelope(0x84, Opcode::Error, b"\0\0\x25\0");
        stats.finished(Started::now(&query, 0), &void, 250_000);
        stats.finished(Started::now(&execute, 0), &unprepared, 10_000_000_000);
        stats.finished(Started::now(&envelope(4, Opcode::Execute, b"\0"), 0), &void, 1);
        let counts: Vec<_> =
            stats.counts().map(|(kind, level, outcome, n)| (kind.label(), level, outcome.label(), n)).collect();
        assert_eq!(
            counts,
            [
                ("query", Some(Consistency::Quorum), "ok", 1),
                ("execute", Some(Consistency::LocalOne), "unprepared", 1),
                ("execute", None, "ok", 1),
            ]
        );
        assert_eq!(stats.latency[0].buckets[2], 1);
        assert_eq!(stats.latency[2].buckets[LATENCY_BOUNDS_SECONDS.len()], 1);
    }
}
