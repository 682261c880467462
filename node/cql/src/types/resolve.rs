//! From a type as written to a type that means something: user types looked up, rules of nesting checked, normal form made.

use super::{CqlType, InvalidType, UserType};
use crate::ast::{QualifiedName, TypeName};
use crate::parser;
use std::sync::Arc;

/// What a type means in a keyspace, whose user types `lookup` knows by name.
///
/// # Errors
/// An unknown user type or one of another keyspace, and nesting that Cassandra refuses.
pub fn resolve(
    type_name: &TypeName,
    keyspace: &str,
    lookup: impl Fn(&str) -> Option<Arc<UserType>>,
) -> Result<CqlType, InvalidType> {
    Resolver { keyspace, lookup: &lookup }.resolve(type_name)
}

impl CqlType {
    /// Reads what `Display` writes, as in `system_schema.columns.type`.
    ///
    /// # Errors
    /// Text that is no type, and what `resolve` refuses.
    pub fn parse(
        text: &str,
        keyspace: &str,
        lookup: impl Fn(&str) -> Option<Arc<UserType>>,
    ) -> Result<CqlType, InvalidType> {
        let type_name = parser::parse_type(text).map_err(|error| InvalidType(error.to_string()))?;
        resolve(&type_name, keyspace, lookup)
    }
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<Arc<UserType>>;

struct Resolver<'a> {
    keyspace: &'a str,
    lookup: Lookup<'a>,
}

impl Resolver<'_> {
    fn resolve(&self, type_name: &TypeName) -> Result<CqlType, InvalidType> {
        Ok(match type_name {
            TypeName::Native(native) => CqlType::from(*native),
            TypeName::Custom(class) => CqlType::Custom(class.to_string()),
            TypeName::User(name) => CqlType::UserType(self.user_type(name)?),
            TypeName::List(element) => CqlType::List(Box::new(self.element(element, type_name)?)),
            TypeName::Set(element) => {
                let inner = self.element(element, type_name)?;
                if inner == CqlType::Duration {
                    return Err(InvalidType(format!("Durations are not allowed inside sets: {type_name}")));
                }
                CqlType::Set(Box::new(inner))
            }
            TypeName::Map(key, value) => {
                let key = self.element(key, type_name)?;
                if key == CqlType::Duration {
                    return Err(InvalidType(format!("Durations are not allowed as map keys: {type_name}")));
                }
                CqlType::Map(Box::new(key), Box::new(self.element(value, type_name)?))
            }
            TypeName::Frozen(inner) => self.inside_frozen(inner).map_err(|error| {
                // What it is said of is named as a whole.
                match error.0.strip_suffix(&inner.to_string()).filter(|problem| problem.ends_with(": ")) {
                    Some(problem) => InvalidType(format!("{problem}{type_name}")),
                    None => error,
                }
            })?,
            TypeName::Tuple(elements) => {
                let elements = elements.iter().map(|element| match self.inside_frozen(element)? {
                    CqlType::Counter => Err(InvalidType("Counters are not allowed inside tuples".into())),
                    element => Ok(element),
                });
                CqlType::Tuple(elements.collect::<Result<_, _>>()?)
            }
            TypeName::Vector(element, dimension) => self.vector(element, *dimension)?,
        })
    }

    /// What is inside `frozen<...>`: everything in it is frozen, whether it says so or not.
    fn inside_frozen(&self, type_name: &TypeName) -> Result<CqlType, InvalidType> {
        // Non-frozen nesting is an error only outside `frozen`: strip the check by freezing first.
        Ok(self.resolve(&freeze(type_name))?.freeze())
    }

    /// The element type of a collection, which must be frozen if it can be.
    fn element(&self, element: &TypeName, collection: &TypeName) -> Result<CqlType, InvalidType> {
        match self.resolve(element)? {
            CqlType::Counter => Err(InvalidType(format!("Counters are not allowed inside collections: {collection}"))),
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) => {
                Err(InvalidType(format!("Non-frozen collections are not allowed inside collections: {collection}")))
            }
            CqlType::UserType(_) => {
                Err(InvalidType(format!("Non-frozen UDTs are not allowed inside collections: {collection}")))
            }
            element => Ok(element),
        }
    }

    fn vector(&self, element: &TypeName, dimension: i32) -> Result<CqlType, InvalidType> {
        let Some(dimension) = u32::try_from(dimension).ok().filter(|dimension| *dimension > 0) else {
            return Err(InvalidType(format!("vectors may only have positive dimensions; given {dimension}")));
        };
        match self.inside_frozen(element)? {
            CqlType::Counter => Err(InvalidType("Counters are not allowed inside vectors".into())),
            element => Ok(CqlType::Vector(Box::new(element), dimension)),
        }
    }

    fn user_type(&self, name: &QualifiedName) -> Result<Arc<UserType>, InvalidType> {
        if let Some(keyspace) = &name.keyspace
            && *keyspace != *self.keyspace
        {
            return Err(InvalidType(format!(
                "Statement on keyspace {} cannot refer to a user type in keyspace {}; user types can only be used in \
                 the keyspace they are defined in",
                self.keyspace,
                keyspace.as_str()
            )));
        }
        (self.lookup)(&name.name)
            .ok_or_else(|| InvalidType(format!("Unknown type {}.{}", self.keyspace, name.name.as_str())))
    }
}

/// The same type with `frozen` at every place where it makes a difference.
fn freeze(type_name: &TypeName) -> TypeName {
    let nested = |inner: &TypeName| match inner {
        TypeName::List(_) | TypeName::Set(_) | TypeName::Map(..) | TypeName::User(_) => {
            Box::new(TypeName::Frozen(Box::new(freeze(inner))))
        }
        other => Box::new(freeze(other)),
    };
    match type_name {
        TypeName::List(element) => TypeName::List(nested(element)),
        TypeName::Set(element) => TypeName::Set(nested(element)),
        TypeName::Map(key, value) => TypeName::Map(nested(key), nested(value)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Arc<UserType> {
        Arc::new(UserType {
            keyspace: "ks".into(),
            name: "U".into(),
            fields: vec![("a".into(), CqlType::Int), ("b".into(), CqlType::List(Box::new(CqlType::Text)))],
        })
    }

    fn parse(text: &str) -> Result<CqlType, InvalidType> {
        CqlType::parse(text, "ks", |name| (name == "U").then(user))
    }

    #[test]
    fn types_print_as_in_the_schema_tables() {
        for (written, stored) in [
            ("int", "int"),
            ("VARCHAR", "text"),
            ("list<int>", "list<int>"),
            ("map<text,frozen<set<int>>>", "map<text, frozen<set<int>>>"),
            ("frozen<map<text, list<set<int>>>>", "frozen<map<text, frozen<list<frozen<set<int>>>>>>"),
            ("tuple<int, list<text>, \"U\">", "frozen<tuple<int, frozen<list<text>>, frozen<\"U\">>>"),
            ("frozen<tuple<int>>", "frozen<tuple<int>>"),
            ("frozen<frozen<list<int>>>", "frozen<list<int>>"),
            ("\"U\"", "\"U\""),
            ("frozen<ks.\"U\">", "frozen<\"U\">"),
            ("list<frozen<\"U\">>", "list<frozen<\"U\">>"),
            ("set<tuple<int, text>>", "set<frozen<tuple<int, text>>>"),
            ("vector<float, 3>", "vector<float, 3>"),
            ("vector<list<int>, 2>", "vector<frozen<list<int>>, 2>"),
            ("'org.example.It''s'", "'org.example.It''s'"),
        ] {
            let parsed = parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(parsed.to_string(), stored, "{written}");
            assert_eq!(parse(stored), Ok(parsed), "{stored}");
        }
    }

    #[test]
    fn impossible_types_are_refused() {
        for (text, message) in [
            ("list<list<int>>", "Non-frozen collections are not allowed inside collections: list<list<int>>"),
            ("map<int, \"U\">", "Non-frozen UDTs are not allowed inside collections: map<int, \"U\">"),
            ("list<counter>", "Counters are not allowed inside collections: list<counter>"),
            ("frozen<list<counter>>", "Counters are not allowed inside collections: frozen<list<counter>>"),
            ("tuple<counter>", "Counters are not allowed inside tuples"),
            ("set<duration>", "Durations are not allowed inside sets: set<duration>"),
            ("map<duration, int>", "Durations are not allowed as map keys: map<duration, int>"),
            ("vector<int, 0>", "vectors may only have positive dimensions; given 0"),
            ("missing", "Unknown type ks.missing"),
            (
                "other.t",
                "Statement on keyspace ks cannot refer to a user type in keyspace other; user types can only be used in \
                 the keyspace they are defined in",
            ),
        ] {
            assert_eq!(parse(text), Err(InvalidType(message.into())), "{text}");
        }
        assert!(parse("list<int").is_err());
    }
}
