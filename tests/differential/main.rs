//! `differential`: runs the same generated program (`trefoil_sim::language`) on two CQL servers and compares every answer. A program
//! whose answers differ is shrunk to a few statements and printed as a conformance file: expected is what the right server answered.

use clap::Parser;
use std::net::SocketAddr;
use std::process::ExitCode;
use trefoil_sim::language::generate::{Wanted, generate};
use trefoil_sim::language::program::{Program, Request, Table};
use trefoil_tests::client::ClientError;
use trefoil_tests::conformance::answer::same;
use trefoil_tests::conformance::script::Step;
use trefoil_tests::conformance::session::Session;

#[derive(Parser)]
#[command(about = "Compare two CQL servers statement by statement")]
struct Arguments {
    /// The server under test.
    #[arg(long)]
    left: SocketAddr,
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

/// The two servers.
struct Pair {
    left: Session,
    right: Session,
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
        left: Session::open(arguments.left, &keyspace).await?,
        right: Session::open(arguments.right, &keyspace).await?,
    };
    let (mut statements, mut explained, mut differences) = (0, 0, 0);
    for seed in arguments.seed..arguments.seed + arguments.count {
        let wanted = Wanted { requests: arguments.statements, request_time: !arguments.no_request_time };
        let program = steps(&generate(seed, "t", wanted));
        let run = pair.run(&program).await;
        statements += run.right.len();
        explained += run.explained;
        if let Some((at, left)) = run.difference {
            differences += 1;
            let mut program = program[..=at].to_vec();
            let mut run = Run { difference: Some((at, left)), ..run };
            if !arguments.no_shrink {
                (program, run) = pair.shrink(program, run).await;
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
    pair.left.close().await?;
    pair.right.close().await?;
    println!("{statements} statements, {differences} programs with differences, {explained} differences explained");
    Ok(differences == 0)
}

impl Pair {
    /// Run a program on both from nothing, until answers differ.
    async fn run(&mut self, program: &[Step]) -> Run {
        for text in ["DROP TABLE IF EXISTS t", "DROP TYPE IF EXISTS u"] {
            let step = Step::new(text, Vec::new());
            let _ = tokio::join!(self.left.play(&step), self.right.play(&step));
        }
        let mut run = Run { right: Vec::new(), difference: None, explained: 0 };
        for (at, step) in program.iter().enumerate() {
            let (left, right) = tokio::join!(self.left.play(step), self.right.play(step));
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
    async fn shrink(&mut self, mut program: Vec<Step>, mut run: Run) -> (Vec<Step>, Run) {
        let mut size = program.len() / 2;
        while size > 0 {
            // Behind the definitions.
            let mut start = 2;
            while start + size < program.len() {
                let mut shorter = program.clone();
                shorter.drain(start..start + size);
                let again = self.run(&shorter).await;
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
fn steps(program: &Program) -> Vec<Step> {
    let definitions = [Table::type_definition("u"), program.table.definition()];
    let definitions = definitions.into_iter().map(|text| Step::new(text, Vec::new()));
    definitions.chain(program.requests.iter().map(|request| step(&program.table, request))).collect()
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

fn print(seed: u64, program: &[Step], run: &Run) {
    println!("# Seed {seed}.");
    for (step, answer) in program.iter().zip(&run.right) {
        let mut step = step.clone();
        step.answer.clone_from(answer);
        println!("\n{}", step.to_text().trim_end());
    }
    if let Some((_, left)) = &run.difference {
        println!("# The other server:\n# {}\n", left.join("\n# "));
    }
}
