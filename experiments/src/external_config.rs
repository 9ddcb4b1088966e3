//! The `[quality.external]` table: training of the user's own as the quality.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `[quality.external]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalConfig {
    /// The program that trains and its arguments, as one line; started from the working folder, without a shell.
    pub command: String,
    /// What is started for it: one process a network, or one for all networks of a round.
    #[serde(default)]
    pub per: Per,
    /// Networks to train in all. Those that fail count, and so do those that the cache knows, so that the cache changes no result.
    pub budget: usize,
    /// Networks trained in the first round, for the surrogate to learn from; a third of the budget where left out, but no less than a
    /// batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<usize>,
    /// Networks trained in each later round.
    #[serde(default = "defaults::batch")]
    pub batch: usize,
    /// Networks that the search of a later round looks at, with what the surrogate says of them.
    #[serde(default = "defaults::evaluations")]
    pub evaluations: u64,
    /// Processes at a time.
    #[serde(default = "defaults::jobs")]
    pub jobs: usize,
    /// How long one process may take, in seconds.
    #[serde(default = "defaults::timeout_s")]
    pub timeout_s: f64,
    /// How often a process is started again that fails, takes too long, or prints no result.
    #[serde(default = "defaults::retries")]
    pub retries: usize,
    /// The seed that the command is told, also of the initial weights it gets. Never the experiment's, so that searches of other seeds share
    /// what was trained.
    #[serde(default = "defaults::training_seed")]
    pub training_seed: u64,
    /// What the command does, in words of the user's: results of another recipe are other results.
    #[serde(default)]
    pub recipe: String,
    /// The folder of the cache, from the working folder.
    #[serde(default = "defaults::cache")]
    pub cache: String,
}

/// What one process trains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One network.
    #[default]
    Candidate,
    /// All networks of a round.
    Batch,
}

impl ExternalConfig {
    /// Networks trained in the first round.
    pub fn first_round(&self) -> usize {
        let usual = (self.budget / 3).max(self.batch);
        self.initial.unwrap_or(usual).min(self.budget)
    }
}

mod defaults {
    pub(super) const fn batch() -> usize {
        8
    }
    pub(super) const fn evaluations() -> u64 {
        20_000
    }
    pub(super) const fn jobs() -> usize {
        1
    }
    pub(super) const fn timeout_s() -> f64 {
        86_400.0
    }
    pub(super) const fn retries() -> usize {
        1
    }
    pub(super) const fn training_seed() -> u64 {
        1
    }
    pub(super) fn cache() -> String {
        "trainings".to_owned()
    }
}
