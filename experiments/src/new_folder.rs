//! A folder of results that is there whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Error;
use crate::run_directory::{TEMPORARY, folder_is_vacant};

/// A folder that is to be filled. Files are written out of sight, in a temporary folder inside, and moved into place once all are there; a folder
/// that is given up before vanishes again.
#[derive(Debug)]
pub struct NewFolder {
    path: PathBuf,
    /// The folder was there, empty, before.
    was_there: bool,
    /// Absent once done.
    temporary: Option<TempDir>,
    names: Vec<String>,
}

impl NewFolder {
    /// Begins a folder where there is none, or an empty one.
    ///
    /// # Errors
    /// When something is there already, or no folder can be made.
    pub fn new(path: &Path) -> Result<Self, Error> {
        remove_leftovers(path)?;
        if !folder_is_vacant(path)? {
            return Err(Error::RunDirectory {
                path: path.to_owned(),
                problem: "is not empty; name a new folder, or remove it".to_owned(),
            });
        }
        let failed = |source| Error::write(path, source);
        let was_there = path.exists();
        fs::create_dir_all(path).map_err(failed)?;
        let mut folder = Self {
            path: path.to_owned(),
            was_there,
            temporary: None,
            names: Vec::new(),
        };
        let temporary = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(path);
        folder.temporary = Some(temporary.map_err(failed)?);
        Ok(folder)
    }

    /// Writes a file that will have this name in the folder.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let Some(temporary) = &self.temporary else {
            return Ok(());
        };
        fs::write(temporary.path().join(name), bytes)
            .map_err(|source| Error::write(&self.path.join(name), source))?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Moves the files into place, in the order in which they were written: whoever sees the last one sees all.
    ///
    /// # Errors
    /// When one can't be moved.
    pub fn finish(mut self) -> Result<(), Error> {
        let Some(temporary) = self.temporary.take() else {
            return Ok(());
        };
        let moved = |name: &String| -> io::Result<()> {
            fs::rename(temporary.path().join(name), self.path.join(name))
        };
        let failed = |source| Error::write(&self.path, source);
        self.names.iter().try_for_each(moved).map_err(failed)?;
        self.was_there = true;
        temporary.close().map_err(failed)
    }
}

/// Removes what was left where the process was stopped before it had finished.
fn remove_leftovers(path: &Path) -> Result<(), Error> {
    // what can't be read is told by whoever looks for what is there
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) && entry.path().is_dir() {
            let failed = |source| Error::write(&entry.path(), source);
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        drop(self.temporary.take());
        if !self.was_there {
            // whatever is in it by now is somebody else's, and then it stays
            let _ = fs::remove_dir(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_there_before_all_is() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("new");
        let mut folder = NewFolder::new(&path).unwrap();
        folder.write("a", b"1").unwrap();
        assert!(!path.join("a").exists());
        folder.write("b", b"2").unwrap();
        folder.finish().unwrap();
        let mut names: Vec<_> = fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["a", "b"]);
        assert!(NewFolder::new(&path).is_err());
    }

    #[test]
    fn what_was_stopped_is_no_obstacle() {
        let desk = tempfile::tempdir().unwrap();
        let left = desk.path().join(format!("{TEMPORARY}x1"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("a"), b"1").unwrap();
        let folder = NewFolder::new(desk.path()).unwrap();
        assert!(!left.exists());
        folder.finish().unwrap();
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_given_up_leaves_things_as_they_were() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("new");
        let mut folder = NewFolder::new(&path).unwrap();
        folder.write("a", b"1").unwrap();
        drop(folder);
        assert!(!path.exists());
        let mut folder = NewFolder::new(desk.path()).unwrap();
        folder.write("a", b"1").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 0);
    }
}
