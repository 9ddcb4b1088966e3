//! An engine's nodes, told apart by our kernels.

use std::collections::BTreeMap;
use std::mem::Discriminant;

use roofnas_cost::calibration::ActivationEffort;
use roofnas_cost::{KernelCost, NetworkCost, OpClass};
use roofnas_space::{Network, Op, Tensor, Work};

use super::assignment::Assignment;
use super::operator::is_split;
use crate::engine::NodeTiming;

/// What the kernels of one network take, and what belongs to none of them.
///
/// Laws: the seconds of the kernels and of the unmatched operators add up to the total, and every node counts once.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedNodes {
    /// Seconds of each kernel, in the order of [`NetworkCost::kernels`]: the sum of its nodes, nothing where it has none.
    pub kernels: Vec<Option<f64>>,
    /// Number of nodes of each kernel.
    pub kernel_nodes: Vec<usize>,
    /// What each kernel is to an engine's choice of layouts.
    pub kinds: Vec<KernelKind>,
    /// Kernels that do something and have no node, in order: the engine fuses more than the rules say, or has removed them (one of two that
    /// compute the same from equal weights, say).
    pub swallowed: Vec<Swallowed>,
    /// Kernels whose work is in another one's node: parts of a tensor that the engine splits at once.
    pub shared: Vec<Shared>,
    /// What belongs to no kernel, by the engine's operator.
    pub unmatched: BTreeMap<String, Unmatched>,
    /// The same node by node, with what ran before and after, in the order of execution.
    pub boundaries: Vec<Boundary>,
    /// Number of the engine's nodes.
    pub nodes: usize,
    /// Seconds of all nodes.
    pub total_s: f64,
}

/// What tells kernels apart for which an engine changes the layout: in ONNX Runtime the gate of a squeeze-and-excite has a reorder on every side, and the swish before it none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelKind {
    class: OpClass,
    /// Operators outside the families are of one kind where they are of one class.
    op: Discriminant<Op>,
    activation: Option<ActivationEffort>,
}

impl KernelKind {
    fn new(network: &Network, kernel: &KernelCost) -> Self {
        Self {
            class: kernel.class,
            op: std::mem::discriminant(&network.layers()[kernel.kernel.anchor()].op),
            activation: kernel.geometry.activation,
        }
    }
}

/// A kernel that has no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swallowed {
    /// Its place in [`NetworkCost::kernels`].
    pub kernel: usize,
    /// The kernel it vanished into: of those with a node that it depends on without another in between, the one that runs last. None
    /// where there is no such kernel.
    pub by: Option<usize>,
}

/// A kernel that the node of another one runs too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Its place in [`NetworkCost::kernels`].
    pub kernel: usize,
    /// The place of the one that has the node.
    pub with: usize,
}

/// Nodes of one operator that belong to no kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Unmatched {
    /// How many there are.
    pub count: usize,
    /// Seconds of all of them.
    pub seconds: f64,
}

/// A node between kernels, such as a layout reorder.
///
/// Names don't say what it belongs to, so it is attributed by the order of execution: to the kernels whose nodes ran last before it and
/// first after it. Where branches run in turn, the former need not be what the node reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    /// The engine's operator: `ReorderInput`, `ReorderOutput`, `Transpose`.
    pub op_type: String,
    /// Place of the kernel that ran before in [`NetworkCost::kernels`]; none at the start.
    pub before: Option<usize>,
    /// Place of the kernel that ran after; none at the end.
    pub after: Option<usize>,
    /// What it took.
    pub seconds: f64,
}

impl MatchedNodes {
    /// Seconds of each kernel, where a node that several share counts for each of them with its part of what they write.
    ///
    /// `cost` must be that of the network.
    pub fn shared_out(&self, cost: &NetworkCost) -> Vec<Option<f64>> {
        let mut seconds = self.kernels.clone();
        for (kernel, own) in self.kernels.iter().enumerate() {
            let sharing = self.shared.iter().filter(|shared| shared.with == kernel);
            let sharing: Vec<usize> = sharing.map(|shared| shared.kernel).collect();
            if sharing.is_empty() {
                continue;
            }
            let all = || sharing.iter().copied().chain([kernel]);
            let written = |kernel: usize| cost.kernels[kernel].written_elements as f64;
            let total: f64 = all().map(written).sum();
            for kernel in all() {
                seconds[kernel] = own.map(|seconds| seconds * written(kernel) / total.max(1.0));
            }
        }
        seconds
    }

    /// Seconds of all kernels.
    pub fn matched_s(&self) -> f64 {
        self.kernels.iter().flatten().sum()
    }

    /// Seconds of what belongs to no kernel.
    pub fn unmatched_s(&self) -> f64 {
        self.unmatched
            .values()
            .map(|operator| operator.seconds)
            .sum()
    }

    /// Share of the nodes' time that belongs to kernels; 0 where there is none.
    pub fn share(&self) -> f64 {
        if self.total_s > 0.0 {
            self.matched_s() / self.total_s
        } else {
            0.0
        }
    }
}

/// Finds the kernels that an engine's nodes run.
///
/// A node belongs to the kernel of the layer it is named after, whatever suffix the engine adds. A convolution or product that is
/// named after an activation, a norm or a sum belongs to the product that it has swallowed these with. A kernel of several nodes gets
/// their sum; kernels that a node covers beside the one it belongs to get nothing, and are reported: as shared where a tensor is split, as swallowed otherwise.
///
/// `cost` must be that of the network.
pub fn match_nodes(network: &Network, cost: &NetworkCost, nodes: &[NodeTiming]) -> MatchedNodes {
    let assignment = Assignment::of(network, nodes);
    let owner = owners(network, cost);
    let kernel_of = |node: usize| owner[assignment.layers[node]?];
    let mut kernels: Vec<Option<f64>> = vec![None; cost.kernels.len()];
    let mut kernel_nodes = vec![0; cost.kernels.len()];
    let mut splits: Vec<usize> = Vec::new();
    let mut unmatched: BTreeMap<String, Unmatched> = BTreeMap::new();
    for (place, node) in nodes.iter().enumerate() {
        if let Some(kernel) = kernel_of(place) {
            *kernels[kernel].get_or_insert(0.0) += node.seconds;
            kernel_nodes[kernel] += 1;
            if is_split(&node.op_type) {
                splits.push(kernel);
            }
        } else {
            let operator = unmatched.entry(node.op_type.clone()).or_default();
            operator.count += 1;
            operator.seconds += node.seconds;
        }
    }
    let owners_of_nodes: Vec<Option<usize>> = (0..nodes.len()).map(kernel_of).collect();
    let shared = shared(network, cost, &kernels, &splits);
    MatchedNodes {
        swallowed: swallowed(network, cost, &kernels, &owner, &shared),
        shared,
        boundaries: boundaries(nodes, &owners_of_nodes),
        kernels,
        kernel_nodes,
        kinds: cost
            .kernels
            .iter()
            .map(|kernel| KernelKind::new(network, kernel))
            .collect(),
        unmatched,
        nodes: nodes.len(),
        total_s: nodes.iter().map(|node| node.seconds).sum(),
    }
}

/// The kernel that each layer is part of.
fn owners(network: &Network, cost: &NetworkCost) -> Vec<Option<usize>> {
    let mut owner = vec![None; network.layers().len()];
    for (index, kernel) in cost.kernels.iter().enumerate() {
        for &layer in &kernel.kernel.layers {
            if let Some(owner) = owner.get_mut(layer) {
                *owner = Some(index);
            }
        }
    }
    owner
}

/// Kernels without a node that take a part of the tensor that one of these splits.
fn shared(
    network: &Network,
    cost: &NetworkCost,
    seconds: &[Option<f64>],
    splits: &[usize],
) -> Vec<Shared> {
    // what a kernel takes a part of, if that is all it does
    let part_of = |kernel: usize| -> Option<Tensor> {
        let &[layer] = cost.kernels[kernel].kernel.layers.as_slice() else {
            return None;
        };
        let cost = &cost.kernels[kernel];
        let layer = &network.layers()[layer];
        let moves = matches!(&layer.op, Op::Other(other) if other.work == Work::Move);
        let is_smaller = cost.geometry.output.elements() < cost.geometry.input.elements();
        let from = layer.inputs.first().copied();
        from.filter(|_| moves && is_smaller && layer.inputs.len() == 1)
    };
    let without = (0..cost.kernels.len()).filter(|&kernel| seconds[kernel].is_none());
    let with = |kernel: usize| {
        let from = part_of(kernel)?;
        let split = splits.iter().find(|&&split| part_of(split) == Some(from));
        split.map(|&with| Shared { kernel, with })
    };
    without.filter_map(with).collect()
}

fn swallowed(
    network: &Network,
    cost: &NetworkCost,
    seconds: &[Option<f64>],
    owner: &[Option<usize>],
    shared: &[Shared],
) -> Vec<Swallowed> {
    // for each kernel the one whose node makes its output, itself or what it vanished into
    let mut maker: Vec<Option<usize>> = Vec::with_capacity(seconds.len());
    let mut swallowed = Vec::new();
    for (index, kernel) in cost.kernels.iter().enumerate() {
        let producers = kernel.kernel.reads(network);
        let makers = producers.filter_map(|tensor| match tensor {
            Tensor::Layer(layer) => *maker.get(owner[layer]?)?,
            Tensor::Input | Tensor::Elsewhere(_) => None,
        });
        let by = makers.max();
        let own = seconds[index].map(|_| index);
        let sharing = shared.iter().find(|shared| shared.kernel == index);
        let node = own.or(sharing.map(|shared| shared.with));
        let has_node = node.is_some();
        maker.push(node.or(by));
        if !has_node && kernel.class != OpClass::View {
            swallowed.push(Swallowed { kernel: index, by });
        }
    }
    swallowed
}

fn boundaries(nodes: &[NodeTiming], owner: &[Option<usize>]) -> Vec<Boundary> {
    let unmatched = (0..nodes.len()).filter(|&place| owner[place].is_none());
    let boundary = |place: usize| Boundary {
        op_type: nodes[place].op_type.clone(),
        before: owner[..place].iter().flatten().next_back().copied(),
        after: owner[place..].iter().flatten().next().copied(),
        seconds: nodes[place].seconds,
    };
    unmatched.map(boundary).collect()
}
