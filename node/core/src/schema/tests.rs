//! Definitions applied to schemas: equal everywhere, undone by nothing, refused with the right error.

use super::*;
use crate::bugs::{NoBugs, PlantedBug};
use crate::command::ClusteringOrder;
use crate::time::HybridTime;
use trefoil_cql::types::CqlType;

struct TruncateKeeps;

impl Bugs for TruncateKeeps {
    fn planted(&self, bug: PlantedBug) -> bool {
        bug == PlantedBug::TruncateKeepsRows
    }
}

fn column(name: &str, column_type: CqlType) -> ColumnDefinition {
    ColumnDefinition { name: name.into(), column_type, is_static: false }
}

fn create_keyspace() -> Definition {
    Definition::CreateKeyspace(CreateKeyspace {
        keyspace: "ks".into(),
        if_not_exists: false,
        replication: Replication::Simple { factor: 3 },
        durable_writes: true,
    })
}

fn create_table(name: &str) -> Definition {
    Definition::CreateTable(Box::new(CreateTable {
        keyspace: "ks".into(),
        name: name.into(),
        if_not_exists: false,
        id: [9; 16],
        columns: vec![
            column("z", CqlType::Int),
            column("k", CqlType::Int),
            column("c", CqlType::Text),
            column("a", CqlType::Text),
        ],
        partition_key: vec!["k".into()],
        clustering: vec![("c".into(), ClusteringOrder::Descending)],
        options: TableOptions::default(),
    }))
}

fn alter(change: TableChange) -> Definition {
    Definition::AlterTable(AlterTable { keyspace: "ks".into(), name: "t".into(), if_exists: false, change })
}

fn truncate() -> Definition {
    Definition::Truncate(Truncate { keyspace: "ks".into(), name: "t".into() })
}

fn apply(schema: &mut Schema, definition: &Definition) -> Result<Applied, SchemaError> {
    let version = SchemaVersion(schema.version.0 + 1);
    schema.apply(definition, &DefinitionContext { version, stamp: HybridTime(5_000) }, &NoBugs)
}

fn schema() -> Schema {
    let mut schema = Schema::default();
    apply(&mut schema, &create_keyspace()).expect("there is none yet");
    apply(&mut schema, &create_table("t")).expect("there is none yet");
    schema
}

fn table(schema: &Schema) -> &Table {
    schema.table("ks", "t").expect("it was created")
}

#[test]
fn columns_stand_as_in_select_all() {
    let schema = schema();
    let names: Vec<&str> = table(&schema).columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["k", "c", "a", "z"]);
    assert_eq!(table(&schema).clustering()[0].order, ClusteringOrder::Descending);
}

#[test]
fn a_schema_survives_the_wire_and_its_uuid_says_what_is_in_it() {
    let one = schema();
    let mut other = Schema::decode(&one.encode()).expect("it was just encoded");
    assert_eq!(one, other);
    let before = other.uuid();
    apply(&mut other, &create_table("u")).expect("there is none yet");
    assert_ne!(other.uuid(), before);
    assert_eq!(Schema::decode(&[]), Err(DecodeError::Empty));
    assert_eq!(Schema::decode(&[99, 1]), Err(DecodeError::Version { found: 99 }));
    let bytes = one.encode();
    assert!(matches!(Schema::decode(&bytes[..bytes.len() / 2]), Err(DecodeError::Damaged(_))));
}

#[test]
fn nothing_changes_when_a_definition_is_refused() {
    let mut schema = schema();
    let before = schema.clone();
    for refused in [
        create_keyspace(),
        create_table("t"),
        alter(TableChange::Drop(DropColumns {
            if_exists: false,
            names: vec!["a".into(), "k".into()],
            timestamp: None,
        })),
        alter(TableChange::Options(vec![("gc_grace_seconds".into(), PropertyValue::Text("x".into()))])),
    ] {
        assert!(apply(&mut schema, &refused).is_err(), "{refused:?}");
        assert_eq!(schema, before, "{refused:?}");
    }
}

#[test]
fn a_column_that_comes_back_is_another_column() {
    let mut schema = schema();
    let before = table(&schema).column("a").expect("it is there").id;
    apply(
        &mut schema,
        &alter(TableChange::Drop(DropColumns { if_exists: false, names: vec!["a".into()], timestamp: None })),
    )
    .expect("it is there");
    assert_eq!(table(&schema).dropped[0].dropped_time, 5_000);
    let add = |column_type| {
        alter(TableChange::Add(AddColumns { if_not_exists: false, columns: vec![column("a", column_type)] }))
    };
    assert!(matches!(apply(&mut schema, &add(CqlType::Int)), Err(SchemaError::Invalid(_))));
    apply(&mut schema, &add(CqlType::Text)).expect("it has its old type");
    let after = table(&schema).column("a").expect("it is back").id;
    assert_ne!(before, after);
}

#[test]
fn storages_are_never_given_twice() {
    let mut schema = schema();
    let first = table(&schema).storage;
    let applied = apply(&mut schema, &truncate()).expect("it is there");
    assert_eq!((applied.garbage, applied.change), (vec![first], None));
    let second = table(&schema).storage;
    assert_ne!(first, second);
    let drop = DropTable { keyspace: "ks".into(), name: "t".into(), if_exists: false };
    assert_eq!(apply(&mut schema, &Definition::DropTable(drop)).expect("it is there").garbage, [second]);
    apply(&mut schema, &create_table("t")).expect("it is gone");
    assert!(![first, second].contains(&table(&schema).storage));
    let third = table(&schema).storage;
    let drop = DropKeyspace { keyspace: "ks".into(), if_exists: false };
    assert_eq!(apply(&mut schema, &Definition::DropKeyspace(drop)).expect("it is there").garbage, [third]);
}

#[test]
fn the_planted_bug_keeps_the_storage() {
    let mut schema = schema();
    let before = table(&schema).storage;
    let context = DefinitionContext { version: SchemaVersion(9), stamp: HybridTime(1) };
    let applied = schema.apply(&truncate(), &context, &TruncateKeeps).expect("it is there");
    assert!(applied.garbage.is_empty());
    assert_eq!(table(&schema).storage, before);
}

#[test]
fn options_are_validated_and_read_back() {
    let text = |value: &str| PropertyValue::Text(value.into());
    let map = |entries: &[(&str, &str)]| {
        PropertyValue::Map(entries.iter().map(|(key, value)| ((*key).into(), text(value))).collect())
    };
    let set = |name: &str, value: PropertyValue| TableOptions::default().altered(&[(name.to_owned(), value)]);
    let options = set("compaction", map(&[("class", "LeveledCompactionStrategy")])).expect("it is one");
    assert_eq!(options.compaction["class"], "org.apache.cassandra.db.compaction.LeveledCompactionStrategy");
    let options =
        set("compression", map(&[("class", "ZstdCompressor"), ("compression_level", "3")])).expect("it is one");
    assert_eq!(options.compression["chunk_length_in_kb"], "16");
    assert_eq!(set("speculative_retry", text("99PERCENTILE")).expect("it is one").speculative_retry, "99p");
    assert_eq!(set("speculative_retry", text("MIN(99p, 50ms)")).expect("it is one").speculative_retry, "MIN(99p,50ms)");
    assert_eq!(set("comment", text("it's")).expect("it is one").comment, "it's");
    assert!(set("client_side_timestamps", map(&[("status", "ENABLED")])).expect("it is one").client_side_timestamps());
    let syntax = |name: &str, value| assert!(matches!(set(name, value), Err(SchemaError::Syntax(_))), "{name}");
    syntax("nothing", text("1"));
    syntax("compaction", text("1"));
    syntax("comment", map(&[]));
    syntax("gc_grace_seconds", text("soon"));
    syntax("cdc", text("perhaps"));
    let config = |name: &str, value| assert!(matches!(set(name, value), Err(SchemaError::Configuration(_))), "{name}");
    config("gc_grace_seconds", text("-1"));
    config("default_time_to_live", text("630720001"));
    config("bloom_filter_fp_chance", text("0"));
    config("crc_check_chance", text("1.5"));
    config("min_index_interval", text("0"));
    config("max_index_interval", text("100"));
    config("memtable", text("nothing"));
    config("read_repair", text("perhaps"));
    config("speculative_retry", text("100p"));
    config("caching", map(&[("keys", "5")]));
    config("caching", map(&[("nothing", "ALL")]));
    config("compaction", map(&[("min_threshold", "4")]));
    config("compaction", map(&[("class", "NothingStrategy")]));
    config("compaction", map(&[("class", "SizeTieredCompactionStrategy"), ("nothing", "1")]));
    config("compaction", map(&[("class", "SizeTieredCompactionStrategy"), ("min_threshold", "40")]));
    config("compression", map(&[("class", "NothingCompressor")]));
    config("compression", map(&[("class", "LZ4Compressor"), ("chunk_length_in_kb", "15")]));
}

#[test]
fn replication_is_validated_and_read_back() {
    let from = |entries: &[(&str, &str)]| {
        let entries: Vec<(String, String)> =
            entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Replication::from_options("ks", &entries, "dc1").map(|replication| replication.to_options())
    };
    let read = from(&[("class", "NetworkTopologyStrategy"), ("replication_factor", "3")]).expect("it is one");
    assert_eq!(read["dc1"], "3", "the shorthand is expanded");
    let read =
        from(&[("class", "NetworkTopologyStrategy"), ("replication_factor", "3"), ("dc1", "2")]).expect("it is one");
    assert_eq!((read.len(), read["dc1"].as_str()), (2, "2"));
    let read = from(&[("class", "org.apache.cassandra.locator.SimpleStrategy"), ("replication_factor", "1")])
        .expect("it is one");
    assert_eq!(read["class"], "org.apache.cassandra.locator.SimpleStrategy");
    assert_eq!(from(&[("class", "SingleRegionStrategy")]).expect("it is one")["class"], "SingleRegionStrategy");
    for refused in [
        &[("replication_factor", "3")][..],
        &[("class", "SimpleStrategy"), ("replication_factor", "many")],
        &[("class", "SimpleStrategy"), ("replication_factor", "-1")],
        &[("class", "SimpleStrategy"), ("replication_factor", "1"), ("dc1", "1")],
        &[("class", "NetworkTopologyStrategy"), ("dc2", "1")],
        &[("class", "EverywhereStrategy")],
    ] {
        assert!(matches!(from(refused), Err(SchemaError::Configuration(_))), "{refused:?}");
    }
}

/// Stores and peers of another version are told by numbers. Nobody raises a number who does not see that bytes have changed.
#[test]
fn another_layout_is_another_version() {
    let drop = alter(TableChange::Drop(DropColumns { if_exists: true, names: vec!["a".into()], timestamp: Some(7) }));
    let mut schema = schema();
    apply(&mut schema, &drop).expect("it is there");
    let printed = |bytes: &[u8]| (bytes[0], xxhash_rust::xxh3::xxh3_64(bytes));
    let reason = "the layout is another: raise FORMAT_VERSION, that of ShardState, STORE_FORMAT and PROTOCOL_VERSION";
    assert_eq!(printed(&schema.encode()), (3, 0xebf6_0dd5_4503_6015), "{reason}");
    assert_eq!(printed(&drop.encode()), (3, 0x9c82_1f1a_039b_9815), "{reason}");
}
