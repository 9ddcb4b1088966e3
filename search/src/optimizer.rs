use crate::individual::Individual;
use crate::problem::Problem;

/// A strategy of search: asked for candidates, told what they cost.
///
/// [`Search`](crate::Search) drives one; evaluating, counting, archiving and stopping are its
/// business. An optimiser holds no reference to the problem, so it can be stored and read back.
pub trait Optimizer<P: Problem> {
    /// The next candidates to evaluate.
    ///
    /// May be fewer than usual when little new is found, and is empty only when nothing is: the
    /// search is then over. Always returns; takes all randomness from streams of its own.
    fn ask(&mut self, problem: &P) -> Vec<P::Genotype>;

    /// Takes the evaluated candidates, in the order asked; ends the generation.
    ///
    /// They may be the first few only (the budget ran out), or of other origin (a warm start).
    fn tell(&mut self, evaluated: Vec<Individual<P::Genotype>>);

    /// How many generations have ended.
    fn generation(&self) -> u64;
}
