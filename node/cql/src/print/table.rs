//! CREATE, ALTER and DROP TABLE.

use super::name::FunctionName;
use super::{Pairs, Separated, when};
use crate::ast::{
    AlterTable, AlterTableAction, ColumnDefinition, ColumnMask, CreateTable, DropTable, PrimaryKey, TableProperty,
};
use std::fmt;

impl fmt::Display for CreateTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE TABLE {}{} (", when(self.if_not_exists, "IF NOT EXISTS "), self.table)?;
        Separated(&self.columns, ", ").fmt(out)?;
        for (index, key) in self.primary_keys.iter().enumerate() {
            write!(out, "{}{key}", when(index > 0 || !self.columns.is_empty(), ", "))?;
        }
        write!(out, "){}", With(&self.properties))
    }
}

/// ` WITH ...`, or nothing.
pub(super) struct With<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for With<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(out, " WITH {}", Separated(self.0, " AND "))
    }
}

impl fmt::Display for ColumnDefinition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}{}", self.name, self.type_name, when(self.is_static, " STATIC"))?;
        match &self.mask {
            Some(mask) => write!(out, " {mask}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ColumnMask {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnMask::Default => out.write_str("MASKED WITH DEFAULT"),
            ColumnMask::Function(name, arguments) => {
                write!(out, "MASKED WITH {}({})", FunctionName(name), Separated(arguments, ", "))
            }
        }
    }
}

impl fmt::Display for PrimaryKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition.as_slice() {
            [single] => write!(out, "PRIMARY KEY ({single}")?,
            several => write!(out, "PRIMARY KEY (({})", Separated(several, ", "))?,
        }
        for column in &self.clustering {
            write!(out, ", {column}")?;
        }
        out.write_str(")")
    }
}

impl fmt::Display for TableProperty {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableProperty::Option(property) => property.fmt(out),
            TableProperty::CompactStorage => out.write_str("COMPACT STORAGE"),
            TableProperty::ClusteringOrder(columns) => {
                out.write_str("CLUSTERING ORDER BY (")?;
                for (index, (column, descending)) in columns.iter().enumerate() {
                    let direction = if *descending { "DESC" } else { "ASC" };
                    write!(out, "{}{column} {direction}", when(index > 0, ", "))?;
                }
                out.write_str(")")
            }
        }
    }
}

impl fmt::Display for AlterTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ALTER TABLE {}{}{}", when(self.if_exists, "IF EXISTS "), self.table, self.action)
    }
}

/// With a space before it.
impl fmt::Display for AlterTableAction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AlterTableAction::Add { if_not_exists, columns } => {
                write!(out, " ADD {}({})", when(*if_not_exists, "IF NOT EXISTS "), Separated(columns, ", "))
            }
            AlterTableAction::Drop { if_exists, columns, timestamp } => {
                write!(out, " DROP {}({})", when(*if_exists, "IF EXISTS "), Separated(columns, ", "))?;
                match timestamp {
                    Some(timestamp) => write!(out, " USING TIMESTAMP {timestamp}"),
                    None => Ok(()),
                }
            }
            AlterTableAction::Rename { if_exists, columns } => {
                write!(out, " RENAME {}{}", when(*if_exists, "IF EXISTS "), Pairs(columns, " TO ", " AND "))
            }
            AlterTableAction::Type(column, type_name) => write!(out, " ALTER {column} TYPE {type_name}"),
            AlterTableAction::Mask { if_exists, column, mask } => {
                write!(out, " ALTER {}{column} ", when(*if_exists, "IF EXISTS "))?;
                match mask {
                    Some(mask) => mask.fmt(out),
                    None => out.write_str("DROP MASKED"),
                }
            }
            AlterTableAction::DropCompactStorage => out.write_str(" DROP COMPACT STORAGE"),
            AlterTableAction::With(properties) => With(properties).fmt(out),
        }
    }
}

impl fmt::Display for DropTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP TABLE {}{}", when(self.if_exists, "IF EXISTS "), self.table)
    }
}
