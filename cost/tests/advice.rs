//! Advice: each fault is found, and each figure is the price of the network built as advised.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use roofnas_cost::{
    Advice, AdviceKind, Dtype, LatencyModel, NetworkCost, Platform, advise, peak_culprits,
};
use roofnas_space::{Activation, Conv, Network, NetworkBuilder, Op, Role, Shape, Tensor, presets};

const TOY: &str = r#"
format = 2
name = "toy"
description = "round numbers"

[provenance]
sources = ["this test"]

[uncertainty]
prior_relative_std = 0.5
reason = "this test"

[overhead]
inference_us = 0
kernel_us = 1
source = "this test"

[fusion]
activations = ["relu"]
add = true

[roofs.fp32.theoretical]
peak_tflops = 1
bandwidth_gb_s = 50
source = "this test"

[utilisation.fp32]
channel_quantum = 16
parallel_lanes = 16
"#;

fn model() -> LatencyModel {
    LatencyModel::new(Platform::from_toml(TOY).unwrap(), Dtype::Fp32, 1).unwrap()
}

fn price(network: &Network) -> f64 {
    let model = model();
    model
        .price(&NetworkCost::new(network, &model.platform().fusion))
        .mean_ms
}

/// Operators one after the other, from 32 channels on 56x56.
fn chain(ops: &[Op]) -> Network {
    let mut builder = NetworkBuilder::new("chain", Shape::new(32, 56, 56));
    let mut x = Tensor::Input;
    for (index, op) in ops.iter().enumerate() {
        x = builder.push(format!("op{index}"), op.clone(), &[x], Role::Main);
    }
    builder.output("out", x);
    builder.finish().unwrap()
}

fn conv(channels: usize, kernel: usize) -> Op {
    Op::Conv(Conv::same(channels, kernel, 1))
}

fn find(network: &Network, kind: AdviceKind) -> Option<Advice> {
    advise(&model(), network)
        .into_iter()
        .find(|advice| advice.kind == kind)
}

/// The advice on one network, which must be worth what the network built otherwise costs less.
fn holds(kind: AdviceKind, now: &[Op], otherwise: &[Op]) -> Advice {
    let (now, otherwise) = (chain(now), chain(otherwise));
    let advice = find(&now, kind).unwrap_or_else(|| panic!("nothing is said of {kind:?}"));
    let gain = price(&now) - price(&otherwise);
    assert!(
        (advice.gain_ms - gain).abs() < 1e-12,
        "{advice:?}, not {gain}"
    );
    advice
}

#[test]
fn channels_that_leave_lanes_idle() {
    // 40 channels cost as much arithmetic as 48; the next layer sees them too
    let now = [conv(40, 3), conv(64, 3)];
    let advice = holds(AdviceKind::IdleLanes, &now, &[conv(32, 3), conv(64, 3)]);
    assert_eq!(advice.layers, [0]);
    assert!(
        advice
            .text
            .contains("40 channels fill whole vectors of 16 only up to 48; 32 would be faster"),
        "{}",
        advice.text
    );
    assert_eq!(
        find(&chain(&[conv(48, 3), conv(64, 3)]), AdviceKind::IdleLanes),
        None
    );
}

#[test]
fn groups_that_save_nothing() {
    let depthwise = Op::Conv(Conv::same(32, 3, 1).grouped(32));
    let now = chain(&[conv(32, 3), depthwise]);
    // memory takes 16 us; 32 x 32 dense 3x3 takes 58: not free
    assert_eq!(find(&now, AdviceKind::DenseForFree), None);
    let pointwise = Op::Conv(Conv::pointwise(32).grouped(2));
    let advice = holds(
        AdviceKind::DenseForFree,
        &[conv(32, 3), pointwise],
        &[conv(32, 3), conv(32, 1)],
    );
    assert!(
        advice.gain_ms <= 0.0
            && advice
                .text
                .contains("groups save nothing in 1 convolutions (the first is op1)"),
        "{advice:?}"
    );
}

#[test]
fn activations_that_run_alone() {
    let advice = holds(
        AdviceKind::ActivationApart,
        &[conv(32, 3), Op::Activation(Activation::Gelu)],
        &[conv(32, 3), Op::Activation(Activation::Relu)],
    );
    assert!(
        advice.gain_ms > 0.015 && advice.text.contains("would fuse relu"),
        "{advice:?}"
    );
}

#[test]
fn norms_that_run_alone() {
    let relu = Op::Activation(Activation::Relu);
    let advice = holds(
        AdviceKind::NormApart,
        &[conv(32, 3), relu.clone(), Op::BatchNorm],
        &[conv(32, 3), relu.clone()],
    );
    assert_eq!(advice.layers, [2]);
    let folded = chain(&[conv(32, 3), Op::BatchNorm, relu]);
    assert_eq!(find(&folded, AdviceKind::NormApart), None);
}

#[test]
fn kernels_that_are_large() {
    let advice = holds(AdviceKind::LargeKernel, &[conv(32, 7)], &[conv(32, 3)]);
    assert!(advice.text.contains("a kernel of 7"), "{advice:?}");
    // a depthwise kernel waits for memory: its size is free
    let depthwise = Op::Conv(Conv::same(32, 5, 1).grouped(32));
    assert_eq!(find(&chain(&[depthwise]), AdviceKind::LargeKernel), None);
}

#[test]
fn copies() {
    let shuffle = Op::ChannelShuffle { groups: 4 };
    let advice = holds(
        AdviceKind::DataMovement,
        &[conv(32, 3), shuffle],
        &[conv(32, 3)],
    );
    assert_eq!(advice.layers, [1]);
}

#[test]
fn layers_below_their_overhead() {
    let mut ops = vec![conv(64, 3), Op::GlobalAvgPool];
    let without = ops.clone();
    // what is fused into a layer goes with it
    ops.extend([
        conv(64, 1),
        Op::Activation(Activation::Relu),
        conv(64, 1),
        conv(64, 1),
    ]);
    let advice = holds(AdviceKind::Overhead, &ops, &without);
    assert_eq!(advice.layers, [2, 4, 5]);
}

/// A stem, and residual blocks of two convolutions at this width, on small maps.
fn residual_blocks(blocks: usize, channels: usize, side: usize) -> Network {
    let mut builder = NetworkBuilder::new("blocks", Shape::new(16, side, side));
    let relu = || Op::Activation(Activation::Relu);
    let mut push =
        |name: String, op: Op, inputs: &[Tensor]| builder.push(name, op, inputs, Role::Main);
    let stem = push("stem".to_owned(), conv(channels, 3), &[Tensor::Input]);
    let mut x = push("stem.relu".to_owned(), relu(), &[stem]);
    for block in 0..blocks {
        let a = push(format!("{block}.a"), conv(channels, 3), &[x]);
        let a = push(format!("{block}.relu"), relu(), &[a]);
        let b = push(format!("{block}.b"), conv(channels, 3), &[a]);
        let sum = push(format!("{block}.add"), Op::Add, &[b, x]);
        x = push(format!("{block}.out"), relu(), &[sum]);
    }
    builder.output("out", x);
    builder.finish().unwrap()
}

#[test]
fn deep_and_thin_blocks() {
    // at 4x4, a layer of 16 channels takes far less than its microsecond
    let now = residual_blocks(6, 16, 4);
    let advice = find(&now, AdviceKind::DeepThin).unwrap();
    // three blocks of 24 channels do more MACs than six of 16; the widest that do no more are 16 wide
    let macs = |network: &Network| NetworkCost::new(network, &model().platform().fusion).macs;
    assert!(macs(&residual_blocks(3, 24, 4)) > macs(&now));
    let gain = price(&now) - price(&residual_blocks(3, 16, 4));
    assert!(
        (advice.gain_ms - gain).abs() < 1e-12,
        "{advice:?}, not {gain}"
    );
    assert_eq!(advice.layers.len(), 15);
    assert!(
        advice
            .text
            .contains("every second residual block (3 of them)")
            && advice.text.contains("7 layers in the place of 13"),
        "{}",
        advice.text
    );
    // in multiples of 8, wide channels can become wider: six blocks of 32, three of 40
    let wide = residual_blocks(6, 32, 2);
    let advice = find(&wide, AdviceKind::DeepThin).unwrap();
    let otherwise = residual_blocks(3, 40, 2);
    assert!(macs(&otherwise) <= macs(&wide) && macs(&residual_blocks(3, 48, 2)) > macs(&wide));
    let gain = price(&wide) - price(&otherwise);
    assert!(
        (advice.gain_ms - gain).abs() < 1e-12,
        "{advice:?}, not {gain}"
    );
    // where arithmetic takes the time, depth costs nothing of its own
    assert_eq!(
        find(&residual_blocks(6, 256, 28), AdviceKind::DeepThin),
        None
    );
    // and a chain without sums has no blocks to leave out
    assert_eq!(
        find(
            &chain(&[conv(8, 1), conv(8, 1), conv(8, 1)]),
            AdviceKind::DeepThin
        ),
        None
    );
}

#[test]
fn of_a_sound_network_little_is_said() {
    let relu = Op::Activation(Activation::Relu);
    let sound = chain(&[conv(64, 3), relu.clone(), conv(64, 3), relu]);
    assert_eq!(advise(&model(), &sound), []);
}

#[test]
fn gains_come_sorted_and_finite_for_published_networks() {
    for landmark in presets::landmarks() {
        let advice = advise(&model(), &landmark.network);
        assert!(
            advice
                .iter()
                .all(|advice| advice.gain_ms.is_finite() && !advice.layers.is_empty())
        );
        assert!(advice.is_sorted_by(|a, b| a.gain_ms >= b.gain_ms));
        let peak = model().platform().fusion.clone();
        let cost = NetworkCost::new(&landmark.network, &peak);
        let culprits: u64 = peak_culprits(&model(), &landmark.network)
            .iter()
            .map(|(_, bytes)| bytes)
            .sum();
        assert_eq!(
            Some(culprits),
            cost.peak_memory_bytes(1, Dtype::Fp32),
            "{}",
            landmark.name
        );
    }
}
