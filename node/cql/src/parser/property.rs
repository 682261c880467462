//! The `name = value` lists of WITH clauses.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Literal, Property, PropertyValue, Term};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;
use std::collections::BTreeSet;

impl Parser<'_> {
    /// `a = b AND c = {...}`; a name may occur once.
    pub(super) fn properties(&mut self) -> Parsing<Vec<Property>> {
        let mut properties = Vec::new();
        let mut names = BTreeSet::new();
        loop {
            let property = self.property()?;
            if !names.insert(property.name.clone()) {
                let message = format!("Multiple definitions for property '{}'", property.name.as_str());
                return Err(self.error_message(message));
            }
            properties.push(property);
            if !self.eat_keyword(Keyword::And) {
                return Ok(properties);
            }
        }
    }

    /// `WITH ...`, if here.
    pub(super) fn with_properties(&mut self) -> Parsing<Vec<Property>> {
        if self.eat_keyword(Keyword::With) { self.properties() } else { Ok(Vec::new()) }
    }

    /// `a = b`
    pub(super) fn property(&mut self) -> Parsing<Property> {
        let name = self.name()?;
        self.expect(TokenKind::Equal)?;
        let value = if self.at(TokenKind::LeftBrace) {
            let entries = self.map_literal()?;
            PropertyValue::Map(self.property_entries(entries)?)
        } else if let Some(literal) = self.constant()? {
            PropertyValue::Literal(literal)
        } else if self.keyword_at(0).is_some() && self.name_at(0) {
            PropertyValue::Word(self.name()?)
        } else {
            return self.no_alternative();
        };
        Ok(Property { name, value })
    }

    /// The entries of a map: constants and maps of them, each key once.
    fn property_entries(&self, entries: Vec<(Term, Term)>) -> Parsing<Vec<(Literal, PropertyValue)>> {
        let mut map = Vec::with_capacity(entries.len());
        let mut keys = BTreeSet::new();
        for (key, value) in entries {
            let key = match constant(key) {
                Ok(key) => key,
                Err(term) => {
                    let message = format!("Invalid property name: {term}{}", hint(&term));
                    return Err(self.error_message(message));
                }
            };
            let value = match value {
                Term::Map(entries) => PropertyValue::Map(self.property_entries(entries)?),
                Term::Set(elements) if elements.is_empty() => PropertyValue::Map(Vec::new()),
                value => match constant(value) {
                    Ok(value) => PropertyValue::Literal(value),
                    Err(term) => {
                        let message = format!("Invalid property value: {term} for property: {key}{}", hint(&term));
                        return Err(self.error_message(message));
                    }
                },
            };
            if !keys.insert(key.raw_text().into_owned()) {
                let message = format!("Multiple definition for property {}", key.raw_text());
                return Err(self.error_message(message));
            }
            map.push((key, value));
        }
        Ok(map)
    }

    /// `{'a': 'b'}`: constants only, each key once.
    pub(super) fn constant_map(&mut self) -> Parsing<Vec<(Literal, Literal)>> {
        let entries = self.map_literal()?;
        let entries = self.property_entries(entries)?.into_iter().map(|(key, value)| match value {
            PropertyValue::Literal(value) => Ok((key, value)),
            nested => {
                let message = format!("Invalid property value: {nested} for property: {key}");
                Err(self.error_message(message))
            }
        });
        entries.collect()
    }
}

fn constant(term: Term) -> Result<Literal, Term> {
    match term {
        Term::Literal(literal) if literal != Literal::Null => Ok(literal),
        other => Err(other),
    }
}

fn hint(term: &Term) -> &'static str {
    if matches!(term, Term::Marker(_)) { " (bind variables are not supported in DDL queries)" } else { "" }
}
