//! ZDT5, the binary and deceptive member of the suite (Zitzler, Deb, Thiele 2000): one string of
//! 30 bits and ten of 5. The true front has g = 10: second cost 10 / first, first in 1..=31.

use rand::RngExt;
use roofnas_search::{Evaluation, Problem, SearchRng, hypervolume};

use crate::runs::{run_nsga2, run_random};

const BITS: u32 = 30 + 10 * 5;

struct Zdt5;

impl Problem for Zdt5 {
    type Genotype = u128;

    fn objectives(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut SearchRng) -> u128 {
        rng.random::<u128>() >> (128 - BITS)
    }

    fn mutate(&self, bits: &mut u128, rng: &mut SearchRng) {
        let flips = (0..BITS).filter(|_| rng.random_ratio(1, BITS));
        *bits = flips.fold(*bits, |bits, bit| bits ^ 1 << bit);
    }

    /// One point.
    fn crossover(&self, child: &mut u128, father: &u128, rng: &mut SearchRng) {
        let mask = (1 << rng.random_range(1..BITS)) - 1;
        *child = *child & mask | father & !mask;
    }

    fn evaluate(&self, genotype: &u128) -> Evaluation {
        let ones = |from: u32, count: u32| (genotype >> from & ((1 << count) - 1)).count_ones();
        let first = f64::from(1 + ones(0, 30));
        let value = |ones: u32| if ones == 5 { 1 } else { 2 + ones };
        let g = f64::from(
            (0..10)
                .map(|string| value(ones(30 + 5 * string, 5)))
                .sum::<u32>(),
        );
        Evaluation::unconstrained([first, g / first])
    }
}

#[test]
fn evolution_nears_the_deceptive_front() {
    let reference = [32.0, 60.0];
    let truth = hypervolume(
        (1..=31).map(|n| [f64::from(n), 10.0 / f64::from(n)]),
        &reference,
    );
    let evolved = run_nsga2(&Zdt5, 100, 25_000, 1)
        .front()
        .hypervolume(&reference)
        / truth;
    let random = run_random(&Zdt5, 25_000, 1).front().hypervolume(&reference) / truth;
    println!("share of hypervolume: evolved {evolved:.4}, random {random:.4}");
    assert!(
        evolved > 0.97 && evolved <= 1.0,
        "share of hypervolume {evolved}"
    );
    assert!(
        2.0 * (1.0 - evolved) < 1.0 - random,
        "evolved {evolved}, random {random}"
    );
}
