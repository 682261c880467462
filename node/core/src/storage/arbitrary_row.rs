//! Random rows for tests: few columns, paths, timestamps and values, so that ties and overlaps are frequent.

use super::merge::Normaliser;
use super::row::{Cell, Content, Deletion, Header, Marker};
use crate::bugs::NoBugs;
use crate::ids::ColumnId;
use quickcheck::{Arbitrary, Gen};

/// A normal row.
#[derive(Clone, Debug)]
pub(crate) struct AnyRow {
    pub(crate) bytes: Vec<u8>,
}

impl Arbitrary for AnyRow {
    fn arbitrary(random: &mut Gen) -> AnyRow {
        let mut small = |below: i64| i64::from(u32::arbitrary(random)) % below;
        let header = Header {
            marker: (small(2) == 0).then(|| {
                let ttl = small(3) as u32;
                Marker { timestamp: small(6), ttl, expires: if ttl == 0 { 0 } else { small(4) } }
            }),
            deletion: (small(4) == 0).then(|| Deletion { timestamp: small(6), seconds: small(4) }),
        };
        let paths: [&[u8]; 4] = [b"", b"a", b"ab", b"b"];
        let values: [&[u8]; 3] = [b"", b"x", b"y"];
        let mut cells: Vec<Cell<'_>> = (0..small(7))
            .map(|_| {
                let ttl = small(3) as u32;
                let expires = if ttl == 0 { 0 } else { small(4) };
                let value = values[small(3) as usize];
                Cell {
                    column: ColumnId(small(3) as u32),
                    path: (small(2) == 0).then(|| paths[small(4) as usize]),
                    timestamp: small(6),
                    content: match small(3) {
                        0 => Content::Deleted { seconds: small(4) },
                        _ => Content::Value { value, ttl, expires },
                    },
                }
            })
            .collect();
        cells.sort_by(Cell::order);
        let mut bytes = Vec::new();
        let mut normaliser = Normaliser::new(header, &mut bytes, &NoBugs);
        cells.iter().for_each(|cell| normaliser.push(*cell));
        normaliser.finish();
        AnyRow { bytes }
    }
}
