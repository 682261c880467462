//! How similar two vectors are, as the indexes of Lucene count it: larger is more similar, nothing is negative.

use super::{Body, Function};
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// The function of this name for vectors of these types.
pub(super) fn make(name: &str, types: Vec<CqlType>, _: Option<&CqlType>) -> Result<Function, CqlError> {
    let dimension = |vector: &CqlType| match vector {
        CqlType::Vector(_, dimension) => *dimension,
        _ => 0,
    };
    if types.iter().any(|vector| dimension(vector) != dimension(&types[0])) {
        return Err(CqlError::invalid("All arguments must have the same vector dimensions"));
    }
    let run: super::Run<Bytes> = match name {
        "similarity_cosine" => cosine,
        "similarity_euclidean" => euclidean,
        _ => dot_product,
    };
    Ok(Function::new(name.to_owned(), types, CqlType::Float, Body::Strict(run)))
}

fn pairs<'a>(values: &'a [Bytes]) -> Result<impl Iterator<Item = (f32, f32)> + 'a, CqlError> {
    let floats = |bytes: &'a Bytes| bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_be_bytes(*chunk));
    match values {
        [left, right] => Ok(floats(left).zip(floats(right))),
        _ => Err(CqlError::server("similarity is of two vectors")),
    }
}

fn float(value: f32) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(&value.to_be_bytes()))
}

fn cosine(function: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let (mut product, mut left_square, mut right_square) = (0f32, 0f32, 0f32);
    for (left, right) in pairs(values)? {
        product += left * right;
        left_square += left * left;
        right_square += right * right;
    }
    if left_square == 0.0 || right_square == 0.0 {
        return Err(CqlError::Invalid(format!("Function {} doesn't support all-zero vectors.", function.full_name())));
    }
    let cosine = (f64::from(product) / (f64::from(left_square) * f64::from(right_square)).sqrt()) as f32;
    Ok(float(((1.0 + cosine) / 2.0).max(0.0)))
}

fn euclidean(_: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let distance: f32 = pairs(values)?.map(|(left, right)| (left - right) * (left - right)).sum();
    Ok(float(1.0 / (1.0 + distance)))
}

fn dot_product(_: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let product: f32 = pairs(values)?.map(|(left, right)| left * right).sum();
    Ok(float(((1.0 + product) / 2.0).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(elements: &[f32]) -> Bytes {
        elements.iter().flat_map(|element| element.to_be_bytes()).collect::<Vec<u8>>().into()
    }

    #[test]
    fn similarities() {
        let values = [vector(&[1.0, 2.0]), vector(&[3.0, 4.0])];
        let types = vec![CqlType::Vector(Box::new(CqlType::Float), 2); 2];
        let run = |name| {
            let function = make(name, types.clone(), None).expect("dimensions agree");
            function.run(&values.clone().map(Some), None).expect("computed").expect("not null")
        };
        assert_eq!(run("similarity_euclidean")[..], (1.0f32 / 9.0).to_be_bytes());
        assert_eq!(run("similarity_dot_product")[..], 6.0f32.to_be_bytes());
        assert_eq!(run("similarity_cosine")[..], 0.991_934_96_f32.to_be_bytes());
        let zero = [Some(vector(&[0.0, 0.0])), Some(values[0].clone())];
        let cosine = make("similarity_cosine", types.clone(), None).expect("dimensions agree");
        assert!(cosine.run(&zero, None).is_err());
    }
}
