//! Reads the notations of the specification from an envelope. Nothing is copied but text: bytes are slices of the
//! envelope. No length is believed before it is checked against what is there, so garbage cannot make us allocate.

use super::consistency::Consistency;
use super::envelope::{HEADER_BYTES, Header};
use super::error::{Malformed, Problem, ProtocolError};
use super::value::Value;
use super::version::ProtocolVersion;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

type Result<T> = std::result::Result<T, ProtocolError>;

/// A position in an envelope. Every method reads one notation of the specification and names the field it is for; each
/// fails when the body ends inside it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    header: Header,
    envelope: &'a Bytes,
    position: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the body.
    ///
    /// # Errors
    /// When this is not a whole envelope of ours.
    #[inline]
    pub fn new(envelope: &'a Bytes) -> Result<Reader<'a>> {
        Ok(Reader { header: Header::of(envelope)?, envelope, position: HEADER_BYTES })
    }

    /// The envelope's header.
    #[inline]
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }

    /// The envelope's version.
    #[inline]
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.header.version
    }

    /// Where the next field starts.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes not read yet.
    #[inline]
    #[must_use]
    pub fn left(&self) -> usize {
        self.envelope.len() - self.position
    }

    /// An error about the field that starts at `offset`.
    #[cold]
    #[must_use]
    pub fn malformed(&self, field: &'static str, offset: usize, problem: Problem) -> ProtocolError {
        let Header { version, stream, opcode, .. } = self.header;
        ProtocolError::Malformed(Malformed { version, stream, opcode, field, offset, problem })
    }

    #[cold]
    fn truncated(&self, field: &'static str, wanted: usize) -> ProtocolError {
        self.malformed(field, self.position, Problem::Truncated { wanted, left: self.left() })
    }

    #[inline]
    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        match self.envelope[self.position..].first_chunk::<N>() {
            Some(chunk) => {
                self.position += N;
                Ok(*chunk)
            }
            None => Err(self.truncated(field, N)),
        }
    }

    #[inline]
    fn take_slice(&mut self, field: &'static str, length: usize) -> Result<&'a [u8]> {
        match self.envelope[self.position..].get(..length) {
            Some(slice) => {
                self.position += length;
                Ok(slice)
            }
            None => Err(self.truncated(field, length)),
        }
    }

    #[inline]
    fn take_bytes(&mut self, field: &'static str, length: usize) -> Result<Bytes> {
        if length > self.left() {
            return Err(self.truncated(field, length));
        }
        let start = self.position;
        self.position += length;
        Ok(self.envelope.slice(start..self.position))
    }

    /// `[byte]`
    #[inline]
    pub fn byte(&mut self, field: &'static str) -> Result<u8> {
        self.take::<1>(field).map(|[byte]| byte)
    }

    /// `[short]`
    #[inline]
    pub fn short(&mut self, field: &'static str) -> Result<u16> {
        self.take(field).map(u16::from_be_bytes)
    }

    /// `[int]`
    #[inline]
    pub fn int(&mut self, field: &'static str) -> Result<i32> {
        self.take(field).map(i32::from_be_bytes)
    }

    /// `[long]`
    #[inline]
    pub fn long(&mut self, field: &'static str) -> Result<i64> {
        self.take(field).map(i64::from_be_bytes)
    }

    /// `[uuid]`
    pub fn uuid(&mut self, field: &'static str) -> Result<[u8; 16]> {
        self.take(field)
    }

    /// `[string]`, borrowed from the envelope.
    #[inline]
    pub fn str(&mut self, field: &'static str) -> Result<&'a str> {
        let offset = self.position;
        let length = self.short(field)?;
        let slice = self.take_slice(field, usize::from(length))?;
        std::str::from_utf8(slice).map_err(|_| self.malformed(field, offset, Problem::NotUtf8))
    }

    /// `[string]`
    pub fn string(&mut self, field: &'static str) -> Result<String> {
        self.str(field).map(str::to_owned)
    }

    /// `[long string]`
    pub fn long_string(&mut self, field: &'static str) -> Result<String> {
        let offset = self.position;
        let length = self.int(field)?;
        let Ok(length) = usize::try_from(length) else {
            return Err(self.malformed(field, offset, Problem::Length(length)));
        };
        let slice = self.take_slice(field, length)?;
        let text = std::str::from_utf8(slice).map_err(|_| self.malformed(field, offset, Problem::NotUtf8))?;
        Ok(text.to_owned())
    }

    /// `[string list]`
    pub fn string_list(&mut self, field: &'static str) -> Result<Vec<String>> {
        let count = self.short(field)?;
        let mut list = Vec::with_capacity(self.plausible(usize::from(count), 2));
        for _ in 0..count {
            list.push(self.string(field)?);
        }
        Ok(list)
    }

    /// `[string map]`
    pub fn string_map(&mut self, field: &'static str) -> Result<BTreeMap<String, String>> {
        let count = self.short(field)?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let key = self.string(field)?;
            map.insert(key, self.string(field)?);
        }
        Ok(map)
    }

    /// `[string multimap]`
    pub fn string_multimap(&mut self, field: &'static str) -> Result<BTreeMap<String, Vec<String>>> {
        let count = self.short(field)?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let key = self.string(field)?;
            map.insert(key, self.string_list(field)?);
        }
        Ok(map)
    }

    /// `[bytes map]`; null values are allowed.
    pub fn bytes_map(&mut self, field: &'static str) -> Result<BTreeMap<String, Option<Bytes>>> {
        let count = self.short(field)?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let key = self.string(field)?;
            map.insert(key, self.bytes(field)?);
        }
        Ok(map)
    }

    /// `[bytes]`: any negative length is null.
    #[inline]
    pub fn bytes(&mut self, field: &'static str) -> Result<Option<Bytes>> {
        let length = self.int(field)?;
        match usize::try_from(length) {
            Ok(length) => self.take_bytes(field, length).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// `[short bytes]`
    #[inline]
    pub fn short_bytes(&mut self, field: &'static str) -> Result<Bytes> {
        let length = self.short(field)?;
        self.take_bytes(field, usize::from(length))
    }

    /// `[value]`: −1 is null, −2 unset. Version 3 knows no unset values and takes every negative length for null, as
    /// Cassandra does.
    #[inline]
    pub fn value(&mut self, field: &'static str) -> Result<Value> {
        let offset = self.position;
        let length = self.int(field)?;
        match usize::try_from(length) {
            Ok(length) => self.take_bytes(field, length).map(Value::Set),
            Err(_) if length == -1 || self.header.version == ProtocolVersion::V3 => Ok(Value::Null),
            Err(_) if length == -2 => Ok(Value::Unset),
            Err(_) => Err(self.malformed(field, offset, Problem::Length(length))),
        }
    }

    /// `[consistency]`
    #[inline]
    pub fn consistency(&mut self, field: &'static str) -> Result<Consistency> {
        let offset = self.position;
        let number = self.short(field)?;
        match Consistency::from_number(number) {
            Some(level) => Ok(level),
            None => Err(self.malformed(field, offset, Problem::Consistency(number))),
        }
    }

    /// `[inetaddr]`
    pub fn inet_address(&mut self, field: &'static str) -> Result<IpAddr> {
        let offset = self.position;
        match self.byte(field)? {
            4 => Ok(IpAddr::from(self.take::<4>(field)?)),
            16 => Ok(IpAddr::from(self.take::<16>(field)?)),
            length => Err(self.malformed(field, offset, Problem::Length(i32::from(length)))),
        }
    }

    /// `[inet]`
    pub fn inet(&mut self, field: &'static str) -> Result<SocketAddr> {
        let address = self.inet_address(field)?;
        let offset = self.position;
        let port = self.int(field)?;
        match u16::try_from(port) {
            Ok(port) => Ok(SocketAddr::new(address, port)),
            Err(_) => Err(self.malformed(field, offset, Problem::UnknownNumber(i64::from(port)))),
        }
    }

    /// A capacity for `count` things of at least `bytes_each`: no more than the rest of the body can hold.
    #[inline]
    #[must_use]
    pub fn plausible(&self, count: usize, bytes_each: usize) -> usize {
        count.min(self.left() / bytes_each.max(1))
    }
}
