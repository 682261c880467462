//! The cluster under test: three processes, one for each zone; or one `trefoil dev` with three zones; or one that somebody else
//! runs. Knows how to write the server's configuration and how to talk to its admin side, and nothing about workloads.

use super::network::Network;
use super::process::{ReadyFile, Recipe, ServerProcess};
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Zones of every cluster that a run starts.
pub const ZONES: [&str; 3] = ["a", "b", "c"];

/// How long a process may take to answer after it was started.
pub const START_DEADLINE: Duration = Duration::from_secs(30);

const CQL_PORT: u16 = 9042;
const PEER_PORT: u16 = 7000;
const ADMIN_PORT: u16 = 9180;

/// What runs.
pub enum Cluster {
    /// Three processes, one for each zone.
    Processes {
        /// In the order of `ZONES`.
        nodes: Vec<ServerProcess>,
        /// Their network, if it is ours to cut.
        network: Option<Network>,
        /// Where drivers connect.
        addresses: Vec<SocketAddr>,
    },
    /// One process with three zones.
    Dev {
        /// The process.
        server: ServerProcess,
        /// The binary, for `zone stop` and `zone start`.
        binary: PathBuf,
        /// Where its admin side answers.
        admin: SocketAddr,
        /// Where drivers connect.
        addresses: Vec<SocketAddr>,
    },
    /// Somebody else's.
    External {
        /// Where drivers connect.
        addresses: Vec<SocketAddr>,
    },
}

impl Cluster {
    /// Three processes with fresh data under `folder`, started and answering.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn processes(binary: &Path, folder: &Path, network: Option<Network>) -> io::Result<Cluster> {
        let hosts: Vec<Ipv4Addr> = (0..ZONES.len())
            .map(|node| if network.is_some() { Network::address(node) } else { loopback(node) })
            .collect();
        let addresses: Vec<SocketAddr> =
            hosts.iter().map(|host| SocketAddr::new(IpAddr::V4(*host), CQL_PORT)).collect();
        let mut nodes = Vec::new();
        for (node, zone) in ZONES.iter().enumerate() {
            let file = folder.join(format!("node-{zone}.toml"));
            let admin = if network.is_some() { Ipv4Addr::LOCALHOST } else { hosts[node] };
            std::fs::write(&file, node_config(node, &hosts, admin, &folder.join(format!("data-{zone}"))))?;
            let ready_file = folder.join(format!("node-{zone}.ready"));
            let mut command: Vec<String> = Vec::new();
            if network.is_some() {
                command.extend(["ip", "netns", "exec", &Network::namespace(node)].map(str::to_owned));
            }
            command.push(binary.display().to_string());
            command.extend(["start".to_owned(), "--config".to_owned(), file.display().to_string()]);
            command.extend(["--ready-file".to_owned(), ready_file.display().to_string()]);
            nodes.push(ServerProcess::new(Recipe {
                name: format!("node {zone}"),
                command,
                log: folder.join(format!("node-{zone}.log")),
                ready_file,
            }));
        }
        for node in &mut nodes {
            // Only the first start founds the cluster: a node that finds its data gone later must not take itself for new.
            node.start_with(&["--found"])?;
        }
        for node in &mut nodes {
            node.answers(START_DEADLINE).await?;
        }
        Ok(Cluster::Processes { nodes, network, addresses })
    }

    /// One `trefoil dev` with fresh data under `folder`, started and answering.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn dev(binary: &Path, folder: &Path) -> io::Result<Cluster> {
        let ready_file = folder.join("dev.ready");
        let [binary_text, data, ready] =
            [binary, &folder.join("data"), &ready_file].map(|path| path.display().to_string());
        let mut server = ServerProcess::new(Recipe {
            name: "dev".to_owned(),
            command: [&binary_text, "dev", "--port", "0", "--dir", &data, "--ready-file", &ready]
                .map(str::to_owned)
                .to_vec(),
            log: folder.join("dev.log"),
            ready_file,
        });
        server.start()?;
        let ReadyFile { cql: addresses, admin } = server.answers(START_DEADLINE).await?;
        Ok(Cluster::Dev { server, binary: binary.to_owned(), admin, addresses })
    }

    /// Where drivers connect.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        match self {
            Cluster::Processes { addresses, .. } | Cluster::Dev { addresses, .. } | Cluster::External { addresses } => {
                addresses
            }
        }
    }

    /// Ask `dev` to stop or start a zone.
    ///
    /// # Errors
    /// When the binary says no.
    pub fn zone(&self, verb: &str, zone: &str) -> io::Result<()> {
        let Cluster::Dev { binary, admin, .. } = self else {
            return Err(io::Error::other("only `dev` has zones to stop"));
        };
        let output = Command::new(binary).args(["zone", verb, zone, "--admin", &admin.to_string()]).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("zone {verb} {zone}: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }
}

/// Loopback addresses of this run alone, so that runs and a `dev` on the usual ones do not meet.
fn loopback(node: usize) -> Ipv4Addr {
    let run = std::process::id();
    let [_, _, high, low] = run.to_be_bytes();
    // 127.x.y.1 to .3; x from 64 keeps clear of what people use by hand.
    Ipv4Addr::new(127, 64 + high % 128, low, u8::try_from(node + 1).unwrap_or(1))
}

fn node_config(node: usize, hosts: &[Ipv4Addr], admin: Ipv4Addr, data: &Path) -> String {
    let mut text = format!(
        "cluster_name = \"jepsen\"\nzones = {ZONES:?}\nrun = [{}]\ndata_dir = {:?}\nadmin_address = \"{admin}:{ADMIN_PORT}\"\n",
        node + 1,
        data.display().to_string(),
    );
    for (peer, host) in hosts.iter().enumerate() {
        let _ = write!(
            text,
            "\n[[node]]\nid = {}\nzone = \"{}\"\ncql_address = \"{host}:{CQL_PORT}\"\npeer_address = \"{host}:{PEER_PORT}\"\n",
            peer + 1,
            ZONES[peer]
        );
    }
    text
}
