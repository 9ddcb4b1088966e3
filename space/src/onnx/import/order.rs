//! Nodes in an order in which everything is produced before it is read.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::super::proto::{AttributeProto, GraphProto, NodeProto};
use super::error::ImportError;

/// What a node is called in messages and tables: its name, or else that of its first output.
pub(in crate::onnx) fn label(node: &NodeProto) -> &str {
    let named = Some(node.name()).filter(|name| !name.is_empty());
    let output = || {
        node.output
            .iter()
            .map(String::as_str)
            .find(|name| !name.is_empty())
    };
    named.or_else(output).unwrap_or("without a name")
}

pub(super) fn node_error(node: &NodeProto, reason: impl Into<String>) -> ImportError {
    ImportError::Node {
        node: label(node).to_owned(),
        op: node.op_type().to_owned(),
        reason: reason.into(),
    }
}

/// Values that a node reads: its inputs, and what the graphs it holds read from outside.
pub(in crate::onnx) fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    collect(node, &mut names);
    names
}

fn collect<'a>(node: &'a NodeProto, names: &mut Vec<&'a str>) {
    let inputs = node.input.iter().map(String::as_str);
    names.extend(inputs.filter(|name| !name.is_empty()));
    // no deeper than the decoder reads
    for graph in node.attribute.iter().flat_map(graphs) {
        for node in &graph.node {
            collect(node, names);
        }
    }
}

fn graphs(attribute: &AttributeProto) -> impl Iterator<Item = &GraphProto> {
    attribute.g.as_deref().into_iter().chain(&attribute.graphs)
}

/// The nodes that the outputs depend on, sorted; the file's order is kept where it can be.
///
/// `known` says which values are there from the start.
pub(super) fn sorted<'a>(
    nodes: &'a [NodeProto],
    outputs: &[&str],
    known: impl Fn(&str) -> bool,
) -> Result<Vec<&'a NodeProto>, ImportError> {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if known(name) || producer.insert(name, index).is_some() {
                return Err(node_error(
                    node,
                    format!("produces {name}, which is there already"),
                ));
            }
        }
    }
    let needed = needed(nodes, outputs, &producer);
    let mut waiting = vec![0_usize; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        let own = node.input.iter().filter(|name| !name.is_empty()).count();
        for (position, name) in reads(node).into_iter().enumerate() {
            match producer.get(name) {
                Some(&from) => {
                    waiting[index] += 1;
                    readers[from].push(index);
                }
                // what a held graph reads may be its own
                None if known(name) || position >= own => {}
                None => {
                    return Err(node_error(
                        node,
                        format!("reads {name}, which nothing produces"),
                    ));
                }
            }
        }
    }
    let ready = (0..nodes.len()).filter(|&index| needed[index] && waiting[index] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
    let mut order = Vec::new();
    while let Some(Reverse(index)) = ready.pop() {
        order.push(&nodes[index]);
        for &reader in &readers[index] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    match (0..nodes.len()).find(|&index| needed[index] && waiting[index] > 0) {
        None => Ok(order),
        Some(stuck) => Err(node_error(&nodes[stuck], "depends on itself")),
    }
}

fn needed(nodes: &[NodeProto], outputs: &[&str], producer: &HashMap<&str, usize>) -> Vec<bool> {
    let mut needed = vec![false; nodes.len()];
    let mut open: Vec<usize> = outputs
        .iter()
        .filter_map(|name| producer.get(name).copied())
        .collect();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut needed[index], true) {
            open.extend(
                reads(&nodes[index])
                    .into_iter()
                    .filter_map(|name| producer.get(name).copied()),
            );
        }
    }
    needed
}
