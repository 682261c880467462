//! What a selected column is computed from, and how it is computed from a row that was read. Plain columns, which are
//! nearly everything, are written into the answer without being copied first.

use super::super::function::{Function, uuid_of_row};
use super::super::restrictions::split_key;
use super::super::value;
use super::aggregate::Accumulator;
use crate::command::{ClusteringOrder, ReadCell, ReadRow};
use crate::ids::ColumnId;
use crate::schema::{Column, ColumnKind, Table};
use crate::storage::decode_clustering_into;
use bytes::{BufMut, Bytes};
use std::sync::Arc;
use trefoil_cql::ast::CellFunction;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, compare, is_byte_ordered};

/// An expression over a row.
#[derive(Clone, Debug)]
pub(in crate::statement) enum Expression {
    /// A component of the partition key.
    PartitionKey(usize),
    /// A clustering column.
    Clustering(usize),
    /// A static or regular column.
    Cell(ColumnId, CellForm),
    /// `writetime`, `maxwritetime`, `ttl`.
    Meta(Box<Meta>),
    /// `null`
    Null,
    /// A collection, tuple or user type of others; keys and values of maps alternate.
    Composite(Box<CqlType>, Vec<Expression>),
    /// A term that was bound with the statement: its place among those.
    Bound(usize),
    /// The same for `now()` and `uuid()`: every row has its own, made of the one that was bound.
    Fresh(usize),
    /// A function of others.
    Call(Box<Function>, Vec<Expression>),
    /// A map's value or a set's or list's element, by a bound term.
    Element(Box<Expression>, CqlType, usize),
    /// The elements of a map or set from one bound term to another.
    Slice(Box<Expression>, CqlType, (Option<usize>, Option<usize>)),
    /// A field of a user type.
    Field(Box<Expression>, usize),
    /// `SELECT JSON`: an object of others with these names and types.
    Json(Arc<[(String, CqlType)]>, Vec<Expression>),
    /// An aggregate: its place among those.
    Aggregate(usize),
}

/// How a column's cells become its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::statement) enum CellForm {
    /// One cell.
    Simple,
    /// A cell for each element, the value in it.
    List,
    /// A cell for each element, which is the path.
    Set(PathOrder),
    /// A cell for each entry, the key is the path.
    Map(PathOrder),
    /// A cell for each field, so many fields.
    Fields(usize),
}

/// Whether a column has one timestamp or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::statement) enum MetaForm {
    Single,
    Many(PathOrder),
    /// One for each of so many fields; null for those that are not there.
    Fields(u16),
}

/// What is asked of a column's cells.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Meta {
    pub function: CellFunction,
    pub column: ColumnId,
    pub form: MetaForm,
    /// Which of the cells.
    pub place: CellPlace,
    /// By what elements are found.
    pub path_type: CqlType,
    /// What must be there.
    pub value: Option<Box<Expression>>,
}

/// Some of a column's cells; elements by bound terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::statement) enum CellPlace {
    Whole,
    Path(usize),
    Paths(Option<usize>, Option<usize>),
    Field(u16),
}

/// How elements are ordered: by their values of this type; without it by their bytes, as they come from storage.
pub(in crate::statement) type PathOrder = Option<Arc<CqlType>>;

/// The order of a collection's elements by their paths.
pub(in crate::statement) fn path_order(column_type: &CqlType) -> PathOrder {
    match column_type {
        CqlType::Set(key) | CqlType::Map(key, _) if !is_byte_ordered(key) => Some(Arc::new((**key).clone())),
        _ => None,
    }
}

impl CellForm {
    pub fn of(column_type: &CqlType) -> CellForm {
        match column_type {
            CqlType::List(_) => CellForm::List,
            CqlType::Set(_) => CellForm::Set(path_order(column_type)),
            CqlType::Map(..) => CellForm::Map(path_order(column_type)),
            CqlType::UserType(user) => CellForm::Fields(user.fields.len()),
            _ => CellForm::Simple,
        }
    }
}

/// A row with its keys taken apart; the parts of the partition key are kept from row to row, and so is the memory for those of the
/// clustering key.
#[derive(Debug, Default)]
pub(in crate::statement) struct RowView {
    partition: Option<Bytes>,
    partition_parts: Vec<Bytes>,
    clustering: Vec<u8>,
    /// Where each part of the clustering key ends.
    clustering_ends: Vec<usize>,
    /// Rows so far.
    rows: u64,
}

/// What all rows of a result have in common.
#[derive(Clone, Copy, Debug)]
pub(in crate::statement) struct Evaluation<'a> {
    pub partition_columns: usize,
    pub clustering_types: &'a [(CqlType, ClusteringOrder)],
    pub bound: &'a [Option<Bytes>],
    pub now_seconds: i64,
    /// The aggregates of the group, once it is complete.
    pub aggregates: &'a [Accumulator],
}

/// Where cells go.
pub(in crate::statement) trait Sink {
    fn cell(&mut self, value: Option<&Bytes>);
    fn copied(&mut self, value: Option<&[u8]>);
    fn cell_with(&mut self, write: impl FnOnce(&mut Vec<u8>));
    fn end_row(&mut self);
}

impl RowView {
    /// Look at the next row. Keys are only taken apart where that is needed.
    pub fn enter(&mut self, row: &ReadRow, needs: KeyNeeds, evaluation: &Evaluation<'_>) -> Result<(), CqlError> {
        self.rows += 1;
        if needs.partition && self.partition.as_ref() != Some(&row.partition.key) {
            self.partition_parts = split_key(&row.partition.key, evaluation.partition_columns);
            self.partition = Some(row.partition.key.clone());
        }
        if needs.clustering {
            self.clustering.clear();
            self.clustering_ends.clear();
            if let Some(key) = &row.clustering {
                let (values, ends) = (&mut self.clustering, &mut self.clustering_ends);
                decode_clustering_into(key, evaluation.clustering_types, values, ends)
                    .map_err(|error| CqlError::server(format!("a row has a damaged key: {error}")))?;
            }
        }
        Ok(())
    }

    /// A part of the clustering key; `None` when the row has none.
    #[inline]
    fn clustering_part(&self, position: usize) -> Option<&[u8]> {
        let end = *self.clustering_ends.get(position)?;
        let start = if position == 0 { 0 } else { self.clustering_ends[position - 1] };
        Some(&self.clustering[start..end])
    }
}

/// Which keys a result needs taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::statement) struct KeyNeeds {
    pub partition: bool,
    pub clustering: bool,
}

impl Expression {
    /// Which keys it looks at.
    pub fn needs(&self) -> KeyNeeds {
        match self {
            Expression::PartitionKey(_) => KeyNeeds { partition: true, clustering: false },
            Expression::Clustering(_) => KeyNeeds { partition: false, clustering: true },
            Expression::Call(_, inner) | Expression::Composite(_, inner) | Expression::Json(_, inner) => {
                inner.iter().map(Expression::needs).fold(KeyNeeds::default(), KeyNeeds::or)
            }
            Expression::Element(inner, ..) | Expression::Slice(inner, ..) | Expression::Field(inner, _) => {
                inner.needs()
            }
            Expression::Cell(..)
            | Expression::Meta(_)
            | Expression::Null
            | Expression::Bound(_)
            | Expression::Fresh(_)
            | Expression::Aggregate(_) => KeyNeeds::default(),
        }
    }

    /// The columns whose cells it looks at.
    pub fn columns(&self, found: &mut Vec<ColumnId>) {
        match self {
            Expression::Cell(id, _) => found.push(*id),
            Expression::Meta(meta) => found.push(meta.column),
            Expression::Call(_, inner) | Expression::Composite(_, inner) | Expression::Json(_, inner) => {
                inner.iter().for_each(|expression| expression.columns(found));
            }
            Expression::Element(inner, ..) | Expression::Slice(inner, ..) | Expression::Field(inner, _) => {
                inner.columns(found);
            }
            Expression::PartitionKey(_)
            | Expression::Clustering(_)
            | Expression::Null
            | Expression::Bound(_)
            | Expression::Fresh(_)
            | Expression::Aggregate(_) => {}
        }
    }

    /// Write its value for a row.
    pub fn write(
        &self,
        view: &RowView,
        row: &ReadRow,
        evaluation: &Evaluation<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), CqlError> {
        match self {
            Expression::PartitionKey(position) => sink.cell(view.partition_parts.get(*position)),
            Expression::Clustering(position) => sink.copied(view.clustering_part(*position)),
            Expression::Cell(id, CellForm::Simple) => sink.cell(simple(row, *id).map(|cell| &cell.value)),
            Expression::Cell(id, form) => match cells(row, *id) {
                [] => sink.cell(None),
                cells => sink.cell_with(|out| assemble(cells, form, out)),
            },
            _ => sink.cell(self.evaluate(view, row, evaluation)?.as_ref()),
        }
        Ok(())
    }

    /// Its value for a row.
    pub fn evaluate(
        &self,
        view: &RowView,
        row: &ReadRow,
        evaluation: &Evaluation<'_>,
    ) -> Result<Option<Bytes>, CqlError> {
        Ok(match self {
            Expression::PartitionKey(position) => view.partition_parts.get(*position).cloned(),
            Expression::Clustering(position) => view.clustering_part(*position).map(Bytes::copy_from_slice),
            Expression::Cell(id, CellForm::Simple) => simple(row, *id).map(|cell| cell.value.clone()),
            Expression::Cell(id, form) => match cells(row, *id) {
                [] => None,
                cells => {
                    let mut out = Vec::new();
                    assemble(cells, form, &mut out);
                    Some(Bytes::from(out))
                }
            },
            Expression::Meta(meta) => {
                if let Some(value) = &meta.value {
                    let found = value.evaluate(view, row, evaluation)?;
                    let is_slice = matches!(**value, Expression::Slice(..));
                    if found.is_none_or(|found| is_slice && value::is_empty_collection(&found)) {
                        return Ok(None);
                    }
                }
                meta.evaluate(cells(row, meta.column), evaluation)
            }
            Expression::Null => None,
            Expression::Composite(value_type, parts) => {
                let parts = parts.iter().map(|part| part.evaluate(view, row, evaluation));
                Some(value::join(value_type, parts.collect::<Result<Vec<_>, _>>()?)?)
            }
            Expression::Slice(inner, column_type, (from, to)) => {
                let bound = |bound: &Option<usize>| bound.and_then(|index| evaluation.bound[index].as_ref());
                match inner.evaluate(view, row, evaluation)? {
                    Some(collection) => value::slice(column_type, &collection, bound(from), bound(to))?,
                    None => None,
                }
            }
            Expression::Bound(index) => evaluation.bound[*index].clone(),
            Expression::Fresh(index) => evaluation.bound[*index].as_ref().map(|first| uuid_of_row(first, view.rows)),
            Expression::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| argument.evaluate(view, row, evaluation));
                function.run(&arguments.collect::<Result<Vec<_>, _>>()?, None)?
            }
            Expression::Element(inner, column_type, key) => {
                match (inner.evaluate(view, row, evaluation)?, &evaluation.bound[*key]) {
                    (Some(collection), Some(key)) => value::element(column_type, &collection, key)?,
                    _ => None,
                }
            }
            Expression::Field(inner, index) => match inner.evaluate(view, row, evaluation)? {
                Some(bytes) => value::fields(&bytes)?.into_iter().nth(*index).flatten(),
                None => None,
            },
            Expression::Json(names, values) => {
                let mut fields = Vec::with_capacity(values.len());
                for ((name, value_type), value) in names.iter().zip(values) {
                    fields.push(match value.evaluate(view, row, evaluation)? {
                        Some(bytes) => format!("{name}: {}", value::to_json(value_type, &bytes)?),
                        None => format!("{name}: null"),
                    });
                }
                Some(format!("{{{}}}", fields.join(", ")).into())
            }
            Expression::Aggregate(index) => match evaluation.aggregates.get(*index) {
                Some(accumulator) => accumulator.value()?,
                None => None,
            },
        })
    }
}

impl KeyNeeds {
    pub fn or(self, other: KeyNeeds) -> KeyNeeds {
        KeyNeeds { partition: self.partition || other.partition, clustering: self.clustering || other.clustering }
    }
}

/// The cell of a column that has only one.
fn simple(row: &ReadRow, id: ColumnId) -> Option<&ReadCell> {
    // Rows are short, and the cell wanted is often the first or the only one.
    if row.cells.len() <= 8 { row.cells.iter().find(|cell| cell.column == id) } else { cells(row, id).first() }
}

/// The cells of a column; a row's cells are sorted by column.
fn cells(row: &ReadRow, id: ColumnId) -> &[ReadCell] {
    let start = row.cells.partition_point(|cell| cell.column < id);
    let length = row.cells[start..].iter().take_while(|cell| cell.column == id).count();
    &row.cells[start..start + length]
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.put_i32(i32::try_from(length).unwrap_or(i32::MAX));
}

fn put_value(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.put_slice(bytes);
}

/// The serialised form of a collection or user type.
fn assemble(cells: &[ReadCell], form: &CellForm, out: &mut Vec<u8>) {
    if let CellForm::Fields(count) = form {
        // Fields that are not there are null.
        for index in 0..*count {
            let path = (index as u16).to_be_bytes();
            match cells.iter().find(|cell| cell.path[..] == path) {
                Some(cell) => put_value(out, &cell.value),
                None => out.put_i32(-1),
            }
        }
        return;
    }
    put_length(out, cells.len());
    let mut put = |cell: &ReadCell| {
        if matches!(form, CellForm::Set(_) | CellForm::Map(_)) {
            put_value(out, &cell.path);
        }
        if matches!(form, CellForm::List | CellForm::Map(_) | CellForm::Simple) {
            put_value(out, &cell.value);
        }
    };
    match form {
        CellForm::Set(Some(order)) | CellForm::Map(Some(order)) => sorted(cells, order).into_iter().for_each(put),
        _ => cells.iter().for_each(&mut put),
    }
}

/// Cells in the order of their paths' values.
fn sorted<'a>(cells: &'a [ReadCell], order: &CqlType) -> Vec<&'a ReadCell> {
    let mut sorted: Vec<&ReadCell> = cells.iter().collect();
    sorted.sort_by(|a, b| compare(order, &a.path, &b.path));
    sorted
}

impl Meta {
    fn evaluate(&self, cells: &[ReadCell], evaluation: &Evaluation<'_>) -> Option<Bytes> {
        let bound = |index: usize| evaluation.bound[index].as_ref();
        let is_meant = |cell: &&ReadCell| match self.place {
            CellPlace::Whole => true,
            CellPlace::Path(key) => bound(key).is_some_and(|key| compare(&self.path_type, &cell.path, key).is_eq()),
            CellPlace::Paths(from, to) => {
                let order = |index: Option<usize>| {
                    index.and_then(bound).map(|bound| compare(&self.path_type, &cell.path, bound))
                };
                order(from).is_none_or(|order| order.is_ge()) && order(to).is_none_or(|order| order.is_le())
            }
            CellPlace::Field(position) => cell.path[..] == position.to_be_bytes(),
        };
        let mut meant: Vec<&ReadCell> = cells.iter().filter(is_meant).collect();
        let long = |value: i64| Bytes::copy_from_slice(&value.to_be_bytes());
        let one = |cell: &ReadCell| match self.function {
            CellFunction::WriteTime | CellFunction::MaxWriteTime => Some(long(cell.timestamp)),
            CellFunction::Ttl => (cell.ttl > 0).then(|| {
                // A live value always has some time left.
                let left = (cell.expires - evaluation.now_seconds).clamp(1, i64::from(i32::MAX));
                Bytes::copy_from_slice(&(left as i32).to_be_bytes())
            }),
        };
        match (self.function, &self.form) {
            _ if meant.is_empty() => None,
            (CellFunction::MaxWriteTime, _) => meant.iter().map(|cell| cell.timestamp).max().map(long),
            (_, MetaForm::Single) => one(meant[0]),
            (_, MetaForm::Fields(count)) => {
                let mut out = Vec::new();
                put_length(&mut out, usize::from(*count));
                for position in 0..*count {
                    let field = meant.iter().find(|cell| cell.path[..] == position.to_be_bytes());
                    match field.and_then(|cell| one(cell)) {
                        Some(bytes) => put_value(&mut out, &bytes),
                        None => out.put_i32(-1),
                    }
                }
                Some(Bytes::from(out))
            }
            (_, MetaForm::Many(order)) => {
                if let Some(order) = order {
                    meant.sort_by(|a, b| compare(order, &a.path, &b.path));
                }
                let mut out = Vec::new();
                put_length(&mut out, meant.len());
                for cell in meant {
                    match one(cell) {
                        Some(bytes) => put_value(&mut out, &bytes),
                        None => out.put_i32(-1),
                    }
                }
                Some(Bytes::from(out))
            }
        }
    }
}

/// The value of one column, for answers that are not made by a SELECT.
pub(in crate::statement) fn column_value(
    row: &ReadRow,
    table: &Table,
    column: &Column,
) -> Result<Option<Bytes>, CqlError> {
    let position = usize::from(column.position);
    let types = table.clustering_types();
    let evaluation = Evaluation {
        partition_columns: usize::from(table.partition_columns),
        clustering_types: &types,
        bound: &[],
        now_seconds: 0,
        aggregates: &[],
    };
    let expression = match column.kind {
        ColumnKind::PartitionKey => Expression::PartitionKey(position),
        ColumnKind::Clustering => Expression::Clustering(position),
        ColumnKind::Static | ColumnKind::Regular => Expression::Cell(column.id, CellForm::of(&column.column_type)),
    };
    let mut view = RowView::default();
    view.enter(row, expression.needs(), &evaluation)?;
    expression.evaluate(&view, row, &evaluation)
}
