//! The optimisers an experiment can choose from, as one type that can be stored.

use std::num::NonZeroUsize;

use roofnas_search::{
    Individual, LocalSearch, Neighbourhood, Nsga2, Nsga3, Optimizer, RandomSearch,
    RegularizedEvolution, Search, SearchRng, WarmStart,
};
use roofnas_space::Genotype;
use serde::{Deserialize, Serialize};

use crate::config::Algorithm;
use crate::experiment::{Experiment, IslandSettings};

/// An experiment's optimiser, with the networks it begins from.
pub type Started = WarmStart<Genotype, Optimiser>;

/// Whichever optimiser the experiment names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// NSGA-II.
    Nsga2(Nsga2<Genotype>),
    /// NSGA-III.
    Nsga3(Nsga3<Genotype>),
    /// Regularised evolution.
    RegularizedEvolution(RegularizedEvolution<Genotype>),
    /// Random sampling.
    Random(RandomSearch<Genotype>),
    /// Local search, which polishes what another has found.
    Polish(LocalSearch<Genotype>),
}

/// Candidates that local search prices at a time.
const POLISHED_AT_A_TIME: NonZeroUsize = NonZeroUsize::new(1024).expect("is not zero");

impl Optimiser {
    /// The optimiser of one island of an experiment, yet to begin.
    pub fn start(experiment: &Experiment, island: usize, seed: u64) -> Started {
        let IslandSettings { nsga, regularized } = &experiment.island_settings[island];
        let optimiser = match experiment.resolved.search.algorithm {
            Algorithm::Nsga2 | Algorithm::Exact => Self::Nsga2(Nsga2::new(nsga.clone(), seed)),
            Algorithm::Nsga3 => Self::Nsga3(Nsga3::new(nsga.clone(), seed)),
            Algorithm::RegularizedEvolution => {
                Self::RegularizedEvolution(RegularizedEvolution::new(regularized.clone(), seed))
            }
            Algorithm::Random => {
                let batch = NonZeroUsize::new(nsga.population());
                Self::Random(RandomSearch::new(batch.unwrap_or(NonZeroUsize::MIN), seed))
            }
        };
        // each island begins with networks of its own
        let start = experiment.start.iter().skip(island);
        let start = start.step_by(experiment.islands.count());
        WarmStart::new(optimiser, start.cloned().collect())
    }

    /// What polishes the front that a search has found.
    pub fn polish(search: &Search<Genotype, Started>) -> Started {
        let polish = LocalSearch::after(search, POLISHED_AT_A_TIME);
        WarmStart::new(Self::Polish(polish), Vec::new())
    }

    /// Whether it polishes what was found before.
    pub fn polishes(&self) -> bool {
        matches!(self, Self::Polish(_))
    }

    /// The genotypes it remembers.
    pub fn genotypes(&self) -> Box<dyn Iterator<Item = &Genotype> + '_> {
        match self {
            Self::Nsga2(nsga2) => Box::new(nsga2.population().map(|i| &i.genotype)),
            Self::Nsga3(nsga3) => Box::new(nsga3.population().map(|i| &i.genotype)),
            Self::RegularizedEvolution(evolution) => {
                Box::new(evolution.population().map(|i| &i.genotype))
            }
            Self::Random(_) => Box::new(std::iter::empty()),
            Self::Polish(polish) => Box::new(polish.archive().map(|i| &i.genotype)),
        }
    }
}

/// Calls a method of whichever optimiser it is.
macro_rules! whichever {
    ($optimiser:expr, $inner:ident => $call:expr) => {
        match $optimiser {
            Optimiser::Nsga2($inner) => $call,
            Optimiser::Nsga3($inner) => $call,
            Optimiser::RegularizedEvolution($inner) => $call,
            Optimiser::Random($inner) => $call,
            Optimiser::Polish($inner) => $call,
        }
    };
}

impl<P: Neighbourhood<Genotype = Genotype>> Optimizer<P> for Optimiser {
    fn ask(&mut self, problem: &P, batch: &mut Vec<Genotype>) {
        whichever!(self, inner => inner.ask(problem, batch));
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<Genotype>>) {
        whichever!(self, inner => Optimizer::<P>::tell(inner, evaluated));
    }

    fn generation(&self) -> u64 {
        whichever!(self, inner => Optimizer::<P>::generation(inner))
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<Genotype>> {
        whichever!(self, inner => Optimizer::<P>::emigrants(inner, count, rng))
    }

    fn immigrate(&mut self, immigrants: Vec<Individual<Genotype>>) {
        whichever!(self, inner => Optimizer::<P>::immigrate(inner, immigrants));
    }
}
