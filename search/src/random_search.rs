use std::marker::PhantomData;
use std::num::NonZeroUsize;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::individual::Individual;
use crate::optimizer::Optimizer;
use crate::problem::Problem;
use crate::random_stream::random_stream;

/// Random search, the baseline any other optimiser must beat: a batch of samples a generation.
///
/// Samples with replacement and remembers nothing, so it never reports a space as exhausted.
/// Sample `index` of a generation comes from the same [random stream](random_stream) as that of
/// [`Nsga2`](crate::Nsga2): with equal seed and batch both start from the same candidates, up to
/// duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RandomSearch<G> {
    batch: NonZeroUsize,
    seed: u64,
    generation: u64,
    #[serde(skip)]
    genotype: PhantomData<fn() -> G>,
}

impl<G> RandomSearch<G> {
    /// A run yet to begin, of `batch` samples a generation.
    pub fn new(batch: NonZeroUsize, seed: u64) -> Self {
        Self {
            batch,
            seed,
            generation: 0,
            genotype: PhantomData,
        }
    }
}

impl<P: Problem> Optimizer<P> for RandomSearch<P::Genotype> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        let sample =
            |index| problem.sample(&mut random_stream(self.seed, self.generation, index as u64));
        let indices = (0..self.batch.get()).into_par_iter();
        indices.map(sample).collect_into_vec(batch);
    }

    fn tell(&mut self, _: &mut Vec<Individual<P::Genotype>>) {
        self.generation += 1;
    }

    fn generation(&self) -> u64 {
        self.generation
    }
}
