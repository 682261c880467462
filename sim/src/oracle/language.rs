//! **LANGUAGE**: a request is answered what CQL says that it means: a program alone on its table is answered as the reference
//! interpreter answers it, whatever its pages, and whatever happens to nodes meanwhile.
//!
//! Here: every lane that runs a generated program has a table of its own, and asks one thing after the other. A write whose outcome
//! its client does not know leaves the partitions that it names in doubt; they, and whatever is written together with them, are
//! not judged from there on, nor are reads that might show them. What the interpreter does not know breaks the promise, too:
//! the generator must not make it. Proved able to fail by `PartitionLimitForgottenBetweenPages` and `SmallerValueWinsTie`.

use super::Judged;
use crate::client::history::{Entry, History, Outcome, Seen};
use crate::language::interpreter::{Answer, Interpreter, Key, partitions};
use crate::language::program::{Request, Statement, Table};
use crate::plan::Plan;
use crate::plan::program::Operation;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Judge all generated programs.
pub(super) fn check(plan: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    for (number, table) in plan.tables.iter().enumerate() {
        program(table, number as u32, history)?;
    }
    Ok(())
}

fn program(table: &Table, number: u32, history: &History) -> Result<(), Judged> {
    let mut interpreter = Interpreter::new(table.clone());
    let mut doubtful: BTreeSet<Key> = BTreeSet::new();
    let mut said = Vec::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let request = match &entry.operation {
            Operation::Statement { table, request } if *table == number => request,
            _ => continue,
        };
        let writes = !matches!(request.statement, Statement::Select(_));
        let named = partitions(table, &request.statement);
        let touches_doubt =
            !doubtful.is_empty() && named.as_ref().is_none_or(|keys| keys.iter().any(|key| doubtful.contains(key)));
        let answered = match answered(entry, table, request) {
            Answered::This(answer) if !touches_doubt => answer,
            Answered::NotDone => continue,
            Answered::This(_) | Answered::Unknown => {
                if writes {
                    doubtful.extend(named.unwrap_or_default());
                }
                continue;
            }
        };
        let text = table.print(request).text;
        let meant = match interpreter.answer(request) {
            Ok(meant) => meant,
            Err(outside) => return Err(Judged::new("LANGUAGE", format!("{outside}: {text}"), vec![at])),
        };
        if !meant.is(&answered) {
            return Err(Judged::new("LANGUAGE", told(table, &said, request, &meant, &answered), vec![at]));
        }
        if writes {
            said.push(request);
        }
    }
    Ok(())
}

/// What a client knows of an answer.
enum Answered {
    /// It was this.
    This(Answer),
    /// Nothing has happened, nor will it.
    NotDone,
    /// Something may have happened, or may still.
    Unknown,
}

fn answered(entry: &Entry, table: &Table, request: &Request) -> Answered {
    let writes = !matches!(request.statement, Statement::Select(_));
    match &entry.outcome {
        Outcome::Ok(Seen::Answer(answer)) => Answered::This(answer.clone()),
        Outcome::Refused(why) if why.starts_with("invalid: ") => Answered::This(Answer::Refused(why.clone())),
        // What is no answer to such a request is not known to the interpreter either.
        Outcome::Ok(_) | Outcome::Refused(_) => Answered::This(Answer::Rows(vec![vec![None]])),
        // What may be sent again may have happened before it failed.
        Outcome::Failed(_) if writes && request.statement.is_idempotent(table) => Answered::Unknown,
        Outcome::Failed(_) => Answered::NotDone,
        Outcome::Unknown(_) | Outcome::Open => Answered::Unknown,
    }
}

/// The program so far, and where it went wrong.
fn told(table: &Table, said: &[&Request], request: &Request, meant: &Answer, answered: &Answer) -> String {
    let mut text = format!("an answer is not what the request means\n    {}", table.definition());
    let print = |request: &Request| {
        let printed = table.print(request);
        let bound: Vec<String> = printed.bound.iter().map(|(term, _)| term.text()).collect();
        if bound.is_empty() { printed.text } else { format!("{} <- {}", printed.text, bound.join(", ")) }
    };
    // The last writes are enough for a reader; a shrunk program has no more.
    for request in said.iter().skip(said.len().saturating_sub(30)) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n    {}", print(request));
    }
    let page = request.page.map_or(String::new(), |rows| format!(" (pages of {rows})"));
    let _ = write!(text, "\n    {}{page}\n    means    {meant:?}\n    answered {answered:?}", print(request));
    text
}
