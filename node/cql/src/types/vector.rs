//! Vectors: a fixed number of elements without a count; an element has its length before it, as a variable-length integer,
//! unless all values of its type have one size.

use super::error::invalid;
use super::vint;
use super::{CqlType, InvalidValue};

/// A dimension as a number of elements.
#[must_use]
pub fn count(dimension: u32) -> usize {
    usize::try_from(dimension).unwrap_or(usize::MAX)
}

/// The size of every value of the type inside a vector. Not all fixed types count as fixed: this is part of the format.
fn element_size(element: &CqlType) -> Option<usize> {
    match element.unfrozen() {
        CqlType::Boolean => Some(1),
        CqlType::Int | CqlType::Float => Some(4),
        CqlType::BigInt | CqlType::Counter | CqlType::Double | CqlType::Timestamp => Some(8),
        CqlType::Uuid | CqlType::TimeUuid => Some(16),
        CqlType::Vector(inner, dimension) => element_size(inner).map(|size| size.saturating_mul(count(*dimension))),
        _ => None,
    }
}

/// The elements of a vector.
#[derive(Clone, Debug)]
pub struct VectorElements<'a> {
    rest: &'a [u8],
    size: Option<usize>,
    remaining: u32,
}

/// Reads a vector.
pub fn vector_elements<'a>(element: &CqlType, dimension: u32, bytes: &'a [u8]) -> VectorElements<'a> {
    VectorElements { rest: bytes, size: element_size(element), remaining: dimension }
}

impl<'a> VectorElements<'a> {
    /// What is left of the bytes.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for VectorElements<'a> {
    type Item = Result<&'a [u8], InvalidValue>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.remaining == 0 {
            return None;
        }
        self.remaining -= 1;
        let mut rest = self.rest;
        let element = match self.size {
            Some(size) => rest.split_at_checked(size),
            None => vint::take_unsigned(&mut rest)
                .and_then(|length| usize::try_from(length).ok())
                .and_then(|length| rest.split_at_checked(length)),
        };
        Some(match element {
            Some((element, tail)) => {
                self.rest = tail;
                Ok(element)
            }
            None => {
                self.remaining = 0;
                self.rest = &[];
                invalid!("Not enough bytes to read a vector")
            }
        })
    }
}

/// A vector of these elements.
///
/// # Errors
/// When an element has not the size that its type has.
pub fn join_vector(element: &CqlType, elements: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, InvalidValue> {
    let mut out = Vec::new();
    let size = element_size(element);
    for part in elements.iter().map(AsRef::as_ref) {
        match size {
            None => vint::put_unsigned(part.len() as u64, &mut out),
            Some(size) if size == part.len() => {}
            Some(size) => return invalid!("Invalid vector element of {} bytes, expected {size}", part.len()),
        }
        out.extend_from_slice(part);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back() {
        let floats = join_vector(&CqlType::Float, &[1f32.to_be_bytes(), 2f32.to_be_bytes()]).expect("sizes");
        assert_eq!(floats, [0x3f, 0x80, 0, 0, 0x40, 0, 0, 0]);
        let texts = join_vector(&CqlType::Text, &["a", "", "bcd"]).expect("sizes");
        assert_eq!(texts, b"\x01a\0\x03bcd");
        let back: Vec<&[u8]> = vector_elements(&CqlType::Text, 3, &texts).map(|part| part.expect("part")).collect();
        assert_eq!(back, [&b"a"[..], b"", b"bcd"]);
        assert!(join_vector(&CqlType::Int, &[[0u8; 3]]).is_err());
        assert!(vector_elements(&CqlType::Int, 2, &[0; 7]).any(|part| part.is_err()));
    }
}
