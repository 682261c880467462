//! The select clause: from what is written to expressions, with the names and types that clients see.

use super::super::function::{self, Call, Function};
use super::super::inference::{Fit, Inference, cell_type, field_name, unknown_field};
use super::super::names::column_index;
use super::super::term::{Scope, Term, TermContext};
use super::super::term_text::term_text;
use super::super::variables::Receiver;
use super::aggregate::{Aggregate, AggregateKind};
use super::expression::{CellForm, CellPlace, Expression, Meta, MetaForm, path_order};
use crate::schema::{Column, ColumnKind, Table};
use bytes::Bytes;
use trefoil_cql::ast::{self, CellFunction};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};
use trefoil_cql::types::{self, CqlType};

/// A select clause.
#[derive(Clone, Debug, Default)]
pub(in crate::statement) struct Selection {
    /// What the cells of a result row are.
    pub outputs: Vec<Expression>,
    /// Aggregates that outputs refer to.
    pub aggregates: Vec<Aggregate>,
    /// Terms that outputs refer to.
    pub terms: Vec<Term>,
    /// Terms that cannot be null, and what they are for.
    pub required: Vec<(usize, String)>,
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
                    let typed = selecting.expression(&selector.term, None)?;
                    let name = match &selector.alias {
                        Some(alias) => alias.as_str().to_owned(),
                        None => column_name(&selector.term, &selecting.inference()),
                    };
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

    /// With one column, `[json]`, instead of those of these descriptions.
    pub fn into_json(mut self, specs: &[ColumnSpec], table: &Table) -> (Selection, Vec<ColumnSpec>) {
        let field = |spec: &ColumnSpec| (types::json_field_name(&spec.name), spec.column_type.clone());
        let names = specs.iter().map(field).collect();
        self.outputs = vec![Expression::Json(names, std::mem::take(&mut self.outputs))];
        let spec = ColumnSpec {
            keyspace: table.keyspace.clone(),
            table: table.name.clone(),
            name: "[json]".to_owned(),
            column_type: CqlType::Text,
        };
        (self, vec![spec])
    }

    /// The values of the terms of this execution.
    pub fn bind(&self, scope: &mut Scope<'_>) -> Result<Vec<Option<Bytes>>, CqlError> {
        let mut values = Vec::with_capacity(self.terms.len());
        for (index, term) in self.terms.iter().enumerate() {
            let purpose = self.required.iter().find(|(required, _)| *required == index).map(|(_, purpose)| purpose);
            values.push(match (term.bind(scope)?, purpose) {
                (Value::Set(bytes), _) => Some(bytes),
                (Value::Null, None) => None,
                // A slice without this bound.
                (Value::Unset, Some(purpose)) if purpose.starts_with("slice") => None,
                (Value::Null, Some(purpose)) => {
                    return Err(CqlError::Invalid(format!("Invalid null value for {purpose}")));
                }
                (Value::Unset, Some(purpose)) => {
                    return Err(CqlError::Invalid(format!("Invalid unset value for {purpose}")));
                }
                (Value::Unset, None) => {
                    return Err(CqlError::invalid("Invalid unset value for argument in selection clause"));
                }
            });
        }
        Ok(values)
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

/// What the column of a term without alias is called.
fn column_name(term: &ast::Term, inference: &Inference<'_>) -> String {
    match term {
        // A cast to the type that is there is nothing.
        ast::Term::Cast(inner, native)
            if inference.exact_type(inner).is_ok_and(|inner| inner == Some((*native).into())) =>
        {
            column_name(inner, inference)
        }
        other => term_text(other, Some(inference.keyspace)),
    }
}

/// What drivers know the markers of a select clause by.
const MARKER_NAME: &str = "[selection]";

impl Selecting<'_, '_> {
    fn inference(&self) -> Inference<'_> {
        Inference {
            names: self.context.names,
            keyspace: &self.table.keyspace,
            table_name: &self.table.name,
            columns: Some(self.table),
        }
    }

    /// `wanted`: the type that is expected, if there is one.
    fn expression(&mut self, term: &ast::Term, wanted: Option<&CqlType>) -> Result<Typed, CqlError> {
        match term {
            ast::Term::Column(name) => {
                let column = &self.table.columns[column_index(self.table, name)?];
                self.selection.used.push(column.name.clone());
                Ok(Typed { expression: plain(column), column_type: column.column_type.clone() })
            }
            ast::Term::CountRows => self.aggregate(AggregateKind::Count, None, CqlType::BigInt),
            ast::Term::Cell(function, inner) => self.meta(*function, inner),
            ast::Term::Function(name, arguments) => self.function(name, arguments),
            ast::Term::Negation(inner) => {
                let function = function::resolve_negation(inner, None, &self.inference())?;
                self.call(function, std::slice::from_ref(inner))
            }
            ast::Term::Arithmetic(operator, left, right) => {
                let function = function::resolve_operation(*operator, left, right, None, &self.inference())?;
                self.call(function, &[(**left).clone(), (**right).clone()])
            }
            ast::Term::Cast(inner, native) => {
                let typed = self.expression(inner, None)?;
                if typed.column_type == (*native).into() {
                    return Ok(typed);
                }
                let function = function::resolve_cast(inner, *native, None, &self.inference())?;
                let column_type = function.returns.clone();
                let expression = Expression::Call(Box::new(function), vec![typed.expression]);
                Ok(Typed { expression, column_type })
            }
            ast::Term::TypeHint(type_name, inner) => {
                let hinted = self.context.names.resolve_type(&self.table.keyspace, type_name)?.freeze();
                if self.inference().fit(inner, &hinted)? == Fit::No {
                    let text = self.text(term);
                    return Err(CqlError::Invalid(format!("Cannot assign value {text} to {text} of type {hinted}")));
                }
                let typed = self.expression(inner, Some(&hinted))?;
                Ok(Typed { expression: typed.expression, column_type: hinted })
            }
            ast::Term::Field(inner, field) => self.field(inner, field),
            ast::Term::Element(inner, key) => self.element(inner, key),
            ast::Term::Slice(inner, from, to) => self.slice(inner, from.as_deref(), to.as_deref(), wanted),
            ast::Term::Tuple(elements) if elements.len() == 1 => self.parentheses(term, &elements[0], wanted),
            ast::Term::Literal(_) | ast::Term::Marker(_) => {
                let Some(wanted) = wanted else { return Err(self.not_inferred(term)) };
                let term = Term::resolve(term, Receiver::of(self.table, MARKER_NAME, wanted), self.context)?;
                Ok(Typed { expression: self.bound(term), column_type: wanted.clone() })
            }
            ast::Term::Tuple(_)
            | ast::Term::List(_)
            | ast::Term::Set(_)
            | ast::Term::Map(_)
            | ast::Term::UserType(_) => {
                let column_type = self.type_of(term, wanted)?;
                self.literal(term, column_type)
            }
        }
    }

    fn not_inferred(&self, term: &ast::Term) -> CqlError {
        CqlError::Invalid(format!(
            "Cannot infer type for term {} in selection clause (try using a cast to force a type)",
            self.text(term)
        ))
    }

    /// What a term is called.
    fn text(&self, term: &ast::Term) -> String {
        term_text(term, Some(&self.table.keyspace))
    }

    /// The type of something that has one of its own, or takes the one that is wanted.
    fn type_of(&self, term: &ast::Term, wanted: Option<&CqlType>) -> Result<CqlType, CqlError> {
        let is_vector = matches!((term, wanted), (ast::Term::List(_), Some(CqlType::Vector(..))));
        if let Some(exact) = self.inference().exact_type(term)?.filter(|_| !is_vector) {
            return Ok(exact);
        }
        let Some(wanted) = wanted else { return Err(self.not_inferred(term)) };
        if self.inference().fit(term, wanted)? == Fit::No {
            return Err(CqlError::Invalid(format!("{} is not of the expected type: {wanted}", self.text(term))));
        }
        Ok(wanted.clone())
    }

    /// `(a)` is a tuple of one where that is wanted, else only `a`.
    fn parentheses(
        &mut self,
        term: &ast::Term,
        inner: &ast::Term,
        wanted: Option<&CqlType>,
    ) -> Result<Typed, CqlError> {
        let column_type = self.type_of(term, wanted)?;
        if matches!(column_type, CqlType::Tuple(_)) {
            return self.literal(term, column_type);
        }
        self.expression(inner, wanted)
    }

    /// Something put together of parts.
    fn literal(&mut self, term: &ast::Term, column_type: CqlType) -> Result<Typed, CqlError> {
        let parts = match (term, column_type.unfrozen()) {
            (ast::Term::List(elements), CqlType::List(element) | CqlType::Vector(element, _)) => {
                self.parts(elements.iter().map(|part| (part, &**element)))?
            }
            (ast::Term::Set(elements), CqlType::Set(element)) => {
                if **element == CqlType::Duration {
                    return Err(CqlError::Invalid(format!("Durations are not allowed inside sets: {column_type}")));
                }
                self.parts(elements.iter().map(|part| (part, &**element)))?
            }
            (ast::Term::Set(elements), CqlType::Map(..)) if elements.is_empty() => Vec::new(),
            (ast::Term::Map(entries), CqlType::Map(key_type, value_type)) => {
                if **key_type == CqlType::Duration {
                    return Err(CqlError::Invalid(format!("Durations are not allowed as map keys: {column_type}")));
                }
                let both = entries.iter().flat_map(|(key, value)| [(key, &**key_type), (value, &**value_type)]);
                self.parts(both)?
            }
            (ast::Term::Map(entries), CqlType::UserType(user)) => {
                let mut parts = vec![Expression::Null; user.fields.len()];
                for (key, value) in entries {
                    let field = field_name(key, &user.name)?;
                    let Some(position) = user.fields.iter().position(|(name, _)| name == field) else {
                        return Err(unknown_field(field, &user.name));
                    };
                    parts[position] = self.expression(value, Some(&user.fields[position].1))?.expression;
                }
                parts
            }
            (ast::Term::Tuple(elements), CqlType::Tuple(types)) => self.parts(elements.iter().zip(types))?,
            _ => return Err(self.not_inferred(term)),
        };
        let expression = Expression::Composite(Box::new(column_type.clone()), parts);
        Ok(Typed { expression, column_type })
    }

    fn parts<'t>(
        &mut self,
        parts: impl Iterator<Item = (&'t ast::Term, &'t CqlType)>,
    ) -> Result<Vec<Expression>, CqlError> {
        parts.map(|(part, part_type)| self.expression(part, Some(part_type)).map(|typed| typed.expression)).collect()
    }

    /// A term that is bound with the statement.
    fn bound(&mut self, term: Term) -> Expression {
        self.selection.terms.push(term);
        Expression::Bound(self.selection.terms.len() - 1)
    }

    fn field(&mut self, inner: &ast::Term, field: &ast::Name) -> Result<Typed, CqlError> {
        // What is in parentheses is no tuple here.
        let wanted = match inner {
            ast::Term::Tuple(elements) => self.inference().exact_type(&elements[0])?,
            _ => None,
        };
        let typed = self.expression(inner, wanted.as_ref())?;
        let CqlType::UserType(user) = typed.column_type.unfrozen() else {
            return Err(CqlError::Invalid(format!(
                "Invalid field selection: {} of type {} is not a user type",
                self.text(inner),
                typed.column_type
            )));
        };
        let Some(index) = user.fields.iter().position(|(name, _)| *field == **name) else {
            return Err(CqlError::Invalid(format!(
                "{} of type {} has no field {}",
                self.text(inner),
                typed.column_type,
                field.as_str()
            )));
        };
        let column_type = user.fields[index].1.clone();
        Ok(Typed { expression: Expression::Field(Box::new(typed.expression), index), column_type })
    }

    /// The type by which something is found in a collection, and of what is found.
    fn place(
        &self,
        what: &str,
        inner: &ast::Term,
        collection: &CqlType,
        refused: impl FnOnce() -> String,
    ) -> Result<(String, CqlType, CqlType), CqlError> {
        let name = self.text(inner);
        match collection.unfrozen() {
            CqlType::Map(key, value) => Ok((format!("key({name})"), (**key).clone(), (**value).clone())),
            CqlType::Set(element) => Ok((format!("value({name})"), (**element).clone(), (**element).clone())),
            CqlType::List(_) => Err(CqlError::Invalid(format!(
                "{what} selection is only allowed on sets and maps, but {name} is a list"
            ))),
            _ => Err(CqlError::Invalid(refused())),
        }
    }

    fn element(&mut self, inner: &ast::Term, key: &ast::Term) -> Result<Typed, CqlError> {
        let typed = self.expression(inner, None)?;
        let (name, key_type, column_type) = self.place("Element", inner, &typed.column_type, || {
            format!(
                "Invalid element selection: {} is of type {} is not a collection",
                self.text(inner),
                typed.column_type
            )
        })?;
        let key = Term::resolve(key, Receiver::of(self.table, &name, &key_type), self.context)?;
        let key = self.required(key, format!("element selection on {}", self.text(inner)));
        let expression = Expression::Element(Box::new(typed.expression), typed.column_type, key);
        Ok(Typed { expression, column_type })
    }

    fn slice(
        &mut self,
        inner: &ast::Term,
        from: Option<&ast::Term>,
        to: Option<&ast::Term>,
        wanted: Option<&CqlType>,
    ) -> Result<Typed, CqlError> {
        let typed = self.expression(inner, wanted)?;
        let (name, key_type, _) = self.place("Slice", inner, &typed.column_type, || {
            format!("Invalid slice selection: {} of type {} is not a collection", self.text(inner), typed.column_type)
        })?;
        let mut bound = |bound: Option<&ast::Term>| -> Result<Option<usize>, CqlError> {
            let Some(term) = bound else { return Ok(None) };
            let term = Term::resolve(term, Receiver::of(self.table, &name, &key_type), self.context)?;
            Ok(Some(self.required(term, format!("slice selection on {}", self.text(inner)))))
        };
        let range = (bound(from)?, bound(to)?);
        let expression = Expression::Slice(Box::new(typed.expression), typed.column_type.clone(), range);
        Ok(Typed { expression, column_type: typed.column_type })
    }

    /// A bound term that cannot be null.
    fn required(&mut self, term: Term, purpose: String) -> usize {
        self.selection.required.push((self.selection.terms.len(), purpose));
        self.selection.terms.push(term);
        self.selection.terms.len() - 1
    }

    fn function(&mut self, name: &ast::QualifiedName, arguments: &[ast::Term]) -> Result<Typed, CqlError> {
        // count(1) counts rows.
        if *name.name == *"count" && matches!(arguments, [one] if function::counts_rows(one)) {
            return self.aggregate(AggregateKind::Count, None, CqlType::BigInt);
        }
        let function = function::resolve_function(name, arguments, None, &self.inference())?;
        let function = function.ok_or_else(|| function::unknown_function(name, true))?;
        self.call(function, arguments)
    }

    fn call(&mut self, function: Function, arguments: &[ast::Term]) -> Result<Typed, CqlError> {
        if function.is_aggregate() {
            let Some(kind) = AggregateKind::of_name(&function.name) else {
                return Err(CqlError::Server(format!("{} is no aggregate", function.name)));
            };
            let argument = arguments.first().zip(function.arguments.first());
            return self.aggregate(kind, argument, function.returns.clone());
        }
        if !function.is_pure() {
            // Bound with the statement: the time is the same in all rows, uuids are made anew from what was bound.
            let column_type = function.returns.clone();
            let expression = match self.bound(Term::Call(Box::new(Call { function, arguments: Vec::new() }))) {
                Expression::Bound(index) if matches!(column_type, CqlType::TimeUuid | CqlType::Uuid) => {
                    Expression::Fresh(index)
                }
                bound => bound,
            };
            return Ok(Typed { expression, column_type });
        }
        let parts = self.parts(arguments.iter().zip(&function.arguments))?;
        let column_type = function.returns.clone();
        Ok(Typed { expression: Expression::Call(Box::new(function), parts), column_type })
    }

    fn aggregate(
        &mut self,
        kind: AggregateKind,
        argument: Option<(&ast::Term, &CqlType)>,
        column_type: CqlType,
    ) -> Result<Typed, CqlError> {
        if self.inside_aggregate {
            return Err(CqlError::invalid("aggregate functions cannot be used as arguments of aggregate functions"));
        }
        self.inside_aggregate = true;
        let typed = argument.map(|(argument, wanted)| self.expression(argument, Some(wanted))).transpose();
        self.inside_aggregate = false;
        let (argument, argument_type) = match typed? {
            Some(typed) => (Some(typed.expression), typed.column_type),
            None => (None, CqlType::BigInt),
        };
        self.selection.aggregates.push(Aggregate { kind, argument, argument_type });
        Ok(Typed { expression: Expression::Aggregate(self.selection.aggregates.len() - 1), column_type })
    }

    /// `writetime`, `maxwritetime` and `ttl` of a column, or of elements, fields or slices of it.
    fn meta(&mut self, function: CellFunction, inner: &ast::Term) -> Result<Typed, CqlError> {
        let name = column_of(inner)?;
        let column = &self.table.columns[column_index(self.table, name)?];
        if column.kind.is_key() {
            return Err(CqlError::Invalid(format!(
                "Cannot use selection function {} on PRIMARY KEY part {}",
                function.text(),
                column.name
            )));
        }
        let terms_before = self.selection.terms.len();
        let typed = self.expression(inner, None)?;
        let is_many_cells = column.column_type.is_multi_cell();
        // What is looked for inside one cell must be there, or nothing is said about the cell.
        let inside = |depth: usize| Some(Box::new(typed.expression.clone())).filter(|_| depth_of(inner) > depth);
        let (place, value) = match (is_many_cells, outermost(inner)) {
            (false, _) => (CellPlace::Whole, inside(0)),
            (true, ast::Term::Element(..)) => (CellPlace::Path(terms_before), inside(1)),
            (true, slice @ ast::Term::Slice(_, from, to)) => {
                let from = from.as_ref().map(|_| terms_before);
                let to = to.as_ref().map(|_| terms_before + usize::from(from.is_some()));
                if is_element_of(inner, slice) {
                    let key = terms_before + usize::from(from.is_some()) + usize::from(to.is_some());
                    (CellPlace::Path(key), inside(1))
                } else {
                    (CellPlace::Paths(from, to), inside(1))
                }
            }
            (true, ast::Term::Field(_, field)) => {
                let position = match &column.column_type {
                    CqlType::UserType(user) => user.fields.iter().position(|(name, _)| *field == **name),
                    _ => None,
                };
                (CellPlace::Field(position.unwrap_or(0) as u16), inside(1))
            }
            (true, _) => (CellPlace::Whole, None),
        };
        let is_many = is_many_cells && matches!(place, CellPlace::Whole | CellPlace::Paths(..));
        let form = match &column.column_type {
            CqlType::UserType(user) if is_many => MetaForm::Fields(user.fields.len() as u16),
            column_type if is_many => MetaForm::Many(path_order(column_type)),
            _ => MetaForm::Single,
        };
        let column_type = cell_type(function, is_many);
        let path_type = match &column.column_type {
            CqlType::Map(key, _) | CqlType::Set(key) => (**key).clone(),
            _ => CqlType::Blob,
        };
        let meta = Meta { function, column: column.id, form, place, path_type, value };
        Ok(Typed { expression: Expression::Meta(Box::new(meta)), column_type })
    }
}

/// The column that elements, slices and fields are of.
fn column_of(term: &ast::Term) -> Result<&ast::Name, CqlError> {
    match term {
        ast::Term::Column(name) => Ok(name),
        ast::Term::Field(inner, _) | ast::Term::Element(inner, _) | ast::Term::Slice(inner, ..) => column_of(inner),
        other => Err(CqlError::Server(format!("{other} is of no column"))),
    }
}

/// How many elements, slices and fields deep.
fn depth_of(term: &ast::Term) -> usize {
    match term {
        ast::Term::Field(inner, _) | ast::Term::Element(inner, _) | ast::Term::Slice(inner, ..) => depth_of(inner) + 1,
        _ => 0,
    }
}

/// Whether an element is taken of what is taken of the column first.
fn is_element_of(term: &ast::Term, first: &ast::Term) -> bool {
    match term {
        ast::Term::Element(inner, _) if std::ptr::eq(&raw const **inner, first) => true,
        ast::Term::Field(inner, _) | ast::Term::Element(inner, _) | ast::Term::Slice(inner, ..) => {
            is_element_of(inner, first)
        }
        _ => false,
    }
}

/// What is taken of the column first.
fn outermost(term: &ast::Term) -> &ast::Term {
    match term {
        ast::Term::Field(inner, _) | ast::Term::Element(inner, _) | ast::Term::Slice(inner, ..)
            if !matches!(**inner, ast::Term::Column(_)) =>
        {
            outermost(inner)
        }
        other => other,
    }
}
