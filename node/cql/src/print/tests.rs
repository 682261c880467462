//! Printing and parsing are inverse, over thousands of random trees; and no text whatever upsets the parser.

use super::generate::Generator;
use crate::ast::Statement;
use crate::keyword::Keyword;
use crate::parser::{parse, parse_relations, parse_term, parse_type, parse_unnumbered};
use arbitrary::Unstructured;

/// Bytes that look random and are the same at every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 32) as u8).collect()
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 32) as usize % limit
    }
}

fn trees(seed: u64, count: usize) -> impl Iterator<Item = Statement> {
    let mut noise = Noise(seed);
    (0..count).map(move |_| {
        let length = 50 + noise.below(1000);
        let bytes = noise.bytes(length);
        Generator::new(&mut Unstructured::new(&bytes)).statement().expect("missing bytes are zeros")
    })
}

#[test]
fn what_is_printed_is_read_as_the_same_tree() {
    for tree in trees(42, 20_000) {
        let text = tree.to_string();
        match parse_unnumbered(&text) {
            Ok(read) => assert_eq!(read, tree, "{text}"),
            Err(error) => panic!("{text}\n{error}\n{tree:?}"),
        }
    }
}

/// All parsers on a text: each answers, in bounded time and without a panic.
fn parse_everything(text: &str) {
    if let Ok(parsed) = parse(text) {
        let printed = parsed.statement.to_string();
        match parse(&printed) {
            Ok(again) => assert_eq!(again, parsed, "{text}\n{printed}"),
            Err(error) => panic!("{text}\n{printed}\n{error}"),
        }
    }
    let _ = parse_term(text);
    let _ = parse_type(text);
    let _ = parse_relations(text);
}

#[test]
fn arbitrary_bytes_are_answered() {
    let mut noise = Noise(7);
    for _ in 0..3000 {
        let length = noise.below(200);
        let bytes = noise.bytes(length);
        parse_everything(&String::from_utf8_lossy(&bytes));
        let ascii: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
        parse_everything(&String::from_utf8_lossy(&ascii));
    }
}

#[test]
fn token_soup_is_answered() {
    const OTHERS: [&str; 48] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "<=",
        ">=",
        "!=",
        "=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "+=",
        "-=",
        ",",
        ";",
        ":",
        ".",
        "..",
        "?",
        "'s'",
        "\"q\"",
        "\"\"",
        "$$d$$",
        "a",
        "b",
        "ks",
        "1",
        "-1",
        "1.5",
        "0xff",
        "1h",
        "P1D",
        ":m",
        "00000000-0000-0000-0000-000000000000",
        "f(",
        "(int)",
        "expr(",
        "= 1",
        "(a, b)",
        "WITH x =",
        "--c\n",
        "/* */",
    ];
    let mut noise = Noise(9);
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..noise.below(30) {
            let piece = match noise.below(2) {
                0 => Keyword::ALL[noise.below(Keyword::ALL.len())].text(),
                _ => OTHERS[noise.below(OTHERS.len())],
            };
            text.push_str(piece);
            text.push_str(if noise.below(8) == 0 { "" } else { " " });
        }
        parse_everything(&text);
    }
}

/// Valid statements with a piece cut out, doubled or exchanged: closer to what people type than soup.
#[test]
fn damaged_statements_are_answered() {
    let mut noise = Noise(11);
    for tree in trees(12, 5000) {
        let text = tree.to_string();
        let mut pieces: Vec<&str> = text.split_inclusive(' ').collect();
        for _ in 0..1 + noise.below(3) {
            let (place, other) = (noise.below(pieces.len()), noise.below(pieces.len()));
            match noise.below(3) {
                0 if pieces.len() > 1 => {
                    pieces.remove(place);
                }
                1 => pieces.insert(place, pieces[other]),
                _ => pieces.swap(place, other),
            }
        }
        parse_everything(&pieces.concat());
        let cut = noise.below(text.len() + 1);
        parse_everything(&text.chars().take(cut).collect::<String>());
    }
}
