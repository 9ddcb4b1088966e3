//! From a network to the bytes of an ONNX model.

use prost::Message;
use thiserror::Error;

use super::batch::Batch;
use super::fold::Folding;
use super::graph::GraphBuilder;
use super::proto::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto};
use super::weights::InitialWeights;
use crate::network::{Layer, Network, Tensor};
use crate::op::{MatMul, Op};
use crate::other::Defined;
use crate::shape::Shape;

/// The version of ONNX's file format that is written.
const IR_VERSION: i64 = 8;
/// The version of ONNX's operators that is written: the newest that belongs to the file format.
const OPSET: i64 = 17;

/// The network as an ONNX model (IR 8, opset 17, single precision) with its initial weights.
///
/// The input is called `input` and is `(batch, C, H, W)`; the outputs have the names they have in the
/// network. A node is called after its layer, so that one finds `stage2.block1.expand.conv` in a
/// viewer or a profile; helpers that an operator needs besides have a suffix, such as `.sigmoid`.
/// What a linear layer puts out is `(batch, features)`, and stays so through elementwise operators.
///
/// This is the form that is deployed. A batch-norm behind a convolution that nothing else reads is
/// folded into it. An untrained batch-norm is the identity (up to its epsilon, 1e-5), so that
/// folding leaves the weights as they are and gives the convolution a bias of zero. Any other batch-norm
/// stays a BatchNormalization.
///
/// The same network, weights and batch give the same bytes. The weights are part of the file.
///
/// # Errors
/// For a network that was read from elsewhere and holds what this tool doesn't build, and for one whose weights don't fit into
/// a file: readers of protobuf take less than 2 GiB, half a billion parameters.
pub fn export(
    network: &Network,
    weights: InitialWeights,
    batch: Batch,
) -> Result<Vec<u8>, ExportError> {
    exportable(network)?;
    Ok(model(network, weights, batch).encode_to_vec())
}

/// A network that can't be written as ONNX.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExportError {
    /// A layer that was read from elsewhere.
    #[error(
        "{network} can't be written as ONNX: layer {layer} ({op}) is not one that this tool builds"
    )]
    Foreign {
        /// The network.
        network: String,
        /// Its layer.
        layer: String,
        /// The layer's operator.
        op: String,
    },
    /// More weights than one file holds.
    #[error(
        "{network} can't be written as ONNX: its weights take {bytes} bytes, and one file holds less than 2 GiB"
    )]
    TooLarge {
        /// The network.
        network: String,
        /// Bytes of its weights.
        bytes: u64,
    },
}

/// Bytes that weights may take: readers of protobuf give up at 2 GiB, and the graph needs some room.
const MOST_BYTES: u64 = (1 << 31) - (1 << 24);

/// Refuses what [`operators`](super::operators) has no form for.
fn exportable(network: &Network) -> Result<(), ExportError> {
    let foreign = |index: &usize| {
        let layer = &network.layers()[*index];
        let tensor = |tensor: &Tensor| matches!(tensor, Tensor::Elsewhere(_));
        !is_defined(network, *index) || layer.inputs.iter().any(tensor)
    };
    if let Some(index) = (0..network.layers().len()).find(foreign) {
        return Err(ExportError::Foreign {
            network: network.name().to_owned(),
            layer: network.layer_name(index),
            op: network.layers()[index].op.name().to_owned(),
        });
    }
    let bytes = 4 * network
        .layers()
        .iter()
        .map(|layer| weights_of(network, layer))
        .sum::<u64>();
    if bytes > MOST_BYTES {
        return Err(ExportError::TooLarge {
            network: network.name().to_owned(),
            bytes,
        });
    }
    Ok(())
}

/// Whether name and shapes say all there is to a layer.
fn is_defined(network: &Network, index: usize) -> bool {
    let layer = &network.layers()[index];
    match (&layer.op, &layer.inputs[..]) {
        (Op::MatMul(product), &[left, right]) => {
            let (left, right) = (network.shape(left), network.shape(right));
            let macs = left.elements() * right.width as u64;
            product.weights == 0
                && product.macs == macs
                && (left.channels, left.width) == (right.channels, right.height)
                && layer.output == Shape::new(left.channels, left.height, right.width)
        }
        (Op::MatMul(product), &[input]) => {
            MatMul::over_tokens(network.shape(input), layer.output.width) == *product
        }
        (Op::MatMul(_), _) => false,
        (Op::Other(other), &[input]) => match other.defined(network.shape(input)) {
            Some(Defined::ChannelSlice) => {
                let from = first_channel(network, index);
                from + layer.output.channels <= network.shape(input).channels
            }
            defined => defined.is_some(),
        },
        (Op::Other(_), _) => false,
        _ => true,
    }
}

/// The channel of its input that a slice begins with: slices of one tensor take its channels in turn.
pub(super) fn first_channel(network: &Network, slice: usize) -> usize {
    let inputs = &network.layers()[slice].inputs;
    let before = network.layers()[..slice].iter();
    before
        .filter(|layer| &layer.inputs == inputs)
        .filter(|layer| {
            let input = network.input_shape(layer);
            matches!(&layer.op, Op::Other(other) if other.defined(input) == Some(Defined::ChannelSlice))
        })
        .map(|layer| layer.output.channels)
        .sum()
}

/// Weights of a layer, the few of biases and norms apart.
fn weights_of(network: &Network, layer: &Layer) -> u64 {
    let input = network.input_shape(layer);
    match layer.op {
        Op::Conv(conv) => conv.weights(input.channels),
        Op::ConvTranspose(transposed) => transposed.weights(input.channels),
        Op::Linear { out_features, .. } => input.elements() * out_features as u64,
        Op::MatMul(product) => product.weights,
        _ => 0,
    }
}

/// The model as a message.
pub(super) fn model(network: &Network, weights: InitialWeights, batch: Batch) -> ModelProto {
    let metadata = [
        ("roofnas.network", network.name().to_owned()),
        ("roofnas.weights", "untrained, He-normal".to_owned()),
        ("roofnas.seed", weights.seed().to_string()),
    ];
    let metadata = metadata.map(|(key, value)| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value),
    });
    ModelProto {
        ir_version: Some(IR_VERSION),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        producer_name: Some("roofnas".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(Exporter::new(network, weights, batch).graph()),
        metadata_props: metadata.into(),
        ..ModelProto::default()
    }
}

/// How a tensor's shape is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `(batch, C, H, W)`
    Map,
    /// `(batch, features)`
    Flat,
}

impl Form {
    /// The sizes of one image's tensor in this form.
    pub(super) fn sizes(self, shape: Shape) -> Vec<usize> {
        match self {
            Self::Map => vec![shape.channels, shape.height, shape.width],
            Self::Flat => vec![shape.elements() as usize],
        }
    }
}

/// What a tensor of the network has become in the graph.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) form: Form,
}

/// A network on its way into a graph; [`operators`](super::operators) has what each layer becomes.
pub(super) struct Exporter<'a> {
    pub(super) network: &'a Network,
    pub(super) weights: InitialWeights,
    pub(super) folding: Folding,
    pub(super) graph: GraphBuilder,
    /// What the layers are called in the graph.
    pub(super) labels: Vec<String>,
    /// What the network's outputs are called in the graph.
    outputs: Vec<String>,
    input: Value,
    /// What the layers written so far produce.
    values: Vec<Value>,
}

impl<'a> Exporter<'a> {
    fn new(network: &'a Network, weights: InitialWeights, batch: Batch) -> Self {
        let mut graph = GraphBuilder::new(network.name(), batch);
        let input = Value {
            name: graph.claim("input"),
            form: Form::Map,
        };
        graph.input(&input.name, &input.form.sizes(network.input()));
        // claimed before the layers' names: outputs are the interface
        let outputs = network.outputs().iter();
        let outputs = outputs.map(|output| graph.claim(&output.name)).collect();
        let layers = 0..network.layers().len();
        let labels = layers
            .map(|index| graph.claim(&network.layer_name(index)))
            .collect();
        Self {
            network,
            weights,
            folding: Folding::of(network),
            graph,
            labels,
            outputs,
            input,
            values: Vec::with_capacity(network.layers().len()),
        }
    }

    fn graph(mut self) -> GraphProto {
        for index in 0..self.network.layers().len() {
            let value = self.layer(index);
            self.values.push(value);
        }
        for position in 0..self.outputs.len() {
            self.output(position);
        }
        self.graph.finish()
    }

    /// Makes a tensor of the network an output of the graph. Two outputs may be one tensor, or be the
    /// input: then a value has to be copied to bear the second name.
    fn output(&mut self, position: usize) {
        let tensor = self.network.outputs()[position].tensor;
        let name = self.outputs[position].clone();
        let value = self.value(tensor).clone();
        let sizes = value.form.sizes(self.network.shape(tensor));
        if value.name != name {
            let copy = NodeProto::of("Identity", &[&value.name]);
            let node = self.graph.claim(&format!("{name}.copy"));
            self.graph.node(&node, copy, &name, &sizes);
        }
        self.graph.output(&name, &sizes);
    }

    /// What a tensor has become.
    pub(super) fn value(&self, tensor: Tensor) -> &Value {
        match tensor {
            Tensor::Input => &self.input,
            Tensor::Layer(index) => &self.values[index],
            Tensor::Elsewhere(_) => unreachable!("refused before the export begins"),
        }
    }

    /// The name of the value a layer's node produces: that of the first output of the network it
    /// becomes, its own otherwise.
    pub(super) fn result_name(&self, index: usize) -> String {
        let norm = self.folding.partner(index);
        let produced = Tensor::Layer(norm.unwrap_or(index));
        let mut outputs = self.network.outputs().iter().zip(&self.outputs);
        let named = outputs.find(|(output, _)| output.tensor == produced);
        named.map_or(&self.labels[index], |(_, name)| name).clone()
    }

    /// Whether a batch-norm is folded into this convolution.
    pub(super) fn takes_over_norm(&self, conv: usize) -> bool {
        self.folding.partner(conv).is_some()
    }

    /// Writes a layer and returns what it produces.
    fn layer(&mut self, index: usize) -> Value {
        let network = self.network;
        match (&network.layers()[index].op, self.folding.partner(index)) {
            (Op::BatchNorm, Some(conv)) => self.values[conv].clone(),
            (op, _) => self.operator(index, op),
        }
    }
}
