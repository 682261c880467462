//! How collections, tuples and user types are laid out, in protocol v3 and later: a list, set or map is a 4-byte count and
//! then each part with its 4-byte length; a tuple or user type is its fields, each with its length, -1 for null, and may
//! end early.

use super::error::invalid;
use super::{CqlType, InvalidValue, compare};
use std::cmp::Ordering;

/// Takes a 4-byte integer from the front.
fn take_i32(rest: &mut &[u8]) -> Option<i32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(i32::from_be_bytes(*head))
}

/// Takes a part with its length from the front: `Some(None)` is null, `None` is not enough bytes.
fn take_part<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let mut ahead = *rest;
    let length = take_i32(&mut ahead)?;
    let Ok(length) = usize::try_from(length) else {
        *rest = ahead;
        return Some(None);
    };
    let (part, tail) = ahead.split_at_checked(length)?;
    *rest = tail;
    Some(Some(part))
}

/// The elements of a list or set, in order, and the keys and values of a map, alternating.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    remaining: usize,
}

/// Reads a list or set.
///
/// # Errors
/// When there is no count.
pub fn elements(bytes: &[u8]) -> Result<Elements<'_>, InvalidValue> {
    parts(bytes, 1)
}

/// Reads a map: keys and values alternate.
///
/// # Errors
/// When there is no count.
pub fn entries(bytes: &[u8]) -> Result<Elements<'_>, InvalidValue> {
    parts(bytes, 2)
}

/// Reads a collection of elements with so many parts each.
pub(super) fn parts(mut bytes: &[u8], each: usize) -> Result<Elements<'_>, InvalidValue> {
    match take_i32(&mut bytes).map(usize::try_from) {
        Some(Ok(count)) => Ok(Elements { rest: bytes, remaining: count.saturating_mul(each) }),
        _ => invalid!("Not enough bytes to read a collection"),
    }
}

impl<'a> Elements<'a> {
    /// How many parts are still to come, if the value is what it says.
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// What is left of the bytes.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], InvalidValue>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.remaining == 0 {
            return None;
        }
        self.remaining -= 1;
        match take_part(&mut self.rest) {
            Some(Some(part)) => Some(Ok(part)),
            bad => {
                self.remaining = 0;
                self.rest = &[];
                Some(match bad {
                    None => invalid!("Not enough bytes to read a collection"),
                    _ => invalid!("Null value read when not allowed"),
                })
            }
        }
    }
}

/// The fields of a tuple or user type that are there; `None` is null.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    index: usize,
}

/// Reads a tuple or user type.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { rest: bytes, index: 0 }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Option<&'a [u8]>, InvalidValue>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let part = take_part(&mut self.rest);
        self.index += 1;
        Some(part.ok_or_else(|| {
            self.rest = &[];
            InvalidValue(format!("Not enough bytes to read {}th component", self.index - 1))
        }))
    }
}

fn put_part(part: &[u8], out: &mut Vec<u8>) {
    // Frames end long before 2 GiB, so no part is larger.
    out.extend_from_slice(&(part.len() as i32).to_be_bytes());
    out.extend_from_slice(part);
}

/// A collection of so many elements with these parts.
pub fn join(count: usize, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let size = parts.iter().map(|part| 4 + part.as_ref().len()).sum::<usize>();
    let mut out = Vec::with_capacity(4 + size);
    out.extend_from_slice(&(count as i32).to_be_bytes());
    parts.iter().for_each(|part| put_part(part.as_ref(), &mut out));
    out
}

/// A list of these elements; a set, if they are sorted and unique.
pub fn join_elements(elements: &[impl AsRef<[u8]>]) -> Vec<u8> {
    join(elements.len(), elements)
}

/// A set of these elements, sorted here, each once.
pub fn join_set<T: AsRef<[u8]>>(element_type: &CqlType, mut elements: Vec<T>) -> Vec<u8> {
    elements.sort_by(|a, b| compare(element_type, a.as_ref(), b.as_ref()));
    elements.dedup_by(|a, b| compare(element_type, a.as_ref(), b.as_ref()) == Ordering::Equal);
    join_elements(&elements)
}

/// A map of these keys and values, sorted here; of two values of one key, the later counts.
pub fn join_map<T: AsRef<[u8]>>(key_type: &CqlType, mut entries: Vec<(T, T)>) -> Vec<u8> {
    entries.reverse();
    entries.sort_by(|(a, _), (b, _)| compare(key_type, a.as_ref(), b.as_ref()));
    entries.dedup_by(|(a, _), (b, _)| compare(key_type, a.as_ref(), b.as_ref()) == Ordering::Equal);
    let count = entries.len();
    let parts: Vec<T> = entries.into_iter().flat_map(|(key, value)| [key, value]).collect();
    join(count, &parts)
}

/// A tuple or user type of these fields; `None` is null.
pub fn join_fields(fields: &[Option<impl AsRef<[u8]>>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        match field {
            Some(field) => put_part(field.as_ref(), &mut out),
            None => out.extend_from_slice(&(-1i32).to_be_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let list = join_elements(&["a", "", "ccc"]);
        assert_eq!(list, b"\0\0\0\x03\0\0\0\x01a\0\0\0\0\0\0\0\x03ccc");
        let back: Vec<&[u8]> = elements(&list).expect("count").map(|element| element.expect("element")).collect();
        assert_eq!(back, [&b"a"[..], b"", b"ccc"]);
        let tuple = join_fields(&[Some("a"), None, Some("")]);
        let back: Vec<_> = fields(&tuple).map(|field| field.expect("field")).collect();
        assert_eq!(back, [Some(&b"a"[..]), None, Some(b"")]);
    }

    #[test]
    fn sets_and_maps_are_sorted_and_unique() {
        let numbers = |values: &[i32]| values.iter().map(|value| value.to_be_bytes()).collect::<Vec<_>>();
        assert_eq!(join_set(&CqlType::Int, numbers(&[3, -1, 2, 3])), join_elements(&numbers(&[-1, 2, 3])));
        let map = join_map(&CqlType::Text, vec![("b", "1"), ("a", "2"), ("b", "3")]);
        let back: Vec<&[u8]> = entries(&map).expect("count").map(|part| part.expect("part")).collect();
        assert_eq!(back, [&b"a"[..], b"2", b"b", b"3"]);
    }

    #[test]
    fn broken_values_end_in_an_error() {
        for bytes in [&b""[..], b"\0\0", b"\xff\xff\xff\xff"] {
            assert!(elements(bytes).is_err());
        }
        for bytes in [&b"\x7f\xff\xff\xff"[..], b"\0\0\0\x01\0\0\0\x05a", b"\0\0\0\x01\xff\xff\xff\xff"] {
            let parts: Vec<_> = elements(bytes).expect("count").collect();
            assert!(parts.len() == 1 && parts[0].is_err(), "{bytes:?}");
        }
        let parts: Vec<_> = fields(b"\0\0\0\x01a\0\0").collect();
        assert!(parts.len() == 2 && parts[1].is_err());
    }
}
