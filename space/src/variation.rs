//! Sampling, mutation and crossover.
//!
//! Mutation and crossover write down the genes they *want* and leave it to one repair to make a
//! network of the space of them: left to right, each gene that can't stand beside those before it becomes
//! the nearest that can. Nothing is ever rejected, so nothing can loop.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardGeometric};

use crate::genotype::{Genotype, UNUSED};
use crate::options::{OptionId, OptionSet};
use crate::space::{Layout, SearchSpace, Stage};

impl SearchSpace {
    /// Draws a genotype: each gene uniformly among the values that can follow the genes before it. (Not
    /// uniform over networks: deep stages have far more of them, and would crowd out the shallow.)
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Genotype {
        let mut genes = vec![UNUSED; self.layout.genes];
        genes[Layout::RESOLUTION] = any_of(self.resolutions.len(), rng);
        genes[Layout::HEAD] = any_of(self.head_choices(), rng);
        let mut input = choose(&self.living_stems(), rng);
        genes[Layout::STEM] = input as u16;
        for (stage, &start) in self.stages.iter().zip(&self.layout.stages) {
            let output = choose(&stage.links.outputs(input).collect::<Vec<_>>(), rng);
            let depth = any_of(stage.depths.len(), rng);
            genes[start + Layout::CHANNELS] = output as u16;
            genes[start + Layout::DEPTH] = depth;
            genes[start + Layout::STRIDE] = any_of(stage.strides.len(), rng);
            let layers = &mut genes[start + Layout::LAYERS..][..stage.depths[depth as usize]];
            sample_layers(stage, input, output, layers, rng);
            input = output;
        }
        Genotype(genes.into())
    }

    /// Changes one gene in place, and with falling probability a second, a third ... (geometric, 1/2). Ordered
    /// genes (channels, depth, resolution) move by geometric steps, so that small steps are likelier than
    /// large; a layer's block changes in one attribute.
    pub fn mutate<R: Rng + ?Sized>(&self, genotype: &mut Genotype, rng: &mut R) {
        let genes = &mut genotype.0;
        for _ in 0..=geometric(rng) {
            let moves = self.moves(genes);
            let Some(&position) = moves.choose(rng) else {
                break;
            };
            self.move_gene(genes, position, rng);
            self.repair(genes);
        }
    }

    /// Mixes a copy of the mother with the father, in place: resolution, stem, head and each stage's width, depth and stride come from
    /// either parent; so do a stage's layers, one by one, once their shared attributes are chosen.
    pub fn crossover<R: Rng + ?Sized>(&self, child: &mut Genotype, father: &Genotype, rng: &mut R) {
        let genes = &mut child.0;
        for position in [Layout::RESOLUTION, Layout::STEM, Layout::HEAD] {
            inherit(genes, &father.0, position, rng);
        }
        for (stage, &start) in self.stages.iter().zip(&self.layout.stages) {
            for offset in [Layout::CHANNELS, Layout::DEPTH, Layout::STRIDE] {
                inherit(genes, &father.0, start + offset, rng);
            }
            let layers = start + Layout::LAYERS..start + Layout::LAYERS + stage.deepest();
            // the first layer's class is the stage's: repair brings the others into it
            for position in layers {
                if genes[position] == UNUSED {
                    genes[position] = father.0[position];
                } else if father.0[position] != UNUSED {
                    inherit(genes, &father.0, position, rng);
                }
            }
        }
        self.repair(genes);
    }

    /// The network of this space nearest to these wanted genes, gene by gene from the left.
    pub(crate) fn repair(&self, genes: &mut [u16]) {
        let mut input = nearest_choice(genes[Layout::STEM] as usize, self.living_stems());
        genes[Layout::STEM] = input as u16;
        for (stage, &start) in self.stages.iter().zip(&self.layout.stages) {
            let wanted = genes[start + Layout::CHANNELS] as usize;
            let output = nearest_choice(wanted, stage.links.outputs(input));
            genes[start + Layout::CHANNELS] = output as u16;
            let depth = stage.depths[genes[start + Layout::DEPTH] as usize];
            let layers = &mut genes[start + Layout::LAYERS..][..stage.deepest()];
            repair_layers(stage, input, output, depth, layers);
            input = output;
        }
    }

    /// The choices of stem channels that lead to a whole network.
    pub(crate) fn living_stems(&self) -> Vec<usize> {
        let alive = self.stages[0].links.alive_inputs();
        (0..alive.len()).filter(|&choice| alive[choice]).collect()
    }

    /// Positions of the genes that can move.
    fn moves(&self, genes: &[u16]) -> Vec<usize> {
        let mut moves = Vec::with_capacity(genes.len());
        let mut offer = |position: usize, choices: usize| {
            if choices > 1 {
                moves.push(position);
            }
        };
        offer(Layout::RESOLUTION, self.resolutions.len());
        offer(Layout::STEM, self.living_stems().len());
        offer(Layout::HEAD, self.head_choices());
        for (index, (stage, &start)) in self.stages.iter().zip(&self.layout.stages).enumerate() {
            offer(start + Layout::CHANNELS, stage.channels.len());
            offer(start + Layout::DEPTH, stage.depths.len());
            offer(start + Layout::STRIDE, stage.strides.len());
            let depth = self.stage_genes(genes, index).depth();
            // where nothing varies from layer to layer, the stage has one gene for its blocks
            let members = stage.options.blocks.len() > stage.options.classes;
            let own = if members { depth } else { 1 };
            for layer in 0..own {
                offer(start + Layout::LAYERS + layer, stage.options.blocks.len());
            }
        }
        moves
    }

    /// Moves one gene to a value that can follow the genes before it.
    fn move_gene<R: Rng + ?Sized>(&self, genes: &mut [u16], position: usize, rng: &mut R) {
        let index = self
            .layout
            .stages
            .partition_point(|&start| start <= position);
        let Some(index) = index.checked_sub(1) else {
            genes[position] = match position {
                Layout::STEM => step_among(&self.living_stems(), genes[position], rng),
                Layout::RESOLUTION => step(genes[position], self.resolutions.len(), rng),
                _ => step(genes[position], self.head_choices(), rng),
            };
            return;
        };
        let (start, stage) = (self.layout.stages[index], &self.stages[index]);
        let input = match index.checked_sub(1) {
            None => genes[Layout::STEM] as usize,
            Some(previous) => self.stage_genes(genes, previous).channel_choice(),
        };
        match position - start {
            Layout::CHANNELS => {
                let outputs: Vec<usize> = stage.links.outputs(input).collect();
                genes[position] = step_among(&outputs, genes[position], rng);
            }
            Layout::STRIDE => genes[position] = step(genes[position], stage.strides.len(), rng),
            Layout::DEPTH => {
                let before = stage.depths[genes[position] as usize];
                genes[position] = step(genes[position], stage.depths.len(), rng);
                let after = stage.depths[genes[position] as usize];
                for layer in before..after {
                    // layers that are new start from any block; repair finds the nearest that fits
                    genes[start + Layout::LAYERS + layer] = any_of(stage.options.blocks.len(), rng);
                }
            }
            layer => {
                let output = genes[start + Layout::CHANNELS] as usize;
                let fitting = fitting(stage, input, output, layer == Layout::LAYERS);
                genes[position] = neighbour(stage, genes[position], &fitting, rng);
            }
        }
        // A shared attribute lives in every layer. The first decides (see `repair_layers`), so a change
        // made to a later one is made to the first too.
        if position > start + Layout::LAYERS {
            let class = |option: u16| stage.options.class[option as usize];
            if class(genes[position]) != class(genes[start + Layout::LAYERS]) {
                genes[start + Layout::LAYERS] = genes[position];
            }
        }
    }
}

/// Options that can stand in a stage's first or in its later layers: of the classes that serve both.
fn fitting(stage: &Stage, input: usize, output: usize, is_first: bool) -> Vec<OptionId> {
    let Some(first) = stage.links.first(input, output) else {
        return Vec::new();
    };
    let later = stage.links.later(output);
    usable_classes(first)
        .into_iter()
        .flat_map(|class| {
            if is_first {
                &first[class]
            } else {
                &later[class]
            }
        })
        .copied()
        .collect()
}

/// One of the fitting blocks that differ from this in one attribute; any other where there is none.
fn neighbour<R: Rng + ?Sized>(
    stage: &Stage,
    from: OptionId,
    fitting: &[OptionId],
    rng: &mut R,
) -> OptionId {
    let near = |&option: &OptionId| stage.options.neighbours(from, option);
    let mut others: Vec<OptionId> = fitting.iter().copied().filter(near).collect();
    if others.is_empty() {
        others.extend(fitting.iter().filter(|&&option| option != from));
    }
    others.choose(rng).copied().unwrap_or(from)
}

fn sample_layers<R: Rng + ?Sized>(
    stage: &Stage,
    input: usize,
    output: usize,
    layers: &mut [u16],
    rng: &mut R,
) {
    let Some(first) = stage.links.first(input, output) else {
        return;
    };
    let class = choose(&usable_classes(first), rng);
    let later = &stage.links.later(output)[class];
    for (index, layer) in layers.iter_mut().enumerate() {
        let options = if index == 0 { &first[class] } else { later };
        if let Some(&option) = options.choose(rng) {
            *layer = option;
        }
    }
}

fn repair_layers(stage: &Stage, input: usize, output: usize, depth: usize, layers: &mut [u16]) {
    let Some(first) = stage.links.first(input, output) else {
        return;
    };
    let every: Vec<OptionId> = first.iter().flatten().copied().collect();
    let Some(head) = stage.options.nearest(layers[0], &every) else {
        return;
    };
    let class = stage.options.class[head as usize] as usize;
    let later = &stage.links.later(output)[class];
    layers[0] = head;
    for index in 1..layers.len() {
        layers[index] = if index >= depth {
            UNUSED
        } else {
            let wanted = if layers[index] == UNUSED {
                layers[index - 1]
            } else {
                layers[index]
            };
            stage.options.nearest(wanted, later).unwrap_or(UNUSED)
        };
    }
}

fn usable_classes(set: &OptionSet) -> Vec<usize> {
    (0..set.len())
        .filter(|&class| !set[class].is_empty())
        .collect()
}

fn any_of<R: Rng + ?Sized>(choices: usize, rng: &mut R) -> u16 {
    rng.random_range(0..choices) as u16
}

/// One of some choices; a checked space never offers none.
fn choose<R: Rng + ?Sized>(choices: &[usize], rng: &mut R) -> usize {
    choices.choose(rng).copied().unwrap_or_default()
}

fn nearest_choice(wanted: usize, choices: impl IntoIterator<Item = usize>) -> usize {
    let nearest = choices
        .into_iter()
        .min_by_key(|choice| choice.abs_diff(wanted));
    nearest.unwrap_or(wanted)
}

/// Takes a gene from the other parent half of the time.
fn inherit<R: Rng + ?Sized>(genes: &mut [u16], other: &[u16], position: usize, rng: &mut R) {
    if rng.random_bool(0.5) {
        genes[position] = other[position];
    }
}

/// Failures before a success of probability 1/2.
fn geometric<R: Rng + ?Sized>(rng: &mut R) -> usize {
    let failures: u64 = StandardGeometric.sample(rng);
    failures.min(64) as usize
}

/// A step among the choices that are open, which stand in ascending order.
fn step_among<R: Rng + ?Sized>(open: &[usize], from: u16, rng: &mut R) -> u16 {
    let place = open.partition_point(|&choice| choice < from as usize);
    let place = step(place.min(open.len() - 1) as u16, open.len(), rng);
    open[place as usize] as u16
}

/// A step up or down by `1 + geometric` places, turned round where it would leave the choices.
fn step<R: Rng + ?Sized>(from: u16, choices: usize, rng: &mut R) -> u16 {
    let size = 1 + geometric(rng);
    let from = from as usize;
    let (down, up) = (from, choices - 1 - from);
    let upwards = down == 0 || (up > 0 && rng.random_bool(0.5));
    let to = if upwards {
        from + size.min(up)
    } else {
        from - size.min(down)
    };
    to as u16
}
