//! The space around a network.

use super::stages::{Own, OwnStage, choices};
use super::{RecogniseError, Recognised};
use crate::block::{Attribute, Block, BlockKind, Groups};
use crate::definition::{
    BlockDefinition, Choices, HeadDefinition, Numbers, Range, SpaceDefinition, StageDefinition,
    StemDefinition,
};
use crate::space::{SearchSpace, SpaceError};

/// How far a space reaches around a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Depths, channels, kernels and expansions around those of the network.
    Around,
    /// The same with the network's own channels, since others don't go with its groups.
    OwnChannels,
    /// The network alone.
    Alone,
}

/// A space around a network, which it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// Its definition.
    pub definition: SpaceDefinition,
    /// The space.
    pub space: SearchSpace,
    /// The network's genotype, as text.
    pub own: String,
    /// How far it reaches.
    pub reach: Reach,
}

impl Recognised {
    /// The space around the network: the widest that can be built.
    ///
    /// # Errors
    /// When not even the network alone makes a space.
    pub fn surroundings(&self) -> Result<Surroundings, RecogniseError> {
        let alone = self.at(Reach::Alone)?;
        let wider = [Reach::Around, Reach::OwnChannels].into_iter();
        let widest = wider.filter_map(|reach| self.at(reach).ok()).next();
        Ok(widest.unwrap_or(alone))
    }

    fn at(&self, reach: Reach) -> Result<Surroundings, SpaceError> {
        let definition = self.own.around(reach, self.behind.is_some());
        let space = SearchSpace::new(definition.clone())?;
        let own = self.own.genotype(&space);
        if let Err(problem) = space.parse(&own) {
            return Err(SpaceError {
                key: "genotype".to_owned(),
                value: own,
                rule: problem.to_string(),
            });
        }
        Ok(Surroundings {
            definition,
            space,
            own,
            reach,
        })
    }
}

impl Own {
    /// The definition of a space around these parts. Where a head reads the feature maps, these keep their channels: with others it would be
    /// another head.
    fn around(&self, reach: Reach, is_read: bool) -> SpaceDefinition {
        let widths = |own: usize, next: Option<&OwnStage>| match reach {
            Reach::Around => around_channels(own, |channels| suits(channels, next)),
            Reach::OwnChannels | Reach::Alone => Numbers::one(own),
        };
        let is_read = |stage: Option<usize>| is_read && self.is_feature(stage);
        let followed = self.stages.iter().enumerate();
        let stages = followed.map(|(index, stage)| {
            let around = stage.around(reach, self.stages.get(index + 1));
            match is_read(Some(index)) {
                true => StageDefinition {
                    channels: Numbers::one(stage.channels),
                    ..around
                },
                false => around,
            }
        });
        SpaceDefinition {
            resolution: Choices::One(self.resolution),
            input_channels: self.input_channels,
            features: self.features.clone(),
            se_style: self.se_style,
            stem: StemDefinition {
                channels: match is_read(None) {
                    true => Numbers::one(self.stem_channels),
                    false => widths(self.stem_channels, self.stages.first()),
                },
                ..self.stem.clone()
            },
            stage: stages.collect(),
            head: self.head.as_ref().map(|head| HeadDefinition {
                channels: self.head_channels.map(|own| widths(own, None)),
                ..head.clone()
            }),
        }
    }

    /// Whether a feature map is what a stage puts out, or the stem: the last at one of the strides.
    fn is_feature(&self, stage: Option<usize>) -> bool {
        let next = stage.map_or(0, |stage| stage + 1);
        let is_last = self.stages.get(next).is_none_or(|next| next.stride > 1);
        let pool = if self.stem.pool.is_some() { 2 } else { 1 };
        let strides = self.stages[..next].iter().map(|stage| stage.stride);
        is_last
            && self
                .features
                .contains(&(self.stem.stride * pool * strides.product::<usize>()))
    }

    /// These parts as a genotype's text.
    fn genotype(&self, space: &SearchSpace) -> String {
        let mut text = format!("r{}/s{}", self.resolution, self.stem_channels);
        for (index, stage) in self.stages.iter().enumerate() {
            let choices = space.stage_choices(index);
            let label = |block: &Block| {
                let place = choices.blocks.iter().position(|one| one == block);
                place.map_or("?", |place| &*choices.labels[place])
            };
            let layers: Vec<&str> = stage.blocks.iter().map(label).collect();
            text += &format!("/{}:{}", stage.channels, layers.join(","));
        }
        if let Some(channels) = self.head_channels {
            text += &format!("/h{channels}");
        }
        text
    }
}

impl OwnStage {
    fn around(&self, reach: Reach, next: Option<&Self>) -> StageDefinition {
        let mut kinds: Vec<BlockKind> = Vec::new();
        for block in &self.blocks {
            if !kinds.contains(&block.kind) {
                kinds.push(block.kind);
            }
        }
        let families: Vec<BlockDefinition> =
            kinds.iter().map(|&kind| self.family(kind, reach)).collect();
        let mut stage = StageDefinition {
            block: Choices::One(BlockDefinition::from(kinds[0])),
            depth: depths(self.blocks.len(), reach),
            channels: self.channels(reach, next),
            stride: Choices::One(self.stride),
            kernel: None,
            groups: None,
            expand: None,
            se: None,
            activation: None,
            per_layer: self.per_layer(&families),
        };
        match <[BlockDefinition; 1]>::try_from(families) {
            Ok([only]) => {
                stage.kernel = only.kernel;
                stage.groups = only.groups;
                stage.expand = only.expand;
                stage.se = only.se;
                stage.activation = only.activation;
            }
            Err(several) => stage.block = Choices::Many(several),
        }
        stage
    }

    fn channels(&self, reach: Reach, next: Option<&Self>) -> Numbers {
        match reach {
            Reach::Around => around_channels(self.channels, |channels| {
                self.fits(channels) && suits(channels, next)
            }),
            Reach::OwnChannels | Reach::Alone => Numbers::one(self.channels),
        }
    }

    /// Whether the blocks could stand at another width.
    fn fits(&self, channels: usize) -> bool {
        self.blocks.iter().enumerate().all(|(index, block)| {
            block.fits(channels, channels) && (index > 0 || block.fits(self.inputs, channels))
        })
    }

    /// One family of the stage, with choices around those of its blocks.
    fn family(&self, kind: BlockKind, reach: Reach) -> BlockDefinition {
        let blocks: Vec<&Block> = self
            .blocks
            .iter()
            .filter(|block| block.kind == kind)
            .collect();
        let wide = reach != Reach::Alone;
        let has = |attribute| kind.has(attribute);
        let mut kernels = distinct(blocks.iter().map(|block| block.kernel));
        let depthwise = blocks.iter().all(|block| block.groups == Groups::Depthwise)
            || matches!(
                kind,
                BlockKind::DepthwiseSeparable | BlockKind::GroupedShuffle
            );
        if wide && kind == BlockKind::LargeKernelDepthwise {
            kernels.extend([5, 7, 9]);
        } else if wide && depthwise {
            kernels.extend([3, 5, 7]);
        } else if wide && kernels != [1] {
            // larger ones multiply the work of a dense convolution
            kernels.push(3);
        }
        kernels.sort_unstable();
        kernels.dedup();
        let mut expands = distinct(blocks.iter().map(|block| block.expand));
        if wide {
            let more = expansions(kind, &expands).into_iter();
            // groups may not divide what another expansion gives
            expands.extend(more.filter(|&expand| {
                blocks
                    .iter()
                    .all(|&&block| Block { expand, ..block }.fits(self.channels, self.channels))
            }));
        }
        expands.sort_by(f64::total_cmp);
        expands.dedup();
        let mut ses = distinct(blocks.iter().map(|block| block.se));
        if wide && ses.iter().any(|&se| se > 0.0) {
            ses.push(0.0);
        }
        ses.sort_by(f64::total_cmp);
        ses.dedup();
        let groups = distinct(blocks.iter().map(|block| block.groups));
        let plain = kind.default_block();
        let given = |attribute, is_default: bool| has(attribute) && !is_default;
        BlockDefinition {
            kind,
            kernel: has(Attribute::Kernel).then(|| Numbers::Listed(choices(kernels))),
            groups: given(Attribute::Groups, groups == [plain.groups]).then(|| choices(groups)),
            expand: has(Attribute::Expand).then(|| choices(expands)),
            se: given(Attribute::Se, ses == [0.0]).then(|| choices(ses)),
            activation: has(Attribute::Activation)
                .then(|| choices(distinct(blocks.iter().map(|block| block.activation)))),
        }
    }

    /// What layers must choose for themselves since the network's differ, and what they may where it costs nothing.
    fn per_layer(&self, families: &[BlockDefinition]) -> Vec<Attribute> {
        let several = |attribute| {
            families.iter().any(|family| match attribute {
                Attribute::Kernel => {
                    matches!(&family.kernel, Some(Numbers::Listed(k)) if k.values().len() > 1)
                }
                Attribute::Expand => matches!(&family.expand, Some(e) if e.values().len() > 1),
                _ => false,
            })
        };
        let differ = |attribute| {
            self.blocks
                .iter()
                .any(|block| !block.agrees(&self.blocks[0], attribute))
        };
        let all = Attribute::ALL.into_iter();
        all.filter(|&attribute| {
            let applies = families.iter().any(|family| family.kind.has(attribute));
            applies && (differ(attribute) || several(attribute))
        })
        .collect()
    }
}

/// Whether a stage's first block could be given these channels.
fn suits(channels: usize, stage: Option<&OwnStage>) -> bool {
    let first = stage.and_then(|stage| Some((stage, stage.blocks.first()?)));
    first.is_none_or(|(stage, block)| block.fits(channels, stage.channels))
}

/// Expansions beside those of the network.
fn expansions(kind: BlockKind, own: &[f64]) -> Vec<f64> {
    let most = own.iter().copied().fold(0.0, f64::max);
    match kind {
        BlockKind::Bottleneck if most <= 0.5 => vec![0.25, 0.5],
        BlockKind::Bottleneck => vec![0.5, 1.0],
        // without expansion there is no first convolution, and the block is another one
        _ if most <= 1.0 => Vec::new(),
        BlockKind::FusedInvertedBottleneck => vec![2.0, 4.0],
        BlockKind::LargeKernelDepthwise => vec![2.0, 3.0, 4.0],
        _ => vec![3.0, 4.0, 6.0],
    }
}

/// One block less to one more; of many, two.
fn depths(own: usize, reach: Reach) -> Numbers {
    if reach == Reach::Alone {
        return Numbers::one(own);
    }
    let by = if own >= 8 { 2 } else { 1 };
    let depths: Vec<usize> = (own.saturating_sub(by).max(1)..=(own + by).min(64)).collect();
    Numbers::Listed(choices(depths))
}

/// Channels from three quarters to five quarters in at most eight steps, and at least one step either way; those left out that don't fit.
fn around_channels(own: usize, fits: impl Fn(usize) -> bool) -> Numbers {
    let step = (own / 16).next_multiple_of(8).max(8);
    let below = ((own / 4) / step).max(1);
    let all = (0..=2 * below).filter_map(|place| (own + place * step).checked_sub(below * step));
    let kept: Vec<usize> = all
        .filter(|&channels| channels == own || ((8..=8192).contains(&channels) && fits(channels)))
        .collect();
    match kept[..] {
        [from, .., to]
            if kept.len() > 3 && kept.windows(2).all(|pair| pair[1] - pair[0] == step) =>
        {
            Numbers::Range(Range { from, to, step })
        }
        _ => Numbers::Listed(choices(kept)),
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}
