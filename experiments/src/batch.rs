//! A matrix of runs as a whole: its summary, and how the answers differ from platform to platform.

use std::path::PathBuf;

use rayon::prelude::*;
use roofnas_cost::{Bound, NetworkCost};

use crate::error::Error;
use crate::experiment::Experiment;
use crate::finished::FinishedRun;
use crate::history::Generation;
use crate::metrics::Metrics;
use crate::outcome::{FrontRow, spread};
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
        let breakdown = model.breakdown(&NetworkCost::new(&network, &model.platform().fusion));
        let bounds = [Bound::Compute, Bound::Memory, Bound::Overhead];
        Some(bounds.map(|bound| (bound, breakdown.share_of(bound))))
    }

    /// What decides a measured accuracy beside the network: the command, the recipe and the training's seed.
    fn recipe(&self) -> Option<(&str, &str, u64)> {
        let external = self.experiment.resolved.quality.external.as_ref()?;
        Some((&external.command, &external.recipe, external.training_seed))
    }

    /// Whether scores of another run mean the same, so that networks of both can be compared.
    fn is_comparable_with(&self, other: &Self) -> bool {
        self.experiment.resolved.space == other.experiment.resolved.space
            && self.experiment.appraiser.quality == other.experiment.appraiser.quality
            && self.recipe() == other.recipe()
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
    let resolved = &entry.experiment.resolved;
    let limit = match &resolved.quality.external {
        Some(external) => external.budget as u64,
        None => resolved.search.evaluations,
    };
    Some(if last.evaluations >= limit {
        "evaluations"
    } else {
        "exhausted"
    })
}

/// One run's front under another run's conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Which run the networks come from.
    pub from: usize,
    /// Under which run's conditions they are priced.
    pub to: usize,
    /// Figures of networks spread over the front, in its order.
    pub metrics: Vec<Metrics>,
    /// The price of having searched for other conditions; absent where no scores are common to both fronts.
    pub slowdown: Option<Slowdown>,
}

/// Latency of networks over that of the fastest network of another front that scores at least as high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slowdown {
    /// Geometric mean over the networks compared.
    pub mean: f64,
    /// The largest.
    pub worst: f64,
    /// Networks compared: those that the other front matches in score.
    pub networks: usize,
}

/// Networks of each front that are priced under other conditions.
const SPREAD: usize = 60;

/// Every finished run's front under every finished run's conditions, where runs share a space and a score.
pub fn transfers(entries: &[BatchEntry]) -> Vec<Transfer> {
    let finished: Vec<usize> = (0..entries.len())
        .filter(|&entry| !entries[entry].front.is_empty())
        .collect();
    let pairs: Vec<(usize, usize)> = finished
        .iter()
        .flat_map(|&from| finished.iter().map(move |&to| (from, to)))
        .filter(|&(from, to)| entries[from].is_comparable_with(&entries[to]))
        .collect();
    let transfer = |&(from, to): &(usize, usize)| {
        let (source, target) = (&entries[from], &entries[to]);
        let metrics: Vec<Metrics> = spread(&source.front, SPREAD)
            .into_iter()
            .map(|row| {
                let network = source.experiment.space.decode(&row.genotype);
                Metrics {
                    // the same on both sides, or the two would not be compared
                    quality: row.metrics.quality,
                    ..target.experiment.appraiser.appraise(&network)
                }
            })
            .collect();
        Transfer {
            from,
            to,
            slowdown: Slowdown::of(&metrics, &target.front),
            metrics,
        }
    };
    pairs.par_iter().map(transfer).collect()
}

impl Slowdown {
    fn of(metrics: &[Metrics], front: &[FrontRow]) -> Option<Self> {
        let fastest = |quality: f64| {
            let as_good = front.iter().filter(|row| row.metrics.quality >= quality);
            as_good
                .map(|row| row.metrics.latency.mean_ms)
                .reduce(f64::min)
        };
        let ratios: Vec<f64> = metrics
            .iter()
            .filter_map(|m| fastest(m.quality).map(|fastest| m.latency.mean_ms / fastest))
            .collect();
        let worst = ratios.iter().copied().reduce(f64::max)?;
        let logs: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
        Some(Self {
            mean: (logs / ratios.len() as f64).exp(),
            worst,
            networks: ratios.len(),
        })
    }
}

/// Columns of a portability table.
const PORTABILITY_COLUMNS: [&str; 11] = [
    "found_for",
    "priced_for",
    "platform",
    "batch",
    "dtype",
    "slowdown_mean",
    "slowdown_worst",
    "networks_compared",
    "networks_priced",
    "quality_kind",
    "latency_kind",
];

/// The transfers as CSV, one row for each pair of runs.
pub fn portability_csv(entries: &[BatchEntry], transfers: &[Transfer]) -> Vec<u8> {
    let rows = transfers.iter().map(|transfer| {
        let (from, to) = (&entries[transfer.from], &entries[transfer.to]);
        let model = &to.experiment.appraiser.model;
        let slowdown = transfer.slowdown;
        [
            from.folder.display().to_string(),
            to.folder.display().to_string(),
            model.platform().name.clone(),
            model.batch().to_string(),
            model.dtype().to_string(),
            optional(slowdown.map(|slowdown| slowdown.mean)),
            optional(slowdown.map(|slowdown| slowdown.worst)),
            slowdown.map_or(0, |slowdown| slowdown.networks).to_string(),
            transfer.metrics.len().to_string(),
            quality_kind(&to.experiment),
            latency_kind(&to.experiment),
        ]
    });
    csv(&PORTABILITY_COLUMNS, rows)
}
