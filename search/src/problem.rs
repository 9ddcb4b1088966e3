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

    /// Turns a genotype into a neighbour of itself; should seldom leave it as it is.
    ///
    /// In place, so that nothing need be allocated for a child.
    fn mutate(&self, genotype: &mut Self::Genotype, rng: &mut SearchRng);

    /// Turns a copy of the mother into a child that inherits from both parents.
    fn crossover(&self, child: &mut Self::Genotype, father: &Self::Genotype, rng: &mut SearchRng);

    /// What the genotype costs, and by how much it breaks the constraints.
    ///
    /// Called from several threads at once.
    fn evaluate(&self, genotype: &Self::Genotype) -> Evaluation;
}

/// A problem whose genotypes have neighbours that can be listed: what local search walks along.
pub trait Neighbourhood: Problem {
    /// Calls `visit` with every genotype one move away, none of them `genotype` itself; one may come twice.
    ///
    /// The order depends on the genotype alone. The genotype handed to `visit` lives in `room`, which is of
    /// the space and may be overwritten between calls.
    fn neighbours(
        &self,
        genotype: &Self::Genotype,
        room: &mut Self::Genotype,
        visit: &mut dyn FnMut(&Self::Genotype),
    );
}
