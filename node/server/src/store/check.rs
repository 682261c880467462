//! `trefoil check`: verifies a data folder while no server uses it: whose it is, every log entry and its continuity,
//! and every row. It never writes.

use super::environment::Environment;
use super::identity::{Identity, uuid_text};
use super::{Damage, FolderLock, StoreError, load};
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};

/// Verifies one row: its key and its sealed value.
pub type RowCheck = fn(&[u8], &[u8]) -> Result<(), &'static str>;

/// What was found in one node's folder.
#[derive(Debug)]
pub struct CheckReport {
    /// The node's folder.
    pub folder: PathBuf,
    /// Whose it is.
    pub identity: Option<Identity>,
    /// Shards with a log here.
    pub shards: usize,
    /// Log entries read.
    pub entries: u64,
    /// Rows read.
    pub rows: u64,
    /// What is wrong with the log.
    pub damaged_shards: Vec<Damage>,
    /// The first rows that are wrong, and in what way.
    pub damaged_rows: Vec<String>,
    /// How many rows are wrong.
    pub damaged_row_count: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged_shards.is_empty() && self.damaged_row_count == 0
    }
}

impl Display for CheckReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.folder.display())?;
        match &self.identity {
            Some(identity) => write!(f, "node {} of cluster {}, ", identity.node, uuid_text(&identity.cluster))?,
            None => write!(f, "never used, ")?,
        }
        write!(f, "{} shards, {} log entries, {} rows: ", self.shards, self.entries, self.rows)?;
        if self.is_sound() {
            return write!(f, "sound");
        }
        write!(f, "DAMAGED")?;
        for damage in &self.damaged_shards {
            write!(f, "\n  {damage}")?;
        }
        for row in &self.damaged_rows {
            write!(f, "\n  {row}")?;
        }
        if self.damaged_row_count > self.damaged_rows.len() as u64 {
            write!(f, "\n  and {} more rows", self.damaged_row_count - self.damaged_rows.len() as u64)?;
        }
        Ok(())
    }
}

/// Verify every node's stores in a data folder.
///
/// # Errors
/// When a server uses the folder, or a store cannot be read at all.
pub fn check_folder(data_folder: &Path, check_row: RowCheck) -> Result<Vec<CheckReport>, StoreError> {
    let file_error = |source| StoreError::File { path: data_folder.into(), source };
    let mut folders = Vec::new();
    for item in std::fs::read_dir(data_folder).map_err(file_error)? {
        let path = item.map_err(file_error)?.path();
        let is_node = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("node-"));
        if is_node && path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    if folders.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no node's data in this folder");
        return Err(file_error(source));
    }
    let _lock = FolderLock::acquire(data_folder)?;
    folders.iter().map(|folder| check_node(folder, check_row)).collect()
}

/// Verify the stores of one node. The caller holds the lock of the data folder.
///
/// # Errors
/// When a store cannot be read at all.
pub fn check_node(folder: &Path, check_row: RowCheck) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport {
        folder: folder.into(),
        identity: None,
        shards: 0,
        entries: 0,
        rows: 0,
        damaged_shards: Vec::new(),
        damaged_rows: Vec::new(),
        damaged_row_count: 0,
    };
    check_log(&folder.join("log"), &mut report)?;
    check_rows(&folder.join("rows"), check_row, &mut report)?;
    Ok(report)
}

fn missing(folder: &Path) -> StoreError {
    let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no store in this folder");
    StoreError::File { path: folder.into(), source }
}

fn check_log(folder: &Path, report: &mut CheckReport) -> Result<(), StoreError> {
    let environment = Environment::open_to_read(folder)?.ok_or_else(|| missing(folder))?;
    let Some(table) = environment.existing_table(None)? else { return Ok(()) };
    let txn = environment.env.read_txn().map_err(|source| environment.error(source))?;
    report.identity = Identity::read(&environment, table, &txn)?;
    let (_, _, loaded) = load::load(&environment, table, &txn)?;
    report.shards = loaded.shards.len() + loaded.damaged.len();
    report.entries = loaded.shards.values().map(|log| log.entries.len() as u64).sum();
    report.damaged_shards = loaded.damaged.into_values().collect();
    Ok(())
}

fn check_rows(folder: &Path, check_row: RowCheck, report: &mut CheckReport) -> Result<(), StoreError> {
    const SHOWN: usize = 10;
    let environment = Environment::open_to_read(folder)?.ok_or_else(|| missing(folder))?;
    let (Some(table), Some(meta)) =
        (environment.existing_table(Some("rows"))?, environment.existing_table(Some("meta"))?)
    else {
        return Ok(());
    };
    let read = |source| environment.error(source);
    let txn = environment.env.read_txn().map_err(read)?;
    let identity = Identity::read(&environment, meta, &txn)?;
    if identity != report.identity {
        let text = |identity: Option<Identity>| {
            identity.map_or("nobody".into(), |is| format!("node {} of cluster {}", is.node, uuid_text(&is.cluster)))
        };
        let (rows, log) = (text(identity), text(report.identity));
        return Err(environment.unreadable(format!("these rows are those of {rows}, the log is that of {log}")));
    }
    for item in table.iter(&txn).map_err(read)? {
        let (key, value) = item.map_err(read)?;
        report.rows += 1;
        if let Err(what) = check_row(key, value) {
            report.damaged_row_count += 1;
            if report.damaged_rows.len() < SHOWN {
                report.damaged_rows.push(format!("row {}: {what}", key.escape_ascii()));
            }
        }
    }
    Ok(())
}
