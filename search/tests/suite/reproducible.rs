//! The same seed gives the same bytes: on any number of threads, stopped and resumed or not.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use roofnas_search::{Evaluation, Nsga2, Optimizer, RandomSearch, Search, StopReason};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::real_coded::RealCoded;
use crate::runs::{Nsga2Search, limits, nsga2, run_nsga2, run_random, still};
use crate::zdt::zdt1;

pub(crate) const ZDT1: RealCoded = RealCoded {
    genes: 30,
    objectives: 2,
    evaluate: zdt1,
};

/// Coarse, so that duplicates are bred, and partly infeasible or impossible to compute, so that
/// infinities are stored.
pub(crate) const COARSE: RealCoded = RealCoded {
    genes: 2,
    objectives: 3,
    evaluate: coarse,
};

fn coarse(x: &[f64]) -> Evaluation {
    let first = if x[0] < 0.1 {
        f64::NAN
    } else {
        (8.0 * x[0]).round()
    };
    Evaluation::new(
        [first, (8.0 * x[1]).round(), -x[0] - x[1]],
        x[0] * x[1] - 0.5,
    )
}

pub(crate) fn json(state: &impl Serialize) -> String {
    serde_json::to_string(state).expect("state can be stored")
}

pub(crate) fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads can be made").install(work)
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    for problem in [ZDT1, COARSE] {
        let evolved = |threads| on_threads(threads, || json(&run_nsga2(&problem, 64, 2_000, 7)));
        let random = |threads| on_threads(threads, || json(&run_random(&problem, 2_000, 7)));
        assert!(evolved(1) == evolved(2) && evolved(2) == evolved(4));
        assert!(random(1) == random(2) && random(2) == random(4));
    }
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(
        json(&run_nsga2(&ZDT1, 20, 200, 1)),
        json(&run_nsga2(&ZDT1, 20, 200, 2))
    );
}

#[test]
fn both_optimisers_start_from_the_same_candidates() {
    let batch = NonZeroUsize::new(50).unwrap();
    let (mut bred, mut drawn) = (Vec::new(), Vec::new());
    nsga2(50, 9).ask(&ZDT1, &mut bred);
    RandomSearch::new(batch, 9).ask(&ZDT1, &mut drawn);
    assert_eq!(bred, drawn);
}

/// Runs to the limit, but is stored and read back after every generation.
fn interrupted_at_every_turn<O>(mut search: Search<Vec<u32>, O>, problem: &RealCoded) -> String
where
    O: Optimizer<RealCoded> + Serialize + DeserializeOwned,
{
    loop {
        match search.run(problem, &limits(1_500), &still, |_| ControlFlow::Break(())) {
            StopReason::Interrupted => {
                search = serde_json::from_str(&json(&search)).expect("state can be read");
            }
            reason => {
                assert_eq!(reason, StopReason::Evaluations);
                return json(&search);
            }
        }
    }
}

#[test]
fn a_resumed_search_is_the_uninterrupted_one() {
    for problem in [ZDT1, COARSE] {
        let resumed = interrupted_at_every_turn(Search::new(nsga2(64, 3)), &problem);
        assert_eq!(resumed, json(&run_nsga2(&problem, 64, 1_500, 3)));

        let batch = NonZeroUsize::new(100).unwrap();
        let resumed = interrupted_at_every_turn(Search::new(RandomSearch::new(batch, 3)), &problem);
        assert_eq!(resumed, json(&run_random(&problem, 1_500, 3)));
    }
}

#[test]
fn a_finished_search_stays_finished_until_the_limit_is_raised() {
    let mut search: Nsga2Search<RealCoded> = run_nsga2(&ZDT1, 20, 200, 1);
    let before = json(&search);
    assert_eq!(
        search.step(&ZDT1, &limits(200), &still),
        ControlFlow::Break(StopReason::Evaluations)
    );
    assert_eq!(json(&search), before);
    assert!(search.step(&ZDT1, &limits(300), &still).is_continue());
    assert_eq!(search, run_nsga2(&ZDT1, 20, 220, 1));
}

#[test]
fn a_checkpoint_with_wrong_settings_is_refused() {
    let state =
        json(&run_nsga2(&ZDT1, 20, 200, 1)).replace("\"population\":20", "\"population\":2");
    let error = serde_json::from_str::<Nsga2Search<RealCoded>>(&state)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("population should be at least 4"),
        "{error}"
    );
}

#[test]
fn no_generation_holds_a_genotype_twice() {
    let mut search: Search<Vec<u32>, Nsga2<Vec<u32>>> = Search::new(nsga2(32, 1));
    while search.step(&COARSE, &limits(2_000), &still).is_continue() {
        let mut genotypes: Vec<_> = search.optimizers()[0]
            .population()
            .map(|member| &member.genotype)
            .collect();
        let all = genotypes.len();
        genotypes.sort();
        genotypes.dedup();
        assert_eq!(genotypes.len(), all);
    }
}
