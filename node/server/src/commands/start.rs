//! `trefoil start`: this machine's nodes of a cluster on several machines.

use super::cluster_file::{ClusterFile, FileHistory};
use super::serve::{Serving, serve};
use super::{CommandError, StartArguments};
use crate::settings::Settings;
use crate::shell::{Host, HostSpec};
use crate::store::{FolderLock, uuid_text};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use trefoil_core::ids::NodeId;

pub(super) fn run(arguments: &StartArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(arguments.config.as_deref(), &arguments.overrides)?;
    let layout = settings.layout()?;
    let missing = |key: &str| CommandError::Text(format!("'{key}' is not set; see node.example.toml"));
    let folder = settings.data_dir.clone().ok_or_else(|| missing("data_dir"))?;
    if settings.run.is_empty() {
        return Err(missing("run"));
    }
    let nodes: Vec<NodeId> = settings.run.iter().map(|id| NodeId(*id)).collect();
    if let Some(unknown) = nodes.iter().find(|node| layout.node(**node).is_none()) {
        return Err(CommandError::Text(format!("'run' names node {unknown}, but there is no such [[node]]")));
    }
    let _lock = FolderLock::acquire(&folder)?;
    let cluster_id = uuid_text(&layout.cluster_id);
    let file = match ClusterFile::load(&folder)? {
        Some(file) if file.cluster_id != cluster_id => {
            return Err(CommandError::Text(format!(
                "{} belongs to cluster {}, and this is cluster {cluster_id}: choose another folder",
                folder.display(),
                file.cluster_id
            )));
        }
        Some(file) => file,
        None => ClusterFile::new(&layout.cluster_id, None),
    };
    let spec = HostSpec {
        tuning: settings.tuning(),
        data_folder: folder.clone(),
        stores: settings.stores(true),
        limits: settings.limits(),
        nodes,
        layout,
    };
    let history = FileHistory { folder, file, founding: arguments.found };
    let (host, ended) = Host::new(spec, BTreeMap::new(), Box::new(history));
    serve(Serving {
        host,
        ended,
        admin: settings.admin_address.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 9180))),
        ready_file: arguments.ready_file.clone(),
        banner: None,
        log_format: settings.log_format,
        log_filter: settings.log_filter.unwrap_or_else(|| "info".into()),
    })
}
