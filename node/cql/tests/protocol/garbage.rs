//! Bytes that are no message, or nearly one: no panic, no memory beyond a small multiple of what came, and whatever is
//! understood can be said again.

use crate::allocation::allocated;
use crate::messages::{random_bytes, request, response};
use arbitrary::Unstructured;
use bytes::Bytes;
use trefoil_cql::protocol::request::Startup;
use trefoil_cql::protocol::{
    Compression, Framer, HEADER_BYTES, Opcode, ProtocolVersion, Request, RequestEnvelope, Response, ResponseEnvelope,
    Role,
};

/// What one byte from outside may make us allocate: small types in vectors and maps of tiny strings take most.
const BYTES_FOR_EACH: usize = 64;

/// What is allocated however short the input: the first block of a vector or map, an error's text.
const BYTES_ALWAYS: usize = 8192;

fn check(wire: Vec<u8>, seed: u64) -> bool {
    let length = wire.len();
    let wire = Bytes::from(wire);
    let (asked, bytes) = allocated(|| RequestEnvelope::decode(&wire));
    assert!(bytes <= length * BYTES_FOR_EACH + BYTES_ALWAYS, "seed {seed}: {bytes} bytes for {length}");
    let (answered, bytes) = allocated(|| ResponseEnvelope::decode(&wire));
    assert!(bytes <= length * BYTES_FOR_EACH + BYTES_ALWAYS, "seed {seed}: {bytes} bytes for {length}");
    if let Ok(envelope) = &asked {
        assert_eq!(RequestEnvelope::decode(&envelope.encode()).as_ref(), Ok(envelope), "seed {seed}");
    }
    if let Ok(envelope) = &answered {
        // Types in class names and superfluous flags come back in their usual form, and stay so.
        let once = ResponseEnvelope::decode(&envelope.encode()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let twice = ResponseEnvelope::decode(&once.encode()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(once, twice, "seed {seed}");
    }
    asked.is_ok() || answered.is_ok()
}

fn with_length(mut wire: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(wire.len() - HEADER_BYTES).unwrap();
    wire[5..9].copy_from_slice(&length.to_be_bytes());
    wire
}

#[test]
fn random_bodies() {
    let mut understood = 0;
    for seed in 0..100_000 {
        let mut wire = random_bytes(seed, HEADER_BYTES + (seed % 200) as usize);
        wire[0] = (3 + wire[0] % 3) | (wire[0] & 0x80);
        wire[1] &= 0x1E;
        wire[4] = Opcode::ALL[usize::from(wire[4]) % Opcode::ALL.len()] as u8;
        understood += usize::from(check(with_length(wire), seed));
    }
    assert!(understood > 1000);
}

#[test]
fn mutated_messages() {
    let mut understood = 0;
    for seed in 0..100_000 {
        let version = ProtocolVersion::SUPPORTED[(seed % 3) as usize];
        let raw = random_bytes(seed, 900);
        let mut u = Unstructured::new(&raw);
        let wire = if seed % 2 == 0 {
            request(&mut u, version).expect("it has enough bytes").encode()
        } else {
            response(&mut u, version).expect("it has enough bytes").encode()
        };
        let mut wire = wire.to_vec();
        let noise = random_bytes(!seed, 64);
        mutate(&mut wire, &noise);
        understood += usize::from(check(wire, seed));
    }
    assert!(understood > 10_000 && understood < 90_000, "{understood}");
}

/// Changes a few bytes of the body, or cuts, doubles or inserts some. The length in the header follows, mostly.
fn mutate(wire: &mut Vec<u8>, noise: &[u8]) {
    for step in noise.chunks(8).take(1 + usize::from(noise[0] % 4)) {
        let body = wire.len() - HEADER_BYTES;
        if body == 0 {
            break;
        }
        let position = HEADER_BYTES + (usize::from(step[1]) << 8 | usize::from(step[2])) % body;
        match step[3] % 6 {
            0 => wire[position] = step[4],
            1 => wire[position] ^= 1 << (step[4] % 8),
            2 => wire.truncate(position),
            3 => wire.insert(position, step[4]),
            4 => drop(wire.remove(position)),
            _ => {
                // Lengths of all kinds.
                let end = (position + 4).min(wire.len());
                let large = [[0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0], [0, 0, 0xFF, 0xFF]];
                wire[position..end].copy_from_slice(&large[usize::from(step[5] % 4)][..end - position]);
            }
        }
    }
    if !noise[63].is_multiple_of(16) {
        *wire = with_length(std::mem::take(wire));
    }
}

/// A client and a server that have shaken hands.
pub fn connection(version: ProtocolVersion, compression: Compression) -> (Framer, Framer) {
    let (mut client, mut server) = (Framer::new(Role::Client), Framer::new(Role::Server).with_body_bytes_max(1 << 20));
    let mut wire = Vec::new();
    client.encode(&Request::Startup(Startup::new(compression)).encode(version, 0), &mut wire);
    server.feed(&wire);
    server.next_envelope().unwrap().unwrap();
    wire.clear();
    server.encode(&Response::Ready.encode(version, 0), &mut wire);
    client.feed(&wire);
    client.next_envelope().unwrap().unwrap();
    (client, server)
}

const FORMS: [(ProtocolVersion, Compression); 7] = [
    (ProtocolVersion::V3, Compression::None),
    (ProtocolVersion::V3, Compression::Snappy),
    (ProtocolVersion::V4, Compression::None),
    (ProtocolVersion::V4, Compression::Snappy),
    (ProtocolVersion::V4, Compression::Lz4),
    (ProtocolVersion::V5, Compression::None),
    (ProtocolVersion::V5, Compression::Lz4),
];

#[test]
fn mutated_streams() {
    let mut failed = 0;
    for seed in 0..20_000u64 {
        let (version, compression) = FORMS[(seed % 7) as usize];
        let (mut client, mut server) = connection(version, compression);
        let raw = random_bytes(seed, 2000);
        let mut u = Unstructured::new(&raw);
        let envelopes: Vec<Bytes> =
            (0..4).map(|_| request(&mut u, version).expect("it has enough bytes").encode()).collect();
        let mut wire = Vec::new();
        client.encode_many(envelopes.iter().map(|envelope| &envelope[..]), &mut wire);
        let noise = random_bytes(!seed, 16);
        for pair in noise.chunks(3).take(usize::from(noise[15] % 4)) {
            let position = (usize::from(pair[0]) << 8 | usize::from(pair[1])) % wire.len();
            wire[position] ^= pair.get(2).copied().unwrap_or(1);
        }
        let (errors, bytes) = allocated(|| drive(&mut server, &wire));
        // LZ4 may hold 255 times its size.
        assert!(bytes < wire.len() * 600 + (1 << 18), "seed {seed}: {bytes} bytes for {}", wire.len());
        failed += usize::from(errors > 0);
    }
    assert!(failed > 5_000, "{failed}");
}

#[test]
fn random_streams() {
    for seed in 0..20_000u64 {
        let (version, compression) = FORMS[(seed % 7) as usize];
        let (_, mut server) = connection(version, compression);
        let mut wire = random_bytes(seed, 300);
        if seed % 2 == 0 {
            wire[0] = version.number();
        }
        let (_, bytes) = allocated(|| drive(&mut server, &wire));
        assert!(bytes < wire.len() * 600 + (1 << 18), "seed {seed}: {bytes} bytes");
    }
}

/// Feeds in uneven pieces; decodes whatever comes. Returns how many errors there were.
fn drive(server: &mut Framer, wire: &[u8]) -> usize {
    let mut errors = 0;
    let mut rest = wire;
    let mut piece = 1;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        piece = piece * 5 % 173 + 1;
        server.feed(now);
        loop {
            match server.next_envelope() {
                Ok(Some(envelope)) => errors += usize::from(RequestEnvelope::decode(&envelope).is_err()),
                Ok(None) => break,
                Err(error) => {
                    errors += 1;
                    if error.is_fatal() {
                        return errors;
                    }
                }
            }
        }
    }
    errors
}
