//! The optimisers an experiment can choose from, as one type that can be stored.

use std::num::NonZeroUsize;

use roofnas_search::{Individual, Nsga2, Optimizer, Problem, RandomSearch, SearchRng};
use roofnas_space::Genotype;
use serde::{Deserialize, Serialize};

use crate::config::Algorithm;
use crate::experiment::Experiment;

/// Whichever optimiser the experiment names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// NSGA-II.
    Nsga2(Nsga2<Genotype>),
    /// Random sampling.
    Random(RandomSearch<Genotype>),
}

impl Optimiser {
    /// The optimiser of one island of an experiment, yet to begin.
    pub fn new(experiment: &Experiment, island: usize, seed: u64) -> Self {
        let settings = &experiment.nsga2[island];
        match experiment.resolved.search.algorithm {
            Algorithm::Nsga2 | Algorithm::Exact => Self::Nsga2(Nsga2::new(settings.clone(), seed)),
            Algorithm::Random => {
                let batch = NonZeroUsize::new(settings.population());
                Self::Random(RandomSearch::new(batch.unwrap_or(NonZeroUsize::MIN), seed))
            }
        }
    }

    /// The genotypes it remembers.
    pub fn genotypes(&self) -> impl Iterator<Item = &Genotype> {
        let population = match self {
            Self::Nsga2(nsga2) => Some(nsga2.population()),
            Self::Random(_) => None,
        };
        population
            .into_iter()
            .flatten()
            .map(|individual| &individual.genotype)
    }
}

impl<P: Problem<Genotype = Genotype>> Optimizer<P> for Optimiser {
    fn ask(&mut self, problem: &P, batch: &mut Vec<Genotype>) {
        match self {
            Self::Nsga2(nsga2) => nsga2.ask(problem, batch),
            Self::Random(random) => random.ask(problem, batch),
        }
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<Genotype>>) {
        match self {
            Self::Nsga2(nsga2) => Optimizer::<P>::tell(nsga2, evaluated),
            Self::Random(random) => Optimizer::<P>::tell(random, evaluated),
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Nsga2(nsga2) => Optimizer::<P>::generation(nsga2),
            Self::Random(random) => Optimizer::<P>::generation(random),
        }
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<Genotype>> {
        match self {
            Self::Nsga2(nsga2) => Optimizer::<P>::emigrants(nsga2, count, rng),
            Self::Random(random) => Optimizer::<P>::emigrants(random, count, rng),
        }
    }

    fn immigrate(&mut self, immigrants: Vec<Individual<Genotype>>) {
        match self {
            Self::Nsga2(nsga2) => Optimizer::<P>::immigrate(nsga2, immigrants),
            Self::Random(random) => Optimizer::<P>::immigrate(random, immigrants),
        }
    }
}
