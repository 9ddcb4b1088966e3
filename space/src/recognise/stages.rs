//! Blocks as stages: what a space that holds the network alone is made of.

use super::Remark;
use super::squeeze;
use super::walk::{FoundBlock, FoundHead, FoundStem, Walked};
use crate::block::{Block, BlockKind, Groups};
use crate::definition::{Choices, HeadDefinition, Numbers, SeStyle, StemDefinition};
use crate::shape::{Resolution, Shape};

/// The parts of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    /// Resolution of its image.
    pub resolution: Resolution,
    /// Channels of its image.
    pub input_channels: usize,
    /// Strides of the feature maps that leave it.
    pub features: Vec<usize>,
    /// How its squeeze-and-excite is built.
    pub se_style: SeStyle,
    /// The stem, with its channels alone.
    pub stem: StemDefinition,
    /// Channels of the stem.
    pub stem_channels: usize,
    /// The stages.
    pub stages: Vec<OwnStage>,
    /// The classifier, with its channels alone.
    pub head: Option<HeadDefinition>,
    /// Channels of the classifier's 1x1 convolution, if it has one.
    pub head_channels: Option<usize>,
}

/// A run of blocks at one width.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnStage {
    /// Output channels, a multiple of 8.
    pub channels: usize,
    /// Channels that its first block is given.
    pub inputs: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// The blocks.
    pub blocks: Vec<Block>,
}

impl Own {
    /// Gathers what was met into stages. What channels become that are no multiples of 8 is remarked.
    pub(super) fn new(input: Shape, walked: Walked, remarks: &mut Vec<Remark>) -> Self {
        let (se_style, ratios) = squeeze::style(&walked.blocks);
        alike_squeezes(&walked.blocks, &se_style, remarks);
        let mut stages: Vec<OwnStage> = Vec::new();
        let mut inputs = eighths(walked.stem.channels, "the stem", remarks);
        let stem_channels = inputs;
        for (found, ratio) in walked.blocks.iter().zip(ratios) {
            let block = Block {
                se: ratio,
                ..found.block
            };
            let name = format!("block {} of stage {}", 1, stages.len() + 1);
            let channels = match stages.last_mut() {
                Some(last) if found.stride == 1 && nearest(found.channels) == last.channels => {
                    last.blocks.push(block);
                    continue;
                }
                _ => eighths(found.channels, &name, remarks),
            };
            stages.push(OwnStage {
                channels,
                inputs,
                stride: found.stride,
                blocks: vec![block],
            });
            inputs = channels;
        }
        stages.iter_mut().for_each(unify);
        groups_of_a_kind(&mut stages);
        let head = walked.head.as_ref();
        let head_channels = head.and_then(|head| head.channels);
        Self {
            resolution: input.resolution(),
            input_channels: input.channels,
            features: walked.features,
            se_style,
            stem: stem(&walked.stem, stem_channels),
            stem_channels,
            stages,
            head: head.map(classifier),
            head_channels: head_channels.map(|channels| eighths(channels, "the head", remarks)),
        }
    }
}

/// The multiple of 8 nearest to a number of channels.
fn nearest(channels: usize) -> usize {
    ((channels + 4) / 8).max(1) * 8
}

fn eighths(channels: usize, of: &str, remarks: &mut Vec<Remark>) -> usize {
    let near = nearest(channels);
    if near != channels {
        remarks.push(Remark {
            layer: of.to_owned(),
            what: format!("has {channels} channels, here {near}: they are multiples of 8"),
        });
    }
    near
}

/// A space has one style of squeeze-and-excite.
fn alike_squeezes(blocks: &[FoundBlock], style: &SeStyle, remarks: &mut Vec<Remark>) {
    let squeezes = blocks.iter().filter_map(|block| block.se);
    let others = squeezes.filter(|se| (se.activation, se.gate) != (style.activation, style.gate));
    let others = others.count();
    if others > 0 {
        remarks.push(Remark {
            layer: format!("squeeze-and-excite of {others} blocks"),
            what: format!(
                "has other activations than {} and {}, which stand for them here",
                style.activation, style.gate
            ),
        });
    }
}

/// A fused block without expansion and without a sum is a plain convolution: where others of the stage are fused, it is one of them.
fn unify(stage: &mut OwnStage) {
    let fused = stage
        .blocks
        .iter()
        .any(|block| block.kind == BlockKind::FusedInvertedBottleneck);
    let changes = stage.stride == 2 || stage.inputs != stage.channels;
    if let Some(first) = stage.blocks.first_mut()
        && fused
        && changes
        && first.kind == BlockKind::Conv
    {
        first.kind = BlockKind::FusedInvertedBottleneck;
        first.expand = 1.0;
    }
}

/// Grouped bottlenecks have either as many groups everywhere (ResNeXt), or groups of as many channels (RegNet): what there is less of is what they share.
fn groups_of_a_kind(stages: &mut [OwnStage]) {
    let widened = |stage: &OwnStage, index: usize| {
        let block = stage.blocks[index];
        let inputs = if index == 0 {
            stage.inputs
        } else {
            stage.channels
        };
        let in_groups = matches!(
            block.kind,
            BlockKind::Bottleneck | BlockKind::InvertedBottleneck
        );
        match block.groups {
            Groups::Count(count) if count > 1 && in_groups => {
                let hidden = block.hidden_channels(inputs, stage.channels);
                hidden
                    .is_multiple_of(count)
                    .then_some((count, hidden / count))
            }
            _ => None,
        }
    };
    let all = stages
        .iter()
        .flat_map(|stage| (0..stage.blocks.len()).filter_map(|index| widened(stage, index)));
    let (mut counts, mut widths): (Vec<usize>, Vec<usize>) = all.unzip();
    for list in [&mut counts, &mut widths] {
        list.sort_unstable();
        list.dedup();
    }
    if counts.len() <= widths.len() {
        return;
    }
    for stage in stages {
        for index in 0..stage.blocks.len() {
            if let Some((_, width)) = widened(stage, index) {
                stage.blocks[index].groups = Groups::Width(width);
            }
        }
    }
}

fn stem(found: &FoundStem, channels: usize) -> StemDefinition {
    StemDefinition {
        channels: Numbers::one(channels),
        kernel: found.kernel,
        stride: found.stride,
        activation: found.activation,
        pool: found.pool,
    }
}

fn classifier(found: &FoundHead) -> HeadDefinition {
    HeadDefinition {
        channels: found
            .channels
            .map(|channels| Numbers::one(nearest(channels))),
        hidden: found.hidden,
        activation: found.activation,
        classes: found.classes,
    }
}

/// One value, or a list of several.
pub(super) fn choices<T>(mut values: Vec<T>) -> Choices<T> {
    match (values.len(), values.pop()) {
        (1, Some(only)) => Choices::One(only),
        (_, Some(last)) => {
            values.push(last);
            Choices::Many(values)
        }
        (_, None) => Choices::Many(values),
    }
}
