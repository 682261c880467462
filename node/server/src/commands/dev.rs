//! `trefoil dev`: a whole cluster in one process, to try things with, and to lose a zone of.
//!
//! Zones are called a, b, c; their nodes listen on 127.0.0.1, .2, .3, so that drivers see different hosts with one port, as in
//! production. Where a machine has only 127.0.0.1 they get ports instead. The folder remembers the cluster.

use super::cluster_file::{ClusterFile, FileHistory, Shape};
use super::serve::{Serving, serve};
use super::{CommandError, DevArguments};
use crate::entropy::{random_bytes, random_u64};
use crate::settings::{self, Settings, host_id};
use crate::shell::{Host, HostError, HostSpec};
use crate::store::FolderLock;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trefoil_core::config::{Layout, NodeInfo};
use trefoil_core::ids::{NodeId, ZoneId};

const FOLDER_DEFAULT: &str = "trefoil-data";
const SHAPE_DEFAULT: Shape = Shape { zones: 3, nodes_per_zone: 1, shards: settings::SHARDS_DEFAULT };
const ADMIN_PORT: u16 = 9180;

/// Tries for a port that is free on all addresses.
const PORT_TRIES: usize = 32;

pub(super) fn run(arguments: &DevArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(None, &arguments.overrides.0)?;
    let temporary = arguments.ephemeral.then(TemporaryFolder::make).transpose()?;
    let folder = match (&temporary, &arguments.dir) {
        (Some(temporary), _) => temporary.0.clone(),
        (None, Some(dir)) => dir.clone(),
        (None, None) => FOLDER_DEFAULT.into(),
    };
    let lock = FolderLock::acquire(&folder)?;
    let (file, shape) = cluster_file(&folder, arguments, settings.shards)?;
    let listeners =
        listen(usize::from(shape.zones) * usize::from(shape.nodes_per_zone), arguments.address, arguments.port)?;
    let layout = layout(&settings, &file, shape, &listeners)?;
    let admin_default = SocketAddr::from((Ipv4Addr::LOCALHOST, if arguments.port == 0 { 0 } else { ADMIN_PORT }));
    let spec = HostSpec {
        tuning: settings.tuning(),
        data_folder: folder.clone(),
        stores: settings.stores(!arguments.ephemeral),
        limits: settings.limits(),
        nodes: layout.nodes.iter().map(|node| node.id).collect(),
        layout,
    };
    let place = match &temporary {
        Some(_) => "a temporary folder, removed at the end".to_string(),
        None => folder.display().to_string(),
    };
    let banner = banner(&spec.layout, &place);
    let history = FileHistory { folder, file, founding: true };
    let by_node = spec.nodes.iter().copied().zip(listeners).collect::<BTreeMap<_, _>>();
    let (host, ended) = Host::new(spec, by_node, Box::new(history));
    let code = serve(Serving {
        host,
        ended,
        admin: settings.admin_address.unwrap_or(admin_default),
        ready_file: arguments.ready_file.clone(),
        banner: Some(banner),
        log_format: settings.log_format,
        log_filter: settings.log_filter.unwrap_or_else(|| "warn".into()),
    });
    drop(lock);
    drop(temporary);
    code
}

/// The folder's cluster, made if it is new; refused if it was made in another shape than asked for.
fn cluster_file(
    folder: &Path,
    arguments: &DevArguments,
    shards: Option<u32>,
) -> Result<(ClusterFile, Shape), CommandError> {
    let wanted = |there: Shape| Shape {
        zones: arguments.zones.unwrap_or(there.zones),
        nodes_per_zone: arguments.nodes_per_zone.unwrap_or(there.nodes_per_zone),
        shards: shards.unwrap_or(there.shards),
    };
    if let Some(file) = ClusterFile::load(folder)? {
        let there = file.shape.ok_or_else(|| {
            CommandError::Text(format!("{} holds data of `trefoil start`; choose another folder", folder.display()))
        })?;
        let wanted = wanted(there);
        if wanted != there {
            let text = |shape: Shape| {
                format!("{} zones, {} nodes in each, {} shards", shape.zones, shape.nodes_per_zone, shape.shards)
            };
            return Err(CommandError::Text(format!(
                "{} was made with {}, and cannot change to {}; choose another folder with --dir",
                folder.display(),
                text(there),
                text(wanted)
            )));
        }
        return Ok((file, there));
    }
    let shape = wanted(SHAPE_DEFAULT);
    let mut cluster_id = random_bytes();
    settings::mark_random(&mut cluster_id);
    let file = ClusterFile::new(&cluster_id, Some(shape));
    file.save(folder).map_err(|error| CommandError::Text(format!("{}: {error}", folder.display())))?;
    Ok((file, shape))
}

fn layout(
    settings: &Settings,
    file: &ClusterFile,
    shape: Shape,
    listeners: &[TcpListener],
) -> Result<Layout, CommandError> {
    let cluster_id = settings::parse_uuid(&file.cluster_id)
        .ok_or_else(|| CommandError::Text(format!("'{}' in cluster.json is not a uuid", file.cluster_id)))?;
    let mut nodes = Vec::new();
    for (place, listener) in listeners.iter().enumerate() {
        let address = listener.local_addr().map_err(|error| CommandError::Text(error.to_string()))?;
        let id = NodeId(u32::try_from(place + 1).expect("a dev cluster is small"));
        let zone = ZoneId(u8::try_from(place % usize::from(shape.zones)).expect("there are few zones"));
        // Nodes of one process do not call each other, so nobody listens on the peer address.
        nodes.push(NodeInfo {
            id,
            zone,
            host_id: host_id(&cluster_id, id),
            cql_address: address,
            peer_address: address,
        });
    }
    Ok(Layout {
        cluster_id,
        cluster_name: settings.cluster_name.clone().unwrap_or_else(|| settings::CLUSTER_NAME_DEFAULT.into()),
        data_center: settings.data_center.clone().unwrap_or_else(|| settings::DATA_CENTER_DEFAULT.into()),
        zones: (0..shape.zones).map(|zone| char::from(b'a' + zone).to_string()).collect(),
        nodes,
        shards: shape.shards,
    })
}

/// Sockets for so many nodes: one port on 127.0.0.1, .2, .3, or several ports on the first where there are no others.
fn listen(count: usize, first: Ipv4Addr, port: u16) -> Result<Vec<TcpListener>, HostError> {
    let address = |place: usize, port: u16| {
        let place = u32::try_from(place).expect("a dev cluster is small");
        SocketAddr::from((Ipv4Addr::from(u32::from(first).wrapping_add(place)), port))
    };
    let refused = |place: usize, address: SocketAddr, source: io::Error| HostError::Listen {
        node: NodeId(u32::try_from(place + 1).unwrap_or(u32::MAX)),
        address,
        source,
    };
    for attempt in 0.. {
        let bound = TcpListener::bind(address(0, port)).map_err(|error| refused(0, address(0, port), error))?;
        let found = bound.local_addr().map_err(|error| refused(0, address(0, port), error))?.port();
        let mut listeners = vec![bound];
        for place in 1..count {
            let error = match TcpListener::bind(address(place, found)) {
                Ok(listener) => {
                    listeners.push(listener);
                    continue;
                }
                Err(error) => error,
            };
            if error.kind() == io::ErrorKind::AddrNotAvailable {
                return listen_on_ports(listeners.swap_remove(0), count, first, port, found);
            }
            if port != 0 || attempt == PORT_TRIES {
                return Err(refused(place, address(place, found), error));
            }
            break;
        }
        if listeners.len() == count {
            return Ok(listeners);
        }
    }
    unreachable!("the loop above ends only by returning")
}

fn listen_on_ports(
    bound: TcpListener,
    count: usize,
    first: Ipv4Addr,
    asked: u16,
    found: u16,
) -> Result<Vec<TcpListener>, HostError> {
    let mut listeners = vec![bound];
    for place in 1..u16::try_from(count).unwrap_or(u16::MAX) {
        let address = SocketAddr::from((first, if asked == 0 { 0 } else { found.saturating_add(place) }));
        let node = NodeId(u32::from(place) + 1);
        listeners.push(TcpListener::bind(address).map_err(|source| HostError::Listen { node, address, source })?);
    }
    Ok(listeners)
}

fn banner(layout: &Layout, folder: &str) -> String {
    let mut lines = vec![format!("Trefoil {}: data in {folder}", env!("CARGO_PKG_VERSION"))];
    for (zone, number) in layout.zones.iter().zip(0_u8..) {
        let nodes = layout.nodes.iter().filter(|node| node.zone == ZoneId(number));
        let addresses: Vec<String> = nodes.map(|node| node.cql_address.to_string()).collect();
        lines.push(format!("  zone {zone}   {}", addresses.join(", ")));
    }
    let first = layout.nodes[0].cql_address;
    let port = if first.port() == 9042 { String::new() } else { format!(" {}", first.port()) };
    lines.push("Try:".into());
    lines.push(format!("  cqlsh {}{port}", first.ip()));
    let factor = layout.zones.len();
    lines.push(format!(
        "  CREATE KEYSPACE try WITH replication = {{'class': 'NetworkTopologyStrategy', '{}': {factor}}};",
        layout.data_center
    ));
    if let [_, _, last, ..] | [_, last] = &layout.zones[..] {
        lines.push(format!("  trefoil zone stop {last}; trefoil status; trefoil zone start {last}"));
    }
    lines.join("\n")
}

/// A folder that goes away with the process.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn make() -> Result<TemporaryFolder, CommandError> {
        let name = format!("trefoil-ephemeral-{:016x}", random_u64());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).map_err(|error| CommandError::Text(format!("{}: {error}", path.display())))?;
        Ok(TemporaryFolder(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the temporary folder could not be removed");
        }
    }
}
