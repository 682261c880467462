//! Tuples of values that clustering columns are compared with, `(a, b) > (1, 2)`: written out, or bound as a whole.

use crate::schema::{Column, Table};
use crate::statement::term::{Scope, Term, TermContext};
use crate::statement::value;
use crate::statement::variables::Receiver;
use bytes::Bytes;
use trefoil_cql::ast;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A tuple of values: its parts, or a marker for the whole.
#[derive(Clone, Debug)]
pub(in crate::statement) enum TupleTerm {
    Parts(Vec<Term>),
    Marker(u16, CqlType),
}

/// The tuples of an IN.
#[derive(Clone, Debug)]
pub(in crate::statement) enum InTuples {
    List(Vec<TupleTerm>),
    /// A list of tuples of this type (the list's).
    Marker(u16, CqlType),
}

impl TupleTerm {
    pub fn resolve(
        term: &ast::Term,
        columns: &[Column],
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<TupleTerm, CqlError> {
        match term {
            ast::Term::Tuple(elements) => {
                if elements.len() != columns.len() {
                    return Err(CqlError::Invalid(format!(
                        "Expected {} elements in value tuple, but got {}: {term}",
                        columns.len(),
                        elements.len()
                    )));
                }
                let parts = elements.iter().zip(columns);
                let parts =
                    parts.map(|(element, column)| Term::resolve(element, Receiver::column(table, column), context));
                parts.collect::<Result<_, _>>().map(TupleTerm::Parts)
            }
            ast::Term::Marker(marker) => {
                let (name, tuple) = tuple_of(columns);
                context.variables.set(marker, Receiver::of(table, &name, &tuple));
                Ok(TupleTerm::Marker(marker.index, tuple))
            }
            _ => Err(CqlError::invalid("Multi-column relations need a tuple or a bind variable on their right side")),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            TupleTerm::Parts(parts) => parts.len(),
            TupleTerm::Marker(_, CqlType::Tuple(types)) => types.len(),
            TupleTerm::Marker(..) => 0,
        }
    }
}

impl InTuples {
    pub fn resolve(
        values: &ast::InValues,
        columns: &[Column],
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<InTuples, CqlError> {
        match values {
            ast::InValues::List(terms) => {
                let tuples = terms.iter().map(|term| TupleTerm::resolve(term, columns, table, context));
                tuples.collect::<Result<_, _>>().map(InTuples::List)
            }
            ast::InValues::Marker(marker) => {
                let (name, tuple) = tuple_of(columns);
                let list = CqlType::List(Box::new(tuple));
                context.variables.set(marker, Receiver::of(table, &format!("in{name}"), &list));
                Ok(InTuples::Marker(marker.index, list))
            }
        }
    }
}

/// What drivers know a marker for a tuple of these columns by: `(a,b)`.
fn tuple_of(columns: &[Column]) -> (String, CqlType) {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let types = columns.iter().map(|column| column.column_type.clone()).collect();
    (format!("({})", names.join(",")), CqlType::Tuple(types))
}

impl TupleTerm {
    /// Its components, none of which may be null or unset; `refuse` names the component. `names` are those of its first
    /// column and what comes after it.
    pub fn bind(
        &self,
        scope: &mut Scope<'_>,
        names: &[String],
        refuse: impl Fn(usize, &'static str) -> String,
    ) -> Result<Vec<Bytes>, CqlError> {
        match self {
            TupleTerm::Parts(parts) => {
                let bind = |(offset, part): (usize, &Term)| {
                    part.bind_required(scope, |what| match what {
                        "unset" => format!("Invalid unset value for tuple field number {offset}"),
                        _ => refuse(offset, what),
                    })
                };
                parts.iter().enumerate().map(bind).collect()
            }
            TupleTerm::Marker(index, tuple_type) => match &scope.values[usize::from(*index)] {
                Value::Set(bytes) => split_tuple(&value::received(tuple_type, bytes)?, self.len(), &refuse),
                Value::Null => Err(CqlError::Invalid(refuse(0, "null"))),
                Value::Unset => {
                    let names = names[..self.len().min(names.len())].join(",");
                    Err(CqlError::Invalid(format!("Invalid unset value for tuple ({names})")))
                }
            },
        }
    }
}

impl InTuples {
    /// The components of each of its tuples. `names` are those of the first column and what comes after it.
    pub fn bind(&self, scope: &mut Scope<'_>, names: &[String]) -> Result<Vec<Vec<Bytes>>, CqlError> {
        let columns = |count: usize, separator| names[..count.min(names.len())].join(separator);
        let refuse = |count| {
            move |_: usize, what| format!("Invalid {what} value in condition for columns: [{}]", columns(count, ", "))
        };
        match self {
            InTuples::List(tuples) => {
                tuples.iter().map(|tuple| tuple.bind(scope, names, refuse(tuple.len()))).collect()
            }
            InTuples::Marker(index, list) => {
                let count = match list {
                    CqlType::List(tuple) => match &**tuple {
                        CqlType::Tuple(types) => types.len(),
                        _ => 0,
                    },
                    _ => 0,
                };
                match &scope.values[usize::from(*index)] {
                    Value::Set(bytes) => {
                        let elements = value::elements(&value::received(list, bytes)?)?;
                        elements.iter().map(|element| split_tuple(element, count, &refuse(count))).collect()
                    }
                    Value::Null => Err(CqlError::invalid("Invalid null value for IN restriction")),
                    Value::Unset => {
                        Err(CqlError::Invalid(format!("Invalid unset value for in({})", columns(count, ","))))
                    }
                }
            }
        }
    }
}

fn split_tuple(
    bytes: &Bytes,
    count: usize,
    refuse: &impl Fn(usize, &'static str) -> String,
) -> Result<Vec<Bytes>, CqlError> {
    let fields = value::fields(bytes)?;
    let field = |offset: usize| match fields.get(offset) {
        Some(Some(bytes)) => Ok(bytes.clone()),
        _ => Err(CqlError::Invalid(refuse(offset, "null"))),
    };
    (0..count).map(field).collect()
}
