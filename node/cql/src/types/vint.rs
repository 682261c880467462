//! Cassandra's variable-length integers: as many leading ones in the first byte as bytes follow it; signed ones are folded
//! (zigzag) so that small magnitudes are short.

/// Takes an unsigned integer from the front.
pub(super) fn take_unsigned(rest: &mut &[u8]) -> Option<u64> {
    let (&first, tail) = rest.split_first()?;
    let extra = first.leading_ones() as usize;
    let (more, tail) = tail.split_at_checked(extra)?;
    let start = if extra >= 7 { 0 } else { u64::from(first) & (0x7f >> extra) };
    *rest = tail;
    Some(more.iter().fold(start, |value, &byte| value << 8 | u64::from(byte)))
}

/// Appends an unsigned integer.
pub(super) fn put_unsigned(value: u64, out: &mut Vec<u8>) {
    let significant = 64 - (value | 1).leading_zeros() as usize;
    // Each extra byte costs one bit of the first.
    let extra = (significant - 1) / 7;
    let bytes = value.to_be_bytes();
    if extra >= 8 {
        out.push(0xff);
        out.extend_from_slice(&bytes);
        return;
    }
    let start = out.len();
    out.extend_from_slice(&bytes[7 - extra..]);
    out[start] |= !(0xff >> extra) as u8;
}

/// Takes a signed integer from the front.
pub(super) fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    take_unsigned(rest).map(|folded| (folded >> 1) as i64 ^ -((folded & 1) as i64))
}

/// Appends a signed integer.
pub(super) fn put_signed(value: i64, out: &mut Vec<u8>) {
    put_unsigned(((value << 1) ^ (value >> 63)) as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_integers_are_cassandra_s() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x80]),
            (16_383, &[0xbf, 0xff]),
            (16_384, &[0xc0, 0x40, 0x00]),
            (0x1f_ffff, &[0xdf, 0xff, 0xff]),
            (0x20_0000, &[0xe0, 0x20, 0x00, 0x00]),
            (u64::MAX >> 8, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (u64::MAX, &[0xff; 9]),
        ] {
            let mut out = Vec::new();
            put_unsigned(value, &mut out);
            assert_eq!(out, bytes, "{value}");
            let mut rest = bytes;
            assert_eq!(take_unsigned(&mut rest), Some(value));
            assert!(rest.is_empty());
        }
        assert_eq!(take_unsigned(&mut &[0x80][..]), None);
        assert_eq!(take_unsigned(&mut &[][..]), None);
    }

    #[test]
    fn signed_integers_come_back() {
        for value in [0, -1, 1, -64, 64, i64::MIN, i64::MAX, 1_000_000_007] {
            let mut out = Vec::new();
            put_signed(value, &mut out);
            assert_eq!(take_signed(&mut out.as_slice()), Some(value));
        }
        let mut out = Vec::new();
        put_signed(-1, &mut out);
        assert_eq!(out, [1]);
    }
}
