//! A neck and head that every network of a space carries: a feature pyramid, the towers of a detector, the decoder of a segmenter.
//!
//! It isn't searched: its layers are given, as an ONNX model or a [table of layers](crate::layers_csv), and take the place of a classifier. Its
//! inputs are the feature maps of a backbone at some strides. A network as it is [deployed](crate::SearchSpace::deployed) is the backbone with
//! the head behind it, in one graph: what it costs is what that graph costs.
//!
//! ```
//! use roofnas_space::{FixedHead, Resolution};
//!
//! let table = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,from
//! tiny,0,conv,1,1,1,1,1,1,40,28,28,64,28,28,stride8
//! tiny,1,conv,3,3,1,1,1,1,64,28,28,85,28,28,0
//! ";
//! let head = FixedHead::from_layers(table.as_bytes())?;
//! assert_eq!(head.strides(Resolution::square(224))?, [8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attached;
mod cut;
mod error;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

pub(crate) use attached::Attached;
pub use cut::HeadCut;
pub use error::{FixedHeadError, HeadCutError, HeadTableError};

use crate::network::{Network, NetworkBuilder, NetworkError, Part, Tensor};
use crate::onnx::{self, ImportError};
use crate::op::{Op, Other, Work};
use crate::shape::{Resolution, Shape};

/// A feature map that a head reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadInput {
    /// Its name in the file.
    pub name: String,
    /// Its shape there.
    pub shape: Shape,
}

/// A neck and head, with the feature maps that it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedHead {
    inputs: Vec<HeadInput>,
    /// As many layers as there are inputs stand for them and take no time; the head's own come after.
    network: Network,
}

/// The largest stride at which feature maps are looked for.
const LARGEST_STRIDE: usize = 256;

impl FixedHead {
    /// Reads a table of layers, in which `from` calls feature maps `stride8`, `stride16` and so on. The shape of one is that which its first
    /// reader states; where it never comes first among what a layer reads, a row with the operator `input` and 0 inputs states it.
    ///
    /// # Errors
    /// When the table can't be used, with the line.
    pub fn from_layers(text: &[u8]) -> Result<Self, HeadTableError> {
        table::read(text)
    }

    /// Reads an ONNX file, of which every input with four axes is a feature map. The other value is the model without the elements of its
    /// weights, which says as much about the head.
    ///
    /// # Errors
    /// As [`onnx::import_file`], and for a model with an input that is no feature map.
    pub fn from_onnx_file(path: &Path) -> Result<(Self, Vec<u8>), ImportError> {
        onnx::import_head_file(path)
    }

    /// Cuts the head out of the ONNX file of a whole network, which was read as `network`. Its inputs are called `stride8`, `stride16` and so on.
    /// The other value is the head as a model of its own, without the elements of its weights.
    ///
    /// # Errors
    /// As [`onnx::import_file`], and where the head reads something else than the feature maps.
    pub fn cut_from_onnx_file(
        path: &Path,
        name: &str,
        network: &Network,
        cut: &HeadCut,
    ) -> Result<(Self, Vec<u8>), HeadCutError> {
        onnx::cut_head_file(path, name, network, cut)
    }

    /// A builder for a head with these inputs, and their tensors.
    pub(crate) fn begin(
        name: impl Into<String>,
        inputs: &[HeadInput],
    ) -> (NetworkBuilder, Vec<Tensor>) {
        let image = inputs
            .first()
            .map_or(Shape::new(1, 1, 1), |first| first.shape);
        let mut builder = NetworkBuilder::new(name, image);
        builder.section(Part::FixedHead, "");
        let tensors = inputs.iter().map(|input| {
            let op = stand_in(input.shape);
            builder.push_shaped(input.name.clone(), op, &[Tensor::Input], input.shape)
        });
        let tensors = tensors.collect();
        (builder, tensors)
    }

    /// The head that a builder [begun](Self::begin) with these inputs has become.
    pub(crate) fn finish(
        inputs: Vec<HeadInput>,
        builder: NetworkBuilder,
    ) -> Result<Self, NetworkError> {
        Ok(Self {
            inputs,
            network: builder.finish()?,
        })
    }

    /// Its name: that of the table's network or of the file.
    pub fn name(&self) -> &str {
        self.network.name()
    }

    /// What it reads.
    pub fn inputs(&self) -> &[HeadInput] {
        &self.inputs
    }

    /// The head as a network of its own, in which the first layers, as many as there are [inputs](Self::inputs), stand for the feature maps:
    /// they are views and cost nothing.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Number of its layers.
    pub fn layers(&self) -> usize {
        self.network.layers().len() - self.inputs.len()
    }

    /// Layers whose operator nobody knows, by name, with the operator's.
    pub fn unknown_layers(&self) -> Vec<(String, String)> {
        let layers = self.network.layers().iter();
        let unknown = layers.filter_map(|layer| match &layer.op {
            Op::Other(other) if other.work == Work::Unknown => {
                Some((layer.name.to_string(), other.name.to_string()))
            }
            _ => None,
        });
        unknown.collect()
    }

    /// The stride at which each input is found in networks for images of this size: by its name, such as `stride8`, or else by its size.
    ///
    /// # Errors
    /// When feature maps have no such size, when several strides have it, or when two inputs are the same feature map.
    pub fn strides(&self, image: Resolution) -> Result<Vec<usize>, FixedHeadError> {
        let mut strides = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let stride = stride_of(input, image)?;
            if strides.contains(&stride) {
                let input = input.name.clone();
                return Err(FixedHeadError::Twice { input, stride });
            }
            strides.push(stride);
        }
        Ok(strides)
    }

    /// The same head for feature maps with other channels. Convolutions take on what they are given.
    fn with_channels(&self, channels: &[usize]) -> Result<Network, NetworkError> {
        self.network.with_ops(|layer, _| {
            let (input, channels) = (self.inputs.get(layer)?, channels.get(layer)?);
            (input.shape.channels != *channels)
                .then(|| stand_in(input.shape.with_channels(*channels)))
        })
    }

    /// A backbone with this head behind it, which reads these tensors of it. Outputs are the head's.
    fn after(&self, backbone: Network, levels: &[Tensor]) -> Result<Network, NetworkError> {
        let channels: Vec<usize> = levels
            .iter()
            .map(|&level| backbone.shape(level).channels)
            .collect();
        let head = self.with_channels(&channels)?;
        let mut builder = NetworkBuilder::continuing(backbone);
        let description = format!("{}, not searched", self.name());
        builder.section(Part::FixedHead, description);
        let mut tensors: Vec<Tensor> = levels.to_vec();
        let place = |tensor: Tensor, tensors: &[Tensor]| match tensor {
            Tensor::Layer(layer) => tensors[layer],
            other => other,
        };
        for layer in &head.layers()[levels.len()..] {
            let inputs: Vec<Tensor> = layer.inputs.iter().map(|&x| place(x, &tensors)).collect();
            let name = layer.name.clone();
            tensors.push(builder.push_shaped(name, layer.op.clone(), &inputs, layer.output));
        }
        for output in head.outputs() {
            builder.output(output.name.clone(), place(output.tensor, &tensors));
        }
        builder.finish()
    }
}

/// A layer that stands for a feature map.
fn stand_in(shape: Shape) -> Op {
    Op::Other(Other {
        name: "input".into(),
        work: Work::View,
        weights: 0,
        output: shape,
    })
}

/// The stride that a name such as `stride8` states.
fn named_stride(name: &str) -> Option<usize> {
    name.strip_prefix("stride")?.parse().ok()
}

fn stride_of(input: &HeadInput, image: Resolution) -> Result<usize, FixedHeadError> {
    let strides = || std::iter::successors(Some(1), |stride| Some(2 * stride));
    let strides = || strides().take_while(|&stride| stride <= LARGEST_STRIDE);
    let fits = |stride: usize| image.strided(stride) == input.shape.resolution();
    let named = named_stride(&input.name);
    if let Some(stride) =
        named.filter(|&stride| strides().any(|known| known == stride) && fits(stride))
    {
        return Ok(stride);
    }
    let found: Vec<usize> = strides().filter(|&stride| fits(stride)).collect();
    match (&found[..], named) {
        (&[stride], None) => Ok(stride),
        (&[_, _, ..], None) => Err(FixedHeadError::Ambiguous {
            input: input.name.clone(),
            shape: input.shape,
            strides: found,
        }),
        _ => Err(FixedHeadError::Size {
            input: input.name.clone(),
            shape: input.shape,
            image,
        }),
    }
}
