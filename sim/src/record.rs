//! The record of a run, kept only when somebody will look at it (replay, failure, diagram): what reached which node when, and
//! what it did. Runs without a record pay one branch per event.

use crate::world::queue::Time;
use std::fmt::Write;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A node got an input.
    Input,
    /// A node sent a message; it will arrive, perhaps.
    Send,
    /// Another effect of a node.
    Effect,
    /// A step at the level of the specification.
    Trace,
    /// A fault.
    Fault,
    /// A client began or ended an operation.
    Client,
    /// A node began or ended a life.
    Life,
}

impl Kind {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Input => "input",
            Kind::Send => "send",
            Kind::Effect => "effect",
            Kind::Trace => "trace",
            Kind::Fault => "fault",
            Kind::Client => "client",
            Kind::Life => "life",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Time,
    /// Where: a node's place, or that of the clients, or `EVERYWHERE`.
    pub place: usize,
    /// What kind of thing.
    pub kind: Kind,
    /// The other end of an arrow: where a message goes, and when it arrives.
    pub arrow: Option<(usize, Time)>,
    /// In words.
    pub text: String,
}

/// The place of things that happen to the whole world.
pub const EVERYWHERE: usize = usize::MAX;

/// All that was kept.
#[derive(Clone, Debug)]
pub struct Record {
    /// In order.
    pub lines: Vec<Line>,
    /// Lines beyond this many push the oldest out.
    limit: usize,
}

impl Record {
    /// Keep the last so many lines.
    #[must_use]
    pub fn new(limit: usize) -> Record {
        Record { lines: Vec::new(), limit }
    }

    /// Keep a line.
    pub fn push(&mut self, line: Line) {
        if self.lines.len() >= self.limit {
            self.lines.drain(..self.limit / 2);
        }
        self.lines.push(line);
    }

    /// As text, one line each: time, place, kind, words. The same columns always.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let place = if line.place == EVERYWHERE { "-".to_owned() } else { line.place.to_string() };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:>16} {place:>3} {:<6} {}", line.at.to_string(), line.kind.name(), line.text);
        }
        text
    }
}

/// A debug text cut to what a person reads.
#[must_use]
pub fn brief(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}...", &text[..end])
}
