//! From a table of trained networks to a surrogate.

use std::path::Path;
use std::sync::Arc;

use roofnas_cost::surrogate::{Surrogate, SurrogateError, Trained, TrainingSet};
use roofnas_space::{Genotype, SearchSpace};

use super::config::{Columns, SurrogateConfig};
use super::cross_validation::CrossValidated;
use crate::error::Error;
use crate::run_directory::RunDirectory;
use crate::tables::{csv_of_width, optional};
use crate::trained::{DistinctNetwork, TrainedColumns, TrainedTable};

/// What an experiment's surrogate has learnt from.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The table's rows.
    table: TrainedTable,
    /// What came of it.
    pub surrogate: Arc<Surrogate>,
    /// How well it does.
    pub validation: CrossValidated,
}

impl Lesson {
    /// Reads the table that a configuration names, and learns from it.
    ///
    /// # Errors
    /// When it can't be read, or nothing can be learnt from it.
    pub fn read(
        config: &SurrogateConfig,
        path: &Path,
        space: &SearchSpace,
        sample: &[Genotype],
    ) -> Result<Self, Error> {
        let columns = TrainedColumns {
            architecture: config.architecture.clone(),
            truth: config.accuracy.names().to_vec(),
            extra: Vec::new(),
            std: config.accuracy_std.clone(),
        };
        let table = TrainedTable::read(path, space, &columns)?;
        let distinct = table.distinct(space);
        let trained: Vec<Trained> = distinct.iter().map(trained).collect();
        let unusable = |source: SurrogateError| Error::Unusable {
            path: path.to_owned(),
            problem: in_the_table(&source, &distinct),
        };
        let set = TrainingSet::new(space, sample, &trained).map_err(unusable)?;
        let surrogate = set.fit().map_err(unusable)?;
        Ok(Self {
            validation: CrossValidated::new(&surrogate, &trained),
            surrogate: Arc::new(surrogate),
            table,
        })
    }

    /// How well it does, in a line.
    pub fn sentence(&self) -> String {
        format!("surrogate: {}", self.validation.sentence())
    }

    /// The table as a run's folder keeps it: genotypes in words, and the accuracies that were used.
    pub fn csv(&self, space: &SearchSpace) -> Vec<u8> {
        let columns = self.columns().into_iter();
        let header: Vec<String> = [GENOTYPE.to_owned()].into_iter().chain(columns).collect();
        let mut rows = self.table.rows.iter().map(|row| {
            let std = self.has_std().then_some(&row.std);
            let figures = row.accuracies.iter().chain(std);
            let cells = figures.map(|figure| optional(*figure));
            let name = space.format(&row.genotype);
            [name].into_iter().chain(cells).collect()
        });
        csv_of_width(&header, &mut rows)
    }

    /// The configuration for a run's folder, where the table stands beside it.
    pub fn resolved(&self, config: &SurrogateConfig) -> SurrogateConfig {
        let mut accuracies = self.columns();
        let stds = accuracies.split_off(self.seeds());
        SurrogateConfig {
            table: RunDirectory::TRAINED.to_owned(),
            accuracy: Columns::Several(accuracies),
            accuracy_std: stds.into_iter().next(),
            architecture: Some(GENOTYPE.to_owned()),
            cross_validation: Some(self.validation),
            ..config.clone()
        }
    }

    fn seeds(&self) -> usize {
        let row = self.table.rows.first();
        row.map_or(0, |row| row.accuracies.len())
    }

    /// Names of the columns beside the genotype.
    fn columns(&self) -> Vec<String> {
        let seeds = self.seeds();
        let accuracies = (1..=seeds).map(|seed| match seeds {
            1 => "accuracy".to_owned(),
            _ => format!("accuracy_{seed}"),
        });
        let std = self.has_std().then(|| "std".to_owned());
        accuracies.chain(std).collect()
    }

    /// Whether any deviation is known.
    fn has_std(&self) -> bool {
        self.table.rows.iter().any(|row| row.std.is_some())
    }
}

/// A problem with trained networks, with the line that it is in.
pub fn in_the_table(error: &SurrogateError, networks: &[DistinctNetwork]) -> String {
    let row = match error {
        SurrogateError::Accuracy { row, .. } | SurrogateError::Deviation { row, .. } => *row,
        SurrogateError::TooFew { .. } | SurrogateError::Constant => return error.to_string(),
    };
    let line = networks.get(row).and_then(|network| network.lines.first());
    line.map_or_else(|| error.to_string(), |line| format!("line {line}: {error}"))
}

/// The column of networks in a run's folder.
const GENOTYPE: &str = "genotype";

/// What is learnt from one network.
fn trained(network: &DistinctNetwork) -> Trained {
    Trained {
        genotype: network.genotype.clone(),
        accuracy: network.accuracy(),
        std: network.std,
        runs: u32::try_from(network.trainings).unwrap_or(u32::MAX),
    }
}
