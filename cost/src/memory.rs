//! Activation memory: what is allocated, and what must be live at one time.
//!
//! A tensor lives from the kernel that produces it to the last kernel that reads it, in execution order;
//! the network's input lives from the start, its outputs to the end. Nothing is computed in place, and what is
//! fused into a kernel has no tensor. Weights are counted elsewhere.

use roofnas_space::{Network, Tensor};

use crate::fusion::Kernel;

/// Elements of activation tensors, per image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Footprint {
    /// Sum of all activation tensors, the input among them: everything allocated ahead.
    pub total_elements: u64,
    /// Largest sum of tensors live at one time.
    pub peak_live_elements: u64,
    /// Mean over the kernels of the tensors live while each runs.
    pub average_live_elements: f64,
}

impl Footprint {
    /// The footprint of a network run as these kernels.
    pub(crate) fn new(network: &Network, kernels: &[Kernel]) -> Self {
        let end = kernels.len() - 1;
        let mut last_read = vec![0; network.layers().len()];
        let mut input_read = 0;
        for (step, kernel) in kernels.iter().enumerate() {
            for tensor in kernel.reads(network) {
                match tensor {
                    Tensor::Input => input_read = step,
                    Tensor::Layer(layer) => last_read[layer] = step,
                    Tensor::Elsewhere(_) => {}
                }
            }
        }
        for output in network.outputs() {
            match output.tensor {
                Tensor::Input => input_read = end,
                Tensor::Layer(layer) => last_read[layer] = end,
                Tensor::Elsewhere(_) => {}
            }
        }
        // growth at a tensor's birth, shrinkage after its last reading
        let mut change = vec![0_i64; kernels.len() + 1];
        let mut total = 0;
        let mut lives = |elements: u64, from: usize, to: usize| {
            change[from] += elements as i64;
            change[to + 1] -= elements as i64;
            total += elements;
        };
        lives(network.input().elements(), 0, input_read);
        for (step, kernel) in kernels.iter().enumerate() {
            let layer = kernel.last();
            let elements = network.layers()[layer].output.elements();
            lives(elements, step, last_read[layer].max(step));
        }
        let mut live = 0;
        let live_at = change[..kernels.len()].iter().map(|change| {
            live += change;
            live as u64
        });
        let live_at: Vec<u64> = live_at.collect();
        Self {
            total_elements: total,
            peak_live_elements: live_at.iter().copied().max().unwrap_or(0),
            average_live_elements: live_at.iter().sum::<u64>() as f64 / kernels.len() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fusion::{Fusion, kernels};
    use roofnas_space::{Conv, NetworkBuilder, Op, Role, Shape};

    /// a: 8 -> 16 channels, b: 16 -> 16, then a sum of both, all on 4x4.
    fn diamond(fusion: &Fusion) -> Footprint {
        let mut build = NetworkBuilder::new("diamond", Shape::new(8, 4, 4));
        let conv = |channels| Op::Conv(Conv::same(channels, 3, 1));
        let a = build.push("a", conv(16), &[Tensor::Input], Role::Main);
        let b = build.push("b", conv(16), &[a], Role::Main);
        let sum = build.push("add", Op::Add, &[b, a], Role::Main);
        build.output("out", sum);
        let network = build.finish().unwrap();
        Footprint::new(&network, &kernels(&network, fusion))
    }

    #[test]
    fn live_sets_by_hand() {
        // tensors: input 128, a 256, b 256, sum 256; live while a runs: 384, b: 512, add: 768
        let footprint = diamond(&Fusion::default());
        assert_eq!(footprint.total_elements, 128 + 3 * 256);
        assert_eq!(footprint.peak_live_elements, 768);
        assert_eq!(
            footprint.average_live_elements,
            (384 + 512 + 768) as f64 / 3.0
        );
    }

    #[test]
    fn what_is_fused_has_no_tensor() {
        let fusion = Fusion {
            add: true,
            ..Fusion::default()
        };
        let footprint = diamond(&fusion);
        assert_eq!(footprint.total_elements, 128 + 2 * 256);
        assert_eq!(footprint.peak_live_elements, 512);
    }
}
