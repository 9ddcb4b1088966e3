//! A genotype as a search space of its own: the human-readable form of a backbone.

use crate::block::{Attribute, Block};
use crate::definition::{
    BlockDefinition, Choices, HeadDefinition, Numbers, SpaceDefinition, StageDefinition,
    StemDefinition,
};
use crate::genotype::Genotype;
use crate::space::SearchSpace;

impl SearchSpace {
    /// The definition of a space that holds this network alone. Runs of equal blocks become one stage
    /// each, so that the stages need not be those of this space.
    pub fn fix(&self, genotype: &Genotype) -> SpaceDefinition {
        let mut stages: Vec<StageDefinition> = Vec::new();
        let mut depths: Vec<usize> = Vec::new();
        let mut last: Option<(usize, Block)> = None;
        for placed in self.blocks(genotype) {
            let continues = placed.index > 0 && last == Some((placed.channels, placed.block));
            match (continues, depths.last_mut()) {
                (true, Some(depth)) => *depth += 1,
                _ => {
                    stages.push(single_stage(&placed.block, placed.channels, placed.stride));
                    depths.push(1);
                }
            }
            last = Some((placed.channels, placed.block));
        }
        for (stage, depth) in stages.iter_mut().zip(depths) {
            stage.depth = Numbers::one(depth);
        }
        let definition = &self.definition;
        SpaceDefinition {
            resolution: Choices::One(self.resolution(genotype)),
            stem: StemDefinition {
                channels: Numbers::one(self.stem_channels(genotype)),
                ..definition.stem.clone()
            },
            stage: stages,
            head: definition.head.as_ref().map(|head| HeadDefinition {
                channels: self.head_channels(genotype).map(Numbers::one),
                ..head.clone()
            }),
            ..definition.clone()
        }
    }
}

fn single_stage(block: &Block, channels: usize, stride: usize) -> StageDefinition {
    let has = |attribute| block.kind.has(attribute);
    StageDefinition {
        block: Choices::One(BlockDefinition::from(block.kind)),
        depth: Numbers::one(1),
        channels: Numbers::one(channels),
        stride: Choices::One(stride),
        kernel: has(Attribute::Kernel).then(|| Numbers::one(block.kernel)),
        groups: has(Attribute::Groups).then_some(Choices::One(block.groups)),
        expand: has(Attribute::Expand).then_some(Choices::One(block.expand)),
        se: has(Attribute::Se).then_some(Choices::One(block.se)),
        activation: has(Attribute::Activation).then_some(Choices::One(block.activation)),
        per_layer: Vec::new(),
    }
}
