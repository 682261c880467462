//! Types as written.

use super::cursor::Parser;
use super::error::{Parsing, Problem};
use crate::ast::TypeName;
use crate::keyword::Keyword;
use crate::lexer::TokenKind;
use crate::types::NativeType;

/// The scalar type that a keyword names.
fn native(keyword: Keyword) -> Option<NativeType> {
    Some(match keyword {
        Keyword::Ascii => NativeType::Ascii,
        Keyword::BigInt => NativeType::BigInt,
        Keyword::Blob => NativeType::Blob,
        Keyword::Boolean => NativeType::Boolean,
        Keyword::Counter => NativeType::Counter,
        Keyword::Decimal => NativeType::Decimal,
        Keyword::Double => NativeType::Double,
        Keyword::Duration => NativeType::Duration,
        Keyword::Float => NativeType::Float,
        Keyword::Inet => NativeType::Inet,
        Keyword::Int => NativeType::Int,
        Keyword::SmallInt => NativeType::SmallInt,
        Keyword::Text | Keyword::Varchar => NativeType::Text,
        Keyword::Timestamp => NativeType::Timestamp,
        Keyword::TinyInt => NativeType::TinyInt,
        Keyword::Uuid => NativeType::Uuid,
        Keyword::Varint => NativeType::Varint,
        Keyword::TimeUuid => NativeType::TimeUuid,
        Keyword::Date => NativeType::Date,
        Keyword::Time => NativeType::Time,
        _ => return None,
    })
}

impl Parser<'_> {
    /// The name of a scalar type.
    pub(super) fn native_type(&mut self) -> Parsing<NativeType> {
        match self.keyword_at(0).and_then(native) {
            Some(native) => {
                self.advance();
                Ok(native)
            }
            None => self.no_alternative(),
        }
    }

    /// A type.
    pub(super) fn type_name(&mut self) -> Parsing<TypeName> {
        self.nested(Self::type_name_here)
    }

    fn type_name_here(&mut self) -> Parsing<TypeName> {
        if matches!(self.kind(), TokenKind::String | TokenKind::DollarString) {
            return Ok(TypeName::Custom(self.string()?));
        }
        let Some(keyword) = self.keyword_at(0) else {
            return Ok(TypeName::User(self.user_type_name()?));
        };
        if self.kind_at(1) == TokenKind::Dot {
            return Ok(TypeName::User(self.user_type_name()?));
        }
        if let Some(native) = native(keyword) {
            self.advance();
            return Ok(TypeName::Native(native));
        }
        // `list`, `map` and the like may be names of user types, too: what follows decides.
        if self.kind_at(1) != TokenKind::Less {
            return Ok(TypeName::User(self.user_type_name()?));
        }
        if !matches!(
            keyword,
            Keyword::List | Keyword::Set | Keyword::Map | Keyword::Frozen | Keyword::Tuple | Keyword::Vector
        ) {
            return self.no_alternative();
        }
        self.advance();
        self.advance();
        let type_name = match keyword {
            Keyword::List => TypeName::List(self.boxed_type()?),
            Keyword::Set => TypeName::Set(self.boxed_type()?),
            Keyword::Frozen => {
                let inner = self.boxed_type()?;
                if matches!(*inner, TypeName::Native(_) | TypeName::Custom(_)) {
                    return Err(self.error_message(format_args!(
                        "frozen<> is only allowed on collections, tuples, and user-defined types (got {inner})"
                    )));
                }
                TypeName::Frozen(inner)
            }
            Keyword::Tuple => TypeName::Tuple(self.comma_separated(Self::type_name)?),
            Keyword::Map => {
                let key = self.boxed_type()?;
                self.expect(TokenKind::Comma)?;
                TypeName::Map(key, self.boxed_type()?)
            }
            _ => {
                let element = self.boxed_type()?;
                self.expect(TokenKind::Comma)?;
                TypeName::Vector(element, self.dimension()?)
            }
        };
        self.expect(TokenKind::Greater)?;
        Ok(type_name)
    }

    fn boxed_type(&mut self) -> Parsing<Box<TypeName>> {
        self.type_name().map(Box::new)
    }

    fn dimension(&mut self) -> Parsing<i32> {
        if !self.at(TokenKind::Integer) {
            return Err(self.error(Problem::Expected(TokenKind::Integer)));
        }
        let Ok(dimension) = self.slice().parse() else {
            return Err(self.error_message(format_args!(
                "Failed parsing statement: [{}] reason: NumberFormatException For input string: \"{}\"",
                self.whole(),
                self.slice()
            )));
        };
        self.advance();
        Ok(dimension)
    }
}
