//! `differential`: runs the same generated program (`trefoil_sim::language`) on two CQL servers and compares every answer. A program
//! whose answers differ is shrunk to a few statements and printed as a conformance file: expected is what the right server answered.

use clap::Parser;
use std::net::SocketAddr;
use std::process::ExitCode;
use trefoil_cql::protocol::response::{QueryResult, Response, ResponseEnvelope};
use trefoil_sim::language::generate::{Wanted, generate};
use trefoil_sim::language::interpreter::{Answer, Interpreter};
use trefoil_sim::language::program::{Program, Request, Table};
use trefoil_tests::client::ClientError;
use trefoil_tests::conformance::answer::{self, Ignored, same};
use trefoil_tests::conformance::script::Step;
use trefoil_tests::conformance::session::Session;

#[derive(Parser)]
#[command(about = "Compare two CQL servers statement by statement")]
struct Arguments {
    /// The server under test.
    #[arg(long, required_unless_present = "interpreter")]
    left: Option<SocketAddr>,
    /// Test the reference interpreter instead, with programs that it knows.
    #[arg(long)]
    interpreter: bool,
    /// The judge, a real Cassandra.
    #[arg(long)]
    right: SocketAddr,
    /// The first program's seed; each further program has the next.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Programs.
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Statements of a program.
    #[arg(long, default_value_t = 100)]
    statements: usize,
    /// Stop after so many programs with differences.
    #[arg(long, default_value_t = 10)]
    differences_max: usize,
    /// Print what is found without shrinking it.
    #[arg(long)]
    no_shrink: bool,
    /// Leave out programs in which requests say what time it is.
    #[arg(long)]
    no_request_time: bool,
}

/// The two that are compared.
struct Pair {
    left: Left,
    right: Session,
}

/// Who is under test.
enum Left {
    Server(Session),
    Interpreter,
}

/// A statement, and the request that it is the text of.
#[derive(Clone)]
struct Item {
    step: Step,
    request: Option<Request>,
}

/// Answers of a program, as far as it ran.
struct Run {
    /// What the right server answered, statement by statement.
    right: Vec<Vec<String>>,
    /// The statement at which the answers differ, and the left server's answer to it.
    difference: Option<(usize, Vec<String>)>,
    /// Differences for which there is an explanation.
    explained: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(ClientError::from).and_then(|runtime| runtime.block_on(run(&arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool, ClientError> {
    let keyspace = format!("differential_{}", std::process::id());
    let mut pair = Pair {
        left: match arguments.left.filter(|_| !arguments.interpreter) {
            Some(address) => Left::Server(Session::open(address, &keyspace).await?),
            None => Left::Interpreter,
        },
        right: Session::open(arguments.right, &keyspace).await?,
    };
    let (mut statements, mut explained, mut differences) = (0, 0, 0);
    for seed in arguments.seed..arguments.seed + arguments.count {
        let wanted = Wanted {
            requests: arguments.statements,
            request_time: !arguments.no_request_time,
            interpreted: arguments.interpreter,
        };
        let program = generate(seed, "t", wanted);
        let table = program.table.clone();
        let program = items(&program);
        let run = pair.run(&table, &program).await;
        statements += run.right.len();
        explained += run.explained;
        if let Some((at, left)) = run.difference {
            differences += 1;
            let mut program = program[..=at].to_vec();
            let mut run = Run { difference: Some((at, left)), ..run };
            if !arguments.no_shrink {
                (program, run) = pair.shrink(&table, program, run).await;
            }
            print(seed, &program, &run);
            if differences >= arguments.differences_max {
                break;
            }
        }
        if seed % 100 == 0 {
            eprintln!("seed {seed}: {statements} statements, {differences} programs with differences");
        }
    }
    if let Left::Server(left) = pair.left {
        left.close().await?;
    }
    pair.right.close().await?;
    println!("{statements} statements, {differences} programs with differences, {explained} differences explained");
    Ok(differences == 0)
}

impl Pair {
    /// Run a program on both from nothing, until answers differ.
    async fn run(&mut self, table: &Table, program: &[Item]) -> Run {
        for text in ["DROP TABLE IF EXISTS t", "DROP TYPE IF EXISTS u"] {
            let step = Step::new(text, Vec::new());
            let right = self.right.play(&step);
            let _ = match &mut self.left {
                Left::Server(left) => tokio::join!(left.play(&step), right).1,
                Left::Interpreter => right.await,
            };
        }
        let mut interpreter = Interpreter::new(table.clone());
        let mut run = Run { right: Vec::new(), difference: None, explained: 0 };
        for (at, Item { step, request }) in program.iter().enumerate() {
            let (left, right) = match &mut self.left {
                Left::Server(left) => tokio::join!(left.play(step), self.right.play(step)),
                Left::Interpreter => match self.right.ask(step).await {
                    Ok(pages) => {
                        let (left, right) = side_by_side(&mut interpreter, request.as_ref(), pages);
                        (Ok(left), Ok(right))
                    }
                    Err(error) => (Err(error.clone()), Err(error)),
                },
            };
            let plain = |answer: Result<Vec<String>, String>| {
                let mut lines = answer.unwrap_or_else(|error| vec![format!("no answer: {error}")]);
                lines.retain(|line| !line.starts_with("warning: "));
                lines
            };
            let (left, right) = (plain(left), plain(right));
            let is_same = same(&right, &left, false);
            run.right.push(right);
            if !is_same {
                if explanation(step, &left, &run.right[at]).is_some() {
                    run.explained += 1;
                    // What was written may differ from here on.
                    if !step.text().starts_with("SELECT") {
                        break;
                    }
                    continue;
                }
                run.difference = Some((at, left));
                break;
            }
        }
        run
    }

    /// Leave out statements as long as the last one's answers still differ.
    async fn shrink(&mut self, table: &Table, mut program: Vec<Item>, mut run: Run) -> (Vec<Item>, Run) {
        let mut size = program.len() / 2;
        while size > 0 {
            // Behind the definitions.
            let mut start = 2;
            while start + size < program.len() {
                let mut shorter = program.clone();
                shorter.drain(start..start + size);
                let again = self.run(table, &shorter).await;
                match &again.difference {
                    Some((at, _)) => {
                        shorter.truncate(at + 1);
                        (program, run) = (shorter, again);
                    }
                    None => start += size,
                }
            }
            size /= 2;
        }
        (program, run)
    }
}

/// A program as it stands in a conformance file: the definitions first.
fn items(program: &Program) -> Vec<Item> {
    let definitions = [Table::type_definition("u"), program.table.definition()];
    let definitions = definitions.map(|text| Item { step: Step::new(text, Vec::new()), request: None });
    let item = |request: &Request| Item { step: step(&program.table, request), request: Some(request.clone()) };
    definitions.into_iter().chain(program.requests.iter().map(item)).collect()
}

/// The interpreter's answer and a server's as lines: the rows of all pages together, under the server's names of columns.
fn side_by_side(
    interpreter: &mut Interpreter,
    request: Option<&Request>,
    mut pages: Vec<ResponseEnvelope>,
) -> (Vec<String>, Vec<String>) {
    let lines = |pages: &[ResponseEnvelope]| {
        let mut lines = answer::lines(pages, &Ignored::default());
        lines.retain(|line| line != answer::PAGE_BREAK);
        lines
    };
    let right = lines(&pages);
    let left = match request.map(|request| interpreter.answer(request)) {
        None => right.clone(),
        Some(Err(outside)) => vec![outside.to_string()],
        Some(Ok(Answer::Done)) => vec!["ok".to_owned()],
        Some(Ok(Answer::Refused(why))) => vec![format!("error invalid: {why}")],
        Some(Ok(Answer::Rows(rows))) => match pages.first_mut().map(|page| &mut page.response) {
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

fn step(table: &Table, request: &Request) -> Step {
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

/// Why answers differ without anything being wrong with the left server.
fn explanation(step: &Step, left: &[String], right: &[String]) -> Option<&'static str> {
    let first = right.first().map_or("", String::as_str);
    let text = step.text();
    let only_paging =
        |lines: &[String]| lines.iter().filter(|line| !line.starts_with("--- ")).cloned().collect::<Vec<String>>();
    if first.starts_with("error server") || right.iter().any(|line| line.starts_with("error read_failure")) {
        return Some("Cassandra fails with an exception of its own");
    }
    if right.iter().any(|line| line.contains("Invalid value for the paging state")) {
        return Some("Cassandra does not take back a paging state of its own");
    }
    if left.iter().any(|line| line.contains("Key may not be empty")) && right.len() == 1 {
        return Some("Cassandra looks at the key only when the rest can have rows");
    }
    if text.contains("GROUP BY") && only_paging(left) == only_paging(right) {
        return Some("where pages end within groups is nobody's promise");
    }
    None
}

fn print(seed: u64, program: &[Item], run: &Run) {
    println!("# Seed {seed}.");
    for (Item { step, .. }, answer) in program.iter().zip(&run.right) {
        let mut step = step.clone();
        step.answer.clone_from(answer);
        println!("\n{}", step.to_text().trim_end());
    }
    if let Some((_, left)) = &run.difference {
        println!("# The other server:\n# {}\n", left.join("\n# "));
    }
}
