//! Timing many networks on a machine whose speed drifts, by a tenth within minutes on shared ones. Each turn of a network stands between two turns of one and the
//! same other, the *yardstick*, and what is kept is the ratio; latencies are ratios times what the yardstick takes over all.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_hardware::SystemClock;
use roofnas_hardware::engine::{Conditions, Engine, Model, OnnxRuntime, Session};
use roofnas_hardware::measure::{self, Machine, Others};
use roofnas_space::Network;
use roofnas_space::onnx::{self, Batch, InitialWeights};

/// Turns of each network.
const ROUNDS: usize = 7;
/// What the timed runs of a turn last at least, and how many there are at least.
const TURN_S: f64 = 0.012;
const RUNS: usize = 3;
/// Runs of the yardstick before and after each turn.
const YARDSTICK_RUNS: usize = 2;

/// What a network takes.
pub(crate) struct Timed {
    pub(crate) name: String,
    pub(crate) latency_ms: f64,
    pub(crate) latency_ms_std: f64,
}

/// A loaded network with what its turns took, relative to the yardstick's.
struct Measured {
    name: String,
    session: Box<dyn Session>,
    ratios: Vec<f64>,
}

/// Times networks with ONNX Runtime on one thread, in an order drawn at random; so many are loaded at a time. `told` gets all that are timed by then, after
/// each group.
pub(crate) fn time(
    mut names: Vec<String>,
    network: impl Fn(&str) -> Network,
    yardstick: &str,
    group: usize,
    mut told: impl FnMut(&[Timed]),
) -> Vec<Timed> {
    let engine = OnnxRuntime::find(Conditions::default()).unwrap();
    let clock = SystemClock::new();
    let load = |name: &str| {
        let bytes = onnx::export(&network(name), InitialWeights::seeded(1), Batch::Dynamic);
        let model = Model::from_bytes(name, bytes.unwrap());
        let mut session = engine.load(&model, &clock).unwrap();
        session.run(RUNS, &clock).unwrap();
        session
    };
    let mut yardstick = load(yardstick);
    let mut yardstick_s: Vec<f64> = Vec::new();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    names.shuffle(&mut random);
    let others = Others::watch(&Machine::here());
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    for names in names.chunks(group) {
        let mut group: Vec<Measured> = names
            .iter()
            .map(|name| Measured {
                name: name.clone(),
                session: load(name),
                ratios: Vec::new(),
            })
            .collect();
        for _ in 0..ROUNDS {
            group.shuffle(&mut random);
            let mut before = turn(&mut *yardstick, &clock, YARDSTICK_RUNS, 0.0);
            for network in &mut group {
                let own = turn(&mut *network.session, &clock, RUNS, TURN_S);
                let after = turn(&mut *yardstick, &clock, YARDSTICK_RUNS, 0.0);
                network.ratios.push(own / (0.5 * (before + after)));
                yardstick_s.push(after);
                before = after;
            }
        }
        rows.extend(
            group
                .into_iter()
                .map(|network| (network.name, network.ratios)),
        );
        told(&timed(&rows, &yardstick_s));
    }
    let description = engine.description();
    eprintln!(
        "{} {}",
        description.name,
        description.version.unwrap_or_default()
    );
    if let Some(doubt) = others.share().and_then(measure::busy) {
        eprintln!("warning: {doubt}");
    }
    timed(&rows, &yardstick_s)
}

/// The least of some runs in seconds, after one that doesn't count: what disturbs only makes slower.
fn turn(session: &mut dyn Session, clock: &SystemClock, runs: usize, least_s: f64) -> f64 {
    session.run(1, clock).unwrap();
    let (mut least, mut spent, mut done) = (f64::INFINITY, 0.0, 0);
    while done < runs || spent < least_s {
        for seconds in session.run(1, clock).unwrap() {
            (least, spent, done) = (least.min(seconds), spent + seconds, done + 1);
        }
    }
    least
}

/// Latencies by name.
fn timed(rows: &[(String, Vec<f64>)], yardstick_s: &[f64]) -> Vec<Timed> {
    let unit_ms = 1e3 * middle(yardstick_s);
    let mut rows: Vec<&(String, Vec<f64>)> = rows.iter().collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let timed = rows.into_iter().map(|(name, ratios)| {
        let ratio = middle(ratios);
        // of a median of normal deviates, from the median deviation
        let deviations: Vec<f64> = ratios.iter().map(|own| (own - ratio).abs()).collect();
        let std = 1.253 * 1.483 * middle(&deviations) / (ratios.len() as f64).sqrt();
        Timed {
            name: name.clone(),
            latency_ms: unit_ms * ratio,
            latency_ms_std: unit_ms * std,
        }
    });
    timed.collect()
}

/// The median; the upper one of two.
fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
