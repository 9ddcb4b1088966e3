//! What an engine fuses, by which layers have no node of their own.

use std::collections::BTreeMap;

use roofnas_cost::{Fusion, kernels};
use roofnas_space::{Activation, Network, Op};

use super::assignment::Assignment;
use super::operator::{multiplies, runs};
use crate::engine::NodeTiming;

/// How often layers vanished that a fusion rule is about, and how often they could have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vanished {
    /// Layers without a node of their own.
    pub vanished: usize,
    /// Layers in a place where the rule holds.
    pub occurrences: usize,
}

impl Vanished {
    /// Whether more than half of them vanished.
    pub const fn by_majority(self) -> bool {
        2 * self.vanished > self.occurrences
    }

    const fn count(&mut self, vanished: bool) {
        self.occurrences += 1;
        self.vanished += vanished as usize;
    }
}

/// Counts behind [`Fusion`] rules, over any number of networks.
///
/// Counted is only what says something: places whose first layer has a node. A layer may have been recognised by no name: where the
/// engine ran an operator of its kind that belongs to no layer, it isn't counted either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FusionEvidence {
    /// Activations after a convolution or linear layer (or after a sum that vanished into one), by name.
    pub activations: BTreeMap<&'static str, Vanished>,
    /// Sums right after a convolution that nothing else reads.
    pub add: Vanished,
    /// Activations after a sum or gate with a node of its own.
    pub elementwise: Vanished,
}

impl FusionEvidence {
    /// What the profiles of these networks show.
    pub fn of(networks: &[(Network, Vec<NodeTiming>)]) -> Self {
        let mut evidence = Self::default();
        for (network, nodes) in networks {
            evidence.add_network(network, nodes);
        }
        evidence
    }

    /// The rules that hold for more than half of the places that show them.
    pub fn fusion(&self) -> Fusion {
        let vanish = |activation: &Activation| {
            let counts = self.activations.get(activation.name());
            counts.is_some_and(|counts| counts.by_majority())
        };
        Fusion {
            activations: Activation::ALL.into_iter().filter(vanish).collect(),
            add: self.add.by_majority(),
            elementwise: self.elementwise.by_majority(),
        }
    }

    fn add_network(&mut self, network: &Network, nodes: &[NodeTiming]) {
        let assignment = Assignment::of(network, nodes);
        let unknown = |op: &Op| {
            let nodes = nodes.iter().zip(&assignment.layers);
            let mut unmatched = nodes.filter(|(_, layer)| layer.is_none());
            unmatched.any(|(node, _)| runs(&node.op_type, op))
        };
        let everything = Fusion {
            activations: Activation::ALL.to_vec(),
            add: true,
            elementwise: true,
        };
        for kernel in kernels(network, &everything) {
            // the layer with a node that the next one could vanish into
            let mut base = kernel.anchor();
            if !assignment.has_node[base] {
                continue;
            }
            for &layer in &kernel.layers[1..] {
                let op = &network.layers()[layer].op;
                let has_node = assignment.has_node[layer];
                if *op == Op::BatchNorm && has_node {
                    // what comes after a norm that is left over is about no rule
                    break;
                }
                if !unknown(op) {
                    self.count(&network.layers()[base].op, op, !has_node);
                }
                if has_node {
                    base = layer;
                }
            }
        }
    }

    fn count(&mut self, base: &Op, op: &Op, vanished: bool) {
        match op {
            Op::Add => self.add.count(vanished),
            Op::Activation(activation) if multiplies(base) => {
                let counts = self.activations.entry(activation.name()).or_default();
                counts.count(vanished);
            }
            Op::Activation(_) => self.elementwise.count(vanished),
            _ => {}
        }
    }
}

/// What an engine fuses, by the majority of the places that show it; [`FusionEvidence`] has the counts.
pub fn observed_fusion(networks: &[(Network, Vec<NodeTiming>)]) -> Fusion {
    FusionEvidence::of(networks).fusion()
}
