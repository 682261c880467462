//! Definitions other than tables.

use super::name::{FunctionName, LocalFunctionName, UserTypeName};
use super::select::Where;
use super::table::With;
use super::{Pairs, Quoted, Separated, when};
use crate::ast::{
    AlterKeyspace, AlterType, AlterTypeAction, AlterView, CreateAggregate, CreateFunction, CreateIndex, CreateKeyspace,
    CreateTrigger, CreateType, CreateView, DropAggregate, DropFunction, DropIndex, DropKeyspace, DropTrigger, DropType,
    DropView, IndexTarget, Property, PropertyValue, TypeName,
};
use std::fmt;

fn not_exists(condition: bool) -> &'static str {
    when(condition, "IF NOT EXISTS ")
}

fn exists(condition: bool) -> &'static str {
    when(condition, "IF EXISTS ")
}

impl fmt::Display for Property {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {}", self.name, self.value)
    }
}

impl fmt::Display for PropertyValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyValue::Literal(literal) => literal.fmt(out),
            PropertyValue::Word(word) => out.write_str(word),
            PropertyValue::Map(entries) => write!(out, "{{{}}}", Pairs(entries, ": ", ", ")),
        }
    }
}

impl fmt::Display for CreateKeyspace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE KEYSPACE {}{}", not_exists(self.if_not_exists), self.keyspace)?;
        With(&self.properties).fmt(out)
    }
}

impl fmt::Display for AlterKeyspace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ALTER KEYSPACE {}{}{}", exists(self.if_exists), self.keyspace, With(&self.properties))
    }
}

impl fmt::Display for DropKeyspace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP KEYSPACE {}{}", exists(self.if_exists), self.keyspace)
    }
}

impl fmt::Display for CreateType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE TYPE {}{}", not_exists(self.if_not_exists), UserTypeName(&self.name))?;
        write!(out, " ({})", Pairs(&self.fields, " ", ", "))
    }
}

impl fmt::Display for AlterType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ALTER TYPE {}{}", exists(self.if_exists), UserTypeName(&self.name))?;
        match &self.action {
            AlterTypeAction::Add { if_not_exists, field, type_name } => {
                write!(out, " ADD {}{field} {type_name}", not_exists(*if_not_exists))
            }
            AlterTypeAction::Type(field, type_name) => write!(out, " ALTER {field} TYPE {type_name}"),
            AlterTypeAction::Rename { if_exists, fields } => {
                write!(out, " RENAME {}{}", exists(*if_exists), Pairs(fields, " TO ", " AND "))
            }
        }
    }
}

impl fmt::Display for DropType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP TYPE {}{}", exists(self.if_exists), UserTypeName(&self.name))
    }
}

impl fmt::Display for CreateIndex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE {}INDEX {}", when(self.custom, "CUSTOM "), not_exists(self.if_not_exists))?;
        if let Some(name) = &self.name {
            write!(out, "{name} ")?;
        }
        write!(out, "ON {} ({})", self.table, Separated(&self.targets, ", "))?;
        if let Some(class) = &self.using {
            write!(out, " USING {}", Quoted(class))?;
        }
        With(&self.properties).fmt(out)
    }
}

impl fmt::Display for IndexTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IndexTarget::Simple(column) => column.fmt(out),
            IndexTarget::Values(column) => write!(out, "values({column})"),
            IndexTarget::Keys(column) => write!(out, "keys({column})"),
            IndexTarget::Entries(column) => write!(out, "entries({column})"),
            IndexTarget::Full(column) => write!(out, "full({column})"),
        }
    }
}

impl fmt::Display for DropIndex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP INDEX {}{}", exists(self.if_exists), self.name)
    }
}

impl fmt::Display for CreateView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE MATERIALIZED VIEW {}{} AS ", not_exists(self.if_not_exists), self.name)?;
        write!(out, "SELECT {} FROM {}{}", self.selection, self.table, Where(&self.relations))?;
        write!(out, " {}{}", self.primary_key, With(&self.properties))
    }
}

impl fmt::Display for AlterView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ALTER MATERIALIZED VIEW {}{}{}", exists(self.if_exists), self.name, With(&self.properties))
    }
}

impl fmt::Display for DropView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP MATERIALIZED VIEW {}{}", exists(self.if_exists), self.name)
    }
}

impl fmt::Display for CreateTrigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE TRIGGER {}{}", not_exists(self.if_not_exists), self.name)?;
        write!(out, " ON {} USING {}", self.table, Quoted(&self.using))
    }
}

impl fmt::Display for DropTrigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP TRIGGER {}{} ON {}", exists(self.if_exists), self.name, self.table)
    }
}

impl fmt::Display for CreateFunction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE {}FUNCTION ", when(self.or_replace, "OR REPLACE "))?;
        write!(out, "{}{}", not_exists(self.if_not_exists), FunctionName(&self.name))?;
        let called = if self.called_on_null { "CALLED" } else { "RETURNS NULL" };
        write!(out, "({}) {called} ON NULL INPUT", Pairs(&self.arguments, " ", ", "))?;
        write!(out, " RETURNS {} LANGUAGE {} AS {}", self.returns, self.language, Quoted(&self.body))
    }
}

/// `(int, text)`, or nothing.
struct ArgumentTypes<'a>(&'a Option<Vec<TypeName>>);

impl fmt::Display for ArgumentTypes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(types) => write!(out, "({})", Separated(types, ", ")),
            None => Ok(()),
        }
    }
}

impl fmt::Display for DropFunction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP FUNCTION {}{}", exists(self.if_exists), FunctionName(&self.name))?;
        ArgumentTypes(&self.arguments).fmt(out)
    }
}

impl fmt::Display for CreateAggregate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CREATE {}AGGREGATE ", when(self.or_replace, "OR REPLACE "))?;
        write!(out, "{}{}", not_exists(self.if_not_exists), FunctionName(&self.name))?;
        write!(out, "({}) SFUNC {}", Separated(&self.arguments, ", "), LocalFunctionName(&self.state_function))?;
        write!(out, " STYPE {}", self.state_type)?;
        if let Some(function) = &self.final_function {
            write!(out, " FINALFUNC {}", LocalFunctionName(function))?;
        }
        if let Some(initial) = &self.initial {
            write!(out, " INITCOND {initial}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DropAggregate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP AGGREGATE {}{}", exists(self.if_exists), FunctionName(&self.name))?;
        ArgumentTypes(&self.arguments).fmt(out)
    }
}
