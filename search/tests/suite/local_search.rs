//! Pareto local search ends in a Pareto local optimum, by whatever steps.

use std::collections::BTreeSet;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;

use roofnas_search::{
    Individual, Islands, LocalSearch, Neighbourhood, Optimizer, ParetoFront, Problem, Search,
    SearchRng, Stagnation, StopReason, WarmStart, random_stream,
};

use crate::digits::{Digits, RUGGED, SLIVER, TINY, sliver_front};
use crate::runs::{limits, nsga2, run_nsga2, still};

type Polish = Search<Vec<u8>, LocalSearch<Vec<u8>>>;

fn individual(problem: &Digits, genotype: Vec<u8>) -> Individual<Vec<u8>> {
    Individual {
        evaluation: problem.evaluate(&genotype),
        genotype,
    }
}

fn samples(problem: &Digits, count: u64) -> Vec<Individual<Vec<u8>>> {
    let stream = |index| -> SearchRng { random_stream(5, 0, index) };
    (0..count)
        .map(|index| individual(problem, problem.sample(&mut stream(index))))
        .collect()
}

fn polish(problem: &Digits, starts: u64, batch: usize) -> Polish {
    let batch = NonZeroUsize::new(batch).expect("not zero");
    Search::new(LocalSearch::new(samples(problem, starts), batch))
}

fn to_the_end(mut search: Polish, problem: &Digits) -> Polish {
    let reason = search.run(problem, &limits(1_000_000), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Exhausted);
    search
}

fn archive(search: &Polish) -> ParetoFront<Vec<u8>> {
    ParetoFront::from(
        search.optimizers()[0]
            .archive()
            .cloned()
            .collect::<Vec<_>>(),
    )
}

#[test]
fn from_far_outside_it_finds_the_whole_front_of_a_sliver() {
    for batch in [1, 50, 10_000] {
        let search = to_the_end(polish(&SLIVER, 1, batch), &SLIVER);
        let found: Vec<_> = search.front().iter().map(Individual::costs).collect();
        assert_eq!(found, sliver_front(), "batch {batch}");
        assert!(search.evaluations() < 10_000, "{}", search.evaluations());
    }
}

/// No neighbour of any member of the archive would join it.
fn is_locally_optimal(search: &Polish, problem: &Digits) {
    let end = archive(search);
    assert_eq!(search.optimizers()[0].unvisited(), 0);
    for member in &end {
        let mut room = member.genotype.clone();
        problem.neighbours(&member.genotype, &mut room, &mut |next| {
            let joined = end.clone().insert(&individual(problem, next.clone()));
            assert!(!joined, "{next:?} joins beside {:?}", member.genotype);
        });
    }
}

#[test]
fn in_the_end_no_neighbour_would_join() {
    for batch in [1, 7, 1_000] {
        is_locally_optimal(&to_the_end(polish(&RUGGED, 20, batch), &RUGGED), &RUGGED);
    }
}

#[test]
fn nothing_is_evaluated_twice_and_batches_stay_small() {
    let mut search = polish(&RUGGED, 20, 64).optimizers()[0].clone();
    let mut seen: BTreeSet<_> = samples(&RUGGED, 20)
        .into_iter()
        .map(|s| s.genotype)
        .collect();
    let mut batch = Vec::new();
    loop {
        search.ask(&RUGGED, &mut batch);
        assert!(batch.len() <= 64);
        if batch.is_empty() {
            break;
        }
        for genotype in &batch {
            assert!(seen.insert(genotype.clone()), "{genotype:?} again");
        }
        Optimizer::<Digits>::tell(
            &mut search,
            &mut batch.drain(..).map(|g| individual(&RUGGED, g)).collect(),
        );
    }
}

#[test]
fn a_limit_within_a_neighbourhood_loses_no_neighbour() {
    let mut search = polish(&RUGGED, 3, 200);
    for evaluations in (1..2_000).step_by(37) {
        let reason = search.run(&RUGGED, &limits(evaluations), &still, |_| {
            ControlFlow::Continue(())
        });
        if reason == StopReason::Evaluations {
            assert_eq!(search.evaluations(), evaluations);
        }
    }
    is_locally_optimal(&to_the_end(search, &RUGGED), &RUGGED);
}

#[test]
fn a_warm_start_loses_no_neighbour() {
    let starts = samples(&RUGGED, 30).into_iter();
    let starts = starts.map(|start| start.genotype).collect();
    // The first member's 54 neighbours fit in a batch, but not beside the start.
    let within = polish(&RUGGED, 2, 80).optimizers()[0].clone();
    let mut search = Search::new(WarmStart::new(within, starts));
    let reason = search.run(&RUGGED, &limits(1_000_000), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Exhausted);
    let polished = search.followed_by(|search| search.optimizers()[0].optimizer().clone());
    is_locally_optimal(&polished, &RUGGED);
}

#[test]
fn it_polishes_what_islands_found() {
    let islands = Islands::new(3, 5, 2).unwrap();
    let mut evolved = Search::on_islands(islands, 1, |_, seed| nsga2(20, seed));
    evolved.run(&RUGGED, &limits(900), &still, |_| ControlFlow::Continue(()));
    let (steps, front) = (evolved.steps(), evolved.front().clone());
    let batch = NonZeroUsize::new(100).unwrap();
    let search = evolved.followed_by(|evolved| LocalSearch::after(evolved, batch));
    assert_eq!(
        (search.islands(), search.optimizers().len()),
        (Islands::ONE, 1)
    );
    assert_eq!((search.evaluations(), search.steps()), (900, steps));
    assert_eq!(search.front(), &front);

    // Stored and read back in between, it ends the same.
    let stored = serde_json::to_string(&search).unwrap();
    let resumed: Polish = serde_json::from_str(&stored).unwrap();
    let search = to_the_end(search, &RUGGED);
    assert_eq!(to_the_end(resumed, &RUGGED), search);
    assert_eq!(search.front(), &archive(&search));
}

#[test]
fn a_follower_is_not_held_to_have_stagnated() {
    let window = NonZeroU64::new(500).unwrap();
    let stagnation = Stagnation::new(vec![500.0, 500.0], 0.5, window).unwrap();
    let limits = limits(1_000_000).with_stagnation(stagnation);
    let mut evolved = Search::new(nsga2(20, 1));
    let reason = evolved.run(&RUGGED, &limits, &still, |_| ControlFlow::Continue(()));
    assert_eq!(reason, StopReason::Stagnation);
    let batch = NonZeroUsize::new(10).unwrap();
    let mut search = evolved.followed_by(|evolved| LocalSearch::after(evolved, batch));
    assert!(search.step(&RUGGED, &limits, &still).is_continue());
}

#[test]
fn it_polishes_what_another_optimiser_found() {
    let evolved = run_nsga2(&RUGGED, 20, 1_000, 1);
    let before = evolved.front().hypervolume(&[500.0, 500.0]);
    let batch = NonZeroUsize::new(100).unwrap();
    let search = evolved.followed_by(|evolved| LocalSearch::after(evolved, batch));
    assert_eq!(search.evaluations(), 1_000);
    let search = to_the_end(search, &RUGGED);
    let after = search.front().hypervolume(&[500.0, 500.0]);
    println!(
        "hypervolume {before} then {after}, {} evaluations",
        search.evaluations()
    );
    assert!(after > before);
    assert_eq!(search.front(), &archive(&search));
}

#[test]
fn after_a_search_without_success_it_starts_from_what_came_nearest() {
    let mut search = Search::new(nsga2(20, 1));
    assert!(search.step(&SLIVER, &limits(20), &still).is_continue());
    assert!(search.front().is_empty());
    let batch = NonZeroUsize::new(100).unwrap();
    let search = search.followed_by(|search| LocalSearch::after(search, batch));
    assert_eq!(to_the_end(search, &SLIVER).front().len(), 28);
}

#[test]
fn tiny_spaces_and_no_start_at_all_end() {
    assert_eq!(to_the_end(polish(&TINY, 1, 3), &TINY).evaluations(), 7);
    assert_eq!(to_the_end(polish(&TINY, 0, 3), &TINY).evaluations(), 0);
}
