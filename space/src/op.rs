//! Operators and the shapes they produce.

use std::borrow::Cow;

use thiserror::Error;

use crate::activation::Activation;
use crate::shape::Shape;

/// A 2-D convolution. Its input channels are those of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Output channels.
    pub out_channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride over rows and columns.
    pub stride: [usize; 2],
    /// Dilation over rows and columns.
    pub dilation: [usize; 2],
    /// Zeros added on either side of the rows and of the columns.
    pub padding: [usize; 2],
    /// Groups: each sees `C_in / groups` of the input channels.
    pub groups: usize,
    /// Whether the convolution itself has a bias (beside one folded in from batch-norm).
    pub bias: bool,
}

impl Conv {
    /// A square kernel of odd size, padded so that the output is `ceil(input / stride)`.
    pub const fn same(out_channels: usize, kernel: usize, stride: usize) -> Self {
        Self {
            out_channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            padding: [(kernel - 1) / 2; 2],
            groups: 1,
            bias: false,
        }
    }

    /// A 1x1 convolution.
    pub const fn pointwise(out_channels: usize) -> Self {
        Self::same(out_channels, 1, 1)
    }

    /// The same convolution in groups.
    pub const fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The same convolution with a bias.
    pub const fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    /// Number of weights, biases apart: `C_out * C_in / groups * k_h * k_w`.
    pub const fn weights(&self, in_channels: usize) -> u64 {
        self.out_channels as u64 * self.fan_in(in_channels)
    }

    /// Inputs that one output element sums over: `C_in / groups * k_h * k_w`.
    pub const fn fan_in(&self, in_channels: usize) -> u64 {
        (in_channels / self.groups) as u64 * (self.kernel[0] * self.kernel[1]) as u64
    }

    /// Whether every input channel has filters of its own and no more: `groups == C_in > 1`.
    pub const fn is_depthwise(&self, in_channels: usize) -> bool {
        self.groups == in_channels && in_channels > 1
    }

    /// Whether the kernel is 1x1.
    pub const fn is_pointwise(&self) -> bool {
        self.kernel[0] == 1 && self.kernel[1] == 1
    }

    /// Whether it has the form that engines run with Winograd's algorithm: 3x3, stride 1, no dilation, one group.
    pub const fn suits_winograd(&self) -> bool {
        self.kernel_area() == 9
            && self.kernel[0] == 3
            && self.stride_area() == 1
            && self.dilation[0] == 1
            && self.dilation[1] == 1
            && self.groups == 1
    }

    /// Elements of the window.
    pub const fn kernel_area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Input positions for each output position.
    pub const fn stride_area(&self) -> usize {
        self.stride[0] * self.stride[1]
    }
}

/// A 2-D transposed convolution: each input element spreads over a window of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvTranspose {
    /// Its channels, kernel, stride, dilation, padding, groups and bias, as those of the convolution it transposes.
    pub conv: Conv,
    /// Rows and columns added at the output's far ends.
    pub output_padding: [usize; 2],
}

impl ConvTranspose {
    /// Number of weights, biases apart: `C_in * C_out / groups * k_h * k_w`.
    pub const fn weights(&self, in_channels: usize) -> u64 {
        in_channels as u64 * self.spread()
    }

    /// Multiplications for one input element: `C_out / groups * k_h * k_w`.
    pub const fn spread(&self) -> u64 {
        let Conv {
            out_channels,
            kernel,
            groups,
            ..
        } = self.conv;
        (out_channels / groups) as u64 * (kernel[0] * kernel[1]) as u64
    }
}

/// A product of matrices that is not a linear layer over its whole input: over tokens, or of two activations, as in
/// attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MatMul {
    /// Multiply-accumulate operations, for one image.
    pub macs: u64,
    /// Weights and biases; 0 where both factors are activations.
    pub weights: u64,
    /// Shape of the product.
    pub output: Shape,
}

impl MatMul {
    /// A linear layer with bias over each row of each channel, the features along the width: over tokens.
    pub const fn over_tokens(input: Shape, out_features: usize) -> Self {
        Self {
            macs: input.elements() * out_features as u64,
            weights: (input.width as u64 + 1) * out_features as u64,
            output: Shape::new(input.channels, input.height, out_features),
        }
    }
}

/// An operator of another kind, known by its name and by the work it does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Other {
    /// What its source calls it.
    pub name: Cow<'static, str>,
    /// What it does to arithmetic and memory.
    pub work: Work,
    /// Its parameters, such as the scales of a layer normalisation.
    pub weights: u64,
    /// Shape of its output.
    pub output: Shape,
}

/// The work of an operator outside the families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Arithmetic on each output element.
    Elementwise {
        /// FLOPs per output element.
        flops: u64,
    },
    /// A reduction over its input.
    Reduction {
        /// FLOPs per input element.
        flops: u64,
    },
    /// Elements are copied, not computed.
    Move,
    /// Nothing happens: the same memory under another shape.
    View,
    /// Nobody here knows.
    Unknown,
}

/// How a pooling window is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Average,
}

/// A pooling operator with a square window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    /// How a window is reduced.
    pub kind: PoolKind,
    /// Side of the window.
    pub kernel: usize,
    /// Stride over rows and columns.
    pub stride: usize,
    /// Padding on each side.
    pub padding: usize,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// 2-D convolution.
    Conv(Conv),
    /// 2-D transposed convolution.
    ConvTranspose(ConvTranspose),
    /// Fully connected layer over the flattened input.
    Linear {
        /// Output features.
        out_features: usize,
        /// Whether it adds a bias.
        bias: bool,
    },
    /// Another product of matrices.
    MatMul(MatMul),
    /// Pooling over windows.
    Pool(Pool),
    /// Mean over all positions: `(C, H, W)` to `(C, 1, 1)`.
    GlobalAvgPool,
    /// Batch normalisation: two trainable parameters a channel, folded into a convolution
    /// right before it when deployed.
    BatchNorm,
    /// Elementwise activation.
    Activation(Activation),
    /// Sum of two tensors of one shape.
    Add,
    /// Product of a feature map `(C, H, W)` with a gate `(C, 1, 1)`: the end of squeeze-and-excite.
    Scale,
    /// Concatenation along the channels.
    Concat,
    /// Channel shuffle: channel `i` of `groups x n` goes to `(i % n) * groups + i / n`.
    ChannelShuffle {
        /// Number of groups the channels are taken from.
        groups: usize,
    },
    /// Whatever else a network from elsewhere holds.
    Other(Other),
}

/// An operator that can't take the inputs it is given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// Wrong number of inputs.
    #[error("{op} takes {expected} but is given {given} inputs")]
    Inputs {
        /// The operator's name.
        op: String,
        /// What it takes.
        expected: &'static str,
        /// How many it was given.
        given: usize,
    },
    /// Input shapes that don't go together.
    #[error("{op} can't combine {left} with {right}")]
    Mismatch {
        /// The operator's name.
        op: String,
        /// First shape.
        left: Shape,
        /// The other shape.
        right: Shape,
    },
    /// Groups that don't divide the channels.
    #[error("{op} has {groups} groups, which must divide its {channels} channels")]
    Groups {
        /// The operator's name.
        op: String,
        /// Groups.
        groups: usize,
        /// Channels they should divide.
        channels: usize,
    },
    /// A window larger than the padded input, or a kernel, stride or dilation of zero.
    #[error("{op} has no output for an input of {input}: kernel {kernel}, stride {stride}")]
    Window {
        /// The operator's name.
        op: String,
        /// Input shape.
        input: Shape,
        /// Kernel size along the offending axis.
        kernel: usize,
        /// Stride along it.
        stride: usize,
    },
}

impl Op {
    /// The operator's name in layer tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Conv(_) => "conv",
            Self::ConvTranspose(_) => "conv_transpose",
            Self::MatMul(_) => "matmul",
            Self::Other(other) => &other.name,
            Self::Linear { .. } => "linear",
            Self::Pool(_) => "pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::BatchNorm => "batch_norm",
            Self::Activation(_) => "activation",
            Self::Add => "add",
            Self::Scale => "mul",
            Self::Concat => "concat",
            Self::ChannelShuffle { .. } => "channel_shuffle",
        }
    }

    /// Shape of the output for these inputs.
    ///
    /// # Errors
    /// When the number of inputs or their shapes don't suit the operator.
    pub fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        match self {
            Self::Conv(conv) => self.conv_shape(conv, self.single(inputs)?),
            Self::ConvTranspose(conv) => self.conv_transpose_shape(conv, self.single(inputs)?),
            Self::Linear { out_features, .. } => {
                self.single(inputs)?;
                Ok(Shape::new(*out_features, 1, 1))
            }
            Self::MatMul(product) => Ok(product.output),
            Self::Other(other) => Ok(other.output),
            Self::Pool(pool) => self.pool_shape(pool, self.single(inputs)?),
            Self::GlobalAvgPool => Ok(Shape::new(self.single(inputs)?.channels, 1, 1)),
            Self::BatchNorm | Self::Activation(_) => self.single(inputs),
            Self::ChannelShuffle { groups } => {
                let input = self.single(inputs)?;
                self.divides(*groups, input.channels)?;
                Ok(input)
            }
            Self::Add => {
                let (left, right) = self.pair(inputs)?;
                self.matching(left == right, left, right)
            }
            Self::Scale => {
                let (map, gate) = self.pair(inputs)?;
                self.matching(gate == Shape::new(map.channels, 1, 1), map, gate)
            }
            Self::Concat => self.concat_shape(inputs),
        }
    }

    /// The operator after its first input has changed: a depthwise convolution has the input's channels, and an operator that
    /// kept its input's shape still does.
    pub(crate) fn following(
        self,
        before: Option<&Shape>,
        after: Option<&Shape>,
        output: Shape,
    ) -> Self {
        let (Some(before), Some(after)) = (before, after) else {
            return self;
        };
        if before == after {
            return self;
        }
        match self {
            Self::Conv(conv)
                if conv.groups == before.channels && conv.out_channels == before.channels =>
            {
                Self::Conv(Conv {
                    out_channels: after.channels,
                    groups: after.channels,
                    ..conv
                })
            }
            Self::Other(other) if output == *before => Self::Other(Other {
                output: *after,
                ..other
            }),
            other => other,
        }
    }

    fn conv_shape(&self, conv: &Conv, input: Shape) -> Result<Shape, ShapeError> {
        self.divides(conv.groups, input.channels)?;
        self.divides(conv.groups, conv.out_channels)?;
        let side = |axis: usize, size: usize| {
            self.windows(
                input,
                size + 2 * conv.padding[axis],
                conv.kernel[axis],
                conv.stride[axis],
                conv.dilation[axis],
            )
        };
        Ok(Shape::new(
            conv.out_channels,
            side(0, input.height)?,
            side(1, input.width)?,
        ))
    }

    /// Each side: `(input - 1) * stride + dilation * (kernel - 1) + 1 + output_padding - 2 * padding`.
    fn conv_transpose_shape(
        &self,
        transposed: &ConvTranspose,
        input: Shape,
    ) -> Result<Shape, ShapeError> {
        let conv = &transposed.conv;
        self.divides(conv.groups, input.channels)?;
        self.divides(conv.groups, conv.out_channels)?;
        let side = |axis: usize, size: usize| {
            let (kernel, stride) = (conv.kernel[axis], conv.stride[axis]);
            let window = conv.dilation[axis] * kernel.saturating_sub(1) + 1;
            let whole = size.saturating_sub(1) * stride + window + transposed.output_padding[axis];
            let side = whole.checked_sub(2 * conv.padding[axis]);
            side.filter(|&side| side > 0 && kernel > 0 && stride > 0)
                .ok_or_else(|| ShapeError::Window {
                    op: self.name().to_owned(),
                    input,
                    kernel,
                    stride,
                })
        };
        Ok(Shape::new(
            conv.out_channels,
            side(0, input.height)?,
            side(1, input.width)?,
        ))
    }

    fn pool_shape(&self, pool: &Pool, input: Shape) -> Result<Shape, ShapeError> {
        let side =
            |size: usize| self.windows(input, size + 2 * pool.padding, pool.kernel, pool.stride, 1);
        Ok(Shape::new(
            input.channels,
            side(input.height)?,
            side(input.width)?,
        ))
    }

    fn concat_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [first, rest @ ..] = inputs else {
            return Err(self.wrong_inputs("one or more", 0));
        };
        let mut channels = first.channels;
        for other in rest {
            self.matching(first.resolution() == other.resolution(), *first, *other)?;
            channels += other.channels;
        }
        Ok(first.with_channels(channels))
    }

    /// How many windows fit: `floor((padded - dilation * (kernel - 1) - 1) / stride) + 1`.
    fn windows(
        &self,
        input: Shape,
        padded: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
    ) -> Result<usize, ShapeError> {
        let extent = dilation * kernel.saturating_sub(1) + 1;
        if kernel == 0 || stride == 0 || dilation == 0 || extent > padded {
            return Err(ShapeError::Window {
                op: self.name().to_owned(),
                input,
                kernel,
                stride,
            });
        }
        Ok((padded - extent) / stride + 1)
    }

    fn single(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        match inputs {
            [input] => Ok(*input),
            _ => Err(self.wrong_inputs("one input", inputs.len())),
        }
    }

    fn pair(&self, inputs: &[Shape]) -> Result<(Shape, Shape), ShapeError> {
        match inputs {
            [left, right] => Ok((*left, *right)),
            _ => Err(self.wrong_inputs("two inputs", inputs.len())),
        }
    }

    fn wrong_inputs(&self, expected: &'static str, given: usize) -> ShapeError {
        ShapeError::Inputs {
            op: self.name().to_owned(),
            expected,
            given,
        }
    }

    fn matching(&self, matches: bool, left: Shape, right: Shape) -> Result<Shape, ShapeError> {
        if matches {
            Ok(left)
        } else {
            Err(ShapeError::Mismatch {
                op: self.name().to_owned(),
                left,
                right,
            })
        }
    }

    fn divides(&self, groups: usize, channels: usize) -> Result<(), ShapeError> {
        if groups > 0 && channels.is_multiple_of(groups) {
            Ok(())
        } else {
            Err(ShapeError::Groups {
                op: self.name().to_owned(),
                groups,
                channels,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_shapes() {
        // kernel, stride, dilation, padding, input side -> output side
        let table = [
            (3, 1, 1, 1, 20, 20),
            (3, 2, 1, 1, 224, 112),
            (3, 2, 1, 1, 7, 4),
            (7, 2, 1, 3, 224, 112),
            (5, 1, 2, 4, 32, 32),
            (4, 4, 1, 0, 224, 56),
            (1, 2, 1, 0, 7, 4),
            (3, 1, 1, 0, 3, 1),
        ];
        for (kernel, stride, dilation, padding, input, output) in table {
            let conv = Op::Conv(Conv {
                dilation: [dilation; 2],
                padding: [padding; 2],
                ..Conv::same(16, kernel, stride)
            });
            let shape = conv.output_shape(&[Shape::new(8, input, input)]).unwrap();
            assert_eq!(
                shape,
                Shape::new(16, output, output),
                "k{kernel} s{stride} d{dilation} p{padding}"
            );
        }
    }

    #[test]
    fn transposed_convolutions_turn_convolutions_back() {
        // kernel, stride, padding, output padding, input side -> output side
        let table = [
            (4, 2, 1, 0, 13, 26),
            (3, 2, 1, 1, 7, 14),
            (2, 2, 0, 0, 10, 20),
            (1, 2, 0, 0, 11, 21),
        ];
        for (kernel, stride, padding, output_padding, input, output) in table {
            let transposed = ConvTranspose {
                conv: Conv {
                    padding: [padding; 2],
                    ..Conv::same(8, kernel, stride)
                },
                output_padding: [output_padding; 2],
            };
            let shape = Op::ConvTranspose(transposed).output_shape(&[Shape::new(16, input, input)]);
            assert_eq!(
                shape,
                Ok(Shape::new(8, output, output)),
                "k{kernel} s{stride}"
            );
            assert_eq!(transposed.weights(16), 16 * 8 * (kernel * kernel) as u64);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let map = Shape::new(12, 8, 8);
        let conv = |conv: Conv| Op::Conv(conv).output_shape(&[map]).unwrap_err();
        assert_eq!(
            conv(Conv::same(16, 3, 1).grouped(8)).to_string(),
            "conv has 8 groups, which must divide its 12 channels"
        );
        assert!(matches!(
            conv(Conv {
                padding: [0; 2],
                ..Conv::same(8, 9, 1)
            }),
            ShapeError::Window { .. }
        ));
        assert!(matches!(
            conv(Conv::same(8, 3, 0)),
            ShapeError::Window { .. }
        ));
        assert!(matches!(
            Op::Add.output_shape(&[map]),
            Err(ShapeError::Inputs { .. })
        ));
        assert_eq!(
            Op::Add
                .output_shape(&[map, Shape::new(12, 4, 4)])
                .unwrap_err()
                .to_string(),
            "add can't combine 12x8x8 with 12x4x4"
        );
        assert!(Op::Scale.output_shape(&[map, map]).is_err());
        assert!(Op::Concat.output_shape(&[]).is_err());
    }

    #[test]
    fn joining_shapes() {
        let map = Shape::new(12, 8, 8);
        assert_eq!(
            Op::Concat.output_shape(&[map, map.with_channels(4)]),
            Ok(map.with_channels(16))
        );
        assert_eq!(
            Op::Scale.output_shape(&[map, Shape::new(12, 1, 1)]),
            Ok(map)
        );
        assert_eq!(
            Op::GlobalAvgPool.output_shape(&[map]),
            Ok(Shape::new(12, 1, 1))
        );
    }
}
