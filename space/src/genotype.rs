//! Genotypes: one network of a search space as a list of small numbers.

use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::options::OptionId;
use crate::shape::Resolution;
use crate::space::{Head, Layout, SearchSpace, Stage};

/// The gene of a layer beyond its stage's depth.
pub(crate) const UNUSED: u16 = u16::MAX;

/// One network of a [`SearchSpace`]: indices into the space's choices, in a fixed layout. Layers
/// beyond a stage's depth are stored alike, so that equal networks of a space have equal genes (but for
/// blocks that build the same layers, such as identities that commute).
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Genotype(pub(crate) Box<[u16]>);

// by hand, because the derived `clone_from` allocates
impl Clone for Genotype {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    /// Takes no new room where both are of one space.
    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

impl Genotype {
    /// The genes.
    pub fn genes(&self) -> &[u16] {
        &self.0
    }
}

/// One block of a decoded genotype: what it is, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacedBlock {
    /// Stage, from 0.
    pub stage: usize,
    /// Position in the stage, from 0.
    pub index: usize,
    /// The block.
    pub block: Block,
    /// Output channels.
    pub channels: usize,
    /// Stride.
    pub stride: usize,
}

/// A stage's genes, read through its choices.
pub(crate) struct StageGenes<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) genes: &'a [u16],
}

impl<'a> StageGenes<'a> {
    pub(crate) fn channel_choice(&self) -> usize {
        self.genes[Layout::CHANNELS] as usize
    }

    pub(crate) fn channels(&self) -> usize {
        self.stage.channels[self.channel_choice()]
    }

    pub(crate) fn depth(&self) -> usize {
        self.stage.depths[self.genes[Layout::DEPTH] as usize]
    }

    pub(crate) fn stride(&self) -> usize {
        self.stage.strides[self.genes[Layout::STRIDE] as usize]
    }

    /// The options of the layers that are there.
    pub(crate) fn layers(&self) -> &'a [OptionId] {
        &self.genes[Layout::LAYERS..][..self.depth()]
    }
}

impl SearchSpace {
    pub(crate) fn stage_genes<'a>(&'a self, genes: &'a [u16], stage: usize) -> StageGenes<'a> {
        let start = self.layout.stages[stage];
        let length = Layout::LAYERS + self.stages[stage].deepest();
        StageGenes {
            stage: &self.stages[stage],
            genes: &genes[start..start + length],
        }
    }

    /// Input resolution of a genotype.
    pub fn resolution(&self, genotype: &Genotype) -> Resolution {
        self.resolutions[genotype.0[Layout::RESOLUTION] as usize]
    }

    /// Output channels of the stem.
    pub fn stem_channels(&self, genotype: &Genotype) -> usize {
        self.stem.channels[genotype.0[Layout::STEM] as usize]
    }

    /// Output channels of the head's 1x1 convolution, if there is one.
    pub fn head_channels(&self, genotype: &Genotype) -> Option<usize> {
        let head = self.head.as_ref()?;
        head.channels
            .get(genotype.0[Layout::HEAD] as usize)
            .copied()
    }

    /// The blocks of a genotype, from input to output.
    pub fn blocks<'a>(&'a self, genotype: &'a Genotype) -> impl Iterator<Item = PlacedBlock> + 'a {
        (0..self.stages.len()).flat_map(move |stage| {
            let genes = self.stage_genes(&genotype.0, stage);
            let (channels, stride) = (genes.channels(), genes.stride());
            let layers = genes.layers().iter().enumerate();
            layers.map(move |(index, &option)| PlacedBlock {
                stage,
                index,
                block: self.stages[stage].options.blocks[option as usize],
                channels,
                stride: if index == 0 { stride } else { 1 },
            })
        })
    }

    /// Whether these genes are a network of this space, in the form every operator returns: asked of
    /// genotypes that come from outside, such as a checkpoint.
    pub fn contains(&self, genotype: &Genotype) -> bool {
        let genes = &genotype.0;
        let within = |position: usize, choices: usize| (genes[position] as usize) < choices;
        if genes.len() != self.layout.genes
            || !within(Layout::RESOLUTION, self.resolutions.len())
            || !within(Layout::STEM, self.stem.channels.len())
            || !within(Layout::HEAD, self.head_choices())
        {
            return false;
        }
        let mut input = genes[Layout::STEM] as usize;
        (0..self.stages.len()).all(|index| {
            let start = self.layout.stages[index];
            let stage = &self.stages[index];
            let sound = within(start + Layout::CHANNELS, stage.channels.len())
                && within(start + Layout::DEPTH, stage.depths.len())
                && within(start + Layout::STRIDE, stage.strides.len());
            sound && {
                let genes = self.stage_genes(genes, index);
                let from = std::mem::replace(&mut input, genes.channel_choice());
                layers_fit(&genes, from)
            }
        })
    }

    /// The genotype with every gene at its first choice: of a space that holds one network, that one.
    pub fn only(&self) -> Genotype {
        let mut genes = vec![0; self.layout.genes];
        self.repair(&mut genes);
        Genotype(genes.into())
    }

    /// Number of choices of the head gene: 1 where there is nothing to choose.
    pub(crate) fn head_choices(&self) -> usize {
        let head = self.head.as_ref();
        head.map_or(1, Head::choices)
    }
}

fn layers_fit(genes: &StageGenes, input: usize) -> bool {
    let (stage, output) = (genes.stage, genes.channel_choice());
    let (Some(first), [head, rest @ ..]) = (stage.links.first(input, output), genes.layers())
    else {
        return false;
    };
    let Some(&class) = stage.options.class.get(*head as usize) else {
        return false;
    };
    let class = class as usize;
    let later = &stage.links.later(output)[class];
    let beyond = &genes.genes[Layout::LAYERS + genes.depth()..];
    first[class].contains(head)
        && rest.iter().all(|option| later.contains(option))
        && beyond.iter().all(|&gene| gene == UNUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clone_from_keeps_its_room() {
        let source = Genotype(Box::from([1, 2, 3]));
        let mut room = Genotype(Box::from([0, 0, 0]));
        let before = room.0.as_ptr();
        room.clone_from(&source);
        assert_eq!(room, source);
        assert_eq!(room.0.as_ptr(), before);
        room.clone_from(&Genotype(Box::from([4])));
        assert_eq!(room.genes(), [4]);
    }
}
