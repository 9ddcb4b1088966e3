//! How a finished run ended, as a file: what its tables don't say.

use std::collections::BTreeMap;

use roofnas_search::StopReason;
use serde::{Deserialize, Serialize};

use crate::certified::Certified;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::outcome::{Nearest, Outcome};
use crate::run_directory::RunDirectory;

/// How a finished run ended. The same for the same seed, whenever and on however many threads it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// Version of the program that wrote it.
    pub roofnas: String,
    /// Whether networks were found.
    pub status: FoundStatus,
    /// Why the search ended.
    pub stop_reason: StopReason,
    /// Networks evaluated; where a command trains them, networks trained.
    pub evaluations: u64,
    /// Networks in the front.
    pub front: usize,
    /// Hypervolume of the front, where it is computed.
    pub hypervolume: Option<f64>,
    /// What hypervolume is measured from, by objective, in the objectives' own units and directions.
    pub hypervolume_reference: BTreeMap<String, f64>,
    /// How far the front can be from the optimum, where that was proven.
    pub gap: Option<Gap>,
    /// Where nothing keeps the constraints: what comes nearest to it.
    pub nearest: Option<NearestRecord>,
}

/// Whether a finished run found networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundStatus {
    /// It did.
    Done,
    /// No network that it evaluated keeps its constraints.
    Infeasible,
    /// No network of the space keeps its constraints: that is proven.
    ProvenInfeasible,
}

/// How far a front can be from the optimum of its model and space; `certificate.json` says more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The most that the second objective can be away from the optimum at any value of the first, in the second's unit.
    pub worst: f64,
    /// The same as a share of the second objective's range along the bound.
    pub share_of_range: f64,
    /// Whether the front was held against the exact front, or against a bound of it.
    pub is_exact: bool,
}

/// The network that comes nearest to keeping the constraints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearestRecord {
    /// The genes as text.
    pub genotype: String,
    /// What it breaks, in words.
    pub binds: Vec<String>,
}

impl OutcomeRecord {
    /// The record of an outcome.
    pub fn new(experiment: &Experiment, outcome: &Outcome) -> Self {
        let certified = outcome.certified.as_ref().ok();
        let is_proven = certified.is_some_and(Certified::is_infeasible);
        let reference = experiment.objectives.iter().zip(&outcome.reference);
        Self {
            roofnas: env!("CARGO_PKG_VERSION").to_owned(),
            status: match (outcome.front.is_empty(), is_proven) {
                (false, _) => FoundStatus::Done,
                (true, false) => FoundStatus::Infeasible,
                (true, true) => FoundStatus::ProvenInfeasible,
            },
            stop_reason: outcome.reason,
            evaluations: outcome.evaluations,
            front: outcome.front.len(),
            hypervolume: outcome.hypervolume,
            hypervolume_reference: reference
                .map(|(objective, cost)| {
                    let column = experiment.objective_column(*objective);
                    (column.into_owned(), objective.figure(*cost))
                })
                .collect(),
            gap: certified.and_then(Certified::gap),
            nearest: outcome.nearest.as_ref().map(NearestRecord::new),
        }
    }

    /// The record in a run's folder. Runs of versions before there were records have none.
    ///
    /// # Errors
    /// When there is one, and it doesn't read.
    pub fn read(directory: &RunDirectory) -> Result<Option<Self>, Error> {
        let Some(text) = directory.read_if_there(RunDirectory::OUTCOME)? else {
            return Ok(None);
        };
        let record = serde_json::from_str(&text).map_err(|error| Error::Syntax {
            file: directory
                .path()
                .join(RunDirectory::OUTCOME)
                .display()
                .to_string(),
            message: error.to_string(),
        })?;
        Ok(Some(record))
    }

    /// The record as JSON.
    ///
    /// # Panics
    /// Never: plain numbers and words can always be written.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain numbers and words");
        bytes.push(b'\n');
        bytes
    }
}

impl NearestRecord {
    fn new(nearest: &Nearest) -> Self {
        Self {
            genotype: nearest.text.clone(),
            binds: nearest.binds(),
        }
    }

    /// All of it in one line.
    pub fn sentence(&self) -> String {
        format!(
            "the nearest is {}, where {}",
            self.genotype,
            self.binds.join("; ")
        )
    }
}

/// The name of a reason in tables.
pub(crate) fn stop_reason_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Evaluations => "evaluations",
        StopReason::Seconds => "seconds",
        StopReason::Stagnation => "stagnation",
        StopReason::Exhausted => "exhausted",
        StopReason::Interrupted => "interrupted",
    }
}
