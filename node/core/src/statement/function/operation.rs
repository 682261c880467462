//! `+ - * / %` and negation as functions: one for every pair of types that has an operation.

use super::super::value;
use super::native::NUMBERS;
use super::{Body, Function};
use bytes::Bytes;
use trefoil_cql::ast::ArithmeticOperator;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{self, CqlType};

fn name(operator: ArithmeticOperator) -> &'static str {
    match operator {
        ArithmeticOperator::Add => "_add",
        ArithmeticOperator::Subtract => "_substract",
        ArithmeticOperator::Multiply => "_multiply",
        ArithmeticOperator::Divide => "_divide",
        ArithmeticOperator::Modulo => "_modulo",
    }
}

/// All operations of an operator.
pub(super) fn operations(operator: ArithmeticOperator) -> Vec<Function> {
    let operation = |left: &CqlType, right: &CqlType, returns: CqlType| {
        Function::new(name(operator), vec![left.clone(), right.clone()], returns, Body::Operation(operator))
    };
    let pairs = NUMBERS.iter().flat_map(|left| NUMBERS.iter().map(move |right| (left, right)));
    let times = [(&CqlType::Timestamp, &CqlType::Duration), (&CqlType::Date, &CqlType::Duration)];
    let known = pairs.chain(times).filter_map(|(left, right)| {
        types::arithmetic_type(operator, left, right).map(|returns| operation(left, right, returns))
    });
    let mut operations: Vec<Function> = known.collect();
    if operator == ArithmeticOperator::Add {
        // Texts are joined.
        for (left, right, returns) in [
            (CqlType::Text, CqlType::Text, CqlType::Text),
            (CqlType::Ascii, CqlType::Ascii, CqlType::Ascii),
            (CqlType::Ascii, CqlType::Text, CqlType::Text),
            (CqlType::Text, CqlType::Ascii, CqlType::Text),
        ] {
            operations.push(operation(&left, &right, returns));
        }
    }
    operations
}

/// All negations.
pub(super) fn negations() -> Vec<Function> {
    let negation = |number: CqlType| {
        Function::strict("_negate", vec![number.clone()], number, |function, values| {
            match (function.arguments.first(), values.first()) {
                (Some(number), Some(bytes)) => value::negate(number, bytes),
                _ => Ok(None),
            }
        })
    };
    NUMBERS.into_iter().map(negation).collect()
}

pub(super) fn run(
    function: &Function,
    operator: ArithmeticOperator,
    values: &[Option<Bytes>],
) -> Result<Option<Bytes>, CqlError> {
    let ([left_type, right_type], [Some(left), Some(right)]) = (&function.arguments[..], values) else {
        return Ok(None);
    };
    if matches!(left_type, CqlType::Text | CqlType::Ascii) {
        return Ok(Some([&left[..], &right[..]].concat().into()));
    }
    match types::compute(operator, (left_type, left), (right_type, right)) {
        Ok(result) => Ok(result.map(Bytes::from)),
        Err(error) => Err(function.failure(format!(
            "the operation '{left_type} {} {right_type}' failed: {}",
            operator.text(),
            error.0
        ))),
    }
}
