//! What the tests run.

use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;

use roofnas_search::{
    Individual, Limits, Nsga2, Nsga2Settings, Nsga3, Optimizer, Problem, RandomSearch, Search,
    StopReason, non_dominated_ranks,
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

pub(crate) fn nsga3<G>(population: usize, crossover_probability: f64, seed: u64) -> Nsga3<G> {
    let settings = Nsga2Settings::new(population, crossover_probability);
    Nsga3::new(settings.expect("sound settings"), seed)
}

/// Any optimiser, run to the end of its evaluations.
pub(crate) fn run<P: Problem, O: Optimizer<P>>(
    problem: &P,
    optimizer: O,
    evaluations: u64,
) -> Search<P::Genotype, O> {
    let mut search = Search::new(optimizer);
    let reason = search.run(problem, &limits(evaluations), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Evaluations);
    assert_eq!(search.evaluations(), evaluations);
    search
}

/// Any optimiser for so many generations, without the archive of a search.
pub(crate) fn evolve<P: Problem, O: Optimizer<P>>(
    problem: &P,
    mut optimizer: O,
    generations: u64,
) -> O {
    let mut batch = Vec::new();
    while optimizer.generation() < generations {
        optimizer.ask(problem, &mut batch);
        let evaluate = |genotype| Individual {
            evaluation: problem.evaluate(&genotype),
            genotype,
        };
        optimizer.tell(&mut batch.drain(..).map(evaluate).collect());
    }
    optimizer
}

/// NSGA-II with crossover probability 0.9, run to the end of its evaluations.
pub(crate) fn run_nsga2<P: Problem>(
    problem: &P,
    population: usize,
    evaluations: u64,
    seed: u64,
) -> Nsga2Search<P> {
    run(problem, nsga2(population, seed), evaluations)
}

pub(crate) fn run_random<P: Problem>(
    problem: &P,
    evaluations: u64,
    seed: u64,
) -> Search<P::Genotype, RandomSearch<P::Genotype>> {
    let batch = NonZeroUsize::new(100).expect("not zero");
    run(problem, RandomSearch::new(batch, seed), evaluations)
}

/// The costs of the first front of a population: what papers report, unlike the archive.
pub(crate) fn first_front<'a, G: 'a>(
    population: impl Iterator<Item = &'a Individual<G>>,
) -> Vec<Point> {
    let population: Vec<&Individual<G>> = population.collect();
    let ranks = non_dominated_ranks(population.iter().map(|member| &member.evaluation));
    let first = population.iter().zip(ranks).filter(|&(_, rank)| rank == 0);
    first.map(|(member, _)| member.costs().to_vec()).collect()
}

/// The first front of the final population of NSGA-II.
pub(crate) fn final_front<G>(optimizer: &Nsga2<G>) -> Vec<Point> {
    first_front(optimizer.population())
}
