//! The folder of one run, and how files get into it: whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::folder_lock::{Busy, FolderLock};

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

/// What is in a folder that a run wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Nothing, or no folder yet.
    Vacant,
    /// A run that was interrupted, or is under way.
    Unfinished,
    /// A run that is done.
    Finished,
    /// Something else.
    Foreign,
}

impl RunDirectory {
    /// The experiment as resolved.
    pub const EXPERIMENT: &str = "experiment.toml";
    /// The platform as used.
    pub const PLATFORM: &str = "platform.toml";
    /// The front.
    pub const PARETO: &str = "pareto.csv";
    /// The generations.
    pub const HISTORY: &str = "history.csv";
    /// What its networks took when they were run for real. Not of the run itself: it comes later, or never.
    pub const VERIFICATION: &str = "verify.csv";
    /// How far the front can be from the optimum.
    pub const CERTIFICATE: &str = "certificate.json";
    /// Points that bound every front of the space.
    pub const BOUND: &str = "bound.csv";
    /// How it ended.
    pub const OUTCOME: &str = "outcome.json";
    /// Why it failed, where it did.
    pub const FAILURE: &str = "failure.txt";
    /// The report.
    pub const REPORT: &str = "report.html";
    /// Trained networks: those that accuracy was learnt from, or those that the user's command was asked to train.
    pub const TRAINED: &str = "trained.csv";
    /// The folder of what was handed to the user's command, with what that wrote there.
    pub const TRAINING: &str = "training";
    /// The state of a run that is not done.
    pub const CHECKPOINT: &str = "checkpoint";
    /// The folder of the networks.
    pub const BACKBONES: &str = "backbones";

    /// The folder at this path; nothing is touched yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            // without a slash at its end, so that messages read well
            path: path.as_ref().components().collect(),
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is there now.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn contents(&self) -> Result<Contents, Error> {
        if folder_is_vacant(&self.path)? {
            return Ok(Contents::Vacant);
        }
        let has = |name: &str| self.path.join(name).exists();
        Ok(if has(Self::CHECKPOINT) {
            Contents::Unfinished
        } else if has(Self::PARETO) {
            Contents::Finished
        } else if has(Self::EXPERIMENT) {
            Contents::Unfinished
        } else {
            Contents::Foreign
        })
    }

    /// Whether it holds a finished run.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn is_finished(&self) -> Result<bool, Error> {
        Ok(self.contents()? == Contents::Finished)
    }

    /// Text of one of its files.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.path.join(name);
        fs::read_to_string(&path).map_err(|source| Error::read(&path, source))
    }

    /// One of its files.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read_bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        fs::read(&path).map_err(|source| Error::read(&path, source))
    }

    /// Text of one of its files, if it is there.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub fn read_if_there(&self, name: &str) -> Result<Option<String>, Error> {
        if self.path.join(name).exists() {
            self.read(name).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Writes a file of the run.
    ///
    /// # Errors
    /// When it can't be written; an earlier version is then still there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_whole(&self.path.join(name), bytes)
    }

    /// Makes the folder, where there is none, and keeps other processes from working in it until what it returns is dropped.
    ///
    /// # Errors
    /// When it can't be made, or another process is at work in it.
    pub(crate) fn take(&self) -> Result<FolderLock, Error> {
        fs::create_dir_all(&self.path).map_err(|source| Error::write(&self.path, source))?;
        FolderLock::try_take(&self.path).map_err(|Busy| Error::Busy {
            path: self.path.clone(),
        })
    }

    /// Removes what writes that were cut off have left: temporary files that never got their names.
    ///
    /// # Errors
    /// When the folder can't be read, or a leftover can't be removed.
    pub fn remove_leftovers(&self) -> Result<(), Error> {
        let folders = [Self::BACKBONES, Self::TRAINING].map(|name| self.path.join(name));
        for folder in [self.path.clone()].into_iter().chain(folders) {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|source| Error::read(&folder, source))?,
            };
            for entry in entries {
                let entry = entry.map_err(|source| Error::read(&folder, source))?;
                if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                    let path = entry.path();
                    fs::remove_file(&path).map_err(|source| Error::write(&path, source))?;
                }
            }
        }
        Ok(())
    }

    /// Says in the folder of a run that is not done why it failed, so that others who share its batch know; as far as it can be said at all, since
    /// what failed may be the writing.
    pub fn record_failure(&self, message: &str) {
        if matches!(self.contents(), Ok(Contents::Unfinished)) {
            let _ = self.write(Self::FAILURE, format!("{message}\n").as_bytes());
        }
    }

    /// Why the run failed, where that is recorded.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn failure(&self) -> Result<Option<String>, Error> {
        let text = self.read_if_there(Self::FAILURE)?;
        Ok(text.map(|text| text.trim_end().to_owned()))
    }

    /// Removes a file of the run, if it is there.
    ///
    /// # Errors
    /// When it is there and can't be removed.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::write(&path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Whether there is no folder yet, or an empty one. What writes that were cut off, or are under way, have put there doesn't count.
///
/// # Errors
/// When what is there can't be read, or no folder can be made there.
pub(crate) fn folder_is_vacant(path: &Path) -> Result<bool, Error> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.all(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY))
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        // a file in the way of the folder: nothing can be written there
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(Error::write(path, error))
        }
        Err(error) => Err(Error::read(path, error)),
    }
}

/// How the names of temporary files begin.
pub(crate) const TEMPORARY: &str = ".roofnas-";

/// Writes a file so that at its path there is the old content or the new, never a part: into a temporary file beside it,
/// down to the disk, then in its place. Folders on the way are made.
///
/// # Errors
/// When any of that fails; nothing is then left behind.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let attempt = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions_if_supported()
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|source| Error::write(path, source))
}

/// Whether a file could be written at this path, as far as that can be told without leaving anything behind: for those who would rather
/// know before hours of work than after.
///
/// # Errors
/// When a folder is in the way, or no file can be made in the path's folder, or in the nearest one above that is there.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::write(path, io::ErrorKind::IsADirectory.into()));
    }
    let mut folder = path.parent();
    while let Some(missing) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
        // a file in the way is there, and no file can be made below it
        if missing.exists() {
            break;
        }
        folder = missing.parent();
    }
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let attempt = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(folder.unwrap_or(Path::new(".")));
    match attempt {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::write(path, source)),
    }
}

/// Temporary files are private by default; results are as readable as any file their owner makes.
trait PermissionsIfSupported {
    fn permissions_if_supported(&mut self) -> &mut Self;
}

impl PermissionsIfSupported for tempfile::Builder<'_, '_> {
    #[cfg(unix)]
    fn permissions_if_supported(&mut self) -> &mut Self {
        use std::os::unix::fs::PermissionsExt;
        // the process's umask still applies
        self.permissions(fs::Permissions::from_mode(0o666))
    }

    #[cfg(not(unix))]
    fn permissions_if_supported(&mut self) -> &mut Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_leave_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let entries = fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(entries.count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = write_whole(&path, b"new").unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let below_a_file = folder.path().join("file/below");
        write_whole(&folder.path().join("file"), b"x").unwrap();
        assert!(write_whole(&below_a_file, b"y").is_err());
    }

    #[test]
    fn a_place_that_can_be_written_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("deep/er/file");
        check_writable(&deep).unwrap();
        check_writable(Path::new("a-file-right-here")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(folder.path().join("deep"), "in the way").unwrap();
        let error = check_writable(&deep).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[test]
    fn contents_tell_runs_from_other_folders() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::new(folder.path().join("run"));
        assert_eq!(run.contents().unwrap(), Contents::Vacant);
        fs::create_dir_all(run.path()).unwrap();
        fs::write(run.path().join(".roofnas-x"), b"cut off").unwrap();
        assert_eq!(run.contents().unwrap(), Contents::Vacant);
        run.write(RunDirectory::EXPERIMENT, b"").unwrap();
        assert_eq!(run.contents().unwrap(), Contents::Unfinished);
        fs::write(run.path().join(".roofnas-x"), b"cut off").unwrap();
        run.remove_leftovers().unwrap();
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 1);
        run.write(RunDirectory::PARETO, b"").unwrap();
        assert_eq!(run.contents().unwrap(), Contents::Finished);
        run.write(RunDirectory::VERIFICATION, b"").unwrap();
        run.remove_leftovers().unwrap();
        assert_eq!(run.contents().unwrap(), Contents::Finished);
        assert!(run.path().join(RunDirectory::VERIFICATION).exists());
        run.write(RunDirectory::CHECKPOINT, b"").unwrap();
        assert_eq!(run.contents().unwrap(), Contents::Unfinished);
        run.remove(RunDirectory::CHECKPOINT).unwrap();
        run.remove(RunDirectory::CHECKPOINT).unwrap();
        assert_eq!(
            RunDirectory::new(folder.path()).contents().unwrap(),
            Contents::Foreign
        );
    }
}
