//! One process at a time in a folder.

use std::fs::{File, TryLockError};
use std::path::Path;

/// Holds a folder until it is dropped, or the process ends in whatever way: the system's own lock on the folder, so nothing is left in it. Where
/// the system or its file system has no such locks, nothing is held, and nobody is kept out.
#[derive(Debug)]
pub struct FolderLock {
    _folder: Option<File>,
}

/// Another process holds the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

impl FolderLock {
    /// Takes a folder that nobody else holds.
    pub(crate) fn try_take(folder: &Path) -> Result<Self, Busy> {
        let Ok(file) = File::open(folder) else {
            return Ok(Self { _folder: None });
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Busy),
            Err(TryLockError::Error(_)) => Ok(Self { _folder: None }),
            Ok(()) => Ok(Self {
                _folder: Some(file),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::try_take(folder.path()).unwrap();
        assert_eq!(FolderLock::try_take(folder.path()).unwrap_err(), Busy);
        drop(first);
        assert!(FolderLock::try_take(folder.path()).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        assert!(FolderLock::try_take(&folder.path().join("none")).is_ok());
    }
}
