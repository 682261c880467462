//! Connections: the handshake changes the form at the right moment, pieces of any size make whole envelopes, what is too
//! large harms nobody else, and damage is seen.

use crate::garbage::connection;
use bytes::Bytes;
use trefoil_cql::protocol::request::{Batch, BatchKind, Query, QueryParameters, Startup};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::protocol::segment::PAYLOAD_BYTES_MAX;
use trefoil_cql::protocol::{
    Compression, CompressionProblem, Consistency, Flags, Framer, Header, ProtocolError, ProtocolVersion, Request,
    RequestEnvelope, Response, ResponseEnvelope, Role, SegmentProblem,
};

fn query(version: ProtocolVersion, stream: i16, text: &str) -> Bytes {
    Request::Query(Query { text: text.into(), parameters: QueryParameters::default() }).encode(version, stream)
}

fn receive(framer: &mut Framer, wire: &[u8]) -> Vec<Bytes> {
    framer.feed(wire);
    std::iter::from_fn(|| framer.next_envelope().expect("nothing is wrong with it")).collect()
}

fn send(framer: &mut Framer, envelopes: &[Bytes]) -> Vec<u8> {
    let mut wire = Vec::new();
    framer.encode_many(envelopes.iter().map(|envelope| &envelope[..]), &mut wire);
    wire
}

const FORMS: [(ProtocolVersion, Compression); 6] = [
    (ProtocolVersion::V3, Compression::Lz4),
    (ProtocolVersion::V4, Compression::None),
    (ProtocolVersion::V4, Compression::Lz4),
    (ProtocolVersion::V4, Compression::Snappy),
    (ProtocolVersion::V5, Compression::None),
    (ProtocolVersion::V5, Compression::Lz4),
];

#[test]
fn envelopes_of_all_sizes_arrive_in_pieces_of_all_sizes() {
    for (version, compression) in FORMS {
        let (mut client, mut server) = connection(version, compression);
        let lengths = [0, 1, 100, 5000, PAYLOAD_BYTES_MAX - 60, PAYLOAD_BYTES_MAX, 300_000, 7, 700_000];
        let envelopes: Vec<Bytes> =
            (0..).zip(lengths).map(|(stream, length)| query(version, stream, &"x y".repeat(length / 3))).collect();
        let wire = send(&mut client, &envelopes);
        for piece in [1, 2, 7, 1000, 65_536, wire.len()] {
            let mut received = Vec::new();
            for bytes in wire.chunks(piece) {
                received.extend(receive(&mut server, bytes));
            }
            assert!(received == envelopes, "{version} {compression:?} in pieces of {piece}");
        }
    }
}

#[test]
fn compression_saves_bytes_and_is_not_seen_outside() {
    for (version, compression) in FORMS {
        let (mut client, mut server) = connection(version, compression);
        let envelope = query(version, 3, &"SELECT ".repeat(1000));
        let wire = send(&mut client, std::slice::from_ref(&envelope));
        assert_eq!(wire.len() < 1000, compression != Compression::None);
        let received = receive(&mut server, &wire);
        assert_eq!(received, [envelope]);
        assert!(!Header::of(&received[0]).unwrap().flags.has(Flags::COMPRESSION));
    }
}

#[test]
fn small_envelopes_share_a_segment() {
    let (mut client, mut server) = connection(ProtocolVersion::V5, Compression::None);
    let envelopes: Vec<Bytes> = (0..100).map(|stream| query(ProtocolVersion::V5, stream, "SELECT")).collect();
    let bytes: usize = envelopes.iter().map(Bytes::len).sum();
    let wire = send(&mut client, &envelopes);
    assert_eq!(wire.len(), bytes + 6 + 4);
    assert_eq!(receive(&mut server, &wire), envelopes);
}

#[test]
fn a_segment_is_filled_to_the_last_byte_and_no_further() {
    for compression in [Compression::None, Compression::Lz4] {
        for excess in [0, 1] {
            let (mut client, mut server) = connection(ProtocolVersion::V5, compression);
            let first = query(ProtocolVersion::V5, 1, "SELECT");
            let overhead = query(ProtocolVersion::V5, 2, "").len();
            let second =
                query(ProtocolVersion::V5, 2, &"x".repeat(PAYLOAD_BYTES_MAX - first.len() - overhead + excess));
            let wire = send(&mut client, &[first.clone(), second.clone()]);
            if compression == Compression::None {
                assert_eq!(wire.len(), PAYLOAD_BYTES_MAX + excess + (1 + excess) * 10);
            }
            assert_eq!(receive(&mut server, &wire), [first, second]);
        }
    }
}

#[test]
fn the_form_changes_after_ready_and_not_before() {
    for (version, compression) in FORMS {
        let (mut client, mut server) = (Framer::new(Role::Client), Framer::new(Role::Server));
        let options = Request::Options.encode(version, 1);
        assert_eq!(send(&mut client, std::slice::from_ref(&options)), options);
        assert_eq!(receive(&mut server, &options), std::slice::from_ref(&options));
        let supported = Response::Supported(Default::default()).encode(version, 1);
        assert_eq!(send(&mut server, std::slice::from_ref(&supported)), supported);
        assert_eq!(receive(&mut client, &supported), std::slice::from_ref(&supported));

        let startup = Request::Startup(Startup::new(compression)).encode(version, 2);
        assert_eq!(send(&mut client, std::slice::from_ref(&startup)), startup);
        assert_eq!(receive(&mut server, &startup), [startup]);
        assert_eq!(server.version(), None);

        // READY goes out as it is; what follows in the same call does not.
        let ready = Response::Ready.encode(version, 2);
        let event = Response::Error(CqlError::server("x".repeat(1000))).encode(version, 7);
        let wire = send(&mut server, &[ready.clone(), event.clone()]);
        assert_eq!(wire[..ready.len()], ready);
        let is_bare = version < ProtocolVersion::V5 && compression == Compression::None;
        assert_eq!(wire[ready.len()..] == event, is_bare);
        assert_eq!(receive(&mut client, &wire), [ready, event]);
        for framer in [&server, &client] {
            assert_eq!((framer.version(), framer.compression()), (Some(version), compression));
        }

        let request = query(version, 4, &"x".repeat(1000));
        let wire = send(&mut client, std::slice::from_ref(&request));
        assert_eq!(wire == request, is_bare);
        assert_eq!(receive(&mut server, &wire), [request]);
    }
}

#[test]
fn authenticate_changes_the_form_too() {
    let version = ProtocolVersion::V5;
    let (mut client, mut server) = (Framer::new(Role::Client), Framer::new(Role::Server));
    let startup = Request::Startup(Startup::new(Compression::Lz4)).encode(version, 0);
    let wire = send(&mut client, &[startup]);
    receive(&mut server, &wire);
    let authenticate = Response::Authenticate("PasswordAuthenticator".into()).encode(version, 0);
    let wire = send(&mut server, std::slice::from_ref(&authenticate));
    assert_eq!(wire, authenticate);
    receive(&mut client, &wire);
    let success = Response::AuthSuccess(None).encode(version, 0);
    let wire = send(&mut server, std::slice::from_ref(&success));
    assert_eq!(wire.len(), success.len() + 8 + 4);
    assert_eq!(receive(&mut client, &wire), [success]);
}

#[test]
fn a_refused_startup_changes_nothing() {
    let version = ProtocolVersion::V5;
    let (mut client, mut server) = (Framer::new(Role::Client), Framer::new(Role::Server));
    for refused in [true, false] {
        let startup = Request::Startup(Startup::new(Compression::None)).encode(version, 0);
        let wire = send(&mut client, std::slice::from_ref(&startup));
        assert_eq!(wire, startup);
        receive(&mut server, &wire);
        // An answer on another stream is none to the STARTUP.
        for other in [Response::Error(CqlError::invalid("other")), Response::Ready] {
            let other = other.encode(version, 1);
            assert_eq!(send(&mut server, std::slice::from_ref(&other)), other);
            receive(&mut client, &other);
            assert_eq!((server.version(), client.version()), (None, None));
        }
        let response = if refused { Response::Error(CqlError::protocol("no")) } else { Response::Ready };
        let wire = send(&mut server, &[response.encode(version, 0)]);
        receive(&mut client, &wire);
        assert_eq!(server.version().is_none(), refused);
        assert_eq!(client.version().is_none(), refused);
    }
}

#[test]
fn unknown_versions_are_named_in_the_text_and_answered_in_ours() {
    for version in [66u8, 65, 6, 7, 127, 2, 1, 0] {
        let mut server = Framer::new(Role::Server);
        let options =
            if version < 3 { vec![version, 0, 7, 5, 0, 0, 0, 0] } else { vec![version, 0x10, 0, 7, 5, 0, 0, 0, 0] };
        server.feed(&options);
        let error = server.next_envelope().unwrap_err();
        assert_eq!(error, ProtocolError::UnsupportedVersion { version, stream: 7 });
        assert_eq!(error.is_fatal(), version < 3);
        let wire = Response::Error(error.to_cql_error()).encode(error.version(), error.stream());
        assert_eq!(wire[..5], [0x85, 0, 0, 7, 0]);
        assert_eq!(wire[9..13], [0, 0, 0, 0x0A]);
        let text =
            format!("Invalid or unsupported protocol version ({version}); supported versions are (3/v3, 4/v4, 5/v5)");
        assert_eq!(wire[15..], *text.as_bytes());
    }
}

#[test]
fn a_connection_may_try_another_version_after_an_unknown_one() {
    let mut server = Framer::new(Role::Server);
    let mut unknown = query(ProtocolVersion::V5, 1, "SELECT").to_vec();
    unknown[0] = 66;
    server.feed(&unknown);
    assert!(!server.next_envelope().unwrap_err().is_fatal());
    let options = Request::Options.encode(ProtocolVersion::V4, 2);
    assert_eq!(receive(&mut server, &options), std::slice::from_ref(&options));
}

#[test]
fn the_version_does_not_change_after_startup() {
    for (version, compression) in FORMS {
        let (mut client, mut server) = connection(version, compression);
        let other = if version == ProtocolVersion::V4 { ProtocolVersion::V5 } else { ProtocolVersion::V4 };
        let good = query(version, 2, "SELECT");
        let wire = send(&mut client, &[query(other, 1, "SELECT"), good.clone()]);
        server.feed(&wire);
        let error = server.next_envelope().unwrap_err();
        assert_eq!(error, ProtocolError::VersionChanged { version: other, connection: version, stream: 1 });
        assert_eq!((error.is_fatal(), error.version()), (false, version));
        assert_eq!(server.next_envelope(), Ok(Some(good)));
    }
}

#[test]
fn what_is_too_large_is_skipped_and_other_streams_go_on() {
    for (version, compression) in FORMS {
        for piece in [10, 100_000, usize::MAX] {
            for length in [100_000, 400_000] {
                let (mut client, server) = connection(version, compression);
                let mut server = server.with_body_bytes_max(50_000);
                // Not compressible to below the limit, and too large when expanded in any case.
                let text: String = (0..length / 7).map(|index| format!("{:7}", index * 7919)).collect();
                let huge = query(version, 1, &text);
                let (before, after) = (query(version, 0, "before"), query(version, 2, "after"));
                let wire = send(&mut client, &[before.clone(), huge, after.clone()]);
                let (mut received, mut errors) = (Vec::new(), Vec::new());
                for bytes in wire.chunks(piece.min(wire.len())) {
                    server.feed(bytes);
                    loop {
                        match server.next_envelope() {
                            Ok(Some(envelope)) => received.push(envelope),
                            Ok(None) => break,
                            Err(error) => errors.push(error),
                        }
                    }
                }
                assert_eq!(received, [before, after], "{version} {compression:?} {piece} {length}");
                let [error] = &errors[..] else { panic!("{errors:?}") };
                assert_eq!((error.stream(), error.version(), error.is_fatal()), (1, version, false));
                match error {
                    ProtocolError::TooLarge { limit: 50_000, .. } => {
                        assert_eq!(error.to_cql_error().code(), 0x2200);
                    }
                    ProtocolError::Compression { problem: CompressionProblem::Length { .. }, .. } => {
                        assert!(version < ProtocolVersion::V5 && compression != Compression::None);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_segment_is_seen() {
    for compression in [Compression::None, Compression::Lz4] {
        for text in ["SELECT", &"SELECT ".repeat(40)] {
            let envelope = query(ProtocolVersion::V5, 1, text);
            let (mut client, _) = connection(ProtocolVersion::V5, compression);
            let wire = send(&mut client, std::slice::from_ref(&envelope));
            for bit in 0..wire.len() * 8 {
                let (_, mut server) = connection(ProtocolVersion::V5, compression);
                let mut damaged = wire.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                server.feed(&damaged);
                let error = server.next_envelope().unwrap_err();
                let in_header = bit / 8 < if compression == Compression::Lz4 { 8 } else { 6 };
                assert!(matches!(
                    (&error, in_header),
                    (ProtocolError::Segment(SegmentProblem::HeaderChecksum { .. }), true)
                        | (ProtocolError::Segment(SegmentProblem::PayloadChecksum { .. }), false)
                ));
                assert!(error.is_fatal());
                // It stays so: nothing after the damage is believed.
                server.feed(&wire);
                assert_eq!(server.next_envelope(), Err(error));
            }
        }
    }
}

/// A segment with valid checksums around any payload, written by somebody else.
fn segment(payload: &[u8], is_self_contained: bool) -> Vec<u8> {
    let bits = payload.len() as u32 | u32::from(is_self_contained) << 17;
    let header = &bits.to_le_bytes()[..3];
    let mut wire = header.to_vec();
    wire.extend_from_slice(&trefoil_cql::protocol::segment::crc24(header).to_le_bytes()[..3]);
    wire.extend_from_slice(payload);
    wire.extend_from_slice(&trefoil_cql::protocol::segment::crc32(payload).to_le_bytes());
    wire
}

#[test]
fn envelopes_must_fit_their_segments() {
    let envelope = query(ProtocolVersion::V5, 1, "SELECT");
    let (first, second) = envelope.split_at(4);
    let too_much = [second, b"x"].concat();
    let cases = [
        (vec![segment(first, true)], SegmentProblem::NotContained),
        (vec![segment(&envelope[..20], true)], SegmentProblem::NotContained),
        (vec![segment(first, false), segment(&too_much, false)], SegmentProblem::Overrun),
        (vec![segment(first, false), segment(&envelope, true)], SegmentProblem::Overrun),
    ];
    for (segments, problem) in cases {
        let (_, mut server) = connection(ProtocolVersion::V5, Compression::None);
        server.feed(&segments.concat());
        assert_eq!(server.next_envelope(), Err(ProtocolError::Segment(problem)));
    }
    // Parts may be cut anywhere, and an empty segment is no harm.
    let (_, mut server) = connection(ProtocolVersion::V5, Compression::None);
    let wire = [
        segment(b"", true),
        segment(first, false),
        segment(b"", false),
        segment(second, false),
        segment(&envelope, false),
    ];
    assert_eq!(receive(&mut server, &wire.concat()), [envelope.clone(), envelope]);
}

#[test]
fn errors_name_message_field_and_place() {
    let version = ProtocolVersion::V4;
    let batch = Batch {
        kind: BatchKind::Logged,
        statements: Vec::new(),
        consistency: Consistency::One,
        serial_consistency: None,
        timestamp: None,
        keyspace: None,
        now_in_seconds: None,
    };
    let mut wire = Request::Batch(batch).encode(version, 5).to_vec();
    wire[13] = 77;
    let error = RequestEnvelope::decode(&wire.into()).unwrap_err();
    assert_eq!(error.to_string(), "BATCH: consistency at byte 12: Unknown code 77 for a consistency level");
    assert_eq!((error.stream(), error.version(), error.is_fatal()), (5, version, false));

    let mut wire = query(version, 6, "SELECT").to_vec();
    wire.truncate(17);
    wire[5..9].copy_from_slice(&8u32.to_be_bytes());
    let error = RequestEnvelope::decode(&wire.into()).unwrap_err();
    assert_eq!(error.to_string(), "QUERY: query at byte 13: 6 bytes wanted, 4 left");
}

#[test]
fn responses_are_no_requests() {
    let mut server = Framer::new(Role::Server);
    server.feed(&Response::Ready.encode(ProtocolVersion::V4, 0));
    assert!(server.next_envelope().unwrap_err().is_fatal());
    let ready = Response::Ready.encode(ProtocolVersion::V4, 0);
    assert!(RequestEnvelope::decode(&ready).is_err());
    assert!(ResponseEnvelope::decode(&Request::Options.encode(ProtocolVersion::V4, 0)).is_err());
}

#[test]
fn a_compressed_body_without_agreement_is_refused_and_skipped() {
    let mut server = Framer::new(Role::Server);
    let mut wire = query(ProtocolVersion::V4, 3, "SELECT").to_vec();
    wire[1] |= 1;
    server.feed(&wire);
    let error = server.next_envelope().unwrap_err();
    assert!(matches!(error, ProtocolError::Compression { problem: CompressionProblem::NotAgreed, stream: 3, .. }));
    let options = Request::Options.encode(ProtocolVersion::V4, 4);
    assert_eq!(receive(&mut server, &options), std::slice::from_ref(&options));
}
