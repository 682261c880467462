//! Which partitions: keys, or a stretch of the ring.

use super::relation::{ColumnRestriction, Restriction};
use crate::command::PartitionKey;
use crate::limits::KEY_BYTES;
use crate::schema::Table;
use crate::statement::term::{InTerms, Scope, Term};
use crate::statement::value;
use bytes::{BufMut, Bytes, BytesMut};
use std::cmp::Ordering;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::token::Token;

/// What the partition key is restricted by.
#[derive(Clone, Debug)]
pub(in crate::statement) enum PartitionTerms {
    /// Every component has values. The ring may be restricted as well.
    Keys(Vec<KeyTerms>, Option<ColumnRestriction>),
    /// A stretch of the ring; all of it, if nothing is said.
    Ring(Option<ColumnRestriction>),
}

/// The values of one component.
#[derive(Clone, Debug)]
pub(in crate::statement) enum KeyTerms {
    Equal(Term),
    In(InTerms),
}

/// Partitions of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::statement) enum BoundPartitions {
    /// Distinct keys in the order of their values, which is the order of rows in results.
    Keys(Vec<PartitionKey>),
    /// Tokens, both included.
    Range(Token, Token),
}

impl PartitionTerms {
    /// Whether several keys may be meant.
    pub fn is_in(&self) -> bool {
        matches!(self, PartitionTerms::Keys(parts, _) if parts.iter().any(|part| matches!(part, KeyTerms::In(_))))
    }

    pub fn is_ring(&self) -> bool {
        matches!(self, PartitionTerms::Ring(_))
    }

    pub fn bind(&self, table: &Table, scope: &mut Scope<'_>) -> Result<BoundPartitions, CqlError> {
        match self {
            PartitionTerms::Keys(parts, token) => {
                let mut keys = bind_keys(parts, table, scope)?;
                if let Some(token) = token {
                    let range = bind_token(token, scope)?;
                    keys.retain(|key| range.is_some_and(|(start, end)| start <= key.token && key.token <= end));
                }
                Ok(BoundPartitions::Keys(keys))
            }
            PartitionTerms::Ring(None) => Ok(BoundPartitions::Range(Token(i64::MIN), Token(i64::MAX))),
            PartitionTerms::Ring(Some(token)) => Ok(match bind_token(token, scope)? {
                Some((start, end)) => BoundPartitions::Range(start, end),
                None => BoundPartitions::Keys(Vec::new()),
            }),
        }
    }
}

const EMPTY_KEY: &str = "Key may not be empty";

/// Whether this is said of a key without bytes, at which Cassandra looks only where there can be rows.
pub(in crate::statement) fn is_of_empty_key(error: &CqlError) -> bool {
    matches!(error, CqlError::Invalid(text) if text == EMPTY_KEY)
}

fn bind_keys(parts: &[KeyTerms], table: &Table, scope: &mut Scope<'_>) -> Result<Vec<PartitionKey>, CqlError> {
    let describe = |index: usize| {
        let name = &table.columns[index].name;
        move |what| {
            if what == "null" {
                format!("Invalid null value in condition for column {name}")
            } else {
                format!("Invalid unset value for column {name}")
            }
        }
    };
    // What prepared statements do: one key.
    if let [KeyTerms::Equal(term)] = parts {
        return Ok(vec![partition_key(term.bind_required(scope, describe(0))?)?]);
    }
    let mut candidates: Vec<Vec<Bytes>> = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        candidates.push(match part {
            KeyTerms::Equal(term) => vec![term.bind_required(scope, describe(index))?],
            KeyTerms::In(terms) => {
                let column_type = &table.columns[index].column_type;
                let mut values = bind_in(terms, scope, &table.columns[index].name, describe(index))?;
                // Bytes that compare equal may still be different keys, e.g. 1.0 and 1.00.
                values.sort_by(|a, b| compare_keys(column_type, a, b));
                values.dedup();
                values
            }
        });
    }
    let mut keys = vec![Vec::with_capacity(parts.len())];
    for values in &candidates {
        keys = keys
            .iter()
            .flat_map(|key: &Vec<Bytes>| {
                values.iter().map(move |value| {
                    let mut longer = key.clone();
                    longer.push(value.clone());
                    longer
                })
            })
            .collect();
    }
    keys.iter().map(|key| partition_key(serialize_key(key)?)).collect()
}

/// The values of an IN on a key column. A list that is missing as a whole is refused in other words than one of its values.
pub(super) fn bind_in(
    terms: &InTerms,
    scope: &mut Scope<'_>,
    name: &str,
    refuse: impl Fn(&'static str) -> String,
) -> Result<Vec<Bytes>, CqlError> {
    let values = match terms {
        InTerms::List(_) => terms.bind(scope, &refuse)?,
        InTerms::Marker(..) => terms.bind(scope, |what| format!("Invalid {what} value for column {name}"))?,
    };
    values.into_iter().map(|value| value.ok_or_else(|| CqlError::Invalid(refuse("null")))).collect()
}

fn compare_keys(column_type: &trefoil_cql::types::CqlType, a: &Bytes, b: &Bytes) -> Ordering {
    value::compare(column_type, a, b).then_with(|| a.cmp(b))
}

/// The serialised key of several components.
pub(in crate::statement) fn serialize_key(components: &[Bytes]) -> Result<Bytes, CqlError> {
    if let [single] = components {
        return Ok(single.clone());
    }
    // Cassandra counts what is around the components only where they alone are not too long.
    let bare: usize = components.iter().map(Bytes::len).sum();
    let length = bare + 3 * components.len();
    if length > KEY_BYTES {
        return Err(key_too_long(if bare > KEY_BYTES { bare } else { length }));
    }
    let mut key = BytesMut::with_capacity(length);
    for component in components {
        // Below the limit of the whole, so it fits.
        key.put_u16(component.len() as u16);
        key.put_slice(component);
        key.put_u8(0);
    }
    Ok(key.freeze())
}

/// A key with its token, checked.
pub(in crate::statement) fn partition_key(key: Bytes) -> Result<PartitionKey, CqlError> {
    if key.is_empty() {
        return Err(CqlError::invalid(EMPTY_KEY));
    }
    if key.len() > KEY_BYTES {
        return Err(key_too_long(key.len()));
    }
    Ok(PartitionKey { token: Token::of(&key), key })
}

pub(super) fn key_too_long(length: usize) -> CqlError {
    CqlError::Invalid(format!("Key length of {length} is longer than maximum of {KEY_BYTES}"))
}

/// The components of a serialised key.
pub(in crate::statement) fn split_key(key: &Bytes, components: usize) -> Vec<Bytes> {
    if components == 1 {
        return vec![key.clone()];
    }
    let mut parts = Vec::with_capacity(components);
    let mut position = 0;
    while parts.len() < components {
        let length = match key.get(position..position + 2) {
            Some(length) => usize::from(u16::from_be_bytes([length[0], length[1]])),
            None => 0,
        };
        let start = (position + 2).min(key.len());
        let end = (start + length).min(key.len());
        parts.push(key.slice(start..end));
        position = end + 1;
    }
    parts
}

/// First and last token; `None`: none fits. The least token is a bound that nothing lies below, on either side, as in
/// Cassandra: those who scan the ring in pieces end the last piece with it.
fn bind_token(restriction: &ColumnRestriction, scope: &mut Scope<'_>) -> Result<Option<(Token, Token)>, CqlError> {
    let bound = |term: &Term, scope: &mut Scope<'_>| -> Result<i64, CqlError> {
        let bytes = term.bind_required(scope, |what| format!("Invalid {what} token value"))?;
        let bytes = <[u8; 8]>::try_from(&bytes[..]).map_err(|_| CqlError::invalid("Invalid token value"))?;
        Ok(i64::from_be_bytes(bytes))
    };
    let slice = match restriction {
        Restriction::Slice(slice) => slice,
        Restriction::Equal(term) => {
            let token = Token(bound(term, scope)?);
            return Ok(Some((token, token)));
        }
        // `token(k) IN (...)` is no relation.
        Restriction::In(_) => return Ok(None),
    };
    let start = match &slice.lower {
        Some(lower) => match bound(&lower.term, scope)? {
            i64::MIN => i64::MIN,
            token if lower.inclusive => token,
            i64::MAX => return Ok(None),
            token => token + 1,
        },
        None => i64::MIN,
    };
    let end = match &slice.upper {
        Some(upper) => match bound(&upper.term, scope)? {
            i64::MIN => i64::MAX,
            token if upper.inclusive => token,
            token => token - 1,
        },
        None => i64::MAX,
    };
    Ok((start <= end).then_some((Token(start), Token(end))))
}
