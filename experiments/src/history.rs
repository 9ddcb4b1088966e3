//! How a search went, generation by generation.

use roofnas_search::{ParetoFront, Search};
use roofnas_space::Genotype;
use serde::{Deserialize, Serialize};

use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::objective::Objective;
use crate::optimiser::Started;

/// Where a search stands after a generation of every island, or, where there are several islands, after those from one migration to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// From 1.
    pub generation: u64,
    /// Networks evaluated so far.
    pub evaluations: u64,
    /// Highest quality among feasible networks so far; absent while there are none, or where quality is not
    /// an objective.
    pub best_quality: Option<f64>,
    /// Hypervolume of the front so far; with three objectives in every few generations only, with more never: it then costs more
    /// than the search.
    pub hypervolume: Option<f64>,
    /// Share of the networks since the row before that keep every constraint.
    pub feasible_share: f64,
    /// Wall time of the search loop so far, in seconds.
    pub seconds: f64,
}

/// Objectives up to which hypervolume is computed at all; with more it costs more than the search.
const MOST_OBJECTIVES: usize = 3;
/// Objectives up to which a front's hypervolume takes next to nothing, and is computed each generation.
const CHEAP_OBJECTIVES: usize = 2;
/// How often it is computed in a run with more.
const POINTS: u64 = 25;

/// Records generations against a fixed reference point.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorder {
    /// Worst value of each objective that counts, as a cost: the budget, or a quantile of the space's sample.
    reference: Vec<f64>,
    quality: Option<usize>,
    /// Rows from one hypervolume to the next.
    every: u64,
}

impl Recorder {
    /// A recorder for an experiment, with the figures of the space's sample. The reference is the latency budget
    /// for a latency, the 95th percentile of the sample for other costs, its 5th for quality.
    pub fn new(experiment: &Experiment, sample: &[Metrics]) -> Self {
        let reference = experiment.objectives.iter().map(|&objective| {
            let budget = experiment.budget(objective);
            budget.unwrap_or_else(|| worst_but_few(objective, sample))
        });
        Self {
            reference: reference.collect(),
            every: if experiment.objectives.len() <= CHEAP_OBJECTIVES {
                1
            } else {
                let search = &experiment.resolved.search;
                let each = search.population as u64 * experiment.islands.generations();
                (search.evaluations / each / POINTS).max(1)
            },
            quality: experiment
                .objectives
                .iter()
                .position(|o| *o == Objective::Quality),
        }
    }

    /// A recorder for figures of another kind than the sample's, with this reference point.
    pub(crate) fn from_reference(reference: Vec<f64>) -> Self {
        Self {
            reference,
            every: 1,
            quality: None,
        }
    }

    /// The reference point in words, as a comment of a TOML file: history and front give the hypervolume again with it.
    pub fn comment(&self, experiment: &Experiment) -> String {
        let parts = experiment.objectives.iter().zip(&self.reference);
        let parts = parts.map(|(objective, cost)| {
            let name = experiment.objective_name(*objective);
            let figure = format!("{name} {}", objective.figure(*cost));
            match objective.same_order() {
                None => figure,
                Some(_) => {
                    let counted = objective.cost_column(&experiment.appraiser.targets);
                    format!("{figure} (counted as {cost} {counted})")
                }
            }
        });
        let parts: Vec<String> = parts.collect();
        format!("# Hypervolume is measured from: {}\n", parts.join(", "))
    }

    /// The reference point, as costs.
    pub fn reference(&self) -> &[f64] {
        &self.reference
    }

    /// Hypervolume of a front, where it is computed at all.
    pub fn hypervolume(&self, front: &ParetoFront<Genotype>) -> Option<f64> {
        let few = self.reference.len() <= MOST_OBJECTIVES;
        few.then(|| front.hypervolume(&self.reference))
    }

    /// The generations that have just ended, after those `before`: those from one migration between islands to the next.
    pub fn record(
        &self,
        before: Option<&Generation>,
        search: &Search<Genotype, Started>,
        seconds: f64,
    ) -> Generation {
        let batch = search.last_batch();
        let generation =
            before.map_or(0, |before| before.generation) + search.islands().generations();
        let best = self.quality.and_then(|index| {
            // from zero, so that no cost becomes minus zero
            let qualities = search
                .front()
                .iter()
                .map(|member| 0.0 - member.costs()[index]);
            qualities.reduce(f64::max)
        });
        Generation {
            generation,
            evaluations: search.evaluations(),
            best_quality: best,
            hypervolume: search
                .steps()
                .is_multiple_of(self.every)
                .then(|| self.hypervolume(search.front()))
                .flatten(),
            feasible_share: batch.feasible as f64 / batch.evaluated.max(1) as f64,
            seconds,
        }
    }
}

/// The cost that one in twenty of the sample exceeds (nearest rank).
fn worst_but_few(objective: Objective, sample: &[Metrics]) -> f64 {
    let mut costs: Vec<f64> = sample
        .iter()
        .map(|metrics| objective.cost(metrics))
        .collect();
    costs.sort_by(f64::total_cmp);
    let rank = (0.95 * costs.len() as f64).ceil() as usize;
    costs.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}
