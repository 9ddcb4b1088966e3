//! Classes of operators: what shares a roof and an overhead.

use std::fmt;

use roofnas_space::schema::names;
use roofnas_space::{Op, Shape, Work};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A class of operators that engines run with one kind of kernel.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = names)]
#[serde(rename_all = "snake_case")]
pub enum OpClass {
    /// 1x1 convolution, one group.
    Pointwise,
    /// Convolution with a larger kernel, one group.
    Dense,
    /// Dense 3x3 convolution of stride 1: many engines run it with Winograd's algorithm, which multiplies less
    /// than its FLOPs say (Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, CVPR 2016).
    Winograd,
    /// Convolution with as many groups as input channels.
    Depthwise,
    /// Convolution with some other number of groups.
    Grouped,
    /// Fully connected.
    Linear,
    /// Pooling, global pooling included.
    Pool,
    /// Sums, gates, activations and batch-norm that stand alone.
    Elementwise,
    /// Concatenation, channel shuffle, and whatever else copies.
    DataMovement,
    /// Products of matrices that are no linear layer over the whole input: tokens, attention.
    #[serde(rename = "matmul")]
    MatMul,
    /// Another shape for the same memory: takes no time.
    View,
}

impl OpClass {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::Pointwise,
        Self::Dense,
        Self::Winograd,
        Self::Depthwise,
        Self::Grouped,
        Self::Linear,
        Self::Pool,
        Self::Elementwise,
        Self::DataMovement,
        Self::MatMul,
        Self::View,
    ];

    /// The class of an operator with this first input.
    pub const fn of(op: &Op, input: Shape) -> Self {
        match op {
            Op::ConvTranspose(transposed) if transposed.conv.groups > 1 => Self::Grouped,
            Op::ConvTranspose(_) => Self::Dense,
            Op::MatMul(_) => Self::MatMul,
            Op::Conv(conv) if conv.is_depthwise(input.channels) => Self::Depthwise,
            Op::Conv(conv) if conv.groups > 1 => Self::Grouped,
            Op::Conv(conv) if conv.is_pointwise() => Self::Pointwise,
            Op::Conv(conv) if conv.suits_winograd() => Self::Winograd,
            Op::Conv(_) => Self::Dense,
            Op::Linear { .. } => Self::Linear,
            Op::Pool(_) | Op::GlobalAvgPool => Self::Pool,
            Op::BatchNorm | Op::Activation(_) | Op::Add | Op::Scale => Self::Elementwise,
            Op::Concat | Op::ChannelShuffle { .. } => Self::DataMovement,
            Op::Other(other) => match other.work {
                // an operator nobody knows is priced as arithmetic on every element, and reported
                Work::Elementwise { .. } | Work::Unknown => Self::Elementwise,
                Work::Reduction { .. } => Self::Pool,
                Work::Move => Self::DataMovement,
                Work::View => Self::View,
            },
        }
    }

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pointwise => "pointwise",
            Self::Dense => "dense",
            Self::Winograd => "winograd",
            Self::Depthwise => "depthwise",
            Self::Grouped => "grouped",
            Self::Linear => "linear",
            Self::Pool => "pool",
            Self::Elementwise => "elementwise",
            Self::DataMovement => "data_movement",
            Self::MatMul => "matmul",
            Self::View => "view",
        }
    }
}

impl fmt::Display for OpClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
