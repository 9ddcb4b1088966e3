//! What a refinement leaves in its run's folder.

use std::path::PathBuf;

use roofnas_cost::Platform;

use super::measured::{MeasuredNetwork, Timed, refine_csv, timed};
use super::round::{Round, rounds_csv};
use super::selection::Selected;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::run_directory::RunDirectory;

/// Networks of the first round that are measured in every later one too.
const ANCHORS: usize = 3;

/// The folder of a run that refines its platform: that of an ordinary run, for the last search, with a folder more for each round.
#[derive(Debug, Clone)]
pub struct RefineDirectory {
    run: RunDirectory,
}

impl RefineDirectory {
    /// What was measured, in all rounds.
    pub const NETWORKS: &str = "refine.csv";
    /// The rounds.
    pub const ROUNDS: &str = "refine-rounds.csv";
    /// In a round's folder: a search without the latency budget.
    pub const WITHOUT_BUDGET: &str = "without-budget";
    /// In a round's folder: the measurements as `roofnas measure` writes them.
    pub const MEASUREMENTS: &str = "measurements.csv";

    /// That of a run.
    pub fn new(run: &RunDirectory) -> Self {
        Self { run: run.clone() }
    }

    /// The folder of a round, which is a run like any other; rounds count from 1.
    pub fn round(&self, number: usize) -> RunDirectory {
        RunDirectory::new(self.run.path().join(Self::round_name(number)))
    }

    /// The folder of a round's search without a latency budget, where nothing is predicted to keep it.
    pub fn without_budget(&self, number: usize) -> RunDirectory {
        RunDirectory::new(self.round(number).path().join(Self::WITHOUT_BUDGET))
    }

    /// The name of that folder.
    pub fn round_name(number: usize) -> String {
        format!("round-{number}")
    }

    /// The table of a round's measurements.
    pub fn measurements(&self, number: usize) -> PathBuf {
        self.round(number).path().join(Self::MEASUREMENTS)
    }

    /// The profile that a round has searched with, where it has begun to.
    ///
    /// # Errors
    /// When it is there and doesn't read.
    pub fn platform(&self, number: usize) -> Result<Option<Platform>, Error> {
        stored(&self.round(number))
    }

    /// The profile that was fitted to everything, once there is one.
    ///
    /// # Errors
    /// When it is there and doesn't read.
    pub fn last_platform(&self) -> Result<Option<Platform>, Error> {
        stored(&self.run)
    }

    /// Whether a round's measuring is over: what was fitted on it is there.
    ///
    /// # Errors
    /// When a profile is there and doesn't read.
    pub fn is_measured(&self, number: usize) -> Result<bool, Error> {
        Ok(self.platform(number + 1)?.is_some() || self.last_platform()?.is_some())
    }

    /// The networks of a round that its table holds, in the order they were selected in. `experiment` is the round's, whose platform has predicted them.
    ///
    /// # Errors
    /// When the table is there and doesn't read.
    pub fn measured(
        &self,
        number: usize,
        experiment: &Experiment,
        selected: &[Selected],
    ) -> Result<Vec<MeasuredNetwork>, Error> {
        let rows = self.rows(number)?;
        let model = &experiment.appraiser.model;
        let fitted_on = model.calibration().map_or(0, |c| c.measured.networks);
        let row_of = |one: &Selected| -> Option<Timed> {
            rows.iter().find(|row| row.network == one.id).cloned()
        };
        let networks = selected.iter().filter_map(|one| {
            Some(MeasuredNetwork {
                round: number,
                selected: one.clone(),
                profile: model.platform().name.clone(),
                profile_networks: fitted_on,
                budget_ms: experiment.budget_ms(),
                timed: row_of(one)?,
            })
        });
        Ok(networks.collect())
    }

    /// Networks of the first round that are measured again in every later one, with their names in its table: how much they differ says how far rounds
    /// compare.
    pub fn anchors(known: &[MeasuredNetwork]) -> impl Iterator<Item = (String, &MeasuredNetwork)> {
        let first = known.iter().filter(|one| one.round == 1).take(ANCHORS);
        first.map(|one| (format!("{}-{}", Self::round_name(1), one.selected.id), one))
    }

    /// How much longer than in the first round the anchors took in this one, the median of them; nothing where none was measured again.
    ///
    /// # Errors
    /// When the table is there and doesn't read.
    pub fn drift(&self, number: usize, known: &[MeasuredNetwork]) -> Result<Option<f64>, Error> {
        let rows = self.rows(number)?;
        let ratios = Self::anchors(known).filter_map(|(name, then)| {
            let now = rows.iter().find(|row| row.network == name)?;
            Some(now.latency_ms / then.measured_ms())
        });
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        Ok(ratios.get(ratios.len() / 2).copied())
    }

    fn rows(&self, number: usize) -> Result<Vec<Timed>, Error> {
        let text = self.round(number).read_if_there(Self::MEASUREMENTS)?;
        timed(&text.unwrap_or_default()).map_err(|problem| Error::Unusable {
            path: self.measurements(number),
            problem,
        })
    }

    /// Writes what is known by now.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, networks: &[MeasuredNetwork], rounds: &[Round]) -> Result<(), Error> {
        self.run.write(Self::NETWORKS, &refine_csv(networks))?;
        self.run.write(Self::ROUNDS, &rounds_csv(rounds))
    }
}

fn stored(run: &RunDirectory) -> Result<Option<Platform>, Error> {
    let Some(text) = run.read_if_there(RunDirectory::PLATFORM)? else {
        return Ok(None);
    };
    let platform = Platform::from_toml(&text).map_err(|source| Error::StoredPlatform {
        path: run.path().join(RunDirectory::PLATFORM),
        source,
    })?;
    Ok(Some(platform))
}
