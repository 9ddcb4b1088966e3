//! Timing every distinct network.
//!
//! A machine's speed drifts, by a tenth within minutes on shared ones, and there are too many networks to have them all loaded and measured in turn. So each
//! turn of a network stands between two turns of one and the same other, the *yardstick*, and what is kept is the ratio; latencies are ratios times what the
//! yardstick takes over all.

use std::path::Path;
use std::time::Instant;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas::write_whole;
use roofnas_hardware::SystemClock;
use roofnas_hardware::engine::{Conditions, Engine, Model, OnnxRuntime, Session};
use roofnas_hardware::measure::{self, Machine, Others};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{SearchSpace, presets};

use crate::architectures;

/// Networks loaded at a time, the yardstick apart; their weights are some hundred megabytes.
const GROUP: usize = 30;
/// A middling network.
const YARDSTICK: &str = "12112012";
/// Turns of each network.
const ROUNDS: usize = 7;
/// What the timed runs of a turn last at least, and how many there are at least.
const TURN_S: f64 = 0.012;
const RUNS: usize = 3;
/// Runs of the yardstick before and after each turn.
const YARDSTICK_RUNS: usize = 2;

/// A loaded network with what its turns took, relative to the yardstick's.
struct Measured {
    digits: String,
    session: Box<dyn Session>,
    ratios: Vec<f64>,
}

/// Times every distinct network in an order drawn at random, and writes digits and milliseconds.
pub(crate) fn measure(out: &Path) {
    let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
    let engine = OnnxRuntime::find(Conditions::default()).unwrap();
    let clock = SystemClock::new();
    let load = |digits: &str| {
        let network = space.decode(&space.parse(&architectures::genotype(digits)).unwrap());
        let bytes = onnx::export(&network, InitialWeights::seeded(1), Batch::Dynamic).unwrap();
        let model = Model::from_bytes(digits, bytes);
        let mut session = engine.load(&model, &clock).unwrap();
        session.run(RUNS, &clock).unwrap();
        session
    };
    let mut yardstick = load(&architectures::canonical(YARDSTICK));
    let mut yardstick_s: Vec<f64> = Vec::new();
    let mut all = architectures::distinct();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    all.shuffle(&mut random);
    let others = Others::watch(&Machine::here());
    let began = Instant::now();
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    for names in all.chunks(GROUP) {
        let mut group: Vec<Measured> = names
            .iter()
            .map(|digits| Measured {
                digits: digits.clone(),
                session: load(digits),
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
                .map(|network| (network.digits, network.ratios)),
        );
        if rows.len().is_multiple_of(10 * GROUP) || rows.len() == all.len() {
            write(out, &rows, &yardstick_s);
            eprintln!(
                "{} of {} networks, {:.0} s",
                rows.len(),
                all.len(),
                began.elapsed().as_secs_f64()
            );
        }
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

fn write(out: &Path, rows: &[(String, Vec<f64>)], yardstick_s: &[f64]) {
    let unit_ms = 1e3 * middle(yardstick_s);
    let mut rows: Vec<&(String, Vec<f64>)> = rows.iter().collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let mut table = "arch,latency_ms,latency_ms_std\n".to_owned();
    for (digits, ratios) in rows {
        let ratio = middle(ratios);
        // of a median of normal deviates, from the median deviation
        let deviations: Vec<f64> = ratios.iter().map(|own| (own - ratio).abs()).collect();
        let std = 1.253 * 1.483 * middle(&deviations) / (ratios.len() as f64).sqrt();
        table += &format!("{digits},{:.5},{:.5}\n", unit_ms * ratio, unit_ms * std);
    }
    write_whole(out, table.as_bytes()).unwrap();
}

/// The median; the upper one of two.
fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
