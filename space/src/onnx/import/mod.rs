//! From the bytes of anybody's ONNX model to a network.
//!
//! The shapes are worked out here, from the inputs and the operators; the weights' values play no part. Each node
//! on the way from an input to an output becomes one layer, except that
//!
//! - what is computed from constants and shapes alone is folded, and nodes nobody needs are left out;
//! - an activation or a normalisation by moments written out in primitives, a channel shuffle (reshape, transpose, reshape), a product with
//!   the sum that adds its bias, and a convolution with factors and summands for its channels (a batch-norm whose statistics are frozen)
//!   become one layer, named after their last node;
//! - a node with several outputs becomes a layer for each output that is read.
//!
//! Functions that the model defines are replaced by their nodes. So is an If, by its branch where the condition is settled by the file, or
//! else by the branch of more work, and a Loop whose turns can be counted.
//!
//! Quantised operators count as their floating-point counterparts, scaling to and from integers as a view.
//! An operator without a rule becomes [`Work::Unknown`](crate::Work::Unknown) with the shape that the file declares.

mod arithmetic;
mod call;
mod control;
mod cut;
mod dims;
mod error;
mod external;
mod formula;
mod functions;
mod inference;
mod inputs;
mod lower;
mod norms;
mod numbers;
mod options;
mod order;
mod patterns;
mod rules;
mod slim;
mod step;
#[cfg(test)]
mod tests;
mod value;
mod window;

use std::path::Path;

use prost::Message;

use self::external::Take;
use self::step::Given;
use super::proto::{GraphProto, ModelProto};
use crate::fixed_head::FixedHead;
use crate::network::Network;
pub(crate) use cut::cut_head_file;
pub use error::ImportError;
pub use options::ImportOptions;
pub(in crate::onnx) use order::{label, reads};

/// The network of an ONNX model. Elements that the model keeps in other files are not looked for.
///
/// # Errors
/// For bytes that are no model, for sizes that the options leave open, and for a model that contradicts itself.
pub fn import(bytes: &[u8], options: &ImportOptions) -> Result<Network, ImportError> {
    network(&decoded(bytes)?, options)
}

/// The network of an ONNX file. Elements that the model keeps in other files must be there, beside it or
/// below.
///
/// # Errors
/// As [`import`]; also for a file that can't be read, and for elements that are missing or outside the
/// model's folder.
pub fn import_file(path: &Path, options: &ImportOptions) -> Result<Network, ImportError> {
    let bytes = external::read(path)?;
    let mut model = decoded(&bytes)?;
    drop(bytes);
    external::resolve(&mut model, path, Take::Small)?;
    network(&model, options)
}

/// The head in an ONNX file, whose inputs are feature maps, and the model without the elements of large tensors. Elements that the model keeps
/// in other files must be there; what comes back needs none.
///
/// # Errors
/// As [`import_file`]; also for an input that is no feature map, and for one that leaves its size open.
pub(crate) fn import_head_file(path: &Path) -> Result<(FixedHead, Vec<u8>), ImportError> {
    let model = without_elements(path)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy());
    let head = head(&model, name.as_deref())?;
    Ok((head, model.encode_to_vec()))
}

/// The model of a file with all its elements, and without functions of its own.
pub(super) fn complete_file(path: &Path) -> Result<ModelProto, ImportError> {
    let mut model = undiminished(&external::read(path)?)?;
    external::resolve(&mut model, path, Take::All)?;
    without_functions(model)
}

/// The same of a model's bytes; what it keeps in other files stays there.
pub(super) fn complete(bytes: &[u8]) -> Result<ModelProto, ImportError> {
    without_functions(undiminished(bytes)?)
}

/// The same without the elements of large tensors.
pub(super) fn skeleton(bytes: &[u8]) -> Result<ModelProto, ImportError> {
    without_functions(decoded(bytes)?)
}

fn undiminished(bytes: &[u8]) -> Result<ModelProto, ImportError> {
    // counts what would take more memory than any model
    slim::slimmed(bytes).map_err(ImportError::NotOnnx)?;
    ModelProto::decode(bytes).map_err(|error| ImportError::NotOnnx(error.to_string()))
}

fn without_functions(mut model: ModelProto) -> Result<ModelProto, ImportError> {
    functions::can_be_replaced(&model)?;
    if let Some(inlined) = functions::inlined(&model, graph(&model)?)? {
        model.graph = Some(inlined);
        model.functions.clear();
    }
    Ok(model)
}

/// The model of a file without the elements of large tensors.
fn without_elements(path: &Path) -> Result<ModelProto, ImportError> {
    let bytes = external::read(path)?;
    let mut model = decoded(&bytes)?;
    drop(bytes);
    external::resolve(&mut model, path, Take::Small)?;
    external::forget(&mut model);
    Ok(model)
}

/// A model whose inputs are feature maps, as a head.
fn head(model: &ModelProto, name: Option<&str>) -> Result<FixedHead, ImportError> {
    let graph = graph(model)?;
    let inlined = functions::inlined(model, graph)?;
    let graph = inlined.as_ref().unwrap_or(graph);
    let options = ImportOptions::default();
    let mut traced = inference::trace(model, graph, &options, Given::Maps)?;
    patterns::simplify(&mut traced);
    lower::head(traced, name)
}

fn graph(model: &ModelProto) -> Result<&GraphProto, ImportError> {
    let graph = model.graph.as_ref();
    graph.ok_or_else(|| ImportError::NotOnnx("it holds no graph".to_owned()))
}

fn decoded(bytes: &[u8]) -> Result<ModelProto, ImportError> {
    let slim = slim::slimmed(bytes).map_err(ImportError::NotOnnx)?;
    ModelProto::decode(&*slim).map_err(|error| ImportError::NotOnnx(error.to_string()))
}

fn network(model: &ModelProto, options: &ImportOptions) -> Result<Network, ImportError> {
    let graph = graph(model)?;
    let inlined = functions::inlined(model, graph)?;
    let graph = inlined.as_ref().unwrap_or(graph);
    let mut traced = inference::trace(model, graph, options, Given::Image)?;
    patterns::simplify(&mut traced);
    lower::network(traced, options.name.as_deref().or(graph.name.as_deref()))
}
