//! A user-defined type as the statement that makes it.

use super::quoted;
use crate::schema::{Keyspace, contains_type};
use std::sync::Arc;
use trefoil_cql::types::{CqlType, UserType};

pub(super) fn statement(user: &UserType) -> String {
    let fields = user.fields.iter().map(|(name, field)| format!("    {} {field}", quoted(name)));
    let fields = fields.collect::<Vec<_>>().join(",\n");
    format!("CREATE TYPE {}.{} (\n{fields}\n);", quoted(&user.keyspace), quoted(&user.name))
}

/// Types after those that they are made of.
pub(super) fn in_order(keyspace: &Keyspace) -> Vec<&Arc<UserType>> {
    let mut ordered: Vec<&Arc<UserType>> = Vec::with_capacity(keyspace.types.len());
    while ordered.len() < keyspace.types.len() {
        let done = ordered.len();
        for user in keyspace.types.values() {
            let is_known = |name: &str| ordered.iter().any(|other| other.name == name);
            let missing = |inner: &CqlType| matches!(inner, CqlType::UserType(other) if !is_known(&other.name));
            if !is_known(&user.name) && !user.fields.iter().any(|(_, field)| contains_type(field, &missing)) {
                ordered.push(user);
            }
        }
        // Types cannot contain each other in a circle; should they, the rest comes in any order.
        if ordered.len() == done {
            let rest = keyspace.types.values().filter(|user| !ordered.iter().any(|other| other.name == user.name));
            let rest: Vec<_> = rest.collect();
            ordered.extend(rest);
        }
    }
    ordered
}
