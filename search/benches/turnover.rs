//! How many candidates a second the whole engine turns over: variation, the check for duplicates,
//! evaluation, selection, the archive and migration, on the default islands. Items are candidates.

mod choices;

use std::num::NonZeroU64;

use choices::Choices;
use divan::Bencher;
use divan::counter::ItemsCount;
use roofnas_search::{Islands, Limits, Nsga2, Nsga2Settings, Nsga3, Optimizer, Search};

fn main() {
    divan::main();
}

const POPULATIONS: [usize; 4] = [64, 256, 1024, 4096];
/// The least candidates of a sample, so that entering the pool of threads does not count.
const CANDIDATES: u64 = 1 << 17;

#[divan::bench(consts = [24, 48], args = POPULATIONS, sample_count = 20)]
fn one_thread<const GENES: usize>(bencher: Bencher, population: usize) {
    let objectives = 2;
    turnover(
        bencher,
        Choices {
            objectives,
            genes: GENES,
        },
        population,
        1,
    );
}

#[divan::bench(consts = [24, 48], args = POPULATIONS, sample_count = 20)]
fn two_threads<const GENES: usize>(bencher: Bencher, population: usize) {
    let objectives = 2;
    turnover(
        bencher,
        Choices {
            objectives,
            genes: GENES,
        },
        population,
        2,
    );
}

/// Three costs: fronts are larger, and sorting is quadratic at worst.
#[divan::bench(args = POPULATIONS, sample_count = 5)]
fn three_costs(bencher: Bencher, population: usize) {
    let problem = Choices {
        objectives: 3,
        genes: 24,
    };
    turnover(bencher, problem, population, 1);
}

/// Three costs, spread by reference directions.
#[divan::bench(args = POPULATIONS, sample_count = 5)]
fn three_costs_nsga3(bencher: Bencher, population: usize) {
    let problem = Choices {
        objectives: 3,
        genes: 24,
    };
    turnover_of(bencher, problem, population, 1, Nsga3::new);
}

/// NSGA-II.
fn turnover(bencher: Bencher, problem: Choices, population: usize, threads: usize) {
    turnover_of(bencher, problem, population, threads, Nsga2::new);
}

/// Steps of a search under way.
fn turnover_of<O: Optimizer<Choices>>(
    bencher: Bencher,
    problem: Choices,
    population: usize,
    threads: usize,
    optimizer: impl Fn(Nsga2Settings, u64) -> O,
) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.expect("threads can be made");
    let islands = Islands::for_population(population);
    let shares = islands.shares(population).expect("room for all islands");
    let mut search = Search::on_islands(islands, 1, |island, seed| {
        let settings = Nsga2Settings::new(shares[island], 0.9).expect("sound settings");
        optimizer(settings, seed)
    });
    let limits = Limits::new(NonZeroU64::MAX);
    let mut steps = || {
        pool.install(|| {
            let end = search.evaluations() + CANDIDATES;
            while search.evaluations() < end {
                assert!(search.step(&problem, &limits, &|| 0.0).is_continue());
            }
        });
    };
    steps();
    let step = population as u64 * islands.generations();
    let candidates = CANDIDATES.next_multiple_of(step);
    bencher
        .counter(ItemsCount::new(candidates))
        .bench_local(steps);
}
