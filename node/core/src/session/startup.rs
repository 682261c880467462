//! OPTIONS, STARTUP, REGISTER: how a conversation begins. Options that we do not know are tolerated, as every driver has its own.

use super::Client;
use crate::node::Node;
use crate::world::World;
use std::collections::BTreeMap;
use trefoil_cql::protocol::request::{Register, Startup};
use trefoil_cql::protocol::response::{CqlError, Response};
use trefoil_cql::protocol::version::ProtocolVersion;

/// What SUPPORTED says of CQL: Cassandra 5.0's.
const CQL_VERSION: &str = "3.4.7";

impl Node {
    pub(super) fn options<W: World>(&mut self, client: &Client, world: &mut W) {
        let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
        let compression = if client.version >= ProtocolVersion::V5 { list(&["lz4"]) } else { list(&["snappy", "lz4"]) };
        let options = BTreeMap::from([
            ("CQL_VERSION".to_owned(), list(&[CQL_VERSION])),
            ("COMPRESSION".to_owned(), compression),
            ("PROTOCOL_VERSIONS".to_owned(), list(&["3/v3", "4/v4", "5/v5"])),
        ]);
        let envelope = Response::Supported(options).encode(client.version, client.stream);
        self.reply(client, envelope, world);
    }

    pub(super) fn startup<W: World>(&mut self, client: &Client, startup: &Startup, world: &mut W) {
        let Some(cql_version) = startup.option("CQL_VERSION") else {
            let error = CqlError::protocol("Missing value CQL_VERSION in STARTUP message");
            return self.reply_error(client, error, world);
        };
        if !is_supported(cql_version) {
            let error = CqlError::protocol(format!("CQL version {cql_version} is not supported by this server"));
            return self.reply_error(client, error, world);
        }
        if let Err(problem) = startup.compression(client.version) {
            return self.reply_error(client, CqlError::protocol(problem.to_string()), world);
        }
        let option = |name| startup.option(name).map(ToOwned::to_owned);
        self.sessions.change(client.conn, |session| {
            session.ready = true;
            session.driver = (option("DRIVER_NAME"), option("DRIVER_VERSION"));
        });
        self.reply(client, Response::Ready.encode(client.version, client.stream), world);
    }

    pub(super) fn register<W: World>(&mut self, client: &Client, register: &Register, world: &mut W) {
        if let Some(session) = self.sessions.sessions.get_mut(&client.conn) {
            session.events.extend(register.events.iter().copied());
        }
        self.reply(client, Response::Ready.encode(client.version, client.stream), world);
    }
}

/// Any version of CQL from 3.0.0 up: the Rust driver says 4.0.0.
fn is_supported(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u32>);
    matches!(numbers.next(), Some(Ok(major)) if major >= 3)
}

#[cfg(test)]
mod tests {
    use super::is_supported;

    #[test]
    fn every_cql_from_three_up_is_spoken() {
        for version in ["3.0.0", "3.4.7", "3.4.5", "4.0.0"] {
            assert!(is_supported(version), "{version}");
        }
        for version in ["2.0.0", "", "x", "1"] {
            assert!(!is_supported(version), "{version}");
        }
    }
}
