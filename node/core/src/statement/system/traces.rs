//! Keyspace `system_traces`: nothing is traced yet, but drivers that ask must get an empty answer, not an error.

use super::build::Definition;
use super::build::Kind::{Clustering, Partition, Regular};
use super::local::none;

pub(super) static TABLES: &[Definition] = &[
    Definition {
        keyspace: "system_traces",
        name: "sessions",
        comment: "tracing sessions",
        columns: &[
            ("session_id", Partition, "uuid"),
            ("client", Regular, "inet"),
            ("command", Regular, "text"),
            ("coordinator", Regular, "inet"),
            ("coordinator_port", Regular, "int"),
            ("duration", Regular, "int"),
            ("parameters", Regular, "map<text, text>"),
            ("request", Regular, "text"),
            ("started_at", Regular, "timestamp"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_traces",
        name: "events",
        comment: "tracing events",
        columns: &[
            ("session_id", Partition, "uuid"),
            ("event_id", Clustering, "timeuuid"),
            ("activity", Regular, "text"),
            ("source", Regular, "inet"),
            ("source_elapsed", Regular, "int"),
            ("source_port", Regular, "int"),
            ("thread", Regular, "text"),
        ],
        rows: none,
    },
];
