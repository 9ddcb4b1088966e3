//! Networks that are to be trained, and what came of it.

use std::collections::BTreeMap;
use std::path::Path;

use roofnas_cost::surrogate::TopOne;
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Genotype, pytorch};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Measured;
use crate::backbone;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::outcome::FrontRow;
use crate::run_directory::write_whole;

/// A network that is to be trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name in this run: `t001`, `t002` ... in the order in which they were proposed.
    pub id: String,
    /// The round it belongs to, from 0.
    pub round: usize,
    /// The network, as genes.
    pub genotype: Genotype,
    /// Why it was proposed.
    pub origin: Origin,
    /// What was expected of it before it was trained; nothing where there was no surrogate yet.
    pub forecast: Option<Forecast>,
}

/// Why a network was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It is on the front of the proxy.
    ProxyFront,
    /// Drawn at random among what keeps the constraints, so that the surrogate sees more than the proxy likes.
    Random,
    /// The surrogate expects most of it.
    Improvement,
}

impl Origin {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProxyFront => "proxy_front",
            Self::Random => "random",
            Self::Improvement => "improvement",
        }
    }
}

/// What was expected of a network: a normal distribution of the logarithm of its error, which is 100 less its accuracy in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Mean of ln(error).
    pub mean: f64,
    /// Standard deviation of ln(error).
    pub std: f64,
}

/// How many deviations the ends of a 90 % interval lie from the mean of a normal distribution.
const Z90: f64 = 1.644_853_627;

impl From<TopOne> for Forecast {
    /// Of a network trained once.
    fn from(predicted: TopOne) -> Self {
        Self {
            mean: predicted.mean,
            std: predicted.total_std(),
        }
    }
}

impl Forecast {
    /// The expected accuracy (its median), in per cent.
    pub fn accuracy(&self) -> f64 {
        100.0 - self.mean.exp()
    }

    /// The lower end of the accuracy's 90 % interval, in per cent.
    pub fn lower(&self) -> f64 {
        100.0 - (self.mean + Z90 * self.std).exp()
    }

    /// The upper end of the accuracy's 90 % interval, in per cent.
    pub fn upper(&self) -> f64 {
        100.0 - (self.mean - Z90 * self.std).exp()
    }
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingResult {
    /// It has been measured.
    Trained {
        /// What the command says.
        measured: Measured,
        /// Wall time of its process; nothing where the cache knew it, or a process trained several networks.
        seconds: Option<f64>,
    },
    /// It has failed, as often as it was tried.
    Failed {
        /// Why, the last time.
        reason: String,
    },
}

impl TrainingResult {
    /// What was measured, if it was.
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Trained { measured, .. } => Some(measured),
            Self::Failed { .. } => None,
        }
    }
}

/// A network with what came of its training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingRow {
    /// The network.
    pub candidate: Candidate,
    /// The genes as text.
    pub text: String,
    /// What came of it.
    pub result: TrainingResult,
    /// What another training of it would give, as the surrogate sees it after all trainings; nothing where it failed, where rounds are still to
    /// come, or where the surrogate can't be fitted. Of many trainings the best measured was lucky; this is not.
    pub expected: Option<Forecast>,
}

/// Writes what a command gets of a network: `network.onnx` with initial weights from the training's seed, `network.py`, `network.toml` and
/// `candidate.json`, in place of whatever is in the folder.
///
/// # Errors
/// When the folder can't be written. A network that is too large for a file is no such error but a reason, inside.
pub(super) fn write(
    folder: &Path,
    candidate: &Candidate,
    proxy: &Experiment,
    training_seed: u64,
) -> Result<Result<(), String>, Error> {
    // an attempt that was cut off may have left half of them
    remove_folder(folder)?;
    let metrics = proxy.appraise(&candidate.genotype);
    let row = FrontRow {
        id: candidate.id.clone(),
        text: proxy.space.format(&candidate.genotype),
        resolution: proxy.space.resolution(&candidate.genotype),
        genotype: candidate.genotype.clone(),
        metrics,
    };
    let targets = proxy.appraiser.targets.iter().zip(&metrics.targets);
    let for_targets: BTreeMap<&str, f64> = targets
        .map(|(target, timing)| (&target.name[..], timing.latency.mean_ms))
        .collect();
    let mut description = json!({
        "id": candidate.id,
        "round": candidate.round,
        "genotype": row.text,
        "seed": training_seed,
        "resolution": row.resolution.to_string(),
        "predicted_latency_ms": metrics.latency.mean_ms,
        "predicted_latency_ms_std": metrics.latency.std_ms,
        "platform": proxy.appraiser.model.platform().name,
        "macs": metrics.macs,
        "params": metrics.params,
    });
    if !for_targets.is_empty() {
        description["predicted_target_latency_ms"] = json!(for_targets);
    }
    let file = |name: &str, bytes: &[u8]| write_whole(&folder.join(name), bytes);
    file(
        "network.toml",
        format!(
            "# A search space that holds one network alone: {}\n{}",
            row.text,
            backbone::definition(&proxy.space, &row.genotype)
        )
        .as_bytes(),
    )?;
    file(
        "network.py",
        pytorch::export(&proxy.space, &row.genotype).as_bytes(),
    )?;
    file("candidate.json", format!("{description:#}\n").as_bytes())?;
    let network = proxy.space.decode(&row.genotype);
    let weights = InitialWeights::seeded(training_seed);
    match onnx::export(&network, weights, Batch::Dynamic) {
        Ok(bytes) => Ok(Ok(file("network.onnx", &bytes)?)),
        Err(error) => Ok(Err(format!("network.onnx can't be written: {error}"))),
    }
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove_folder(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::write(folder, error))
        }
        _ => Ok(()),
    }
}
