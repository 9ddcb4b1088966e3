//! The runs that somebody wants compared, read back from their folders.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::batch_directory::BatchDirectory;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::finished::FinishedRun;
use crate::outcome::FrontRow;
use crate::run_directory::{Contents, RunDirectory};
use crate::source::ExperimentFile;

/// A finished run with its front.
#[derive(Debug, Clone)]
pub struct GivenRun {
    /// Its folder.
    pub path: PathBuf,
    /// The experiment as it ran.
    pub experiment: Experiment,
    /// Its front, at least one network.
    pub front: Vec<FrontRow>,
}

/// Reads runs, and the finished runs of whole batches; with remarks on those of batches that are left out.
///
/// # Errors
/// When a folder holds neither a finished run nor a batch with one, or a file in it doesn't read.
pub fn given_runs(folders: &[PathBuf]) -> Result<(Vec<GivenRun>, Vec<String>), Error> {
    let (mut directories, mut remarks) = (Vec::new(), Vec::new());
    for folder in folders {
        if folder.join(BatchDirectory::MATRIX).is_file() {
            directories.extend(finished_of_batch(folder, &mut remarks)?);
        } else {
            directories.push(finished(folder)?);
        }
    }
    let mut distinct: Vec<RunDirectory> = Vec::new();
    for directory in directories {
        if !distinct.contains(&directory) {
            distinct.push(directory);
        }
    }
    let runs: Result<Vec<GivenRun>, Error> = distinct.into_par_iter().map(GivenRun::read).collect();
    let mut runs = runs?;
    let is_named = |run: &GivenRun| folders.contains(&run.path);
    if let Some(empty) = runs
        .iter()
        .find(|run| run.front.is_empty() && is_named(run))
    {
        return Err(Error::RunDirectory {
            path: empty.path.clone(),
            problem:
                "its front is empty: no network kept the constraints, so there is none to compare"
                    .to_owned(),
        });
    }
    for empty in runs.iter().filter(|run| run.front.is_empty()) {
        let path = empty.path.display();
        remarks.push(format!(
            "{path} is left out: no network kept its constraints"
        ));
    }
    runs.retain(|run| !run.front.is_empty());
    if runs.is_empty() {
        return Err(Error::RunDirectory {
            path: folders.first().cloned().unwrap_or_default(),
            problem: "has no run that found networks".to_owned(),
        });
    }
    Ok((runs, remarks))
}

impl GivenRun {
    fn read(directory: RunDirectory) -> Result<Self, Error> {
        let path = directory.path().to_owned();
        let run = FinishedRun::read(directory)?;
        Ok(Self {
            path,
            front: run.front()?,
            experiment: run.experiment,
        })
    }

    /// Its folder in words.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// A folder that was named as a run.
fn finished(folder: &Path) -> Result<RunDirectory, Error> {
    let directory = RunDirectory::new(folder);
    if folder.is_file() {
        return Err(Error::RunDirectory {
            path: folder.to_owned(),
            problem: "is a file; a run's folder, or a batch's, was expected".to_owned(),
        });
    }
    let problem = match directory.contents()? {
        Contents::Finished => return Ok(directory),
        Contents::Unfinished => {
            "holds a run that is not done; finish it with roofnas run EXP.toml --out DIR --resume"
        }
        Contents::Vacant if !folder.exists() => {
            "is not there; a run's folder, or a batch's, was expected"
        }
        Contents::Vacant => "is empty; a run's folder, or a batch's, was expected",
        Contents::Foreign => {
            "is neither a run nor a batch: a run's folder has experiment.toml, platform.toml and pareto.csv, a batch's has matrix.toml"
        }
    };
    Err(Error::RunDirectory {
        path: folder.to_owned(),
        problem: problem.to_owned(),
    })
}

/// The finished runs of a batch.
fn finished_of_batch(folder: &Path, remarks: &mut Vec<String>) -> Result<Vec<RunDirectory>, Error> {
    let batch = ExperimentFile::read(&folder.join(BatchDirectory::MATRIX), &[])?;
    let mut done = Vec::new();
    for planned in &batch.runs {
        let directory = RunDirectory::new(folder.join(&planned.folder));
        if directory.is_finished()? {
            done.push(directory);
        }
    }
    let (path, all) = (folder.display(), batch.runs.len());
    match done.len() {
        0 => Err(Error::RunDirectory {
            path: folder.to_owned(),
            problem: format!(
                "none of the batch's {all} runs is finished; go on with it with roofnas run EXP.toml --out DIR --resume"
            ),
        }),
        some => {
            if some < all {
                remarks.push(format!(
                    "{path}: {} of {all} runs are not finished and left out",
                    all - some
                ));
            }
            Ok(done)
        }
    }
}
