//! INSERT: one row, named by its values. It leaves a marker, so the row is there even if all its other values are null.

use super::super::json_document::resolve_document;
use super::super::names::{Names, column_index};
use super::super::restrictions::Restrictions;
use super::super::term::{Term, TermContext};
use super::super::variables::{Receiver, Variables};
use super::condition::ConditionTerms;
use super::operation::Operation;
use super::using::UsingTerms;
use super::{Modification, Parts, Verb, check_insert};
use crate::schema::{Column, ColumnKind};
use trefoil_cql::ast::{Insert, InsertSource, Name};
use trefoil_cql::protocol::response::CqlError;

impl Modification {
    pub fn insert(insert: &Insert, names: Names<'_>, variables: &mut Variables) -> Result<Modification, CqlError> {
        let table = names.writable_table(&insert.table)?;
        check_insert(&table)?;
        let context = &mut TermContext { names, variables };
        let mut keys: Vec<Option<Term>> = vec![None; usize::from(table.partition_columns + table.clustering_columns)];
        let mut operations = Vec::new();
        match &insert.source {
            InsertSource::Values { columns, values } => {
                if columns.len() != values.len() {
                    return Err(CqlError::invalid("Unmatched column names/values"));
                }
                check_duplicates(columns)?;
                operations.reserve(columns.len());
                for (name, value) in columns.iter().zip(values) {
                    let index = column_index(&table, name)?;
                    let column = &table.columns[index];
                    if column.kind.is_key() {
                        keys[index] = Some(Term::resolve(value, Receiver::column(&table, column), context)?);
                        if let trefoil_cql::ast::Term::Marker(marker) = value {
                            context.variables.set_partition_key(&table, column, marker);
                        }
                    } else {
                        operations.push(Operation::assign(index, value, &table, context)?);
                    }
                }
            }
            InsertSource::Json { document, default } => {
                let terms = resolve_document(document, *default, &table, context)?;
                for (index, term) in terms.into_iter().enumerate() {
                    match keys.get_mut(index) {
                        Some(key) => *key = Some(term),
                        None => operations.push(Operation::whole(index, term, &table)),
                    }
                }
            }
        }
        let clustering = keys.split_off(usize::from(table.partition_columns));
        let partition = all_of(keys, table.partition_key(), "partition key parts")?;
        let writes = |kind| operations.iter().any(|operation| table.columns[operation.column].kind == kind);
        let only_statics = writes(ColumnKind::Static) && !writes(ColumnKind::Regular);
        let clustering = if only_statics && clustering.iter().all(Option::is_none) {
            Vec::new()
        } else {
            all_of(clustering, table.clustering(), "clustering keys")?
        };
        let using = UsingTerms::resolve(&insert.using, &table.keyspace, &table.name, context)?;
        let condition = insert.if_not_exists.then_some(ConditionTerms::NotExists);
        let restrictions = Restrictions::row(&table, partition, clustering);
        Modification::new(Parts { table, verb: Verb::Insert, restrictions, operations, using, condition })
    }
}

fn check_duplicates(columns: &[Name]) -> Result<(), CqlError> {
    if columns.iter().enumerate().any(|(index, name)| columns[..index].contains(name)) {
        return Err(CqlError::invalid("The column names contains duplicates"));
    }
    Ok(())
}

fn all_of(terms: Vec<Option<Term>>, columns: &[Column], what: &str) -> Result<Vec<Term>, CqlError> {
    let missing: Vec<&str> = (terms.iter().zip(columns))
        .filter(|(term, _)| term.is_none())
        .map(|(_, column)| column.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(terms.into_iter().flatten().collect());
    }
    Err(CqlError::Invalid(format!("Some {what} are missing: {}", missing.join(", "))))
}
