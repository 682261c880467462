//! CREATE and DROP TRIGGER.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{CreateTrigger, DropTrigger};
use crate::keyword::Keyword;

impl Parser<'_> {
    pub(super) fn create_trigger(&mut self) -> Parsing<CreateTrigger> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.name()?;
        self.expect_keyword(Keyword::On)?;
        let table = self.table_name()?;
        self.expect_keyword(Keyword::Using)?;
        Ok(CreateTrigger { if_not_exists, name, table, using: self.string()? })
    }

    pub(super) fn drop_trigger(&mut self) -> Parsing<DropTrigger> {
        let if_exists = self.if_exists()?;
        let name = self.name()?;
        self.expect_keyword(Keyword::On)?;
        Ok(DropTrigger { if_exists, name, table: self.table_name()? })
    }
}
