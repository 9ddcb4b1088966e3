//! What a space offers in each place, for those who read networks that somebody else wrote down.

use crate::block::Block;
use crate::space::SearchSpace;

/// What may be chosen in one stage. Each list has at least one entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageChoices<'a> {
    /// Output channels.
    pub channels: &'a [usize],
    /// Numbers of blocks, ascending.
    pub depths: &'a [usize],
    /// Strides of the first block.
    pub strides: &'a [usize],
    /// The blocks that a layer can be, in the order of the space's definition.
    pub blocks: &'a [Block],
    /// What stands for each of these blocks in a genotype's text.
    pub labels: &'a [String],
}

impl SearchSpace {
    /// Output channels that the stem can have.
    pub fn stem_choices(&self) -> &[usize] {
        &self.stem.channels
    }

    /// Output channels that the head's 1x1 convolution can have; empty where there is no such convolution.
    pub fn head_channel_choices(&self) -> &[usize] {
        self.head.as_ref().map_or(&[], |head| &head.channels)
    }

    /// What may be chosen in a stage; stages count from 0.
    ///
    /// # Panics
    /// When the space has no such [stage](Self::stages).
    pub fn stage_choices(&self, stage: usize) -> StageChoices<'_> {
        let stage = &self.stages[stage];
        StageChoices {
            channels: &stage.channels,
            depths: &stage.depths,
            strides: &stage.strides,
            blocks: &stage.options.blocks,
            labels: &stage.options.labels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    #[test]
    fn choices_are_those_of_the_definition() {
        let space = SearchSpace::new(presets::definition("accel-nasbench").unwrap()).unwrap();
        assert_eq!(space.stem_choices(), [32]);
        assert_eq!(space.head_channel_choices(), [1280]);
        let stage = space.stage_choices(5);
        assert_eq!(stage.channels, [192]);
        assert_eq!(stage.depths, [1, 2, 3, 4]);
        assert_eq!(stage.strides, [2]);
        assert_eq!(stage.blocks.len(), 12);
        assert_eq!(stage.labels[0], "k3e1se0");
    }
}
