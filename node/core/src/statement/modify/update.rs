//! UPDATE: values of rows named by their keys. It leaves no marker: a row made by it is gone with its last value.

use super::super::names::Names;
use super::super::restrictions::{Purpose, Restrictions};
use super::super::term::TermContext;
use super::super::variables::Variables;
use super::condition::ConditionTerms;
use super::operation::Operation;
use super::using::UsingTerms;
use super::{Modification, Parts, Verb};
use crate::schema::ColumnKind;
use trefoil_cql::ast::{If, Update};
use trefoil_cql::protocol::response::CqlError;

impl Modification {
    pub fn update(update: &Update, names: Names<'_>, variables: &mut Variables) -> Result<Modification, CqlError> {
        let table = names.writable_table(&update.table)?;
        let context = &mut TermContext { names, variables };
        let using = UsingTerms::resolve(&update.using, &table.keyspace, &table.name, context)?;
        let condition = update.condition.as_ref();
        let condition = condition.map(|condition: &If| ConditionTerms::resolve(condition, &using, &table, context));
        let condition = condition.transpose()?;
        let operations = update.assignments.iter().map(|assignment| Operation::update(assignment, &table, context));
        let operations: Vec<Operation> = operations.collect::<Result<_, _>>()?;
        check_overlaps(&operations, |column| table.columns[column].name.clone())?;
        let is_static = |column: usize| table.columns[column].kind == ColumnKind::Static;
        let looks_at_row = match &condition {
            Some(ConditionTerms::Columns(columns)) => columns.iter().any(|column| !is_static(column.column)),
            _ => false,
        };
        let only_statics = operations.iter().all(|operation| is_static(operation.column)) && !looks_at_row;
        let purpose = Purpose::Update { only_statics };
        let restrictions = Restrictions::resolve(&update.relations, &table, purpose, context)?;
        Modification::new(Parts { table, verb: Verb::Update, restrictions, operations, using, condition })
    }
}

/// A column that is assigned as a whole is assigned once.
fn check_overlaps(operations: &[Operation], name: impl Fn(usize) -> String) -> Result<(), CqlError> {
    for (index, operation) in operations.iter().enumerate() {
        let twice = operations[..index]
            .iter()
            .any(|before| before.column == operation.column && (before.replaces_all() || operation.replaces_all()));
        if twice {
            return Err(CqlError::Invalid(format!(
                "Multiple incompatible setting of column {}",
                name(operation.column)
            )));
        }
    }
    Ok(())
}
