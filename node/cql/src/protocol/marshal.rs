//! Names of Cassandra's Java classes for types, exactly as its `toString` writes them: how vectors travel, and types that
//! are younger than the version spoken. Drivers parse these names.

use crate::types::{CqlType, NativeType, UserType};
use std::fmt::Write;
use std::sync::Arc;

const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

/// Types inside types, at most; a name from outside could otherwise exhaust the stack.
const DEPTH: u32 = 64;

fn native_class(native: NativeType) -> &'static str {
    match native {
        NativeType::Ascii => "AsciiType",
        NativeType::BigInt => "LongType",
        NativeType::Blob => "BytesType",
        NativeType::Boolean => "BooleanType",
        NativeType::Counter => "CounterColumnType",
        NativeType::Decimal => "DecimalType",
        NativeType::Double => "DoubleType",
        NativeType::Float => "FloatType",
        NativeType::Int => "Int32Type",
        NativeType::Timestamp => "TimestampType",
        NativeType::Uuid => "UUIDType",
        NativeType::Text => "UTF8Type",
        NativeType::Varint => "IntegerType",
        NativeType::TimeUuid => "TimeUUIDType",
        NativeType::Inet => "InetAddressType",
        NativeType::Date => "SimpleDateType",
        NativeType::Time => "TimeType",
        NativeType::SmallInt => "ShortType",
        NativeType::TinyInt => "ByteType",
        NativeType::Duration => "DurationType",
    }
}

/// The class name of a type.
#[must_use]
pub fn class_name(cql_type: &CqlType) -> String {
    let mut name = String::new();
    write_class(&mut name, cql_type);
    name
}

fn write_class(out: &mut String, cql_type: &CqlType) {
    if let CqlType::Custom(class) = cql_type {
        return out.push_str(class);
    }
    out.push_str(PACKAGE);
    if let Some(native) = cql_type.native() {
        return out.push_str(native_class(native));
    }
    match cql_type {
        CqlType::List(element) => write_arguments(out, "ListType", [&**element]),
        CqlType::Set(element) => write_arguments(out, "SetType", [&**element]),
        CqlType::Map(key, value) => write_arguments(out, "MapType", [&**key, &**value]),
        CqlType::Frozen(inner) => write_arguments(out, "FrozenType", [&**inner]),
        CqlType::Tuple(elements) => write_arguments(out, "TupleType", elements),
        CqlType::UserType(user_type) => {
            out.push_str("UserType(");
            out.push_str(&user_type.keyspace);
            out.push(',');
            write_hex(out, &user_type.name);
            for (name, field) in &user_type.fields {
                out.push(',');
                write_hex(out, name);
                out.push(':');
                write_class(out, field);
            }
            out.push(')');
        }
        CqlType::Vector(element, dimension) => {
            out.push_str("VectorType(");
            write_class(out, element);
            // With these very spaces.
            write!(out, " , {dimension})").expect("a String takes everything");
        }
        _ => unreachable!("scalars and custom types have been dealt with"),
    }
}

fn write_arguments<'a>(out: &mut String, class: &str, arguments: impl IntoIterator<Item = &'a CqlType>) {
    out.push_str(class);
    out.push('(');
    for (index, argument) in arguments.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_class(out, argument);
    }
    out.push(')');
}

fn write_hex(out: &mut String, text: &str) {
    for byte in text.bytes() {
        write!(out, "{byte:02x}").expect("a String takes everything");
    }
}

/// Types of Cassandra that CQL has no names for, or that say more than a name.
const OTHER_CLASSES: [&str; 12] = [
    "CompositeType",
    "DateType",
    "DynamicCompositeType",
    "EmptyType",
    "FrozenType",
    "LegacyTimeUUIDType",
    "LexicalUUIDType",
    "PartitionerDefinedOrder",
    "ReversedType",
    "TupleType",
    "UserType",
    "VectorType",
];

/// Whether Cassandra has the class that a name begins with.
#[must_use]
pub fn is_known_class(name: &str) -> bool {
    let class = name.split('(').next().unwrap_or(name).trim();
    let class = class.strip_prefix(PACKAGE).unwrap_or(class);
    parse_class_name(class).is_some() || OTHER_CLASSES.contains(&class)
}

/// The name of a class with its package, which is Cassandra's unless it has one.
#[must_use]
pub fn full_class(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{PACKAGE}{name}") }
}

/// The type that a class name stands for; none for classes that are not Cassandra's own.
#[must_use]
pub fn parse_class_name(name: &str) -> Option<CqlType> {
    let mut parser = Parser { rest: name };
    let cql_type = parser.class(DEPTH)?;
    parser.rest.trim().is_empty().then_some(cql_type)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn class(&mut self, depth: u32) -> Option<CqlType> {
        let depth = depth.checked_sub(1)?;
        let word = self.word();
        let class = word.strip_prefix(PACKAGE).unwrap_or(word);
        if let Some(native) = NativeType::ALL.iter().find(|native| native_class(**native) == class) {
            return Some(CqlType::from(*native));
        }
        match class {
            "ListType" => self.arguments(depth)?.pop_only().map(|[element]| CqlType::List(Box::new(element))),
            "SetType" => self.arguments(depth)?.pop_only().map(|[element]| CqlType::Set(Box::new(element))),
            "FrozenType" => self.arguments(depth)?.pop_only().map(|[inner]| CqlType::Frozen(Box::new(inner))),
            "MapType" => {
                self.arguments(depth)?.pop_only().map(|[key, value]| CqlType::Map(Box::new(key), Box::new(value)))
            }
            "TupleType" => self.arguments(depth).map(CqlType::Tuple),
            "UserType" => self.user_type(depth),
            "VectorType" => {
                self.expect('(')?;
                let element = self.class(depth)?;
                self.expect(',')?;
                let dimension = self.word().parse().ok().filter(|dimension| *dimension <= i32::MAX as u32)?;
                self.expect(')')?;
                Some(CqlType::Vector(Box::new(element), dimension))
            }
            _ => None,
        }
    }

    fn arguments(&mut self, depth: u32) -> Option<Vec<CqlType>> {
        self.expect('(')?;
        let mut arguments = Vec::new();
        loop {
            if self.expect(')').is_some() {
                return Some(arguments);
            }
            if !arguments.is_empty() {
                self.expect(',')?;
            }
            arguments.push(self.class(depth)?);
        }
    }

    fn user_type(&mut self, depth: u32) -> Option<CqlType> {
        self.expect('(')?;
        let keyspace = self.word().to_owned();
        self.expect(',')?;
        let name = self.hex()?;
        let mut fields = Vec::new();
        while self.expect(')').is_none() {
            self.expect(',')?;
            let field = self.hex()?;
            self.expect(':')?;
            fields.push((field, self.class(depth)?));
        }
        Some(CqlType::UserType(Arc::new(UserType { keyspace, name, fields })))
    }

    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | '&');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn hex(&mut self) -> Option<String> {
        let digits = self.word().as_bytes();
        let (pairs, odd) = digits.as_chunks::<2>();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes =
            pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<Vec<u8>>>()?;
        if odd.is_empty() { String::from_utf8(bytes).ok() } else { None }
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(wanted)?;
        Some(())
    }
}

/// Exactly so many arguments.
trait PopOnly<T> {
    fn pop_only<const N: usize>(self) -> Option<[T; N]>;
}

impl<T> PopOnly<T> for Vec<T> {
    fn pop_only<const N: usize>(self) -> Option<[T; N]> {
        self.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cassandras_classes_are_known() {
        for known in ["Int32Type", "org.apache.cassandra.db.marshal.LongType", "CompositeType(Int32Type)", "EmptyType"]
        {
            assert!(is_known_class(known), "{known}");
        }
        for unknown in ["Nothing", "org.example.Int32Type", ""] {
            assert!(!is_known_class(unknown), "{unknown}");
        }
        assert_eq!(full_class("Nothing"), "org.apache.cassandra.db.marshal.Nothing");
        assert_eq!(full_class("org.example.Nothing"), "org.example.Nothing");
    }

    #[test]
    fn vectors_are_named_as_cassandra_names_them() {
        let vector = CqlType::Vector(Box::new(CqlType::Float), 3);
        let name = "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)";
        assert_eq!(class_name(&vector), name);
        assert_eq!(parse_class_name(name), Some(vector));
    }

    #[test]
    fn names_can_be_read_again() {
        let user_type = UserType {
            keyspace: "ks".into(),
            name: "übel".into(),
            fields: vec![
                ("a".into(), CqlType::Duration),
                ("b c".into(), CqlType::Tuple(vec![CqlType::Date, CqlType::Text])),
            ],
        };
        let inner = CqlType::Map(Box::new(CqlType::Int), Box::new(CqlType::UserType(Arc::new(user_type))));
        let list = CqlType::List(Box::new(CqlType::Frozen(Box::new(inner))));
        for cql_type in [list.clone(), CqlType::Vector(Box::new(CqlType::Frozen(Box::new(list))), 65_535)] {
            assert_eq!(parse_class_name(&class_name(&cql_type)), Some(cql_type));
        }
    }

    #[test]
    fn other_names_are_no_types_of_ours() {
        let deep = format!("{}Int32Type{}", "FrozenType(".repeat(100_000), ")".repeat(100_000));
        for name in [
            "",
            "com.example.Money",
            "ListType",
            "ListType(",
            "ListType(Int32Type,Int32Type)",
            "MapType(Int32Type)",
            "UserType(ks,6",
            "UserType(ks,zz)",
            "VectorType(Int32Type,-1)",
            "Int32Type x",
            &deep,
        ] {
            assert_eq!(parse_class_name(name), None, "{name:.40}");
        }
    }
}
