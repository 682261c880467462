//! One row in its stored form: liveness marker, row deletion, cells. Compact bytes that are read in place.
//!
//! A row is always *normal*: nothing in it is deleted by something else in it, and each cell is there once. Only `merge` and
//! `RowWriter` make rows, so equal content has equal bytes. Format: FORMAT.md, "Row store".

use super::encoding::{Malformed, Reader, put_bytes, put_signed, put_varint};
use crate::ids::ColumnId;
use std::cmp::Ordering;

const MARKER: u8 = 1;
const MARKER_EXPIRES: u8 = 1 << 1;
const DELETION: u8 = 1 << 2;
/// Something in the row is a tombstone or expires: without it, purging and expiry have nothing to look for.
const MORTAL: u8 = 1 << 3;
const HEAD_KNOWN: u8 = MARKER | MARKER_EXPIRES | DELETION | MORTAL;

const CELL_PATH: u8 = 1;
const CELL_DELETED: u8 = 1 << 1;
const CELL_EXPIRES: u8 = 1 << 2;
/// The timestamp is that of the item before: the cell, the row deletion, or the marker.
const CELL_SAME_TIMESTAMP: u8 = 1 << 3;
const CELL_KNOWN: u8 = CELL_PATH | CELL_DELETED | CELL_EXPIRES | CELL_SAME_TIMESTAMP;

/// What a tombstone says: everything at or before this timestamp is deleted. Orders by what supersedes what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Deletion {
    /// Microseconds.
    pub(crate) timestamp: i64,
    /// Seconds since 1970 when it was made, by the log's stamp: purging goes by it.
    pub(crate) seconds: i64,
}

/// What INSERT leaves besides cells: the row exists although all its cells may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Marker {
    /// Microseconds.
    pub(crate) timestamp: i64,
    /// As written; 0: for ever.
    pub(crate) ttl: u32,
    /// Seconds since 1970; meaningless when `ttl` is 0.
    pub(crate) expires: i64,
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Content<'a> {
    /// A value.
    Value {
        /// Serialised.
        value: &'a [u8],
        /// Seconds to live as written; 0: for ever.
        ttl: u32,
        /// Seconds since 1970; 0 when `ttl` is.
        expires: i64,
    },
    /// A tombstone, made at these seconds since 1970.
    Deleted {
        /// Seconds since 1970.
        seconds: i64,
    },
}

/// One cell. A tombstone without path deletes the whole column: its simple value and all its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell<'a> {
    /// The column.
    pub(crate) column: ColumnId,
    /// Which element of a collection; `None`: the simple value, or the deletion of the column.
    pub(crate) path: Option<&'a [u8]>,
    /// Microseconds.
    pub(crate) timestamp: i64,
    /// Value or tombstone.
    pub(crate) content: Content<'a>,
}

impl<'a> Cell<'a> {
    /// Whether it deletes the whole column.
    #[inline]
    pub(crate) fn is_column_deletion(&self) -> bool {
        self.path.is_none() && matches!(self.content, Content::Deleted { .. })
    }

    /// Order within a row: by column; its deletion first, then the simple value, then elements by path.
    #[inline]
    pub(crate) fn order(&self, other: &Cell<'_>) -> Ordering {
        let rank = |cell: &Cell<'_>| match cell.path {
            None => !cell.is_column_deletion() as u8,
            Some(_) => 2,
        };
        self.column
            .cmp(&other.column)
            .then_with(|| rank(self).cmp(&rank(other)))
            .then_with(|| self.path.cmp(&other.path))
    }

    /// The value, if it is one and has not expired.
    #[inline]
    pub(crate) fn live_value(&self, now_seconds: i64) -> Option<&'a [u8]> {
        match self.content {
            Content::Value { value, ttl, expires } if ttl == 0 || expires > now_seconds => Some(value),
            _ => None,
        }
    }
}

impl Marker {
    /// Whether it still keeps the row alive.
    #[inline]
    pub(crate) fn is_live(&self, now_seconds: i64) -> bool {
        self.ttl == 0 || self.expires > now_seconds
    }
}

/// A row's bytes, validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowView<'a> {
    bytes: &'a [u8],
}

/// What precedes the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: Option<Marker>,
    pub(crate) deletion: Option<Deletion>,
}

impl<'a> RowView<'a> {
    /// Bytes that a `RowWriter` of this version made: from a memtable, or from the store under a good checksum.
    #[inline]
    pub(crate) fn trusted(bytes: &'a [u8]) -> RowView<'a> {
        RowView { bytes }
    }

    /// Bytes from elsewhere: walks through all of them.
    pub(crate) fn validate(bytes: &'a [u8]) -> Result<RowView<'a>, Malformed> {
        let mut reader = Reader::new(bytes);
        let (_, mut timestamp) = read_header(&mut reader)?;
        while !reader.is_empty() {
            read_cell(&mut reader, &mut timestamp)?;
        }
        Ok(RowView { bytes })
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Nothing in it, not even a tombstone.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() <= 1 && self.bytes.first().is_none_or(|head| head & (MARKER | DELETION) == 0)
    }

    /// Whether anything in it is a tombstone or expires.
    #[inline]
    pub(crate) fn is_mortal(&self) -> bool {
        self.bytes.first().is_some_and(|head| head & MORTAL != 0)
    }

    /// Marker, row deletion, and the cells after them.
    #[inline]
    pub(crate) fn parts(&self) -> (Header, Cells<'a>) {
        let mut reader = Reader::new(self.bytes);
        let (header, timestamp) = read_header(&mut reader).expect("rows are validated where they come in");
        (header, Cells { reader, timestamp })
    }

    /// Whether a reader sees a row: by its marker, or by any value.
    #[cfg(test)]
    pub(crate) fn is_live(&self, now_seconds: i64) -> bool {
        let (header, mut cells) = self.parts();
        header.marker.is_some_and(|marker| marker.is_live(now_seconds))
            || cells.any(|cell| cell.live_value(now_seconds).is_some())
    }
}

/// The cells of a row, in order.
#[derive(Clone, Debug)]
pub(crate) struct Cells<'a> {
    reader: Reader<'a>,
    timestamp: Option<i64>,
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    #[inline]
    fn next(&mut self) -> Option<Cell<'a>> {
        if self.reader.is_empty() {
            return None;
        }
        Some(read_cell(&mut self.reader, &mut self.timestamp).expect("rows are validated where they come in"))
    }
}

#[inline]
fn read_header(reader: &mut Reader<'_>) -> Result<(Header, Option<i64>), Malformed> {
    let head = reader.u8()?;
    if head & !HEAD_KNOWN != 0 {
        return Err(Malformed);
    }
    let mut header = Header::default();
    let mut last = None;
    if head & MARKER != 0 {
        let timestamp = reader.i64()?;
        let (mut ttl, mut expires) = (0, 0);
        if head & MARKER_EXPIRES != 0 {
            ttl = reader.varint_u32()?;
            expires = reader.signed()?;
        }
        header.marker = Some(Marker { timestamp, ttl, expires });
        last = Some(timestamp);
    }
    if head & DELETION != 0 {
        let deletion = Deletion { timestamp: reader.i64()?, seconds: reader.signed()? };
        header.deletion = Some(deletion);
        last = Some(deletion.timestamp);
    }
    Ok((header, last))
}

#[inline]
fn read_cell<'a>(reader: &mut Reader<'a>, last: &mut Option<i64>) -> Result<Cell<'a>, Malformed> {
    let flags = reader.u8()?;
    if flags & !CELL_KNOWN != 0 {
        return Err(Malformed);
    }
    let column = ColumnId(reader.varint_u32()?);
    let timestamp = if flags & CELL_SAME_TIMESTAMP != 0 { last.ok_or(Malformed)? } else { reader.i64()? };
    *last = Some(timestamp);
    let (mut seconds, mut ttl, mut expires) = (0, 0, 0);
    if flags & CELL_DELETED != 0 {
        seconds = reader.signed()?;
    } else if flags & CELL_EXPIRES != 0 {
        ttl = reader.varint_u32()?;
        expires = reader.signed()?;
    }
    let path = if flags & CELL_PATH != 0 { Some(reader.bytes()?) } else { None };
    let content = if flags & CELL_DELETED != 0 {
        Content::Deleted { seconds }
    } else {
        Content::Value { value: reader.bytes()?, ttl, expires }
    };
    Ok(Cell { column, path, timestamp, content })
}

/// Writes a row: header first, then cells in order. What is written must be normal.
#[derive(Debug)]
pub(crate) struct RowWriter<'o> {
    out: &'o mut Vec<u8>,
    head: usize,
    last: Option<i64>,
}

impl<'o> RowWriter<'o> {
    /// Appends a row to `out`.
    #[inline]
    pub(crate) fn new(out: &'o mut Vec<u8>, header: Header) -> RowWriter<'o> {
        let head = out.len();
        out.push(0);
        let mut writer = RowWriter { out, head, last: None };
        if let Some(marker) = header.marker {
            writer.out[head] |= MARKER;
            writer.out.extend_from_slice(&marker.timestamp.to_le_bytes());
            if marker.ttl != 0 {
                writer.out[head] |= MARKER_EXPIRES | MORTAL;
                put_varint(writer.out, u64::from(marker.ttl));
                put_signed(writer.out, marker.expires);
            }
            writer.last = Some(marker.timestamp);
        }
        if let Some(deletion) = header.deletion {
            writer.out[head] |= DELETION | MORTAL;
            writer.out.extend_from_slice(&deletion.timestamp.to_le_bytes());
            put_signed(writer.out, deletion.seconds);
            writer.last = Some(deletion.timestamp);
        }
        writer
    }

    /// The next cell.
    #[inline]
    pub(crate) fn cell(&mut self, cell: &Cell<'_>) {
        let mut flags = if cell.path.is_some() { CELL_PATH } else { 0 };
        let same = self.last == Some(cell.timestamp);
        flags |= if same { CELL_SAME_TIMESTAMP } else { 0 };
        flags |= match cell.content {
            Content::Deleted { .. } => CELL_DELETED,
            Content::Value { ttl: 0, .. } => 0,
            Content::Value { .. } => CELL_EXPIRES,
        };
        self.out.push(flags);
        put_varint(self.out, u64::from(cell.column.0));
        if !same {
            self.out.extend_from_slice(&cell.timestamp.to_le_bytes());
            self.last = Some(cell.timestamp);
        }
        match cell.content {
            Content::Deleted { seconds } => {
                self.out[self.head] |= MORTAL;
                put_signed(self.out, seconds);
            }
            Content::Value { ttl, expires, .. } if ttl != 0 => {
                self.out[self.head] |= MORTAL;
                put_varint(self.out, u64::from(ttl));
                put_signed(self.out, expires);
            }
            Content::Value { .. } => {}
        }
        if let Some(path) = cell.path {
            put_bytes(self.out, path);
        }
        if let Content::Value { value, .. } = cell.content {
            put_bytes(self.out, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_as_written_down() {
        // Golden: a change here is a change of format, and needs a new version in FORMAT.md.
        let mut out = Vec::new();
        let header = Header {
            marker: Some(Marker { timestamp: 0x0102, ttl: 300, expires: 1000 }),
            deletion: Some(Deletion { timestamp: 5, seconds: -1 }),
        };
        let mut writer = RowWriter::new(&mut out, header);
        let value = |value| Content::Value { value, ttl: 0, expires: 0 };
        writer.cell(&Cell { column: ColumnId(1), path: None, timestamp: 6, content: value(b"ab") });
        writer.cell(&Cell {
            column: ColumnId(200),
            path: None,
            timestamp: 6,
            content: Content::Deleted { seconds: 7 },
        });
        let expiring = Content::Value { value: b"", ttl: 1, expires: 64 };
        writer.cell(&Cell { column: ColumnId(200), path: Some(b"k"), timestamp: 8, content: expiring });
        let golden = [
            &[0x0f][..],                                                            // marker, expiring, deletion, mortal
            &[0x02, 0x01, 0, 0, 0, 0, 0, 0, 0xac, 0x02, 0xd0, 0x0f],                // marker: timestamp, ttl, expires
            &[5, 0, 0, 0, 0, 0, 0, 0, 1],                                           // row deletion: timestamp, seconds
            &[0x00, 1, 6, 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b'],                      // simple value
            &[0x0a, 0xc8, 0x01, 14],                                                // column deletion, same timestamp
            &[0x05, 0xc8, 0x01, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0x01, 1, b'k', 0], // expiring element
        ]
        .concat();
        assert_eq!(out, golden);
        let view = RowView::validate(&out).expect("valid");
        assert_eq!(view.parts().0, header);
        assert_eq!(view.parts().1.count(), 3);
        for length in 1..out.len() {
            let whole = RowView::validate(&out[..length]).map(|view| view.parts().1.count());
            assert!(whole != Ok(3), "a cut row is noticed or shorter, never the same");
        }
    }
}
