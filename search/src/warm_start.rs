use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::individual::Individual;
use crate::optimizer::Optimizer;
use crate::problem::{Problem, SearchRng};

/// Any optimiser, begun from genotypes that are known to be good.
///
/// They take the first places of the first batch; the optimiser's own first candidates fill the
/// rest. Of equal genotypes only the first counts, and what does not fit in the batch is left
/// out; all fit when the optimiser has no candidate of its own. From then on this is the optimiser
/// it wraps.
///
/// The genotypes have to be of the problem's space: nothing checks them.
///
/// ```
/// use roofnas_search::{Nsga2, Nsga2Settings, WarmStart};
///
/// let nsga2 = Nsga2::<[u8; 3]>::new(Nsga2Settings::default(), 1);
/// let optimizer = WarmStart::new(nsga2, vec![[3, 1, 4], [1, 5, 9]]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmStart<G, O> {
    /// What is yet to be tried; empty after the first batch.
    genotypes: Vec<G>,
    optimizer: O,
}

impl<G, O> WarmStart<G, O> {
    /// An optimiser yet to begin, and what it is to begin with, the most important first.
    pub fn new(optimizer: O, genotypes: Vec<G>) -> Self {
        Self {
            genotypes,
            optimizer,
        }
    }

    /// The optimiser within.
    pub fn optimizer(&self) -> &O {
        &self.optimizer
    }
}

impl<P: Problem, O: Optimizer<P>> Optimizer<P> for WarmStart<P::Genotype, O> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        self.optimizer.ask(problem, batch);
        if self.genotypes.is_empty() {
            return;
        }
        let places = if batch.is_empty() {
            self.genotypes.len()
        } else {
            batch.len()
        };
        batch.splice(..0, self.genotypes.iter().cloned());
        let mut taken = BTreeSet::new();
        batch.retain(|genotype| taken.insert(genotype.clone()));
        batch.truncate(places);
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        self.genotypes.clear();
        self.optimizer.tell(evaluated);
    }

    fn generation(&self) -> u64 {
        self.optimizer.generation()
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<P::Genotype>> {
        self.optimizer.emigrants(count, rng)
    }

    fn immigrate(&mut self, immigrants: Vec<Individual<P::Genotype>>) {
        self.optimizer.immigrate(immigrants);
    }
}
