//! The kinds of blocks that lead out to the corners of the operators' shapes.

use std::fmt;

/// A kind of block that networks from elsewhere have and a search space may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Corner {
    /// Dense convolutions: 3x3, 5x5, 7x7, dilated 3x3, and 7x7 in two parts (Inception).
    Dense,
    /// 1x1 convolutions whose channels are multiples of 1, 2, 4, 8, 16 and 32, up and down.
    Pointwise,
    /// Depthwise 3x3, 5x5 and 7x7 with such channels.
    Depthwise,
    /// Grouped 3x3 with 2, 3, 4, 8 and 16 channels a group (ResNeXt).
    Grouped,
    /// Grouped 1x1, channel shuffle, depthwise, grouped 1x1 (ShuffleNet).
    Shuffle,
    /// A split, work on one part, and a concatenation (CSP, ShuffleNetV2).
    Split,
    /// Each layer's few channels put beside all before them (DenseNet).
    Concat,
    /// Squeeze-and-excite with each kind of gate.
    SqueezeExcite,
    /// Branches with maximum and average pooling (Inception).
    Pool,
    /// Activations and batch-norms that follow no convolution (pre-activation ResNet, and others).
    Unfused,
    /// Sums with an activation behind them.
    Residual,
    /// Feature maps made larger: repeated, interpolated, by transposed convolutions.
    Decoder,
    /// Self-attention over the positions: products of matrices, softmax, views.
    Attention,
    /// Normalisation by the input's own moments: of each position over its channels, of each channel over its positions.
    Norm,
    /// Linear layers over the channels of each position, behind a depthwise convolution and a layer norm (ConvNeXt).
    Tokens,
    /// Local response normalisation behind convolutions (AlexNet, GoogLeNet).
    LocalNorm,
}

impl Corner {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Dense,
        Self::Pointwise,
        Self::Depthwise,
        Self::Grouped,
        Self::Shuffle,
        Self::Split,
        Self::Concat,
        Self::SqueezeExcite,
        Self::Pool,
        Self::Unfused,
        Self::Residual,
        Self::Decoder,
        Self::Attention,
        Self::Norm,
        Self::Tokens,
        Self::LocalNorm,
    ];

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Pointwise => "pointwise",
            Self::Depthwise => "depthwise",
            Self::Grouped => "grouped",
            Self::Shuffle => "shuffle",
            Self::Split => "split",
            Self::Concat => "concat",
            Self::SqueezeExcite => "squeeze_excite",
            Self::Pool => "pool",
            Self::Unfused => "unfused",
            Self::Residual => "residual",
            Self::Decoder => "decoder",
            Self::Attention => "attention",
            Self::Norm => "norm",
            Self::Tokens => "tokens",
            Self::LocalNorm => "local_norm",
        }
    }

    /// Whether real networks have such blocks on feature maps of this side: attention looks from everywhere to everywhere, and large maps
    /// are left to what touches each element but a few times.
    pub(super) fn suits(self, side: usize) -> bool {
        match self {
            Self::Attention => side <= 16,
            Self::Shuffle
            | Self::Concat
            | Self::Decoder
            | Self::Norm
            | Self::Tokens
            | Self::LocalNorm => side <= 56,
            _ => true,
        }
    }

    /// Whether such blocks stand in networks of their own, since some engines lack the operator: the others are timed all the same.
    pub(super) fn stands_alone(self) -> bool {
        self == Self::LocalNorm
    }
}

impl fmt::Display for Corner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
