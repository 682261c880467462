//! Two that are compared: a program runs on both from nothing until they answer differently, and a difference is shrunk to the few
//! statements that it takes. Differences whose cause is known (`explain`) are counted, and the program goes on; nothing else
//! may be passed over.

use crate::explain::{Difference, Explanation, changes_nothing, may_read_another_row};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use trefoil_cql::protocol::response::{QueryResult, Response, ResponseEnvelope};
use trefoil_sim::language::interpreter::{Answer, Interpreter};
use trefoil_sim::language::program::{Program, Request, Statement, Table};
use trefoil_tests::client::ClientError;
use trefoil_tests::conformance::answer::{self, Ignored, same};
use trefoil_tests::conformance::script::Step;
use trefoil_tests::conformance::session::Session;

/// The two that are compared, the right one being the judge.
pub struct Pair {
    left: Left,
    right: Session,
}

/// Who is under test.
enum Left {
    Server(Session),
    Interpreter,
}

/// What was found out about a program.
pub struct Run {
    /// What the right one answered, definitions first, statement by statement.
    pub right: Vec<Vec<String>>,
    /// The left one's answer to the last statement, if they differ there.
    pub difference: Option<Vec<String>>,
    /// How many differences have which cause.
    pub explained: BTreeMap<Explanation, u64>,
}

type Answers = (Vec<String>, Vec<String>);

impl Pair {
    /// Make a keyspace on both; without a left server the interpreter is under test.
    pub async fn open(left: Option<SocketAddr>, right: SocketAddr, keyspace: &str) -> Result<Pair, ClientError> {
        let left = match left {
            Some(address) => Left::Server(Session::open(address, keyspace).await?),
            None => Left::Interpreter,
        };
        Ok(Pair { left, right: Session::open(right, keyspace).await? })
    }

    /// Drop what is left.
    pub async fn close(self) -> Result<(), ClientError> {
        if let Left::Server(left) = self.left {
            left.close().await?;
        }
        self.right.close().await
    }

    /// Run a program on both from nothing, until answers differ.
    pub async fn run(&mut self, program: &Program) -> Run {
        let table = &program.table;
        let mut interpreter = Interpreter::new(table.clone());
        let mut run = Run { right: Vec::new(), difference: None, explained: BTreeMap::new() };
        for text in ["DROP TABLE IF EXISTS t", "DROP TYPE IF EXISTS u"] {
            self.both(&Step::new(text, Vec::new())).await;
        }
        for step in definitions(table) {
            let (left, right) = self.both(&step).await;
            run.right.push(right);
            if !same(&run.right[run.right.len() - 1], &left, false) {
                run.difference = Some(left);
                return run;
            }
        }
        for (at, request) in program.requests.iter().enumerate() {
            let (left, right) = self.answers(table, request, &mut interpreter).await;
            let is_same = same(&right, &left, false);
            run.right.push(right);
            let right = &run.right[run.right.len() - 1];
            if let Some(whole) = may_read_another_row(table, request) {
                let (left, right) = self.answers(table, &whole, &mut interpreter).await;
                if !is_same || !same(&right, &left, false) {
                    *run.explained.entry(Explanation::ListOfFirstRow).or_default() += 1;
                    return run;
                }
            }
            if is_same {
                continue;
            }
            let before: Vec<&Request> = program.requests[..at].iter().collect();
            let difference = Difference { table, before: &before, request, left: &left, right };
            let Some(explanation) = self.explanation(&difference, &mut interpreter).await else {
                run.difference = Some(left);
                return run;
            };
            *run.explained.entry(explanation).or_default() += 1;
            // What is written may differ from here on.
            let is_read = matches!(request.statement, Statement::Select(_));
            let unchanged = is_read || (changes_nothing(&left) && changes_nothing(right));
            if !unchanged {
                return run;
            }
        }
        run
    }

    async fn explanation(&mut self, difference: &Difference<'_>, interpreter: &mut Interpreter) -> Option<Explanation> {
        let (explanation, proof) = difference.explain()?;
        let is_proved = match proof.request() {
            None => true,
            Some(request) => {
                let (left, right) = self.answers(difference.table, request, interpreter).await;
                proof.holds(&left, &right, difference.left)
            }
        };
        is_proved.then_some(explanation)
    }

    /// What both answer to a step; the interpreter does not define anything and agrees.
    async fn both(&mut self, step: &Step) -> Answers {
        let right = self.right.play(step);
        let (left, right) = match &mut self.left {
            Left::Server(left) => tokio::join!(left.play(step), right),
            Left::Interpreter => {
                let right = right.await;
                (right.clone(), right)
            }
        };
        (plain(left), plain(right))
    }

    async fn answers(&mut self, table: &Table, request: &Request, interpreter: &mut Interpreter) -> Answers {
        let step = step(table, request);
        match &mut self.left {
            Left::Server(_) => self.both(&step).await,
            Left::Interpreter => match self.right.ask(&step).await {
                Ok(pages) => side_by_side(interpreter, request, pages),
                Err(error) => (plain(Err(error.clone())), plain(Err(error))),
            },
        }
    }

    /// Leave out requests as long as the last one's answers still differ.
    pub async fn shrink(&mut self, mut program: Program, mut run: Run) -> (Program, Run) {
        truncate(&mut program, &run);
        let mut size = program.requests.len() / 2;
        while size > 0 {
            let mut start = 0;
            while start + size < program.requests.len() {
                let mut shorter = program.clone();
                shorter.requests.drain(start..start + size);
                let again = self.run(&shorter).await;
                if again.difference.is_some() {
                    truncate(&mut shorter, &again);
                    (program, run) = (shorter, again);
                } else {
                    start += size;
                }
            }
            size /= 2;
        }
        (program, run)
    }
}

/// Leave out what did not run any more.
fn truncate(program: &mut Program, run: &Run) {
    program.requests.truncate(run.right.len().saturating_sub(definitions(&program.table).len()));
}

/// An answer without its warnings.
fn plain(answer: Result<Vec<String>, String>) -> Vec<String> {
    let mut lines = answer.unwrap_or_else(|error| vec![format!("no answer: {error}")]);
    lines.retain(|line| !line.starts_with("warning: "));
    lines
}

/// The interpreter's answer and a server's: the rows of all pages together, under the server's names of columns.
fn side_by_side(interpreter: &mut Interpreter, request: &Request, mut pages: Vec<ResponseEnvelope>) -> Answers {
    let lines = |pages: &[ResponseEnvelope]| {
        let mut lines = plain(Ok(answer::lines(pages, &Ignored::default())));
        lines.retain(|line| line != answer::PAGE_BREAK);
        lines
    };
    let right = lines(&pages);
    let left = match interpreter.answer(request) {
        Err(outside) => vec![outside.to_string()],
        Ok(Answer::Done) => vec!["ok".to_owned()],
        Ok(Answer::Refused(why)) => vec![format!("error invalid: {why}")],
        Ok(Answer::Rows(rows)) => match pages.first_mut().map(|page| &mut page.response) {
            Some(Response::Result(QueryResult::Rows(shown))) => {
                shown.row_count = rows.len();
                shown.cells = rows.into_iter().flatten().map(|cell| cell.map(Into::into)).collect();
                lines(&pages[..1])
            }
            _ => vec![format!("{} rows", rows.len())],
        },
    };
    (left, right)
}

/// What is defined before the requests of a program.
pub fn definitions(table: &Table) -> [Step; 2] {
    [Table::type_definition("u"), table.definition()].map(|text| Step::new(text, Vec::new()))
}

/// A request as it stands in a conformance file.
pub fn step(table: &Table, request: &Request) -> Step {
    let printed = table.print(request);
    let mut directives = Vec::new();
    if request.binds {
        let bound: Vec<String> = printed.bound.iter().map(|(term, _)| term.text()).collect();
        directives.push(format!("bind {}", bound.join(", ")).trim_end().to_owned());
    }
    directives.extend(request.page.map(|rows| format!("page {rows}")));
    directives.extend(request.now.map(|second| format!("now {second}")));
    Step::new(printed.text, directives)
}
