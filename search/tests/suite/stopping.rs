//! Every search ends, and says why.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use roofnas_search::{
    Evaluation, Islands, Optimizer, Problem, Search, SearchRng, Stagnation, StopReason,
};

use crate::reproducible::json;
use crate::runs::{limits, nsga2, run_nsga2, still};

/// The numbers below a bound, to be made small and large at once.
struct Numbers {
    bound: u32,
}

impl Problem for Numbers {
    type Genotype = u32;

    fn objectives(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut SearchRng) -> u32 {
        rng.random_range(0..self.bound)
    }

    fn mutate(&self, number: &mut u32, _: &mut SearchRng) {
        *number = (*number + 1) % self.bound;
    }

    fn crossover(&self, child: &mut u32, father: &u32, _: &mut SearchRng) {
        *child = child.midpoint(*father);
    }

    fn evaluate(&self, genotype: &u32) -> Evaluation {
        let number = f64::from(*genotype);
        Evaluation::unconstrained([number, -number])
    }
}

#[test]
fn a_tiny_space_is_exhausted() {
    let mut search = Search::new(nsga2(8, 1));
    let reason = search.run(&Numbers { bound: 3 }, &limits(1_000_000), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Exhausted);
    assert_eq!(search.evaluations(), 3);
    let found: Vec<u32> = search
        .front()
        .iter()
        .map(|member| member.genotype)
        .collect();
    assert_eq!(found, [0, 1, 2]);
}

#[test]
fn a_space_of_one_is_exhausted() {
    let mut search = Search::new(nsga2(4, 1));
    let reason = search.run(&Numbers { bound: 1 }, &limits(10), &still, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!((reason, search.evaluations()), (StopReason::Exhausted, 1));
}

#[test]
fn the_limit_is_met_exactly() {
    for evaluations in [1, 63, 64, 65, 1_000] {
        let search = run_nsga2(&Numbers { bound: 1 << 20 }, 64, evaluations, 1);
        assert_eq!(
            search.optimizers()[0].population().len() as u64,
            evaluations.min(64)
        );
        let generation = Optimizer::<Numbers>::generation(&search.optimizers()[0]);
        assert_eq!(generation, evaluations.div_ceil(64));
    }
}

#[test]
fn the_observer_can_stop_it() {
    let mut search = Search::new(nsga2(10, 1));
    let problem = Numbers { bound: 1 << 20 };
    let reason = search.run(&problem, &limits(1_000), &still, |search| {
        if search.evaluations() >= 30 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(
        (reason, search.evaluations()),
        (StopReason::Interrupted, 30)
    );
    assert_eq!(search.last_batch().evaluated, 10);
    assert_eq!(search.last_batch().feasible, 10);
}

#[test]
fn time_is_kept_to_a_generation() {
    // Each look at the clock is a second later than the one before.
    let looks = AtomicU64::new(0);
    let clock = || looks.fetch_add(1, Ordering::Relaxed) as f64;
    let limits = limits(1_000_000).with_seconds(5.0).expect("a time");
    let islands = Islands::new(1, 100, 0).expect("one island");
    let mut search = Search::on_islands(islands, 1, |_, seed| nsga2(10, seed));
    let problem = Numbers { bound: 1 << 20 };
    let reason = search.run(&problem, &limits, &clock, |_| ControlFlow::Continue(()));
    assert_eq!(reason, StopReason::Seconds);
    assert_eq!(search.evaluations(), 50);
}

#[test]
fn time_that_was_spent_before_counts() {
    let limits = limits(1_000_000).with_seconds(5.0).expect("a time");
    let mut search = Search::new(nsga2(10, 1));
    let problem = Numbers { bound: 1 << 20 };
    let mut step = |seconds: f64| search.step(&problem, &limits, &move || seconds);
    assert!(step(4.9).is_continue());
    assert_eq!(step(5.0), ControlFlow::Break(StopReason::Seconds));
}

#[test]
fn a_front_that_no_longer_grows_is_enough() {
    let window = NonZeroU64::new(500).expect("not zero");
    let stagnation = Stagnation::new(vec![8.0, 1.0], 0.001, window).expect("sound settings");
    let limits = limits(1_000_000).with_stagnation(stagnation);
    let run = |problem: &Numbers| {
        let mut search = Search::new(nsga2(10, 1));
        let reason = search.run(problem, &limits, &still, |_| ControlFlow::Continue(()));
        (reason, search.evaluations(), json(&search))
    };
    // The numbers 0 to 7 are all that reach beyond the reference.
    let (reason, evaluations, state) = run(&Numbers { bound: 1 << 12 });
    assert_eq!(reason, StopReason::Stagnation);
    assert!((500..50_000).contains(&evaluations), "{evaluations}");

    // Interrupted at every turn it ends the same.
    let mut search = Search::new(nsga2(10, 1));
    let problem = Numbers { bound: 1 << 12 };
    while search.step(&problem, &limits, &still).is_continue() {
        search = serde_json::from_str(&json(&search)).expect("state can be read");
    }
    assert!(json(&search) == state);
}

#[test]
#[should_panic(expected = "the reference point should have 2 costs")]
fn a_reference_point_of_another_problem_is_caught() {
    let window = NonZeroU64::new(500).expect("not zero");
    let stagnation = Stagnation::new(vec![1.0; 3], 0.0, window).expect("sound settings");
    let limits = limits(100).with_stagnation(stagnation);
    let _ = Search::new(nsga2(10, 1)).step(&Numbers { bound: 99 }, &limits, &still);
}

#[test]
#[should_panic(expected = "should have 3 costs")]
fn a_problem_that_miscounts_its_costs_is_caught() {
    struct Wrong(Numbers);
    impl Problem for Wrong {
        type Genotype = u32;
        fn objectives(&self) -> usize {
            3
        }
        fn sample(&self, rng: &mut SearchRng) -> u32 {
            self.0.sample(rng)
        }
        fn mutate(&self, number: &mut u32, rng: &mut SearchRng) {
            self.0.mutate(number, rng);
        }
        fn crossover(&self, child: &mut u32, father: &u32, rng: &mut SearchRng) {
            self.0.crossover(child, father, rng);
        }
        fn evaluate(&self, genotype: &u32) -> Evaluation {
            self.0.evaluate(genotype)
        }
    }
    run_nsga2(&Wrong(Numbers { bound: 9 }), 4, 8, 1);
}
