//! Whose store this is: a record in each environment names the format, the cluster and the node.
//!
//! It is written once, when the store is made, and compared at every start: a folder copied to another node or left
//! over from another cluster is refused before anything is read from it.

use super::StoreError;
use super::environment::{Environment, Table};
use super::seal::{self, Fields, SealError};
use heed::RoTxn;
use trefoil_core::ids::NodeId;

/// Format of the stores as a whole. Every change of a layout in this folder raises it, and of what the core puts into entries and
/// records: what is read wrongly would be taken for damage, and cleared away.
pub(super) const STORE_FORMAT: u32 = 4;

/// The key of the record; the log keeps it beside its entries, the rows in a table of its own.
pub(super) const IDENTITY_KEY: &[u8] = b"M";

/// Which node of which cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: [u8; 16],
    /// The node.
    pub node: NodeId,
}

/// Sixteen bytes as a uuid.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[0..4], &hex[4..6], &hex[6..8], &hex[8..10], &hex[10..16]].map(|group| group.concat()).join("-")
}

impl Identity {
    /// What a store says of itself; `None` when it was never used.
    pub(super) fn read(
        environment: &Environment,
        table: Table,
        txn: &RoTxn<'_>,
    ) -> Result<Option<Identity>, StoreError> {
        let Some(record) = table.get(txn, IDENTITY_KEY).map_err(|source| environment.error(source))? else {
            return Ok(None);
        };
        let parse = |record| -> Result<(u32, Identity), SealError> {
            let mut fields = Fields(seal::open(IDENTITY_KEY, record)?);
            Ok((fields.u32()?, Identity { cluster: fields.bytes()?, node: NodeId(fields.u32()?) }))
        };
        let (format, identity) = parse(record)
            .map_err(|error| environment.unreadable(format!("the record of whose store this is: {error}")))?;
        if format != STORE_FORMAT {
            return Err(StoreError::Format {
                folder: environment.folder.to_path_buf(),
                found: format,
                known: STORE_FORMAT,
            });
        }
        Ok(Some(identity))
    }

    /// Make sure that the store is this node's: write the record into a new one, compare it in an old one.
    pub(super) fn claim(&self, environment: &Environment, table: Table) -> Result<(), StoreError> {
        let txn = environment.env.read_txn().map_err(|source| environment.error(source))?;
        let found = Identity::read(environment, table, &txn)?;
        drop(txn);
        let folder = || environment.folder.to_path_buf();
        match found {
            None => self.write(environment, table).map_err(|source| environment.error(source)),
            Some(found) if found.cluster != self.cluster => Err(StoreError::OtherCluster {
                folder: folder(),
                found: uuid_text(&found.cluster),
                expected: uuid_text(&self.cluster),
            }),
            Some(found) if found.node != self.node => {
                Err(StoreError::OtherNode { folder: folder(), found: found.node.0, expected: self.node.0 })
            }
            Some(_) => Ok(()),
        }
    }

    fn write(&self, environment: &Environment, table: Table) -> Result<(), heed::Error> {
        let mut record = Vec::new();
        seal::seal(IDENTITY_KEY, &mut record, |content| {
            content.extend_from_slice(&STORE_FORMAT.to_le_bytes());
            content.extend_from_slice(&self.cluster);
            content.extend_from_slice(&self.node.0.to_le_bytes());
        });
        let mut txn = environment.env.write_txn()?;
        table.put(&mut txn, IDENTITY_KEY, &record)?;
        txn.commit()
    }
}
