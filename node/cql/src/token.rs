//! Where a partition lives on the ring: Murmur3 as Cassandra computes it, which is not the textbook one: bytes of the tail are
//! sign-extended. Drivers compute it, too; a difference would send requests to the wrong node and reorder scans.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A position on the token ring. The whole range of `i64` is the ring; `i64::MIN` is never the token of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token(pub i64);

impl Token {
    /// The token of a serialised partition key (for several components, the composite form of the protocol's routing key).
    pub fn of(key: &[u8]) -> Token {
        let hash = murmur3(key);
        // The least token is kept free: it means "before everything" in ranges.
        Token(if hash == i64::MIN { i64::MAX } else { hash })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

fn mix_first(block: u64) -> u64 {
    block.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix_second(block: u64) -> u64 {
    block.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn finish(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Up to eight bytes of the tail, little endian, each sign-extended as Java does it.
fn tail_block(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().fold(0, |block, (index, &byte)| block ^ ((byte as i8 as u64) << (8 * index)))
}

/// The first half of Murmur3 x64 128 with seed 0.
fn murmur3(data: &[u8]) -> i64 {
    let mut first = 0u64;
    let mut second = 0u64;
    let (blocks, tail) = data.as_chunks::<16>();
    for block in blocks {
        let (low, high) = block.split_at(8);
        let low = low.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        let high = high.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        first ^= mix_first(low);
        first = first.rotate_left(27).wrapping_add(second).wrapping_mul(5).wrapping_add(0x52dc_e729);
        second ^= mix_second(high);
        second = second.rotate_left(31).wrapping_add(first).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    if tail.len() > 8 {
        second ^= mix_second(tail_block(&tail[8..]));
    }
    if !tail.is_empty() {
        first ^= mix_first(tail_block(&tail[..tail.len().min(8)]));
    }
    first ^= data.len() as u64;
    second ^= data.len() as u64;
    first = first.wrapping_add(second);
    second = second.wrapping_add(first);
    first = finish(first);
    second = finish(second);
    first.wrapping_add(second) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that the Python and Java drivers assert, too.
    #[test]
    fn tokens_are_those_of_drivers() {
        for (key, token) in [
            (b"123".to_vec(), -7468325962851647638),
            (b"\x00\xff\x10\xfa\x99".repeat(10), 5837342703291459765),
            (b"\xfe".repeat(8), -8927430733708461935),
            (b"\x10".repeat(8), 1446172840243228796),
            (b"9223372036854775807".to_vec(), 7162290910810015547),
        ] {
            assert_eq!(Token::of(&key), Token(token), "{key:?}");
        }
    }

    /// The factor that undoes a multiplication by an odd number.
    fn inverse(factor: u64) -> u64 {
        (0..6).fold(factor, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(factor.wrapping_mul(inverse))))
    }

    /// A 16-byte key with a given hash: Murmur3 backwards.
    fn key_for(hash: i64) -> [u8; 16] {
        let unfinish = |mut hash: u64| {
            hash ^= hash >> 33;
            hash = hash.wrapping_mul(inverse(0xc4ce_b9fe_1a85_ec53));
            hash ^= hash >> 33;
            hash = hash.wrapping_mul(inverse(0xff51_afd7_ed55_8ccd));
            hash ^ (hash >> 33)
        };
        let sum = unfinish(hash as u64);
        let second = (0u64.wrapping_sub(sum)) ^ 16;
        let first = sum.wrapping_sub(second ^ 16) ^ 16;
        let high = second.wrapping_sub(0x3849_5ab5).wrapping_mul(inverse(5)).wrapping_sub(first).rotate_right(31);
        let low = first.wrapping_sub(0x52dc_e729).wrapping_mul(inverse(5)).rotate_right(27);
        let low = low.wrapping_mul(inverse(C2)).rotate_right(31).wrapping_mul(inverse(C1));
        let high = high.wrapping_mul(inverse(C1)).rotate_right(33).wrapping_mul(inverse(C2));
        let mut key = [0; 16];
        key[..8].copy_from_slice(&low.to_le_bytes());
        key[8..].copy_from_slice(&high.to_le_bytes());
        key
    }

    #[test]
    fn the_least_token_is_no_key_s() {
        for hash in [0, 1, -1, 42, i64::MAX, i64::MIN + 1] {
            assert_eq!(Token::of(&key_for(hash)), Token(hash));
        }
        assert_eq!(murmur3(&key_for(i64::MIN)), i64::MIN);
        assert_eq!(Token::of(&key_for(i64::MIN)), Token(i64::MAX));
    }
}
