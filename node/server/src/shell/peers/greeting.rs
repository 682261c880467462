//! The greeting: who calls, who answers, of which cluster, in which version. Checked before anything else is read.
//!
//! Layout (40 bytes): "TRFL", version u16, cluster 16 bytes, sender u32, receiver u32, reserved 6 bytes (zero), CRC32 u32 of all before
//! it; numbers little endian. Both sides send one. The first six bytes and the length never change, so that any two versions can tell
//! each other which they are.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use trefoil_core::ids::NodeId;

/// The version of greeting, frames and messages. Any change of these raises it.
pub const PROTOCOL_VERSION: u16 = 3;

const MAGIC: [u8; 4] = *b"TRFL";
const GREETING_BYTES: usize = 40;

/// What one side says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The cluster.
    pub cluster: [u8; 16],
    /// Who says it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
}

/// Why a greeting is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum GreetingError {
    /// Something else speaks there.
    #[error("what answers there is not a trefoil node")]
    NotTrefoil,
    /// Another version.
    #[error(
        "the peer speaks version {theirs} of the protocol between nodes, this one speaks {PROTOCOL_VERSION}; run the same version of trefoil on all nodes"
    )]
    Version {
        /// Its version.
        theirs: u16,
    },
    /// Another cluster.
    #[error("the peer belongs to another cluster ({})", crate::store::uuid_text(cluster))]
    Cluster {
        /// Its cluster.
        cluster: [u8; 16],
    },
    /// Another node than expected.
    #[error("node {from} spoke to node {to}, but this is about another pair")]
    Node {
        /// Who spoke.
        from: NodeId,
        /// To whom.
        to: NodeId,
    },
    /// Damaged on the way.
    #[error("the greeting is damaged")]
    Damaged,
    /// The network failed.
    #[error(transparent)]
    Network(#[from] io::Error),
}

impl Greeting {
    /// Say it.
    ///
    /// # Errors
    /// When the network fails.
    pub async fn send(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        stream.write_all(&self.encode(PROTOCOL_VERSION)).await?;
        stream.flush().await
    }

    pub(super) fn encode(&self, version: u16) -> [u8; GREETING_BYTES] {
        let mut bytes = [0; GREETING_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&version.to_le_bytes());
        bytes[6..22].copy_from_slice(&self.cluster);
        bytes[22..26].copy_from_slice(&self.from.0.to_le_bytes());
        bytes[26..30].copy_from_slice(&self.to.0.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..36]);
        bytes[36..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Hear the other side's; it must be of this cluster.
    ///
    /// # Errors
    /// When it is not, or speaks something else.
    pub async fn receive(stream: &mut (impl AsyncRead + Unpin), cluster: [u8; 16]) -> Result<Greeting, GreetingError> {
        let mut start = [0; 6];
        stream.read_exact(&mut start).await?;
        if start[..4] != MAGIC {
            return Err(GreetingError::NotTrefoil);
        }
        let theirs = u16::from_le_bytes([start[4], start[5]]);
        if theirs != PROTOCOL_VERSION {
            return Err(GreetingError::Version { theirs });
        }
        let mut bytes = [0; GREETING_BYTES];
        bytes[..6].copy_from_slice(&start);
        stream.read_exact(&mut bytes[6..]).await?;
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if number(36) != crc32fast::hash(&bytes[..36]) {
            return Err(GreetingError::Damaged);
        }
        let mut found = [0; 16];
        found.copy_from_slice(&bytes[6..22]);
        if found != cluster {
            return Err(GreetingError::Cluster { cluster: found });
        }
        Ok(Greeting { cluster, from: NodeId(number(22)), to: NodeId(number(26)) })
    }
}
