//! What is to be trained, round by round: the part of a run that can't be worked out again without training.

use roofnas_space::Genotype;
use serde::{Deserialize, Serialize};

use super::candidate::{Candidate, Forecast, Origin};
use crate::error::Error;
use crate::experiment::Experiment;
use crate::history::Generation;
use crate::run_directory::RunDirectory;

/// The version of the format that this code writes and reads.
const FORMAT: u32 = 1;

/// The rounds of a run, as `training/rounds.json` holds them. What came of each network stands in files of their own, written as they come.
///
/// Law: a round is stored before any of its networks is trained, so that a run that was killed trains the same networks again, and no others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Campaign {
    format: u32,
    /// The candidates of each round.
    pub(super) rounds: Vec<Vec<Candidate>>,
    /// How each finished round ended.
    pub(super) history: Vec<Generation>,
    /// What a user should know of how networks were chosen.
    pub(super) warnings: Vec<String>,
}

impl Campaign {
    /// The file.
    const FILE: &str = "training/rounds.json";

    /// No round yet.
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            rounds: Vec::new(),
            history: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The rounds of a run that was interrupted, if it had got so far.
    ///
    /// # Errors
    /// When the file is there and doesn't read.
    pub(super) fn read(
        directory: &RunDirectory,
        experiment: &Experiment,
    ) -> Result<Option<Self>, Error> {
        let Some(text) = directory.read_if_there(Self::FILE)? else {
            return Ok(None);
        };
        let unusable = |problem: String| Error::Unusable {
            path: directory.path().join(Self::FILE),
            problem,
        };
        let campaign: Self = serde_json::from_str(&text)
            .map_err(|error| unusable(format!("does not hold the rounds of a run: {error}")))?;
        if campaign.format != FORMAT {
            let problem = format!(
                "is of format {}, but this version reads format {FORMAT}; finish the run with the version that began it, or start \
                 afresh in another folder (what was trained is in the cache)",
                campaign.format
            );
            return Err(unusable(problem));
        }
        let mut genotypes = campaign.rounds.iter().flatten().map(|c| &c.genotype);
        if !genotypes.all(|genotype| experiment.space.contains(genotype)) {
            let problem = "holds networks that are not of this experiment's space".to_owned();
            return Err(unusable(problem));
        }
        Ok(Some(campaign))
    }

    /// Writes the rounds.
    ///
    /// # Errors
    /// When they can't be written.
    pub(super) fn write(&self, directory: &RunDirectory) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self);
        let path = directory.path().join(Self::FILE);
        let bytes = bytes.map_err(|error| Error::write(&path, error.into()))?;
        directory.write(Self::FILE, &bytes)
    }

    /// Removes the file of a run that is done.
    ///
    /// # Errors
    /// When it can't be removed.
    pub(super) fn remove(directory: &RunDirectory) -> Result<(), Error> {
        directory.remove(Self::FILE)
    }

    /// Networks in all rounds.
    pub(super) fn networks(&self) -> usize {
        self.rounds.iter().map(Vec::len).sum()
    }

    /// Adds a round of these networks.
    pub(super) fn begin(&mut self, proposals: Vec<(Genotype, Origin, Option<Forecast>)>) {
        let (before, round) = (self.networks(), self.rounds.len());
        let candidates = proposals.into_iter().enumerate();
        let candidates = candidates.map(|(index, (genotype, origin, forecast))| Candidate {
            id: format!("t{:03}", before + index + 1),
            round,
            genotype,
            origin,
            forecast,
        });
        self.rounds.push(candidates.collect());
    }
}
