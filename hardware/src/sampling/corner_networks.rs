//! Small networks that are like real ones and hold the corners.

use std::collections::BTreeMap;

use roofnas_space::{Activation, Conv, Network, NetworkError, Op, PoolKind, Shape, Tensor};

use super::balanced::Balanced;
use super::body::Body;
use super::corner::Corner;
use super::corner_blocks::Blocks;
use super::{PlannedNetwork, Purpose};

/// Networks. Each kind of block then comes eight times or more, which is enough to meet all its variants at several resolutions. With twice as many, strangers fared no
/// better on ONNX Runtime, and calibrating took half as long again.
const NETWORKS: usize = 26;

/// Which of them hold nothing but blocks that stand alone.
const ALONE: [usize; 2] = [5, 18];

/// Channels at an output stride of 2, 4, 8, 16 and 32: the ranges that published networks have.
const CHANNELS: [[usize; 2]; 5] = [[8, 48], [16, 96], [32, 192], [64, 384], [96, 640]];

/// How a network begins.
#[derive(Debug, Clone, Copy)]
enum Stem {
    /// One convolution of this kernel and stride.
    Conv(usize, usize),
    /// 7x7 and pooling, as ResNets begin.
    Pooled,
    /// Patches side by side, as ConvNeXts begin.
    Patches,
    /// At full resolution, then down.
    Full,
}

const STEMS: [Stem; 6] = [
    Stem::Conv(3, 2),
    Stem::Pooled,
    Stem::Conv(5, 2),
    Stem::Patches,
    Stem::Full,
    Stem::Conv(11, 4),
];

/// How the resolution is halved.
#[derive(Debug, Clone, Copy)]
enum Halving {
    Dense(usize),
    Depthwise(usize),
    /// Pooling, then 1x1.
    Pool(PoolKind, usize),
}

const HALVINGS: [Halving; 10] = [
    Halving::Dense(3),
    Halving::Depthwise(3),
    Halving::Pool(PoolKind::Max, 2),
    Halving::Depthwise(5),
    Halving::Pool(PoolKind::Max, 3),
    Halving::Dense(5),
    Halving::Pool(PoolKind::Average, 2),
    Halving::Depthwise(7),
    Halving::Dense(1),
    Halving::Dense(7),
];

/// How a network ends.
#[derive(Debug, Clone, Copy)]
enum Head {
    /// The mean of each channel, then the classes.
    Classifier,
    /// With a hidden linear layer of this size between.
    Hidden(usize),
    /// All positions into a linear layer of this size, as VGG and AlexNet end.
    Flattened(usize),
    /// The same with weights that no cache holds: of some hundred megabytes, as in AlexNet and VGG.
    Heavy,
    /// A 1x1 convolution over the means, as MobileNetV3 ends.
    Convolution(usize),
}

const HEADS: [Head; 9] = [
    Head::Classifier,
    Head::Hidden(512),
    Head::Convolution(1280),
    Head::Hidden(4096),
    Head::Flattened(512),
    Head::Hidden(1024),
    Head::Hidden(2048),
    Head::Convolution(1000),
    Head::Heavy,
];

/// Weights of a heavy head's first layer, at least where that takes no more features than any network has.
const HEAVY_WEIGHTS: usize = 20_000_000;

/// Sides of the images. Feature maps of 5 to 7 positions a side come of them, even and odd.
const SIDES: [usize; 4] = [160, 192, 224, 176];

/// Classes of the classifiers.
const CLASSES: usize = 1000;

/// The networks, those first that hold kinds of blocks no earlier one holds.
pub(super) fn all(seed: u64) -> Result<Vec<PlannedNetwork>, NetworkError> {
    let mut draws = Balanced::new(seed);
    let mut uses: BTreeMap<Corner, usize> = BTreeMap::new();
    let planned = (1..=NETWORKS).map(|number| {
        let name = format!("corner-{number:02}");
        let (network, corners) = one(&name, ALONE.contains(&number), &mut draws, &mut uses)?;
        let purpose = Purpose::Corner(corners);
        Ok(PlannedNetwork::new(name, purpose, network))
    });
    planned.collect()
}

fn one(
    name: &str,
    alone: bool,
    draws: &mut Balanced,
    uses: &mut BTreeMap<Corner, usize>,
) -> Result<(Network, Vec<Corner>), NetworkError> {
    let side = draws.pick("side", &SIDES);
    let mut body = Body::new(name, Shape::new(3, side, side));
    let mut blocks = Blocks {
        body: &mut body,
        draws,
    };
    let mut corners = Vec::new();
    let (mut x, first) = blocks.stem();
    for level in first..CHANNELS.len() {
        if level > first {
            x = blocks.halve(level, x);
        }
        // most layers of most networks are at a stride of 16
        let depth = if level == 3 { 2 } else { 1 };
        for _ in 0..depth {
            let side = blocks.body.shape(x).height;
            let Some(corner) = least_used(uses, side, alone, blocks.draws) else {
                continue;
            };
            *uses.entry(corner).or_default() += 1;
            x = blocks.block(corner, x);
            corners.push(corner);
        }
    }
    let x = blocks.head(x);
    Ok((body.finish("logits", x)?, corners))
}

/// A kind of block that has been used least so far among those that suit a resolution, and stand alone or don't.
fn least_used(
    uses: &BTreeMap<Corner, usize>,
    side: usize,
    alone: bool,
    draws: &mut Balanced,
) -> Option<Corner> {
    let count = |corner: &Corner| uses.get(corner).copied().unwrap_or(0);
    let suited = Corner::ALL
        .into_iter()
        .filter(|corner| corner.suits(side) && corner.stands_alone() == alone);
    let least = suited.clone().map(|corner| count(&corner)).min();
    let open: Vec<Corner> = suited.filter(|c| Some(count(c)) == least).collect();
    // what suits few resolutions waits for none of them
    let rare = open.iter().find(|corner| !corner.suits(usize::MAX));
    match rare {
        Some(rare) => Some(*rare),
        None => (!open.is_empty()).then(|| draws.pick("corner", &open)),
    }
}

impl Blocks<'_> {
    /// The first layers, and the level that they reach.
    fn stem(&mut self) -> (Tensor, usize) {
        let stem = self.draws.pick("stem", &STEMS);
        let act = self.fused_activation();
        let first = |blocks: &mut Self, kernel, stride, level: usize| {
            let [low, high] = CHANNELS[level];
            let channels = blocks.width("stem width", low, high);
            let conv = Conv::same(channels, kernel, stride);
            blocks.body.conv_act(conv, act, Tensor::Input)
        };
        match stem {
            Stem::Conv(kernel, 2) => (first(self, kernel, 2, 0), 0),
            Stem::Conv(kernel, stride) => (first(self, kernel, stride, 1), 1),
            Stem::Pooled => {
                let x = first(self, 7, 2, 1);
                (self.body.pool(PoolKind::Max, 3, 2, x), 1)
            }
            Stem::Patches => {
                let [low, high] = CHANNELS[1];
                let patches = Conv {
                    padding: [0; 2],
                    ..Conv::same(self.width("stem width", low, high), 4, 4)
                };
                (self.body.conv_act(patches, act, Tensor::Input), 1)
            }
            Stem::Full => {
                let x = first(self, 3, 1, 0);
                (self.halve(0, x), 0)
            }
        }
    }

    fn halve(&mut self, level: usize, x: Tensor) -> Tensor {
        let [low, high] = CHANNELS[level];
        let halving = self.draws.pick("halving", &HALVINGS);
        let act = self.fused_activation();
        let widest = match halving {
            // large kernels come with few channels
            Halving::Dense(kernel @ (5 | 7)) => high * 3 / kernel,
            _ => high,
        };
        let channels = self.width(LEVEL_WIDTHS[level], low, widest);
        match halving {
            Halving::Dense(kernel) => self.body.conv_act(Conv::same(channels, kernel, 2), act, x),
            Halving::Depthwise(kernel) => {
                let depthwise = self.body.depthwise(kernel, 2, x);
                let x = self.body.conv_act(depthwise, act, x);
                self.body.pointwise(channels, act, x)
            }
            Halving::Pool(kind, kernel) => {
                let x = self.body.pool(kind, kernel, 2, x);
                self.body.pointwise(channels, act, x)
            }
        }
    }

    fn head(&mut self, x: Tensor) -> Tensor {
        let head = self.draws.pick("head", &HEADS);
        let act = self.fused_activation();
        let means = |body: &mut Body| body.op(Op::GlobalAvgPool, &[x]);
        let last = match head {
            Head::Classifier => means(self.body),
            Head::Hidden(features) => {
                let x = means(self.body);
                let x = self.body.linear(features, x);
                self.body.act(Activation::Relu, x)
            }
            Head::Flattened(features) => {
                let x = self.body.linear(features, x);
                self.body.act(Activation::Relu, x)
            }
            Head::Heavy => {
                let elements = self.body.shape(x).elements() as usize;
                let features = (HEAVY_WEIGHTS / elements.max(1)).clamp(2048, 8192);
                let x = self.body.linear(features, x);
                self.body.act(Activation::Relu, x)
            }
            Head::Convolution(features) => {
                let x = means(self.body);
                let conv = Conv::pointwise(features).with_bias();
                let x = self.body.op(Op::Conv(conv), &[x]);
                self.body.act(act, x)
            }
        };
        self.body.linear(CLASSES, last)
    }
}

/// The widths of each level are drawn by themselves, so that they fill each level's range.
const LEVEL_WIDTHS: [&str; 5] = ["width 2", "width 4", "width 8", "width 16", "width 32"];
