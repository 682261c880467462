//! DESCRIBE in all its forms.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Describe, DescribeTarget};
use crate::keyword::Keyword;

impl Parser<'_> {
    pub(super) fn describe(&mut self) -> Parsing<Describe> {
        self.advance();
        let target = self.describe_target()?;
        let internals = self.eat_keyword(Keyword::With);
        if internals {
            self.expect_keyword(Keyword::Internals)?;
        }
        Ok(Describe { target, internals })
    }

    fn describe_target(&mut self) -> Parsing<DescribeTarget> {
        let Some(keyword) = self.keyword_at(0) else {
            return Ok(DescribeTarget::Any(self.table_name()?));
        };
        let simple = match keyword {
            Keyword::Cluster => DescribeTarget::Cluster,
            Keyword::Schema => DescribeTarget::Schema,
            Keyword::Keyspaces => DescribeTarget::Keyspaces,
            Keyword::Tables | Keyword::ColumnFamilies => DescribeTarget::Tables,
            Keyword::Types => DescribeTarget::Types,
            Keyword::Functions => DescribeTarget::Functions,
            Keyword::Aggregates => DescribeTarget::Aggregates,
            _ => return self.describe_one(keyword),
        };
        self.advance();
        Ok(simple)
    }

    fn describe_one(&mut self, keyword: Keyword) -> Parsing<DescribeTarget> {
        let mark = self.mark();
        self.advance();
        match keyword {
            Keyword::Full => {
                self.expect_keyword(Keyword::Schema)?;
                Ok(DescribeTarget::FullSchema)
            }
            Keyword::Only if matches!(self.keyword_at(0), Some(Keyword::Keyspace | Keyword::Schema)) => {
                self.advance();
                self.described_keyspace(true)
            }
            Keyword::Keyspace => self.described_keyspace(false),
            Keyword::Table | Keyword::ColumnFamily => Ok(DescribeTarget::Table(self.table_name()?)),
            Keyword::Index => Ok(DescribeTarget::Index(self.table_name()?)),
            Keyword::Materialized => {
                self.expect_keyword(Keyword::View)?;
                Ok(DescribeTarget::View(self.table_name()?))
            }
            Keyword::Type if self.name_at(0) => Ok(DescribeTarget::Type(self.user_type_name()?)),
            Keyword::Function if self.name_at(0) || self.function_name_at(0) => {
                Ok(DescribeTarget::Function(self.function_name()?))
            }
            Keyword::Aggregate if self.name_at(0) || self.function_name_at(0) => {
                Ok(DescribeTarget::Aggregate(self.function_name()?))
            }
            _ => {
                self.rewind(mark);
                Ok(DescribeTarget::Any(self.table_name()?))
            }
        }
    }

    fn described_keyspace(&mut self, only: bool) -> Parsing<DescribeTarget> {
        let name = if self.name_at(0) { Some(self.keyspace_name()?) } else { None };
        Ok(DescribeTarget::Keyspace { only, name })
    }
}
