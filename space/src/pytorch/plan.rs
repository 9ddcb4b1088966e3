//! What is to be written: a genotype's blocks with all their numbers, read off the decoded network, so that the
//! source can't disagree with it.

use std::collections::BTreeMap;

use crate::activation::Activation;
use crate::block::BlockKind;
use crate::definition::{HeadDefinition, SeStyle};
use crate::genotype::{Genotype, PlacedBlock};
use crate::network::{Layer, Network, Part};
use crate::op::{Conv, Op};
use crate::shape::Shape;
use crate::space::SearchSpace;

/// A network as its source has it.
pub(super) struct Plan {
    pub(super) network: Network,
    pub(super) stem: Stem,
    pub(super) stages: Vec<Stage>,
    pub(super) head: Head,
    /// Whether the space has a head at all: without, feature maps are the default.
    pub(super) headless: bool,
    pub(super) pyramid: Vec<Feature>,
    pub(super) se_style: SeStyle,
    /// The activation that is meant where none is named: the one most blocks have.
    pub(super) activation: Activation,
}

/// The first convolution.
pub(super) struct Stem {
    pub(super) conv: Conv,
    pub(super) activation: Activation,
    pub(super) pool: bool,
}

/// A stage.
pub(super) struct Stage {
    pub(super) units: Vec<Unit>,
    /// Of its output, over the network's input.
    pub(super) stride: usize,
    /// Of its output, at the network's resolution.
    pub(super) shape: Shape,
}

/// A block with its place in the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    pub(super) kind: BlockKind,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    /// Channels of a bottleneck, or of an expansion if there is one.
    pub(super) mid: Option<usize>,
    /// Groups of each convolution the family groups, from input to output.
    pub(super) groups: [usize; 2],
    /// Whether the spatial convolution has a group a channel.
    pub(super) depthwise: bool,
    /// Channels inside squeeze-and-excite, if there is one.
    pub(super) squeezed: Option<usize>,
    pub(super) activation: Activation,
}

/// What comes after the stages.
pub(super) struct Head {
    pub(super) channels: Option<usize>,
    pub(super) hidden: Option<usize>,
    pub(super) activation: Activation,
    pub(super) classes: usize,
}

/// A level of the pyramid of feature maps.
pub(super) struct Feature {
    pub(super) channels: usize,
    pub(super) stride: usize,
    /// The stage it comes out of; none for the stem.
    pub(super) stage: Option<usize>,
}

impl Plan {
    pub(super) fn of(space: &SearchSpace, genotype: &Genotype) -> Self {
        let network = space.decode(genotype);
        let definition = space.definition();
        let stem = Stem {
            conv: Conv::same(
                space.stem_channels(genotype),
                definition.stem.kernel,
                definition.stem.stride,
            ),
            activation: definition.stem.activation,
            pool: definition.stem.pool.is_some(),
        };
        let stages = stages(space, genotype, &network, &stem);
        let head = head(definition.head.as_ref(), space.head_channels(genotype));
        Self {
            pyramid: pyramid(&stem, &stages, &definition.features),
            activation: commonest(&stem, &stages),
            se_style: definition.se_style,
            headless: definition.head.is_none(),
            network,
            stem,
            stages,
            head,
        }
    }

    /// The blocks, from input to output.
    pub(super) fn units(&self) -> impl Iterator<Item = &Unit> {
        self.stages.iter().flat_map(|stage| &stage.units)
    }

    /// Channels of the last feature map.
    pub(super) fn last_channels(&self) -> usize {
        self.stages
            .last()
            .map_or(self.stem.conv.out_channels, |stage| stage.shape.channels)
    }

    /// Whether any convolution is grouped.
    pub(super) fn has_groups(&self) -> bool {
        let grouped = |layer: &Layer| matches!(layer.op, Op::Conv(conv) if conv.groups > 1);
        self.network.layers().iter().any(grouped)
    }
}

fn stages(space: &SearchSpace, genotype: &Genotype, network: &Network, stem: &Stem) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::with_capacity(space.stages());
    let mut inputs = stem.conv.out_channels;
    let mut stride = stem.stride();
    for placed in space.blocks(genotype) {
        let unit = unit(&placed, inputs, network);
        stride *= placed.stride;
        inputs = placed.channels;
        if placed.index == 0 {
            let resolution = network.input().resolution().strided(stride);
            stages.push(Stage {
                units: Vec::new(),
                stride,
                shape: resolution.with_channels(placed.channels),
            });
        }
        if let Some(stage) = stages.last_mut() {
            stage.units.push(unit);
        }
    }
    stages
}

impl Stem {
    /// Over everything the stem does.
    pub(super) fn stride(&self) -> usize {
        self.conv.stride[0] * if self.pool { 2 } else { 1 }
    }
}

fn unit(placed: &PlacedBlock, inputs: usize, network: &Network) -> Unit {
    let part = Part::Block {
        stage: placed.stage,
        index: placed.index,
    };
    // a block without layers, such as an identity, has no section
    let section = network.sections().iter().find(|s| s.part == part);
    let layers = section.map_or(&[][..], |s| &network.layers()[s.layers.clone()]);
    let conv = |name: &str| {
        layers.iter().find_map(|layer| match layer.op {
            Op::Conv(conv) if layer.name == name => Some((conv, network.input_shape(layer))),
            _ => None,
        })
    };
    let channels = |name| conv(name).map(|(conv, _)| conv.out_channels);
    let groups = |name| conv(name).map_or(1, |(conv, _)| conv.groups);
    let (mid, groups) = match placed.block.kind {
        BlockKind::Conv => (None, [groups("spatial.conv"); 2]),
        BlockKind::Basic => (None, [groups("first.conv"), groups("second.conv")]),
        BlockKind::Bottleneck => (channels("reduce.conv"), [groups("spatial.conv"); 2]),
        BlockKind::InvertedBottleneck => (channels("expand.conv"), [groups("spatial.conv"); 2]),
        BlockKind::FusedInvertedBottleneck => {
            let expands = conv("project.conv").is_some();
            let mid = channels("spatial.conv").filter(|_| expands);
            (mid, [groups("spatial.conv"); 2])
        }
        BlockKind::GroupedShuffle => (channels("expand.conv"), [groups("expand.conv"); 2]),
        BlockKind::LargeKernelDepthwise => (channels("expand.conv"), [1; 2]),
        BlockKind::DepthwiseSeparable | BlockKind::Identity => (None, [1; 2]),
    };
    Unit {
        kind: placed.block.kind,
        inputs,
        outputs: placed.channels,
        kernel: placed.block.kernel,
        stride: placed.stride,
        mid,
        groups,
        depthwise: conv("spatial.conv")
            .is_some_and(|(conv, input)| conv.is_depthwise(input.channels)),
        squeezed: channels("se.reduce"),
        activation: placed.block.activation,
    }
}

fn head(definition: Option<&HeadDefinition>, channels: Option<usize>) -> Head {
    definition.map_or(
        Head {
            channels: None,
            hidden: None,
            activation: Activation::Relu,
            classes: 0,
        },
        |head| Head {
            channels,
            hidden: head.hidden,
            activation: head.activation,
            classes: head.classes,
        },
    )
}

/// The last feature map of each stride that is wanted; of every stride if none is.
fn pyramid(stem: &Stem, stages: &[Stage], wanted: &[usize]) -> Vec<Feature> {
    let mut last = BTreeMap::new();
    last.insert(stem.stride(), (stem.conv.out_channels, None));
    for (index, stage) in stages.iter().enumerate() {
        last.insert(stage.stride, (stage.shape.channels, Some(index)));
    }
    last.into_iter()
        .filter(|(stride, _)| wanted.is_empty() || wanted.contains(stride))
        .map(|(stride, (channels, stage))| Feature {
            channels,
            stride,
            stage,
        })
        .collect()
}

/// The activation of most blocks and the stem; the first met among equals.
fn commonest(stem: &Stem, stages: &[Stage]) -> Activation {
    let units = stages.iter().flat_map(|stage| &stage.units);
    let activations = units
        .filter(|unit| unit.kind != BlockKind::Identity)
        .map(|unit| unit.activation);
    let mut counts: Vec<(Activation, usize)> = Vec::new();
    for activation in std::iter::once(stem.activation).chain(activations) {
        match counts.iter_mut().find(|(known, _)| *known == activation) {
            Some((_, count)) => *count += 1,
            None => counts.push((activation, 1)),
        }
    }
    let commonest = counts.iter().rev().max_by_key(|(_, count)| *count);
    commonest.map_or(stem.activation, |(activation, _)| *activation)
}
