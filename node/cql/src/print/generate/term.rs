//! Types, literals and terms.

use super::Generator;
use crate::ast::*;
use crate::types::NativeType;
use arbitrary::Result;

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn native(&mut self) -> Result<NativeType> {
        self.choose(NativeType::ALL)
    }

    pub(super) fn type_name(&mut self) -> Result<TypeName> {
        self.nested(3, 9, |it, choice| {
            Ok(match choice {
                0 => TypeName::Native(it.native()?),
                1 => TypeName::User(it.qualified()?),
                2 => TypeName::Custom(it.text()?),
                3 => TypeName::List(Box::new(it.type_name()?)),
                4 => TypeName::Set(Box::new(it.type_name()?)),
                5 => TypeName::Map(Box::new(it.type_name()?), Box::new(it.type_name()?)),
                6 => match it.type_name()? {
                    // Nothing to freeze: the parser refuses it.
                    scalar @ (TypeName::Native(_) | TypeName::Custom(_)) => scalar,
                    inner => TypeName::Frozen(Box::new(inner)),
                },
                7 => TypeName::Tuple(it.some(Self::type_name)?),
                _ => TypeName::Vector(Box::new(it.type_name()?), it.bytes.arbitrary()?),
            })
        })
    }

    pub(super) fn constant(&mut self) -> Result<Literal> {
        Ok(match self.below(7)? {
            0 => Literal::Boolean(self.flag()?),
            1 => Literal::integer(self.bytes.arbitrary()?),
            2 => {
                let floats = ["1.5", "-1.", "1e5", "-2.5E-10", "NaN", "Infinity", "-Infinity", "007.0"];
                Literal::Float(self.choose(&floats)?.into())
            }
            3 => Literal::String(self.text()?),
            4 => Literal::Uuid(uuid::Uuid::from_bytes(self.bytes.arbitrary()?)),
            5 => Literal::Hex(self.choose(&["", "0", "cafe", "CAFE01"])?.into()),
            _ => Literal::Duration(self.choose(&["1d", "-1h30m", "P1Y", "-PT5M", "P2W", "1\u{b5}s"])?.into()),
        })
    }

    pub(super) fn marker(&mut self) -> Result<Marker> {
        Ok(Marker { index: 0, name: self.optional(Self::name)? })
    }

    pub(super) fn integer_or_marker(&mut self) -> Result<Term> {
        Ok(match self.below(2)? {
            0 => Term::Literal(Literal::integer(self.bytes.arbitrary()?)),
            _ => Term::Marker(self.marker()?),
        })
    }

    pub(super) fn operator(&mut self, multiplication: bool) -> Result<ArithmeticOperator> {
        use ArithmeticOperator::{Add, Divide, Modulo, Multiply, Subtract};
        if multiplication { self.choose(&[Multiply, Divide, Modulo]) } else { self.choose(&[Add, Subtract]) }
    }

    /// A value.
    pub(super) fn term(&mut self) -> Result<Term> {
        self.expression_over(false)
    }

    /// An expression over columns.
    pub(super) fn selectable(&mut self) -> Result<Term> {
        self.expression_over(true)
    }

    fn expression_over(&mut self, columns: bool) -> Result<Term> {
        let before = std::mem::replace(&mut self.over_columns, columns);
        let expression = self.expression();
        self.over_columns = before;
        expression
    }

    fn expression(&mut self) -> Result<Term> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.product();
            }
            let left = if it.flag()? { it.expression()? } else { it.product()? };
            Ok(Term::Arithmetic(it.operator(false)?, Box::new(left), Box::new(it.product()?)))
        })
    }

    fn product(&mut self) -> Result<Term> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.signed();
            }
            let left = it.product()?;
            Ok(Term::Arithmetic(it.operator(true)?, Box::new(left), Box::new(it.signed()?)))
        })
    }

    fn signed(&mut self) -> Result<Term> {
        self.nested(1, 4, |it, choice| match (choice, it.over_columns) {
            (3, true) => Ok(Term::Negation(Box::new(it.signed()?))),
            (3, false) => Ok(Term::Negation(Box::new(it.simple_term()?))),
            (_, true) => {
                let receiver = it.simple_selectable()?;
                it.modified(receiver)
            }
            (_, false) => it.simple_term(),
        })
    }

    /// Without operators and modifiers.
    fn simple_term(&mut self) -> Result<Term> {
        if self.over_columns {
            return self.simple_selectable();
        }
        self.common_term()
    }

    /// What is a simple term anywhere.
    pub(super) fn common_term(&mut self) -> Result<Term> {
        self.nested(3, 11, |it, choice| {
            Ok(match choice {
                0 => Term::Literal(it.constant()?),
                1 => Term::Literal(Literal::Null),
                2 => Term::Marker(it.marker()?),
                3 => Term::List(it.any(Self::expression)?),
                4 => Term::Set(it.any(Self::expression)?),
                5 if it.over_columns => Term::Map(it.pairs(Self::selectable_key, Self::expression)?),
                5 => Term::Map(it.pairs(Self::expression, Self::expression)?),
                6 if it.over_columns => Term::Column(it.name()?),
                6 => Term::UserType(it.pairs(Self::name, Self::expression)?),
                7 => Term::Tuple(it.some(Self::expression)?),
                8 => Term::Function(it.qualified()?, it.any(Self::expression)?),
                9 if it.over_columns => Term::Cast(Box::new(it.expression()?), it.native()?),
                9 => Term::Cast(Box::new(it.simple_term()?), it.native()?),
                _ => Term::TypeHint(it.type_name()?, Box::new(it.simple_term()?)),
            })
        })
    }
}
