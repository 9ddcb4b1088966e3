//! The first lines: what the network is, whose the file is, how to use it.

use super::plan::Plan;
use super::python::{Python, WIDTH};
use crate::network::Network;
use crate::op::Op;

pub(super) fn write(python: &mut Python, plan: &Plan) {
    let network = &plan.network;
    let input = network.input();
    python.line("\"\"\"An image backbone designed by roofnas.");
    python.blank();
    python.line(format!(
        "{} parameters, {} MACs for a {input} image.",
        grouped(parameters(network)),
        grouped(macs(network)),
    ));
    python.blank();
    for line in wrapped(&format!("Genotype: {}", network.name()), WIDTH) {
        python.line(line);
    }
    python.blank();
    python.line(format!(
        "Written by roofnas {}. This file is yours: use it, change it and pass it on under any",
        env!("CARGO_PKG_VERSION")
    ));
    python.line("licence, or none, without mention of where it comes from.");
    python.line("\"\"\"");
    python.blank();
    python.line("from torch import nn");
}

/// Trainable parameters: weights, biases, two a channel of batch-norm.
fn parameters(network: &Network) -> u64 {
    let of = |layer: &crate::network::Layer| {
        let input = network.input_shape(layer);
        let bias = |there: bool, channels: usize| if there { channels as u64 } else { 0 };
        match layer.op {
            Op::Conv(conv) => conv.weights(input.channels) + bias(conv.bias, conv.out_channels),
            Op::Linear {
                out_features,
                bias: b,
            } => out_features as u64 * input.elements() + bias(b, out_features),
            Op::BatchNorm => 2 * input.channels as u64,
            _ => 0,
        }
    };
    network.layers().iter().map(of).sum()
}

/// Multiply-accumulate operations of convolutions and linear layers, per image.
fn macs(network: &Network) -> u64 {
    let of = |layer: &crate::network::Layer| {
        let input = network.input_shape(layer);
        match layer.op {
            Op::Conv(conv) => conv.weights(input.channels) * layer.output.positions(),
            Op::Linear { out_features, .. } => out_features as u64 * input.elements(),
            _ => 0,
        }
    };
    network.layers().iter().map(of).sum()
}

/// A number with a comma every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The text in lines, broken behind slashes and commas; lines after the first are indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in text.split_inclusive(['/', ',']) {
        match lines.last_mut() {
            Some(line) if line.len() + piece.len() <= width => line.push_str(piece),
            _ => lines.push(format!("    {piece}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    #[test]
    fn published_counts() {
        // parameters as torchvision counts them
        let counts = presets::landmarks().into_iter().map(|landmark| {
            let network = &landmark.network;
            (landmark.name, grouped(parameters(network)))
        });
        let expected = [
            ("ResNet-18", "11,689,512"),
            ("ResNet-50", "25,557,032"),
            ("MobileNetV2", "3,504,872"),
            ("MobileNetV3-large", "5,483,032"),
            ("EfficientNet-B0", "5,288,548"),
            ("RegNetX-400MF", "5,157,512"),
        ];
        let expected = expected.map(|(name, count)| (name, count.to_owned()));
        assert_eq!(counts.collect::<Vec<_>>(), expected);
        // torchvision: 1.814 GFLOPS, by which it means MACs
        assert_eq!(macs(&presets::landmarks()[0].network), 1_814_073_344);
    }

    #[test]
    fn numbers_and_lines() {
        let numbers = [0, 999, 1000, 12_345_678].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(
            wrapped("r32/s8/24:a,b", 7),
            ["r32/s8/", "    24:a,", "    b"]
        );
        assert_eq!(wrapped("r32/s8", 7), ["r32/s8"]);
    }
}
