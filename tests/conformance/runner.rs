//! `conformance`: plays the files beside it against a CQL server and says what differs, or records the answers of a real
//! Cassandra into them, so that no expectation is anybody's opinion. The format stands in README.md.

use clap::{Parser, Subcommand};
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trefoil_tests::conformance::answer::same;
use trefoil_tests::conformance::script::{Script, Step};
use trefoil_tests::conformance::session::Session;

#[derive(Parser)]
#[command(about = "Play recorded conversations against a CQL server")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare a server's answers with the recorded ones; the last line counts statements.
    Play {
        /// The server.
        #[arg(long)]
        address: SocketAddr,
        /// It is a Cassandra: where Trefoil differs on purpose, expect Cassandra's answer.
        #[arg(long)]
        cassandra: bool,
        /// The files; all of this repository by default.
        files: Vec<PathBuf>,
    },
    /// Write a Cassandra's answers into files.
    Record {
        /// The server.
        #[arg(long)]
        address: SocketAddr,
        /// It is a Trefoil: record what stands under `differs` instead, and nothing else.
        #[arg(long)]
        trefoil: bool,
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// List the intended differences of files in Markdown, for the page on compatibility.
    Differences {
        /// The files; all of this repository by default.
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(arguments.command))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> Result<bool, Box<dyn Error>> {
    match command {
        Command::Play { address, cassandra, files } => play(address, cassandra, &or_all(files)?).await,
        Command::Record { address, trefoil, files } => record(address, trefoil, &files).await,
        Command::Differences { files } => differences(&or_all(files)?),
    }
}

/// These files, or all that lie beside this program's source.
fn or_all(files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !files.is_empty() {
        return Ok(files);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let entries: Result<Vec<PathBuf>, _> = folder.read_dir()?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = entries?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Script, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Script::parse(&text).map_err(|error| format!("{}: {error}", file.display()).into())
}

/// Several runs against one server must not meet in one keyspace.
fn keyspace(number: usize) -> String {
    format!("conformance_{}_{number}", std::process::id())
}

async fn play(address: SocketAddr, cassandra: bool, files: &[PathBuf]) -> Result<bool, Box<dyn Error>> {
    let (mut passed, mut failed) = (0, 0);
    for (number, file) in files.iter().enumerate() {
        let script = read(file)?;
        let mut session = Session::open(address, &keyspace(number)).await?;
        for step in script.steps() {
            let expected = match &step.differs {
                Some((_, own)) if !cassandra => own,
                _ => &step.answer,
            };
            let answer = session.play(step).await.unwrap_or_else(|error| vec![format!("no answer: {error}")]);
            let with_text = step.options()?.text;
            if same(expected, &answer, with_text) {
                passed += 1;
            } else if same(&step.answer, &answer, with_text) {
                // Whoever mends a difference should not have to touch the file in the same moment.
                passed += 1;
                println!("{}:{}: differs no more, remove the marking", file.display(), step.line);
            } else {
                failed += 1;
                report(file, step, expected, &answer);
            }
        }
        session.close().await?;
    }
    println!("{passed} passed, {failed} failed, {} files", files.len());
    Ok(failed == 0)
}

fn report(file: &Path, step: &Step, expected: &[String], answer: &[String]) {
    println!("{}:{}: {}", file.display(), step.line, step.text());
    for directive in &step.directives {
        println!("  {directive}");
    }
    for line in expected {
        println!("  expected  {line}");
    }
    for line in answer {
        println!("  got       {line}");
    }
    println!();
}

async fn record(address: SocketAddr, trefoil: bool, files: &[PathBuf]) -> Result<bool, Box<dyn Error>> {
    for (number, file) in files.iter().enumerate() {
        let mut script = read(file)?;
        let mut session = Session::open(address, &keyspace(number)).await?;
        let (mut statements, mut errors) = (0, 0);
        for step in script.steps_mut() {
            let answer =
                session.play(step).await.map_err(|error| format!("{}:{}: {error}", file.display(), step.line))?;
            statements += 1;
            errors += usize::from(answer.iter().any(|line| line.starts_with("error ")));
            match &mut step.differs {
                Some((_, own)) if trefoil => *own = answer,
                _ if !trefoil => step.answer = answer,
                _ => {}
            }
        }
        session.close().await?;
        std::fs::write(file, script.print())?;
        println!("{}: {statements} statements, {errors} of them errors", file.display());
    }
    Ok(true)
}

fn differences(files: &[PathBuf]) -> Result<bool, Box<dyn Error>> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for file in files {
        for step in read(file)?.steps() {
            let Some((reason, _)) = &step.differs else { continue };
            match reasons.iter_mut().find(|(known, _)| known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason.clone(), 1)),
            }
        }
    }
    reasons.sort();
    for (reason, count) in reasons {
        println!("- {reason} ({count})");
    }
    Ok(true)
}
