//! A matrix of runs as a whole: its summary, and how the answers differ from platform to platform.

use std::path::PathBuf;

use roofnas_cost::{Bound, NetworkCost};

use crate::error::Error;
use crate::experiment::Experiment;
use crate::finished::FinishedRun;
use crate::history::Generation;
use crate::metrics::Metrics;
use crate::outcome::FrontRow;
use crate::run_directory::RunDirectory;
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
    /// The experiment.
    pub experiment: Experiment,
    /// How it ended.
    pub status: RunStatus,
    /// Its front; empty unless it is done.
    pub front: Vec<FrontRow>,
    /// Its last generation.
    pub last: Option<Generation>,
}

impl BatchEntry {
    /// The run of an experiment, with what its folder holds by now. A failure that is known already comes with its message;
    /// a folder that doesn't read is one.
    pub fn read(
        folder: PathBuf,
        experiment: Experiment,
        directory: &RunDirectory,
        failure: Option<String>,
    ) -> Self {
        let found = match failure {
            Some(message) => Err(message),
            None => Found::read(directory).map_err(|error| error.to_string()),
        };
        let (status, front, last) = match found {
            Err(message) => (RunStatus::Failed(message), Vec::new(), None),
            Ok(None) => (RunStatus::Unfinished, Vec::new(), None),
            Ok(Some(found)) if found.front.is_empty() => {
                (RunStatus::Infeasible, found.front, found.last)
            }
            Ok(Some(found)) => (RunStatus::Done, found.front, found.last),
        };
        Self {
            folder,
            experiment,
            status,
            front,
            last,
        }
    }

    /// The network of the highest quality.
    pub fn best(&self) -> Option<&FrontRow> {
        crate::outcome::best(&self.front)
    }

    /// Shares of the best network's time by what holds it up: arithmetic, memory, overhead.
    pub fn time_by_bound(&self) -> Option<[(Bound, f64); 3]> {
        let best = self.best()?;
        let model = &self.experiment.appraiser.model;
        let network = self.experiment.space.decode(&best.genotype);
        let cost = NetworkCost::new(&network, &model.platform().fusion);
        let prices: Vec<_> = cost.kernels.iter().map(|k| model.price_kernel(k)).collect();
        let total: f64 = prices.iter().map(roofnas_cost::KernelPrice::seconds).sum();
        let share = |bound| {
            let bound_by = prices.iter().filter(|price| price.bound() == bound);
            (
                bound,
                bound_by
                    .map(roofnas_cost::KernelPrice::seconds)
                    .sum::<f64>()
                    / total,
            )
        };
        Some([Bound::Compute, Bound::Memory, Bound::Overhead].map(share))
    }
}

/// What a finished run's folder holds.
struct Found {
    front: Vec<FrontRow>,
    last: Option<Generation>,
}

impl Found {
    /// Nothing where the run isn't finished.
    fn read(directory: &RunDirectory) -> Result<Option<Self>, Error> {
        if !directory.is_finished()? {
            return Ok(None);
        }
        let run = FinishedRun::read(directory.clone())?;
        Ok(Some(Self {
            front: run.front()?,
            last: run.history()?.pop(),
        }))
    }
}

/// Columns of a batch's summary.
const SUMMARY_COLUMNS: [&str; 22] = [
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
    "best_id",
    "best_quality",
    "best_latency_ms",
    "best_latency_ms_std",
    "best_latency_ms_upper95",
    "best_genotype",
    "evaluations",
    "seconds",
    "stop_reason",
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
        [
            entry.folder.display().to_string(),
            model.platform().name.clone(),
            model.batch().to_string(),
            optional(model.platform().threads),
            model.dtype().to_string(),
            optional(experiment.budget_ms()),
            experiment.resolved.seed.to_string(),
            entry.status.name().to_owned(),
            entry.front.len().to_string(),
            optional(entry.last.and_then(|last| last.hypervolume)),
            optional(best.map(|best| &best.id)),
            optional(best.map(|best| best.metrics.quality)),
            optional(latency.map(|latency| latency.mean_ms)),
            optional(latency.map(|latency| latency.std_ms)),
            optional(latency.map(|latency| latency.upper95_ms())),
            optional(best.map(|best| &best.text)),
            optional(entry.last.map(|last| last.evaluations)),
            optional(entry.last.map(|last| last.seconds)),
            optional(stop_reason(entry)),
            match &entry.status {
                RunStatus::Failed(message) => message.clone(),
                _ => String::new(),
            },
            quality_kind(experiment),
            latency_kind(experiment),
        ]
    });
    csv(&SUMMARY_COLUMNS, rows)
}

/// Why a finished run's search ended: it met its limit, or found nothing new to try.
fn stop_reason(entry: &BatchEntry) -> Option<&'static str> {
    let last = entry.last?;
    let limit = entry.experiment.resolved.search.evaluations;
    Some(if last.evaluations >= limit {
        "evaluations"
    } else {
        "exhausted"
    })
}

/// One run's best network, priced under another run's conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Which run the network comes from.
    pub from: usize,
    /// Under which run's conditions it is priced.
    pub to: usize,
    /// Its figures there.
    pub metrics: Metrics,
    /// Its latency over that of the fastest network in the other run's front that scores at least as high; absent where
    /// that front has none.
    pub slowdown: Option<f64>,
}

/// Every finished run's best network under every finished run's conditions, where runs share a space and a score.
pub fn transfers(entries: &[BatchEntry]) -> Vec<Transfer> {
    let comparable = |a: &BatchEntry, b: &BatchEntry| {
        a.experiment.resolved.space == b.experiment.resolved.space
            && a.experiment.appraiser.score == b.experiment.appraiser.score
            && a.experiment.appraiser.normalisation == b.experiment.appraiser.normalisation
    };
    let mut transfers = Vec::new();
    for (from, source) in entries.iter().enumerate() {
        let Some(best) = source.best() else {
            continue;
        };
        let network = source.experiment.space.decode(&best.genotype);
        for (to, target) in entries.iter().enumerate() {
            if target.front.is_empty() || !comparable(source, target) {
                continue;
            }
            let metrics = target.experiment.appraiser.appraise(&network);
            let as_good = target
                .front
                .iter()
                .filter(|row| row.metrics.quality >= metrics.quality);
            let fastest = as_good
                .map(|row| row.metrics.latency.mean_ms)
                .reduce(f64::min);
            transfers.push(Transfer {
                from,
                to,
                metrics,
                slowdown: fastest.map(|fastest| metrics.latency.mean_ms / fastest),
            });
        }
    }
    transfers
}

/// Columns of a portability table.
const PORTABILITY_COLUMNS: [&str; 12] = [
    "found_for",
    "network",
    "quality",
    "priced_for",
    "platform",
    "batch",
    "dtype",
    "latency_ms",
    "latency_ms_std",
    "slowdown",
    "quality_kind",
    "latency_kind",
];

/// The transfers as CSV, one row a network and platform.
pub fn portability_csv(entries: &[BatchEntry], transfers: &[Transfer]) -> Vec<u8> {
    let rows = transfers.iter().map(|transfer| {
        let (from, to) = (&entries[transfer.from], &entries[transfer.to]);
        let model = &to.experiment.appraiser.model;
        [
            from.folder.display().to_string(),
            optional(from.best().map(|best| &best.id)),
            transfer.metrics.quality.to_string(),
            to.folder.display().to_string(),
            model.platform().name.clone(),
            model.batch().to_string(),
            model.dtype().to_string(),
            transfer.metrics.latency.mean_ms.to_string(),
            transfer.metrics.latency.std_ms.to_string(),
            optional(transfer.slowdown),
            quality_kind(&to.experiment),
            latency_kind(&to.experiment),
        ]
    });
    csv(&PORTABILITY_COLUMNS, rows)
}
