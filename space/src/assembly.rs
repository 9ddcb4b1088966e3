//! How each block family becomes layers.

use crate::activation::Activation;
use crate::block::{Block, BlockKind, multiple_near};
use crate::definition::{SeBase, SeStyle};
use crate::network::{NetworkBuilder, Role, Tensor};
use crate::op::{Conv, Op};

/// Appends blocks to a network, all with one style of squeeze-and-excite.
pub(crate) struct Assembler<'a> {
    pub(crate) network: &'a mut NetworkBuilder,
    pub(crate) se_style: &'a SeStyle,
}

impl Assembler<'_> {
    /// Appends one block and returns its output. The block must fit its channels
    /// ([`Block::fits`]); where it doesn't, the builder keeps the error.
    pub(crate) fn block(
        &mut self,
        block: &Block,
        input: Tensor,
        outputs: usize,
        stride: usize,
    ) -> Tensor {
        let unit = Unit {
            block,
            input,
            inputs: self.network.shape(input).channels,
            hidden: block.hidden_channels(self.network.shape(input).channels, outputs),
            outputs,
            stride,
        };
        match block.kind {
            BlockKind::Conv => self.plain(&unit),
            BlockKind::Basic => self.basic(&unit),
            BlockKind::Bottleneck => self.bottleneck(&unit),
            BlockKind::InvertedBottleneck => self.inverted_bottleneck(&unit),
            BlockKind::FusedInvertedBottleneck => self.fused_inverted_bottleneck(&unit),
            BlockKind::DepthwiseSeparable => self.depthwise_separable(&unit),
            BlockKind::GroupedShuffle => self.grouped_shuffle(&unit),
            BlockKind::LargeKernelDepthwise => self.large_kernel_depthwise(&unit),
            BlockKind::Identity => self.identity(&unit),
        }
    }

    fn plain(&mut self, unit: &Unit) -> Tensor {
        let conv = unit.spatial(unit.inputs, unit.outputs, unit.stride);
        self.conv_act(&NAMES_SPATIAL, conv, unit.input, unit.block.activation)
    }

    fn basic(&mut self, unit: &Unit) -> Tensor {
        let first = unit.spatial(unit.inputs, unit.outputs, unit.stride);
        let second = unit.spatial(unit.outputs, unit.outputs, 1);
        let x = self.conv_act(&NAMES_FIRST, first, unit.input, unit.block.activation);
        let x = self.conv(&NAMES_SECOND, second, x);
        let x = self.squeeze_excite(unit, x, unit.outputs);
        self.projected_residual(unit, x)
    }

    fn bottleneck(&mut self, unit: &Unit) -> Tensor {
        let act = unit.block.activation;
        let spatial = unit.spatial(unit.hidden, unit.hidden, unit.stride);
        let x = self.conv_act(&NAMES_REDUCE, Conv::pointwise(unit.hidden), unit.input, act);
        let x = self.conv_act(&NAMES_SPATIAL, spatial, x, act);
        let x = self.squeeze_excite(unit, x, unit.hidden);
        let x = self.conv(&NAMES_PROJECT, Conv::pointwise(unit.outputs), x);
        self.projected_residual(unit, x)
    }

    fn inverted_bottleneck(&mut self, unit: &Unit) -> Tensor {
        let act = unit.block.activation;
        let spatial = unit.spatial(unit.hidden, unit.hidden, unit.stride);
        let x = if unit.block.expands() {
            self.conv_act(&NAMES_EXPAND, Conv::pointwise(unit.hidden), unit.input, act)
        } else {
            unit.input
        };
        let x = self.conv_act(&NAMES_SPATIAL, spatial, x, act);
        let x = self.squeeze_excite(unit, x, unit.hidden);
        let x = self.conv(&NAMES_PROJECT, Conv::pointwise(unit.outputs), x);
        self.residual(unit, x)
    }

    fn fused_inverted_bottleneck(&mut self, unit: &Unit) -> Tensor {
        let wide = if unit.block.expands() {
            unit.hidden
        } else {
            unit.outputs
        };
        let spatial = unit.spatial(unit.inputs, wide, unit.stride);
        let x = self.conv_act(&NAMES_SPATIAL, spatial, unit.input, unit.block.activation);
        let x = self.squeeze_excite(unit, x, wide);
        let x = if unit.block.expands() {
            self.conv(&NAMES_PROJECT, Conv::pointwise(unit.outputs), x)
        } else {
            x
        };
        self.residual(unit, x)
    }

    fn depthwise_separable(&mut self, unit: &Unit) -> Tensor {
        let act = unit.block.activation;
        let x = self.conv_act(&NAMES_SPATIAL, unit.depthwise(unit.inputs), unit.input, act);
        let x = self.squeeze_excite(unit, x, unit.inputs);
        self.conv_act(&NAMES_PROJECT, Conv::pointwise(unit.outputs), x, act)
    }

    fn grouped_shuffle(&mut self, unit: &Unit) -> Tensor {
        let act = unit.block.activation;
        let groups = unit.groups(unit.inputs, unit.hidden);
        let mut x = self.conv_act(
            &NAMES_EXPAND,
            Conv::pointwise(unit.hidden).grouped(groups),
            unit.input,
            act,
        );
        if groups > 1 {
            let shuffle = Op::ChannelShuffle { groups };
            x = self.network.push("shuffle", shuffle, &[x], Role::Main);
        }
        let x = self.conv_act(&NAMES_SPATIAL, unit.depthwise(unit.hidden), x, act);
        let x = self.squeeze_excite(unit, x, unit.hidden);
        let project = Conv::pointwise(unit.outputs).grouped(groups);
        let x = self.conv(&NAMES_PROJECT, project, x);
        self.residual(unit, x)
    }

    fn large_kernel_depthwise(&mut self, unit: &Unit) -> Tensor {
        let x = self.conv(&NAMES_SPATIAL, unit.depthwise(unit.inputs), unit.input);
        let expand = Conv::pointwise(unit.hidden);
        let x = self.conv_act(&NAMES_EXPAND, expand, x, unit.block.activation);
        let x = self.conv(&NAMES_PROJECT, Conv::pointwise(unit.outputs), x);
        self.residual(unit, x)
    }

    fn identity(&mut self, unit: &Unit) -> Tensor {
        if unit.keeps_shape() {
            unit.input
        } else {
            let project = Conv::same(unit.outputs, 1, unit.stride);
            self.conv(&NAMES_PROJECT, project, unit.input)
        }
    }

    /// Convolution and batch-norm.
    pub(crate) fn conv(&mut self, names: &Names, conv: Conv, input: Tensor) -> Tensor {
        self.conv_as(Role::Main, names, conv, input)
    }

    fn conv_as(&mut self, role: Role, names: &Names, conv: Conv, input: Tensor) -> Tensor {
        let x = self
            .network
            .push(names.conv, Op::Conv(conv), &[input], role);
        self.network.push(names.norm, Op::BatchNorm, &[x], role)
    }

    /// Convolution, batch-norm and activation.
    pub(crate) fn conv_act(
        &mut self,
        names: &Names,
        conv: Conv,
        input: Tensor,
        activation: Activation,
    ) -> Tensor {
        let x = self.conv(names, conv, input);
        self.network
            .push(names.act, Op::Activation(activation), &[x], Role::Main)
    }

    /// Squeeze-and-excite (arXiv 1709.01507) over `x` with `channels` channels, if the block has it.
    fn squeeze_excite(&mut self, unit: &Unit, x: Tensor, channels: usize) -> Tensor {
        if unit.block.se == 0.0 {
            return x;
        }
        let style = self.se_style;
        let base = match style.of {
            SeBase::Input => unit.inputs,
            SeBase::Expanded => channels,
        };
        let squeezed = style.channels(unit.block.se, base);
        let mut push =
            |name, op, inputs: &[Tensor]| self.network.push(name, op, inputs, Role::SqueezeExcite);
        let reduce = Op::Conv(Conv::pointwise(squeezed).with_bias());
        let expand = Op::Conv(Conv::pointwise(channels).with_bias());
        let gate = push("se.pool", Op::GlobalAvgPool, &[x]);
        let gate = push("se.reduce", reduce, &[gate]);
        let gate = push("se.act", Op::Activation(style.activation), &[gate]);
        let gate = push("se.expand", expand, &[gate]);
        let gate = push("se.gate", Op::Activation(style.gate), &[gate]);
        push("se.scale", Op::Scale, &[x, gate])
    }

    /// Adds the block's input where the shape allows it.
    fn residual(&mut self, unit: &Unit, x: Tensor) -> Tensor {
        if unit.keeps_shape() {
            self.network
                .push("add", Op::Add, &[x, unit.input], Role::Main)
        } else {
            x
        }
    }

    /// Adds the block's input, projected where its shape differs, and activates the sum.
    fn projected_residual(&mut self, unit: &Unit, x: Tensor) -> Tensor {
        let shortcut = if unit.keeps_shape() {
            unit.input
        } else {
            let project = Conv::same(unit.outputs, 1, unit.stride);
            self.conv_as(Role::Shortcut, &NAMES_SHORTCUT, project, unit.input)
        };
        let sum = self
            .network
            .push("add", Op::Add, &[x, shortcut], Role::Main);
        let act = Op::Activation(unit.block.activation);
        self.network.push("act", act, &[sum], Role::Main)
    }
}

/// A block with its place in the network.
struct Unit<'a> {
    block: &'a Block,
    input: Tensor,
    inputs: usize,
    hidden: usize,
    outputs: usize,
    stride: usize,
}

impl Unit<'_> {
    fn keeps_shape(&self) -> bool {
        self.stride == 1 && self.inputs == self.outputs
    }

    /// The groups of a convolution `from -> to`. A checked space offers only blocks that fit; 0 is
    /// never valid, so that a block that doesn't is refused by the builder.
    fn groups(&self, from: usize, to: usize) -> usize {
        self.block.groups.resolve(from, to).unwrap_or(0)
    }

    fn spatial(&self, from: usize, to: usize, stride: usize) -> Conv {
        Conv::same(to, self.block.kernel, stride).grouped(self.groups(from, to))
    }

    fn depthwise(&self, channels: usize) -> Conv {
        Conv::same(channels, self.block.kernel, self.stride).grouped(channels)
    }
}

/// Names of a convolution, its batch-norm and its activation.
pub(crate) struct Names {
    conv: &'static str,
    norm: &'static str,
    act: &'static str,
}

macro_rules! names {
    ($($constant:ident = $stem:literal;)*) => {
        $(pub(crate) const $constant: Names = Names {
            conv: concat!($stem, ".conv"),
            norm: concat!($stem, ".bn"),
            act: concat!($stem, ".act"),
        };)*
    };
}

names! {
    NAMES_STEM = "stem";
    NAMES_FIRST = "first";
    NAMES_SECOND = "second";
    NAMES_REDUCE = "reduce";
    NAMES_EXPAND = "expand";
    NAMES_SPATIAL = "spatial";
    NAMES_PROJECT = "project";
    NAMES_SHORTCUT = "shortcut";
    NAMES_HEAD = "head";
}

impl SeStyle {
    /// Channels between the two convolutions of squeeze-and-excite.
    pub(crate) fn channels(&self, ratio: f64, base: usize) -> usize {
        // the products are exact or a hair off: 24 * 0.25 must give 6
        let value = (ratio * base as f64 + 1e-9).floor();
        if self.multiple_of == 1 {
            (value as usize).max(1)
        } else {
            multiple_near(value, self.multiple_of)
        }
    }
}
