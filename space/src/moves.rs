//! The genes of a genotype that can move.

use crate::space::{Layout, Stage};

/// One gene, by what it decides. Stages and layers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gene {
    Resolution,
    Stem,
    Head,
    Channels(usize),
    Depth(usize),
    Stride(usize),
    Layer { stage: usize, layer: usize },
}

/// The genes of a space that have more than one choice. Those of layers depend on the depths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Genes that every genotype has.
    always: Vec<Gene>,
    stages: Vec<Layers>,
    /// Layers of a stage that have a gene of their own, by its choice of depth; stage after stage.
    layers: Vec<usize>,
}

/// Where the movable layers of one stage are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layers {
    stage: usize,
    /// Position of the stage's depth.
    depth: usize,
    /// Start of the stage in `layers`.
    start: usize,
}

impl Moves {
    /// The genes that have a choice, of these numbers of choices and these stages.
    pub(crate) fn new(
        resolutions: usize,
        stems: usize,
        heads: usize,
        stages: &[Stage],
        layout: &Layout,
    ) -> Self {
        let mut always = Vec::new();
        let mut offer = |gene: Gene, choices: usize| {
            if choices > 1 {
                always.push(gene);
            }
        };
        offer(Gene::Resolution, resolutions);
        offer(Gene::Stem, stems);
        offer(Gene::Head, heads);
        for (index, stage) in stages.iter().enumerate() {
            offer(Gene::Channels(index), stage.channels.len());
            offer(Gene::Depth(index), stage.depths.len());
            offer(Gene::Stride(index), stage.strides.len());
        }
        let mut moves = Self {
            always,
            stages: Vec::new(),
            layers: Vec::new(),
        };
        for (index, (stage, &start)) in stages.iter().zip(&layout.stages).enumerate() {
            if stage.options.blocks.len() > 1 {
                moves.stages.push(Layers {
                    stage: index,
                    depth: start + Layout::DEPTH,
                    start: moves.layers.len(),
                });
                moves.layers.extend(own_layers(stage));
            }
        }
        moves
    }

    /// Genes that every genotype has.
    pub(crate) fn always(&self) -> &[Gene] {
        &self.always
    }

    /// The stages whose blocks can change, and how many layers have a block of their own.
    pub(crate) fn layers(&self, genes: &[u16]) -> impl Iterator<Item = (usize, usize)> {
        self.stages
            .iter()
            .map(|stage| (stage.stage, self.own(stage, genes)))
    }

    /// How many genes can move.
    pub(crate) fn count(&self, genes: &[u16]) -> usize {
        let layers = self.layers(genes).map(|(_, layers)| layers);
        self.always.len() + layers.sum::<usize>()
    }

    /// The gene at a place among those that can move.
    pub(crate) fn gene(&self, genes: &[u16], place: usize) -> Gene {
        if let Some(&gene) = self.always.get(place) {
            return gene;
        }
        let place = place - self.always.len();
        let (mut stage, mut start, mut passed) = (0, 0, 0);
        // every stage is visited, whatever the place: a loop of one length is never mispredicted
        for (next, layers) in self.layers(genes) {
            if passed <= place {
                (stage, start) = (next, passed);
            }
            passed += layers;
        }
        Gene::Layer {
            stage,
            layer: place - start,
        }
    }

    fn own(&self, stage: &Layers, genes: &[u16]) -> usize {
        self.layers[stage.start + genes[stage.depth] as usize]
    }
}

/// Layers with a gene of their own, by choice of depth. Where nothing varies from layer to layer, the
/// stage has one gene for its blocks.
fn own_layers(stage: &Stage) -> impl Iterator<Item = usize> {
    let varies = stage.options.blocks.len() > stage.options.classes;
    let depths = stage.depths.iter();
    depths.map(move |&depth| if varies { depth } else { 1 })
}
