//! A network without what doesn't matter to its structure: views, and batch-norms that fold into a convolution.

use crate::network::{Layer, Network, Tensor};
use crate::op::{Conv, Op, Work};
use crate::shape::Shape;

/// A node, which also stands for the tensor it produces.
pub(super) type Id = usize;

/// The image.
pub(super) const IMAGE: Id = 0;

/// A layer that does something, or the image.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The layer; none for the image.
    pub(super) layer: Option<usize>,
    /// What it does; a convolution has a bias where a batch-norm folds into it.
    pub(super) op: Option<Op>,
    pub(super) inputs: Vec<Id>,
    pub(super) shape: Shape,
    /// Who reads it, in order.
    pub(super) readers: Vec<Id>,
    /// Whether it is an output of the network.
    pub(super) leaves: bool,
}

/// The nodes in topological order.
#[derive(Debug, Clone)]
pub(super) struct Graph<'a> {
    pub(super) network: &'a Network,
    pub(super) nodes: Vec<Node>,
    /// The node that each layer is, or has become part of.
    node_of: Vec<Id>,
    /// Paddings in layers of their own, each before a convolution, which has them here.
    pub(super) paddings: usize,
}

impl<'a> Graph<'a> {
    /// The graph of a network whose edges are known.
    pub(super) fn new(network: &'a Network) -> Self {
        let readers = network.readers();
        let image = Node {
            layer: None,
            op: None,
            inputs: Vec::new(),
            shape: network.input(),
            readers: Vec::new(),
            leaves: false,
        };
        let mut nodes = vec![image];
        let mut paddings = 0;
        let mut node_of: Vec<Id> = Vec::with_capacity(network.layers().len());
        let id = |tensor: Tensor, node_of: &[Id]| match tensor {
            Tensor::Layer(layer) => node_of[layer],
            Tensor::Input | Tensor::Elsewhere(_) => IMAGE,
        };
        for (index, layer) in network.layers().iter().enumerate() {
            let inputs: Vec<Id> = layer.inputs.iter().map(|&x| id(x, &node_of)).collect();
            let folded = network
                .folds_into(index, &readers)
                .map(|conv| node_of[conv]);
            if let Some(conv) = folded
                && let Some(Op::Conv(conv)) = &mut nodes[conv].op
            {
                conv.bias = true;
            }
            let is_view = matches!(&layer.op, Op::Other(other) if other.work == Work::View);
            let pads = pads_a_convolution(network, index, &readers);
            paddings += usize::from(pads);
            let is_view = is_view || pads;
            if let Some(same) = folded.or(inputs.first().copied().filter(|_| is_view)) {
                node_of.push(same);
                continue;
            }
            for &input in &inputs {
                let reader = nodes.len();
                nodes[input].readers.push(reader);
            }
            node_of.push(nodes.len());
            nodes.push(Node {
                layer: Some(index),
                op: Some(layer.op.clone()),
                inputs,
                shape: layer.output,
                readers: Vec::new(),
                leaves: false,
            });
        }
        for output in network.outputs() {
            nodes[id(output.tensor, &node_of)].leaves = true;
        }
        Self {
            network,
            nodes,
            node_of,
            paddings,
        }
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn op(&self, id: Id) -> Option<&Op> {
        self.nodes[id].op.as_ref()
    }

    pub(super) fn shape(&self, id: Id) -> Shape {
        self.nodes[id].shape
    }

    /// The layers that nodes stand for, with the nodes: all but views and paddings.
    pub(super) fn layers(&self) -> impl Iterator<Item = (usize, Id)> {
        let layers = self.node_of.iter().copied().enumerate();
        layers.filter(|&(layer, id)| {
            let folds = matches!(self.network.layers()[layer].op, Op::BatchNorm);
            self.nodes[id].layer == Some(layer) || folds
        })
    }

    /// The only one that reads a tensor, which is nothing else besides.
    pub(super) fn only_reader(&self, id: Id) -> Option<Id> {
        match self.nodes[id].readers[..] {
            [reader] if !self.nodes[id].leaves => Some(reader),
            _ => None,
        }
    }

    /// What the node is called in the network.
    pub(super) fn name(&self, id: Id) -> String {
        let layer = self.nodes[id].layer;
        layer.map_or_else(
            || "the image".to_owned(),
            |layer| self.network.layer_name(layer),
        )
    }

    /// What the node is called, with what it does.
    pub(super) fn described(&self, id: Id) -> String {
        match self.op(id) {
            Some(op) => format!("{} ({})", self.name(id), op.name()),
            None => self.name(id),
        }
    }

    /// Multiply-accumulate operations of a node, for one image.
    pub(super) fn macs(&self, id: Id) -> u64 {
        let node = &self.nodes[id];
        let Some(&input) = node.inputs.first() else {
            return 0;
        };
        let input = self.shape(input);
        match &node.op {
            Some(Op::Conv(conv)) => node.shape.elements() * conv.fan_in(input.channels),
            Some(Op::ConvTranspose(conv)) => input.elements() * conv.spread(),
            Some(Op::Linear { .. }) => input.elements() * node.shape.elements(),
            Some(Op::MatMul(product)) => product.macs,
            _ => 0,
        }
    }

    /// What each node does to which shapes, in an order of its own: equal for networks of the same layers.
    pub(super) fn essence(&self) -> Vec<String> {
        let ids = (0..self.nodes.len()).filter(|&id| id != IMAGE);
        let mut essence: Vec<String> = ids
            .map(|id| {
                let node = self.node(id);
                let inputs = node.inputs.iter().map(|&input| self.shape(input));
                let mut inputs: Vec<String> = inputs.map(|shape| shape.to_string()).collect();
                inputs.sort();
                format!("{:?} {inputs:?} {}", self.plain(id), node.shape)
            })
            .collect();
        essence.sort();
        essence
    }

    /// A node's operator as one that this crate builds: a convolution of a single position is a linear layer, and an
    /// average over all positions a global one.
    fn plain(&self, id: Id) -> Option<Op> {
        let node = self.node(id);
        if self.pools_all(id) {
            return Some(Op::GlobalAvgPool);
        }
        let input = node.inputs.first().map(|&input| self.shape(input))?;
        match &node.op {
            Some(Op::Linear { out_features, .. }) if input.positions() == 1 => {
                Some(Op::Conv(Conv::pointwise(*out_features).with_bias()))
            }
            // however it is padded, the sides it gives are those of a symmetric padding
            Some(Op::Conv(conv))
                if conv.stride[0] == conv.stride[1]
                    && conv.kernel.iter().all(|side| side % 2 == 1)
                    && node.shape.resolution() == input.resolution().strided(conv.stride[0]) =>
            {
                Some(Op::Conv(Conv {
                    bias: true,
                    padding: conv.kernel.map(|side| (side - 1) / 2),
                    ..*conv
                }))
            }
            Some(Op::Conv(conv)) => Some(Op::Conv(Conv {
                bias: true,
                ..*conv
            })),
            other => other.clone(),
        }
    }
}

/// Whether a layer pads what one convolution alone reads, as exports do whose padding is larger on one side.
fn pads_a_convolution(network: &Network, layer: usize, readers: &[usize]) -> bool {
    let is_pad = matches!(&network.layers()[layer].op, Op::Other(other) if other.name == "Pad");
    let reads = |reader: &&Layer| reader.inputs.contains(&Tensor::Layer(layer));
    is_pad
        && readers[layer] == 1
        && network.layers()[layer + 1..]
            .iter()
            .find(reads)
            .is_some_and(|reader| matches!(reader.op, Op::Conv(_)))
}
