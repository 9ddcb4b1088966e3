//! Initial weights: He-normal (arXiv 1502.01852, equation 10).
//!
//! ```text
//! weight ~ N(0, 2 / fan_in)      fan_in = k_h * k_w * C_in / groups     convolution
//!                                fan_in = C_in * H * W                  linear layer
//!                                fan_in = W                             linear layer over tokens
//!                                fan_in = k_h * k_w * C_in / groups / stride^2     transposed convolution
//! bias   = 0
//! ```
//!
//! One rule for every layer that has weights: the convolutions of squeeze-and-excite, projections without an
//! activation behind them and the classifier too, where a factor of 2 is more than the paper asks for.
//! These weights are for timing a network in single precision. Training starts better from the PyTorch source,
//! whose batch-norms are there: with them folded away, residual sums grow from block to block, beyond what half
//! precision holds in a deep network.

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

use crate::network::Network;
use crate::op::{ConvTranspose, Op};

/// The weights an untrained network starts with, all derived from one seed.
///
/// Each layer draws from a stream of its own, derived from the seed and the layer's index: a layer's
/// weights are the same whatever else is generated, in whatever order and on however many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InitialWeights {
    seed: u64,
}

/// One layer's weights.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeights {
    /// `[C_out, C_in / groups, k_h, k_w]` of a convolution, `[C_in, C_out / groups, k_h, k_w]` of a transposed one,
    /// `[out_features, in_features]` of a linear layer, `[in_features, out_features]` of one over tokens: the layout of ONNX and of PyTorch.
    pub dims: Vec<usize>,
    /// The elements, last dimension fastest.
    pub values: Vec<f32>,
}

impl InitialWeights {
    /// The weights of this seed.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed.
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// The weights of the layer with this index, `None` if it is of a kind that has none or that this tool doesn't build. Biases are
    /// zero and no part of this.
    ///
    /// # Panics
    /// If the network has no such layer.
    pub fn layer(self, network: &Network, index: usize) -> Option<LayerWeights> {
        let layer = &network.layers()[index];
        let input = network.input_shape(layer);
        let (dims, fan_in) = match layer.op {
            Op::Conv(conv) => {
                let [rows, columns] = conv.kernel;
                let seen = input.channels / conv.groups;
                let dims = vec![conv.out_channels, seen, rows, columns];
                (dims, conv.fan_in(input.channels))
            }
            Op::Linear { out_features, .. } => {
                let features = input.elements();
                (vec![out_features, features as usize], features)
            }
            Op::ConvTranspose(ConvTranspose { conv, .. }) => {
                let [rows, columns] = conv.kernel;
                let dims = vec![
                    input.channels,
                    conv.out_channels / conv.groups,
                    rows,
                    columns,
                ];
                // an output position is reached by one in stride^2 of the window
                let reached = conv.fan_in(input.channels) / conv.stride_area().max(1) as u64;
                (dims, reached.max(1))
            }
            Op::MatMul(product) if product.weights > 0 => {
                let features = input.width;
                (vec![features, layer.output.width], features as u64)
            }
            Op::MatMul(_)
            | Op::Other(_)
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::BatchNorm
            | Op::Activation(_)
            | Op::Add
            | Op::Scale
            | Op::Concat
            | Op::ChannelShuffle { .. } => return None,
        };
        let deviation = (2.0 / fan_in as f64).sqrt();
        let count: usize = dims.iter().product();
        let normal = StandardNormal.sample_iter(self.stream(index));
        let values = normal
            .take(count)
            .map(|x: f64| (deviation * x) as f32)
            .collect();
        Some(LayerWeights { dims, values })
    }

    /// The layer's random stream: its seed is what SplitMix64, started at ours, yields at `index`.
    fn stream(self, index: usize) -> Xoshiro256PlusPlus {
        // SplitMix64 moves by this constant with each draw, so its draws can be taken out of order
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let start = self.seed.wrapping_add(STEP.wrapping_mul(index as u64));
        Xoshiro256PlusPlus::seed_from_u64(SplitMix64::seed_from_u64(start).next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{NetworkBuilder, Role, Tensor};
    use crate::op::Conv;
    use crate::shape::Shape;

    /// A grouped convolution, an activation-free pooling, a linear layer over 64x8x8.
    fn network() -> Network {
        let mut b = NetworkBuilder::new("weights", Shape::new(32, 16, 16));
        let mut push = |name, op, x| b.push(name, op, &[x], Role::Main);
        let conv = Conv::same(64, 3, 2).grouped(4);
        let x = push("conv", Op::Conv(conv), Tensor::Input);
        let x = push("bn", Op::BatchNorm, x);
        let linear = Op::Linear {
            out_features: 10,
            bias: true,
        };
        let x = push("linear", linear, x);
        b.output("logits", x);
        b.finish().unwrap()
    }

    #[test]
    fn layouts() {
        let weights = InitialWeights::seeded(0);
        let dims = |index| weights.layer(&network(), index).map(|w| w.dims);
        assert_eq!(dims(0), Some(vec![64, 8, 3, 3]));
        assert_eq!(dims(1), None);
        assert_eq!(dims(2), Some(vec![10, 4096]));
    }

    #[test]
    fn moments_are_those_of_he() {
        // standard errors: of a mean s / sqrt(n), of a variance v * sqrt(2 / n)
        for (index, fan_in) in [(0, 72.0), (2, 4096.0)] {
            let values = InitialWeights::seeded(1)
                .layer(&network(), index)
                .unwrap()
                .values;
            let n = values.len() as f64;
            let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
            let expected = 2.0 / fan_in;
            assert!(mean.abs() < 4.0 * (expected / n).sqrt(), "{mean}");
            assert!(
                (variance / expected - 1.0).abs() < 4.0 * (2.0 / n).sqrt(),
                "{variance}"
            );
        }
    }

    #[test]
    fn layers_and_seeds_have_streams_of_their_own() {
        let first = |seed, index| InitialWeights::seeded(seed).stream(index).next_u64();
        let mut draws: Vec<u64> = (0..8)
            .flat_map(|seed| (0..8).map(move |index| first(seed, index)))
            .collect();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), 64);
        let mut outer = SplitMix64::seed_from_u64(5);
        outer.next_u64();
        let nested = Xoshiro256PlusPlus::seed_from_u64(outer.next_u64());
        assert_eq!(InitialWeights::seeded(5).stream(1), nested);
    }
}
