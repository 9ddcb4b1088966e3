//! From layers with all their shapes to a network.

use std::collections::HashMap;

use super::dims::per_image;
use super::error::ImportError;
use super::step::{Called, Step, Traced};
use super::value::Source;
use crate::file_names::FileNames;
use crate::fixed_head::{FixedHead, HeadInput};
use crate::network::{Network, NetworkBuilder, Tensor};
use crate::op::Op;
use crate::shape::Shape;

/// More multiplications, elements or weights than any network has: sums and small multiples of them fit 64 bits.
const MAX_TOTAL: u128 = 1 << 52;

pub(super) fn network(traced: Traced, name: Option<&str>) -> Result<Network, ImportError> {
    let name = name.filter(|name| !name.is_empty()).unwrap_or("network");
    let (image, input) = traced.image;
    let mut builder = NetworkBuilder::new(name, input);
    let mut tensors: Vec<Option<Tensor>> = vec![None; traced.values.len()];
    for (id, value) in traced.values.iter().enumerate() {
        let shape = || per_image(value.dims.as_deref().unwrap_or_default(), traced.images);
        tensors[id] = match value.source {
            _ if Some(id) == image => Some(Tensor::Input),
            Source::Argument | Source::Constant => Some(Tensor::Elsewhere(shape())),
            Source::Computed => None,
        };
    }
    let file_names = layers(traced.steps, &mut tensors, &mut builder)?;
    builder.file_names(file_names);
    outputs(traced.outputs, &tensors, &mut builder);
    Ok(builder.finish()?)
}

/// The head that a graph is whose inputs are feature maps.
pub(super) fn head(traced: Traced, name: Option<&str>) -> Result<FixedHead, ImportError> {
    let name = name.filter(|name| !name.is_empty()).unwrap_or("head");
    let dims = |id: usize| traced.values[id].dims.as_deref().unwrap_or_default();
    let inputs = traced.inputs.iter().map(|(name, id)| HeadInput {
        name: name.clone(),
        shape: per_image(dims(*id), traced.images),
    });
    let inputs: Vec<HeadInput> = inputs.collect();
    let (mut builder, maps) = FixedHead::begin(name, &inputs);
    let mut tensors: Vec<Option<Tensor>> = vec![None; traced.values.len()];
    for ((_, id), map) in traced.inputs.iter().zip(maps) {
        tensors[*id] = Some(map);
    }
    layers(traced.steps, &mut tensors, &mut builder)?;
    outputs(traced.outputs, &tensors, &mut builder);
    Ok(FixedHead::finish(inputs, builder)?)
}

fn outputs(
    outputs: Vec<(String, usize)>,
    tensors: &[Option<Tensor>],
    builder: &mut NetworkBuilder,
) {
    for (name, id) in outputs {
        if let Some(tensor) = tensors[id] {
            builder.output(name, tensor);
        }
    }
}

/// Adds the layers that steps become, and the tensors they produce; says what they are called in the file.
fn layers(
    steps: Vec<Option<Step>>,
    tensors: &mut [Option<Tensor>],
    builder: &mut NetworkBuilder,
) -> Result<FileNames, ImportError> {
    let mut names = Names::default();
    let mut file_names = FileNames::default();
    let mut total = 0_u128;
    for step in steps.into_iter().flatten() {
        let inputs = step.inputs.iter().filter_map(|&id| tensors[id]);
        let inputs: Vec<Tensor> = inputs.collect();
        let shapes: Vec<Shape> = inputs.iter().map(|&tensor| builder.shape(tensor)).collect();
        let Some(&first) = shapes.first() else {
            continue;
        };
        total += work(&step, first);
        total += shapes
            .iter()
            .map(|shape| u128::from(shape.elements()))
            .sum::<u128>();
        if total > MAX_TOTAL {
            return Err(ImportError::Node {
                node: step.name,
                op: step.op_type,
                reason: "up to here the network is more work than can be counted".to_owned(),
            });
        }
        let name = names.claim(step.name);
        let tensor = builder.push_shaped(name, step.op, &inputs, step.shape);
        if let Tensor::Layer(layer) = tensor {
            keep(&mut file_names, step.called, layer);
        }
        tensors[step.output] = Some(tensor);
    }
    Ok(file_names)
}

fn keep(names: &mut FileNames, called: Called, layer: usize) {
    for node in called.nodes {
        names.add_node(node, layer);
    }
    for value in called.values {
        names.add_value(value, layer);
    }
}

/// What a layer adds to the sums that are kept in 64 bits: multiplications and weights, or elements.
pub(super) fn work(step: &Step, input: Shape) -> u128 {
    let elements = u128::from(step.shape.elements());
    let channels = input.channels as u128;
    let wide = |kernel: [usize; 2]| kernel[0] as u128 * kernel[1] as u128;
    elements
        + match &step.op {
            Op::Conv(conv) => {
                let fan_in = channels * wide(conv.kernel);
                (elements + conv.out_channels as u128) * fan_in
            }
            Op::ConvTranspose(transposed) => {
                let spread = transposed.conv.out_channels as u128 * wide(transposed.conv.kernel);
                (u128::from(input.elements()) + channels) * spread
            }
            Op::MatMul(product) => u128::from(product.macs) + u128::from(product.weights),
            Op::Linear { .. } => elements * u128::from(input.elements()),
            Op::Pool(pool) => elements.saturating_mul((pool.kernel as u128).pow(2)),
            Op::Other(other) => {
                u128::from(other.weights)
                    + match other.work {
                        crate::op::Work::Elementwise { flops }
                        | crate::op::Work::Reduction { flops } => {
                            (elements + u128::from(input.elements())) * u128::from(flops)
                        }
                        _ => 0,
                    }
            }
            _ => 0,
        }
}

/// Names of layers, each used once.
#[derive(Default)]
struct Names {
    /// How often each has been asked for.
    asked: HashMap<String, usize>,
}

impl Names {
    fn claim(&mut self, name: String) -> String {
        let mut claimed = name.clone();
        loop {
            let count = self.asked.entry(claimed.clone()).or_insert(0);
            *count += 1;
            if *count == 1 {
                return claimed;
            }
            let count = *count;
            claimed = format!("{name}.{count}");
        }
    }
}
