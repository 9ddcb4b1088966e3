//! Where the time of a candidate goes: variation, evaluation, selection and the archive, each on
//! its own, for one island on one thread. Items are candidates.

mod choices;

use choices::Choices;
use divan::Bencher;
use divan::counter::ItemsCount;
use rand::RngExt;
use roofnas_search::{
    Evaluation, Individual, Nsga2, Nsga2Settings, Optimizer, ParetoFront, Problem,
    non_dominated_ranks, random_stream,
};

fn main() {
    divan::main();
}

const POPULATIONS: [usize; 3] = [64, 256, 1024];
/// Generations before measuring.
const WARM_UP: usize = 20;
const CHOICES: Choices = Choices {
    objectives: 2,
    genes: 24,
};

type Genotype = Box<[u16]>;

/// An optimiser under way, with its next generation of children.
fn under_way(population: usize) -> (Nsga2<Genotype>, Vec<Individual<Genotype>>) {
    let settings = Nsga2Settings::new(population, 0.9).expect("sound settings");
    let mut nsga2 = Nsga2::new(settings, 1);
    let mut batch = Vec::new();
    let mut children = Vec::new();
    for _ in 0..WARM_UP {
        Optimizer::<Choices>::tell(&mut nsga2, &mut children);
        nsga2.ask(&CHOICES, &mut batch);
        children = batch.drain(..).map(evaluated).collect();
    }
    (nsga2, children)
}

fn evaluated(genotype: Genotype) -> Individual<Genotype> {
    Individual {
        evaluation: CHOICES.evaluate(&genotype),
        genotype,
    }
}

/// Tournaments, crossover, mutation and the check for duplicates.
#[divan::bench(args = POPULATIONS)]
fn vary(bencher: Bencher, population: usize) {
    let (mut nsga2, _) = under_way(population);
    let mut batch = Vec::new();
    bencher
        .counter(ItemsCount::new(population))
        .bench_local(|| nsga2.ask(&CHOICES, &mut batch));
}

#[divan::bench(args = POPULATIONS)]
fn evaluate(bencher: Bencher, population: usize) {
    let (_, children) = under_way(population);
    bencher
        .counter(ItemsCount::new(population))
        .bench_local(|| {
            for child in &children {
                divan::black_box(CHOICES.evaluate(divan::black_box(&child.genotype)));
            }
        });
}

/// Sorting, ranks, crowding, and the exchange of the dead for the living.
#[divan::bench(args = POPULATIONS)]
fn select(bencher: Bencher, population: usize) {
    let (nsga2, children) = under_way(population);
    // A first selection makes the buffers, which a clone lacks.
    let fresh = || {
        let mut nsga2 = nsga2.clone();
        Optimizer::<Choices>::tell(&mut nsga2, &mut Vec::new());
        (nsga2, children.clone())
    };
    bencher
        .counter(ItemsCount::new(population))
        .with_inputs(fresh)
        .bench_local_refs(|(nsga2, children)| Optimizer::<Choices>::tell(nsga2, children));
}

#[divan::bench(args = POPULATIONS)]
fn archive(bencher: Bencher, population: usize) {
    let (nsga2, children) = under_way(population);
    let front = ParetoFront::from(nsga2.population().cloned().collect::<Vec<_>>());
    bencher
        .counter(ItemsCount::new(population))
        .with_inputs(|| front.clone())
        .bench_local_refs(|front| {
            for child in &children {
                divan::black_box(front.insert(child));
            }
        });
}

/// The archive of many costs, from nothing: points a little above a sphere, of which about half
/// join and thousands stay.
#[divan::bench(consts = [3, 5, 8], args = [1_000, 10_000, 50_000], sample_count = 5)]
fn archive_of_many<const COSTS: usize>(bencher: Bencher, count: usize) {
    let mut rng = random_stream(1, 0, 0);
    let mut point = |number: usize| {
        let direction: [f64; COSTS] = std::array::from_fn(|_| rng.random::<f64>());
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        // As a search proceeds it comes nearer.
        let above = rng.random::<f64>() * (1.0 - 0.9 * number as f64 / count as f64);
        Individual {
            genotype: (),
            evaluation: Evaluation::unconstrained(direction.map(|x| x / norm * (1.0 + above))),
        }
    };
    let points: Vec<_> = (0..count).map(&mut point).collect();
    let front = || {
        let mut front = ParetoFront::new();
        let joined = points.iter().filter(|point| front.insert(point)).count();
        (front.len(), joined)
    };
    println!(
        "{COSTS} costs, {count} points: (members, joined) {:?}",
        front()
    );
    bencher.counter(ItemsCount::new(count)).bench(front);
}

/// Ranks alone, of candidates drawn at random.
#[divan::bench(args = POPULATIONS)]
fn rank(bencher: Bencher, population: usize) {
    let mut rng = random_stream(1, 0, 0);
    let sample = || CHOICES.evaluate(&CHOICES.sample(&mut rng));
    let evaluations: Vec<_> = std::iter::repeat_with(sample)
        .take(2 * population)
        .collect();
    bencher
        .counter(ItemsCount::new(population))
        .bench(|| non_dominated_ranks(divan::black_box(&evaluations)));
}
