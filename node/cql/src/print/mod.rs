//! Syntax trees back to text, as `Display`. For every tree that the parser can produce, parsing the text gives an equal tree:
//! whatever would be read differently without quotes is quoted here.
//!
//! The text of CREATE and ALTER ROLE contains passwords; logs must not have it.

mod access;
mod data;
mod definition;
mod describe;
mod name;
mod select;
mod table;
mod term;
mod type_name;

#[cfg(test)]
mod generate;
#[cfg(test)]
mod tests;

use crate::ast::Statement;
use std::fmt;

impl fmt::Display for Statement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Select(statement) => statement.fmt(out),
            Statement::Insert(statement) => statement.fmt(out),
            Statement::Update(statement) => statement.fmt(out),
            Statement::Delete(statement) => statement.fmt(out),
            Statement::Batch(statement) => statement.fmt(out),
            Statement::Use(statement) => statement.fmt(out),
            Statement::Truncate(statement) => statement.fmt(out),
            Statement::CreateKeyspace(statement) => statement.fmt(out),
            Statement::AlterKeyspace(statement) => statement.fmt(out),
            Statement::DropKeyspace(statement) => statement.fmt(out),
            Statement::CreateTable(statement) => statement.fmt(out),
            Statement::AlterTable(statement) => statement.fmt(out),
            Statement::DropTable(statement) => statement.fmt(out),
            Statement::CreateType(statement) => statement.fmt(out),
            Statement::AlterType(statement) => statement.fmt(out),
            Statement::DropType(statement) => statement.fmt(out),
            Statement::CreateIndex(statement) => statement.fmt(out),
            Statement::DropIndex(statement) => statement.fmt(out),
            Statement::CreateView(statement) => statement.fmt(out),
            Statement::AlterView(statement) => statement.fmt(out),
            Statement::DropView(statement) => statement.fmt(out),
            Statement::CreateTrigger(statement) => statement.fmt(out),
            Statement::DropTrigger(statement) => statement.fmt(out),
            Statement::CreateFunction(statement) => statement.fmt(out),
            Statement::DropFunction(statement) => statement.fmt(out),
            Statement::CreateAggregate(statement) => statement.fmt(out),
            Statement::DropAggregate(statement) => statement.fmt(out),
            Statement::CreateRole(statement) => statement.fmt(out),
            Statement::AlterRole(statement) => statement.fmt(out),
            Statement::DropRole(statement) => statement.fmt(out),
            Statement::AddIdentity(statement) => statement.fmt(out),
            Statement::DropIdentity(statement) => statement.fmt(out),
            Statement::GrantRole(statement) => statement.fmt(out),
            Statement::RevokeRole(statement) => statement.fmt(out),
            Statement::ListRoles(statement) => statement.fmt(out),
            Statement::GrantPermissions(statement) => statement.fmt(out),
            Statement::RevokePermissions(statement) => statement.fmt(out),
            Statement::ListPermissions(statement) => statement.fmt(out),
            Statement::Describe(statement) => statement.fmt(out),
        }
    }
}

/// Items with a separator between.
struct Separated<'a, T>(&'a [T], &'static str);

impl<T: fmt::Display> fmt::Display for Separated<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str(self.1)?;
            }
            item.fmt(out)?;
        }
        Ok(())
    }
}

/// Pairs, with one text inside each and another between them.
struct Pairs<'a, A, B>(&'a [(A, B)], &'static str, &'static str);

impl<A: fmt::Display, B: fmt::Display> fmt::Display for Pairs<'_, A, B> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, second)) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str(self.2)?;
            }
            write!(out, "{first}{}{second}", self.1)?;
        }
        Ok(())
    }
}

/// A text where a condition holds, else nothing.
fn when(condition: bool, text: &'static str) -> &'static str {
    if condition { text } else { "" }
}

/// A text as a string literal.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("'")?;
        for (index, part) in self.0.split('\'').enumerate() {
            out.write_str(when(index > 0, "''"))?;
            out.write_str(part)?;
        }
        out.write_str("'")
    }
}
