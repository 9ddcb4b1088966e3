//! Which layer each node runs.

use std::collections::BTreeMap;

use roofnas_space::{Network, Op, Tensor, Work};

use super::names::{Names, is_made_up};
use super::operator::{is_product, is_reorder, multiplies, runs, runs_part_of};
use crate::engine::NodeTiming;

/// The layers that an engine's nodes run.
pub(super) struct Assignment {
    /// For each node the layer whose operator it is; others may be fused into it.
    pub(super) layers: Vec<Option<usize>>,
    /// Whether each layer has a node of its own.
    pub(super) has_node: Vec<bool>,
}

impl Assignment {
    /// Assigns nodes by their names, then nameless ones where only one place is possible.
    pub(super) fn of(network: &Network, nodes: &[NodeTiming]) -> Self {
        let names = Names::of(network);
        let made_of = |node: &NodeTiming| match is_reorder(&node.op_type) {
            true => Vec::new(),
            false => names.layers(&node.name),
        };
        let made_of: Vec<Vec<usize>> = nodes.iter().map(made_of).collect();
        let anchors = nodes.iter().zip(&made_of);
        let named: Vec<Option<usize>> = anchors
            .map(|(node, layers)| anchor(network, node, layers))
            .collect();
        let mut this = Self {
            layers: named.clone(),
            has_node: vec![false; network.layers().len()],
        };
        // a product that is named after something else: the engine named it after what it has swallowed
        let mut displaced: Vec<(usize, usize)> = Vec::new();
        for (node, layer) in named.iter().enumerate() {
            let Some(layer) = *layer else { continue };
            if is_product(&nodes[node].op_type) && !multiplies(&network.layers()[layer].op) {
                displaced.push((layer, node));
            } else {
                this.has_node[layer] = true;
            }
        }
        // in the layers' order: a product belongs to the first that is named after it or what follows it
        displaced.sort_unstable();
        let mut covered = this.has_node.clone();
        // what an engine says to be fused into something else is not looked for
        for layers in made_of.iter().filter(|layers| layers.len() > 1) {
            layers.iter().for_each(|&layer| covered[layer] = true);
        }
        let mut last: Option<(usize, usize)> = None;
        for (layer, node) in displaced {
            let anchor = match last {
                Some((same, anchor)) if same == layer => anchor,
                _ => cover(network, &mut covered, layer),
            };
            last = Some((layer, anchor));
            this.layers[node] = Some(anchor);
            this.has_node[anchor] = true;
        }
        this.nameless(network, nodes, &covered);
        this.written_out(network, nodes, &covered);
        this
    }

    /// A nameless node can be a part of the next layer without a node after the one that ran before, or of that one itself.
    fn written_out(&mut self, network: &Network, nodes: &[NodeTiming], covered: &[bool]) {
        let mut before = None;
        for (place, node) in nodes.iter().enumerate() {
            let is_part = |layer: usize| runs_part_of(&node.op_type, &network.layers()[layer].op);
            if self.layers[place].is_none()
                && is_made_up(&node.name, &node.op_type)
                && let Some(before) = before
            {
                let itself = Some(before).filter(|&before| is_part(before));
                let layer =
                    itself.or_else(|| self.next_without_node(network, covered, before, is_part));
                self.layers[place] = layer;
                if let Some(layer) = layer {
                    self.has_node[layer] = true;
                }
            }
            before = self.layers[place].or(before);
        }
    }

    /// The first such layer after another, with nothing between that has a node, or that something else reads too.
    fn next_without_node(
        &self,
        network: &Network,
        covered: &[bool],
        from: usize,
        is_such: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut last = from;
        loop {
            let reader = only_reader(network, last)?;
            if self.has_node[reader] || covered[reader] {
                return None;
            }
            if is_such(reader) {
                return Some(reader);
            }
            last = reader;
        }
    }

    /// Nodes without a name of their own run the layers of their operator that have no node, where there are as many of either and
    /// each of the layers depends on the one before: then there is but one order.
    fn nameless(&mut self, network: &Network, nodes: &[NodeTiming], covered: &[bool]) {
        let is_nameless = |place: &usize| {
            let node = &nodes[*place];
            self.layers[*place].is_none() && is_made_up(&node.name, &node.op_type)
        };
        let mut open: Vec<usize> = (0..nodes.len()).filter(is_nameless).collect();
        while let Some(&first) = open.first() {
            let op_type = &nodes[first].op_type;
            let (same, others): (Vec<usize>, Vec<usize>) = open
                .into_iter()
                .partition(|&node| nodes[node].op_type == *op_type);
            open = others;
            let layers = network.layers().iter().enumerate();
            let waiting = layers.filter(|(index, layer)| {
                !covered[*index] && !self.has_node[*index] && runs(op_type, &layer.op)
            });
            let waiting: Vec<usize> = waiting.map(|(index, _)| index).collect();
            if waiting.len() == same.len() && is_chain(network, &waiting) {
                for (node, layer) in same.into_iter().zip(waiting) {
                    self.layers[node] = Some(layer);
                    self.has_node[layer] = true;
                }
            }
        }
    }
}

/// Of the layers that a node was made of the one whose operator it is: what follows was fused into that.
fn anchor(network: &Network, node: &NodeTiming, layers: &[usize]) -> Option<usize> {
    let multiplies = |&&layer: &&usize| multiplies(&network.layers()[layer].op);
    let product = layers.iter().find(multiplies);
    let product = product.filter(|_| is_product(&node.op_type));
    product.or(layers.first()).copied()
}

/// The layer whose operator a product is that is named after `layer`: the last product before it that nothing else covers. Without one, a
/// batch-norm that stands alone (engines run it as a depthwise convolution), or else the layer itself. From there to `layer`, all is
/// covered then.
fn cover(network: &Network, covered: &mut [bool], layer: usize) -> usize {
    // layers on the way back, the latest first, with the reader they were reached from
    let mut open: BTreeMap<usize, usize> = BTreeMap::from([(layer, layer)]);
    let mut reader: BTreeMap<usize, usize> = BTreeMap::new();
    let mut anchor = layer;
    while let Some((latest, from)) = open.pop_last() {
        reader.insert(latest, from);
        let at = &network.layers()[latest];
        if multiplies(&at.op) {
            anchor = latest;
            break;
        }
        if at.op == Op::BatchNorm {
            anchor = latest;
        }
        if !fuses(&at.op) {
            continue;
        }
        for tensor in &at.inputs {
            if let Tensor::Layer(producer) = *tensor
                && !covered[producer]
            {
                open.entry(producer).or_insert(latest);
            }
        }
    }
    let mut place = anchor;
    while let Some(&next) = reader.get(&place) {
        covered[place] = true;
        if next == place {
            break;
        }
        place = next;
    }
    anchor
}

/// Whether some engine joins such a layer to the product before it.
fn fuses(op: &Op) -> bool {
    let free = |work| matches!(work, Work::Elementwise { .. } | Work::View);
    match op {
        Op::BatchNorm | Op::Activation(_) | Op::Add | Op::Scale => true,
        Op::Other(other) => free(other.work),
        _ => false,
    }
}

fn only_reader(network: &Network, layer: usize) -> Option<usize> {
    let reads = |index: &usize| {
        network.layers()[*index]
            .inputs
            .contains(&Tensor::Layer(layer))
    };
    let mut readers = (layer + 1..network.layers().len()).filter(reads);
    let reader = readers.next();
    reader.filter(|_| readers.next().is_none())
}

/// Whether each of the layers depends on the one before.
fn is_chain(network: &Network, layers: &[usize]) -> bool {
    layers
        .windows(2)
        .all(|pair| depends(network, pair[1], pair[0]))
}

fn depends(network: &Network, later: usize, earlier: usize) -> bool {
    let mut reaches = vec![false; later + 1];
    reaches[earlier] = true;
    for index in earlier + 1..=later {
        let mut inputs = network.layers()[index].inputs.iter();
        reaches[index] =
            inputs.any(|tensor| matches!(tensor, Tensor::Layer(producer) if reaches[*producer]));
    }
    reaches[later]
}
