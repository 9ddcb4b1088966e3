//! OpenVINO and ncnn, each in a Python process that stays.
//!
//! They have to be asked for: `ROOFNAS_PYTHON=1 cargo test`, with the packages in the active virtual environment or the `python3` on the
//! path. Without them, nothing is run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::num::NonZeroUsize;
use std::process::Command;
use std::time::Duration;

use roofnas_cost::{Dtype, Fusion, NetworkCost};
use roofnas_hardware::engine::{
    Adapter, CommandEngine, Conditions, Engine, Model, NodeTiming, Patience, PythonEngine,
    PythonPackage, SystemClock,
};
use roofnas_hardware::nodes::{FusionEvidence, match_nodes};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Activation, Network, presets};

use common::shuffled;

const TIMEOUT: Duration = Duration::from_secs(120);

/// Whether the suite is asked for and Python has these packages; otherwise says what is skipped.
fn python(packages: &str, what: &str) -> bool {
    let asked = std::env::var_os("ROOFNAS_PYTHON").is_some_and(|value| value == "1");
    let import = format!("import {packages}");
    let imports = || {
        let output = Command::new("python3").args(["-c", &import]).output();
        output.is_ok_and(|output| output.status.success())
    };
    if asked && imports() {
        return true;
    }
    // past the test harness, which would keep it to itself
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {what}: needs python3 with {packages}, and ROOFNAS_PYTHON=1"
    );
    false
}

fn conditions(threads: usize, batch: usize) -> Conditions {
    Conditions {
        threads: NonZeroUsize::new(threads).unwrap(),
        batch: NonZeroUsize::new(batch).unwrap(),
        dtype: Dtype::Fp32,
    }
}

fn model(network: &Network, batch: Batch) -> Model {
    let bytes = onnx::export(network, InitialWeights::seeded(1), batch).unwrap();
    Model::from_bytes(network.name(), bytes)
}

/// What holds of both: networks run in turn in one process, which lives on when one can't be run, and another takes its place when it dies.
fn engine_runs(package: PythonPackage, batch: usize) {
    let clock = &SystemClock::new();
    for threads in [1, 2] {
        let engine = PythonEngine::find(package, conditions(threads, batch), TIMEOUT).unwrap();
        let description = engine.description();
        assert_eq!(description.name, package.name());
        let version = description.version.unwrap();
        assert!(
            version.starts_with(|c: char| c.is_ascii_digit()),
            "{version}"
        );
        let networks = [shuffled(), presets::landmarks().remove(0).network];
        let mut sessions: Vec<_> = networks
            .iter()
            .map(|network| engine.load(&model(network, Batch::Dynamic), clock).unwrap())
            .collect();
        let fixed = model(&networks[0], Batch::Fixed(3));
        let error = engine.load(&fixed, clock).err().unwrap().to_string();
        assert!(error.contains("takes 3 images at once, always"), "{error}");
        let junk = Model::from_bytes("junk", *b"this is not a model");
        let error = engine.load(&junk, clock).err().unwrap().to_string();
        let begin = format!("{} can't load junk: ", package.name());
        assert!(error.starts_with(&begin), "{error}");
        for _ in 0..2 {
            for session in &mut sessions {
                let seconds = session.run(3, clock).unwrap();
                assert!(seconds.len() == 3 && seconds.iter().all(|&s| s < 60.0));
                assert!(session.initialisation_s().unwrap() > 0.0);
                assert!(cfg!(not(target_os = "linux")) || session.resident_bytes().is_some());
            }
        }
    }
}

/// A network with NaN among its weights: four bytes of ones are one, wherever they begin.
fn poisoned() -> Model {
    let mut bytes = onnx::export(&shuffled(), InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    let place = bytes.len() / 2;
    for byte in &mut bytes[place..place + 64] {
        *byte = 0xff;
    }
    Model::from_bytes("poisoned", bytes)
}

#[test]
fn openvino_runs_what_is_exported() {
    if python("openvino, numpy", "OpenVINO was not tried as an engine") {
        engine_runs(PythonPackage::OpenVino, 1);
        engine_runs(PythonPackage::OpenVino, 2);
        refuses_nan(PythonPackage::OpenVino);
        recovers(PythonPackage::OpenVino);
    }
}

#[test]
fn openvino_runs_what_is_quantised() {
    if !python(
        "openvino, numpy",
        "quantised networks were not tried in OpenVINO",
    ) {
        return;
    }
    let conditions = Conditions {
        dtype: Dtype::Int8,
        ..conditions(1, 1)
    };
    let engine = PythonEngine::find(PythonPackage::OpenVino, conditions, TIMEOUT).unwrap();
    let clock = &SystemClock::new();
    for network in [shuffled(), presets::landmarks().remove(0).network] {
        let model = model(&network, Batch::Fixed(1)).quantized().unwrap();
        let mut session = engine.load(&model, clock).unwrap();
        assert!(session.run(2, clock).unwrap().iter().all(|&s| s < 60.0));
        let nodes = session.nodes(3).unwrap().unwrap();
        // oneDNN's kernels say what they compute in
        let kernels = nodes.iter().filter_map(|node| node.provider.as_deref());
        let integers = kernels.filter(|kernel| kernel.ends_with("_I8") || kernel.ends_with("_i8"));
        assert!(integers.count() > 0, "{nodes:?}");
    }
}

#[test]
fn ncnn_runs_what_is_exported() {
    if python("ncnn, pnnx, numpy", "ncnn was not tried as an engine") {
        engine_runs(PythonPackage::Ncnn, 1);
        refuses_nan(PythonPackage::Ncnn);
        recovers(PythonPackage::Ncnn);
        let engine = PythonEngine::find(PythonPackage::Ncnn, conditions(1, 1), TIMEOUT).unwrap();
        let model = model(&shuffled(), Batch::Fixed(1));
        let mut session = engine.load(&model, &SystemClock::new()).unwrap();
        assert_eq!(session.nodes(3).unwrap(), None);
    }
}

fn refuses_nan(package: PythonPackage) {
    let engine = PythonEngine::find(package, conditions(1, 1), TIMEOUT).unwrap();
    let error = engine.load(&poisoned(), &SystemClock::new());
    let error = error.err().unwrap().to_string();
    assert!(
        error.ends_with("an output holds NaN or infinity"),
        "{error}"
    );
}

/// Somebody ends the process, as a fault in a library would.
fn recovers(package: PythonPackage) {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let clock = &SystemClock::new();
    // by its threads it is told from those of other tests
    let engine = PythonEngine::find(package, conditions(3, 1), TIMEOUT).unwrap();
    let model = model(&shuffled(), Batch::Fixed(1));
    let mut first = engine.load(&model, clock).unwrap();
    let mut second = engine.load(&model, clock).unwrap();
    first.run(1, clock).unwrap();
    for child in children() {
        let serves = std::fs::read_to_string(format!("/proc/{child}/cmdline"));
        let ours = format!("serve({})\n\0{}\0", class(package), 3);
        if serves.is_ok_and(|line| line.contains(&ours)) {
            let killed = Command::new("kill").args(["-SEGV", &child]).status();
            assert!(killed.unwrap().success());
        }
    }
    let error = first.run(1, clock).unwrap_err().to_string();
    assert!(error.contains("its process ended (signal: 11"), "{error}");
    assert_eq!(second.run(2, clock).unwrap().len(), 2);
    assert_eq!(first.run(2, clock).unwrap().len(), 2);
}

const fn class(package: PythonPackage) -> &'static str {
    match package {
        PythonPackage::OpenVino => "OpenVino",
        PythonPackage::Ncnn => "Ncnn",
    }
}

/// Processes that this one has started.
fn children() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let children = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")));
    children
        .flatten()
        .flat_map(|ids| {
            ids.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn openvinos_nodes_are_matched_to_kernels() {
    if !python(
        "openvino, numpy",
        "OpenVINO's nodes were not matched to kernels",
    ) {
        return;
    }
    let clock = &SystemClock::new();
    let engine = PythonEngine::find(PythonPackage::OpenVino, conditions(1, 1), TIMEOUT).unwrap();
    let landmarks = presets::landmarks().into_iter();
    let mut networks: Vec<Network> = landmarks.map(|landmark| landmark.network).collect();
    networks.push(shuffled());
    let profiled = networks.into_iter().map(|network| {
        let mut session = engine
            .load(&model(&network, Batch::Fixed(1)), clock)
            .unwrap();
        let nodes = session.nodes(6).unwrap().unwrap();
        (network, nodes)
    });
    let profiled: Vec<(Network, Vec<NodeTiming>)> = profiled.collect();
    let evidence = FusionEvidence::of(&profiled);
    println!("{evidence:?}");
    let fusion = evidence.fusion();
    assert!(fusion.add);
    // everything but what gates a squeeze-and-excite is fused
    for activation in [Activation::Relu, Activation::Relu6, Activation::HardSwish] {
        assert!(fusion.activations.contains(&activation), "{activation:?}");
    }
    assert!(!fusion.activations.contains(&Activation::HardSigmoid));
    // what is fused is not swallowed
    let apart = |network| NetworkCost::new(network, &Fusion::default());
    let (network, nodes) = &profiled[0];
    assert!(
        !match_nodes(network, &apart(network), nodes)
            .swallowed
            .is_empty()
    );
    for (network, nodes) in &profiled {
        let cost = NetworkCost::new(network, &fusion);
        let matched = match_nodes(network, &cost, nodes);
        let (share, name) = (matched.share(), network.name());
        println!("{name}: {share:.4} {:?}", matched.unmatched);
        // what is left are nodes of the engine's own
        let own = |op_type: &String| op_type == "Reorder" || op_type == "Transpose";
        assert!(matched.unmatched.keys().all(own), "{name}");
        assert!(share > 0.85, "{name}: {share}");
        // every convolution is there, under its own kernel
        let kernels = cost.kernels.iter().zip(&matched.kernels);
        for (kernel, seconds) in kernels.filter(|(kernel, _)| kernel.macs > 0) {
            let layer = network.layer_name(kernel.kernel.anchor());
            assert!(seconds.is_some(), "{name}: {layer}");
        }
    }
}

#[test]
fn a_request_that_takes_too_long_ends_the_process() {
    if !python("openvino, numpy", "OpenVINO's time-out was not tried") {
        return;
    }
    let clock = &SystemClock::new();
    let timeout = Duration::from_secs(3);
    let engine = PythonEngine::find(PythonPackage::OpenVino, conditions(1, 1), timeout).unwrap();
    let model = model(&shuffled(), Batch::Fixed(1));
    let mut session = engine.load(&model, clock).unwrap();
    let error = session.run(1_000_000_000, clock).unwrap_err().to_string();
    assert!(
        error.contains("its process was ended after 3 s, the time it is given"),
        "{error}"
    );
    assert_eq!(session.run(2, clock).unwrap().len(), 2);
}

#[test]
fn benchmark_app_runs_what_is_exported() {
    if !python("openvino, numpy", "OpenVINO's benchmark_app was not tried") {
        return;
    }
    let patience = Patience {
        timeout: TIMEOUT,
        retries: 0,
    };
    let conditions = conditions(1, 1);
    let line = Adapter::BenchmarkApp.command(&conditions).unwrap();
    let engine = CommandEngine::new(line, patience, conditions);
    let clock = &SystemClock::new();
    let model = model(&shuffled(), Batch::Dynamic);
    let mut session = engine.load(&model, clock).unwrap();
    assert_eq!(session.run(5, clock).unwrap().len(), 1);
    assert!(session.initialisation_s().unwrap() > 0.0);
}
