//! CQL: the language, its types and the wire protocol. Pure functions, no I/O.
//!
//! `protocol` turns bytes into requests and responses into bytes; `parser` turns text into the syntax tree of `ast` and
//! `print` turns it back; `types` knows what values look like, how they compare and print.

pub mod ast;
pub mod keyword;
pub mod lexer;
pub mod parser;
pub mod print;
pub mod protocol;
pub mod token;
pub mod types;
