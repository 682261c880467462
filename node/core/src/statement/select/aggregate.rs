//! Aggregates: count, min, max, sum, avg. Over nothing, min and max are null and the others 0. Sums wrap in their own type, as
//! Cassandra's do; those of varint and decimal have no bounds.

use super::super::value;
use super::exact::{Decimal, RealSum};
use super::expression::Expression;
use bytes::Bytes;
use num_bigint::BigInt;
use std::cmp::Ordering;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// An aggregate of a SELECT.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Aggregate {
    pub kind: AggregateKind,
    /// Of what; `None`: of rows.
    pub argument: Option<Expression>,
    /// The argument's type.
    pub argument_type: CqlType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::statement) enum AggregateKind {
    Count,
    Min,
    Max,
    Sum,
    Average,
}

impl AggregateKind {
    pub fn of_name(name: &str) -> Option<AggregateKind> {
        Some(match name {
            "count" => AggregateKind::Count,
            "min" => AggregateKind::Min,
            "max" => AggregateKind::Max,
            "sum" => AggregateKind::Sum,
            "avg" => AggregateKind::Average,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            AggregateKind::Count => "count",
            AggregateKind::Min => "min",
            AggregateKind::Max => "max",
            AggregateKind::Sum => "sum",
            AggregateKind::Average => "avg",
        }
    }
}

/// The state of an aggregate over the rows so far.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Accumulator {
    kind: AggregateKind,
    argument_type: CqlType,
    count: u64,
    best: Option<Bytes>,
    sum: Sum,
}

#[derive(Clone, Debug)]
enum Sum {
    Whole(i128),
    Real(RealSum),
    Unbounded(BigInt),
    /// Averages of decimals run along, as Cassandra's do: every step is rounded to the digits at hand.
    Decimal(Decimal),
}

impl Accumulator {
    pub fn new(aggregate: &Aggregate) -> Accumulator {
        Accumulator::of(aggregate.kind, &aggregate.argument_type)
    }

    /// Nothing yet, of values of a type.
    pub fn of(kind: AggregateKind, argument_type: &CqlType) -> Accumulator {
        let sum = match argument_type {
            CqlType::Float | CqlType::Double => Sum::Real(RealSum::default()),
            CqlType::Varint => Sum::Unbounded(BigInt::ZERO),
            CqlType::Decimal => Sum::Decimal(Decimal::default()),
            _ => Sum::Whole(0),
        };
        Accumulator { kind, argument_type: argument_type.clone(), count: 0, best: None, sum }
    }

    /// One more row; `None`: the argument is null there.
    pub fn add(&mut self, argument: Option<Bytes>) -> Result<(), CqlError> {
        let Some(argument) = argument else { return Ok(()) };
        if argument.is_empty() && matches!(self.kind, AggregateKind::Sum | AggregateKind::Average) {
            return Ok(());
        }
        self.count += 1;
        match self.kind {
            AggregateKind::Count => {}
            AggregateKind::Min | AggregateKind::Max => {
                let wanted = if self.kind == AggregateKind::Min { Ordering::Less } else { Ordering::Greater };
                let better = |best: &Bytes| value::compare(&self.argument_type, &argument, best) == wanted;
                if self.best.as_ref().is_none_or(better) {
                    self.best = Some(argument);
                }
            }
            AggregateKind::Sum | AggregateKind::Average => match &mut self.sum {
                Sum::Whole(sum) => *sum += i128::from(whole(&argument)),
                Sum::Real(sum) => sum.add(real(&argument)),
                Sum::Unbounded(sum) => *sum += BigInt::from_signed_bytes_be(&argument),
                Sum::Decimal(sum) => {
                    let value = Decimal::of(&argument);
                    *sum = if self.kind == AggregateKind::Sum {
                        sum.add(&value)?
                    } else {
                        sum.add(&value.add(&sum.negated())?.divided(self.count))?
                    };
                }
            },
        }
        Ok(())
    }

    /// Rows, for count(*).
    pub fn add_rows(&mut self, rows: u64) {
        self.count += rows;
    }

    pub fn value(&self) -> Result<Option<Bytes>, CqlError> {
        Ok(match self.kind {
            AggregateKind::Count => Some(Bytes::copy_from_slice(&self.count.to_be_bytes())),
            AggregateKind::Min | AggregateKind::Max => self.best.clone(),
            AggregateKind::Sum => Some(self.total(1)),
            // The divisor of decimals is in the sum already.
            AggregateKind::Average if matches!(self.sum, Sum::Decimal(_)) => Some(self.total(1)),
            AggregateKind::Average => Some(self.total(self.count.max(1))),
        })
    }

    /// The sum, divided.
    fn total(&self, divisor: u64) -> Bytes {
        match &self.sum {
            Sum::Whole(sum) => whole_bytes(&self.argument_type, sum / i128::from(divisor)),
            Sum::Unbounded(sum) => (sum / divisor).to_signed_bytes_be().into(),
            Sum::Decimal(sum) => sum.to_bytes(),
            Sum::Real(sum) => {
                let result = sum.divided(divisor);
                if self.argument_type == CqlType::Float {
                    Bytes::copy_from_slice(&(result as f32).to_be_bytes())
                } else {
                    Bytes::copy_from_slice(&result.to_be_bytes())
                }
            }
        }
    }
}

/// A whole number of 1 to 8 bytes.
fn whole(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    bytes.iter().fold(start, |number, byte| number << 8 | i64::from(*byte))
}

fn real(bytes: &[u8]) -> f64 {
    match (<[u8; 4]>::try_from(bytes), <[u8; 8]>::try_from(bytes)) {
        (Ok(single), _) => f64::from(f32::from_be_bytes(single)),
        (_, Ok(double)) => f64::from_be_bytes(double),
        _ => 0.0,
    }
}

/// As a value of the type; what does not fit wraps.
fn whole_bytes(column_type: &CqlType, number: i128) -> Bytes {
    match column_type {
        CqlType::TinyInt => Bytes::copy_from_slice(&(number as i8).to_be_bytes()),
        CqlType::SmallInt => Bytes::copy_from_slice(&(number as i16).to_be_bytes()),
        CqlType::Int => Bytes::copy_from_slice(&(number as i32).to_be_bytes()),
        _ => Bytes::copy_from_slice(&(number as i64).to_be_bytes()),
    }
}
