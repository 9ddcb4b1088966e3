//! What the tests run.

use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;

use roofnas_search::{
    Individual, Limits, Nsga2, Nsga2Settings, Problem, RandomSearch, Search, StopReason,
    non_dominated_ranks,
};

use crate::measure::Point;

pub(crate) type Nsga2Search<P> = Search<<P as Problem>::Genotype, Nsga2<<P as Problem>::Genotype>>;

pub(crate) fn limits(evaluations: u64) -> Limits {
    Limits::new(NonZeroU64::new(evaluations).expect("a limit is not zero"))
}

/// A clock that stands still.
pub(crate) fn still() -> f64 {
    0.0
}

pub(crate) fn nsga2<G>(population: usize, seed: u64) -> Nsga2<G> {
    Nsga2::new(
        Nsga2Settings::new(population, 0.9).expect("sound settings"),
        seed,
    )
}

/// NSGA-II with crossover probability 0.9, run to the end of its evaluations.
pub(crate) fn run_nsga2<P: Problem>(
    problem: &P,
    population: usize,
    evaluations: u64,
    seed: u64,
) -> Nsga2Search<P> {
    let mut search = Search::new(nsga2(population, seed));
    let reason = search.run(problem, &limits(evaluations), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Evaluations);
    assert_eq!(search.evaluations(), evaluations);
    search
}

pub(crate) fn run_random<P: Problem>(
    problem: &P,
    evaluations: u64,
    seed: u64,
) -> Search<P::Genotype, RandomSearch<P::Genotype>> {
    let batch = NonZeroUsize::new(100).expect("not zero");
    let mut search = Search::new(RandomSearch::new(batch, seed));
    let reason = search.run(problem, &limits(evaluations), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Evaluations);
    assert_eq!(search.evaluations(), evaluations);
    search
}

/// The costs of the first front of the final population: what papers report, unlike the archive.
pub(crate) fn final_front<G>(optimizer: &Nsga2<G>) -> Vec<Point> {
    let population: Vec<&Individual<G>> = optimizer.population().collect();
    let ranks = non_dominated_ranks(population.iter().map(|member| &member.evaluation));
    let first = population.iter().zip(ranks).filter(|&(_, rank)| rank == 0);
    first.map(|(member, _)| member.costs().to_vec()).collect()
}
