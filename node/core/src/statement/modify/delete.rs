//! DELETE: columns, rows, ranges of rows, or whole partitions.

use super::super::names::Names;
use super::super::restrictions::{Purpose, Restrictions};
use super::super::term::TermContext;
use super::super::variables::Variables;
use super::condition::ConditionTerms;
use super::operation::Operation;
use super::using::UsingTerms;
use super::{Modification, Parts, Verb};
use crate::schema::ColumnKind;
use trefoil_cql::ast::{Delete, If};
use trefoil_cql::protocol::response::CqlError;

impl Modification {
    pub fn delete(delete: &Delete, names: Names<'_>, variables: &mut Variables) -> Result<Modification, CqlError> {
        let table = names.writable_table(&delete.table)?;
        let context = &mut TermContext { names, variables };
        let using = UsingTerms::resolve(&delete.using, &table.keyspace, &table.name, context)?;
        let condition = delete.condition.as_ref();
        let condition = condition.map(|condition: &If| ConditionTerms::resolve(condition, &using, &table, context));
        let condition = condition.transpose()?;
        let operations = delete.deletions.iter().map(|deletion| Operation::delete(deletion, &table, context));
        let operations: Vec<Operation> = operations.collect::<Result<_, _>>()?;
        let is_static = |column: usize| table.columns[column].kind == ColumnKind::Static;
        let tests_row = match &condition {
            Some(ConditionTerms::Columns(columns)) => columns.iter().any(|column| !is_static(column.column)),
            _ => false,
        };
        let has_columns = !operations.is_empty();
        let only_statics = has_columns && operations.iter().all(|operation| is_static(operation.column)) && !tests_row;
        let purpose = Purpose::Delete { only_statics };
        let restrictions = Restrictions::resolve(&delete.relations, &table, purpose, context)?;
        if condition.is_some() && !restrictions.clustering.is_full() && !only_statics {
            let deletes_row = !has_columns || operations.iter().any(|operation| !is_static(operation.column));
            let purpose =
                if deletes_row { "delete non static columns" } else { "use IF condition on non static columns" };
            return Err(CqlError::Invalid(format!(
                "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to {purpose}"
            )));
        }
        Modification::new(Parts { table, verb: Verb::Delete, restrictions, operations, using, condition })
    }
}
