//! A finished run, read back from its folder alone: the experiment and the platform as they were used.

use roofnas_cost::{Dtype, Platform};

use crate::error::Error;
use crate::experiment::{Experiment, batches, model};
use crate::history::Generation;
use crate::outcome::FrontRow;
use crate::run_directory::RunDirectory;
use crate::source::ExperimentFile;

/// A finished run.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// The experiment as it ran.
    pub experiment: Experiment,
    directory: RunDirectory,
}

impl FinishedRun {
    /// Reads a run's folder.
    ///
    /// # Errors
    /// When it holds no finished run, or one of its files doesn't read.
    pub fn read(directory: RunDirectory) -> Result<Self, Error> {
        let path = |name: &str| directory.path().join(name);
        if !(directory.path().is_dir() && directory.is_finished()?) {
            let problem = "holds no finished run: that is a folder with experiment.toml, platform.toml and pareto.csv";
            return Err(Error::RunDirectory {
                path: directory.path().to_owned(),
                problem: problem.to_owned(),
            });
        }
        let file = path(RunDirectory::EXPERIMENT).display().to_string();
        let stored = |table: &str, name: &str, dtype: Dtype, batch: u64| {
            let platform = directory.read(name)?;
            let platform =
                Platform::from_toml(&platform).map_err(|source| Error::StoredPlatform {
                    path: path(name),
                    source,
                })?;
            let model = model(platform, dtype, batch, (&file, table))?;
            Ok((model, path(name).display().to_string()))
        };
        let text = directory.read(RunDirectory::EXPERIMENT)?;
        let config = ExperimentFile::parse(&text, &file, &[])?
            .runs
            .remove(0)
            .config;
        let own = &config.platform;
        let smallest = batches(&own.batch, &file)?[0];
        let (model, origin) = stored("platform", RunDirectory::PLATFORM, own.dtype, smallest)?;
        Ok(Self {
            experiment: Experiment::on(model, origin, config, &file, stored)?,
            directory,
        })
    }

    /// Its folder.
    pub fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// The networks of its front.
    ///
    /// # Errors
    /// When `pareto.csv` doesn't read, or holds what is not of the space.
    pub fn front(&self) -> Result<Vec<FrontRow>, Error> {
        let path = self.directory.path().join(RunDirectory::PARETO);
        let broken = |message: String| Error::Syntax {
            file: path.display().to_string(),
            message,
        };
        let text = self.directory.read(RunDirectory::PARETO)?;
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let headers = table
            .headers()
            .map_err(|error| broken(error.to_string()))?
            .clone();
        let column = |name: &str| {
            let found = headers.iter().position(|header| header == name);
            found.ok_or_else(|| broken(format!("column {name} is missing")))
        };
        let (id, genotype) = (column("id")?, column("genotype")?);
        // what a command has measured can't be worked out again
        let measured = self.experiment.resolved.quality.external.is_some();
        let quality = column("quality")?;
        let rows = table.records().map(|record| {
            let record = record.map_err(|error| broken(error.to_string()))?;
            let parsed = self.experiment.space.parse(&record[genotype]);
            let parsed = parsed.map_err(|source| Error::Genotype {
                path: path.clone(),
                source,
            })?;
            let mut metrics = self.experiment.appraise(&parsed);
            if measured {
                let text = &record[quality];
                metrics.quality = text
                    .parse()
                    .map_err(|_| broken(format!("quality \"{text}\" is not a number")))?;
            }
            Ok(FrontRow {
                id: record[id].to_owned(),
                text: record[genotype].to_owned(),
                resolution: self.experiment.space.resolution(&parsed),
                metrics,
                genotype: parsed,
            })
        });
        rows.collect()
    }

    /// Its generations.
    ///
    /// # Errors
    /// When `history.csv` doesn't read.
    pub fn history(&self) -> Result<Vec<Generation>, Error> {
        let text = self.directory.read(RunDirectory::HISTORY)?;
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let rows = table.deserialize().collect::<Result<Vec<Generation>, _>>();
        rows.map_err(|error| Error::Syntax {
            file: self
                .directory
                .path()
                .join(RunDirectory::HISTORY)
                .display()
                .to_string(),
            message: error.to_string(),
        })
    }

    /// One network of its front.
    ///
    /// # Errors
    /// When there is none of this id, and as [`front`](Self::front).
    pub fn row(&self, id: &str) -> Result<FrontRow, Error> {
        let front = self.front()?;
        let ends = match (front.first(), front.last()) {
            (Some(first), Some(last)) => format!("its front has {} to {}", first.id, last.id),
            _ => "its front is empty".to_owned(),
        };
        let found = front.into_iter().find(|row| row.id == id);
        found.ok_or_else(|| Error::RunDirectory {
            path: self.directory.path().to_owned(),
            problem: format!("has no network \"{id}\"; {ends}"),
        })
    }
}
