//! Functions of a collection's parts: keys, values, their number, the least, the greatest, sum and average.

use super::super::select::{Accumulator, AggregateKind};
use super::super::value;
use super::{Body, Function};
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// The function of this name for a collection of this type.
pub(super) fn make(name: &str, types: Vec<CqlType>, _: Option<&CqlType>) -> Result<Function, CqlError> {
    let (returns, run): (_, super::Run<Bytes>) = match (name, types.first().map(CqlType::unfrozen)) {
        ("map_keys", Some(CqlType::Map(key, _))) => (CqlType::Set(key.clone()).freeze(), keys),
        ("map_values", Some(CqlType::Map(_, value))) => (CqlType::List(value.clone()).freeze(), values),
        ("collection_count", _) => (CqlType::Int, count),
        (_, Some(CqlType::List(element) | CqlType::Set(element))) => (
            (**element).clone(),
            match name {
                "collection_min" => |function, values| aggregate(AggregateKind::Min, function, values),
                "collection_max" => |function, values| aggregate(AggregateKind::Max, function, values),
                "collection_sum" => |function, values| aggregate(AggregateKind::Sum, function, values),
                _ => |function, values| aggregate(AggregateKind::Average, function, values),
            },
        ),
        _ => return Err(CqlError::Server(format!("{name} was made for what is no collection"))),
    };
    Ok(Function::new(name.to_owned(), types, returns, Body::Strict(run)))
}

fn keys(_: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let keys: Vec<Bytes> = value::entries(&values[0])?.into_iter().map(|(key, _)| key).collect();
    Ok(Some(value::join_elements(&keys)))
}

fn values(_: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let values: Vec<Bytes> = value::entries(&values[0])?.into_iter().map(|(_, value)| value).collect();
    Ok(Some(value::join_elements(&values)))
}

fn count(_: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    Ok(values[0].get(..4).map(Bytes::copy_from_slice))
}

fn aggregate(kind: AggregateKind, function: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let mut accumulator = Accumulator::of(kind, &function.returns);
    for element in value::elements(&values[0])? {
        accumulator.add(Some(element))?;
    }
    accumulator.value()
}
