//! `abs`, `exp`, `log`, `log10`, `round`: for every numeric type one.

use super::super::value;
use super::native::NUMBERS;
use super::{Function, Run};
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, MathFunction};

/// The overloads of one of them.
pub(super) fn overloads(name: &str) -> Vec<Function> {
    let run: Run<Bytes> = match name {
        "abs" => |function, values| apply(MathFunction::Absolute, function, values),
        "exp" => |function, values| apply(MathFunction::Exponential, function, values),
        "log" => |function, values| apply(MathFunction::NaturalLogarithm, function, values),
        "log10" => |function, values| apply(MathFunction::DecimalLogarithm, function, values),
        _ => |function, values| apply(MathFunction::Round, function, values),
    };
    let function = |number: CqlType| Function::strict(name.to_owned(), vec![number.clone()], number, run);
    NUMBERS.into_iter().map(function).collect()
}

fn apply(math: MathFunction, function: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    match (function.arguments.first(), values.first()) {
        (Some(number), Some(bytes)) => value::apply(math, number, bytes),
        _ => Ok(None),
    }
}
