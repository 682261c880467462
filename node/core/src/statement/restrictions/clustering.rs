//! Which rows of a partition: keys, or ranges of keys in their order-preserving form.

use super::partition::{bind_in, key_too_long};
use super::relation::{Bound, ColumnRestriction, Restriction, Slice, TupleRestriction};
use crate::command::{ClusteringKey, ClusteringOrder, ClusteringRange};
use crate::limits::KEY_BYTES;
use crate::statement::term::{Scope, Term};
use crate::storage::{SliceBound, clustering_slice, encode_clustering};
use bytes::Bytes;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, is_byte_ordered};

/// What the clustering columns are restricted by: equalities of the first columns, then perhaps one slice.
#[derive(Clone, Debug)]
pub(in crate::statement) struct ClusteringTerms {
    pub types: Vec<(CqlType, ClusteringOrder)>,
    pub names: Vec<String>,
    pub parts: Vec<ClusteringPart>,
    /// A SELECT: a null in a slice is less than everything, in the columns' own order, and no row has what is too long for a
    /// key. Writes refuse both.
    pub is_read: bool,
}

/// A restriction of one column, or of several together.
#[derive(Clone, Debug)]
pub(in crate::statement) enum ClusteringPart {
    Column(ColumnRestriction),
    Tuple(usize, TupleRestriction),
}

/// Rows of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::statement) enum BoundClustering {
    /// Nothing is said.
    All,
    /// These rows, ascending and distinct.
    Rows(Vec<ClusteringKey>),
    /// Ascending and disjoint; none: no row can fit.
    Ranges(Vec<ClusteringRange>),
}

impl ClusteringPart {
    fn columns(&self) -> usize {
        match self {
            ClusteringPart::Column(_) => 1,
            ClusteringPart::Tuple(count, _) => *count,
        }
    }

    pub fn is_slice(&self) -> bool {
        matches!(self, ClusteringPart::Column(Restriction::Slice(_)) | ClusteringPart::Tuple(_, Restriction::Slice(_)))
    }

    pub fn is_in(&self) -> bool {
        matches!(self, ClusteringPart::Column(Restriction::In(_)) | ClusteringPart::Tuple(_, Restriction::In(_)))
    }
}

type Prefix = Vec<Bytes>;

impl ClusteringTerms {
    pub fn has_in(&self) -> bool {
        self.parts.iter().any(ClusteringPart::is_in)
    }

    /// How many columns have equalities.
    pub fn equal_columns(&self) -> usize {
        self.parts.iter().filter(|part| !part.is_slice()).map(ClusteringPart::columns).sum()
    }

    /// Whether every clustering column has values: rows, not ranges.
    pub fn is_full(&self) -> bool {
        self.equal_columns() == self.types.len()
    }

    pub fn bind(&self, scope: &mut Scope<'_>) -> Result<BoundClustering, CqlError> {
        if self.parts.is_empty() {
            return Ok(if self.types.is_empty() {
                BoundClustering::Rows(vec![ClusteringKey::new()])
            } else {
                BoundClustering::All
            });
        }
        let mut prefixes: Vec<Prefix> = vec![Vec::with_capacity(self.types.len())];
        let mut column = 0;
        for part in &self.parts {
            match part {
                ClusteringPart::Column(Restriction::Equal(term)) => {
                    let bytes = term.bind_required(scope, |what| self.refuse(column, what))?;
                    prefixes.iter_mut().for_each(|prefix| prefix.push(bytes.clone()));
                }
                ClusteringPart::Column(Restriction::In(terms)) => {
                    let values = bind_in(terms, scope, self.name(column), |what| self.refuse(column, what))?;
                    let tails: Vec<Prefix> = values.into_iter().map(|value| vec![value]).collect();
                    prefixes = product(&prefixes, &tails);
                }
                ClusteringPart::Column(Restriction::Slice(slice)) => {
                    let slice = match self.bind_column_slice(slice, column, scope)? {
                        Some(slice) => slice,
                        None => return Ok(BoundClustering::Ranges(Vec::new())),
                    };
                    return self.ranges(prefixes, &slice);
                }
                ClusteringPart::Tuple(_, Restriction::Equal(tuple)) => {
                    let values = tuple.bind(scope, self.names_from(column), |offset, what| {
                        refuse_part(&self.names, column + offset, what)
                    })?;
                    prefixes.iter_mut().for_each(|prefix| prefix.extend(values.iter().cloned()));
                }
                ClusteringPart::Tuple(_, Restriction::In(tuples)) => {
                    let tuples = tuples.bind(scope, self.names_from(column))?;
                    prefixes = product(&prefixes, &tuples);
                }
                ClusteringPart::Tuple(_, Restriction::Slice(slice)) => {
                    let slice = self.bind_slice(slice, scope, |tuple, scope| {
                        tuple.bind(scope, self.names_from(column), |offset, what| self.refuse(column + offset, what))
                    })?;
                    return self.ranges(prefixes, &slice);
                }
            }
            column += part.columns();
        }
        self.leave_out_long(&mut prefixes);
        let mut keys: Vec<ClusteringKey> =
            prefixes.iter().map(|prefix| self.encode(prefix)).collect::<Result<_, _>>()?;
        if keys.len() > 1 {
            keys.sort_unstable();
            keys.dedup();
        }
        Ok(if column == self.types.len() {
            BoundClustering::Rows(keys)
        } else {
            BoundClustering::Ranges(keys.iter().map(ClusteringRange::prefix).collect())
        })
    }

    fn is_byte_ordered(&self, column: usize) -> bool {
        self.types.get(column).is_some_and(|(column_type, _)| is_byte_ordered(column_type))
    }

    fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    fn names_from(&self, column: usize) -> &[String] {
        self.names.get(column..).unwrap_or_default()
    }

    fn refuse(&self, column: usize, what: &'static str) -> String {
        let name = self.name(column);
        if what == "null" {
            format!("Invalid null value in condition for column {name}")
        } else {
            format!("Invalid unset value for column {name}")
        }
    }

    fn encode(&self, values: &[Bytes]) -> Result<ClusteringKey, CqlError> {
        encode_key(values, &self.types)
    }

    /// Takes away what no row can begin with.
    fn leave_out_long(&self, prefixes: &mut Vec<Prefix>) {
        if self.is_read {
            prefixes.retain(|prefix| check_length(prefix).is_ok());
        }
    }

    fn ranges(&self, mut prefixes: Vec<Prefix>, slice: &BoundSlice) -> Result<BoundClustering, CqlError> {
        self.leave_out_long(&mut prefixes);
        let mut ranges = Vec::with_capacity(prefixes.len());
        for prefix in &prefixes {
            check_length(prefix)?;
            let (lower, upper) = (slice.lower.as_ref(), slice.upper.as_ref());
            let found = clustering_slice(prefix, lower, upper, &self.types)
                .map_err(|error| CqlError::Invalid(error.to_string()))?;
            ranges.extend(found);
        }
        if prefixes.len() > 1 {
            ranges.sort_unstable();
            ranges.dedup();
        }
        Ok(BoundClustering::Ranges(ranges))
    }

    /// `None`: no row can fit.
    fn bind_column_slice(
        &self,
        slice: &Slice<Term>,
        column: usize,
        scope: &mut Scope<'_>,
    ) -> Result<Option<BoundSlice>, CqlError> {
        let ascending = self.types.get(column).is_none_or(|(_, order)| *order == ClusteringOrder::Ascending);
        let mut side = |bound: &Option<Bound<Term>>, is_lower: bool| -> Result<Side, CqlError> {
            let Some(bound) = bound else { return Ok(Side::Open) };
            match bound.term.bind(scope)? {
                // What rows have is shorter: more than its beginning is more than it, and the rest is less.
                Value::Set(bytes) if bytes.len() > KEY_BYTES && self.is_read && self.is_byte_ordered(column) => {
                    Ok(Side::At(SliceBound { values: vec![bytes.slice(..KEY_BYTES)], inclusive: !is_lower }))
                }
                Value::Set(bytes) => {
                    let values = vec![bytes];
                    check_length(&values)?;
                    Ok(Side::At(SliceBound { values, inclusive: bound.inclusive }))
                }
                Value::Null if self.is_read && is_lower == ascending => Ok(Side::Open),
                Value::Null if self.is_read => Ok(Side::Nothing),
                Value::Null => Err(CqlError::Invalid(self.refuse(column, "null"))),
                Value::Unset => Err(CqlError::Invalid(self.refuse(column, "unset"))),
            }
        };
        let (lower, upper) = (side(&slice.lower, true)?, side(&slice.upper, false)?);
        Ok(match (lower, upper) {
            (Side::Nothing, _) | (_, Side::Nothing) => None,
            (lower, upper) => Some(BoundSlice { lower: lower.bound(), upper: upper.bound() }),
        })
    }

    fn bind_slice<'s, T>(
        &self,
        slice: &Slice<T>,
        scope: &mut Scope<'s>,
        bind: impl Fn(&T, &mut Scope<'s>) -> Result<Vec<Bytes>, CqlError>,
    ) -> Result<BoundSlice, CqlError> {
        let mut side = |bound: &Option<Bound<T>>| -> Result<Option<SliceBound<Bytes>>, CqlError> {
            let Some(bound) = bound else { return Ok(None) };
            let values = bind(&bound.term, scope)?;
            check_length(&values)?;
            Ok(Some(SliceBound { values, inclusive: bound.inclusive }))
        };
        Ok(BoundSlice { lower: side(&slice.lower)?, upper: side(&slice.upper)? })
    }
}

/// What Cassandra says of components of tuples that are compared for equality.
fn refuse_part(names: &[String], column: usize, what: &'static str) -> String {
    format!("Invalid {what} value for column {}", names.get(column).map_or("", String::as_str))
}

struct BoundSlice {
    lower: Option<SliceBound<Bytes>>,
    upper: Option<SliceBound<Bytes>>,
}

/// One side of a slice.
enum Side {
    Open,
    At(SliceBound<Bytes>),
    /// No row can fit.
    Nothing,
}

impl Side {
    fn bound(self) -> Option<SliceBound<Bytes>> {
        match self {
            Side::At(bound) => Some(bound),
            Side::Open | Side::Nothing => None,
        }
    }
}

fn product(prefixes: &[Prefix], tails: &[Prefix]) -> Vec<Prefix> {
    let longer = |prefix: &Prefix, tail: &Prefix| prefix.iter().chain(tail).cloned().collect();
    prefixes.iter().flat_map(|prefix| tails.iter().map(move |tail| longer(prefix, tail))).collect()
}

/// The key, or prefix of one, in its order-preserving form.
pub(in crate::statement) fn encode_key(
    values: &[Bytes],
    types: &[(CqlType, ClusteringOrder)],
) -> Result<ClusteringKey, CqlError> {
    check_length(values)?;
    encode_clustering(values, types).map_err(|error| CqlError::Invalid(error.to_string()))
}

fn check_length(values: &[Bytes]) -> Result<(), CqlError> {
    let length: usize = values.iter().map(Bytes::len).sum();
    if length > KEY_BYTES {
        return Err(key_too_long(length));
    }
    Ok(())
}
