//! What errors and the columns of results call a term.

use super::function::{counts_rows, system_name};
use trefoil_cql::ast::{Literal, Term, TypeName};

/// The text of a term. In a select clause, which is about a table in a keyspace, functions and user types have their full names.
pub(super) fn term_text(term: &Term, select_in: Option<&str>) -> String {
    let in_select = select_in.is_some();
    let text = |term: &Term| term_text(term, select_in);
    let list = |terms: &[Term]| terms.iter().map(text).collect::<Vec<_>>().join(", ");
    let entries = |entries: &[(Term, Term)]| {
        let entries = entries.iter().map(|(key, value)| format!("{}: {}", text(key), text(value)));
        format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
    };
    match term {
        Term::Literal(Literal::String(content)) => format!("'{content}'"),
        Term::Literal(Literal::Null) => "NULL".to_owned(),
        Term::Literal(literal) => literal.raw_text().into_owned(),
        // Named ones, too.
        Term::Marker(_) => "?".to_owned(),
        Term::List(elements) => format!("[{}]", list(elements)),
        Term::Set(elements) => format!("{{{}}}", list(elements)),
        Term::Map(map) => entries(map),
        Term::UserType(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}: {}", name.as_str(), text(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Term::Tuple(elements) => format!("({})", list(elements)),
        Term::Function(name, arguments) => {
            // count(1) is count(*) in disguise.
            if in_select && *name.name == *"count" && matches!(&arguments[..], [one] if counts_rows(one)) {
                return "count".to_owned();
            }
            match &name.keyspace {
                Some(keyspace) => format!("{}.{}({})", keyspace.as_str(), name.name.as_str(), list(arguments)),
                None if in_select => format!("{}({})", system_name(&name.name), list(arguments)),
                None => format!("{}({})", name.name.as_str(), list(arguments)),
            }
        }
        Term::Cast(inner, native) => format!("cast({} as {})", text(inner), native.text()),
        Term::TypeHint(type_name, inner) => format!("({}){}", type_text(type_name, select_in), text(inner)),
        Term::Negation(inner) => format!("-{}", text(inner)),
        Term::Arithmetic(operator, left, right) => format!("{} {} {}", text(left), operator.text(), text(right)),
        Term::Column(name) => name.as_str().to_owned(),
        Term::CountRows => "count".to_owned(),
        Term::Cell(function, inner) => format!("{}({})", function.text(), text(inner)),
        Term::Field(inner, field) => format!("{}.{}", text(inner), field.as_str()),
        Term::Element(inner, key) => format!("{}[{}]", text(inner), term_text(key, None)),
        Term::Slice(inner, from, to) => {
            let bound = |bound: &Option<Box<Term>>| bound.as_ref().map_or(String::new(), |term| term_text(term, None));
            format!("{}[{}..{}]", text(inner), bound(from), bound(to))
        }
    }
}

fn type_text(type_name: &TypeName, select_in: Option<&str>) -> String {
    let text = |inner: &TypeName| type_text(inner, select_in);
    match (type_name, select_in) {
        (TypeName::User(name), Some(keyspace)) if name.keyspace.is_none() => format!("{keyspace}.{name}"),
        (TypeName::List(element), _) => format!("list<{}>", text(element)),
        (TypeName::Set(element), _) => format!("set<{}>", text(element)),
        (TypeName::Map(key, value), _) => format!("map<{}, {}>", text(key), text(value)),
        (TypeName::Frozen(inner), _) => format!("frozen<{}>", text(inner)),
        (TypeName::Tuple(types), _) => {
            format!("tuple<{}>", types.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        (TypeName::Vector(element, dimension), _) => format!("vector<{}, {dimension}>", text(element)),
        (other, _) => other.to_string(),
    }
}
