//! STARTUP: the first message of a connection. Drivers send all kinds of options; what we do not know is kept for the
//! list of clients and otherwise ignored.

use crate::protocol::compression::Compression;
use crate::protocol::error::{CompressionProblem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use std::collections::BTreeMap;

/// Begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Startup {
    /// CQL_VERSION, COMPRESSION, DRIVER_NAME and what else the client says. Names in upper case, as Cassandra reads them.
    pub options: BTreeMap<String, String>,
}

impl Startup {
    /// The options of an ordinary client.
    #[must_use]
    pub fn new(compression: Compression) -> Startup {
        let mut options = BTreeMap::from([("CQL_VERSION".to_owned(), "3.4.7".to_owned())]);
        if let Some(name) = compression.name() {
            options.insert("COMPRESSION".to_owned(), name.to_owned());
        }
        Startup { options }
    }

    /// The option of this name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The compression asked for.
    ///
    /// # Errors
    /// When there is no such algorithm in this version; the client is to be told so.
    pub fn compression(&self, version: ProtocolVersion) -> Result<Compression, CompressionProblem> {
        self.option("COMPRESSION").map_or(Ok(Compression::None), |name| Compression::from_name(name, version))
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Startup, ProtocolError> {
        let options = reader.string_map("options")?;
        Ok(Startup { options: options.into_iter().map(|(name, value)| (name.to_uppercase(), value)).collect() })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>) {
        body.put_string_map(&self.options);
    }
}
