//! A matrix of runs as a whole: its summary.

use std::path::PathBuf;

use roofnas_cost::{Bound, NetworkCost};

use crate::error::Error;
use crate::experiment::Experiment;
use crate::finished::FinishedRun;
use crate::history::Generation;
use crate::outcome::FrontRow;
use crate::outcome_record::{NearestRecord, OutcomeRecord, stop_reason_name};
use crate::run_directory::{Contents, RunDirectory};
use crate::source::Setting;
use crate::tables::{csv, latency_kind, optional, quality_kind};

/// How one run of a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStatus {
    /// It found networks.
    Done,
    /// No network keeps its constraints.
    Infeasible,
    /// It was interrupted, or was not begun.
    Unfinished,
    /// It failed, with this message.
    Failed(String),
}

impl RunStatus {
    /// The name in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Infeasible => "infeasible",
            Self::Unfinished => "unfinished",
            Self::Failed(_) => "failed",
        }
    }
}

/// One run of a batch, with what it found.
#[derive(Debug, Clone)]
pub struct BatchEntry {
    /// Its folder within the batch.
    pub folder: PathBuf,
    /// The matrix's values for it.
    pub settings: Vec<Setting>,
    /// The experiment.
    pub experiment: Experiment,
    /// How it ended.
    pub status: RunStatus,
    /// Its front; empty unless it is done.
    pub front: Vec<FrontRow>,
    /// Its last generation.
    pub last: Option<Generation>,
    /// How its search ended, where it is done.
    pub record: Option<OutcomeRecord>,
}

impl BatchEntry {
    /// The run of an experiment, with what its folder holds by now. A failure that is known already comes with its message; one that is recorded in
    /// the folder is read there; and a folder that doesn't read is one.
    pub fn read(
        folder: PathBuf,
        settings: Vec<Setting>,
        experiment: Experiment,
        directory: &RunDirectory,
        failure: Option<String>,
    ) -> Self {
        let found = match failure {
            Some(message) => Err(message),
            None => Found::read(directory),
        };
        let (status, found) = match found {
            Err(message) => (RunStatus::Failed(message), None),
            Ok(None) => (RunStatus::Unfinished, None),
            Ok(Some(found)) if found.front.is_empty() => (RunStatus::Infeasible, Some(found)),
            Ok(Some(found)) => (RunStatus::Done, Some(found)),
        };
        let (front, last, record) = match found {
            Some(found) => (found.front, found.last, found.record),
            None => (Vec::new(), None, None),
        };
        Self {
            folder,
            settings,
            experiment,
            status,
            front,
            last,
            record,
        }
    }

    /// Reads the folder again; says whether the run has ended since it was read.
    pub fn ended_since(&mut self, directory: &RunDirectory) -> bool {
        if self.status != RunStatus::Unfinished {
            return false;
        }
        let (settings, experiment) = (self.settings.clone(), self.experiment.clone());
        *self = Self::read(self.folder.clone(), settings, experiment, directory, None);
        self.status != RunStatus::Unfinished
    }

    /// Hypervolume of its front, where it is known: of the front itself, with what a proof has added.
    pub fn hypervolume(&self) -> Option<f64> {
        match &self.record {
            Some(record) => record.hypervolume,
            None => self.last?.hypervolume,
        }
    }

    /// What that is measured from, as `latency_ms=60 quality=-3.1`: hypervolumes with different references can't be compared.
    pub fn hypervolume_reference(&self) -> Option<String> {
        let reference = self.record.as_ref()?.hypervolume_reference.iter();
        let figures: Vec<String> = reference
            .map(|(objective, figure)| format!("{objective}={figure}"))
            .collect();
        Some(figures.join(" "))
    }

    /// Networks evaluated, or trained.
    pub fn evaluations(&self) -> Option<u64> {
        match &self.record {
            Some(record) => Some(record.evaluations),
            None => Some(self.last?.evaluations),
        }
    }

    /// Why its search ended, where it is done.
    pub fn stop_reason(&self) -> Option<&'static str> {
        let record = self.record.as_ref()?;
        Some(stop_reason_name(record.stop_reason))
    }

    /// Why it found nothing; empty where it did, or may still.
    pub fn message(&self) -> String {
        let nearest = || self.record.as_ref()?.nearest.as_ref();
        match &self.status {
            RunStatus::Failed(message) => message.clone(),
            RunStatus::Infeasible => nearest().map_or_else(String::new, NearestRecord::sentence),
            RunStatus::Done | RunStatus::Unfinished => String::new(),
        }
    }

    /// The network of the highest quality.
    pub fn best(&self) -> Option<&FrontRow> {
        crate::outcome::best(&self.front)
    }

    /// Shares of the best network's time by what holds it up: arithmetic, memory, overhead.
    pub fn time_by_bound(&self) -> Option<[(Bound, f64); 3]> {
        let best = self.best()?;
        let model = self.experiment.appraiser.at(best.metrics.batch);
        let network = self.experiment.space.deployed(&best.genotype);
        let breakdown = model.breakdown(&NetworkCost::new(&network, &model.platform().fusion));
        let bounds = [Bound::Compute, Bound::Memory, Bound::Overhead];
        Some(bounds.map(|bound| (bound, breakdown.share_of(bound))))
    }
}

/// What a finished run's folder holds.
struct Found {
    front: Vec<FrontRow>,
    last: Option<Generation>,
    record: Option<OutcomeRecord>,
}

impl Found {
    /// Nothing where the run isn't finished; else what it found, or why it failed.
    fn read(directory: &RunDirectory) -> Result<Option<Self>, String> {
        let said = |error: Error| error.to_string();
        match directory.contents().map_err(said)? {
            Contents::Finished => Self::of_finished(directory).map(Some).map_err(said),
            Contents::Vacant => Ok(None),
            Contents::Foreign => Err(format!(
                "{}: is not empty and not a run",
                directory.path().display()
            )),
            Contents::Unfinished => match directory.failure().map_err(said)? {
                Some(message) => Err(message),
                None => Ok(None),
            },
        }
    }

    fn of_finished(directory: &RunDirectory) -> Result<Self, Error> {
        let run = FinishedRun::read(directory.clone())?;
        Ok(Self {
            front: run.front()?,
            last: run.history()?.pop(),
            record: OutcomeRecord::read(directory)?,
        })
    }
}

/// Columns of a batch's summary.
const SUMMARY_COLUMNS: [&str; 26] = [
    "run",
    "platform",
    "batch",
    "threads",
    "dtype",
    "latency_budget_ms",
    "seed",
    "status",
    "front",
    "hypervolume",
    "hypervolume_reference",
    "best_id",
    "best_quality",
    "best_latency_ms",
    "best_latency_ms_std",
    "best_latency_ms_upper95",
    "best_genotype",
    "evaluations",
    "seconds",
    "stop_reason",
    "gap",
    "gap_share_of_range",
    "gap_to",
    "message",
    "quality_kind",
    "latency_kind",
];

/// The summary as CSV, one row a run.
pub fn summary_csv(entries: &[BatchEntry]) -> Vec<u8> {
    let rows = entries.iter().map(|entry| {
        let experiment = &entry.experiment;
        let model = &experiment.appraiser.model;
        let best = entry.best();
        let latency = best.map(|best| best.metrics.latency);
        let record = entry.record.as_ref();
        let gap = record.and_then(|record| record.gap);
        [
            entry.folder.display().to_string(),
            model.platform().name.clone(),
            best.map_or_else(
                || experiment.appraiser.batches(),
                |best| best.metrics.batch.to_string(),
            ),
            optional(model.platform().threads),
            model.dtype().to_string(),
            optional(experiment.budget_ms()),
            experiment.resolved.seed.to_string(),
            entry.status.name().to_owned(),
            entry.front.len().to_string(),
            optional(entry.hypervolume()),
            optional(entry.hypervolume_reference()),
            optional(best.map(|best| &best.id)),
            optional(best.map(|best| best.metrics.quality)),
            optional(latency.map(|latency| latency.mean_ms)),
            optional(latency.map(|latency| latency.std_ms)),
            optional(latency.map(|latency| latency.upper95_ms())),
            optional(best.map(|best| &best.text)),
            optional(entry.evaluations()),
            optional(entry.last.map(|last| last.seconds)),
            optional(entry.stop_reason()),
            optional(gap.map(|gap| gap.worst)),
            optional(gap.map(|gap| gap.share_of_range)),
            optional(gap.map(|gap| if gap.is_exact { "exact" } else { "bound" })),
            entry.message(),
            quality_kind(experiment),
            latency_kind(
                experiment,
                best.map_or(model.batch(), |best| best.metrics.batch),
            ),
        ]
    });
    csv(&SUMMARY_COLUMNS, rows)
}
