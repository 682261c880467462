//! Values against an independent codec: what a literal becomes here must be, byte for byte, what `scylla-cql`, the Rust
//! driver's codec, sends for the same value; and time uuids must sort as the driver sorts them.

use scylla_cql::frame::response::result::{CollectionType, ColumnType, NativeType as Native};
use scylla_cql::serialize::CellWriter;
use scylla_cql::serialize::value::SerializeValue;
use scylla_cql::value::{
    Counter, CqlDate, CqlDecimal, CqlDuration, CqlTime, CqlTimestamp, CqlTimeuuid, CqlValue, CqlVarint,
};
use std::net::IpAddr;
use trefoil_cql::parser::parse_term;
use trefoil_cql::types::{CqlType, compare, term_to_bytes, validate};

/// The driver's bytes, without the length before them.
fn theirs(value: &CqlValue, value_type: &ColumnType<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.serialize(value_type, CellWriter::new(&mut bytes)).expect("the driver can write its own value");
    bytes.split_off(4)
}

fn type_of(text: &str) -> CqlType {
    CqlType::parse(text, "ks", |_| None).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ours(literal: &str, value_type: &CqlType) -> Vec<u8> {
    let term = parse_term(literal).unwrap_or_else(|error| panic!("{literal}: {error}"));
    term_to_bytes(&term, "c", value_type).expect("fits").expect("not null")
}

#[test]
fn scalars_are_the_driver_s() {
    let uuid = "550e8400-e29b-11d4-a716-446655440000";
    let decimal = |bytes: &[u8], scale| CqlDecimal::from_signed_be_bytes_slice_and_exponent(bytes, scale);
    for (literal, text, native, value) in [
        ("'é'", "text", Native::Text, CqlValue::Text("é".into())),
        ("'a'", "ascii", Native::Ascii, CqlValue::Ascii("a".into())),
        ("true", "boolean", Native::Boolean, CqlValue::Boolean(true)),
        ("-5", "tinyint", Native::TinyInt, CqlValue::TinyInt(-5)),
        ("-500", "smallint", Native::SmallInt, CqlValue::SmallInt(-500)),
        ("70000", "int", Native::Int, CqlValue::Int(70_000)),
        ("-7", "bigint", Native::BigInt, CqlValue::BigInt(-7)),
        ("9", "counter", Native::Counter, CqlValue::Counter(Counter(9))),
        ("1.5", "float", Native::Float, CqlValue::Float(1.5)),
        ("-1e300", "double", Native::Double, CqlValue::Double(-1e300)),
        ("0xcafe", "blob", Native::Blob, CqlValue::Blob(vec![0xca, 0xfe])),
        ("-129", "varint", Native::Varint, CqlValue::Varint(CqlVarint::from_signed_bytes_be(vec![0xff, 0x7f]))),
        ("-1.29", "decimal", Native::Decimal, CqlValue::Decimal(decimal(&[0xff, 0x7f], 2))),
        ("1e3", "decimal", Native::Decimal, CqlValue::Decimal(decimal(&[1], -3))),
        ("'2011-02-03T04:05Z'", "timestamp", Native::Timestamp, CqlValue::Timestamp(CqlTimestamp(1_296_705_900_000))),
        ("'2011-02-03'", "date", Native::Date, CqlValue::Date(CqlDate((1 << 31) + 15_008))),
        ("'00:00:01.5'", "time", Native::Time, CqlValue::Time(CqlTime(1_500_000_000))),
        (uuid, "uuid", Native::Uuid, CqlValue::Uuid(uuid.parse().expect("uuid"))),
        (
            uuid,
            "timeuuid",
            Native::Timeuuid,
            CqlValue::Timeuuid(CqlTimeuuid::from(uuid.parse::<uuid::Uuid>().expect("uuid"))),
        ),
        ("'127.0.0.1'", "inet", Native::Inet, CqlValue::Inet(IpAddr::from([127, 0, 0, 1]))),
        ("'::2'", "inet", Native::Inet, CqlValue::Inet("::2".parse().expect("address"))),
        (
            "-1y2d3ns",
            "duration",
            Native::Duration,
            CqlValue::Duration(CqlDuration { months: -12, days: -2, nanoseconds: -3 }),
        ),
        (
            "2147483647mo2147483647d9223372036854775807ns",
            "duration",
            Native::Duration,
            CqlValue::Duration(CqlDuration { months: i32::MAX, days: i32::MAX, nanoseconds: i64::MAX }),
        ),
    ] {
        let value_type = type_of(text);
        let bytes = ours(literal, &value_type);
        assert_eq!(bytes, theirs(&value, &ColumnType::Native(native)), "{literal} as {text}");
        assert_eq!(validate(&value_type, &bytes), Ok(()));
    }
}

#[test]
fn values_with_parts_are_the_driver_s() {
    let int = || Box::new(ColumnType::Native(Native::Int));
    let text = || Box::new(ColumnType::Native(Native::Text));
    let collection = |typ| ColumnType::Collection { frozen: false, typ };
    let vector = |typ, dimensions| ColumnType::Vector { typ, dimensions };
    let texts = |items: &[&str]| items.iter().map(|item| CqlValue::Text(item.to_string())).collect::<Vec<_>>();
    let long = "x".repeat(20_000);
    for (literal, written, their_type, value) in [
        ("['a', '']", "list<text>", collection(CollectionType::List(text())), CqlValue::List(texts(&["a", ""]))),
        ("{'b', 'a'}", "set<text>", collection(CollectionType::Set(text())), CqlValue::Set(texts(&["a", "b"]))),
        (
            "{2: 'b', 1: 'a'}",
            "map<int, text>",
            collection(CollectionType::Map(int(), text())),
            CqlValue::Map(vec![
                (CqlValue::Int(1), CqlValue::Text("a".into())),
                (CqlValue::Int(2), CqlValue::Text("b".into())),
            ]),
        ),
        (
            "(1, null)",
            "tuple<int, text>",
            ColumnType::Tuple(vec![*int(), *text()]),
            CqlValue::Tuple(vec![Some(CqlValue::Int(1)), None]),
        ),
        ("[1, 2]", "vector<int, 2>", vector(int(), 2), CqlValue::Vector(vec![CqlValue::Int(1), CqlValue::Int(2)])),
        (&format!("['a', '{long}']"), "vector<text, 2>", vector(text(), 2), CqlValue::Vector(texts(&["a", &long]))),
        (
            "[[1], [2]]",
            "vector<frozen<list<int>>, 2>",
            vector(Box::new(collection(CollectionType::List(int()))), 2),
            CqlValue::Vector(vec![CqlValue::List(vec![CqlValue::Int(1)]), CqlValue::List(vec![CqlValue::Int(2)])]),
        ),
        (
            "[1, 2]",
            "vector<smallint, 2>",
            vector(Box::new(ColumnType::Native(Native::SmallInt)), 2),
            CqlValue::Vector(vec![CqlValue::SmallInt(1), CqlValue::SmallInt(2)]),
        ),
    ] {
        assert_eq!(ours(literal, &type_of(written)), theirs(&value, &their_type), "{written}");
    }
}

#[test]
fn time_uuids_sort_as_in_the_driver() {
    let mut state = 0x2026_u64;
    let mut uuids: Vec<[u8; 16]> = (0..300)
        .map(|_| {
            let mut bytes = [0; 16];
            for byte in &mut bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = [0, 1, 0x7f, 0x80, 0xff][(state >> 33) as usize % 5];
            }
            bytes[6] = bytes[6] & 0x0f | 0x10;
            bytes
        })
        .collect();
    uuids.sort_by(|a, b| compare(&CqlType::TimeUuid, a, b));
    let theirs: Vec<CqlTimeuuid> = uuids.iter().map(|bytes| CqlTimeuuid::from_bytes(*bytes)).collect();
    assert!(theirs.is_sorted());
}
