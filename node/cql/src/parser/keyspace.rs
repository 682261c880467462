//! CREATE, ALTER and DROP KEYSPACE; USE.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{AlterKeyspace, CreateKeyspace, DropKeyspace, Use};
use crate::keyword::Keyword;

impl Parser<'_> {
    pub(super) fn create_keyspace(&mut self) -> Parsing<CreateKeyspace> {
        let if_not_exists = self.if_not_exists()?;
        let keyspace = self.keyspace_name()?;
        self.expect_keyword(Keyword::With)?;
        Ok(CreateKeyspace { if_not_exists, keyspace, properties: self.properties()? })
    }

    pub(super) fn alter_keyspace(&mut self) -> Parsing<AlterKeyspace> {
        let if_exists = self.if_exists()?;
        let keyspace = self.keyspace_name()?;
        self.expect_keyword(Keyword::With)?;
        Ok(AlterKeyspace { if_exists, keyspace, properties: self.properties()? })
    }

    pub(super) fn drop_keyspace(&mut self) -> Parsing<DropKeyspace> {
        Ok(DropKeyspace { if_exists: self.if_exists()?, keyspace: self.keyspace_name()? })
    }

    pub(super) fn use_keyspace(&mut self) -> Parsing<Use> {
        self.advance();
        Ok(Use { keyspace: self.keyspace_name()? })
    }
}
