//! What is said of text that is not CQL: Cassandra's wording, so that people and drivers recognise it, with a place where
//! Cassandra tells one.

use crate::lexer::{Token, TokenKind, Word};
use std::fmt;

/// A syntax error: what is wrong, after `line L:C ` when it is wrong at a place (lines from 1, characters from 0).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    message: String,
}

/// What parsing returns. The error is boxed: it is rare, and results travel through every call.
pub(super) type Parsing<T> = Result<T, Box<Failure>>;

/// Where and why parsing went no further. It becomes words only when nothing else is tried, since finding its line takes time.
#[derive(Debug)]
pub(super) struct Failure {
    /// The index of the token.
    pub(super) token: usize,
    pub(super) problem: Problem,
}

/// At most this many tokens and gaps before the offending one are quoted.
const SNIPPET_TOKENS: usize = 10;
/// At most this many characters of one token or snippet are quoted.
const QUOTED_CHARACTERS: usize = 200;

impl SyntaxError {
    /// An error at a byte offset.
    fn at(text: &str, offset: usize, message: impl fmt::Display) -> SyntaxError {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count();
        SyntaxError { message: format!("line {line}:{column} {message}") }
    }

    /// An error at a byte where no token starts.
    pub(super) fn at_character(text: &str, offset: usize) -> SyntaxError {
        let character = text[offset..].chars().next();
        match character {
            Some(quote @ ('\'' | '"')) => {
                SyntaxError::at(text, text.len(), format_args!("mismatched character '<EOF>' expecting '{quote}'"))
            }
            Some(other) => SyntaxError::at(text, offset, format_args!("no viable alternative at character '{other}'")),
            None => SyntaxError::at(text, offset, "no viable alternative at character '<EOF>'"),
        }
    }

    /// A failure in words: what is wrong with its token, and what stands before it.
    pub(super) fn of(text: &str, tokens: &[Token], failure: Failure) -> SyntaxError {
        let index = failure.token;
        let token = tokens[index.min(tokens.len() - 1)];
        let input = match token.kind {
            TokenKind::End => "<EOF>".to_string(),
            TokenKind::QuotedName if token.end - token.start == 2 => "\"\"".to_string(),
            TokenKind::String | TokenKind::QuotedName => {
                abbreviated(&text[token.start as usize + 1..token.end as usize - 1])
            }
            _ => abbreviated(&text[token.start as usize..token.end as usize]),
        };
        let mut message = match failure.problem {
            Problem::Message(message) => return SyntaxError { message },
            Problem::NoAlternative => format!("no viable alternative at input '{input}'"),
            // Cassandra's own names of its keywords.
            Problem::Expected(kind @ TokenKind::Word(Word::Keyword(_))) => {
                format!("mismatched input '{input}' expecting K_{}", kind.expected().to_uppercase())
            }
            Problem::Expected(kind) => format!("mismatched input '{input}' expecting {}", kind.expected()),
        };
        if token.kind == TokenKind::End {
            return SyntaxError { message: format!("line 0:-1 {message}") };
        }
        message.push_str(&snippet(text, tokens, index));
        SyntaxError::at(text, token.start as usize, message)
    }
}

/// What is wrong with a token.
#[derive(Debug)]
pub(super) enum Problem {
    /// None of several continuations fits.
    NoAlternative,
    /// Only this would fit.
    Expected(TokenKind),
    /// Something else.
    Message(String),
}

fn abbreviated(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

/// ` (...before [offending]...)`, without line breaks.
fn snippet(text: &str, tokens: &[Token], index: usize) -> String {
    let offending = tokens[index];
    let mut from = offending.start as usize;
    let mut quoted = 0;
    // Cassandra counts the gaps between tokens as tokens.
    for pair in tokens[..=index].windows(2).rev() {
        quoted += 1;
        if pair[0].end < pair[1].start {
            if quoted == SNIPPET_TOKENS {
                from = pair[0].end as usize;
                break;
            }
            quoted += 1;
        }
        from = pair[0].start as usize;
        if quoted >= SNIPPET_TOKENS {
            break;
        }
    }
    let before = &text[from..offending.start as usize];
    let skipped = before.chars().count().saturating_sub(QUOTED_CHARACTERS);
    let before: String = before.chars().skip(skipped).filter(|character| !matches!(character, '\n' | '\r')).collect();
    let start = if from == 0 && skipped == 0 { "" } else { "..." };
    // Of quoted tokens Cassandra quotes as many characters as are between the quotes.
    let cut = match offending.kind {
        TokenKind::String | TokenKind::QuotedName if offending.end - offending.start > 2 => 2,
        _ => 0,
    };
    let end = if offending.end as usize - cut == text.trim_end().len() { "" } else { "..." };
    let quoted = &text[offending.start as usize..offending.end as usize];
    let kept = quoted.chars().count().saturating_sub(cut);
    let token = abbreviated(&quoted.chars().take(kept).collect::<String>());
    format!(" ({start}{before}[{token}]{end})")
}
