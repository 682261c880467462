//! A network of our own: each server process in a network namespace, all on one bridge, cut by misdirecting frames.
//!
//! The run re-executes itself inside a fresh network and mount namespace, so nothing here touches the machine's network and
//! everything vanishes with the run. A cut from A to B gives A a wrong hardware address for B: frames leave and nobody takes them,
//! silently, as with a dead cable; it needs no packet filter, and one direction can be cut alone.

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Set in the environment of a run that is already inside its own namespaces. (The server refuses unknown TREFOIL_ variables.)
const INSIDE: &str = "JEPSEN_NAMESPACE";

/// A hardware address that nobody has.
const NOBODY: &str = "02:00:00:00:00:ff";

/// Three namespaces on one bridge, with the clients on the bridge itself.
#[derive(Debug)]
pub struct Network {
    nodes: usize,
}

/// Continue inside private namespaces. Returns only when this process already is inside, or why it cannot be.
///
/// # Errors
/// When the machine does not permit namespaces, in words for people.
pub fn enter() -> Result<(), String> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let probe =
        "ip link set lo up && mount -t tmpfs none /run && mkdir /run/netns && ip netns add probe && ip netns del probe";
    let permitted = Command::new("unshare").args(["--net", "--mount", "sh", "-c", probe]).output();
    match permitted {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(format!("network namespaces are not permitted here: {}", reason.trim()));
        }
        Err(error) => return Err(format!("unshare cannot be run: {error}")),
    }
    let myself = std::env::current_exe().map_err(|error| error.to_string())?;
    let error = Command::new("unshare")
        .args(["--net", "--mount", "--"])
        .arg(myself)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(format!("unshare cannot be run: {error}"))
}

impl Network {
    /// Make the bridge and one namespace for each node. Only inside `enter`.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn create(nodes: usize) -> io::Result<Network> {
        run("ip link set lo up")?;
        run("mount -t tmpfs none /run")?;
        run("mkdir -p /run/netns")?;
        run("ip link add trefoil type bridge")?;
        run("ip link set trefoil up")?;
        run("ip address add 10.77.0.254/24 dev trefoil")?;
        for node in 0..nodes {
            let (name, address) = (Network::namespace(node), Network::address(node));
            run(&format!("ip netns add {name}"))?;
            run(&format!("ip link add v-{name} type veth peer name eth0 netns {name}"))?;
            run(&format!("ip link set v-{name} master trefoil up"))?;
            run(&format!("ip -n {name} address add {address}/24 dev eth0"))?;
            run(&format!("ip -n {name} link set eth0 up"))?;
            run(&format!("ip -n {name} link set lo up"))?;
        }
        Ok(Network { nodes })
    }

    /// The namespace of a node, for `ip netns exec`.
    #[must_use]
    pub fn namespace(node: usize) -> String {
        format!("node{node}")
    }

    /// The address of a node.
    #[must_use]
    pub fn address(node: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, u8::try_from(node + 1).unwrap_or(u8::MAX - 1))
    }

    /// Frames from one node no longer reach another. The other direction, and the clients, are not concerned.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn cut(&self, from: usize, to: usize) -> io::Result<()> {
        let (name, address) = (Network::namespace(from), Network::address(to));
        run(&format!("ip -n {name} neighbour replace {address} lladdr {NOBODY} dev eth0 nud permanent"))
    }

    /// Everything reaches everybody again.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn heal(&self) -> io::Result<()> {
        for from in 0..self.nodes {
            run(&format!("ip -n {} neighbour flush dev eth0 nud permanent", Network::namespace(from)))?;
        }
        Ok(())
    }
}

fn run(line: &str) -> io::Result<()> {
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else { return Ok(()) };
    let output = Command::new(program).args(words).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
