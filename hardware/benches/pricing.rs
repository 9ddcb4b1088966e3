//! What a price costs: a network of ResNet-50's size, from its graph to mean and deviation, on platforms with and without calibration.
//!
//! `cargo bench -p roofnas-hardware --bench pricing`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use divan::{Bencher, black_box};
use roofnas_cost::{Dtype, LatencyModel, NetworkCost};
use roofnas_hardware::Profiles;
use roofnas_space::{Network, presets};

const PLATFORMS: [&str; 3] = [
    "intel-i9-10980xe",
    "raspberry-pi-4-ncnn-4-threads",
    // the most inducing points
    "nvidia-v100-tensorrt-fp32",
];

fn main() {
    divan::main();
}

fn model(platform: &str) -> LatencyModel {
    let profile = Profiles::default().find(platform).unwrap();
    LatencyModel::new(profile.platform, Dtype::Fp32, 1).unwrap()
}

fn resnet() -> Network {
    let landmarks = presets::landmarks();
    let found = landmarks.into_iter().find(|l| l.name == "ResNet-50");
    found.unwrap().network
}

/// Counting and pricing.
#[divan::bench(args = PLATFORMS)]
fn network(bencher: Bencher<'_, '_>, platform: &str) {
    let (model, network) = (model(platform), resnet());
    bencher.bench(|| {
        let cost = NetworkCost::new(black_box(&network), &model.platform().fusion);
        model.price(&cost)
    });
}

/// Pricing alone.
#[divan::bench(args = PLATFORMS)]
fn price(bencher: Bencher<'_, '_>, platform: &str) {
    let (model, network) = (model(platform), resnet());
    let cost = NetworkCost::new(&network, &model.platform().fusion);
    bencher.bench(|| model.price(black_box(&cost)));
}

/// Reading a profile.
#[divan::bench(args = PLATFORMS)]
fn profile(bencher: Bencher<'_, '_>, platform: &str) {
    bencher.bench(|| model(black_box(platform)));
}
