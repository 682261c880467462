//! One process of the server: started, paused, killed and started again, its output kept in a file.
//!
//! A process never outlives its run: dropping it kills it.

use serde::Deserialize;
use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How to start a process and where it then answers.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Shown to people.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Standard output and error are appended to this file.
    pub log: PathBuf,
    /// The server writes this file once it answers queries, with its addresses in it.
    pub ready_file: PathBuf,
}

/// What the server writes when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadyFile {
    /// Where drivers connect.
    pub cql: Vec<SocketAddr>,
    /// Where the operator connects.
    pub admin: SocketAddr,
}

/// A server process, up or down.
#[derive(Debug)]
pub struct ServerProcess {
    recipe: Recipe,
    child: Option<Child>,
}

/// A signal that a nemesis sends.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Stand still; the kernel goes on answering for it.
    Stop,
    /// Go on.
    Continue,
    /// Please end.
    Terminate,
}

impl ServerProcess {
    /// A process that is not running yet.
    #[must_use]
    pub fn new(recipe: Recipe) -> ServerProcess {
        ServerProcess { recipe, child: None }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// Start it.
    ///
    /// # Errors
    /// When the program or the log cannot be opened.
    pub fn start(&mut self) -> io::Result<()> {
        self.start_with(&[])
    }

    /// Start it with more arguments, this once.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_with(&mut self, more: &[&str]) -> io::Result<()> {
        // What an earlier life wrote must not be mistaken for this one's.
        match std::fs::remove_file(&self.recipe.ready_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.recipe.log)?;
        let [program, arguments @ ..] = self.recipe.command.as_slice() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a command needs a program"));
        };
        let child = Command::new(program)
            .args(arguments)
            .args(more)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        self.child = Some(child);
        Ok(())
    }

    /// Wait until it answers queries.
    ///
    /// # Errors
    /// When the process ends or the time is up.
    pub async fn answers(&mut self, within: Duration) -> io::Result<ReadyFile> {
        let deadline = Instant::now() + within;
        loop {
            if let Ok(text) = std::fs::read(&self.recipe.ready_file) {
                return serde_json::from_slice(&text).map_err(io::Error::other);
            }
            if let Some(status) = self.exited()? {
                return Err(io::Error::other(format!("{} ended with {status}: {}", self.name(), self.last_words())));
            }
            if Instant::now() > deadline {
                let name = self.name();
                return Err(io::Error::other(format!("{name} is not ready after {within:?}: {}", self.last_words())));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.recipe.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => child.try_wait(),
            None => Ok(None),
        }
    }

    /// SIGKILL: no chance to do anything more.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Send a signal to a running process.
    ///
    /// # Errors
    /// When `kill` (the program) is missing or refuses.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(child) = &self.child else { return Ok(()) };
        let name = match signal {
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
            Signal::Terminate => "-TERM",
        };
        let status = Command::new("kill").args([name, &child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill {name} {}: {status}", child.id()))) }
    }

    /// End it politely, and by force if that takes too long.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(&mut self, within: Duration) -> io::Result<Option<ExitStatus>> {
        self.signal(Signal::Terminate)?;
        let deadline = Instant::now() + within;
        while self.child.is_some() {
            if let Some(status) = self.exited()? {
                self.child = None;
                return Ok(Some(status));
            }
            if Instant::now() > deadline {
                self.kill()?;
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(None)
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // A failure to kill has nobody left to hear it.
        let _ = self.kill();
    }
}
