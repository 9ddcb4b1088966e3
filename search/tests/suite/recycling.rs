//! Once its buffers have grown, a search makes no genotype anew: memory goes round.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use roofnas_search::{
    Evaluation, Islands, Nsga2, Nsga2Settings, Nsga3, Optimizer, Problem, RegularizedEvolution,
    RegularizedEvolutionSettings, Search, SearchRng, WarmStart,
};
use serde::Serialize;

use crate::runs::{limits, still};

/// Genotypes made so far, sampled or cloned.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A number that notes when memory for another is taken, as a box would.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
struct Noted(u64);

impl Noted {
    fn new(number: u64) -> Self {
        MADE.fetch_add(1, Ordering::Relaxed);
        Self(number)
    }
}

impl Clone for Noted {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }

    fn clone_from(&mut self, other: &Self) {
        self.0 = other.0;
    }
}

/// Nothing is feasible and nothing is nearer than another, so there is nothing to archive.
struct Hopeless;

impl Problem for Hopeless {
    type Genotype = Noted;

    fn objectives(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut SearchRng) -> Noted {
        Noted::new(rng.random())
    }

    fn mutate(&self, number: &mut Noted, rng: &mut SearchRng) {
        number.0 ^= rng.random::<u64>() & rng.random::<u64>();
    }

    fn crossover(&self, child: &mut Noted, father: &Noted, rng: &mut SearchRng) {
        let mask: u64 = rng.random();
        child.0 = child.0 & mask | father.0 & !mask;
    }

    fn evaluate(&self, number: &Noted) -> Evaluation {
        Evaluation::new([number.0 as f64, -(number.0 as f64)], 1.0)
    }
}

fn goes_round<O: Optimizer<Hopeless>>(optimizer: impl Fn(u64) -> O) {
    let islands = Islands::new(2, 10, 0).expect("sound settings");
    let mut search = Search::on_islands(islands, 1, |_, seed| optimizer(seed));
    let mut made = Vec::new();
    search.run(&Hopeless, &limits(64 * 100), &still, |_| {
        made.push(MADE.load(Ordering::Relaxed));
        ControlFlow::Continue(())
    });
    assert!(made.len() >= 10);
    assert!(made.iter().all(|&count| count == made[0]), "{made:?}");
}

/// One test, for there is one counter.
#[test]
fn children_are_written_where_the_dead_were() {
    let settings = Nsga2Settings::new(32, 0.9).expect("sound settings");
    goes_round(|seed| Nsga2::new(settings.clone(), seed));
    goes_round(|seed| Nsga3::new(settings.clone(), seed));
    let settings = RegularizedEvolutionSettings::new(32, 8, 16).expect("sound settings");
    goes_round(|seed| RegularizedEvolution::new(settings.clone(), seed));
    goes_round(|seed| {
        WarmStart::new(
            RegularizedEvolution::new(settings.clone(), seed),
            Vec::new(),
        )
    });
}
