//! A graph under construction.

use std::collections::BTreeSet;

use super::batch::Batch;
use super::proto::{
    DataType, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};

/// Collects nodes in topological order, with the initializers they read and the types of what they
/// produce. Sizes are those of one image: the batch dimension is put before them.
pub(super) struct GraphBuilder {
    batch: Batch,
    graph: GraphProto,
    names: BTreeSet<String>,
}

impl GraphBuilder {
    pub(super) fn new(name: &str, batch: Batch) -> Self {
        Self {
            batch,
            graph: GraphProto {
                name: Some(name.to_owned()),
                ..GraphProto::default()
            },
            names: BTreeSet::new(),
        }
    }

    /// Takes a name: the one asked for, or the first of `name.2`, `name.3` ... that nothing else has.
    /// Nodes and values draw from one pool, so that a node can be called after what it produces.
    pub(super) fn claim(&mut self, name: &str) -> String {
        let mut claimed = name.to_owned();
        let mut count = 1;
        while !self.names.insert(claimed.clone()) {
            count += 1;
            claimed = format!("{name}.{count}");
        }
        claimed
    }

    /// Adds an input of the graph.
    pub(super) fn input(&mut self, name: &str, sizes: &[usize]) {
        let info = self.value_info(name, sizes);
        self.graph.input.push(info);
    }

    /// Makes a value an output of the graph.
    pub(super) fn output(&mut self, name: &str, sizes: &[usize]) {
        let info = self.value_info(name, sizes);
        self.graph.output.push(info);
    }

    /// Adds a node that produces one value of these sizes.
    pub(super) fn node(&mut self, name: &str, mut node: NodeProto, output: &str, sizes: &[usize]) {
        node.name = Some(name.to_owned());
        node.output = vec![output.to_owned()];
        self.graph.node.push(node);
        let info = self.value_info(output, sizes);
        self.graph.value_info.push(info);
    }

    /// Adds a helper node, called after the value it produces, and returns that name.
    pub(super) fn helper(&mut self, name: &str, node: NodeProto, sizes: &[usize]) -> String {
        let name = self.claim(name);
        self.node(&name, node, &name, sizes);
        name
    }

    /// Adds trainable parameters and returns their name.
    pub(super) fn parameters(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.initializer(name, DataType::Float, dims, bytes)
    }

    /// The operand of a Reshape: the batch, copied from the reshaped tensor (a 0 stands for that), and
    /// these sizes.
    pub(super) fn target_shape(&mut self, name: &str, sizes: &[usize]) -> String {
        let dims: Vec<i64> = batched(0, sizes.iter().map(|&size| size as i64)).collect();
        self.integers(name, &dims)
    }

    /// A list of whole numbers that is part of an operator's definition.
    pub(super) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.initializer(name, DataType::Int64, &[values.len()], bytes)
    }

    /// A scalar that is part of an operator's definition, shared by all that use it.
    pub(super) fn constant(&mut self, name: &str, value: f32) -> String {
        let known = self.graph.initializer.iter();
        let mut names = known.filter_map(|tensor| tensor.name.as_deref());
        if names.any(|known| known == name) {
            return name.to_owned();
        }
        self.initializer(name, DataType::Float, &[], value.to_le_bytes().into())
    }

    fn initializer(
        &mut self,
        name: &str,
        data_type: DataType,
        dims: &[usize],
        bytes: Vec<u8>,
    ) -> String {
        let name = self.claim(name);
        self.graph.initializer.push(TensorProto {
            name: Some(name.clone()),
            data_type: Some(data_type as i32),
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            raw_data: Some(bytes),
            ..TensorProto::default()
        });
        name
    }

    fn value_info(&self, name: &str, sizes: &[usize]) -> ValueInfoProto {
        let batch = match self.batch {
            Batch::Fixed(images) => DimensionValue::Size(images as i64),
            Batch::Dynamic => DimensionValue::Symbol("batch".to_owned()),
        };
        let sizes = sizes.iter().map(|&size| DimensionValue::Size(size as i64));
        let dim = batched(batch, sizes).map(|value| DimensionProto {
            value: Some(value),
            denotation: None,
        });
        let tensor = TensorTypeProto {
            elem_type: Some(DataType::Float as i32),
            shape: Some(TensorShapeProto { dim: dim.collect() }),
        };
        ValueInfoProto {
            name: Some(name.to_owned()),
            r#type: Some(TypeProto {
                tensor_type: Some(tensor),
                denotation: None,
            }),
            doc_string: None,
        }
    }

    /// The finished graph.
    pub(super) fn finish(mut self) -> GraphProto {
        // an output states its type itself
        let outputs: BTreeSet<_> = self.graph.output.iter().map(|info| &info.name).collect();
        let inner = |info: &ValueInfoProto| !outputs.contains(&info.name);
        self.graph.value_info.retain(inner);
        self.graph
    }
}

/// A shape, the batch first.
fn batched<T>(batch: T, sizes: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    std::iter::once(batch).chain(sizes)
}
