//! What is found from a few measurements, held against both truths.

use std::path::Path;

use rayon::prelude::*;
use roofnas_cost::Dtype;
use roofnas_cost::calibration::Calibration;
use roofnas_hardware::Profiles;
use roofnas_search::hypervolume;

use crate::knowledge::Knowledge;
use crate::training;
use crate::world::World;

/// Latencies measured.
const TIMED: [usize; 2] = [50, 100];
/// Networks trained once, with seed 1.
const TRAINED: usize = 50;

/// Who picks a network under a budget, and by what.
const METHODS: [&str; 12] = [
    "everything known: both truths",
    "latency known, each network trained once (seed 1)",
    "latency known, accuracy predicted: the quality's error",
    "latency predicted (95 % bound), accuracy known: the latency's error",
    "both predicted, every network looked at",
    "both predicted, 4,000 evaluations of NSGA-II: what a user gets",
    "both predicted, the mean latency in the bound's place",
    "nothing trained: AE3 under the predicted bound",
    "MACs for both: most MACs under a line through the timings",
    "the best of the trained networks, as measured: random search",
    "as many trained in the loop, round by round: the best of them under the predicted bound",
    "the same, the best by what another training is expected to give",
];

/// What became of a method's picks in one draw.
struct Picks {
    /// Points lost to the best, where the budget was kept.
    regrets: Vec<f64>,
    /// By how much budgets were overrun, where they were.
    overruns: Vec<f64>,
    /// Budgets under which nothing was picked.
    none: usize,
    /// Of what was picked, as a share of the best.
    hypervolume: f64,
}

/// Prints the report.
pub(crate) fn report(accuracies: &Path, latencies: &Path, draws: u64) {
    let world = World::read(accuracies, latencies);
    let profiles = Profiles::default();
    let names = profiles.names().unwrap();
    let known: Vec<(String, Calibration)> = names
        .into_iter()
        .filter_map(|name| {
            let mut platform = profiles.find(&name).unwrap().platform;
            Some((name, platform.calibration.remove(&Dtype::Fp32)?))
        })
        .collect();
    let known: Vec<(String, &Calibration)> = known
        .iter()
        .map(|(name, own)| (name.clone(), own))
        .collect();
    for timed in TIMED {
        println!(
            "\n{timed} networks timed, {TRAINED} of them trained once; mean of {draws} draws, ten budgets each."
        );
        let draws: Vec<(Knowledge, Vec<Picks>)> = (0..draws)
            .into_par_iter()
            .map(|seed| {
                let knowledge = Knowledge::new(&world, timed, TRAINED, seed, &known);
                let picks = picks(&world, &knowledge, accuracies, seed);
                (knowledge, picks)
            })
            .collect();
        let mean = |of: &dyn Fn(&Knowledge) -> f64| {
            draws
                .iter()
                .map(|(knowledge, _)| of(knowledge))
                .sum::<f64>()
                / draws.len() as f64
        };
        println!(
            "Latency of the networks not timed: MAPE {:.1} %, {:.0} % inside the 90 % interval, {:.1} % above the 95 % bound.\n",
            100.0 * mean(&|k| k.latency.mape),
            100.0 * mean(&|k| k.latency.coverage_90.unwrap_or(f64::NAN)),
            100.0 * mean(&|k| k.latency.exceeds_upper_95.unwrap_or(f64::NAN)),
        );
        println!(
            "| picked by | regret, points | budgets overrun | by, mean | nothing picked | hypervolume |"
        );
        println!("|---|---|---|---|---|---|");
        for (method, name) in METHODS.iter().enumerate() {
            let own = || draws.iter().map(|(_, picks)| &picks[method]);
            let budgets = (draws.len() * world.budgets_ms.len()) as f64;
            println!(
                "| {name} | {:.2} | {:.0} % | {:.1} % | {:.0} % | {:.3} |",
                average(own().flat_map(|p| p.regrets.iter().copied())),
                100.0 * own().map(|p| p.overruns.len()).sum::<usize>() as f64 / budgets,
                100.0 * average(own().flat_map(|p| p.overruns.iter().copied())),
                100.0 * own().map(|p| p.none).sum::<usize>() as f64 / budgets,
                average(own().map(|p| p.hypervolume)),
            );
        }
    }
}

/// 0 of nothing.
fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

fn picks(world: &World, knowledge: &Knowledge, accuracies: &Path, seed: u64) -> Vec<Picks> {
    let networks = &world.networks;
    let latency: Vec<f64> = networks.iter().map(|n| n.latency_ms).collect();
    let truth: Vec<f64> = networks.iter().map(|n| n.truth).collect();
    let seen: Vec<f64> = networks.iter().map(|n| n.seen).collect();
    let macs: Vec<f64> = networks.iter().map(|n| n.cost.macs as f64).collect();
    let by_macs = line(&macs, &latency, &knowledge.timed);
    let trained = &knowledge.timed[..knowledge.trained];
    let among = |latency: &[f64], score: &[f64], networks: &[usize]| -> Vec<Option<usize>> {
        let budgets = world.budgets_ms.iter();
        budgets
            .map(|&budget| best(latency, score, budget, networks.iter().copied()))
            .collect()
    };
    let all_networks: Vec<usize> = (0..networks.len()).collect();
    let everywhere = |latency: &[f64], score: &[f64]| among(latency, score, &all_networks);
    let played = training::play(world, knowledge, accuracies, seed);
    let searched = |&budget: &f64| knowledge.search(world, budget, seed);
    let all: [Vec<Option<usize>>; 12] = [
        everywhere(&latency, &truth),
        everywhere(&latency, &seen),
        everywhere(&latency, &knowledge.quality),
        everywhere(&knowledge.upper_ms, &truth),
        everywhere(&knowledge.upper_ms, &knowledge.quality),
        world.budgets_ms.iter().map(searched).collect(),
        everywhere(&knowledge.mean_ms, &knowledge.quality),
        everywhere(&knowledge.upper_ms, &knowledge.proxy),
        everywhere(&by_macs, &macs),
        among(&latency, &seen, trained),
        among(&knowledge.upper_ms, &seen, &played.networks),
        among(&knowledge.upper_ms, &played.expected, &played.networks),
    ];
    let oracle = all[0].clone();
    let whole = covered(world, &oracle, &oracle);
    let judge = |picked: &Vec<Option<usize>>| Picks::new(world, picked, &oracle, whole);
    all.iter().map(judge).collect()
}

/// The highest score within a budget; the first of equals.
fn best(
    latency: &[f64],
    score: &[f64],
    budget: f64,
    among: impl Iterator<Item = usize>,
) -> Option<usize> {
    let feasible = among.filter(|&network| latency[network] <= budget);
    feasible.reduce(|a, b| if score[b] > score[a] { b } else { a })
}

/// A line through some points by least squares, at every place.
fn line(x: &[f64], y: &[f64], at: &[usize]) -> Vec<f64> {
    let mean = |of: &[f64]| at.iter().map(|&i| of[i]).sum::<f64>() / at.len() as f64;
    let (centre_x, centre_y) = (mean(x), mean(y));
    let sum = |of: &dyn Fn(usize) -> f64| at.iter().map(|&i| of(i)).sum::<f64>();
    let slope =
        sum(&|i| (x[i] - centre_x) * (y[i] - centre_y)) / sum(&|i| (x[i] - centre_x).powi(2));
    x.iter()
        .map(|x| centre_y + slope * (x - centre_x))
        .collect()
}

impl Picks {
    fn new(world: &World, picked: &[Option<usize>], oracle: &[Option<usize>], whole: f64) -> Self {
        let mut own = Self {
            regrets: Vec::new(),
            overruns: Vec::new(),
            none: 0,
            hypervolume: covered(world, picked, oracle) / whole,
        };
        for ((picked, best), budget) in picked.iter().zip(oracle).zip(&world.budgets_ms) {
            let Some(network) = picked.map(|network| &world.networks[network]) else {
                own.none += 1;
                continue;
            };
            if network.latency_ms > *budget {
                own.overruns.push(network.latency_ms / budget - 1.0);
            } else {
                let best = best.map_or(f64::NAN, |best| world.networks[best].truth);
                own.regrets.push(best - network.truth);
            }
        }
        own
    }
}

/// Hypervolume of picks that keep their budgets, between the best and the worst of what could have been picked: reference 1.1 in both.
fn covered(world: &World, picked: &[Option<usize>], oracle: &[Option<usize>]) -> f64 {
    let best: Vec<[f64; 2]> = oracle
        .iter()
        .flatten()
        .map(|&network| point(world, network))
        .collect();
    let range = |axis: usize| {
        let values = best.iter().map(|point| point[axis]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (f64::min(low, value), f64::max(high, value))
        });
        [low, high - low]
    };
    let ranges = [range(0), range(1)];
    let kept = picked
        .iter()
        .zip(&world.budgets_ms)
        .filter_map(|(picked, budget)| {
            picked.filter(|&network| world.networks[network].latency_ms <= *budget)
        });
    let points = kept.map(|network| {
        let point = point(world, network);
        [0, 1].map(|axis| (point[axis] - ranges[axis][0]) / ranges[axis][1])
    });
    hypervolume(points.collect::<Vec<_>>(), &[1.1, 1.1])
}

/// Latency and error, both to be low.
fn point(world: &World, network: usize) -> [f64; 2] {
    let network = &world.networks[network];
    [network.latency_ms, 100.0 - network.truth]
}
