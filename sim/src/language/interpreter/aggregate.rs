//! Functions over the values of a column. Nulls are left out before they come here.

use super::Outside;
use super::reads::is_whole;
use crate::language::kind::{Kind, Native};
use crate::language::order::{compare, decimal, float, whole};
use crate::language::program::Aggregate;
use crate::language::value::{number_bytes, shortest};

/// The value of a function; none: null.
pub(super) fn aggregate(function: Aggregate, kind: &Kind, values: &[Vec<u8>]) -> Result<Option<Vec<u8>>, Outside> {
    match function {
        Aggregate::Count => Ok(Some((values.len() as i64).to_be_bytes().to_vec())),
        Aggregate::Min => Ok(values.iter().min_by(|left, right| compare(kind, left, right)).cloned()),
        // Of equals the first, as for the smallest.
        Aggregate::Max => Ok(values.iter().rev().max_by(|left, right| compare(kind, left, right)).cloned()),
        Aggregate::Sum | Aggregate::Avg => {
            let Kind::Native(native) = *kind else { return Err(Outside("a sum of what are no numbers")) };
            let values: Vec<&Vec<u8>> = values.iter().filter(|value| !value.is_empty()).collect();
            let averages = function == Aggregate::Avg;
            match native {
                Native::Float | Native::Double => {
                    let sum: f64 = values.iter().map(|value| float(value)).sum::<f64>() + 0.0;
                    let value = match (averages, values.len()) {
                        (false, _) => sum,
                        (true, 0) => 0.0,
                        (true, count) => sum / count as f64,
                    };
                    let value = if value.is_nan() { f64::NAN } else { value };
                    Ok(Some(match native {
                        Native::Float => (value as f32).to_be_bytes().to_vec(),
                        _ => value.to_be_bytes().to_vec(),
                    }))
                }
                Native::Decimal if averages => Err(Outside("averages of decimals")),
                Native::Decimal => Ok(Some(decimals(&values)?)),
                native if is_whole(native) => {
                    let sum: i128 = values.iter().map(|value| whole(value)).sum();
                    let value = if averages && !values.is_empty() { sum / values.len() as i128 } else { sum };
                    let value = i64::try_from(value).map_err(|_| Outside("sums as large as that"))?;
                    Ok(Some(number_bytes(native, value)))
                }
                _ => Err(Outside("a sum of what are no numbers")),
            }
        }
    }
}

/// Sums have the largest scale.
fn decimals(values: &[&Vec<u8>]) -> Result<Vec<u8>, Outside> {
    let parts: Vec<(i32, i128)> = values.iter().map(|value| decimal(value)).collect();
    let scale = parts.iter().map(|(scale, _)| *scale).max().unwrap_or(0).max(0);
    let power =
        |by: i32| 10i128.checked_pow(u32::try_from(by).unwrap_or(0)).ok_or(Outside("decimals as large as that"));
    let mut sum = 0;
    for (own, unscaled) in &parts {
        sum += unscaled * power(scale - own)?;
    }
    let unscaled = i64::try_from(sum).map_err(|_| Outside("decimals as large as that"))?;
    Ok([&scale.to_be_bytes()[..], &shortest(unscaled)].concat())
}
