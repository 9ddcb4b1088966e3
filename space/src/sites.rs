//! Sites: everything a network of a space can have at one place, and where the places are.
//!
//! What a stem, a block or a head adds to a network depends only on what it is, on the channels before and after it, on its
//! stride and on the resolution it is given. A space has some ten thousand such sites where it has 10^20 networks, so whatever is
//! worked out once for each site is known of every network.

use crate::block::Block;
use crate::definition::StemPool;
use crate::genotype::Genotype;
use crate::network::{Network, NetworkBuilder, Part, Tensor};
use crate::shape::Resolution;
use crate::space::{Layout, SearchSpace};

/// Something that can stand at one place of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    /// Resolution of the feature map (or image) it is given.
    pub input: Resolution,
    /// What stands there.
    pub content: Content,
}

/// What stands at a site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Content {
    /// The stem, with its output channels.
    Stem {
        /// Output channels.
        channels: usize,
    },
    /// A block.
    Block {
        /// Its stage, from 0.
        stage: usize,
        /// Whether it is the first of its stage or one of the later ones.
        is_first: bool,
        /// The block.
        block: Block,
        /// Channels it is given.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// Stride.
        stride: usize,
    },
    /// The classifier.
    Head {
        /// Channels it is given.
        inputs: usize,
        /// Channels of its 1x1 convolution, if it has one.
        channels: Option<usize>,
    },
}

/// The part of a network that a site belongs to, as a walk along a genotype meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The stem.
    Stem,
    /// The first block of a stage, counted from 0.
    First(usize),
    /// A later block of a stage.
    Later(usize),
    /// The classifier.
    Head,
}

/// The sites of a space, numbered. Numbers of sites where nothing fits stay empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sites {
    stems: usize,
    stages: Vec<StageSites>,
    /// First site of the heads, resolutions and channels they are given, and choices.
    heads: usize,
    head_resolutions: Vec<Resolution>,
    head_choices: usize,
    len: u64,
}

/// The sites of one stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StageSites {
    /// Resolutions that the stage can be given.
    pub(crate) resolutions: Vec<Resolution>,
    /// By resolution and choice of stride: the resolution after it, among those of the next stage (or the head).
    pub(crate) after: Vec<Vec<usize>>,
    /// Number of resolutions after it.
    pub(crate) resolutions_after: usize,
    /// Number of the first site of first blocks, and of later ones.
    first: u64,
    later: u64,
    /// Where the stage's genes begin, and how many blocks each choice of depth is.
    genes: usize,
    depths: Vec<usize>,
    strides: usize,
    inputs: usize,
    outputs: usize,
    options: usize,
}

impl StageSites {
    pub(crate) fn first_site(
        &self,
        resolution: usize,
        stride: usize,
        input: usize,
        output: usize,
        option: usize,
    ) -> usize {
        let pair = ((resolution * self.strides + stride) * self.inputs + input) * self.outputs;
        self.first as usize + (pair + output) * self.options + option
    }

    /// `resolution` is one of those after the stage's stride.
    pub(crate) fn later_site(&self, resolution: usize, output: usize, option: usize) -> usize {
        self.later as usize + (resolution * self.outputs + output) * self.options + option
    }
}

impl Sites {
    /// The sites of a space. Takes next to nothing: sites are numbered, not listed.
    pub fn new(space: &SearchSpace) -> Self {
        let mut resolutions: Vec<Resolution> = space
            .resolutions
            .iter()
            .map(|&image| space.after_stem(image))
            .collect();
        // each is where the stem takes one image resolution, so that its index is that choice's
        let mut len = (resolutions.len() * space.stem.channels.len()) as u64;
        let mut inputs = space.stem.channels.len();
        let mut stages = Vec::with_capacity(space.stages.len());
        for (stage, &genes) in space.stages.iter().zip(&space.layout.stages) {
            let mut next: Vec<Resolution> = Vec::new();
            let after = resolutions.iter().map(|resolution| {
                let strided = stage.strides.iter().map(|&stride| {
                    let after = resolution.strided(stride);
                    let known = next.iter().position(|&known| known == after);
                    known.unwrap_or_else(|| {
                        next.push(after);
                        next.len() - 1
                    })
                });
                strided.collect()
            });
            let after: Vec<Vec<usize>> = after.collect();
            let outputs = stage.channels.len();
            let options = stage.options.blocks.len();
            let product = |factors: &[usize]| {
                let factors = factors.iter().map(|&factor| factor as u64);
                factors.fold(1, u64::saturating_mul)
            };
            let first = len;
            let strides = stage.strides.len();
            let later = first.saturating_add(product(&[
                resolutions.len(),
                strides,
                inputs,
                outputs,
                options,
            ]));
            len = later.saturating_add(product(&[next.len(), outputs, options]));
            stages.push(StageSites {
                resolutions: std::mem::replace(&mut resolutions, next),
                after,
                resolutions_after: 0,
                first,
                later,
                genes,
                depths: stage.depths.clone(),
                strides,
                inputs,
                outputs,
                options,
            });
            if let Some(stage) = stages.last_mut() {
                stage.resolutions_after = resolutions.len();
            }
            inputs = outputs;
        }
        let heads = len;
        let head_choices = if space.head.is_some() {
            space.head_choices()
        } else {
            0
        };
        len = len.saturating_add((resolutions.len() * inputs * head_choices) as u64);
        Self {
            stems: space.stem.channels.len(),
            stages,
            heads: usize::try_from(heads).unwrap_or(usize::MAX),
            head_resolutions: resolutions,
            head_choices,
            len,
        }
    }

    /// One more than the largest number of a site; as large as can be where that has more than 64 bits.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Never: a space has a stem at least.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn stage(&self, stage: usize) -> &StageSites {
        &self.stages[stage]
    }

    /// Resolutions after the stem: as many as image resolutions, and in their order.
    pub(crate) fn stem_site(&self, resolution: usize, stem: usize) -> usize {
        resolution * self.stems + stem
    }

    /// The head's site, if there is a head.
    pub(crate) fn head_site(
        &self,
        resolution: usize,
        input: usize,
        choice: usize,
    ) -> Option<usize> {
        let inputs = self.stages.last().map_or(self.stems, |stage| stage.outputs);
        let row = resolution * inputs + input;
        (self.head_choices > 0).then(|| self.heads + row * self.head_choices + choice)
    }

    /// Resolutions that the head can be given.
    pub(crate) fn head_resolutions(&self) -> &[Resolution] {
        &self.head_resolutions
    }

    /// Every site that something fits, with its number, in ascending order.
    pub fn all<'a>(&'a self, space: &'a SearchSpace) -> impl Iterator<Item = (usize, Site)> + 'a {
        let stems = space
            .resolutions
            .iter()
            .enumerate()
            .flat_map(move |(r, &input)| {
                let choices = space.stem.channels.iter().enumerate();
                choices.map(move |(choice, &channels)| {
                    let content = Content::Stem { channels };
                    (self.stem_site(r, choice), Site { input, content })
                })
            });
        let blocks = (0..space.stages.len()).flat_map(move |stage| {
            let first = self.first_blocks(space, stage);
            first.chain(self.later_blocks(space, stage))
        });
        let last = space.stages.last();
        let widths: &[usize] = last.map_or(&space.stem.channels, |stage| &stage.channels);
        let heads = self
            .head_resolutions
            .iter()
            .enumerate()
            .flat_map(move |(r, &input)| {
                let widths = widths.iter().enumerate();
                widths.flat_map(move |(width, &inputs)| {
                    (0..self.head_choices).filter_map(move |choice| {
                        let head = space.head.as_ref()?;
                        let channels = head.channels.get(choice).copied();
                        let content = Content::Head { inputs, channels };
                        Some((self.head_site(r, width, choice)?, Site { input, content }))
                    })
                })
            });
        stems.chain(blocks).chain(heads)
    }

    fn first_blocks<'a>(
        &'a self,
        space: &'a SearchSpace,
        index: usize,
    ) -> impl Iterator<Item = (usize, Site)> + 'a {
        let (stage, sites) = (&space.stages[index], &self.stages[index]);
        let widths: &[usize] = match index.checked_sub(1) {
            None => &space.stem.channels,
            Some(previous) => &space.stages[previous].channels,
        };
        let places = sites
            .resolutions
            .iter()
            .enumerate()
            .flat_map(move |(r, &input)| {
                let strides = stage.strides.iter().enumerate();
                strides.flat_map(move |(s, &stride)| {
                    let widths = widths.iter().enumerate();
                    widths.map(move |(from, &inputs)| (r, input, s, stride, from, inputs))
                })
            });
        places.flat_map(move |(r, input, s, stride, from, inputs)| {
            stage.links.outputs(from).flat_map(move |to| {
                let mut options: Vec<u16> = stage
                    .links
                    .first(from, to)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .copied()
                    .collect();
                options.sort_unstable();
                options.into_iter().map(move |option| {
                    let content = Content::Block {
                        stage: index,
                        is_first: true,
                        block: stage.options.blocks[option as usize],
                        inputs,
                        outputs: stage.channels[to],
                        stride,
                    };
                    let site = sites.first_site(r, s, from, to, option as usize);
                    (site, Site { input, content })
                })
            })
        })
    }

    fn later_blocks<'a>(
        &'a self,
        space: &'a SearchSpace,
        index: usize,
    ) -> impl Iterator<Item = (usize, Site)> + 'a {
        let (stage, sites) = (&space.stages[index], &self.stages[index]);
        let next = match self.stages.get(index + 1) {
            Some(next) => &next.resolutions,
            None => &self.head_resolutions,
        };
        let is_deep = stage.deepest() > 1;
        let next = next.iter().enumerate().filter(move |_| is_deep);
        next.flat_map(move |(r, &input)| {
            let widths = stage.channels.iter().enumerate();
            widths.flat_map(move |(to, &outputs)| {
                let mut options: Vec<u16> =
                    stage.links.later(to).iter().flatten().copied().collect();
                options.sort_unstable();
                options.into_iter().map(move |option| {
                    let content = Content::Block {
                        stage: index,
                        is_first: false,
                        block: stage.options.blocks[option as usize],
                        inputs: outputs,
                        outputs,
                        stride: 1,
                    };
                    let site = sites.later_site(r, to, option as usize);
                    (site, Site { input, content })
                })
            })
        })
    }

    /// Walks along a genotype of the space, from input to output, without allocating anything.
    #[inline]
    pub fn walk(&self, genotype: &Genotype, mut visit: impl FnMut(Slot, usize)) {
        let genes = genotype.genes();
        let mut resolution = genes[Layout::RESOLUTION] as usize;
        let mut input = genes[Layout::STEM] as usize;
        visit(Slot::Stem, self.stem_site(resolution, input));
        for (index, sites) in self.stages.iter().enumerate() {
            let genes = &genes[sites.genes..];
            let output = genes[Layout::CHANNELS] as usize;
            let stride = genes[Layout::STRIDE] as usize;
            let depth = sites.depths[genes[Layout::DEPTH] as usize];
            let layers = &genes[Layout::LAYERS..][..depth];
            let first = sites.first_site(resolution, stride, input, output, layers[0] as usize);
            visit(Slot::First(index), first);
            resolution = sites.after[resolution][stride];
            let later = sites.later_site(resolution, output, 0);
            for &option in &layers[1..] {
                visit(Slot::Later(index), later + option as usize);
            }
            input = output;
        }
        let choice = genes[Layout::HEAD] as usize;
        if let Some(head) = self.head_site(resolution, input, choice) {
            visit(Slot::Head, head);
        }
    }
}

impl SearchSpace {
    /// Every site of the space.
    pub fn sites(&self) -> Sites {
        Sites::new(self)
    }

    /// Resolution after the stem.
    fn after_stem(&self, image: Resolution) -> Resolution {
        let after = image.strided(self.stem.stride);
        match self.stem.pool {
            None => after,
            Some(StemPool::Max) => after.strided(2),
        }
    }

    /// What stands at a site as a network of its own; nothing for an identity that has no layers.
    ///
    /// # Panics
    /// Only for a site of another space.
    pub fn site_network(&self, site: &Site) -> Option<Network> {
        let channels = match site.content {
            Content::Stem { .. } => self.definition.input_channels,
            Content::Block { inputs, .. } | Content::Head { inputs, .. } => inputs,
        };
        let mut network = NetworkBuilder::new("", site.input.with_channels(channels));
        let x = match site.content {
            Content::Stem { channels } => self.stem(&mut network, channels),
            Content::Block {
                stage,
                is_first,
                block,
                outputs,
                stride,
                ..
            } => {
                let index = usize::from(!is_first);
                network.section(Part::Block { stage, index }, "");
                let mut assembler = self.assembler(&mut network);
                assembler.block(&block, Tensor::Input, outputs, stride)
            }
            Content::Head { channels, .. } => self.head(&mut network, Tensor::Input, channels)?,
        };
        if x == Tensor::Input {
            return None;
        }
        network.output("out", x);
        let built = network.finish();
        Some(built.expect("everything that stands in a checked space can be built"))
    }
}
