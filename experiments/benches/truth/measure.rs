//! Timing every distinct network.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas::write_whole;
use roofnas_hardware::SystemClock;
use roofnas_hardware::engine::{Conditions, Engine, EngineError, Model, OnnxRuntime};
use roofnas_hardware::measure::{self, Machine, NetworkTiming, Observer, Others, Protocol};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{SearchSpace, presets};

use crate::architectures;

/// Networks loaded at a time, the anchors apart; their weights are some hundred megabytes.
const GROUP: usize = 30;
/// Networks measured again in every group: small, middling and large.
const ANCHORS: [&str; 3] = ["10010010", "12112012", "22222222"];

struct Silent;

impl Observer for Silent {
    fn visited(&mut self, _: usize, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn finished(&mut self, _: &[NetworkTiming]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn failed(&mut self, network: &str, error: EngineError) {
        panic!("{network}: {error}");
    }
}

/// Times every distinct network in an order drawn at random, and writes digits and milliseconds.
pub(crate) fn measure(out: &Path) {
    let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
    let engine = OnnxRuntime::find(Conditions::default()).unwrap();
    let protocol = Protocol {
        rounds: 5,
        turn: Duration::from_millis(16),
        warm_up: Duration::from_millis(20),
        ..Protocol::default()
    };
    let model = |digits: &str| {
        let network = space.decode(&space.parse(&architectures::genotype(digits)).unwrap());
        let bytes = onnx::export(&network, InitialWeights::seeded(1), Batch::Dynamic).unwrap();
        Model::from_bytes(digits, bytes)
    };
    let anchors = ANCHORS.map(|digits| model(&architectures::canonical(digits)));
    let mut all = architectures::distinct();
    all.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(1));
    let others = Others::watch(&Machine::here());
    let (began, clock) = (Instant::now(), SystemClock::new());
    let mut rows = Vec::new();
    for (group, names) in all.chunks(GROUP).enumerate() {
        let networks = names.iter().map(|digits| model(digits));
        let models: Vec<Model> = anchors.iter().cloned().chain(networks).collect();
        let measured = measure::measure(
            &engine,
            &models,
            &Protocol {
                group: models.len(),
                anchors: ANCHORS.len(),
                seed: group as u64,
                ..protocol.clone()
            },
            &clock,
            &mut Silent,
        );
        for (place, timing) in measured.timings.iter().enumerate() {
            let role = if place < ANCHORS.len() { "anchor" } else { "" };
            rows.push(format!(
                "{},{:.5},{:.5},{:.5},{},{group},{role}",
                timing.network,
                1e3 * timing.latency_s(),
                1e3 * timing.latency_std_s().unwrap_or(f64::NAN),
                1e3 * timing.quantile_s(0.5),
                timing.runs(),
            ));
        }
        let done = (group + 1) * GROUP;
        eprintln!(
            "{} of {} networks, {:.0} s",
            done.min(all.len()),
            all.len(),
            began.elapsed().as_secs_f64()
        );
        let table = format!(
            "arch,latency_ms,latency_ms_std,p50_ms,runs,group,role\n{}\n",
            rows.join("\n")
        );
        write_whole(out, table.as_bytes()).unwrap();
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
