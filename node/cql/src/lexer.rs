//! Text into tokens. Rules and precedence are Cassandra's: the longest match wins, a duration such as `P1Y` is not a name,
//! a minus belongs to the digits that follow it without a space. Every token keeps its span; nothing is copied.

use crate::keyword::Keyword;
use logos::Logos;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Logos)]
#[logos(skip r"[ \t\r\n\f\u{feff}]+")]
#[logos(skip(r"(--|//)[^\n\r]*", allow_greedy = true))]
#[logos(skip r"/\*([^*]|\*+[^*/])*\*+/")]
pub enum TokenKind {
    /// A word without quotes that is no keyword.
    #[regex("[A-Za-z][A-Za-z0-9_]*", word)]
    Word(Word),
    /// `"..."`
    #[regex(r#""([^"]|"")*""#)]
    QuotedName,
    /// `'...'`
    #[regex(r"'([^']|'')*'")]
    String,
    /// `$$...$$`
    #[regex(r"\$\$([^$]|\$[^$])*\$\$")]
    DollarString,
    /// `123`, `-123`
    #[regex("-?[0-9]+", priority = 10)]
    Integer,
    /// `1.5`, `1.`, `1e5`
    #[regex(r"-?[0-9]+\.([0-9]*)([eE][+-]?[0-9]+)?")]
    #[regex(r"-?[0-9]+[eE][+-]?[0-9]+")]
    Float,
    /// `1..`: an integer and the start of a range, which `tokenize` takes apart.
    #[regex(r"-?[0-9]+\.\.")]
    IntegerRange,
    /// `1...`: a float and the start of a range, which `tokenize` takes apart.
    #[regex(r"-?[0-9]+\.\.\.")]
    FloatRange,
    /// `-NaN`
    #[regex("-[nN][aA][nN]")]
    NegativeNan,
    /// `-Infinity`
    #[regex("-[iI][nN][fF][iI][nN][iI][tT][yY]")]
    NegativeInfinity,
    /// `1h30m` and the ISO 8601 forms
    #[regex(
        "-?[0-9]+([yYwWdDhHsSmM]|[mM][oO]|[mMuUnN\u{b5}][sS])([0-9]+([yYwWdDhHsSmM]|[mM][oO]|[mMuUnN\u{b5}][sS]))*",
        priority = 20
    )]
    #[regex("-?P[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", priority = 20)]
    #[regex("-?P[0-9]+W", priority = 20)]
    #[regex("-?P([0-9]+Y([0-9]+M)?([0-9]+D)?|[0-9]+M([0-9]+D)?|[0-9]+D)", priority = 20)]
    #[regex("-?PT([0-9]+H([0-9]+M)?([0-9]+S)?|[0-9]+M([0-9]+S)?|[0-9]+S)", priority = 20)]
    #[regex(
        "-?P([0-9]+Y([0-9]+M)?([0-9]+D)?|[0-9]+M([0-9]+D)?|[0-9]+D)T([0-9]+H([0-9]+M)?([0-9]+S)?|[0-9]+M([0-9]+S)?|[0-9]+S)",
        priority = 20
    )]
    Duration,
    /// `0x...`
    #[regex("0[xX][0-9a-fA-F]*", priority = 20)]
    Hex,
    /// A uuid without quotes
    #[regex("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", priority = 30)]
    Uuid,
    /// `?`
    #[token("?")]
    Question,
    /// `:`
    #[token(":")]
    Colon,
    /// `;`
    #[token(";")]
    Semicolon,
    /// `,`
    #[token(",")]
    Comma,
    /// `.`
    #[token(".")]
    Dot,
    /// `..`
    #[token("..")]
    Range,
    /// `(`
    #[token("(")]
    LeftParenthesis,
    /// `)`
    #[token(")")]
    RightParenthesis,
    /// `[`
    #[token("[")]
    LeftBracket,
    /// `]`
    #[token("]")]
    RightBracket,
    /// `{`
    #[token("{")]
    LeftBrace,
    /// `}`
    #[token("}")]
    RightBrace,
    /// `+`
    #[token("+")]
    Plus,
    /// `-`
    #[token("-")]
    Minus,
    /// `*`
    #[token("*")]
    Star,
    /// `/`
    #[token("/")]
    Slash,
    /// `%`
    #[token("%")]
    Percent,
    /// `+=`
    #[token("+=")]
    PlusEqual,
    /// `-=`
    #[token("-=")]
    MinusEqual,
    /// `=`
    #[token("=")]
    Equal,
    /// `!=`
    #[token("!=")]
    NotEqual,
    /// `<`
    #[token("<")]
    Less,
    /// `<=`
    #[token("<=")]
    LessOrEqual,
    /// `>`
    #[token(">")]
    Greater,
    /// `>=`
    #[token(">=")]
    GreaterOrEqual,
    /// After the last token.
    End,
}

/// A word: a keyword or not. (A type of its own, so that the lexer decides in one look-up.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Only a name.
    Plain,
    /// A keyword, which may be a name, too.
    Keyword(Keyword),
}

fn word(lexer: &mut logos::Lexer<'_, TokenKind>) -> Word {
    match Keyword::from_word(lexer.slice()) {
        Some(keyword) => Word::Keyword(keyword),
        None => Word::Plain,
    }
}

impl TokenKind {
    /// How an error message calls a token that it expected.
    pub fn expected(self) -> &'static str {
        match self {
            TokenKind::Word(Word::Plain) => "IDENT",
            TokenKind::Word(Word::Keyword(keyword)) => keyword.text(),
            TokenKind::QuotedName => "QUOTED_NAME",
            TokenKind::String | TokenKind::DollarString => "STRING_LITERAL",
            TokenKind::Integer | TokenKind::IntegerRange => "INTEGER",
            TokenKind::Float | TokenKind::FloatRange => "FLOAT",
            TokenKind::NegativeNan => "'-NaN'",
            TokenKind::NegativeInfinity => "'-Infinity'",
            TokenKind::Duration => "DURATION",
            TokenKind::Hex => "HEXNUMBER",
            TokenKind::Uuid => "UUID",
            TokenKind::Question => "'?'",
            TokenKind::Colon => "':'",
            TokenKind::Semicolon => "';'",
            TokenKind::Comma => "','",
            TokenKind::Dot => "'.'",
            TokenKind::Range => "'..'",
            TokenKind::LeftParenthesis => "'('",
            TokenKind::RightParenthesis => "')'",
            TokenKind::LeftBracket => "'['",
            TokenKind::RightBracket => "']'",
            TokenKind::LeftBrace => "'{'",
            TokenKind::RightBrace => "'}'",
            TokenKind::Plus => "'+'",
            TokenKind::Minus => "'-'",
            TokenKind::Star => "'*'",
            TokenKind::Slash => "'/'",
            TokenKind::Percent => "'%'",
            TokenKind::PlusEqual => "'+='",
            TokenKind::MinusEqual => "'-='",
            TokenKind::Equal => "'='",
            TokenKind::NotEqual => "'!='",
            TokenKind::Less => "'<'",
            TokenKind::LessOrEqual => "'<='",
            TokenKind::Greater => "'>'",
            TokenKind::GreaterOrEqual => "'>='",
            TokenKind::End => "EOF",
        }
    }
}

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
}

/// A place where no token starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCharacter {
    /// The byte offset.
    pub offset: usize,
}

/// All tokens of a text, `End` last.
pub fn tokenize(text: &str) -> Result<Vec<Token>, BadCharacter> {
    if u32::try_from(text.len()).is_err() {
        return Err(BadCharacter { offset: 0 });
    }
    let mut tokens = Vec::with_capacity(text.len() / 5 + 4);
    let mut lexer = TokenKind::lexer(text);
    let mut push = |kind, start: usize, end: usize| tokens.push(Token { kind, start: start as u32, end: end as u32 });
    while let Some(kind) = lexer.next() {
        let span = lexer.span();
        match kind {
            Ok(TokenKind::IntegerRange) => {
                push(TokenKind::Integer, span.start, span.end - 2);
                push(TokenKind::Range, span.end - 2, span.end);
            }
            Ok(TokenKind::FloatRange) => {
                push(TokenKind::Float, span.start, span.end - 2);
                push(TokenKind::Range, span.end - 2, span.end);
            }
            Ok(kind) => push(kind, span.start, span.end),
            Err(()) => return Err(BadCharacter { offset: span.start }),
        }
    }
    push(TokenKind::End, text.len(), text.len());
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        let tokens = tokenize(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        tokens.iter().map(|token| (token.kind, &text[token.start as usize..token.end as usize])).collect()
    }

    fn single(text: &str) -> TokenKind {
        let kinds = kinds(text);
        assert_eq!(kinds.len(), 2, "{text} is not one token: {kinds:?}");
        kinds[0].0
    }

    #[test]
    fn each_kind_is_recognised() {
        for (text, kind) in [
            ("abc_1", TokenKind::Word(Word::Plain)),
            ("SeLeCt", TokenKind::Word(Word::Keyword(Keyword::Select))),
            ("\"a \"\" b\"", TokenKind::QuotedName),
            ("\"\"", TokenKind::QuotedName),
            ("'it''s'", TokenKind::String),
            ("''", TokenKind::String),
            ("'\n-- no comment'", TokenKind::String),
            ("$$a'$b$$", TokenKind::DollarString),
            ("$$$$", TokenKind::DollarString),
            ("007", TokenKind::Integer),
            ("-1", TokenKind::Integer),
            ("1.", TokenKind::Float),
            ("-1.50", TokenKind::Float),
            ("1e10", TokenKind::Float),
            ("1.e-1", TokenKind::Float),
            ("-1.5E+10", TokenKind::Float),
            ("-NaN", TokenKind::NegativeNan),
            ("-infinity", TokenKind::NegativeInfinity),
            ("0x", TokenKind::Hex),
            ("0XdeadBEEf", TokenKind::Hex),
            ("550e8400-e29b-41d4-a716-446655440000", TokenKind::Uuid),
            ("abcdef00-e29b-41d4-a716-446655440000", TokenKind::Uuid),
            ("12345678-1234-1234-1234-123456789012", TokenKind::Uuid),
            ("1h30m", TokenKind::Duration),
            ("-1Y2mo3W4d5H6m7s8ms9us10ns", TokenKind::Duration),
            ("1\u{b5}s", TokenKind::Duration),
            ("P1Y2M3DT4H5M6S", TokenKind::Duration),
            ("-P1D", TokenKind::Duration),
            ("PT5M", TokenKind::Duration),
            ("P2W", TokenKind::Duration),
            ("P0001-02-03T04:05:06", TokenKind::Duration),
            ("p1d", TokenKind::Word(Word::Plain)),
            ("P1DX", TokenKind::Word(Word::Plain)),
            ("true", TokenKind::Word(Word::Keyword(Keyword::True))),
            ("truely", TokenKind::Word(Word::Plain)),
        ] {
            assert_eq!(single(text), kind, "{text}");
        }
    }

    #[test]
    fn ranges_are_not_floats() {
        let kinds_of = |text| kinds(text).into_iter().map(|(_, slice)| slice).collect::<Vec<_>>();
        assert_eq!(kinds_of("1..2"), ["1", "..", "2", ""]);
        assert_eq!(kinds_of("1.5..2.5"), ["1.5", "..", "2.5", ""]);
        assert_eq!(kinds_of("1...2"), ["1.", "..", "2", ""]);
        assert_eq!(kinds_of("?..?"), ["?", "..", "?", ""]);
        assert_eq!(kinds_of("a-1"), ["a", "-1", ""]);
        assert_eq!(kinds_of("a - 1"), ["a", "-", "1", ""]);
        assert_eq!(kinds_of("c+=1"), ["c", "+=", "1", ""]);
    }

    #[test]
    fn comments_and_spaces_vanish() {
        let text = "a -- x\n b // y\r c /* z * ** */ d /**/ e\t\u{feff}f --";
        let words: Vec<_> = kinds(text).into_iter().map(|(_, slice)| slice).collect();
        assert_eq!(words, ["a", "b", "c", "d", "e", "f", ""]);
    }

    #[test]
    fn bad_characters_have_a_place() {
        for (text, offset) in [("a ! b", 2), ("é", 0), ("a 'open", 2), ("a \"open", 2), ("$ $", 0), ("$$ open $", 0)] {
            assert_eq!(tokenize(text), Err(BadCharacter { offset }), "{text}");
        }
    }
}
