//! CREATE, ALTER and DROP TABLE.

use super::super::function::new_uuid;
use super::super::names::Names;
use super::property::properties;
use super::{pairs, target};
use crate::command::ClusteringOrder;
use crate::schema::{
    AddColumns, AlterTable, ColumnDefinition, CreateTable, Definition, DropColumns, DropTable, PropertyValue,
    RenameColumns, TableChange, TableOptions,
};
use rand_core::RngCore;
use trefoil_cql::ast::{self, AlterTableAction, Name, TableProperty};
use trefoil_cql::protocol::response::CqlError;

pub(super) fn create(
    create: &ast::CreateTable,
    names: Names<'_>,
    rng: &mut dyn RngCore,
) -> Result<Definition, CqlError> {
    let (keyspace, name) = target(&create.table, names)?;
    check_duplicates(create)?;
    let primary_key = match &create.primary_keys[..] {
        [one] => one,
        [] => {
            // The misspelling is Cassandra's.
            return Err(CqlError::Invalid(format!(
                "No PRIMARY KEY specifed for table '{}' (exactly one required)",
                create.table
            )));
        }
        _ => {
            return Err(CqlError::Invalid(format!(
                "Multiple PRIMARY KEY specified for table '{}' (exactly one required)",
                create.table
            )));
        }
    };
    let mut order: Vec<&(Name, bool)> = Vec::new();
    let mut written = Vec::new();
    for property in &create.properties {
        match property {
            TableProperty::Option(property) => written.push(property),
            TableProperty::ClusteringOrder(columns) => order.extend(columns),
            TableProperty::CompactStorage => {
                return Err(CqlError::invalid("COMPACT STORAGE tables are not supported"));
            }
        }
    }
    let mut options = properties(written.into_iter());
    let id = match options.iter().position(|(name, _)| name == "id") {
        Some(index) => table_id(&options.remove(index).1)?,
        None => new_uuid(rng),
    };
    check_clustering_order(&create.table, &order)?;
    let options = TableOptions::default().altered(&options)?;
    let mut columns = Vec::with_capacity(create.columns.len());
    for column in &create.columns {
        columns.push(column_definition(column, &keyspace, names)?);
    }
    Ok(Definition::CreateTable(Box::new(CreateTable {
        keyspace,
        name,
        if_not_exists: create.if_not_exists,
        id,
        columns,
        partition_key: primary_key.partition.iter().map(|name| name.as_str().to_owned()).collect(),
        clustering: clustering(&primary_key.clustering, &order)?,
        options,
    })))
}

fn check_duplicates(create: &ast::CreateTable) -> Result<(), CqlError> {
    for (index, column) in create.columns.iter().enumerate() {
        if create.columns[..index].iter().any(|before| before.name == column.name) {
            return Err(CqlError::Invalid(format!(
                "Duplicate column '{}' declaration for table '{}'",
                column.name, create.table
            )));
        }
    }
    Ok(())
}

fn check_clustering_order(table: &ast::QualifiedName, order: &[&(Name, bool)]) -> Result<(), CqlError> {
    for (index, (name, _)) in order.iter().enumerate() {
        if order[..index].iter().any(|(before, _)| before == name) {
            return Err(CqlError::Invalid(format!(
                "Duplicate column '{name}' in CLUSTERING ORDER BY clause for table '{table}'"
            )));
        }
    }
    Ok(())
}

fn column_definition(
    column: &ast::ColumnDefinition,
    keyspace: &str,
    names: Names<'_>,
) -> Result<ColumnDefinition, CqlError> {
    if column.mask.is_some() {
        return Err(CqlError::invalid("Dynamic data masking is not supported yet"));
    }
    let column_type = names.resolve_type(keyspace, &column.type_name)?;
    Ok(ColumnDefinition { name: column.name.as_str().to_owned(), column_type, is_static: column.is_static })
}

fn table_id(value: &PropertyValue) -> Result<[u8; 16], CqlError> {
    let refused = || CqlError::config("Invalid table id");
    match value {
        PropertyValue::Text(text) => Ok(uuid::Uuid::parse_str(text).map_err(|_| refused())?.into_bytes()),
        PropertyValue::Map(_) => Err(refused()),
    }
}

/// The clustering columns with their order; CLUSTERING ORDER BY must name the first of them, in their order.
fn clustering(columns: &[Name], order: &[&(Name, bool)]) -> Result<Vec<(String, ClusteringOrder)>, CqlError> {
    let others: Vec<&str> =
        (order.iter().filter(|(name, _)| !columns.contains(name))).map(|(name, _)| name.as_str()).collect();
    if !others.is_empty() {
        return Err(CqlError::Invalid(format!(
            "Only clustering key columns can be defined in CLUSTERING ORDER directive: [{}] are not clustering columns",
            others.join(", ")
        )));
    }
    for ((name, _), expected) in order.iter().zip(columns) {
        if name != expected {
            return Err(CqlError::Invalid(if order.iter().any(|(name, _)| name == expected) {
                format!(
                    "The order of columns in the CLUSTERING ORDER directive must match that of the clustering columns \
                     ({expected} must appear before {name})"
                )
            } else {
                format!("Missing CLUSTERING ORDER for column {expected}")
            }));
        }
    }
    let descends = |index: usize| order.get(index).is_some_and(|(_, descending)| *descending);
    let with_order = columns.iter().enumerate().map(|(index, name)| {
        let order = if descends(index) { ClusteringOrder::Descending } else { ClusteringOrder::Ascending };
        (name.as_str().to_owned(), order)
    });
    Ok(with_order.collect())
}

pub(super) fn alter(alter: &ast::AlterTable, names: Names<'_>) -> Result<Definition, CqlError> {
    let (keyspace, name) = target(&alter.table, names)?;
    let change = match &alter.action {
        AlterTableAction::Add { if_not_exists, columns } => {
            let columns = columns.iter().map(|column| column_definition(column, &keyspace, names));
            let columns = columns.collect::<Result<_, _>>()?;
            TableChange::Add(AddColumns { if_not_exists: *if_not_exists, columns })
        }
        AlterTableAction::Drop { if_exists, columns, timestamp } => {
            let names = columns.iter().map(|name| name.as_str().to_owned()).collect();
            TableChange::Drop(DropColumns { if_exists: *if_exists, names, timestamp: *timestamp })
        }
        // IF EXISTS changes nothing, as in Cassandra.
        AlterTableAction::Rename { columns, .. } => TableChange::Rename(RenameColumns { names: pairs(columns) }),
        AlterTableAction::Type(..) => return Err(CqlError::invalid("Altering column types is no longer supported")),
        AlterTableAction::Mask { .. } => {
            return Err(CqlError::invalid("Dynamic data masking is not supported yet"));
        }
        AlterTableAction::DropCompactStorage => {
            return Err(CqlError::invalid("Cannot DROP COMPACT STORAGE on table without COMPACT STORAGE"));
        }
        AlterTableAction::With(written) => {
            let options = properties(written.iter());
            if let Some((_, id)) = options.iter().find(|(name, _)| name == "id") {
                table_id(id)?;
                return Err(CqlError::config("Cannot alter table id."));
            }
            TableChange::Options(options)
        }
    };
    Ok(Definition::AlterTable(AlterTable { keyspace, name, if_exists: alter.if_exists, change }))
}

pub(super) fn drop(drop: &ast::DropTable, names: Names<'_>) -> Result<Definition, CqlError> {
    let (keyspace, name) = target(&drop.table, names)?;
    Ok(Definition::DropTable(DropTable { keyspace, name, if_exists: drop.if_exists }))
}
