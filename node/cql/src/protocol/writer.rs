//! Writes the notations of the specification, and envelopes around them. Text that is longer than its length field
//! can say is cut (it can only be a message to people); more elements than a count can say is our own mistake.

use super::consistency::Consistency;
use super::envelope::{Direction, Flags, HEADER_BYTES, Header, Opcode};
use super::value::Value;
use super::version::ProtocolVersion;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// An envelope being written at the end of a buffer. `finish` fills in the length.
#[derive(Debug)]
pub struct EnvelopeWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> EnvelopeWriter<'a> {
    /// Starts an envelope.
    #[inline]
    pub fn new(
        out: &'a mut Vec<u8>,
        version: ProtocolVersion,
        direction: Direction,
        flags: Flags,
        stream: i16,
        opcode: Opcode,
    ) -> EnvelopeWriter<'a> {
        let start = out.len();
        out.extend_from_slice(&Header { version, direction, flags, stream, opcode, length: 0 }.to_bytes());
        EnvelopeWriter { out, start }
    }

    /// Where the body goes.
    #[inline]
    pub fn body(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Fills in the length.
    #[inline]
    pub fn finish(self) {
        finish_envelope(self.out, self.start);
    }
}

/// Fills in the length of the envelope that starts at `start` and ends where the buffer ends.
#[inline]
pub(super) fn finish_envelope(out: &mut [u8], start: usize) {
    let length = u32::try_from(out.len() - start - HEADER_BYTES).expect("no envelope of ours reaches 4 GiB");
    out[start + HEADER_BYTES - 4..start + HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// The notations, on a growing buffer.
pub(super) trait Write {
    fn put_byte(&mut self, byte: u8);
    fn put_short(&mut self, number: u16);
    fn put_int(&mut self, number: i32);
    fn put_long(&mut self, number: i64);
    fn put_string(&mut self, text: &str);
    fn put_long_string(&mut self, text: &str);
    fn put_string_list<S: AsRef<str>>(&mut self, list: &[S]);
    fn put_string_map(&mut self, map: &BTreeMap<String, String>);
    fn put_string_multimap(&mut self, map: &BTreeMap<String, Vec<String>>);
    fn put_bytes_map(&mut self, map: &BTreeMap<String, Option<Bytes>>);
    fn put_bytes(&mut self, bytes: Option<&[u8]>);
    fn put_short_bytes(&mut self, bytes: &[u8]);
    fn put_value(&mut self, value: &Value);
    fn put_count(&mut self, count: usize);
    fn put_int_count(&mut self, count: usize);
    fn put_consistency(&mut self, level: Consistency);
    fn put_inet_address(&mut self, address: IpAddr);
    fn put_inet(&mut self, address: SocketAddr);
}

impl Write for Vec<u8> {
    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.push(byte);
    }

    #[inline]
    fn put_short(&mut self, number: u16) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    #[inline]
    fn put_int(&mut self, number: i32) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    #[inline]
    fn put_long(&mut self, number: i64) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn put_string(&mut self, text: &str) {
        let mut length = text.len().min(usize::from(u16::MAX));
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        self.put_count(length);
        self.extend_from_slice(&text.as_bytes()[..length]);
    }

    fn put_long_string(&mut self, text: &str) {
        self.put_int_count(text.len());
        self.extend_from_slice(text.as_bytes());
    }

    fn put_string_list<S: AsRef<str>>(&mut self, list: &[S]) {
        self.put_count(list.len());
        for text in list {
            self.put_string(text.as_ref());
        }
    }

    fn put_string_map(&mut self, map: &BTreeMap<String, String>) {
        self.put_count(map.len());
        for (key, value) in map {
            self.put_string(key);
            self.put_string(value);
        }
    }

    fn put_string_multimap(&mut self, map: &BTreeMap<String, Vec<String>>) {
        self.put_count(map.len());
        for (key, values) in map {
            self.put_string(key);
            self.put_string_list(values);
        }
    }

    fn put_bytes_map(&mut self, map: &BTreeMap<String, Option<Bytes>>) {
        self.put_count(map.len());
        for (key, value) in map {
            self.put_string(key);
            self.put_bytes(value.as_deref());
        }
    }

    #[inline]
    fn put_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.put_int_count(bytes.len());
                self.extend_from_slice(bytes);
            }
            None => self.put_int(-1),
        }
    }

    fn put_short_bytes(&mut self, bytes: &[u8]) {
        self.put_count(bytes.len());
        self.extend_from_slice(bytes);
    }

    fn put_value(&mut self, value: &Value) {
        match value {
            Value::Set(bytes) => self.put_bytes(Some(bytes)),
            Value::Null => self.put_int(-1),
            Value::Unset => self.put_int(-2),
        }
    }

    #[inline]
    fn put_count(&mut self, count: usize) {
        self.put_short(u16::try_from(count).expect("a [short] counts to 65,535, callers stay below"));
    }

    #[inline]
    fn put_int_count(&mut self, count: usize) {
        self.put_int(i32::try_from(count).expect("an [int] counts to 2 GiB, callers stay below"));
    }

    #[inline]
    fn put_consistency(&mut self, level: Consistency) {
        self.put_short(level.number());
    }

    fn put_inet_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                self.put_byte(4);
                self.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                self.put_byte(16);
                self.extend_from_slice(&address.octets());
            }
        }
    }

    fn put_inet(&mut self, address: SocketAddr) {
        self.put_inet_address(address.ip());
        self.put_int(i32::from(address.port()));
    }
}
