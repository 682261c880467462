//! PREPARED: the statement is remembered under this id; these are its bind markers and the columns of its result. From
//! the positions of the partition key drivers compute which replica to ask.

use super::metadata::{
    ColumnSpec, EncodedColumns, GLOBAL_TABLE, HAS_MORE_PAGES, MetadataForm, NO_METADATA, ResultMetadata,
    decode_columns, decode_count,
};
use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use bytes::Bytes;

/// The statement is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Under this id.
    pub id: Bytes,
    /// Names these result columns (version 5; empty before). A client sends it with EXECUTE.
    pub result_metadata_id: Bytes,
    /// The bind markers, in order.
    pub bind_markers: Vec<ColumnSpec>,
    /// For each component of the partition key the position of its bind marker; empty if not all are bound (version 4 and
    /// later; left out when the markers belong to several tables).
    pub partition_key: Vec<u16>,
    /// The columns of the result; none for statements that return no rows.
    pub result_metadata: Option<ResultMetadata>,
}

impl Prepared {
    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_short_bytes(&self.id);
        if version >= ProtocolVersion::V5 {
            body.put_short_bytes(&self.result_metadata_id);
        }
        let markers = EncodedColumns::new(&self.bind_markers, version);
        body.put_int(markers.flags());
        body.put_int_count(markers.count());
        if version >= ProtocolVersion::V4 {
            // Positions in markers of several tables would mislead drivers.
            let positions = if markers.flags() & GLOBAL_TABLE != 0 { &self.partition_key[..] } else { &[] };
            body.put_int_count(positions.len());
            for position in positions {
                body.put_short(*position);
            }
        }
        body.extend_from_slice(markers.bytes());
        match &self.result_metadata {
            Some(metadata) => MetadataForm::Full(&metadata.encoded(version)).encode(body, version, None),
            None => MetadataForm::Omitted { columns: 0 }.encode(body, version, None),
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Prepared, ProtocolError> {
        let id = reader.short_bytes("statement id")?;
        let mut result_metadata_id = Bytes::new();
        if reader.version() >= ProtocolVersion::V5 {
            result_metadata_id = reader.short_bytes("result metadata id")?;
        }
        let flags = reader.int("flags of bind markers")?;
        let count = decode_count(reader, "number of bind markers")?;
        let mut partition_key = Vec::new();
        if reader.version() >= ProtocolVersion::V4 {
            let components = decode_count(reader, "size of partition key")?;
            partition_key.reserve_exact(reader.plausible(components, 2));
            for _ in 0..components {
                partition_key.push(reader.short("position in partition key")?);
            }
        }
        let bind_markers = decode_columns(reader, flags, count)?;
        let result_metadata = decode_result_metadata(reader)?;
        Ok(Prepared { id, result_metadata_id, bind_markers, partition_key, result_metadata })
    }
}

fn decode_result_metadata(reader: &mut Reader<'_>) -> Result<Option<ResultMetadata>, ProtocolError> {
    let flags = reader.int("flags of result")?;
    let count = decode_count(reader, "number of columns")?;
    if flags & HAS_MORE_PAGES != 0 {
        reader.bytes("paging state")?;
    }
    if flags & NO_METADATA != 0 {
        return Ok(None);
    }
    Ok(Some(ResultMetadata { columns: decode_columns(reader, flags, count)? }))
}
