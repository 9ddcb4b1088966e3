//! Networks as ONNX files.
//!
//! ```
//! use roofnas_space::onnx::{self, Batch, InitialWeights};
//! use roofnas_space::presets;
//!
//! let network = presets::landmarks().remove(0).network;
//! let bytes = onnx::export(&network, InitialWeights::seeded(1), Batch::Dynamic)?;
//! // ResNet-18 has 11.7 million parameters of four bytes
//! assert_eq!(bytes.len() / 1_000_000, 46);
//!
//! let read = onnx::import(&bytes, &onnx::ImportOptions::default())?;
//! assert_eq!(read.input(), network.input());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod export;
mod fold;
mod graph;
mod import;
mod node;
mod operators;
mod proto;
mod quantize;
#[cfg(test)]
mod test_model;
#[cfg(test)]
mod tests;
mod weights;

pub use batch::Batch;
pub use export::{ExportError, export};
pub use import::{ImportError, ImportOptions, import, import_file};
pub(crate) use import::{cut_head_file, import_head_file};
pub use operators::HELPER_NODES;
pub use quantize::{QuantizeError, is_quantized, quantize, quantize_file};
pub use weights::{InitialWeights, LayerWeights};
