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

/// The tensors that are live when most memory is, largest first, with their elements per image. Nothing where it isn't known
/// which layer reads what.
pub(crate) fn live_at_peak(network: &Network, kernels: &[Kernel]) -> Vec<(Tensor, u64)> {
    if !network.knows_edges() || kernels.is_empty() {
        return Vec::new();
    }
    let lives = lifetimes(network, kernels);
    let live_at = |step: usize| {
        lives
            .iter()
            .filter(move |life| (life.from..=life.to).contains(&step))
    };
    let sum = |step: &usize| live_at(*step).map(|life| life.elements).sum::<u64>();
    // of several peaks the first
    let peak = (0..kernels.len()).rev().max_by_key(sum).unwrap_or(0);
    let mut live: Vec<(Tensor, u64)> = live_at(peak)
        .map(|life| (life.tensor, life.elements))
        .collect();
    live.sort_by_key(|(_, elements)| std::cmp::Reverse(*elements));
    live
}

/// A tensor with the kernels during which it is live.
struct Life {
    tensor: Tensor,
    elements: u64,
    from: usize,
    to: usize,
}

fn lifetimes(network: &Network, kernels: &[Kernel]) -> Vec<Life> {
    let end = kernels.len() - 1;
    let mut last_read = vec![0; network.layers().len()];
    let mut input_read = 0;
    let mut read = |tensor: Tensor, step: usize| match tensor {
        Tensor::Input => input_read = step,
        Tensor::Layer(layer) => last_read[layer] = step,
        Tensor::Elsewhere(_) => {}
    };
    for (step, kernel) in kernels.iter().enumerate() {
        kernel.reads(network).for_each(|tensor| read(tensor, step));
    }
    network
        .outputs()
        .iter()
        .for_each(|output| read(output.tensor, end));
    let input = Life {
        tensor: Tensor::Input,
        elements: network.input().elements(),
        from: 0,
        to: input_read,
    };
    let produced = kernels.iter().enumerate().map(|(step, kernel)| Life {
        tensor: Tensor::Layer(kernel.last()),
        elements: network.layers()[kernel.last()].output.elements(),
        from: step,
        to: last_read[kernel.last()].max(step),
    });
    [input].into_iter().chain(produced).collect()
}

/// Elements live while each kernel runs.
fn live_at(lives: &[Life], kernels: usize) -> Vec<u64> {
    // growth at a tensor's birth, shrinkage after its last reading
    let mut change = vec![0_i64; kernels + 1];
    for life in lives {
        change[life.from] += life.elements as i64;
        change[life.to + 1] -= life.elements as i64;
    }
    let mut live = 0;
    let live_at = change[..kernels].iter().map(|change| {
        live += change;
        live as u64
    });
    live_at.collect()
}

/// The peak of live elements where the network's input has to stay to the end, since it is an output too.
pub(crate) fn peak_with_input_kept(network: &Network, kernels: &[Kernel]) -> u64 {
    let mut lives = lifetimes(network, kernels);
    for life in &mut lives {
        if life.tensor == Tensor::Input {
            life.to = kernels.len().saturating_sub(1);
        }
    }
    live_at(&lives, kernels.len())
        .into_iter()
        .max()
        .unwrap_or(0)
}

/// The peak of live elements where the first kernels stand for what is there from before: they don't count.
pub(crate) fn peak_after(network: &Network, kernels: &[Kernel], first: usize) -> u64 {
    let live = live_at(&lifetimes(network, kernels), kernels.len());
    live.into_iter().skip(first).max().unwrap_or(0)
}

impl Footprint {
    /// The footprint of a network run as these kernels.
    pub(crate) fn new(network: &Network, kernels: &[Kernel]) -> Self {
        let lives = lifetimes(network, kernels);
        let live_at = live_at(&lives, kernels.len());
        Self {
            total_elements: lives.iter().map(|life| life.elements).sum(),
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
    fn build() -> Network {
        let mut build = NetworkBuilder::new("diamond", Shape::new(8, 4, 4));
        let conv = |channels| Op::Conv(Conv::same(channels, 3, 1));
        let a = build.push("a", conv(16), &[Tensor::Input], Role::Main);
        let b = build.push("b", conv(16), &[a], Role::Main);
        let sum = build.push("add", Op::Add, &[b, a], Role::Main);
        build.output("out", sum);
        build.finish().unwrap()
    }

    fn diamond(fusion: &Fusion) -> Footprint {
        let network = build();
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
    fn the_peak_can_be_named() {
        let network = build();
        let live = live_at_peak(&network, &kernels(&network, &Fusion::default()));
        let tensors: Vec<Tensor> = live.iter().map(|(tensor, _)| *tensor).collect();
        assert_eq!(
            tensors,
            [Tensor::Layer(0), Tensor::Layer(1), Tensor::Layer(2)]
        );
        assert_eq!(live.iter().map(|(_, elements)| elements).sum::<u64>(), 768);
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
