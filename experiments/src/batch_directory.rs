//! The folder of a batch: a folder for each run, and files over all of them.

use std::path::{Path, PathBuf};

use crate::difference::differences;
use crate::error::Error;
use crate::run::Start;
use crate::run_directory::{folder_is_vacant, write_whole};
use crate::shard::Shard;

/// The folder of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchDirectory {
    path: PathBuf,
}

impl BatchDirectory {
    /// The experiment with its matrix, as it was asked for. It also marks the folder as a batch.
    pub const MATRIX: &str = "matrix.toml";
    /// One row a run.
    pub const SUMMARY: &str = "summary.csv";
    /// One row for each best network on each platform.
    pub const PORTABILITY: &str = "portability.csv";
    /// The report.
    pub const REPORT: &str = "report.html";

    /// The folder at this path; nothing is touched yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().components().collect(),
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder can take this batch, or this part of it: that can begin where others have begun.
    ///
    /// # Errors
    /// When something else is there, or a batch that must be resumed or has changed since it began.
    pub fn admit(&self, matrix: &str, start: Start, shard: Shard) -> Result<(), Error> {
        if folder_is_vacant(&self.path)? {
            return Ok(());
        }
        let file = self.path.join(Self::MATRIX);
        let problem = if !file.is_file() {
            "is not empty and not a batch of runs; choose another folder with --out".to_owned()
        } else if start == Start::Afresh && !shard.is_part() {
            "holds a batch; go on with it with --resume, or choose another folder with --out"
                .to_owned()
        } else {
            let stored =
                std::fs::read_to_string(&file).map_err(|source| Error::read(&file, source))?;
            match differences(&stored, matrix).first() {
                None => return Ok(()),
                Some(change) => format!(
                    "holds a batch of another experiment: {change}; start afresh in another folder, or undo the change"
                ),
            }
        };
        Err(Error::RunDirectory {
            path: self.path.clone(),
            problem,
        })
    }

    /// Opens the folder with what was asked for, unless that stands there already.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(&self, matrix: &str) -> Result<(), Error> {
        if self.path.join(Self::MATRIX).is_file() {
            return Ok(());
        }
        self.write(Self::MATRIX, matrix.as_bytes())
    }

    /// Writes a file of the batch.
    ///
    /// # Errors
    /// When it can't be written; an earlier version is then still there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_whole(&self.path.join(name), bytes)
    }
}
