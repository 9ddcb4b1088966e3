//! Several islands: one result on any number of threads, and better for their exchange.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::ops::ControlFlow;

use roofnas_search::{
    Islands, Limits, Nsga2, Nsga2Settings, Optimizer, Problem, Search, StopReason, random_stream,
};

use crate::real_coded::RealCoded;
use crate::reproducible::{COARSE, ZDT1, json, on_threads};
use crate::runs::{Nsga2Search, limits, nsga2, run_nsga2, still};

/// NSGA-II with a population divided among islands.
fn on_islands<G>(islands: Islands, population: usize, seed: u64) -> Search<G, Nsga2<G>> {
    let shares = islands.shares(population).expect("room for all");
    Search::on_islands(islands, seed, |island, seed| {
        let settings = Nsga2Settings::new(shares[island], 0.9).expect("sound settings");
        Nsga2::new(settings, seed)
    })
}

fn four() -> Islands {
    Islands::new(4, 5, 2).expect("sound settings")
}

/// Four islands of 16, run to the end of their evaluations.
fn run_four<P: Problem>(problem: &P, evaluations: u64, seed: u64) -> Nsga2Search<P> {
    let mut search = on_islands(four(), 64, seed);
    let reason = search.run(problem, &limits(evaluations), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Evaluations);
    assert_eq!(search.evaluations(), evaluations);
    search
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    for problem in [ZDT1, COARSE] {
        let bytes = |threads| on_threads(threads, || json(&run_four(&problem, 3_000, 7)));
        let alone = bytes(1);
        for threads in [2, 3, 5] {
            assert!(bytes(threads) == alone, "{threads} threads");
        }
    }
}

#[test]
fn one_island_is_the_optimiser_by_itself() {
    let mut search = Search::new(nsga2(20, 5));
    let mut alone = nsga2(20, 5);
    let mut batch = Vec::new();
    for _ in 0..20 {
        assert!(search.step(&ZDT1, &limits(1_000), &still).is_continue());
        alone.ask(&ZDT1, &mut batch);
        let evaluate = |genotype| roofnas_search::Individual {
            evaluation: ZDT1.evaluate(&genotype),
            genotype,
        };
        let mut evaluated = batch.drain(..).map(evaluate).collect();
        Optimizer::<RealCoded>::tell(&mut alone, &mut evaluated);
        assert_eq!(search.optimizers(), [alone.clone()]);
    }
}

#[test]
fn one_island_of_many_generations_a_step_finds_the_same() {
    let mut search = on_islands(Islands::new(1, 7, 0).unwrap(), 20, 5);
    let reason = search.run(&ZDT1, &limits(1_000), &still, |_| ControlFlow::Continue(()));
    assert_eq!(reason, StopReason::Evaluations);
    let plain = run_nsga2(&ZDT1, 20, 1_000, 5);
    assert_eq!(search.optimizers(), plain.optimizers());
    assert_eq!(search.front(), plain.front());
    assert_eq!(search.steps(), 1_000 / (7 * 20) + 1);
}

#[test]
fn a_resumed_search_is_the_uninterrupted_one() {
    for problem in [ZDT1, COARSE] {
        let mut search = on_islands(four(), 64, 3);
        while search.step(&problem, &limits(3_000), &still).is_continue() {
            search = serde_json::from_str(&json(&search)).expect("state can be read");
        }
        assert!(json(&search) == json(&run_four(&problem, 3_000, 3)));
    }
}

#[test]
fn a_raised_limit_continues_a_search_that_ended_with_a_whole_step() {
    let step = 64 * 5;
    let mut search = run_four(&ZDT1, 4 * step, 3);
    assert_eq!(search.steps(), 4);
    let reason = search.run(&ZDT1, &limits(9 * step), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Evaluations);
    assert_eq!(search, run_four(&ZDT1, 9 * step, 3));
}

#[test]
fn members_arrive_on_the_next_island() {
    let genotypes = |search: &Nsga2Search<RealCoded>, island: usize| {
        let members = search.optimizers()[island].population();
        members
            .map(|member| member.genotype.clone())
            .collect::<BTreeSet<_>>()
    };
    let common = |migrants| {
        let islands = Islands::new(3, 4, migrants).unwrap();
        let mut search = on_islands(islands, 60, 1);
        assert!(search.step(&ZDT1, &limits(10_000), &still).is_continue());
        [(0, 1), (1, 2), (2, 0)].map(|(from, to)| {
            let (here, there) = (genotypes(&search, from), genotypes(&search, to));
            here.intersection(&there).count()
        })
    };
    assert_eq!(common(0), [0; 3]);
    // One that does not hold its own among the members there is turned away.
    assert!(common(3).iter().all(|&arrived| (1..=3).contains(&arrived)));
}

#[test]
fn islands_are_no_worse_than_one_population() {
    let share = |search: Nsga2Search<RealCoded>| search.front().hypervolume(&[1.1, 1.1]);
    let together: f64 = (1..=4)
        .map(|seed| share(run_four(&ZDT1, 20_000, seed)))
        .sum();
    let one: f64 = (1..=4)
        .map(|seed| share(run_nsga2(&ZDT1, 64, 20_000, seed)))
        .sum();
    println!("hypervolume: islands {together:.4}, one {one:.4}");
    assert!(together > 0.99 * one, "islands {together}, one {one}");
}

#[test]
fn the_front_is_that_of_all_evaluated() {
    let search = run_four(&COARSE, 2_000, 1);
    let members = search.optimizers().iter().flat_map(Nsga2::population);
    for member in members.filter(|member| member.is_feasible()) {
        assert!(!search.front().clone().insert(member));
    }
}

#[test]
fn the_limit_is_met_exactly_even_with_fewer_evaluations_than_islands() {
    for evaluations in [1, 3, 4, 63, 64, 65, 319, 321, 1_000] {
        run_four(&ZDT1, evaluations, 1);
    }
}

#[test]
fn an_optimiser_that_nobody_leaves_can_have_islands() {
    let islands = four();
    let batch = std::num::NonZeroUsize::new(10).expect("not zero");
    let mut search = Search::on_islands(islands, 1, |_, seed| {
        roofnas_search::RandomSearch::new(batch, seed)
    });
    let limits = Limits::new(NonZeroU64::new(1_000).expect("not zero"));
    let reason = search.run(&ZDT1, &limits, &still, |_| ControlFlow::Continue(()));
    assert_eq!(reason, StopReason::Evaluations);
    assert!(!search.front().is_empty());
}

#[test]
fn emigrants_differ_and_are_never_more_than_there_are() {
    let search = run_nsga2(&ZDT1, 20, 200, 1);
    let emigrants = |count| {
        let mut rng = random_stream(1, 2, 3);
        let optimizer = &search.optimizers()[0];
        let emigrants = Optimizer::<RealCoded>::emigrants(optimizer, count, &mut rng);
        let different: BTreeSet<_> = emigrants.iter().map(|e| e.genotype.clone()).collect();
        assert_eq!(different.len(), emigrants.len());
        emigrants.len()
    };
    assert_eq!(emigrants(0), 0);
    assert_eq!(emigrants(3), 3);
    assert!(emigrants(100) <= 20);
    let none: Nsga2<Vec<u32>> = nsga2(20, 1);
    assert!(Optimizer::<RealCoded>::emigrants(&none, 3, &mut random_stream(1, 2, 3)).is_empty());
}
