//! `cluster.json` in a data folder: which cluster's data these are, the shape of a `dev` cluster, and which nodes have ever run here.
//!
//! A node that has run and finds no stores has lost them; only a node that has never run may take itself for new. So a node is
//! written down here, durably, before it runs for the first time.

use super::CommandError;
use crate::shell::History;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use trefoil_core::ids::NodeId;

const FILE_NAME: &str = "cluster.json";
const FORMAT: u32 = 1;

/// How a `dev` cluster was laid out when its folder was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shape {
    pub(super) zones: u8,
    pub(super) nodes_per_zone: u8,
    pub(super) shards: u32,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterFile {
    format: u32,
    /// As a uuid.
    pub(super) cluster_id: String,
    pub(super) shape: Option<Shape>,
    /// Nodes that have run.
    started: BTreeSet<u32>,
}

impl ClusterFile {
    pub(super) fn new(cluster_id: &[u8; 16], shape: Option<Shape>) -> ClusterFile {
        let cluster_id = crate::store::uuid_text(cluster_id);
        ClusterFile { format: FORMAT, cluster_id, shape, started: BTreeSet::new() }
    }

    /// The file in this folder; `None` when there is none.
    pub(super) fn load(folder: &Path) -> Result<Option<ClusterFile>, CommandError> {
        let path = folder.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CommandError::Text(format!("{}: {error}", path.display()))),
        };
        let file: ClusterFile = serde_json::from_str(&text)
            .map_err(|error| CommandError::Text(format!("{} cannot be read: {error}", path.display())))?;
        if file.format != FORMAT {
            let text = format!("{} has format {}, this version reads {FORMAT}", path.display(), file.format);
            return Err(CommandError::Text(text));
        }
        Ok(Some(file))
    }

    /// Write it so that after a crash there is either the old one or the new one.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join("cluster.json.new");
        let mut file = File::create(&new)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        writeln!(file)?;
        file.sync_all()?;
        std::fs::rename(&new, folder.join(FILE_NAME))?;
        File::open(folder)?.sync_all()
    }
}

/// The file as the nodes' memory.
pub(super) struct FileHistory {
    pub(super) folder: PathBuf,
    pub(super) file: ClusterFile,
    /// Whether nodes that have never run here may take themselves for new.
    pub(super) founding: bool,
}

impl History for FileHistory {
    fn about_to_run(&mut self, node: NodeId) -> io::Result<bool> {
        let is_first = self.file.started.insert(node.0);
        if is_first {
            self.file.save(&self.folder)?;
        }
        Ok(is_first && self.founding)
    }
}
