//! A small store byte for byte. If this fails, the format has changed: raise its version, write it down in FORMAT.md, and keep
//! reading the old one.

use super::random::header;
use super::store::Replica;
use crate::command::{
    CellChange, CellOperation, Change, ClusteringRange, Command, Mutation, PartitionKey, PurgeCommand, RowChange,
    RowId, WriteCommand,
};
use crate::ids::{ColumnId, StorageId};
use crate::time::HybridTime;
use bytes::Bytes;
use trefoil_cql::token::Token;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_store_is_as_written_down() {
    let partition = PartitionKey { token: Token(5), key: Bytes::from_static(b"p\0") };
    let row = |row, ttl, operation| {
        let cells = vec![CellChange { column: ColumnId(1), operation }];
        Change::Row(RowChange { row, marker: true, ttl, cells })
    };
    let set = || CellOperation::Set(Bytes::from_static(b"v"));
    let key = |bytes: Vec<u8>| RowId::Row(Bytes::from(bytes));
    let changes = vec![
        row(RowId::Static, 0, set()),
        row(key(vec![2, 7]), 60, set()),
        row(key(vec![2, 8]), 0, CellOperation::ListAppend(vec![Bytes::from_static(b"e")])),
        row(key(vec![9; 500]), 0, set()),
        Change::DeleteRow(Bytes::from_static(&[2, 9])),
        Change::DeleteRange(ClusteringRange { start: Bytes::from_static(&[3]), end: Bytes::from_static(&[4]) }),
    ];
    let mutations = vec![Mutation { table: StorageId(1), partition, timestamp: None, now_seconds: None, changes }];
    let mut replica = Replica::new();
    let purge = PurgeCommand { deleted_before: 1, exceptions: vec![] };
    replica.apply(1, HybridTime(2_000_000), &Command::Purge(purge));
    replica.apply(
        2,
        HybridTime(3_000_000),
        &Command::Write(WriteCommand { header: header(), conditions: vec![], mutations }),
    );
    replica.flush();
    let lines: Vec<String> = replica
        .rows
        .map
        .iter()
        .map(|(key, value)| format!("{} = {}", hex(key), hex(value)).replace(&"09".repeat(10), "~"))
        .collect();
    assert_eq!(lines.join("\n"), GOLDEN.trim());
}

/// `~` stands for ten times 09.
const GOLDEN: &str = "
000100000001 = 0168a5ce7b359b13730201809bee020200000773746174652032
0100000001800000000000000570010100 = 0112beb4d47592e68400010103010401c0c62d000000000006
020000000180000000000000057001010001 = 01e3181a15838bd9840201c0c62d000000000008010176
0200000001800000000000000570010100020207 = 01b6f2dcc5d2d92cfb020bc0c62d00000000003c7e0c013c7e0176
0200000001800000000000000570010100020208 = 016810884ebd7cc5490201c0c62d000000000009011080000000002dc6c000000001000000000165
0200000001800000000000000570010100020209 = 01fca16542656f5972020cc0c62d000000000006
020000000180000000000000057001010002~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~0909 = 0164ed367eecca46cd26~~~09090909090909090e0201c0c62d000000000008010176
";
