//! One process per data folder: a locked file keeps a second one out, and the kernel frees it when its holder dies.

use super::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Holds a data folder for this process as long as it lives.
#[derive(Debug)]
pub struct FolderLock {
    // Never read: the lock is the open file.
    _file: File,
}

impl FolderLock {
    /// Take the folder, making it if it does not exist.
    ///
    /// # Errors
    /// When another process has it, or the file cannot be made.
    pub fn acquire(folder: &Path) -> Result<FolderLock, StoreError> {
        let file_error = |source| StoreError::File { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(file_error)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("LOCK"))
            .map_err(file_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::InUse { folder: folder.into(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(file_error(source)),
        }
        // The number is only for the message that another process prints.
        let note = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).map_err(file_error)?;
        Ok(FolderLock { _file: file })
    }
}
