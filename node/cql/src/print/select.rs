//! SELECT, and WHERE clauses.

use super::{Separated, when};
use crate::ast::{InValues, Ordering, Predicate, Relation, RelationTarget, Select, Selection, Selector};
use std::fmt;

impl fmt::Display for Select {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SELECT {}{}", when(self.json, "JSON "), when(self.distinct, "DISTINCT "))?;
        write!(out, "{} FROM {}{}", self.selection, self.table, Where(&self.relations))?;
        if !self.group_by.is_empty() {
            write!(out, " GROUP BY {}", Separated(&self.group_by, ", "))?;
        }
        if !self.order_by.is_empty() {
            write!(out, " ORDER BY {}", Separated(&self.order_by, ", "))?;
        }
        if let Some(limit) = &self.per_partition_limit {
            write!(out, " PER PARTITION LIMIT {limit}")?;
        }
        if let Some(limit) = &self.limit {
            write!(out, " LIMIT {limit}")?;
        }
        out.write_str(when(self.allow_filtering, " ALLOW FILTERING"))
    }
}

/// ` WHERE ...`, or nothing.
pub(super) struct Where<'a>(pub(super) &'a [Relation]);

impl fmt::Display for Where<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(out, " WHERE {}", Separated(self.0, " AND "))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selection::All => out.write_str("*"),
            Selection::Selectors(selectors) => Separated(selectors, ", ").fmt(out),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.term.fmt(out)?;
        match &self.alias {
            Some(alias) => write!(out, " AS {alias}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Ordering {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt(out)?;
        if let Some(vector) = &self.nearest_to {
            write!(out, " ANN OF {vector}")?;
        }
        out.write_str(when(self.descending, " DESC"))
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Relation::Restriction(target, predicate) => write!(out, "{target}{predicate}"),
            Relation::IndexExpression(index, value) => write!(out, "expr({index}, {value})"),
        }
    }
}

impl fmt::Display for RelationTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RelationTarget::Column(name) => name.fmt(out),
            RelationTarget::Element(name, key) => write!(out, "{name}[{key}]"),
            RelationTarget::Columns(names) => write!(out, "({})", Separated(names, ", ")),
            RelationTarget::Token(names) => write!(out, "token({})", Separated(names, ", ")),
        }
    }
}

/// With a space before it.
impl fmt::Display for Predicate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Predicate::Compare(comparison, term) => write!(out, " {} {term}", comparison.text()),
            Predicate::In(values) => write!(out, " IN {values}"),
            Predicate::Contains(term) => write!(out, " CONTAINS {term}"),
            Predicate::ContainsKey(term) => write!(out, " CONTAINS KEY {term}"),
            Predicate::Like(term) => write!(out, " LIKE {term}"),
            Predicate::IsNotNull => out.write_str(" IS NOT NULL"),
        }
    }
}

impl fmt::Display for InValues {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InValues::List(terms) => write!(out, "({})", Separated(terms, ", ")),
            InValues::Marker(marker) => marker.fmt(out),
        }
    }
}
