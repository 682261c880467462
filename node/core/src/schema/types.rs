//! User-defined types inside other types. A column carries its whole type, so a definition that was planned against an older
//! schema is brought up to date when it is applied.

use super::{Keyspace, SchemaError};
use std::sync::Arc;
use trefoil_cql::types::CqlType;

/// The type with every user-defined type in it as the keyspace has it now.
pub(super) fn resolve(keyspace: &Keyspace, column_type: &CqlType) -> Result<CqlType, SchemaError> {
    let boxed = |inner: &CqlType| resolve(keyspace, inner).map(Box::new);
    Ok(match column_type {
        CqlType::List(element) => CqlType::List(boxed(element)?),
        CqlType::Set(element) => CqlType::Set(boxed(element)?),
        CqlType::Map(key, value) => CqlType::Map(boxed(key)?, boxed(value)?),
        CqlType::Frozen(inner) => CqlType::Frozen(boxed(inner)?),
        CqlType::Vector(element, dimension) => CqlType::Vector(boxed(element)?, *dimension),
        CqlType::Tuple(types) => {
            CqlType::Tuple(types.iter().map(|element| resolve(keyspace, element)).collect::<Result<_, _>>()?)
        }
        CqlType::UserType(user) => {
            let known = keyspace.types.get(&user.name).filter(|known| known.keyspace == user.keyspace);
            let known =
                known.ok_or_else(|| SchemaError::Invalid(format!("Unknown type {}.{}", keyspace.name, user.name)))?;
            CqlType::UserType(Arc::clone(known))
        }
        scalar => scalar.clone(),
    })
}

/// Whether the type is, or contains, one for which `test` holds.
pub(crate) fn any(column_type: &CqlType, test: &dyn Fn(&CqlType) -> bool) -> bool {
    test(column_type)
        || match column_type {
            CqlType::List(inner) | CqlType::Set(inner) | CqlType::Frozen(inner) | CqlType::Vector(inner, _) => {
                any(inner, test)
            }
            CqlType::Map(key, value) => any(key, test) || any(value, test),
            CqlType::Tuple(types) => types.iter().any(|inner| any(inner, test)),
            CqlType::UserType(user) => user.fields.iter().any(|(_, field)| any(field, test)),
            _ => false,
        }
}

/// The type as Cassandra's definitions of types name it: user-defined types with their keyspace.
pub(super) fn qualified(column_type: &CqlType) -> String {
    let list = |types: &[CqlType]| types.iter().map(qualified).collect::<Vec<_>>().join(", ");
    match column_type {
        CqlType::UserType(user) => format!("{}.{}", user.keyspace, user.name),
        CqlType::Frozen(inner) => format!("frozen<{}>", qualified(inner)),
        CqlType::List(inner) => format!("list<{}>", qualified(inner)),
        CqlType::Set(inner) => format!("set<{}>", qualified(inner)),
        CqlType::Map(key, value) => format!("map<{}, {}>", qualified(key), qualified(value)),
        CqlType::Tuple(types) => format!("tuple<{}>", list(types)),
        other => other.to_string(),
    }
}

/// Whether the type uses the user-defined type of that name.
pub(super) fn references(column_type: &CqlType, name: &str) -> bool {
    any(column_type, &|inner| matches!(inner, CqlType::UserType(user) if user.name == name))
}
