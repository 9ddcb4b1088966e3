//! What a candidate costs, from genes to figures, and a whole run of the quickstart's size.
//!
//! `cargo bench -p roofnas`. Items per second are candidates per second, on one thread but for `search`.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use rand::SeedableRng;
use roofnas::{
    BackboneProblem, Experiment, ExperimentFile, Generation, RunDirectory, Start, Watcher,
};
use roofnas_hardware::Profiles;
use roofnas_search::{Problem, SearchRng};

fn main() {
    divan::main();
}

/// Budgets that bound the mean, and that bound the 95 % quantile.
const MEAN: &str = "latency_ms = 60";
const BOUND: &str = "latency_ms = 60\nconfidence = 0.95";

const PRESETS: [&str; 3] = ["mobile", "resnet", "accel-nasbench"];

/// A calibrated platform; `constraints` are lines of TOML.
fn experiment(preset: &str, constraints: &str) -> Experiment {
    let text = format!(
        "name = \"bench\"\n[platform]\nprofile = \"raspberry-pi-4-ncnn-1-thread\"\n[space]\npreset = \"{preset}\"\n\
         [constraints]\n{constraints}\n[search]\nevaluations = 20_000\n[output]\nbackbones = 0\n"
    );
    let mut file = ExperimentFile::parse(&text, "bench.toml", &[]).expect("is sound");
    let config = file.runs.remove(0).config;
    Experiment::new(config, "bench.toml", &Profiles::default()).expect("is sound")
}

/// Mutation and repair alone.
#[divan::bench(args = PRESETS)]
fn mutate(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset, MEAN);
    let mut rng = SearchRng::seed_from_u64(1);
    let parents = &experiment.sample;
    let mut child = parents[0].clone();
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        next = (next + 1) % parents.len();
        child.clone_from(black_box(&parents[next]));
        experiment.space.mutate(&mut child, &mut rng);
    });
}

/// Decoding to a network alone.
#[divan::bench(args = PRESETS)]
fn decode(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset, MEAN);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        next = (next + 1) % experiment.sample.len();
        experiment.space.decode(black_box(&experiment.sample[next]))
    });
}

/// Decoding, pricing and scoring layer by layer: the reference.
#[divan::bench(args = PRESETS)]
fn layers(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset, MEAN);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        next = (next + 1) % experiment.sample.len();
        experiment.appraise(black_box(&experiment.sample[next]))
    });
}

/// The same by blocks, as the search does it, with a budget for the mean.
#[divan::bench(args = PRESETS)]
fn blocks_mean(bencher: Bencher, preset: &str) {
    blocks(bencher, preset, MEAN);
}

/// The same with a budget for the 95 % bound, which needs the deviation.
#[divan::bench(args = PRESETS)]
fn blocks_bound(bencher: Bencher, preset: &str) {
    blocks(bencher, preset, BOUND);
}

fn blocks(bencher: Bencher, preset: &str, constraints: &str) {
    let experiment = experiment(preset, constraints);
    let problem = BackboneProblem::new(&experiment);
    // all of the sample at once: a single candidate takes less than the clock's step
    let sample = &experiment.sample;
    bencher
        .counter(ItemsCount::new(sample.len()))
        .bench_local(|| {
            for genotype in sample {
                black_box(problem.evaluate(black_box(genotype)));
            }
        });
}

/// Pricing every block of a space ahead, on all cores.
#[divan::bench(args = PRESETS, sample_count = 5)]
fn table(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset, MEAN);
    bencher.bench_local(|| black_box(BackboneProblem::new(black_box(&experiment))));
}

struct Silent;

impl Watcher for Silent {
    fn generation(&mut self, _: &Generation, _: usize) {}

    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// A whole run of 20,000 evaluations with its files, on all cores.
#[divan::bench(args = PRESETS, sample_count = 5)]
fn search(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset, MEAN);
    bencher
        .counter(ItemsCount::new(20_000_u32))
        .with_inputs(|| tempfile::tempdir().expect("a temporary folder"))
        .bench_values(|folder| {
            let directory = RunDirectory::new(folder.path().join("run"));
            let ending = roofnas::run(&experiment, &directory, Start::Afresh, &mut Silent);
            black_box(ending.expect("nothing is in the way"));
        });
}
