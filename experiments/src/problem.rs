//! The search problem that an experiment poses: networks of its space, priced and scored.

use rayon::prelude::*;
use roofnas_search::{Evaluation, Problem, SearchRng};
use roofnas_space::Genotype;

use crate::experiment::Experiment;
use crate::metrics::Metrics;

/// An experiment as the optimisers see it.
#[derive(Debug, Clone, Copy)]
pub struct BackboneProblem<'a> {
    experiment: &'a Experiment,
}

impl<'a> BackboneProblem<'a> {
    /// The problem of an experiment.
    pub fn new(experiment: &'a Experiment) -> Self {
        Self { experiment }
    }

    /// Every figure of one network.
    pub fn appraise(&self, genotype: &Genotype) -> Metrics {
        let network = self.experiment.space.decode(genotype);
        self.experiment.appraiser.appraise(&network)
    }

    /// The figures of the experiment's sample: what drawing from the space at random gives.
    pub fn appraise_sample(&self) -> Vec<Metrics> {
        let sample = self.experiment.sample.par_iter();
        sample.map(|genotype| self.appraise(genotype)).collect()
    }
}

impl Problem for BackboneProblem<'_> {
    type Genotype = Genotype;

    fn objectives(&self) -> usize {
        self.experiment.objectives.len()
    }

    fn sample(&self, rng: &mut SearchRng) -> Genotype {
        self.experiment.space.sample(rng)
    }

    fn mutate(&self, genotype: &mut Genotype, rng: &mut SearchRng) {
        self.experiment.space.mutate(genotype, rng);
    }

    fn crossover(&self, child: &mut Genotype, father: &Genotype, rng: &mut SearchRng) {
        self.experiment.space.crossover(child, father, rng);
    }

    /// Costs in the order of the experiment's objectives; the violation is the sum of the constraints' excesses,
    /// each relative to its bound.
    fn evaluate(&self, genotype: &Genotype) -> Evaluation {
        let metrics = self.appraise(genotype);
        let costs = self.experiment.objectives.iter().map(|o| o.cost(&metrics));
        let excesses = self
            .experiment
            .constraints
            .iter()
            .map(|c| c.excess(&metrics));
        Evaluation::new(costs, excesses.sum())
    }
}
