//! ONNX Runtime.
//!
//! What needs Python packages has to be asked for: `ROOFNAS_PYTHON=1 cargo test`. Without it, nothing is run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use roofnas_cost::{Dtype, Fusion, NetworkCost};
use roofnas_hardware::engine::{Conditions, Engine, Model, NodeTiming, OnnxRuntime, SystemClock};
use roofnas_hardware::nodes::{FusionEvidence, match_nodes};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Activation, Network, presets};

use common::shuffled;

#[test]
fn a_dtype_that_no_file_is_run_in() {
    let conditions = Conditions {
        dtype: Dtype::Bf16,
        ..Conditions::default()
    };
    let error = OnnxRuntime::open(Path::new("any"), conditions).unwrap_err();
    assert_eq!(
        error.to_string(),
        "onnxruntime runs a file in the number format it has, and can't convert it to bf16"
    );
}

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

/// A published network on small images, as people deploy it: MobileNetV2, ResNet-18 and their like.
fn landmarks(batch: Batch) -> Vec<Model> {
    let landmarks = presets::landmarks().into_iter();
    let models = landmarks.map(|landmark| {
        let bytes = onnx::export(&landmark.network, InitialWeights::seeded(1), batch);
        Model::from_bytes(landmark.name, bytes.unwrap())
    });
    models.collect()
}

fn shuffle() -> Model {
    let bytes = onnx::export(&shuffled(), InitialWeights::seeded(1), Batch::Dynamic).unwrap();
    Model::from_bytes("shuffle", bytes)
}

#[test]
fn onnx_runtime_runs_what_is_exported() {
    if !python("onnxruntime", "ONNX Runtime was not tried as an engine") {
        return;
    }
    let clock = &SystemClock::new();
    let engine = OnnxRuntime::find(conditions(2, 2)).unwrap();
    let description = engine.description();
    assert!(
        description
            .version
            .is_some_and(|version| version.starts_with("1."))
    );
    let mut sessions: Vec<_> = landmarks(Batch::Dynamic)
        .iter()
        .map(|model| engine.load(model, clock).unwrap())
        .collect();
    for _ in 0..2 {
        for session in &mut sessions {
            let seconds = session.run(2, clock).unwrap();
            assert!(seconds.len() == 2 && seconds.iter().all(|&s| s < 60.0));
            assert!(session.initialisation_s().unwrap() > 0.0);
            assert!(cfg!(not(target_os = "linux")) || session.resident_bytes().is_some());
        }
    }
    let outputs = sessions[0].outputs().unwrap().unwrap();
    assert_eq!(outputs[0].sizes, [2, 1000]);
    let fixed = &landmarks(Batch::Fixed(1))[0];
    let error = engine.load(fixed, clock).err().unwrap().to_string();
    assert!(
        error.contains("takes 1 images at once, always, and 2 were asked for"),
        "{error}"
    );
    let junk = Model::from_bytes("junk", *b"this is not a model");
    let error = engine.load(&junk, clock).err().unwrap().to_string();
    assert!(
        error.starts_with("onnxruntime can't load junk: "),
        "{error}"
    );
}

#[test]
fn nodes_add_up_to_the_whole() {
    if !python("onnxruntime", "ONNX Runtime's profile was not tried") {
        return;
    }
    let engine = OnnxRuntime::find(conditions(1, 1)).unwrap();
    let clock = &SystemClock::new();
    let models = landmarks(Batch::Fixed(1));
    let mobilenet = models
        .iter()
        .find(|model| model.name() == "MobileNetV2")
        .unwrap();
    let mut session = engine.load(mobilenet, clock).unwrap();
    let nodes = session.nodes(20).unwrap().unwrap();
    let convolutions = nodes.iter().filter(|node| node.op_type == "Conv");
    assert_eq!(convolutions.count(), 52);
    assert!(
        nodes
            .iter()
            .any(|node| node.name.starts_with("stage2.block1.expand"))
    );
    assert!(
        nodes
            .iter()
            .all(|node| node.provider.as_deref() == Some("CPUExecutionProvider"))
    );
    let mut seconds = session.run(40, clock).unwrap();
    seconds.sort_by(f64::total_cmp);
    let sum: f64 = nodes.iter().map(|node| node.seconds).sum();
    // a mean beside a median, perhaps on a busy machine
    let ratio = sum / seconds[20];
    assert!((0.4..4.0).contains(&ratio), "{ratio}");
}

/// A network with its profile.
fn profiled(network: Network, clock: &mut SystemClock) -> (Network, Vec<NodeTiming>) {
    let engine = OnnxRuntime::find(conditions(1, 1)).unwrap();
    let bytes = onnx::export(&network, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    let model = Model::from_bytes(network.name(), bytes);
    let nodes = engine.load(&model, clock).unwrap().nodes(6).unwrap();
    (network, nodes.unwrap())
}

#[test]
fn nodes_are_matched_to_kernels() {
    if !python(
        "onnxruntime",
        "ONNX Runtime's nodes were not matched to kernels",
    ) {
        return;
    }
    let clock = &mut SystemClock::new();
    let landmarks = presets::landmarks().into_iter();
    let mut networks: Vec<Network> = landmarks.map(|landmark| landmark.network).collect();
    networks.push(shuffled());
    let profiled: Vec<_> = { networks.into_iter() }
        .map(|network| profiled(network, clock))
        .collect();
    // without rules most activations have no node: the engine fuses more
    let (network, nodes) = &profiled[0];
    let apart = match_nodes(
        network,
        &NetworkCost::new(network, &Fusion::default()),
        nodes,
    );
    assert!(!apart.swallowed.is_empty());
    let evidence = FusionEvidence::of(&profiled);
    println!("{evidence:?}");
    let fusion = evidence.fusion();
    assert!(fusion.add && fusion.activations.contains(&Activation::Relu));
    for (network, nodes) in &profiled {
        let cost = NetworkCost::new(network, &fusion);
        let matched = match_nodes(network, &cost, nodes);
        let (share, name) = (matched.share(), network.name());
        println!("{name}: {share:.4} {:?}", matched.unmatched);
        assert!(share > 0.8, "{name}: {share}");
        // what is left are nodes of the engine's own
        let own = |op_type: &String| op_type.starts_with("Reorder") || op_type == "Transpose";
        assert!(matched.unmatched.keys().all(own), "{name}");
        // every convolution is there, under its own kernel
        let kernels = cost.kernels.iter().zip(&matched.kernels);
        let convolutions = kernels.filter(|(kernel, _)| kernel.macs > 0);
        for (kernel, seconds) in convolutions {
            let layer = network.layer_name(kernel.kernel.anchor());
            assert!(seconds.is_some(), "{name}: {layer}");
        }
    }
}

/// What a quantised file is for: every convolution and linear layer is computed in integers, and found under its own kernel.
#[test]
fn quantised_networks_are_computed_in_integers() {
    if !python(
        "onnxruntime",
        "quantised networks were not tried in ONNX Runtime",
    ) {
        return;
    }
    let clock = &SystemClock::new();
    let engine = OnnxRuntime::find(Conditions {
        dtype: Dtype::Int8,
        ..conditions(1, 1)
    });
    let engine = engine.unwrap();
    let landmarks = presets::landmarks().into_iter();
    let mut networks: Vec<Network> = landmarks.map(|landmark| landmark.network).collect();
    networks.push(shuffled());
    for network in networks {
        let bytes = onnx::export(&network, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
        let model = Model::from_bytes(network.name(), bytes)
            .quantized()
            .unwrap();
        let nodes = engine.load(&model, clock).unwrap().nodes(4).unwrap();
        let nodes = nodes.unwrap();
        // sums too, but for the one in a GELU that is written out
        let single = ["Conv", "FusedConv", "Gemm", "MatMul", "Concat"];
        let single = nodes
            .iter()
            .find(|node| single.contains(&node.op_type.as_str()));
        assert_eq!(single, None, "{}", network.name());
        let cost = NetworkCost::new(&network, &Fusion::default());
        let matched = match_nodes(&network, &cost, &nodes);
        println!(
            "{}: {:.4} {:?}",
            network.name(),
            matched.share(),
            matched.unmatched
        );
        // what is left are conversions, and the engine's own layouts
        let own = ["QuantizeLinear", "DequantizeLinear", "Transpose"];
        let strange = matched
            .unmatched
            .keys()
            .find(|op| !own.contains(&op.as_str()));
        assert_eq!(strange, None, "{}", network.name());
        let kernels = cost.kernels.iter().zip(&matched.kernels);
        for (kernel, seconds) in kernels.filter(|(kernel, _)| kernel.macs > 0) {
            let layer = network.layer_name(kernel.kernel.anchor());
            assert!(seconds.is_some(), "{}: {layer}", network.name());
        }
    }
}

#[test]
#[cfg(feature = "embedded")]
fn two_engines_compute_the_same() {
    if !python(
        "onnxruntime",
        "the embedded engine was not compared with ONNX Runtime",
    ) {
        return;
    }
    let clock = &SystemClock::new();
    let onnx_runtime = OnnxRuntime::find(conditions(1, 2)).unwrap();
    let embedded = roofnas_hardware::engine::Embedded::new(conditions(1, 2)).unwrap();
    let mut models = landmarks(Batch::Dynamic);
    models.push(shuffle());
    for model in &models {
        let reference = onnx_runtime
            .load(model, clock)
            .unwrap()
            .outputs()
            .unwrap()
            .unwrap();
        let found = embedded
            .load(model, clock)
            .unwrap()
            .outputs()
            .unwrap()
            .unwrap();
        assert_eq!(found.len(), reference.len());
        for (found, reference) in found.iter().zip(&reference) {
            assert_eq!(found.name, reference.name);
            let difference = found.relative_difference(reference);
            println!("{} {}: {difference:.1e}", model.name(), found.name);
            assert!(difference < 1e-4, "{}: {difference:e}", model.name());
        }
    }
}
