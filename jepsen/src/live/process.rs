//! One process of the server: started, paused, killed and started again, its output kept in a file.
//!
//! A process never outlives its run: dropping it kills it.

use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How to start a process and where it then answers.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Shown to people.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Standard output and error are appended to this file.
    pub log: PathBuf,
    /// Where drivers are answered once it is up.
    pub answers_at: Vec<SocketAddr>,
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
        let log = OpenOptions::new().create(true).append(true).open(&self.recipe.log)?;
        let [program, arguments @ ..] = self.recipe.command.as_slice() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a command needs a program"));
        };
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        self.child = Some(child);
        Ok(())
    }

    /// Wait until every address takes a connection.
    ///
    /// # Errors
    /// When the process ends or the time is up.
    pub async fn answers(&mut self, within: Duration) -> io::Result<()> {
        let deadline = Instant::now() + within;
        for address in self.recipe.answers_at.clone() {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = self.exited()? {
                    return Err(io::Error::other(format!("{} ended with {status}", self.recipe.name)));
                }
                if Instant::now() > deadline {
                    return Err(io::Error::other(format!("{} does not answer at {address}", self.recipe.name)));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
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
