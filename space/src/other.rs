//! Operators outside the families that this tool builds itself: those of split-and-merge blocks, decoders, attention and norms.
//!
//! They are known by their names, which are those of tables of layers, and by their shapes, which say the rest. So a network that uses
//! them can be written as ONNX, and whatever else goes by such a name is told apart.

use std::borrow::Cow;

use crate::op::{Other, Work};
use crate::shape::Shape;

/// How a feature map is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// Each element is repeated.
    Nearest,
    /// Between each four elements: seven FLOPs.
    Bilinear,
}

/// An operator whose name and shapes say all there is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defined {
    /// The next channels of its input: slices of one tensor take its channels in turn.
    ChannelSlice,
    /// A feature map enlarged by whole factors.
    Resize(Interpolation),
    /// Along the last axis.
    Softmax,
    /// The same elements in the same order.
    Reshape,
    /// Rows become columns.
    Transpose,
    /// Along the last axis.
    LayerNorm,
    /// Over each channel's positions.
    InstanceNorm,
    /// Over [`LOCAL_CHANNELS`] channels at each position.
    LocalResponseNorm,
}

/// Channels that a local response normalisation looks at: those of AlexNet (Krizhevsky, Sutskever, Hinton 2012) and of GoogLeNet.
pub(crate) const LOCAL_CHANNELS: usize = 5;

/// FLOPs of a local response normalisation of so many channels for each element: their squares and sum, a product, a sum, a power and a quotient.
pub(crate) const fn local_response_flops(channels: u64) -> u64 {
    2 * channels + 4
}

/// FLOPs of a normalisation by the input's own moments for each element: a mean and a mean square (4), a difference, a quotient, a product and a sum.
pub(crate) const MOMENTS_FLOPS: u64 = 7;

/// FLOPs of a softmax for each element, as readers of ONNX files and of tables count them.
const SOFTMAX_FLOPS: u64 = 5;
/// FLOPs of bilinear interpolation for each element: four products and three sums.
const BILINEAR_FLOPS: u64 = 7;

impl Other {
    /// The next `channels` channels of a feature map: slices of one tensor take its channels in turn, and so split it.
    pub const fn channel_slice(input: Shape, channels: usize) -> Self {
        Self::own("slice", Work::Move, input.with_channels(channels))
    }

    /// A feature map with each side `factor` times as long.
    pub const fn resize(input: Shape, factor: usize, interpolation: Interpolation) -> Self {
        let work = match interpolation {
            Interpolation::Nearest => Work::Move,
            Interpolation::Bilinear => Work::Elementwise {
                flops: BILINEAR_FLOPS,
            },
        };
        let output = Shape::new(input.channels, input.height * factor, input.width * factor);
        Self::own("resize", work, output)
    }

    /// Positive numbers that add up to 1 along the columns.
    pub const fn softmax(input: Shape) -> Self {
        let flops = SOFTMAX_FLOPS;
        Self::own("softmax", Work::Elementwise { flops }, input)
    }

    /// The same elements under another shape, which must have as many.
    pub const fn reshape(output: Shape) -> Self {
        Self::own("reshape", Work::View, output)
    }

    /// Rows and columns exchanged, channel by channel.
    pub const fn transpose(input: Shape) -> Self {
        let output = Shape::new(input.channels, input.width, input.height);
        Self::own("transpose", Work::Move, output)
    }

    /// Each row with a mean of 0 and a variance of 1, then scaled and shifted by two parameters for each column.
    pub const fn layer_norm(input: Shape) -> Self {
        Self::moments("layernorm", input, input.width)
    }

    /// Each channel with a mean of 0 and a variance of 1, then scaled and shifted.
    pub const fn instance_norm(input: Shape) -> Self {
        Self::moments("instancenorm", input, input.channels)
    }

    /// Each element divided by a power of the squares of the same position in five neighbouring channels.
    pub const fn local_response_norm(input: Shape) -> Self {
        let flops = local_response_flops(LOCAL_CHANNELS as u64);
        Self::own("lrn", Work::Elementwise { flops }, input)
    }

    const fn moments(name: &'static str, input: Shape, scales: usize) -> Self {
        let flops = MOMENTS_FLOPS;
        let mut norm = Self::own(name, Work::Elementwise { flops }, input);
        norm.weights = 2 * scales as u64;
        norm
    }

    const fn own(name: &'static str, work: Work, output: Shape) -> Self {
        Self {
            name: Cow::Borrowed(name),
            work,
            weights: 0,
            output,
        }
    }

    /// What it is for this input, if it is one of those above.
    pub(crate) fn defined(&self, input: Shape) -> Option<Defined> {
        let output = self.output;
        let factor = (output.height / input.height.max(1)).max(1);
        let resized = |interpolation| Self::resize(input, factor, interpolation) == *self;
        match &*self.name {
            "slice" if output.channels <= input.channels => {
                let same = Self::channel_slice(input, output.channels) == *self;
                same.then_some(Defined::ChannelSlice)
            }
            "resize" => [Interpolation::Nearest, Interpolation::Bilinear]
                .into_iter()
                .find(|&interpolation| resized(interpolation))
                .map(Defined::Resize),
            "softmax" => (Self::softmax(input) == *self).then_some(Defined::Softmax),
            "reshape" => {
                let same = Self::reshape(output) == *self && output.elements() == input.elements();
                same.then_some(Defined::Reshape)
            }
            "transpose" => (Self::transpose(input) == *self).then_some(Defined::Transpose),
            "layernorm" => (Self::layer_norm(input) == *self).then_some(Defined::LayerNorm),
            "instancenorm" => {
                (Self::instance_norm(input) == *self).then_some(Defined::InstanceNorm)
            }
            "lrn" => {
                (Self::local_response_norm(input) == *self).then_some(Defined::LocalResponseNorm)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_told_apart() {
        let map = Shape::new(12, 8, 6);
        let table = [
            (Other::channel_slice(map, 4), Some(Defined::ChannelSlice)),
            (Other::channel_slice(map, 16), None),
            (
                Other::resize(map, 2, Interpolation::Bilinear),
                Some(Defined::Resize(Interpolation::Bilinear)),
            ),
            (Other::softmax(map), Some(Defined::Softmax)),
            (Other::softmax(map.with_channels(3)), None),
            (Other::reshape(Shape::new(3, 4, 48)), Some(Defined::Reshape)),
            (Other::reshape(Shape::new(3, 4, 49)), None),
            (Other::transpose(map), Some(Defined::Transpose)),
            (Other::layer_norm(map), Some(Defined::LayerNorm)),
            (Other::layer_norm(Shape::new(12, 8, 7)), None),
            (Other::instance_norm(map), Some(Defined::InstanceNorm)),
            (
                Other {
                    weights: 0,
                    ..Other::instance_norm(map)
                },
                None,
            ),
            (
                Other::local_response_norm(map),
                Some(Defined::LocalResponseNorm),
            ),
            (
                Other {
                    output: map,
                    ..Other::transpose(map)
                },
                None,
            ),
            (
                Other {
                    name: "Softmax".into(),
                    ..Other::softmax(map)
                },
                None,
            ),
        ];
        for (other, defined) in table {
            assert_eq!(other.defined(map), defined, "{other:?}");
        }
    }
}
