//! A deep and thin shape on a platform that charges for every layer: fewer and wider residual blocks of as many MACs.

use roofnas_space::{Conv, Network, Op, Other, Shape, Tensor, Work};

use super::{Advice, AdviceKind, Adviser};
use crate::counts::NetworkCost;
use crate::price::Bound;

/// Widths are multiples of this, where groups ask for nothing else.
const WIDTH: usize = 8;
/// How often the range of the factor that channels grow by is halved.
const HALVINGS: usize = 12;
/// Channels grow at most by this: half of the blocks leave room for about the square root of 2.
const MOST_GROWTH: f64 = 2.0;

/// A block whose output is its input and something added to it.
struct Residual {
    /// What goes in, and is added.
    input: Tensor,
    /// The layers inside, with the addition and an activation behind it.
    layers: Vec<usize>,
    output: Shape,
}

impl Residual {
    /// The layer whose output leaves the block.
    fn last(&self) -> usize {
        self.layers.last().copied().unwrap_or_default()
    }
}

impl Adviser<'_> {
    /// Every second residual block left out, and all channels wider by so much that as many MACs are done.
    pub(super) fn deep_thin(&self) -> Option<Advice> {
        let all = residuals(self.network);
        let blocks = every_second(&all);
        let layers: Vec<usize> = blocks
            .iter()
            .flat_map(|block| block.layers.clone())
            .collect();
        let inside = self.cost.kernels.iter().filter(|kernel| {
            let is_inside = layers.contains(&kernel.kernel.anchor());
            is_inside && self.model.price_kernel(kernel).seconds() > 0.0
        });
        let bounds: Vec<Bound> = inside
            .map(|kernel| self.model.price_kernel(kernel).bound())
            .collect();
        let held_up = bounds.iter().filter(|bound| **bound == Bound::Overhead);
        if 2 * held_up.count() < bounds.len() || bounds.is_empty() {
            return None;
        }
        let (factor, changed) = self.as_many_macs(&layers)?;
        let cost = NetworkCost::new(&changed, &self.model.platform().fusion);
        let gain = self.now_ms - self.model.price(&cost).mean_ms;
        let text = format!(
            "deep and thin: without every second residual block ({} of them) and with {factor:.2} times the channels elsewhere, {} layers in the place of {} \
             do {:.0} % of the MACs",
            blocks.len(),
            count(&cost),
            count(&self.cost),
            100.0 * cost.macs as f64 / self.cost.macs as f64,
        );
        self.worth(AdviceKind::DeepThin, layers, text, Some(gain))
    }

    /// The network without these layers and with the widest channels at which it does no more MACs, and how much wider they are; nothing where the rest
    /// can't follow.
    fn as_many_macs(&self, without: &[usize]) -> Option<(f64, Network)> {
        let (mut low, mut high) = (1.0, MOST_GROWTH);
        let mut best = None;
        for _ in 0..HALVINGS {
            let factor = f64::midpoint(low, high);
            let changed = self.widened(without, factor)?;
            let macs = NetworkCost::new(&changed, &self.model.platform().fusion).macs;
            if macs <= self.cost.macs {
                low = factor;
                best = Some((factor, changed));
            } else {
                high = factor;
            }
        }
        best
    }

    fn widened(&self, without: &[usize], factor: f64) -> Option<Network> {
        let network = self.network;
        let scaled = |channels: usize, step: usize| {
            let steps = (channels as f64 * factor / step as f64).round() as usize;
            steps.max(1) * step
        };
        let last = last_weighted(network);
        let changed = network.with_ops(|index, op| {
            if without.contains(&index) {
                let output = network.layers()[index].output;
                return Some(Op::Other(Other {
                    name: "nothing".into(),
                    work: Work::View,
                    weights: 0,
                    output: output.with_channels(scaled(output.channels, WIDTH)),
                }));
            }
            match op {
                // depthwise ones take on what they are given, and the last layer's outputs are classes or the like
                Op::Conv(conv) if Some(index) != last && !is_depthwise(network, index, conv) => {
                    let step = if conv.groups > 1 {
                        lcm(conv.groups, WIDTH)
                    } else {
                        WIDTH
                    };
                    Some(Op::Conv(Conv {
                        out_channels: scaled(conv.out_channels, step),
                        ..*conv
                    }))
                }
                _ => None,
            }
        });
        changed.ok()
    }
}

/// Layers that the engine runs for some time.
fn count(cost: &NetworkCost) -> usize {
    let run = cost.kernels.iter();
    run.filter(|kernel| kernel.class != crate::class::OpClass::View)
        .count()
}

fn is_depthwise(network: &Network, index: usize, conv: &Conv) -> bool {
    let input = network.input_shape(&network.layers()[index]);
    conv.groups > 1 && conv.groups == input.channels
}

/// The last convolution or linear layer.
fn last_weighted(network: &Network) -> Option<usize> {
    let mut layers = network.layers().iter();
    layers.rposition(|layer| matches!(layer.op, Op::Conv(_) | Op::Linear { .. }))
}

fn lcm(a: usize, b: usize) -> usize {
    let gcd = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    a / gcd(a, b).max(1) * b
}

/// The residual blocks of a network, in its order.
fn residuals(network: &Network) -> Vec<Residual> {
    let layers = network.layers();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); layers.len()];
    for (index, layer) in layers.iter().enumerate() {
        for input in &layer.inputs {
            if let Tensor::Layer(read) = input {
                readers[*read].push(index);
            }
        }
    }
    let outputs: Vec<Tensor> = network
        .outputs()
        .iter()
        .map(|output| output.tensor)
        .collect();
    let block = |add: usize| {
        let layer = &layers[add];
        let [a, b] = layer.inputs[..] else {
            return None;
        };
        // the earlier of the two is what was there before
        let (input, other) = if place(a) < place(b) { (a, b) } else { (b, a) };
        let first = place(input);
        if layer.op != Op::Add || place(other) <= first {
            return None;
        }
        let mut inside: Vec<usize> = (first..add).collect();
        let reads_inside = inside.iter().all(|&index| {
            let inputs = layers[index].inputs.iter();
            inputs.clone().count() > 0 && inputs.clone().all(|x| *x == input || place(*x) > first)
        });
        let stays_inside = inside.iter().all(|&index| {
            let is_output = outputs.contains(&Tensor::Layer(index));
            !is_output && readers[index].iter().all(|&reader| reader <= add)
        });
        if !(reads_inside && stays_inside) {
            return None;
        }
        inside.push(add);
        let is_output = outputs.contains(&Tensor::Layer(add));
        if let [only] = readers[add][..]
            && only == add + 1
            && !is_output
            && matches!(layers[only].op, Op::Activation(_))
        {
            inside.push(only);
        }
        Some(Residual {
            input,
            layers: inside,
            output: layer.output,
        })
    };
    (0..layers.len()).filter_map(block).collect()
}

/// Where a tensor stands: one behind the layer that makes it, 0 for the image.
fn place(tensor: Tensor) -> usize {
    match tensor {
        Tensor::Layer(layer) => layer + 1,
        Tensor::Input | Tensor::Elsewhere(_) => 0,
    }
}

/// Of blocks that follow one another at one shape, the second, the fourth and so on.
fn every_second(blocks: &[Residual]) -> Vec<&Residual> {
    let mut chosen = Vec::new();
    let mut run = 0;
    for (index, block) in blocks.iter().enumerate() {
        let follows = index.checked_sub(1).is_some_and(|before| {
            let before = &blocks[before];
            block.input == Tensor::Layer(before.last()) && block.output == before.output
        });
        run = if follows { run + 1 } else { 0 };
        if run % 2 == 1 {
            chosen.push(block);
        }
    }
    chosen
}
