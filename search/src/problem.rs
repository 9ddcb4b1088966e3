use std::hash::Hash;

use crate::evaluation::Evaluation;

/// The one source of randomness: a stream per individual, handed to every operator.
///
/// Made by [`random_stream`](crate::random_stream); used with the methods of `rand::RngExt`.
pub type SearchRng = rand_xoshiro::Xoshiro256PlusPlus;

/// What is searched: a set of genotypes, ways to move in it, and what each member costs.
///
/// # Laws
///
/// - **Closed**: `sample`, `mutate` and `crossover` return only genotypes of the space, given
///   genotypes of the space. Nothing checks them afterwards.
/// - **Pure**: `evaluate` depends on the genotype alone, and the operators on their arguments
///   and the stream alone. No clock, no global state, no other randomness: this is what makes a
///   run reproducible on any number of threads and resumable from a checkpoint.
/// - **Consistent**: `evaluate` returns [`objectives`](Problem::objectives) costs, always in the
///   same order. [`Search`](crate::Search) panics when it does not.
/// - **Faithful equality**: equal genotypes hash alike and evaluate alike. Optimisers skip
///   genotypes equal to ones at hand.
pub trait Problem: Sync {
    /// A point of the space, as the operators handle it.
    type Genotype: Clone + Eq + Hash + Ord + Send + Sync;

    /// How many costs an evaluation has, from 1 to [`MAX_OBJECTIVES`](crate::MAX_OBJECTIVES).
    fn objectives(&self) -> usize;

    /// Draws a genotype, ideally uniformly over the space.
    fn sample(&self, rng: &mut SearchRng) -> Self::Genotype;

    /// A neighbour of `parent`; should seldom be `parent` itself.
    fn mutate(&self, parent: &Self::Genotype, rng: &mut SearchRng) -> Self::Genotype;

    /// One child that inherits from both parents.
    fn crossover(
        &self,
        mother: &Self::Genotype,
        father: &Self::Genotype,
        rng: &mut SearchRng,
    ) -> Self::Genotype;

    /// What the genotype costs, and by how much it breaks the constraints.
    ///
    /// Called from several threads at once.
    fn evaluate(&self, genotype: &Self::Genotype) -> Evaluation;
}
