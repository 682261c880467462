//! Keyspace `system_views`: what this node knows about its clients and its settings.

use super::super::context::SessionFacts;
use super::build::Kind::{Clustering, Partition, Regular};
use super::build::{Definition, Source, boolean, inet, int, long, text, text_map};
use super::{CQL_VERSION, PARTITIONER, RELEASE_VERSION};
use bytes::Bytes;
use std::collections::BTreeMap;

pub(super) static TABLES: &[Definition] = &[
    Definition {
        keyspace: "system_views",
        name: "clients",
        comment: "currently connected clients",
        columns: &[
            ("address", Partition, "inet"),
            ("port", Clustering, "int"),
            ("client_options", Regular, "frozen<map<text, text>>"),
            ("connection_stage", Regular, "text"),
            ("driver_name", Regular, "text"),
            ("driver_version", Regular, "text"),
            ("hostname", Regular, "text"),
            ("keyspace_name", Regular, "text"),
            ("protocol_version", Regular, "int"),
            ("request_count", Regular, "bigint"),
            ("ssl_cipher_suite", Regular, "text"),
            ("ssl_enabled", Regular, "boolean"),
            ("ssl_protocol", Regular, "text"),
            ("username", Regular, "text"),
        ],
        rows: clients,
    },
    Definition {
        keyspace: "system_views",
        name: "settings",
        comment: "current settings",
        columns: &[("name", Partition, "text"), ("value", Regular, "text")],
        rows: settings,
    },
];

fn clients(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let row = |session: &SessionFacts| {
        let host = session.remote.ip();
        let driver = [("DRIVER_NAME", &session.driver_name), ("DRIVER_VERSION", &session.driver_version)];
        let known = driver.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let options: BTreeMap<String, String> =
            known.chain([("CQL_VERSION".to_owned(), CQL_VERSION.to_owned())]).collect();
        vec![
            inet(host),
            int(i32::from(session.remote.port())),
            text_map(&options),
            text("ready"),
            session.driver_name.as_deref().and_then(text),
            session.driver_version.as_deref().and_then(text),
            text(&host.to_string()),
            session.keyspace.as_deref().and_then(text),
            int(i32::from(session.protocol_version)),
            long(i64::try_from(session.requests).unwrap_or(i64::MAX)),
            None,
            boolean(false),
            None,
            text("anonymous"),
        ]
    };
    source.facts.sessions.iter().map(row).collect()
}

fn settings(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let layout = source.facts.layout;
    let settings = [
        ("cluster_name", layout.cluster_name.clone()),
        ("partitioner", PARTITIONER.to_owned()),
        ("data_center", layout.data_center.clone()),
        ("zones", layout.zones.join(", ")),
        ("shards", layout.shards.to_string()),
        ("release_version", RELEASE_VERSION.to_owned()),
        ("trefoil_version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    settings.iter().map(|(name, value)| vec![text(name), text(value)]).collect()
}
