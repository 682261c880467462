//! The format of a conformance file (described for people in tests/conformance/README.md): comments, statements with their
//! directives, recorded answers. Reading and writing a file back changes nothing but the answers that were recorded anew.

use super::answer::Ignored;
use std::fmt::Write;
use trefoil_cql::protocol::{Consistency, ProtocolVersion};

/// A file: steps, and the lines between them.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// In the order of the file.
    pub parts: Vec<Part>,
}

/// A part of a file.
#[derive(Clone, Debug)]
pub enum Part {
    /// A comment or an empty line.
    Line(String),
    /// A statement and its answer.
    Step(Step),
}

/// A statement and its answer.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Where it stands in its file.
    pub line: usize,
    /// The statement as it is written, one entry a line.
    pub statement: Vec<String>,
    /// The directives as they are written.
    pub directives: Vec<String>,
    /// What Cassandra answered.
    pub answer: Vec<String>,
    /// Why Trefoil answers something else, and what.
    pub differs: Option<(String, Vec<String>)>,
}

/// How a statement is to be run and compared.
#[derive(Clone, Debug)]
pub struct Options {
    /// The line of bound values; prepared and executed with them.
    pub bind: Option<String>,
    /// Only prepared: the answer is what PREPARED says.
    pub prepare: bool,
    /// Rows a page; all pages are fetched.
    pub page: Option<i32>,
    /// Consistency level.
    pub consistency: Consistency,
    /// Consistency level of conditions.
    pub serial: Option<Consistency>,
    /// The timestamp of the request.
    pub timestamp: Option<i64>,
    /// Seconds since 1970 of the request (version 5).
    pub now: Option<i32>,
    /// The keyspace of the request (version 5).
    pub keyspace: Option<String>,
    /// Version of the protocol.
    pub protocol: ProtocolVersion,
    /// The wording of errors and warnings counts.
    pub text: bool,
    /// What is left out of the answer.
    pub ignored: Ignored,
    /// Run for each of these numbers, written `$i`; the last answer counts, or the first error.
    pub each: Option<(i64, i64)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            bind: None,
            prepare: false,
            page: None,
            consistency: Consistency::LocalQuorum,
            serial: None,
            timestamp: None,
            now: None,
            keyspace: None,
            protocol: ProtocolVersion::NEWEST,
            text: false,
            ignored: Ignored::default(),
            each: None,
        }
    }
}

const DIRECTIVES: [&str; 13] = [
    "bind",
    "prepare",
    "page",
    "consistency",
    "serial",
    "timestamp",
    "now",
    "keyspace",
    "protocol",
    "text",
    "unordered",
    "ignore",
    "each",
];

impl Script {
    /// Reads a file.
    ///
    /// # Errors
    /// In words, with the line, when the text is no such file.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script::default();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            if line.is_empty() || line.starts_with('#') {
                script.parts.push(Part::Line(line.to_owned()));
                continue;
            }
            let Some(first) = line.strip_prefix("> ") else {
                return Err(format!("line {}: neither comment nor statement: {line}", index + 1));
            };
            let mut step = Step { line: index + 1, statement: vec![first.to_owned()], ..Step::default() };
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with("  ")) {
                step.statement.push(line.to_owned());
            }
            while let Some((_, line)) = lines.next_if(|(_, line)| is_directive(line)) {
                step.directives.push(line.to_owned());
            }
            while let Some((_, line)) = lines.next_if(|(_, line)| !is_end(line)) {
                match (line.strip_prefix("differs: "), &mut step.differs) {
                    (Some(reason), None) if !step.answer.is_empty() => step.differs = Some((reason.to_owned(), vec![])),
                    (_, Some((_, own))) => own.push(line.to_owned()),
                    (_, None) => step.answer.push(line.to_owned()),
                }
            }
            step.options().map_err(|error| format!("line {}: {error}", step.line))?;
            script.parts.push(Part::Step(step));
        }
        Ok(script)
    }

    /// The steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.parts.iter().filter_map(|part| match part {
            Part::Step(step) => Some(step),
            Part::Line(_) => None,
        })
    }

    /// The steps, to record answers.
    pub fn steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        self.parts.iter_mut().filter_map(|part| match part {
            Part::Step(step) => Some(step),
            Part::Line(_) => None,
        })
    }

    /// The text of the file.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = String::new();
        let mut after_step = false;
        for part in &self.parts {
            match part {
                Part::Line(line) => {
                    let _ = writeln!(out, "{line}");
                }
                Part::Step(step) => {
                    if after_step {
                        out.push('\n');
                    }
                    step.print(&mut out);
                }
            }
            after_step = matches!(part, Part::Step(_));
        }
        out
    }
}

impl Step {
    /// A statement with directives and no answer yet.
    pub fn new(statement: impl Into<String>, directives: Vec<String>) -> Step {
        Step { statement: vec![statement.into()], directives, ..Step::default() }
    }

    /// The text of the statement.
    #[must_use]
    pub fn text(&self) -> String {
        self.statement.join("\n")
    }

    /// What the directives say.
    ///
    /// # Errors
    /// In words, when one of them is wrong.
    pub fn options(&self) -> Result<Options, String> {
        let mut options = Options::default();
        for directive in &self.directives {
            let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
            read_directive(name, rest.trim(), &mut options).ok_or_else(|| format!("wrong directive: {directive}"))?;
        }
        Ok(options)
    }

    /// As it stands in a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.print(&mut out);
        out
    }

    fn print(&self, out: &mut String) {
        out.push_str("> ");
        for line in self.statement.iter().chain(&self.directives).chain(&self.answer) {
            let _ = writeln!(out, "{line}");
        }
        if let Some((reason, own)) = &self.differs {
            let _ = writeln!(out, "differs: {reason}");
            for line in own {
                let _ = writeln!(out, "{line}");
            }
        }
    }
}

fn is_directive(line: &str) -> bool {
    DIRECTIVES.contains(&line.split(' ').next().unwrap_or_default())
}

fn is_end(line: &str) -> bool {
    line.is_empty() || line.starts_with("> ") || line.starts_with('#')
}

fn read_directive(name: &str, rest: &str, options: &mut Options) -> Option<()> {
    let level = || Consistency::ALL.into_iter().find(|level| level.name() == rest);
    match name {
        "bind" => options.bind = Some(rest.to_owned()),
        "prepare" => options.prepare = true,
        "page" => options.page = Some(rest.parse().ok()?),
        "consistency" => options.consistency = level()?,
        "serial" => options.serial = Some(level()?),
        "timestamp" => options.timestamp = Some(rest.parse().ok()?),
        "now" => options.now = Some(rest.parse().ok()?),
        "keyspace" => options.keyspace = Some(rest.to_owned()),
        "protocol" => options.protocol = ProtocolVersion::from_number(rest.parse().ok()?)?,
        "text" => options.text = true,
        "unordered" => options.ignored.order = true,
        "ignore" => options.ignored.columns = rest.split(", ").map(str::to_owned).collect(),
        "each" => {
            let (first, last) = rest.split_once("..")?;
            options.each = Some((first.parse().ok()?, last.parse().ok()?));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Topic.

> CREATE TABLE t
  (k int PRIMARY KEY)
created table $KS.t

> SELECT * FROM t WHERE k = ?
bind 1
page 2
k: int
1

# More.
> SELECT ttl(v) FROM t
text
error invalid: no
differs: not yet: because
ttl(v): int
";

    #[test]
    fn a_file_reads_and_prints_the_same() {
        let script = Script::parse(FILE).expect("a file");
        assert_eq!(script.print(), FILE);
        let steps: Vec<&Step> = script.steps().collect();
        assert_eq!(steps[0].text(), "CREATE TABLE t\n  (k int PRIMARY KEY)");
        assert_eq!(steps[1].answer, ["k: int", "1"]);
        assert_eq!(steps[1].options().expect("options").page, Some(2));
        assert_eq!(steps[2].differs, Some(("not yet: because".to_owned(), vec!["ttl(v): int".to_owned()])));
        assert!(steps[2].options().expect("options").text);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        assert!(Script::parse("SELECT 1").is_err());
        assert!(Script::parse("> SELECT 1\npage x\n").is_err());
        assert!(Script::parse("> SELECT 1\nconsistency SOME\n").is_err());
    }
}
