//! What a search that trains for itself finds, against others of equal *measured* latency.
//!
//! `cargo bench -p roofnas --bench found -- OUT.csv TRAINER RUN_DIR...` takes finished runs of `experiments/configs/fashion-mnist.toml` that differ in their seeds alone.
//! At the latency of each network that is scaled in its width by hand, and for each run, it takes
//!
//! * *found*: of the networks that the run has trained and that take no longer, the one of which it expects the highest accuracy in another training;
//! * *random*: a network drawn from the space that takes as long, or up to 15 % less, and that nobody has chosen: what comes of no search at all;
//! * *scaled*: that network itself.
//!
//! Everything is timed on this machine with ONNX Runtime on one thread, and trained anew with a seed that the run has not used (100 + its own), two at a time.
//! `TRAINER` is that command, with `{dir}` and `{seed}`: for Fashion-MNIST `"python3 experiments/trainers/fashion_mnist.py {dir} --seed {seed} --score test"`,
//! so that what counts are test images on which nothing was chosen. Differences are paired by run.
//!
//! `trained.csv` beside this file is what five runs with seeds 1 to 5 gave on 2026-11-28, under a limit of 0.125 ms on a platform calibrated minutes before: a virtual server
//! with two cores of an AMD EPYC that others were at work on, ONNX Runtime 1.32.0, one thread, single precision, batch 1; torch 2.15.0.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../yardstick/mod.rs"]
mod yardstick;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;

use roofnas::{FinishedRun, RunDirectory, reference_sample, write_whole};
use roofnas_cost::student_quantile;
use roofnas_space::{SearchSpace, pytorch};

/// MobileNetV2's shape at the size of these images, scaled in its width: k3, expansion 4, one, two and two blocks.
const SCALED: [&str; 3] = [
    "r28/s8/8:k3e4/16:2*k3e4/32s2:2*k3e4/h64",
    "r28/s16/16:k3e4/24:2*k3e4/48s2:2*k3e4/h128",
    "r28/s16/16:k3e4/32:2*k3e4/64s2:2*k3e4/h128",
];
/// Networks drawn from the space, of which those of the right latency are taken.
const DRAWN: usize = 150;
/// How much faster a random network may be.
const SLACK: f64 = 0.15;
/// Trainings at a time.
const JOBS: usize = 2;
/// What is added to a run's seed for training anew.
const SEEDS_FROM: u64 = 100;
/// Columns of the result.
const COLUMNS: &str = "scaled,seed,kind,genotype,latency_ms,latency_ms_std,accuracy\n";

/// One network that is to be trained again.
struct Case {
    scaled: usize,
    seed: u64,
    kind: &'static str,
    genotype: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [out, trainer, runs @ ..] = &arguments[..] else {
        // run with all other benchmarks, it is given nothing
        eprintln!("usage: cargo bench -p roofnas --bench found -- OUT.csv TRAINER RUN_DIR...");
        return;
    };
    let runs: Vec<FinishedRun> = runs
        .iter()
        .map(|run| FinishedRun::read(RunDirectory::new(run)).unwrap())
        .collect();
    let space = &runs[0].experiment.space;
    assert!(runs.iter().all(|run| run.experiment.space == *space));
    let loops: Vec<Loop> = runs.iter().map(Loop::read).collect();
    let latencies = latencies(space, &loops);
    let cases = cases(space, &loops, &latencies);
    // each is saved when it is there: hours of training hang on no single one
    let accuracies = train(space, trainer, &cases, |accuracies| {
        write_whole(
            out.as_ref(),
            table(&cases, accuracies, &latencies).as_bytes(),
        )
        .unwrap();
    });
    print(&cases, &accuracies, &latencies);
}

/// A run, with what it has trained: genotypes, and the accuracy expected of another training.
struct Loop {
    seed: u64,
    trained: Vec<(String, f64)>,
}

impl Loop {
    fn read(run: &FinishedRun) -> Self {
        let path = run.directory().path().join(RunDirectory::TRAINED);
        let mut table = csv::Reader::from_path(path).unwrap();
        let headers = table.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|own| own == name).unwrap();
        let (genotype, expected) = (column("genotype"), column("expected"));
        let rows = table.records().map(Result::unwrap);
        let trained = rows.filter(|row| !row[expected].is_empty());
        Self {
            seed: run.experiment.resolved.seed,
            trained: trained
                .map(|row| (row[genotype].to_owned(), row[expected].parse().unwrap()))
                .collect(),
        }
    }

    /// The best of what takes no longer.
    fn best(&self, latencies: &BTreeMap<String, (f64, f64)>, budget: f64) -> Option<&str> {
        let fits = self
            .trained
            .iter()
            .filter(|(text, _)| latencies[text].0 <= budget);
        let best = fits.max_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(text, _)| text.as_str())
    }
}

/// What every network takes that can be of use, in milliseconds, with its deviation.
fn latencies(space: &SearchSpace, loops: &[Loop]) -> BTreeMap<String, (f64, f64)> {
    let trained = loops.iter().flat_map(|own| &own.trained);
    let found = trained.map(|(text, _)| text.clone());
    let drawn = reference_sample(space).into_iter().take(DRAWN);
    let drawn = drawn.map(|genotype| space.format(&genotype));
    let scaled = SCALED.map(str::to_owned).into_iter();
    let all: BTreeSet<String> = found.chain(drawn).chain(scaled).collect();
    let network = |text: &str| space.decode(&space.parse(text).unwrap());
    let count = all.len();
    let timed = yardstick::time(all.into_iter().collect(), network, SCALED[2], count, |_| {});
    timed
        .into_iter()
        .map(|row| (row.name, (row.latency_ms, row.latency_ms_std)))
        .collect()
}

/// What is compared: at each scaled network's latency, for each run, its own best, one drawn and the scaled one.
fn cases(
    space: &SearchSpace,
    loops: &[Loop],
    latencies: &BTreeMap<String, (f64, f64)>,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, scaled) in SCALED.iter().enumerate() {
        let budget = latencies[*scaled].0;
        let drawn = reference_sample(space).into_iter().take(DRAWN);
        let drawn = drawn.map(|genotype| space.format(&genotype));
        let alike = drawn.filter(|text| {
            let latency = latencies[text].0;
            (1.0 - SLACK) * budget <= latency && latency <= budget
        });
        let alike: Vec<String> = alike.collect();
        for (place, own) in loops.iter().enumerate() {
            let seed = own.seed;
            let best = own.best(latencies, budget);
            // a run without a network that is as fast, or a latency that no other has, is not compared there
            let (Some(best), Some(random)) = (best, alike.get(place)) else {
                eprintln!("run {seed}: nothing to compare with {scaled}");
                continue;
            };
            let case = |kind, genotype: &str| Case {
                scaled: index,
                seed,
                kind,
                genotype: genotype.to_owned(),
            };
            cases.push(case("found", best));
            cases.push(case("random", random));
            cases.push(case("scaled", scaled));
        }
    }
    cases
}

/// The result: a row a network that was trained.
fn table(cases: &[Case], accuracies: &[f64], latencies: &BTreeMap<String, (f64, f64)>) -> String {
    let mut table = COLUMNS.to_owned();
    let trained = cases.iter().zip(accuracies);
    for (case, accuracy) in trained.filter(|(_, accuracy)| !accuracy.is_nan()) {
        let (latency, std) = latencies[&case.genotype];
        table += &format!(
            "{},{},{},\"{}\",{latency:.5},{std:.5},{accuracy}\n",
            case.scaled, case.seed, case.kind, case.genotype
        );
    }
    table
}

/// Accuracies of the networks, trained anew; `told` gets all there are by then, after each.
fn train(
    space: &SearchSpace,
    trainer: &str,
    cases: &[Case],
    told: impl Fn(&[f64]) + Sync,
) -> Vec<f64> {
    let next = Mutex::new(0..cases.len());
    let accuracies = Mutex::new(vec![f64::NAN; cases.len()]);
    std::thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(index) = { next.lock().unwrap().next() } {
                    let accuracy = train_one(space, trainer, &cases[index]);
                    let mut accuracies = accuracies.lock().unwrap();
                    accuracies[index] = accuracy;
                    told(&accuracies);
                    eprintln!("{index} of {}: {accuracy}", cases.len());
                }
            });
        }
    });
    accuracies.into_inner().unwrap()
}

fn train_one(space: &SearchSpace, trainer: &str, case: &Case) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let source = pytorch::export(space, &space.parse(&case.genotype).unwrap());
    std::fs::write(folder.path().join("network.py"), source).unwrap();
    let seed = (SEEDS_FROM + case.seed).to_string();
    let mut words = trainer.split_whitespace().map(|word| {
        word.replace("{dir}", &folder.path().display().to_string())
            .replace("{seed}", &seed)
    });
    let mut command = Command::new(words.next().unwrap());
    let output = command.args(words).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let answer: serde_json::Value =
        serde_json::from_str(said.trim().lines().last().unwrap()).unwrap();
    answer["accuracy"].as_f64().unwrap()
}

fn print(cases: &[Case], accuracies: &[f64], latencies: &BTreeMap<String, (f64, f64)>) {
    println!(
        "| scaled network | ms | runs | found | random | scaled | found - random | found - scaled |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    // of each run, over all latencies: runs are independent of each other, latencies are not
    let mut by_run: [BTreeMap<u64, Vec<f64>>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for (index, scaled) in SCALED.iter().enumerate() {
        let of = |kind: &str| -> Vec<f64> {
            let pairs = cases.iter().zip(accuracies);
            let those = pairs.filter(|(case, _)| case.scaled == index && case.kind == kind);
            those.map(|(_, accuracy)| *accuracy).collect()
        };
        let [found, random, by_hand] = ["found", "random", "scaled"].map(of);
        if found.len() < 2 {
            continue;
        }
        let less =
            |others: &[f64]| -> Vec<f64> { found.iter().zip(others).map(|(a, b)| a - b).collect() };
        let (to_random, to_scaled) = (less(&random), less(&by_hand));
        println!(
            "| {scaled} | {:.4} | {} | {:.2} | {:.2} | {:.2} | {} | {} |",
            latencies[*scaled].0,
            found.len(),
            mean(&found),
            mean(&random),
            mean(&by_hand),
            interval(&to_random),
            interval(&to_scaled)
        );
        let seeds = cases
            .iter()
            .filter(|case| case.scaled == index && case.kind == "found")
            .map(|case| case.seed);
        for (place, seed) in seeds.enumerate() {
            by_run[0].entry(seed).or_default().push(to_random[place]);
            by_run[1].entry(seed).or_default().push(to_scaled[place]);
        }
    }
    let [random, scaled] = by_run.map(|runs| {
        let means: Vec<f64> = runs.values().map(|values| mean(values)).collect();
        interval(&means)
    });
    println!("mean of the runs: found - random {random}, found - scaled {scaled}");
}

/// A mean with its 90 % interval (Student's t).
fn interval(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = mean(values);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student_quantile(0.95, n - 1.0) * (variance / n).sqrt();
    format!("{mean:.2} ± {half:.2}")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
