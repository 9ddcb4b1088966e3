//! Names that nothing else has, and the tensors and nodes that are put into a graph.

use std::collections::HashSet;

use super::super::import::reads;
use super::super::proto::{DataType, GraphProto, NodeProto, TensorProto};
use super::ranges::Scaling;

/// What is put between a graph's nodes.
pub(super) struct Additions {
    names: HashSet<String>,
    pub(super) tensors: Vec<TensorProto>,
    pub(super) nodes: Vec<NodeProto>,
}

impl Additions {
    /// Nothing yet, beside the names that a graph has.
    pub(super) fn to(graph: &GraphProto) -> Self {
        let mut names: HashSet<String> = HashSet::new();
        for node in &graph.node {
            names.insert(node.name().to_owned());
            // graphs that a node holds see these values too
            names.extend(reads(node).into_iter().map(str::to_owned));
            names.extend(node.output.iter().cloned());
        }
        let infos = graph.input.iter().chain(&graph.output);
        names.extend(infos.map(|info| info.name().to_owned()));
        names.extend(
            graph
                .initializer
                .iter()
                .map(|tensor| tensor.name().to_owned()),
        );
        Self {
            names,
            tensors: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Takes a name: the one asked for, or the first of `name.2`, `name.3` ... that nothing else has.
    pub(super) fn claim(&mut self, name: &str) -> String {
        let mut claimed = name.to_owned();
        let mut count = 1;
        while !self.names.insert(claimed.clone()) {
            count += 1;
            claimed = format!("{name}.{count}");
        }
        claimed
    }

    /// Adds a tensor and returns its name.
    pub(super) fn tensor(
        &mut self,
        name: &str,
        kind: DataType,
        dims: &[i64],
        bytes: Vec<u8>,
    ) -> String {
        let name = self.claim(name);
        self.tensors.push(TensorProto {
            name: Some(name.clone()),
            data_type: Some(kind as i32),
            dims: dims.to_vec(),
            raw_data: Some(bytes),
            ..TensorProto::default()
        });
        name
    }

    /// Adds scales: a list where they belong to the places along an axis, a scalar otherwise.
    pub(super) fn scales(&mut self, name: &str, scales: &[f32], has_axis: bool) -> String {
        let bytes = scales
            .iter()
            .flat_map(|scale| scale.to_le_bytes())
            .collect();
        let dims = [scales.len() as i64];
        let dims: &[i64] = if has_axis { &dims } else { &[] };
        self.tensor(&format!("{name}.scale"), DataType::Float, dims, bytes)
    }

    /// Puts a value's integers and its numbers after them; `source` is what the value is called, where that is another name. Returns the name of the
    /// latter, `target` where that is stated.
    pub(super) fn pair(
        &mut self,
        value: &str,
        source: &str,
        scaling: Scaling,
        target: Option<&str>,
    ) -> String {
        let scale = self.scales(value, &[scaling.scale], false);
        let zero = self.tensor(
            &format!("{value}.zero_point"),
            DataType::Uint8,
            &[],
            vec![scaling.zero],
        );
        let integers = self.claim(&format!("{value}.quantized"));
        let numbers = target.map_or_else(
            || self.claim(&format!("{value}.dequantized")),
            str::to_owned,
        );
        self.node(
            &format!("{value}.quantize"),
            NodeProto::of("QuantizeLinear", &[source, &scale, &zero]),
            &integers,
        );
        self.node(
            &format!("{value}.dequantize"),
            NodeProto::of("DequantizeLinear", &[&integers, &scale, &zero]),
            &numbers,
        );
        numbers
    }

    /// Puts the numbers of a tensor of integers; returns their name.
    pub(super) fn numbers(
        &mut self,
        tensor: &str,
        operands: &[&str],
        axis: Option<usize>,
    ) -> String {
        let numbers = self.claim(&format!("{tensor}.dequantized"));
        let node = NodeProto::of("DequantizeLinear", operands);
        let node = match axis {
            Some(axis) => node.int("axis", axis),
            None => node,
        };
        self.node(&format!("{tensor}.dequantize"), node, &numbers);
        numbers
    }

    fn node(&mut self, name: &str, node: NodeProto, output: &str) {
        let name = self.claim(name);
        self.nodes.push(NodeProto {
            name: Some(name),
            output: vec![output.to_owned()],
            ..node
        });
    }
}
