//! INSERT, UPDATE, DELETE, BATCH, TRUNCATE, USE.

use super::select::Where;
use super::{Quoted, Separated, when};
use crate::ast::{
    Assignment, Batch, BatchKind, Condition, ConditionTarget, Delete, Deletion, If, Insert, InsertSource, JsonDefault,
    JsonDocument, Truncate, Update, Use, Using,
};
use std::fmt;

impl fmt::Display for Use {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "USE {}", self.keyspace)
    }
}

impl fmt::Display for Truncate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TRUNCATE TABLE {}", self.table)
    }
}

/// With a space before it, or nothing.
impl fmt::Display for Using {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(timestamp) = &self.timestamp {
            write!(out, " USING TIMESTAMP {timestamp}")?;
        }
        if let Some(ttl) = &self.ttl {
            write!(out, " {} TTL {ttl}", if self.timestamp.is_some() { "AND" } else { "USING" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Insert {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "INSERT INTO {}{}", self.table, self.source)?;
        write!(out, "{}{}", when(self.if_not_exists, " IF NOT EXISTS"), self.using)
    }
}

/// With a space before it.
impl fmt::Display for InsertSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InsertSource::Values { columns, values } => {
                write!(out, " ({}) VALUES ({})", Separated(columns, ", "), Separated(values, ", "))
            }
            InsertSource::Json { document, default } => {
                match document {
                    JsonDocument::Literal(text) => write!(out, " JSON {}", Quoted(text))?,
                    JsonDocument::Marker(marker) => write!(out, " JSON {marker}")?,
                }
                out.write_str(when(*default == JsonDefault::Unset, " DEFAULT UNSET"))
            }
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "UPDATE {}{} SET {}", self.table, self.using, Separated(&self.assignments, ", "))?;
        write!(out, "{}{}", Where(&self.relations), IfClause(&self.condition))
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Assignment::Set(column, term) => write!(out, "{column} = {term}"),
            Assignment::Add(column, term) => write!(out, "{column} += {term}"),
            Assignment::Subtract(column, term) => write!(out, "{column} -= {term}"),
            Assignment::Prepend(column, term) => write!(out, "{column} = {term} + {column}"),
            Assignment::SetElement(column, key, term) => write!(out, "{column}[{key}] = {term}"),
            Assignment::SetField(column, field, term) => write!(out, "{column}.{field} = {term}"),
        }
    }
}

/// ` IF ...`, or nothing.
struct IfClause<'a>(&'a Option<If>);

impl fmt::Display for IfClause<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(If::Exists) => out.write_str(" IF EXISTS"),
            Some(If::Conditions(conditions)) => write!(out, " IF {}", Separated(conditions, " AND ")),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.target, self.predicate)
    }
}

impl fmt::Display for ConditionTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConditionTarget::Column(column) => column.fmt(out),
            ConditionTarget::Element(column, key) => write!(out, "{column}[{key}]"),
            ConditionTarget::Field(column, field) => write!(out, "{column}.{field}"),
        }
    }
}

impl fmt::Display for Delete {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DELETE ")?;
        if !self.deletions.is_empty() {
            write!(out, "{} ", Separated(&self.deletions, ", "))?;
        }
        write!(out, "FROM {}{}{}{}", self.table, self.using, Where(&self.relations), IfClause(&self.condition))
    }
}

impl fmt::Display for Deletion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deletion::Column(column) => column.fmt(out),
            Deletion::Element(column, key) => write!(out, "{column}[{key}]"),
            Deletion::Field(column, field) => write!(out, "{column}.{field}"),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            BatchKind::Logged => "",
            BatchKind::Unlogged => "UNLOGGED ",
            BatchKind::Counter => "COUNTER ",
        };
        write!(out, "BEGIN {kind}BATCH{} ", self.using)?;
        for statement in &self.statements {
            write!(out, "{statement}; ")?;
        }
        out.write_str("APPLY BATCH")
    }
}
