//! How many candidates a second NSGA-II turns over, and what ranking alone takes.

use std::num::NonZeroU64;

use divan::Bencher;
use divan::counter::ItemsCount;
use rand::RngExt;
use roofnas_search::{
    Evaluation, Limits, Nsga2, Nsga2Settings, Problem, Search, SearchRng, constrained_dominates,
    non_dominated_ranks, random_stream,
};

fn main() {
    rayon::scope(|_| divan::main()); // as a run does: inside the pool, its threads awake
}

const GENES: usize = 24;
const CHOICES: u8 = 8;

/// Cheap to evaluate, so that the optimiser itself is measured: genes cost their value, at odds
/// with a second cost that falls faster for later genes.
struct Choices;

impl Problem for Choices {
    type Genotype = [u8; GENES];

    fn objectives(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut SearchRng) -> [u8; GENES] {
        std::array::from_fn(|_| rng.random_range(0..CHOICES))
    }

    fn mutate(&self, genes: &mut [u8; GENES], rng: &mut SearchRng) {
        for _ in 0..2 {
            genes[rng.random_range(0..GENES)] = rng.random_range(0..CHOICES);
        }
    }

    fn crossover(&self, child: &mut [u8; GENES], father: &[u8; GENES], rng: &mut SearchRng) {
        let mask: u32 = rng.random();
        for (i, gene) in child.iter_mut().enumerate() {
            if mask >> i & 1 == 0 {
                *gene = father[i];
            }
        }
    }

    fn evaluate(&self, genotype: &[u8; GENES]) -> Evaluation {
        let (mut effort, mut loss) = (0.0, 0.0);
        for (gene, weight) in genotype.iter().zip(1_u8..) {
            effort += f64::from(*gene) * f64::from(weight).sqrt();
            loss += f64::from(weight) / f64::from(1 + gene);
        }
        Evaluation::unconstrained([effort, loss])
    }
}

const POPULATIONS: [usize; 3] = [64, 256, 1024];

/// One generation of a search under way; items are candidates.
#[divan::bench(args = POPULATIONS, sample_count = 200)]
fn generation(bencher: Bencher, population: usize) {
    let settings = Nsga2Settings::new(population, 0.9).expect("sound settings");
    let mut search = Search::new(Nsga2::new(settings, 1));
    let limits = Limits {
        evaluations: NonZeroU64::MAX,
    };
    let mut step = || search.step(&Choices, &limits);
    for _ in 0..20 {
        assert!(step().is_continue());
    }
    bencher
        .counter(ItemsCount::new(population))
        .bench_local(step);
}

/// Parents and offspring of a population, drawn at random.
fn evaluations(population: usize) -> Vec<Evaluation> {
    let mut rng = random_stream(1, 0, 0);
    (0..2 * population)
        .map(|_| Choices.evaluate(&Choices.sample(&mut rng)))
        .collect()
}

#[divan::bench(args = POPULATIONS)]
fn ranking(bencher: Bencher, population: usize) {
    let evaluations = evaluations(population);
    bencher
        .counter(ItemsCount::new(evaluations.len()))
        .bench(|| non_dominated_ranks(divan::black_box(&evaluations)));
}

/// The textbook way: count who dominates whom, then peel front after front. O(n²).
#[divan::bench(args = POPULATIONS)]
fn ranking_naive(bencher: Bencher, population: usize) {
    let evaluations = evaluations(population);
    bencher
        .counter(ItemsCount::new(evaluations.len()))
        .bench(|| ranks_by_counting(divan::black_box(&evaluations)));
}

fn ranks_by_counting(evaluations: &[Evaluation]) -> Vec<usize> {
    let all = 0..evaluations.len();
    let dominates =
        |&i: &usize, &j: &usize| constrained_dominates(&evaluations[i], &evaluations[j]);
    let dominated: Vec<Vec<usize>> = all
        .clone()
        .map(|i| all.clone().filter(|j| dominates(&i, j)).collect())
        .collect();
    let mut dominators = vec![0_usize; evaluations.len()];
    dominated.iter().flatten().for_each(|&j| dominators[j] += 1);

    let mut ranks = vec![0; evaluations.len()];
    let mut front: Vec<usize> = all.filter(|&i| dominators[i] == 0).collect();
    for rank in 0.. {
        let mut next = Vec::new();
        for &i in &front {
            ranks[i] = rank;
            for &j in &dominated[i] {
                dominators[j] -= 1;
                if dominators[j] == 0 {
                    next.push(j);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        front = next;
    }
    ranks
}
