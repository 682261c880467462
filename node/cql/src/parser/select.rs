//! `SELECT [JSON] [DISTINCT] ... FROM ... [WHERE ...] [GROUP BY ...] [ORDER BY ...] [PER PARTITION LIMIT ...] [LIMIT ...]
//! [ALLOW FILTERING]`

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Ordering, Select, Selection, Selector};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn select(&mut self) -> Parsing<Select> {
        self.advance();
        let json = self.select_modifier(Keyword::Json);
        let distinct = self.select_modifier(Keyword::Distinct);
        let selection = self.selection()?;
        self.expect_keyword(Keyword::From)?;
        let table = self.table_name()?;
        let relations = if self.eat_keyword(Keyword::Where) { self.relations()? } else { Vec::new() };
        let group_by = if self.eat_keywords(Keyword::Group, Keyword::By) {
            self.comma_separated(Self::selectable)?
        } else {
            Vec::new()
        };
        let order_by = if self.eat_keyword(Keyword::Order) {
            self.expect_keyword(Keyword::By)?;
            self.comma_separated(Self::ordering)?
        } else {
            Vec::new()
        };
        let per_partition_limit = if self.eat_keyword(Keyword::Per) {
            self.expect_keywords(&[Keyword::Partition, Keyword::Limit])?;
            Some(self.integer_or_marker()?)
        } else {
            None
        };
        let limit = if self.eat_keyword(Keyword::Limit) { Some(self.integer_or_marker()?) } else { None };
        let allow_filtering = self.eat_keyword(Keyword::Allow);
        if allow_filtering {
            self.expect_keyword(Keyword::Filtering)?;
        }
        Ok(Select {
            json,
            distinct,
            selection,
            table,
            relations,
            group_by,
            order_by,
            per_partition_limit,
            limit,
            allow_filtering,
        })
    }

    /// JSON and DISTINCT may be names of columns: what follows decides.
    fn select_modifier(&mut self, keyword: Keyword) -> bool {
        if !self.at_keyword(keyword) {
            return false;
        }
        let column = match self.kind_at(1) {
            TokenKind::Comma
            | TokenKind::Dot
            | TokenKind::Plus
            | TokenKind::Slash
            | TokenKind::Percent
            | TokenKind::End => true,
            TokenKind::Star => self.keyword_at(2) != Some(Keyword::From),
            _ => match self.keyword_at(1) {
                Some(Keyword::From) => true,
                // `SELECT json AS x`, unless it is the column "as" that is selected as JSON
                Some(Keyword::As) => self.name_at(2),
                _ => false,
            },
        };
        if !column {
            self.advance();
        }
        !column
    }

    /// `*` or a list of selectors.
    pub(super) fn selection(&mut self) -> Parsing<Selection> {
        if self.eat(TokenKind::Star) {
            return Ok(Selection::All);
        }
        Ok(Selection::Selectors(self.comma_separated(Self::selector)?))
    }

    fn selector(&mut self) -> Parsing<Selector> {
        let term = self.selectable()?;
        let alias = if self.eat_keyword(Keyword::As) { Some(self.name()?) } else { None };
        Ok(Selector { term, alias })
    }

    fn ordering(&mut self) -> Parsing<Ordering> {
        let column = self.column()?;
        let nearest_to = if self.eat_keywords(Keyword::Ann, Keyword::Of) { Some(self.term()?) } else { None };
        let descending = self.eat_keyword(Keyword::Desc);
        if !descending {
            self.eat_keyword(Keyword::Asc);
        }
        Ok(Ordering { column, nearest_to, descending })
    }
}
