//! What every optimiser owes: the same bytes on any number of threads and after any pause,
//! constraints met, an end in tiny spaces, a warm start.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use roofnas_search::{
    Individual, Islands, LocalSearch, Nsga2, Nsga3, Optimizer, Problem, RandomSearch,
    RegularizedEvolution, RegularizedEvolutionSettings, Search, StopReason, WarmStart,
    random_stream,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digits::{Digits, RUGGED, SLIVER, TINY, sliver_front};
use crate::reproducible::{json, on_threads};
use crate::runs::{limits, nsga2, nsga3, run, still};

type Genotype = Vec<u8>;

fn regularized_evolution(children: usize, seed: u64) -> RegularizedEvolution<Genotype> {
    let settings = RegularizedEvolutionSettings::new(50, 10, children).expect("sound settings");
    RegularizedEvolution::new(settings, seed)
}

fn random_search(seed: u64) -> RandomSearch<Genotype> {
    RandomSearch::new(NonZeroUsize::new(50).expect("not zero"), seed)
}

fn local_search(problem: &Digits, seed: u64) -> LocalSearch<Genotype> {
    let genotype = problem.sample(&mut random_stream(seed, 0, 0));
    let start = Individual {
        evaluation: problem.evaluate(&genotype),
        genotype,
    };
    LocalSearch::new([start], NonZeroUsize::new(50).expect("not zero"))
}

/// Twenty generations or to the end: on 1, 2 and 4 threads, and stored and read back after each.
fn is_reproducible<O>(optimizer: &O, problem: &Digits)
where
    O: Optimizer<Digits> + Clone + Send + Sync + Serialize + DeserializeOwned,
{
    let whole = |threads| {
        on_threads(threads, || {
            let mut search = Search::new(optimizer.clone());
            search.run(problem, &limits(1_000), &still, |_| {
                ControlFlow::Continue(())
            });
            json(&search)
        })
    };
    let uninterrupted = whole(1);
    assert!(uninterrupted == whole(2) && uninterrupted == whole(4));

    let mut search = Search::new(optimizer.clone());
    while search.step(problem, &limits(1_000), &still).is_continue() {
        search = serde_json::from_str(&json(&search)).expect("state can be read");
    }
    assert_eq!(json(&search), uninterrupted);
}

/// An optimiser by itself, and begun from what is known.
fn is_reproducible_warm_or_not<O>(optimizer: O, problem: &Digits)
where
    O: Optimizer<Digits> + Clone + Send + Sync + Serialize + DeserializeOwned,
{
    is_reproducible(&optimizer, problem);
    let start = vec![vec![0; problem.count], vec![1; problem.count]];
    is_reproducible(&WarmStart::new(optimizer, start), problem);
}

#[test]
fn all_are_reproducible() {
    for problem in [SLIVER, RUGGED, TINY] {
        is_reproducible_warm_or_not(random_search(3), &problem);
        is_reproducible_warm_or_not(nsga2::<Genotype>(50, 3), &problem);
        is_reproducible_warm_or_not(nsga3::<Genotype>(50, 0.9, 3), &problem);
        is_reproducible_warm_or_not(regularized_evolution(1, 3), &problem);
        is_reproducible_warm_or_not(regularized_evolution(25, 3), &problem);
        is_reproducible_warm_or_not(local_search(&problem, 3), &problem);
    }
}

/// The same on three islands that exchange members, and the limit met exactly.
fn is_reproducible_on_islands<O>(optimizer: impl Fn(u64) -> O + Sync, problem: &Digits)
where
    O: Optimizer<Digits> + Clone + Send + Sync + Serialize + DeserializeOwned,
{
    let islands = Islands::new(3, 4, 2).expect("sound settings");
    let begin = || Search::on_islands(islands, 3, |_, seed| optimizer(seed));
    let whole = |threads, evaluations| {
        on_threads(threads, || {
            let mut search = begin();
            let limits = limits(evaluations);
            let reason = search.run(problem, &limits, &still, |_| ControlFlow::Continue(()));
            if reason == StopReason::Evaluations {
                assert_eq!(search.evaluations(), evaluations);
            }
            json(&search)
        })
    };
    let uninterrupted = whole(1, 1_501);
    assert!(uninterrupted == whole(2, 1_501) && uninterrupted == whole(5, 1_501));
    for evaluations in [1, 2, 3, 49, 151, 152] {
        whole(2, evaluations);
    }

    let mut search = begin();
    while search.step(problem, &limits(1_501), &still).is_continue() {
        search = serde_json::from_str(&json(&search)).expect("state can be read");
    }
    assert!(json(&search) == uninterrupted);
}

#[test]
fn all_are_reproducible_on_islands() {
    for problem in [SLIVER, RUGGED, TINY] {
        let warm = |optimizer| WarmStart::new(optimizer, vec![vec![0; problem.count]]);
        is_reproducible_on_islands(|seed| nsga3::<Genotype>(50, 0.9, seed), &problem);
        is_reproducible_on_islands(|seed| regularized_evolution(1, seed), &problem);
        is_reproducible_on_islands(|seed| regularized_evolution(25, seed), &problem);
        is_reproducible_on_islands(|seed| local_search(&problem, seed), &problem);
        is_reproducible_on_islands(|seed| warm(nsga2(50, seed)), &problem);
    }
}

/// Who lives on the second of two islands after a migration and also on the first.
fn arrived<O: Optimizer<Digits>>(
    optimizer: impl Fn(u64) -> O,
    population: impl Fn(&O) -> BTreeSet<Genotype>,
    migrants: usize,
) -> usize {
    let islands = Islands::new(2, 3, migrants).expect("sound settings");
    let mut search = Search::on_islands(islands, 1, |_, seed| optimizer(seed));
    for _ in 0..4 {
        assert!(search.step(&RUGGED, &limits(10_000), &still).is_continue());
    }
    let [first, second] = search.optimizers() else {
        panic!("there are two islands");
    };
    population(first).intersection(&population(second)).count()
}

#[test]
fn members_migrate() {
    let genotypes = |members: &mut dyn Iterator<Item = &Individual<Genotype>>| {
        members.map(|member| member.genotype.clone()).collect()
    };
    let spread = |optimizer: &Nsga3<Genotype>| genotypes(&mut optimizer.population());
    let nsga3 = |seed| nsga3(20, 0.9, seed);
    let aged = |optimizer: &RegularizedEvolution<Genotype>| genotypes(&mut optimizer.population());
    let evolution = |seed| regularized_evolution(10, seed);
    let warm = |seed| WarmStart::new(evolution(seed), Vec::new());
    let within = |warm: &WarmStart<_, _>| aged(warm.optimizer());
    let (alone, together) = (arrived(nsga3, spread, 0), arrived(nsga3, spread, 2));
    assert!(together > alone, "NSGA-III: {alone}, {together}");
    let (alone, together) = (arrived(evolution, aged, 0), arrived(evolution, aged, 2));
    assert!(together > alone, "aging evolution: {alone}, {together}");
    assert_eq!(arrived(warm, within, 2), together);
}

#[test]
fn another_seed_is_another_run() {
    let first = run(&RUGGED, nsga3(50, 0.9, 1), 500);
    let second = run(&RUGGED, nsga3(50, 0.9, 2), 500);
    assert_ne!(first.front(), second.front());
    let first = run(&RUGGED, regularized_evolution(5, 1), 500);
    let second = run(&RUGGED, regularized_evolution(5, 2), 500);
    assert_ne!(first.front(), second.front());
}

/// Half of the true front of the sliver, and nothing beside it, with 5000 evaluations: chance
/// finds one feasible string in 10^5.
fn meets_constraints(optimizer: impl Optimizer<Digits>) {
    let search = run(&SLIVER, optimizer, 5_000);
    let truth = sliver_front();
    let known = |member: &&Individual<Genotype>| truth.iter().any(|costs| member.costs() == costs);
    let found = search.front().iter().filter(known).count();
    println!("{found} of {} optima", truth.len());
    assert!(found >= 14, "{found} optima");
    assert!(
        search
            .front()
            .iter()
            .all(|member| member.genotype[..5] == [3, 1, 4, 1, 5])
    );
}

#[test]
fn evolution_meets_constraints_that_chance_does_not() {
    meets_constraints(nsga2(50, 1));
    meets_constraints(nsga3(50, 0.9, 1));
    meets_constraints(regularized_evolution(1, 1));
    meets_constraints(regularized_evolution(10, 1));

    let chance = run(&SLIVER, random_search(1), 5_000);
    assert!(chance.front().is_empty());
    assert!(!chance.nearest().expect("something").is_feasible());
}

#[test]
fn chance_meets_them_with_patience() {
    let search = run(&SLIVER, random_search(1), 400_000);
    assert!(!search.front().is_empty());
    assert!(search.front().iter().all(Individual::is_feasible));
}

fn exhausts(optimizer: impl Optimizer<Digits>) {
    let mut search = Search::new(optimizer);
    let reason = search.run(&TINY, &limits(1_000_000), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Exhausted);
    assert_eq!((search.evaluations(), search.front().len()), (8, 8));
}

#[test]
fn tiny_spaces_are_exhausted() {
    exhausts(nsga2(50, 1));
    exhausts(nsga3(50, 0.9, 1));
    exhausts(regularized_evolution(1, 1));
    exhausts(regularized_evolution(50, 1));
    exhausts(WarmStart::new(nsga2(50, 1), vec![vec![1, 1, 1]]));
}

#[test]
fn the_oldest_die_however_good() {
    let evolution = run(&RUGGED, regularized_evolution(10, 1), 50);
    let first: Vec<Genotype> = alive(&evolution);
    assert_eq!(first.len(), 50);
    let evolution = run(&RUGGED, regularized_evolution(10, 1), 80);
    assert_eq!(alive(&evolution)[..20], first[30..]);
    let evolution = run(&RUGGED, regularized_evolution(10, 1), 100);
    assert!(
        alive(&evolution)
            .iter()
            .all(|genotype| !first.contains(genotype))
    );
}

fn alive(search: &Search<Genotype, RegularizedEvolution<Genotype>>) -> Vec<Genotype> {
    let population = search.optimizers()[0].population();
    population.map(|member| member.genotype.clone()).collect()
}

#[test]
fn aging_evolution_beats_chance() {
    let reference = [500.0, 500.0];
    let evolved = run(&RUGGED, regularized_evolution(10, 1), 5_000);
    let chance = run(&RUGGED, random_search(1), 5_000);
    let evolved = evolved.front().hypervolume(&reference);
    let chance = chance.front().hypervolume(&reference);
    println!("hypervolume: evolved {evolved}, chance {chance}");
    assert!(evolved > 1.05 * chance);
}

/// What a warm start makes of the first batch.
fn first_batch<O: Optimizer<Digits>>(optimizer: O, start: &[Genotype]) -> Vec<Genotype> {
    batch(&mut WarmStart::new(optimizer, start.to_vec()))
}

/// The next batch, written over genotypes that mean nothing.
fn batch(optimizer: &mut impl Optimizer<Digits>) -> Vec<Genotype> {
    let mut batch = vec![vec![9]; 7];
    optimizer.ask(&SLIVER, &mut batch);
    batch
}

#[test]
fn a_warm_start_takes_the_first_places() {
    let own = batch(&mut nsga2(50, 1));
    let good = [vec![3, 1, 4, 1, 5, 0, 0, 0], vec![3, 1, 4, 1, 5, 9, 9, 9]];
    let first = first_batch(nsga2(50, 1), &good);
    assert_eq!(first[..2], good);
    assert_eq!(first[2..], own[..48]);
    assert_eq!(first_batch(nsga3(50, 0.9, 1), &good), first);
    assert_eq!(first_batch(regularized_evolution(10, 1), &good), first);
    assert_eq!(first_batch(random_search(1), &good)[..2], good);
}

#[test]
fn a_warm_start_counts_equals_once_and_leaves_out_what_does_not_fit() {
    let own = batch(&mut nsga2(50, 1));
    let twice = [own[7].clone(), own[7].clone()];
    let first = first_batch(nsga2(50, 1), &twice);
    assert_eq!(first.len(), 50);
    assert_eq!(first[0], own[7]);
    assert_eq!(
        first.iter().filter(|&genotype| *genotype == own[7]).count(),
        1
    );

    let many: Vec<Genotype> = (0..80)
        .map(|i| vec![i / 10, i % 10, 0, 0, 0, 0, 0, 0])
        .collect();
    assert_eq!(first_batch(nsga2(50, 1), &many), many[..50]);
    assert_eq!(first_batch(nsga2(50, 1), &[]), own);
}

#[test]
fn a_warm_start_is_over_after_the_first_generation() {
    let good = vec![3, 1, 4, 1, 5, 0, 0, 0];
    let warm = run(
        &SLIVER,
        WarmStart::new(nsga2(50, 1), vec![good.clone()]),
        50,
    );
    assert_eq!(warm.front().members()[0].genotype, good);
    let mut within: Nsga2<Genotype> = warm.optimizers()[0].optimizer().clone();
    let mut around = warm.optimizers()[0].clone();
    assert_eq!(Optimizer::<Digits>::generation(&around), 1);
    assert_eq!(batch(&mut around), batch(&mut within));
}

#[test]
fn a_warm_start_is_all_of_the_batch_when_there_is_nothing_else() {
    let none = LocalSearch::new([], NonZeroUsize::MIN);
    let good = [vec![3, 1, 4, 1, 5, 0, 0, 0], vec![3, 1, 4, 1, 5, 9, 9, 9]];
    assert_eq!(first_batch(none, &good), good);
}
