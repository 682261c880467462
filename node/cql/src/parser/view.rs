//! CREATE, ALTER and DROP MATERIALIZED VIEW.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{AlterView, CreateView, DropView};
use crate::keyword::Keyword;

impl Parser<'_> {
    pub(super) fn create_view(&mut self) -> Parsing<CreateView> {
        self.expect_keyword(Keyword::View)?;
        let if_not_exists = self.if_not_exists()?;
        let name = self.table_name()?;
        self.expect_keywords(&[Keyword::As, Keyword::Select])?;
        let selection = self.selection()?;
        self.expect_keyword(Keyword::From)?;
        let table = self.table_name()?;
        let relations = if self.eat_keyword(Keyword::Where) { self.relations()? } else { Vec::new() };
        self.expect_keywords(&[Keyword::Primary, Keyword::Key])?;
        let primary_key = self.primary_key()?;
        let properties = self.table_properties()?;
        Ok(CreateView { if_not_exists, name, selection, table, relations, primary_key, properties })
    }

    pub(super) fn alter_view(&mut self) -> Parsing<AlterView> {
        self.expect_keyword(Keyword::View)?;
        let if_exists = self.if_exists()?;
        let name = self.table_name()?;
        self.expect_keyword(Keyword::With)?;
        Ok(AlterView { if_exists, name, properties: self.properties()? })
    }

    pub(super) fn drop_view(&mut self) -> Parsing<DropView> {
        self.expect_keyword(Keyword::View)?;
        Ok(DropView { if_exists: self.if_exists()?, name: self.table_name()? })
    }
}
