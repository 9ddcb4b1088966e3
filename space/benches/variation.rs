//! What one candidate takes to make: a copy of its mother, crossed with its father, mutated; and what each
//! part of that takes alone.

use divan::Bencher;
use divan::counter::ItemsCount;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_space::{Genotype, SearchSpace, presets};

/// Candidates of one round: enough that no branch is learnt by heart.
const CANDIDATES: usize = 4096;

fn main() {
    divan::main();
}

/// A preset, and parents in it.
struct Family {
    space: SearchSpace,
    parents: Vec<Genotype>,
    rng: Xoshiro256PlusPlus,
}

impl Family {
    fn new(preset: &str) -> Self {
        let definition = presets::definition(preset).expect("the list names presets");
        let space = SearchSpace::new(definition).expect("presets are sound");
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let parents = (0..CANDIDATES).map(|_| space.sample(&mut rng)).collect();
        Self {
            space,
            parents,
            rng,
        }
    }

    /// Times a round of candidates, each made in the same room from a mother and a father.
    fn round(
        mut self,
        bencher: Bencher,
        make: impl Fn(&SearchSpace, &mut Genotype, &Genotype, &mut Xoshiro256PlusPlus),
    ) {
        let mut child = self.parents[0].clone();
        bencher
            .counter(ItemsCount::new(CANDIDATES))
            .bench_local(|| {
                let fathers = self.parents.iter().rev();
                for (mother, father) in self.parents.iter().zip(fathers) {
                    child.clone_from(mother);
                    make(&self.space, &mut child, father, &mut self.rng);
                    divan::black_box(&child);
                }
            });
    }
}

#[divan::bench(args = presets::NAMES)]
fn copy(bencher: Bencher, preset: &str) {
    Family::new(preset).round(bencher, |_, _, _, _| ());
}

#[divan::bench(args = presets::NAMES)]
fn mutate(bencher: Bencher, preset: &str) {
    Family::new(preset).round(bencher, |space, child, _, rng| space.mutate(child, rng));
}

#[divan::bench(args = presets::NAMES)]
fn crossover(bencher: Bencher, preset: &str) {
    Family::new(preset).round(bencher, |space, child, father, rng| {
        space.crossover(child, father, rng);
    });
}

#[divan::bench(args = presets::NAMES)]
fn crossover_and_mutate(bencher: Bencher, preset: &str) {
    Family::new(preset).round(bencher, |space, child, father, rng| {
        space.crossover(child, father, rng);
        space.mutate(child, rng);
    });
}

/// Items are the networks visited.
#[divan::bench(args = presets::NAMES)]
fn neighbours(bencher: Bencher, preset: &str) {
    let Family { space, parents, .. } = Family::new(preset);
    let parents = &parents[..64];
    let mut room = parents[0].clone();
    let mut walk = || {
        let mut visited = 0_u32;
        for parent in parents {
            space.neighbours(parent, &mut room, &mut |neighbour| {
                divan::black_box(neighbour);
                visited += 1;
            });
        }
        visited
    };
    let visited = walk();
    bencher.counter(ItemsCount::new(visited)).bench_local(walk);
}

#[divan::bench(args = presets::NAMES)]
fn sample(bencher: Bencher, preset: &str) {
    Family::new(preset).round(bencher, |space, child, _, rng| *child = space.sample(rng));
}
