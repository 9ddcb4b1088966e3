//! A space as a lattice: networks are its paths.
//!
//! Positions are the places where a choice is made, in the order of the network: image resolution and stem, then every place for a
//! block in every stage, then the head. A state is what later choices depend on: the resolution, the channels, and within a stage the class
//! of its shared attributes, or that the stage has ended. A step makes one choice and adds one [site](crate::Sites), or none where a stage
//! that has ended is passed by. Genotypes and paths from the first position to the last correspond one to one.

use crate::genotype::{Genotype, UNUSED};
use crate::options::{OptionId, OptionSet};
use crate::shape::{Resolution, Shape};
use crate::sites::Sites;
use crate::space::{Layout, SearchSpace, Stage};

/// The lattice of a space.
#[derive(Debug, Clone)]
pub struct Lattice<'a> {
    space: &'a SearchSpace,
    sites: Sites,
    positions: Vec<Position>,
    /// Distinct resolutions after stem and stages.
    resolutions: Vec<Resolution>,
}

/// One choice, and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The choice, as [`Lattice::genotype`] reads it.
    pub choice: u32,
    /// The state at the next position.
    pub next: usize,
    /// The site it adds.
    pub site: Option<usize>,
}

/// What is chosen at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Stem,
    /// The block at a place of a stage, both from 0.
    Block {
        stage: usize,
        place: usize,
    },
    Head,
}

/// A state in the middle of a stage or at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// Index among the resolutions at this point.
    resolution: usize,
    /// Choice of channels.
    channels: usize,
    /// Class of the stage's shared attributes; none where the stage has ended.
    class: Option<usize>,
}

impl<'a> Lattice<'a> {
    /// The lattice of a space.
    pub fn new(space: &'a SearchSpace) -> Self {
        let sites = space.sites();
        let blocks = space
            .stages
            .iter()
            .enumerate()
            .flat_map(|(stage, checked)| {
                (0..checked.deepest()).map(move |place| Position::Block { stage, place })
            });
        let positions = std::iter::once(Position::Stem)
            .chain(blocks)
            .chain([Position::Head]);
        let mut lattice = Self {
            space,
            positions: positions.collect(),
            resolutions: Vec::new(),
            sites,
        };
        let points =
            (0..space.stages.len()).flat_map(|stage| &lattice.sites.stage(stage).resolutions);
        let mut resolutions: Vec<Resolution> = points
            .chain(lattice.sites.head_resolutions())
            .copied()
            .collect();
        resolutions.sort_unstable();
        resolutions.dedup();
        lattice.resolutions = resolutions;
        lattice
    }

    /// The sites that steps add.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Number of positions: a path makes as many choices.
    pub fn positions(&self) -> usize {
        self.positions.len()
    }

    /// Number of states at a position, from 0 to [`positions`](Self::positions), where paths end. There is one at the first and one at the last.
    pub fn states(&self, position: usize) -> usize {
        match position.checked_sub(1).map(|before| self.positions[before]) {
            None | Some(Position::Head) => 1,
            Some(Position::Stem) => {
                self.sites.stage(0).resolutions.len() * self.space.stem.channels.len()
            }
            Some(Position::Block { stage, place }) => {
                let stage_of = &self.space.stages[stage];
                let each = if place + 1 < stage_of.deepest() {
                    stage_of.options.classes + 1
                } else {
                    1
                };
                self.sites.stage(stage).resolutions_after * stage_of.channels.len() * each
            }
        }
    }

    /// Number of different [`resolution`](Self::resolution)s.
    pub fn resolutions(&self) -> usize {
        // one more for what is before the stem and after the head
        self.resolutions.len() + 1
    }

    /// A number for the resolution of the feature map at a state; that of the image and of the classifier's output is one of its own.
    pub fn resolution(&self, position: usize, state: usize) -> usize {
        let none = self.resolutions.len();
        let map = self.feature_map(position, state);
        map.map_or(none, |map| {
            let resolution = map.resolution();
            self.resolutions.binary_search(&resolution).unwrap_or(none)
        })
    }

    /// The feature map at a state: the output of the body so far. Nothing before the stem and after the head.
    pub fn feature_map(&self, position: usize, state: usize) -> Option<Shape> {
        match position.checked_sub(1).map(|before| self.positions[before]) {
            None | Some(Position::Head) => None,
            Some(Position::Stem) => {
                let stems = &self.space.stem.channels;
                let resolution = self.sites.stage(0).resolutions[state / stems.len()];
                Some(resolution.with_channels(stems[state % stems.len()]))
            }
            Some(Position::Block { stage, place }) => {
                let state = self.read(stage, place, state);
                let channels = self.space.stages[stage].channels[state.channels];
                Some(self.after(stage)[state.resolution].with_channels(channels))
            }
        }
    }

    /// Calls `visit` with every step from a state.
    pub fn steps(&self, position: usize, state: usize, mut visit: impl FnMut(Step)) {
        match self.positions[position] {
            Position::Stem => self.stem_steps(visit),
            Position::Block { stage, place: 0 } => {
                let inputs = match stage.checked_sub(1) {
                    None => self.space.stem.channels.len(),
                    Some(previous) => self.space.stages[previous].channels.len(),
                };
                self.first_steps(stage, state / inputs, state % inputs, visit);
            }
            Position::Block { stage, place } => self.later_steps(stage, place, state, visit),
            Position::Head => {
                let channels = self.space.stages.last().map_or(1, |s| s.channels.len());
                let (resolution, channels) = (state / channels, state % channels);
                for choice in 0..self.space.head_choices() {
                    visit(Step {
                        choice: choice as u32,
                        next: 0,
                        site: self.sites.head_site(resolution, channels, choice),
                    });
                }
            }
        }
    }

    fn stem_steps(&self, mut visit: impl FnMut(Step)) {
        let stems = self.space.stem.channels.len();
        for resolution in 0..self.space.resolutions.len() {
            for stem in 0..stems {
                let number = resolution * stems + stem;
                visit(Step {
                    choice: number as u32,
                    next: number,
                    site: Some(self.sites.stem_site(resolution, stem)),
                });
            }
        }
    }

    fn first_steps(
        &self,
        index: usize,
        resolution: usize,
        input: usize,
        mut visit: impl FnMut(Step),
    ) {
        let (stage, sites) = (&self.space.stages[index], self.sites.stage(index));
        for stride in 0..stage.strides.len() {
            for output in stage.links.outputs(input) {
                let Some(first) = stage.links.first(input, output) else {
                    continue;
                };
                let prefix = stride * stage.channels.len() + output;
                let after = sites.after[resolution][stride];
                for (class, option) in classed(first) {
                    let block = prefix * stage.options.blocks.len() + option as usize;
                    let site = sites.first_site(resolution, stride, input, output, option as usize);
                    let to = State {
                        resolution: after,
                        channels: output,
                        class: Some(class),
                    };
                    self.place_block(index, 0, block, site, to, &mut visit);
                }
            }
        }
    }

    fn later_steps(&self, index: usize, place: usize, state: usize, mut visit: impl FnMut(Step)) {
        let (stage, sites) = (&self.space.stages[index], self.sites.stage(index));
        let from = self.read(index, place - 1, state);
        let Some(class) = from.class else {
            visit(Step {
                choice: PASS,
                next: self.write(index, place, from),
                site: None,
            });
            return;
        };
        for &option in &stage.links.later(from.channels)[class] {
            let site = sites.later_site(from.resolution, from.channels, option as usize);
            self.place_block(index, place, option as usize, site, from, &mut visit);
        }
    }

    /// The steps that add a block: the stage goes on after it, or ends with it, or may do either.
    fn place_block(
        &self,
        index: usize,
        place: usize,
        block: usize,
        site: usize,
        to: State,
        visit: &mut impl FnMut(Step),
    ) {
        let stage = &self.space.stages[index];
        let mut offer = |ends: bool| {
            let class = to.class.filter(|_| !ends);
            visit(Step {
                choice: 2 * block as u32 + u32::from(ends),
                next: self.write(index, place, State { class, ..to }),
                site: Some(site),
            });
        };
        if place + 1 < stage.deepest() {
            offer(false);
        }
        if stage.depths.contains(&(place + 1)) {
            offer(true);
        }
    }

    /// Resolutions after a stage's first block.
    fn after(&self, stage: usize) -> &[Resolution] {
        if stage + 1 < self.space.stages.len() {
            &self.sites.stage(stage + 1).resolutions
        } else {
            self.sites.head_resolutions()
        }
    }

    /// The number of a state after the block at a place of a stage. Where stages can go on, each class has a number, and that the
    /// stage has ended has the last.
    fn write(&self, index: usize, place: usize, state: State) -> usize {
        let stage = &self.space.stages[index];
        let spot = state.resolution * stage.channels.len() + state.channels;
        if place + 1 == stage.deepest() {
            return spot;
        }
        let classes = stage.options.classes;
        spot * (classes + 1) + state.class.unwrap_or(classes)
    }

    fn read(&self, index: usize, place: usize, state: usize) -> State {
        let stage = &self.space.stages[index];
        let each = if place + 1 == stage.deepest() {
            1
        } else {
            stage.options.classes + 1
        };
        let (spot, class) = (state / each, state % each);
        State {
            resolution: spot / stage.channels.len(),
            channels: spot % stage.channels.len(),
            class: (class + 1 < each).then_some(class),
        }
    }

    /// The genotype that makes these choices, one at each position.
    ///
    /// # Panics
    /// When there are more or fewer choices than positions, or choices that no step offers.
    pub fn genotype(&self, choices: &[u32]) -> Genotype {
        assert_eq!(
            choices.len(),
            self.positions.len(),
            "a choice for each position"
        );
        let layout = &self.space.layout;
        let mut genes = vec![UNUSED; layout.genes];
        for (&position, &choice) in self.positions.iter().zip(choices) {
            match position {
                Position::Stem => {
                    let stems = self.space.stem.channels.len();
                    genes[Layout::RESOLUTION] = (choice as usize / stems) as u16;
                    genes[Layout::STEM] = (choice as usize % stems) as u16;
                }
                Position::Head => genes[Layout::HEAD] = choice as u16,
                Position::Block { stage, place } => {
                    let start = layout.stages[stage];
                    let genes = &mut genes[start..];
                    read_block(&self.space.stages[stage], place, choice, genes);
                }
            }
        }
        Genotype(genes.into())
    }
}

/// The choice of a stage that has ended.
const PASS: u32 = u32::MAX;

/// Writes a stage's genes from the choice at one of its places.
fn read_block(stage: &Stage, place: usize, choice: u32, genes: &mut [u16]) {
    if choice == PASS {
        return;
    }
    let (mut block, ends) = (choice as usize / 2, choice % 2 == 1);
    if place == 0 {
        let options = stage.options.blocks.len();
        let prefix = block / options;
        block %= options;
        genes[Layout::STRIDE] = (prefix / stage.channels.len()) as u16;
        genes[Layout::CHANNELS] = (prefix % stage.channels.len()) as u16;
    }
    genes[Layout::LAYERS + place] = block as u16;
    if ends {
        let depth = stage.depths.iter().position(|&depth| depth == place + 1);
        genes[Layout::DEPTH] = depth.unwrap_or_default() as u16;
    }
}

/// Options with their classes.
fn classed(set: &OptionSet) -> impl Iterator<Item = (usize, OptionId)> + '_ {
    let classes = set.iter().enumerate();
    classes.flat_map(|(class, options)| options.iter().map(move |&option| (class, option)))
}
