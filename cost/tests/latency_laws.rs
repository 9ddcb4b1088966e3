//! Prices worked out by hand, and the laws they keep.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use roofnas_cost::{
    Bound, Dtype, Fusion, KernelCost, KernelPrice, LatencyError, LatencyModel, NetworkCost,
    OpClass, Platform,
};
use roofnas_space::{Conv, NetworkBuilder, Op, Role, Shape, Tensor, presets};

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
inference_us = 100
kernel_us = 10
class_us = { linear = 20 }
source = "this test"

[fusion]
activations = ["relu"]

[roofs.fp32.theoretical]
peak_tflops = 1
bandwidth_gb_s = 100
class_peak_tflops = { depthwise = 0.5 }
source = "this test"

[roofs.fp16.theoretical]
peak_tflops = 1
bandwidth_gb_s = 100
source = "this test"

[utilisation.fp32]
channel_quantum = 16
parallel_lanes = 256
"#;

fn model(dtype: Dtype, batch: u64) -> LatencyModel {
    LatencyModel::new(Platform::from_toml(TOY).unwrap(), dtype, batch).unwrap()
}

fn conv(input: Shape, conv: Conv) -> KernelCost {
    let mut builder = NetworkBuilder::new("one", input);
    let out = builder.push("conv", Op::Conv(conv), &[Tensor::Input], Role::Main);
    builder.output("out", out);
    let mut cost = NetworkCost::new(&builder.finish().unwrap(), &Fusion::default());
    cost.kernels.remove(0)
}

fn price(kernel: &KernelCost) -> KernelPrice {
    model(Dtype::Fp32, 1).price_kernel(kernel)
}

#[test]
fn a_dense_kernel_by_hand() {
    // 2 * 9 * 32 * 32 * 256 = 4,718,592 FLOP; (2 * 32 * 256 + 9216) * 4 = 102,400 bytes
    let kernel = conv(Shape::new(32, 16, 16), Conv::same(32, 3, 1));
    let price = price(&kernel);
    assert_eq!(price.utilisation, 1.0);
    assert!((price.compute_s - 4.718592e-6).abs() < 1e-15);
    assert!((price.memory_s - 1.024e-6).abs() < 1e-15);
    assert!((price.seconds() - 14.718592e-6).abs() < 1e-12);
    assert_eq!(price.bound(), Bound::Overhead);
    let batch = model(Dtype::Fp32, 8).price_kernel(&kernel);
    assert_eq!(batch.bound(), Bound::Compute);
    assert!((batch.memory_s - 8.0 * 0.65536e-6 - 0.36864e-6).abs() < 1e-15);
}

#[test]
fn channels_off_the_quantum_waste_work() {
    let aligned = price(&conv(Shape::new(32, 16, 16), Conv::pointwise(32)));
    let padded = price(&conv(Shape::new(24, 16, 16), Conv::pointwise(24)));
    assert_eq!(padded.utilisation, 0.75 * 0.75);
    assert!(
        (padded.compute_s - aligned.compute_s).abs() < 1e-15,
        "24 channels cost as much as 32"
    );
    let grouped = price(&conv(
        Shape::new(32, 16, 16),
        Conv::same(32, 3, 1).grouped(4),
    ));
    assert_eq!(
        grouped.utilisation,
        0.5 * 0.5,
        "groups of 8 half fill a vector, on either side"
    );
    let depthwise = price(&conv(
        Shape::new(24, 16, 16),
        Conv::same(24, 3, 1).grouped(24),
    ));
    assert_eq!(
        depthwise.utilisation, 0.75,
        "channels of a depthwise layer lie side by side"
    );
}

#[test]
fn the_last_wave_is_rarely_full() {
    // 16 channels on 4x5 positions: 320 lanes of work in two waves of 256
    let price = price(&conv(Shape::new(16, 4, 5), Conv::pointwise(16)));
    assert_eq!(price.utilisation, 320.0 / 512.0);
}

#[test]
fn a_depthwise_kernel_has_its_own_peak() {
    let price = price(&conv(
        Shape::new(32, 16, 16),
        Conv::same(32, 3, 1).grouped(32),
    ));
    assert!((price.compute_s - 2.0 * 9.0 * 32.0 * 256.0 / 0.5e12).abs() < 1e-15);
}

#[test]
fn a_network_is_its_kernels_and_the_call() {
    let landmarks = presets::landmarks();
    for dtype in [Dtype::Fp32, Dtype::Fp16] {
        let model = model(dtype, 2);
        for landmark in &landmarks {
            let cost = NetworkCost::new(&landmark.network, &model.platform().fusion);
            let kernels: f64 = cost
                .kernels
                .iter()
                .map(|k| model.price_kernel(k).seconds())
                .sum();
            let latency = model.price(&cost);
            assert!((latency.mean_ms - 0.1 - 1e3 * kernels).abs() < 1e-9);
            assert_eq!(latency.std_ms, 0.5 * latency.mean_ms, "the stated prior");
        }
    }
}

#[test]
fn halving_the_bytes_halves_memory_time() {
    let kernel = conv(Shape::new(64, 56, 56), Conv::same(64, 3, 1).grouped(64));
    let (full, half) = (model(Dtype::Fp32, 1), model(Dtype::Fp16, 1));
    assert_eq!(
        full.price_kernel(&kernel).memory_s,
        2.0 * half.price_kernel(&kernel).memory_s
    );
}

#[test]
fn the_largest_work_is_counted_right() {
    // 8192 channels, 31x31 kernels, 1024x1024 positions: 6.8e16 MACs an image, 4.4e21 a batch
    let kernel = conv(Shape::new(8192, 1024, 1024), Conv::same(8192, 31, 1));
    let seconds = |batch| model(Dtype::Fp32, batch).price_kernel(&kernel).compute_s;
    assert!((seconds(65_536) / seconds(1) - 65_536.0).abs() < 1e-6);
    assert!(kernel.intensity(65_536, Dtype::Fp32) >= kernel.intensity(1, Dtype::Fp32));
}

#[test]
fn a_platform_without_utilisation_rules_says_so() {
    let caveats = |dtype| model(dtype, 1).caveats();
    assert_eq!(caveats(Dtype::Fp32).len(), 1);
    assert!(caveats(Dtype::Fp32)[0].contains("toy is uncalibrated"));
    assert!(caveats(Dtype::Fp16)[1].contains("no utilisation rules for fp16"));
}

#[test]
fn a_breakdown_adds_up() {
    let model = model(Dtype::Fp32, 4);
    for landmark in presets::landmarks() {
        let cost = NetworkCost::new(&landmark.network, &model.platform().fusion);
        let breakdown = model.breakdown(&cost);
        assert!((1e3 * breakdown.seconds() - model.price(&cost).mean_ms).abs() < 1e-9);
        let bounds = [Bound::Compute, Bound::Memory, Bound::Overhead];
        let shares: f64 = bounds.map(|bound| breakdown.share_of(bound)).iter().sum();
        let call = breakdown.inference_s / breakdown.seconds();
        assert!((shares + call - 1.0).abs() < 1e-9);
    }
}

#[test]
fn formats_and_batches_that_are_not_there() {
    let platform = Platform::from_toml(TOY).unwrap();
    let error = LatencyModel::new(platform.clone(), Dtype::Int8, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "platform toy has no roofs for int8; it has fp32, fp16"
    );
    assert_eq!(
        LatencyModel::new(platform, Dtype::Fp32, 0),
        Err(LatencyError::Batch(0))
    );
}

/// A convolution and the input it stands on.
fn any_conv() -> impl Strategy<Value = (usize, usize, usize, usize, usize)> {
    // input channels, output channels, kernel, side, stride
    (
        1_usize..200,
        1_usize..200,
        0_usize..3,
        1_usize..40,
        1_usize..3,
    )
        .prop_map(|(i, o, k, side, stride)| (i, o, 2 * k + 3, side, stride))
}

proptest! {
    #[test]
    fn more_work_never_takes_less_time(small in any_conv(), more in any_conv(), batch in 1_u64..64) {
        let (i, o, k, side, stride) = small;
        let large = (i + more.0, o + more.1, k.max(more.2), side + more.3, stride);
        let seconds = |(i, o, k, side, stride): (usize, usize, usize, usize, usize)| {
            let kernel = conv(Shape::new(i, side, side), Conv::same(o, k, stride));
            // a single input and output channel is one group per channel, yet not depthwise
            prop_assert!(matches!(kernel.class, OpClass::Dense | OpClass::Winograd));
            Ok(model(Dtype::Fp32, batch).price_kernel(&kernel).seconds())
        };
        let (less, more) = (seconds(small)?, seconds(large)?);
        prop_assert!(less > 0.0);
        prop_assert!(less <= more * (1.0 + 1e-12), "{less} {more}");
    }

    #[test]
    fn in_every_class(class in 0_usize..5, small in any_conv(), more in any_conv()) {
        let seconds = |(i, o, _, side, _): (usize, usize, usize, usize, usize)| {
            let input = Shape::new(8 * i, side, side);
            let op = match class {
                0 => Op::Conv(Conv::pointwise(o)),
                1 => Op::Conv(Conv::same(8 * o, 3, 1).grouped(4)),
                2 => Op::Linear { out_features: o, bias: true },
                3 => Op::GlobalAvgPool,
                _ => Op::Activation(roofnas_space::Activation::Relu),
            };
            let mut builder = NetworkBuilder::new("one", input);
            let out = builder.push("layer", op, &[Tensor::Input], Role::Main);
            builder.output("out", out);
            let cost = NetworkCost::new(&builder.finish().unwrap(), &Fusion::default());
            price(&cost.kernels[0]).seconds()
        };
        let (i, o, k, side, stride) = small;
        let large = (i + more.0, o + more.1, k, side + more.3, stride);
        prop_assert!(seconds(small) <= seconds(large) * (1.0 + 1e-12));
    }

    #[test]
    fn depthwise_too(channels in 1_usize..300, more in 0_usize..100, side in 1_usize..60) {
        let seconds = |channels: usize| {
            let depthwise = Conv::same(channels, 3, 1).grouped(channels);
            price(&conv(Shape::new(channels, side, side), depthwise)).seconds()
        };
        // one channel is a dense convolution
        prop_assume!(channels > 1);
        prop_assert!(seconds(channels) <= seconds(channels + more) * (1.0 + 1e-12));
    }
}
