//! The select clause: from what is written to expressions, with the names and types that clients see.

use super::super::function::{Function, candidates, unknown_function};
use super::super::names::column_index;
use super::super::term::{Term, TermContext};
use super::super::value;
use super::super::variables::Receiver;
use super::aggregate::{Aggregate, AggregateKind};
use super::expression::{CellForm, Expression, MetaForm, path_order};
use crate::schema::{Column, ColumnKind, Table};
use trefoil_cql::ast::{self, CellFunction};
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};
use trefoil_cql::types::CqlType;

/// A select clause.
#[derive(Clone, Debug, Default)]
pub(in crate::statement) struct Selection {
    /// What the cells of a result row are.
    pub outputs: Vec<Expression>,
    /// Aggregates that outputs refer to.
    pub aggregates: Vec<Aggregate>,
    /// Terms that outputs refer to.
    pub terms: Vec<Term>,
    /// Whether only the partition key and static columns are selected, and at least one of the latter.
    pub only_statics: bool,
    /// Names of the columns used, in order of appearance.
    pub used: Vec<String>,
}

/// Analyses a select clause.
struct Selecting<'a, 'b> {
    table: &'a Table,
    context: &'a mut TermContext<'b>,
    selection: Selection,
    inside_aggregate: bool,
}

/// An expression with its type.
struct Typed {
    expression: Expression,
    column_type: CqlType,
}

impl Selection {
    /// Analyse, and describe the columns of the result.
    pub fn resolve(
        selection: &ast::Selection,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(Selection, Vec<ColumnSpec>), CqlError> {
        let spec = |name: String, column_type: CqlType| ColumnSpec {
            keyspace: table.keyspace.clone(),
            table: table.name.clone(),
            name,
            column_type,
        };
        let mut selecting = Selecting { table, context, selection: Selection::default(), inside_aggregate: false };
        let mut specs = Vec::new();
        match selection {
            ast::Selection::All => {
                for column in &table.columns {
                    selecting.selection.used.push(column.name.clone());
                    selecting.selection.outputs.push(plain(column));
                    specs.push(spec(column.name.clone(), column.column_type.clone()));
                }
            }
            ast::Selection::Selectors(selectors) => {
                for selector in selectors {
                    let name = match &selector.alias {
                        Some(alias) => alias.as_str().to_owned(),
                        None => display(&selector.term),
                    };
                    let typed = selecting.expression(&selector.term, None)?;
                    selecting.selection.outputs.push(typed.expression);
                    specs.push(spec(name, typed.column_type));
                }
            }
        }
        let mut selection = selecting.selection;
        let kind = |name: &String| table.column(name).map(|column| column.kind);
        let kinds: Vec<Option<ColumnKind>> = selection.used.iter().map(kind).collect();
        selection.only_statics = kinds.contains(&Some(ColumnKind::Static))
            && kinds.iter().all(|kind| matches!(kind, Some(ColumnKind::Static | ColumnKind::PartitionKey)));
        Ok((selection, specs))
    }

    pub fn is_aggregate(&self) -> bool {
        !self.aggregates.is_empty()
    }
}

/// The expression of a column as it is.
fn plain(column: &Column) -> Expression {
    match column.kind {
        ColumnKind::PartitionKey => Expression::PartitionKey(usize::from(column.position)),
        ColumnKind::Clustering => Expression::Clustering(usize::from(column.position)),
        ColumnKind::Static | ColumnKind::Regular => Expression::Cell(column.id, CellForm::of(&column.column_type)),
    }
}

impl Selecting<'_, '_> {
    /// `wanted`: the type that a constant takes, where there is one.
    fn expression(&mut self, selectable: &ast::Term, wanted: Option<&CqlType>) -> Result<Typed, CqlError> {
        match selectable {
            ast::Term::Column(name) => {
                let column = &self.table.columns[column_index(self.table, name)?];
                self.selection.used.push(column.name.clone());
                Ok(Typed { expression: plain(column), column_type: column.column_type.clone() })
            }
            ast::Term::CountRows => self.aggregate(AggregateKind::Count, None),
            ast::Term::Cell(function, inner) => self.meta(*function, inner),
            ast::Term::Function(name, arguments) => self.call(name, arguments),
            ast::Term::Field(inner, field) => {
                let inner = self.expression(inner, None)?;
                let CqlType::UserType(user) = inner.column_type.unfrozen() else {
                    return Err(CqlError::Invalid(format!(
                        "Invalid field selection: {} is not a user type",
                        inner.column_type
                    )));
                };
                let Some(index) = user.fields.iter().position(|(name, _)| *field == **name) else {
                    return Err(CqlError::Invalid(format!("{} of type {} has no field {field}", field, user.name)));
                };
                let column_type = user.fields[index].1.clone();
                Ok(Typed { expression: Expression::Field(Box::new(inner.expression), index), column_type })
            }
            ast::Term::Element(inner, key) => {
                let inner = self.expression(inner, None)?;
                let (key_type, result) = match inner.column_type.unfrozen() {
                    CqlType::Map(key, value) => ((**key).clone(), (**value).clone()),
                    CqlType::Set(element) => ((**element).clone(), (**element).clone()),
                    other => {
                        return Err(CqlError::Invalid(format!(
                            "Invalid element selection: {other} is not a set or map"
                        )));
                    }
                };
                let slot = self.bound(key, "element", &key_type)?;
                let expression = Expression::Element(Box::new(inner.expression), inner.column_type.clone(), slot);
                Ok(Typed { expression, column_type: result })
            }
            ast::Term::Literal(literal) => {
                let column_type = match wanted {
                    Some(wanted) => wanted.clone(),
                    None => literal_type(literal)?,
                };
                let term = ast::Term::Literal(literal.clone());
                let slot = self.bound(&term, "constant", &column_type)?;
                Ok(Typed { expression: Expression::Bound(slot), column_type })
            }
            ast::Term::Marker(marker) => {
                let Some(wanted) = wanted else {
                    return Err(CqlError::invalid(
                        "Cannot infer type for term ? in selection clause (try using a cast to force a type)",
                    ));
                };
                let slot = self.bound(&ast::Term::Marker(marker.clone()), "constant", wanted)?;
                Ok(Typed { expression: Expression::Bound(slot), column_type: wanted.clone() })
            }
            ast::Term::TypeHint(type_name, inner) => {
                let hinted = self.context.names.resolve_type(&self.table.keyspace, type_name)?;
                let typed = self.expression(inner, Some(&hinted))?;
                if !value::is_assignable(&typed.column_type, &hinted) {
                    return Err(CqlError::Invalid(format!(
                        "Cannot assign value of type {} to {hinted}",
                        typed.column_type
                    )));
                }
                Ok(Typed { expression: typed.expression, column_type: hinted })
            }
            ast::Term::Tuple(elements) if elements.len() == 1 => self.expression(&elements[0], wanted),
            ast::Term::Cast(..)
            | ast::Term::Slice(..)
            | ast::Term::List(_)
            | ast::Term::Set(_)
            | ast::Term::Map(_)
            | ast::Term::UserType(_)
            | ast::Term::Tuple(_)
            | ast::Term::Negation(_)
            | ast::Term::Arithmetic(..) => {
                Err(CqlError::Invalid(format!("Selecting {} is not supported yet", display(selectable))))
            }
        }
    }

    fn bound(&mut self, term: &ast::Term, name: &str, column_type: &CqlType) -> Result<usize, CqlError> {
        let receiver = Receiver::of(self.table, name, column_type);
        let term = Term::resolve(term, receiver, self.context)?;
        self.selection.terms.push(term);
        Ok(self.selection.terms.len() - 1)
    }

    fn meta(&mut self, function: CellFunction, inner: &ast::Term) -> Result<Typed, CqlError> {
        let ast::Term::Column(name) = inner else {
            return Err(CqlError::Invalid(format!(
                "{} of elements, slices and fields is not supported yet",
                function.text()
            )));
        };
        let column = &self.table.columns[column_index(self.table, name)?];
        if column.kind.is_key() {
            return Err(CqlError::Invalid(format!(
                "Cannot use selection function {} on PRIMARY KEY part {}",
                function.text(),
                column.name
            )));
        }
        self.selection.used.push(column.name.clone());
        let single = match function {
            CellFunction::WriteTime | CellFunction::MaxWriteTime => CqlType::BigInt,
            CellFunction::Ttl => CqlType::Int,
        };
        let is_many = column.column_type.is_multi_cell() && function != CellFunction::MaxWriteTime;
        let (form, column_type) = if is_many {
            (MetaForm::Many(path_order(&column.column_type)), CqlType::List(Box::new(single)))
        } else {
            (MetaForm::Single, single)
        };
        Ok(Typed { expression: Expression::Meta(function, column.id, form), column_type })
    }

    fn call(&mut self, name: &ast::QualifiedName, arguments: &[ast::Term]) -> Result<Typed, CqlError> {
        if let Some(kind) = AggregateKind::of_name(&name.name) {
            return match arguments {
                [argument] => self.aggregate(kind, Some(argument)),
                _ => Err(CqlError::Invalid(format!(
                    "Invalid number of arguments in call to function {}: 1 required but {} provided",
                    kind.name(),
                    arguments.len()
                ))),
            };
        }
        if name.name == "token" {
            return self.token(arguments);
        }
        let all = candidates(name);
        if all.is_empty() {
            return Err(unknown_function(name));
        }
        let mut problem = None;
        for function in &all {
            match self.call_of(function, arguments) {
                Ok(typed) => return Ok(typed),
                Err(error) => problem = Some(error),
            }
        }
        Err(problem.unwrap_or_else(|| unknown_function(name)))
    }

    fn call_of(&mut self, function: &Function, arguments: &[ast::Term]) -> Result<Typed, CqlError> {
        let types = function.arguments();
        if types.len() != arguments.len() {
            return Err(CqlError::Invalid(format!(
                "Invalid number of arguments in call to function {}: {} required but {} provided",
                function.name(),
                types.len(),
                arguments.len()
            )));
        }
        if !function.is_pure() {
            // Once for the whole statement: bound with it.
            let call = super::super::function::Call { function: function.clone(), arguments: Vec::new() };
            self.selection.terms.push(Term::Call(Box::new(call)));
            let slot = self.selection.terms.len() - 1;
            return Ok(Typed { expression: Expression::Bound(slot), column_type: function.returns() });
        }
        let mut resolved = Vec::with_capacity(types.len());
        for (argument, wanted) in arguments.iter().zip(&types) {
            let typed = self.expression(argument, Some(wanted))?;
            if !value::is_assignable(&typed.column_type, wanted) {
                return Err(CqlError::Invalid(format!(
                    "Type error: {} cannot be passed as argument of function {} of type {wanted}",
                    display(argument),
                    function.name()
                )));
            }
            resolved.push(typed.expression);
        }
        let expression = Expression::Call(Box::new(function.clone()), resolved);
        Ok(Typed { expression, column_type: function.returns() })
    }

    fn token(&mut self, arguments: &[ast::Term]) -> Result<Typed, CqlError> {
        let types: Vec<CqlType> = self.table.partition_key().iter().map(|column| column.column_type.clone()).collect();
        self.call_of(&Function::Token(types), arguments)
    }

    fn aggregate(&mut self, kind: AggregateKind, argument: Option<&ast::Term>) -> Result<Typed, CqlError> {
        if self.inside_aggregate {
            return Err(CqlError::invalid("aggregate functions cannot be used as arguments of aggregate functions"));
        }
        // count(1) counts rows.
        let argument = match (kind, argument) {
            (AggregateKind::Count, Some(ast::Term::Literal(_))) => None,
            (_, argument) => argument,
        };
        self.inside_aggregate = true;
        let typed = argument.map(|argument| self.expression(argument, None)).transpose();
        self.inside_aggregate = false;
        let (argument, argument_type) = match typed? {
            Some(typed) => (Some(typed.expression), typed.column_type),
            None => (None, CqlType::BigInt),
        };
        if !kind.accepts(&argument_type) {
            return Err(CqlError::Invalid(format!(
                "Invalid call to function {}, none of its type signatures match (known type signatures: numbers); \
                 {argument_type} given",
                kind.name()
            )));
        }
        let column_type = kind.returns(&argument_type);
        self.selection.aggregates.push(Aggregate { kind, argument, argument_type });
        Ok(Typed { expression: Expression::Aggregate(self.selection.aggregates.len() - 1), column_type })
    }
}

fn literal_type(literal: &ast::Literal) -> Result<CqlType, CqlError> {
    Ok(match literal {
        ast::Literal::Boolean(_) => CqlType::Boolean,
        ast::Literal::Integer(_) => CqlType::Int,
        ast::Literal::Float(_) => CqlType::Double,
        ast::Literal::String(_) => CqlType::Text,
        ast::Literal::Uuid(_) => CqlType::Uuid,
        ast::Literal::Hex(_) => CqlType::Blob,
        ast::Literal::Duration(_) => CqlType::Duration,
        ast::Literal::Null => {
            return Err(CqlError::invalid(
                "Cannot infer type for term null in selection clause (try using a cast to force a type)",
            ));
        }
    })
}

/// What a column of a result is called that has no alias.
fn display(selectable: &ast::Term) -> String {
    let list = |elements: &[ast::Term]| elements.iter().map(display).collect::<Vec<_>>().join(", ");
    match selectable {
        ast::Term::Column(name) => name.as_str().to_owned(),
        ast::Term::CountRows => "count".to_owned(),
        ast::Term::Cell(function, inner) => format!("{}({})", function.text(), display(inner)),
        ast::Term::Function(name, arguments) => match (AggregateKind::of_name(&name.name), arguments.as_slice()) {
            // count(1) is count(*) in disguise.
            (Some(AggregateKind::Count), [ast::Term::Literal(_)]) => "count".to_owned(),
            _ if name.keyspace.is_none() => format!("system.{}({})", name.name.as_str(), list(arguments)),
            _ => format!("{name}({})", list(arguments)),
        },
        ast::Term::Field(inner, field) => format!("{}.{}", display(inner), field.as_str()),
        ast::Term::Element(inner, key) => format!("{}[{}]", display(inner), display_term(key)),
        ast::Term::Literal(_) | ast::Term::Marker(_) => "constant".to_owned(),
        ast::Term::TypeHint(_, inner) => format!("(type){}", display(inner)),
        ast::Term::Cast(inner, to) => format!("cast({} as {})", display(inner), to.text()),
        ast::Term::Slice(inner, ..) => format!("{}[..]", display(inner)),
        ast::Term::List(elements) => format!("[{}]", list(elements)),
        ast::Term::Set(elements) => format!("{{{}}}", list(elements)),
        ast::Term::Map(_) | ast::Term::UserType(_) => "{...}".to_owned(),
        ast::Term::Tuple(elements) => format!("({})", list(elements)),
        ast::Term::Negation(inner) => format!("-{}", display(inner)),
        ast::Term::Arithmetic(operator, left, right) => {
            format!("{} {} {}", display(left), operator.text(), display(right))
        }
    }
}

fn display_term(term: &ast::Term) -> String {
    match term {
        ast::Term::Literal(ast::Literal::String(text)) => format!("'{text}'"),
        ast::Term::Literal(ast::Literal::Integer(text) | ast::Literal::Float(text)) => text.to_string(),
        ast::Term::Marker(_) => "?".to_owned(),
        _ => "...".to_owned(),
    }
}
