//! The command line: one file for each command.

mod check;
mod cluster_file;
mod dev;
mod operate;
mod serve;
mod start;

#[cfg(test)]
mod tests;

use crate::settings::{self, DevOverrides, Overrides};
use clap::{Parser, Subcommand};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

/// An open, self-hosted wide-column database that speaks Cassandra's protocol.
#[derive(Debug, Parser)]
#[command(name = "trefoil", version, about, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole cluster in this process: three zones to try things with
    Dev(DevArguments),
    /// Run this machine's nodes of a cluster
    Start(StartArguments),
    /// Show how the cluster is, as the process behind the admin address sees it
    Status(StatusArguments),
    /// Kill, start, cut off or reconnect a zone of a running process
    Zone(ZoneArguments),
    /// Verify a data folder while no server uses it
    Check(CheckArguments),
}

/// Arguments of `trefoil dev`.
#[derive(Clone, Debug, Parser)]
pub struct DevArguments {
    /// Where data are kept; a later start finds them again [default: ./trefoil-data]
    #[arg(long, conflicts_with = "ephemeral")]
    dir: Option<PathBuf>,
    /// Keep data in a temporary folder, unsynced, and remove it at the end
    #[arg(long)]
    ephemeral: bool,
    /// Number of zones: 1 for a single replica, 3 to survive the loss of one [default: 3, or what the folder has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    zones: Option<u8>,
    /// Nodes in each zone [default: 1, or what the folder has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    nodes_per_zone: Option<u8>,
    /// Address of the first node; the others take the ones after it
    #[arg(long, value_name = "IP", default_value_t = Ipv4Addr::LOCALHOST)]
    address: Ipv4Addr,
    /// Where clients come in; 0 takes a free one
    #[arg(long, default_value_t = 9042)]
    port: u16,
    /// Write addresses to this file once queries are answered
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    overrides: DevOverrides,
}

/// Arguments of `trefoil start`.
#[derive(Clone, Debug, Parser)]
pub struct StartArguments {
    /// The settings; see node.example.toml
    #[arg(long, env = "TREFOIL_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    /// The cluster is new: nodes that find no data may believe that there never were any. Give this once, at the first start of
    /// every node; a node that lost its data must be started without it, and is rebuilt from the others
    #[arg(long)]
    found: bool,
    /// Write addresses to this file once queries are answered
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// Arguments of `trefoil status`.
#[derive(Clone, Debug, Parser)]
pub struct StatusArguments {
    /// The admin endpoint
    #[arg(long, env = "TREFOIL_ADMIN", default_value = "127.0.0.1:9180", value_parser = admin_address)]
    admin: SocketAddr,
    /// Print what the endpoint says, for programs
    #[arg(long)]
    json: bool,
}

/// What to do with a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ZoneAction {
    /// Kill its nodes, as a power cut would
    Stop,
    /// Bring them back from disk
    Start,
    /// Cut them off from the other zones; clients still reach them
    Isolate,
    /// Connect them again
    Heal,
}

/// Arguments of `trefoil zone`.
#[derive(Clone, Debug, Parser)]
pub struct ZoneArguments {
    /// What to do with it
    action: ZoneAction,
    /// Its name
    name: String,
    /// The admin endpoint
    #[arg(long, env = "TREFOIL_ADMIN", default_value = "127.0.0.1:9180", value_parser = admin_address)]
    admin: SocketAddr,
}

/// Arguments of `trefoil check`.
#[derive(Clone, Debug, Parser)]
pub struct CheckArguments {
    /// The data folder
    dir: PathBuf,
}

/// An address, also in the form of the URL that other programs want.
fn admin_address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    text.trim_start_matches("http://").trim_end_matches('/').parse()
}

/// Why a command failed; its text is all that the operator gets.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Settings are wrong.
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    /// A data folder cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The nodes cannot start.
    #[error(transparent)]
    Host(#[from] crate::shell::HostError),
    /// Anything else.
    #[error("{0}")]
    Text(String),
}

/// Do what the command line says.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let result =
        settings::refuse_unknown_variables(names).map_err(CommandError::from).and_then(|()| match arguments.command {
            Command::Dev(arguments) => dev::run(&arguments),
            Command::Start(arguments) => start::run(&arguments),
            Command::Status(arguments) => operate::status(&arguments),
            Command::Zone(arguments) => operate::zone(&arguments),
            Command::Check(arguments) => check::run(&arguments),
        });
    result.unwrap_or_else(|error| {
        eprintln!("trefoil: {error}");
        ExitCode::FAILURE
    })
}
