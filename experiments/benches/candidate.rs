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

const PRESETS: [&str; 3] = ["mobile", "resnet", "accel-nasbench"];

fn experiment(preset: &str) -> Experiment {
    let text = format!(
        "name = \"bench\"\n[platform]\nprofile = \"intel-i9-10980xe\"\n[space]\npreset = \"{preset}\"\n\
         [search]\nevaluations = 20_000\n[output]\nbackbones = 0\n"
    );
    let mut file = ExperimentFile::parse(&text, "bench.toml", &[]).expect("is sound");
    let config = file.runs.remove(0).config;
    Experiment::new(config, "bench.toml", &Profiles::default()).expect("is sound")
}

/// Mutation and repair alone.
#[divan::bench(args = PRESETS)]
fn mutate(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset);
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
    let experiment = experiment(preset);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        next = (next + 1) % experiment.sample.len();
        experiment.space.decode(black_box(&experiment.sample[next]))
    });
}

/// Decoding, pricing and scoring: what the search pays for one candidate.
#[divan::bench(args = PRESETS)]
fn evaluate(bencher: Bencher, preset: &str) {
    let experiment = experiment(preset);
    let problem = BackboneProblem::new(&experiment);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        next = (next + 1) % experiment.sample.len();
        problem.evaluate(black_box(&experiment.sample[next]))
    });
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
    let experiment = experiment(preset);
    bencher
        .counter(ItemsCount::new(20_000_u32))
        .with_inputs(|| tempfile::tempdir().expect("a temporary folder"))
        .bench_values(|folder| {
            let directory = RunDirectory::new(folder.path().join("run"));
            let ending = roofnas::run(&experiment, &directory, Start::Afresh, &mut Silent);
            black_box(ending.expect("nothing is in the way"));
        });
}
