//! From a model in single precision to one that engines compute in 8-bit integers.
//!
//! What an engine takes for a quantised network hardly depends on the numbers in it, as long as no two scales are equal and the range of what a clamp puts out
//! ends where the clamp does. So no images are needed, by which ranges are chosen for deployment: weights are scaled by their own largest values, and feature maps
//! have *synthetic* ranges. **Such a model is for timing only: what it computes means nothing.**
//!
//! The form is that of ONNX's QuantizeLinear and DequantizeLinear around operators ("QDQ"), which ONNX Runtime and OpenVINO turn into kernels of integers, and it is
//! what ONNX Runtime's tool for quantising a trained network writes with unsigned feature maps and a scale for each channel:
//!
//! - feature maps are unsigned, one scale each; the range of what a ReLU puts out begins at 0, so that engines leave the ReLU out (TensorRT takes signed ones alone);
//! - weights are signed and symmetric about 0, one scale for each output channel of a convolution or linear layer, and one for all of anything else;
//! - biases are 32-bit integers, their scale the product of the two;
//! - convolutions, linear layers and products of matrices, sums, gates, concatenations, average pools and sigmoids are computed in integers, what only
//!   moves elements (maximum pools, reshapes, slices, resizing) passes them on; everything else stays in single precision between two conversions, a
//!   batch-norm that stands alone and activations other than ReLU, clip and sigmoid among it.

mod additions;
mod plan;
mod ranges;
mod rewrite;
#[cfg(test)]
mod tests;
mod types;
mod weights;

use std::path::Path;

use prost::Message;
use thiserror::Error;

use super::import::{ImportError, complete, complete_file, label, skeleton};
use super::proto::{
    AttributeType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    ValueInfoProto,
};

/// The first operator set in which weights have a scale for each channel.
const LEAST_OPSET: i64 = 13;

/// Bytes that a model may take: readers of protobuf give up at 2 GiB.
const MOST_BYTES: usize = (1 << 31) - (1 << 20);

/// A model that can't be quantised.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantizeError {
    /// One that can't be read.
    #[error(transparent)]
    Model(#[from] ImportError),
    /// One that is quantised already.
    #[error("it is quantised already: node {node} ({op})")]
    Already {
        /// A node that says so.
        node: String,
        /// Its operator.
        op: String,
    },
    /// One in too old a version of ONNX.
    #[error(
        "it is written in ONNX's operator set {found}, and scales for each channel need {LEAST_OPSET}: export it anew, or convert it with onnx.version_converter"
    )]
    Opset {
        /// Its version.
        found: i64,
    },
    /// One with nothing to quantise.
    #[error(
        "it holds no convolution, linear layer or product of matrices in single precision, so nothing would be computed in integers"
    )]
    Nothing,
    /// One with an attribute that would be lost.
    #[error("node {node} ({op}) has an attribute {attribute} of a kind that can't be kept")]
    Attribute {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// The attribute.
        attribute: String,
    },
    /// One with an input or output that would be lost.
    #[error("{value} is no tensor, and of another kind than can be kept")]
    Value {
        /// The value.
        value: String,
    },
    /// One that fits no file.
    #[error("quantised it would take {bytes} bytes, and one file holds less than 2 GiB")]
    TooLarge {
        /// Bytes it would take.
        bytes: usize,
    },
}

/// The model in 8-bit integers, with synthetic ranges: for timing only. Elements that it keeps in other files are out of reach; [`quantize_file`] finds
/// them.
///
/// Nodes and values keep their names; what is put between is called after the value, with `.quantize` and `.dequantize` behind it. Equal bytes in give
/// equal bytes out.
///
/// # Errors
/// For bytes that are no model, and for a model that is quantised already, that is older than operator set 13, or in which there is nothing to quantise.
pub fn quantize(bytes: &[u8]) -> Result<Vec<u8>, QuantizeError> {
    quantized(complete(bytes)?)
}

/// The same of a model's file.
///
/// # Errors
/// As [`quantize`]; also for a file that can't be read, and for elements that are missing or outside the model's folder.
pub fn quantize_file(path: &Path) -> Result<Vec<u8>, QuantizeError> {
    quantized(complete_file(path)?)
}

/// Whether a model computes in integers, or says which numbers to compute in integers.
///
/// # Errors
/// For bytes that are no model.
pub fn is_quantized(bytes: &[u8]) -> Result<bool, ImportError> {
    let model = skeleton(bytes)?;
    Ok(model.graph.as_ref().and_then(quantized_node).is_some())
}

fn quantized(mut model: ModelProto) -> Result<Vec<u8>, QuantizeError> {
    let opset = opset(&model);
    let Some(graph) = model.graph.take() else {
        return Err(ImportError::NotOnnx("it holds no graph".to_owned()).into());
    };
    if let Some(node) = quantized_node(&graph) {
        return Err(QuantizeError::Already {
            node: label(node).to_owned(),
            op: node.op_type().to_owned(),
        });
    }
    if opset < LEAST_OPSET {
        return Err(QuantizeError::Opset { found: opset });
    }
    kept_whole(&graph)?;
    let graph = rewrite::rewritten(graph).ok_or(QuantizeError::Nothing)?;
    model.graph = Some(graph);
    model.metadata_props.push(StringStringEntryProto {
        key: Some("roofnas.quantization".to_owned()),
        value: Some("int8 with synthetic ranges: for timing only".to_owned()),
    });
    let bytes = model.encoded_len();
    if bytes > MOST_BYTES {
        return Err(QuantizeError::TooLarge { bytes });
    }
    Ok(model.encode_to_vec())
}

/// The version of ONNX's own operators.
fn opset(model: &ModelProto) -> i64 {
    let mut sets = model.opset_import.iter();
    let own = sets.find(|set| matches!(set.domain(), "" | "ai.onnx"));
    own.map_or(0, OperatorSetIdProto::version)
}

/// A node whose operator has to do with 8-bit integers, in the graph or in one that a node holds.
fn quantized_node(graph: &GraphProto) -> Option<&NodeProto> {
    graph.node.iter().find_map(|node| {
        let op = node.op_type();
        let is_integer = op.starts_with("QLinear")
            || [
                "QuantizeLinear",
                "DequantizeLinear",
                "DynamicQuantizeLinear",
            ]
            .contains(&op)
            || ["ConvInteger", "MatMulInteger", "QGemm", "QAttention"].contains(&op);
        if is_integer {
            return Some(node);
        }
        let mut held = node
            .attribute
            .iter()
            .filter_map(|attribute| attribute.g.as_deref());
        held.find_map(quantized_node)
    })
}

/// Refuses what this crate's messages don't hold, and so would not write again.
fn kept_whole(graph: &GraphProto) -> Result<(), QuantizeError> {
    let mut values = graph.input.iter().chain(&graph.output);
    let is_lost = |info: &&ValueInfoProto| {
        let kind = info.r#type.as_ref();
        kind.is_some_and(|kind| kind.tensor_type.is_none())
    };
    if let Some(lost) = values.find(is_lost) {
        return Err(QuantizeError::Value {
            value: lost.name().to_owned(),
        });
    }
    for node in &graph.node {
        for attribute in &node.attribute {
            if let Some(held) = attribute.g.as_deref() {
                kept_whole(held)?;
            }
            attribute.graphs.iter().try_for_each(kept_whole)?;
            let is_kept = !matches!(
                attribute.r#type(),
                AttributeType::SparseTensor
                    | AttributeType::SparseTensors
                    | AttributeType::TypeProto
                    | AttributeType::TypeProtos
            );
            if !is_kept {
                return Err(QuantizeError::Attribute {
                    node: label(node).to_owned(),
                    op: node.op_type().to_owned(),
                    attribute: attribute.name().to_owned(),
                });
            }
        }
    }
    Ok(())
}
