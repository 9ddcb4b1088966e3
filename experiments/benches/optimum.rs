//! Seconds until a search has 99.9 % of the exact front's hypervolume, and what the exact front itself takes.
//!
//! `cargo bench -p roofnas --bench optimum [-- seeds=10 cap=10 population=512]`. Three spaces on a calibrated platform, each with budgets that about
//! 1, 10 and 50 % of random networks keep. Hypervolume is normalised by the exact front: ideal and nadir at 0 and 1, reference 1.1. A row gives the median and
//! the worst of the seeds; a search that has not got there after `cap` seconds counts as infinite, with the share it had got to.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::time::Instant;

use roofnas::{BackboneProblem, Experiment, ExperimentFile, Optimiser, Started, prove};
use roofnas_hardware::Profiles;
use roofnas_search::{Certificate, Limits, Problem, Search};
use roofnas_space::Genotype;

const PLATFORM: &str = "raspberry-pi-4-ncnn-1-thread";
const ENOUGH: f64 = 0.999;

fn experiment(preset: &str, budget_ms: f64, algorithm: &str, population: usize) -> Experiment {
    let text = format!(
        "name = \"optimum\"\n[platform]\nprofile = \"{PLATFORM}\"\n[space]\npreset = \"{preset}\"\n\
         [constraints]\nlatency_ms = {budget_ms}\n[search]\nalgorithm = \"{algorithm}\"\npopulation = {population}\n"
    );
    let mut file = ExperimentFile::parse(&text, "optimum.toml", &[]).expect("is sound");
    let config = file.runs.remove(0).config;
    Experiment::new(config, "optimum.toml", &Profiles::default()).expect("is sound")
}

/// The latency that this share of random networks keeps.
fn quantile_ms(experiment: &Experiment, share: f64) -> f64 {
    let sample = experiment.appraise_sample();
    let mut latencies: Vec<f64> = sample.iter().map(|m| m.latency.mean_ms).collect();
    latencies.sort_by(f64::total_cmp);
    latencies[(share * latencies.len() as f64) as usize]
}

fn begin(experiment: &Experiment, seed: u64) -> Search<Genotype, Started> {
    Search::on_islands(experiment.islands, seed, |island, seed| {
        Optimiser::start(experiment, island, seed)
    })
}

fn costs(search: &Search<Genotype, Started>) -> Vec<[f64; 2]> {
    let members = search.front().iter();
    members.map(|m| [m.costs()[0], m.costs()[1]]).collect()
}

/// Seconds until there is enough, and the share reached.
fn seconds(problem: &BackboneProblem, seed: u64, exact: &[[f64; 2]], cap: f64) -> (f64, f64) {
    let mut search = begin(problem.experiment(), seed);
    let limits = Limits::new(NonZeroU64::MAX);
    let (mut spent, mut next_look, mut share) = (0.0, 0.0, 0.0);
    while spent < cap {
        let began = Instant::now();
        if search.step(problem, &limits, &|| 0.0).is_break() {
            break;
        }
        spent += began.elapsed().as_secs_f64();
        // looking takes time that the search doesn't need
        if spent >= next_look {
            next_look = 1.03 * spent;
            let certificate = Certificate::new(&costs(&search), exact, 0.0);
            share = certificate.map_or(0.0, |c| c.relative_hypervolume);
            if share >= ENOUGH {
                return (spent, share);
            }
        }
    }
    (f64::INFINITY, share)
}

fn main() {
    let argument = |name: &str, usual: f64| {
        let prefix = format!("{name}=");
        let given = std::env::args().find_map(|a| a.strip_prefix(&prefix)?.parse().ok());
        given.unwrap_or(usual)
    };
    let (seeds, cap) = (argument("seeds", 10.0) as u64, argument("cap", 10.0));
    let population = argument("population", 512.0) as usize;
    println!(
        "| space | share of random networks within budget | exact front, s (members) | algorithm | median s | worst s | least share reached |"
    );
    println!("|---|---|---|---|---|---|---|");
    rayon::scope(|_| {
        for preset in ["mobile", "resnet", "accel-nasbench"] {
            let free = experiment(preset, 1e9, "nsga2", population);
            for share in [0.01, 0.1, 0.5] {
                row(
                    preset,
                    share,
                    quantile_ms(&free, share),
                    seeds,
                    cap,
                    population,
                );
            }
        }
    });
}

fn row(preset: &str, share: f64, budget_ms: f64, seeds: u64, cap: f64, population: usize) {
    let first = experiment(preset, budget_ms, "nsga2", population);
    let problem = BackboneProblem::new(&first);
    // a short search gives the exact one its start, as a run does
    let mut start = begin(&first, 0);
    let few = Limits::new(NonZeroU64::new(20_000).expect("is not zero"));
    let began = Instant::now();
    start.run(&problem, &few, &|| 0.0, |_| ControlFlow::Continue(()));
    let nearest = &start.nearest().expect("something was evaluated").genotype;
    let proof = prove(&problem, start.front(), nearest, |_| {
        ControlFlow::Continue(())
    });
    let proof = proof.expect("is possible").expect("is not interrupted");
    let took = began.elapsed().as_secs_f64();
    let exact = proof.bound.points();
    let members = exact.len();
    for algorithm in ["nsga2", "regularized_evolution", "random"] {
        let experiment = experiment(preset, budget_ms, algorithm, population);
        let problem = BackboneProblem::new(&experiment);
        assert_eq!(problem.objectives(), 2);
        let mut all: Vec<(f64, f64)> = (1..=seeds)
            .map(|seed| seconds(&problem, seed, exact, cap))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let least = all.iter().map(|(_, share)| *share).fold(1.0, f64::min);
        println!(
            "| {preset} | {:.0} % | {took:.2} ({members}) | {algorithm} | {:.2} | {:.2} | {:.3} % |",
            100.0 * share,
            all[all.len() / 2].0,
            all[all.len() - 1].0,
            100.0 * least
        );
    }
}
