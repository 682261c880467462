//! Starts the program, reads what it says, and ends it when the test is over.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// A running `trefoil`.
pub struct Server {
    child: Child,
    pub cql: Vec<SocketAddr>,
    pub admin: SocketAddr,
}

/// The program with these arguments, and with no variables of ours.
pub fn trefoil(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
    command.args(arguments).stdin(Stdio::null()).env("RUST_BACKTRACE", "0");
    command
}

/// Run it to its end.
pub fn run(arguments: &[&str]) -> Output {
    trefoil(arguments).output().expect("the program can be run")
}

/// What it complains of when it must not start.
pub fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "it must refuse {arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

impl Server {
    /// `trefoil dev` on free ports unless one is given, with its data in this folder; returns when it answers queries.
    pub fn dev(folder: &Path, arguments: &[&str]) -> Server {
        let data = folder.join("data").display().to_string();
        let ready = folder.join("ready").display().to_string();
        let mut all = vec!["dev", "--ready-file", &ready];
        if !arguments.contains(&"--port") {
            all.extend(["--port", "0"]);
        }
        if !arguments.contains(&"--ephemeral") {
            all.extend(["--dir", &data]);
        }
        all.extend(arguments);
        Server::start(trefoil(&all), &folder.join("ready"))
    }

    /// Start it and wait until it says that it is ready.
    pub fn start(mut command: Command, ready_file: &Path) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        if !lines.any(|line| line.is_ok_and(|line| line == "ready")) {
            let mut text = String::new();
            let mut stderr = child.stderr.take().expect("it is piped");
            stderr.read_to_string(&mut text).expect("text");
            panic!("it ended before it was ready: {text}");
        }
        let text = std::fs::read_to_string(ready_file).expect("the ready file is there");
        let ready: serde_json::Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let address = |value: &serde_json::Value| value.as_str().expect("a text").parse().expect("an address");
        let cql = ready["cql"].as_array().expect("a list").iter().map(address).collect();
        Server { child, cql, admin: address(&ready["admin"]) }
    }

    /// The first node.
    pub fn first(&self) -> SocketAddr {
        self.cql[0]
    }

    /// `trefoil status` or `trefoil zone`, against this one; what it prints.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let admin = self.admin.to_string();
        let output = run(&[arguments, &["--admin", &admin]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// A page of the admin endpoint, and its status code.
    pub fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("http://{}{path}", self.admin)).call().expect("it answers");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let status = Command::new("kill").arg(id).status().expect("kill can be run");
        assert!(status.success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
