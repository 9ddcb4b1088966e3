//! Why a file can't be imported.

use std::path::PathBuf;

use thiserror::Error;

use crate::network::NetworkError;

/// A file that can't be imported. What comes from the file is named as it is called there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImportError {
    /// Bytes that are not an ONNX model.
    #[error("not an ONNX model: {0}")]
    NotOnnx(String),
    /// A model whose graph makes no sense as a whole.
    #[error("the model's graph {0}")]
    Graph(String),
    /// An input of the model whose shape can't be had.
    #[error("input {name}: {reason}")]
    Input {
        /// The input.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A stored tensor that contradicts itself.
    #[error("tensor {name}: {reason}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A node that can't do what it says.
    #[error("node {node} ({op}): {reason}")]
    Node {
        /// The node's name, or that of its first output.
        node: String,
        /// Its operator.
        op: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that can't be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Layers that make no network.
    #[error(transparent)]
    Network(#[from] NetworkError),
}
