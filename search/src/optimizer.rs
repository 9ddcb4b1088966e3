use crate::individual::Individual;
use crate::problem::{Problem, SearchRng};

/// A strategy of search: asked for candidates, told what they cost.
///
/// [`Search`](crate::Search) drives one on each of its islands; evaluating, counting, archiving,
/// migrating and stopping are its business. An optimiser holds no reference to the problem, so it
/// can be stored and read back.
pub trait Optimizer<P: Problem>: Send {
    /// Makes `batch` the next candidates to evaluate.
    ///
    /// What `batch` holds before means nothing: genotypes left over from earlier generations, to
    /// be overwritten with `clone_from`, which reuses their memory. Afterwards it holds the
    /// candidates alone: fewer than usual when little new is found, and none only when nothing
    /// is, which ends the search. Always returns; takes all randomness from streams of its own.
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>);

    /// Takes the evaluated candidates, in the order asked; ends the generation.
    ///
    /// They may be the first few only (the budget ran out), or of other origin (a warm start).
    /// An optimiser that keeps some swaps them for individuals it has done with: the genotypes
    /// left in `evaluated` come back, as memory, in the next batch.
    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>);

    /// How many generations have ended.
    fn generation(&self) -> u64;

    /// Up to `count` different members that another island would gain most from; none by default.
    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<P::Genotype>> {
        let _ = (count, rng);
        Vec::new()
    }

    /// Takes members of another island in, between two generations, in place of its own worst;
    /// by default it does without.
    fn immigrate(&mut self, immigrants: Vec<Individual<P::Genotype>>) {
        let _ = immigrants;
    }
}
