//! Blocks: the families of sub-networks that a stage repeats, and one member of a family.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;

/// A family of blocks. `in`, `hidden` and `out` are channels; `k` is the kernel, `e` the
/// expansion. Every convolution is followed by batch-norm; `+` marks a residual connection, taken
/// when stride is 1 and `in = out` (and through a 1x1 projection otherwise, in the ResNet blocks).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// k x k convolution `in -> out`, activation.
    Conv,
    /// ResNet basic block: two k x k convolutions, `+`, activation (arXiv 1512.03385).
    Basic,
    /// ResNet bottleneck: 1x1 `in -> hidden`, k x k grouped (carries the stride), 1x1 to `out`, `+`,
    /// activation; `hidden = e * out` (arXiv 1512.03385; grouped: 1611.05431; e = 1: RegNetX, 2003.13678).
    Bottleneck,
    /// Inverted bottleneck: 1x1 `in -> hidden` (none when e = 1), k x k in groups (depthwise as a rule),
    /// 1x1 to `out` without activation, `+`; `hidden = e * in` (arXiv 1801.04381).
    InvertedBottleneck,
    /// Fused inverted bottleneck: k x k `in -> hidden`, 1x1 to `out`, `+`; one k x k convolution when
    /// e = 1 (arXiv 2104.00298).
    FusedInvertedBottleneck,
    /// Depthwise k x k, activation, 1x1 `in -> out`, activation (arXiv 1704.04861).
    DepthwiseSeparable,
    /// Grouped 1x1 `in -> hidden`, channel shuffle, depthwise k x k, grouped 1x1 to `out`, `+`
    /// (arXiv 1707.01083, 1812.03443).
    GroupedShuffle,
    /// Depthwise k x k with a large kernel, 1x1 `in -> hidden`, activation, 1x1 to `out`, `+`
    /// (arXiv 2201.03545, with batch-norm).
    LargeKernelDepthwise,
    /// Nothing, or a 1x1 projection where the shape changes.
    Identity,
}

/// What can be chosen about a block.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// The family.
    Block,
    /// Kernel size.
    Kernel,
    /// Groups of the block's grouped convolutions.
    Groups,
    /// Expansion: hidden channels over input channels (over output channels in a bottleneck).
    Expand,
    /// Squeeze-and-excite ratio.
    Se,
    /// Activation function.
    Activation,
}

impl Attribute {
    /// Every attribute.
    pub const ALL: [Self; 6] = [
        Self::Block,
        Self::Kernel,
        Self::Groups,
        Self::Expand,
        Self::Se,
        Self::Activation,
    ];

    /// The key in a search space's TOML.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Kernel => "kernel",
            Self::Groups => "groups",
            Self::Expand => "expand",
            Self::Se => "se",
            Self::Activation => "activation",
        }
    }
}

impl BlockKind {
    /// Every family.
    pub const ALL: [Self; 9] = [
        Self::Conv,
        Self::Basic,
        Self::Bottleneck,
        Self::InvertedBottleneck,
        Self::FusedInvertedBottleneck,
        Self::DepthwiseSeparable,
        Self::GroupedShuffle,
        Self::LargeKernelDepthwise,
        Self::Identity,
    ];

    /// The name in TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv => "conv",
            Self::Basic => "basic",
            Self::Bottleneck => "bottleneck",
            Self::InvertedBottleneck => "inverted_bottleneck",
            Self::FusedInvertedBottleneck => "fused_inverted_bottleneck",
            Self::DepthwiseSeparable => "depthwise_separable",
            Self::GroupedShuffle => "grouped_shuffle",
            Self::LargeKernelDepthwise => "large_kernel_depthwise",
            Self::Identity => "identity",
        }
    }

    /// The abbreviation in genotype strings.
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Conv => "conv",
            Self::Basic => "basic",
            Self::Bottleneck => "bneck",
            Self::InvertedBottleneck => "ib",
            Self::FusedInvertedBottleneck => "fib",
            Self::DepthwiseSeparable => "dws",
            Self::GroupedShuffle => "gs",
            Self::LargeKernelDepthwise => "lk",
            Self::Identity => "id",
        }
    }

    /// Whether the attribute means something to this family.
    pub const fn has(self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::Block => true,
            Attribute::Kernel | Attribute::Activation => !matches!(self, Self::Identity),
            Attribute::Groups => matches!(
                self,
                Self::Conv
                    | Self::Basic
                    | Self::Bottleneck
                    | Self::InvertedBottleneck
                    | Self::FusedInvertedBottleneck
                    | Self::GroupedShuffle
            ),
            Attribute::Expand => matches!(
                self,
                Self::Bottleneck
                    | Self::InvertedBottleneck
                    | Self::FusedInvertedBottleneck
                    | Self::GroupedShuffle
                    | Self::LargeKernelDepthwise
            ),
            Attribute::Se => matches!(
                self,
                Self::Basic
                    | Self::Bottleneck
                    | Self::InvertedBottleneck
                    | Self::FusedInvertedBottleneck
                    | Self::DepthwiseSeparable
                    | Self::GroupedShuffle
            ),
        }
    }

    /// The member of the family that is meant when a space says nothing more.
    pub const fn default_block(self) -> Block {
        let base = Block {
            kind: self,
            kernel: 3,
            groups: Groups::Count(1),
            expand: 1.0,
            se: 0.0,
            activation: Activation::Relu,
        };
        match self {
            Self::Bottleneck => Block {
                expand: 0.25,
                ..base
            },
            Self::InvertedBottleneck => Block {
                groups: Groups::Depthwise,
                expand: 6.0,
                ..base
            },
            Self::FusedInvertedBottleneck => Block {
                expand: 4.0,
                ..base
            },
            Self::GroupedShuffle => Block {
                groups: Groups::Count(2),
                expand: 6.0,
                ..base
            },
            Self::LargeKernelDepthwise => Block {
                kernel: 7,
                expand: 4.0,
                ..base
            },
            Self::Conv | Self::Basic | Self::DepthwiseSeparable | Self::Identity => base,
        }
    }
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a convolution is split into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Groups {
    /// This many groups.
    Count(usize),
    /// Groups of this many input channels.
    Width(usize),
    /// One group per input channel.
    Depthwise,
}

impl Groups {
    /// The number of groups for a convolution `inputs -> outputs`, if both can be split evenly.
    pub const fn resolve(self, inputs: usize, outputs: usize) -> Option<usize> {
        let groups = match self {
            Self::Count(groups) => groups,
            Self::Width(width) => {
                if width == 0 || !inputs.is_multiple_of(width) {
                    return None;
                }
                inputs / width
            }
            Self::Depthwise => inputs,
        };
        if groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups) {
            Some(groups)
        } else {
            None
        }
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(groups) => write!(f, "{groups}"),
            Self::Width(width) => write!(f, "w{width}"),
            Self::Depthwise => f.write_str("dw"),
        }
    }
}

/// One block, but for its channels and stride. Attributes that its family does not have are
/// those of [`BlockKind::default_block`], so that equal blocks compare equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Family.
    pub kind: BlockKind,
    /// Kernel size of the spatial convolutions, odd.
    pub kernel: usize,
    /// Groups of the convolutions that are grouped in this family.
    pub groups: Groups,
    /// Expansion; `hidden` channels are rounded to multiples of 8.
    pub expand: f64,
    /// Squeeze-and-excite ratio, 0 for none.
    pub se: f64,
    /// Activation.
    pub activation: Activation,
}

impl Block {
    /// Channels between the block's first and last convolution, a multiple of 8.
    pub fn hidden_channels(&self, inputs: usize, outputs: usize) -> usize {
        match self.kind {
            BlockKind::Bottleneck => multiple_near(self.expand * outputs as f64, 8),
            BlockKind::InvertedBottleneck
            | BlockKind::FusedInvertedBottleneck
            | BlockKind::GroupedShuffle
            | BlockKind::LargeKernelDepthwise => multiple_near(self.expand * inputs as f64, 8),
            BlockKind::Conv
            | BlockKind::Basic
            | BlockKind::DepthwiseSeparable
            | BlockKind::Identity => outputs,
        }
    }

    /// Whether an expanding convolution is there at all.
    pub fn expands(&self) -> bool {
        self.expand != 1.0
    }

    /// Whether the groups divide every channel count they have to.
    pub fn fits(&self, inputs: usize, outputs: usize) -> bool {
        let hidden = self.hidden_channels(inputs, outputs);
        let splits = |from, to| self.groups.resolve(from, to).is_some();
        match self.kind {
            BlockKind::Conv => splits(inputs, outputs),
            BlockKind::Basic => splits(inputs, outputs) && splits(outputs, outputs),
            BlockKind::Bottleneck | BlockKind::InvertedBottleneck => splits(hidden, hidden),
            BlockKind::FusedInvertedBottleneck => {
                splits(inputs, if self.expands() { hidden } else { outputs })
            }
            BlockKind::GroupedShuffle => self
                .groups
                .resolve(inputs, hidden)
                .is_some_and(|groups| outputs.is_multiple_of(groups)),
            BlockKind::DepthwiseSeparable
            | BlockKind::LargeKernelDepthwise
            | BlockKind::Identity => true,
        }
    }

    /// The abbreviation of one attribute in genotype strings: `k5`, `e6`, `gdw`, `se0.25`.
    pub fn label(&self, attribute: Attribute) -> String {
        if !self.kind.has(attribute) {
            return String::new();
        }
        match attribute {
            Attribute::Block => self.kind.abbreviation().to_owned(),
            Attribute::Kernel => format!("k{}", self.kernel),
            Attribute::Groups => format!("g{}", self.groups),
            Attribute::Expand => format!("e{}", self.expand),
            Attribute::Se => format!("se{}", self.se),
            Attribute::Activation => self.activation.name().to_owned(),
        }
    }

    /// Whether two blocks agree in an attribute.
    pub fn agrees(&self, other: &Self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::Block => self.kind == other.kind,
            Attribute::Kernel => self.kernel == other.kernel,
            Attribute::Groups => self.groups == other.groups,
            Attribute::Expand => self.expand == other.expand,
            Attribute::Se => self.se == other.se,
            Attribute::Activation => self.activation == other.activation,
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        for attribute in &Attribute::ALL[1..] {
            let silent = *attribute == Attribute::Se && self.se == 0.0;
            if self.kind.has(*attribute) && !silent {
                write!(f, " {}", self.label(*attribute))?;
            }
        }
        Ok(())
    }
}

/// The multiple of `step` nearest to `value`, at least `step`, and raised by one step where rounding
/// down would lose more than a tenth (the rule of the MobileNet family).
pub(crate) fn multiple_near(value: f64, step: usize) -> usize {
    let steps = ((value / step as f64 + 0.5).floor() as usize).max(1);
    let rounded = steps * step;
    if (rounded as f64) < 0.9 * value {
        rounded + step
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_channels_of_published_networks() {
        // MobileNetV3-large (arXiv 1905.02244, table 1) and its squeeze sizes
        for (value, rounded) in [
            (2.3 * 80.0, 184),
            (2.5 * 80.0, 200),
            (18.0, 24),
            (30.0, 32),
            (4.0, 8),
        ] {
            assert_eq!(multiple_near(value, 8), rounded, "{value}");
        }
    }

    #[test]
    fn groups_must_divide_both_sides() {
        assert_eq!(Groups::Count(4).resolve(24, 40), Some(4));
        assert_eq!(Groups::Count(16).resolve(24, 48), None);
        assert_eq!(Groups::Count(0).resolve(24, 48), None);
        assert_eq!(Groups::Width(8).resolve(24, 48), Some(3));
        assert_eq!(Groups::Width(16).resolve(24, 48), None);
        assert_eq!(Groups::Width(0).resolve(24, 48), None);
        assert_eq!(Groups::Depthwise.resolve(24, 48), Some(24));
        assert_eq!(Groups::Depthwise.resolve(24, 40), None);
    }
}
