//! CREATE, ALTER, DROP and TRUNCATE TABLE.

use super::cursor::Parser;
use super::error::{Parsing, Problem};
use crate::ast::{
    AlterTable, AlterTableAction, ColumnDefinition, ColumnMask, CreateTable, DropTable, Name, PrimaryKey,
    TableProperty, Truncate,
};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;
use std::collections::BTreeSet;

impl Parser<'_> {
    pub(super) fn create_table(&mut self) -> Parsing<CreateTable> {
        let if_not_exists = self.if_not_exists()?;
        let table = self.table_name()?;
        let mut columns = Vec::new();
        let mut primary_keys = Vec::new();
        self.expect(TokenKind::LeftParenthesis)?;
        loop {
            if self.eat_keyword(Keyword::Primary) {
                self.expect_keyword(Keyword::Key)?;
                primary_keys.push(self.primary_key()?);
            } else {
                let column = self.column_definition()?;
                if self.eat_keyword(Keyword::Primary) {
                    self.expect_keyword(Keyword::Key)?;
                    primary_keys.push(PrimaryKey { partition: vec![column.name.clone()], clustering: Vec::new() });
                }
                columns.push(column);
            }
            // Commas before the closing parenthesis are allowed.
            let mut commas = false;
            while self.eat(TokenKind::Comma) {
                commas = true;
            }
            if self.eat(TokenKind::RightParenthesis) {
                break;
            }
            if !commas {
                return Err(self.error(Problem::Expected(TokenKind::RightParenthesis)));
            }
        }
        let properties = self.table_properties()?;
        Ok(CreateTable { if_not_exists, table, columns, primary_keys, properties })
    }

    /// `((a, b), c)` or `(a, c)`
    pub(super) fn primary_key(&mut self) -> Parsing<PrimaryKey> {
        self.expect(TokenKind::LeftParenthesis)?;
        let partition = if self.eat(TokenKind::LeftParenthesis) {
            let names = self.comma_separated(Self::name)?;
            self.expect(TokenKind::RightParenthesis)?;
            names
        } else {
            vec![self.name()?]
        };
        let clustering = if self.eat(TokenKind::Comma) { self.comma_separated(Self::name)? } else { Vec::new() };
        self.expect(TokenKind::RightParenthesis)?;
        Ok(PrimaryKey { partition, clustering })
    }

    fn column_definition(&mut self) -> Parsing<ColumnDefinition> {
        let name = self.name()?;
        let type_name = self.type_name()?;
        let is_static = self.eat_keyword(Keyword::Static);
        let mask = if self.at_keyword(Keyword::Masked) { Some(self.column_mask()?) } else { None };
        Ok(ColumnDefinition { name, type_name, is_static, mask })
    }

    fn column_mask(&mut self) -> Parsing<ColumnMask> {
        self.expect_keywords(&[Keyword::Masked, Keyword::With])?;
        // DEFAULT may be the name of a function.
        if self.at_keyword(Keyword::Default) && self.kind_at(1) != TokenKind::LeftParenthesis {
            self.advance();
            return Ok(ColumnMask::Default);
        }
        let name = self.function_name()?;
        self.expect(TokenKind::LeftParenthesis)?;
        Ok(ColumnMask::Function(name, self.list_until(TokenKind::RightParenthesis, Self::term)?))
    }

    /// `WITH a = b AND CLUSTERING ORDER BY (...)`, if here.
    pub(super) fn table_properties(&mut self) -> Parsing<Vec<TableProperty>> {
        let mut properties = Vec::new();
        if !self.eat_keyword(Keyword::With) {
            return Ok(properties);
        }
        let mut names = BTreeSet::new();
        loop {
            let property = self.table_property()?;
            if let TableProperty::Option(new) = &property
                && !names.insert(new.name.clone())
            {
                let message = format!("Multiple definitions for property '{}'", new.name.as_str());
                return Err(self.error_message(message));
            }
            properties.push(property);
            if !self.eat_keyword(Keyword::And) {
                return Ok(properties);
            }
        }
    }

    fn table_property(&mut self) -> Parsing<TableProperty> {
        if self.eat_keywords(Keyword::Compact, Keyword::Storage) {
            return Ok(TableProperty::CompactStorage);
        }
        if self.eat_keywords(Keyword::Clustering, Keyword::Order) {
            self.expect_keyword(Keyword::By)?;
            self.expect(TokenKind::LeftParenthesis)?;
            let columns = self.comma_separated(Self::clustering_order)?;
            self.expect(TokenKind::RightParenthesis)?;
            return Ok(TableProperty::ClusteringOrder(columns));
        }
        Ok(TableProperty::Option(self.property()?))
    }

    fn clustering_order(&mut self) -> Parsing<(Name, bool)> {
        let column = self.name()?;
        if self.eat_keyword(Keyword::Asc) {
            Ok((column, false))
        } else if self.eat_keyword(Keyword::Desc) {
            Ok((column, true))
        } else {
            self.no_alternative()
        }
    }

    pub(super) fn alter_table(&mut self) -> Parsing<AlterTable> {
        let if_exists = self.if_exists()?;
        let table = self.table_name()?;
        let action = match self.keyword_at(0) {
            Some(Keyword::Add) => self.alter_table_add()?,
            Some(Keyword::Drop) => self.alter_table_drop()?,
            Some(Keyword::Rename) => self.alter_table_rename()?,
            Some(Keyword::Alter) => self.alter_table_column()?,
            Some(Keyword::With) => AlterTableAction::With(self.with_properties()?),
            _ => return self.no_alternative(),
        };
        Ok(AlterTable { if_exists, table, action })
    }

    fn alter_table_add(&mut self) -> Parsing<AlterTableAction> {
        self.advance();
        let if_not_exists = self.if_not_exists()?;
        let columns = self.one_or_parenthesised(Self::column_definition)?;
        Ok(AlterTableAction::Add { if_not_exists, columns })
    }

    fn alter_table_drop(&mut self) -> Parsing<AlterTableAction> {
        self.advance();
        if self.eat_keywords(Keyword::Compact, Keyword::Storage) {
            return Ok(AlterTableAction::DropCompactStorage);
        }
        let if_exists = self.if_exists()?;
        let columns = self.one_or_parenthesised(Self::name)?;
        let timestamp = if self.eat_keyword(Keyword::Using) {
            self.expect_keyword(Keyword::Timestamp)?;
            if !self.at(TokenKind::Integer) {
                return Err(self.error(Problem::Expected(TokenKind::Integer)));
            }
            let Ok(timestamp) = self.slice().parse() else {
                return Err(self.error_message(format_args!("Invalid timestamp {}", self.slice())));
            };
            self.advance();
            Some(timestamp)
        } else {
            None
        };
        Ok(AlterTableAction::Drop { if_exists, columns, timestamp })
    }

    fn alter_table_rename(&mut self) -> Parsing<AlterTableAction> {
        self.advance();
        let if_exists = self.if_exists()?;
        Ok(AlterTableAction::Rename { if_exists, columns: self.renames()? })
    }

    /// `a TO b AND c TO d`
    pub(super) fn renames(&mut self) -> Parsing<Vec<(Name, Name)>> {
        self.and_separated(|parser| {
            let from = parser.name()?;
            parser.expect_keyword(Keyword::To)?;
            Ok((from, parser.name()?))
        })
    }

    fn alter_table_column(&mut self) -> Parsing<AlterTableAction> {
        self.advance();
        let if_exists = self.if_exists()?;
        let column = self.column()?;
        if !if_exists && self.eat_keyword(Keyword::Type) {
            return Ok(AlterTableAction::Type(column, self.type_name()?));
        }
        if self.eat_keywords(Keyword::Drop, Keyword::Masked) {
            return Ok(AlterTableAction::Mask { if_exists, column, mask: None });
        }
        if self.at_keyword(Keyword::Masked) {
            return Ok(AlterTableAction::Mask { if_exists, column, mask: Some(self.column_mask()?) });
        }
        self.no_alternative()
    }

    fn one_or_parenthesised<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsing<T>) -> Parsing<Vec<T>> {
        if !self.eat(TokenKind::LeftParenthesis) {
            return Ok(vec![item(self)?]);
        }
        let items = self.comma_separated(item)?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(items)
    }

    pub(super) fn drop_table(&mut self) -> Parsing<DropTable> {
        Ok(DropTable { if_exists: self.if_exists()?, table: self.table_name()? })
    }

    pub(super) fn truncate(&mut self) -> Parsing<Truncate> {
        self.advance();
        let _ = self.eat_keyword(Keyword::Table) || self.eat_keyword(Keyword::ColumnFamily);
        Ok(Truncate { table: self.table_name()? })
    }
}
