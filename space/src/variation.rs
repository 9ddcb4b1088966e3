//! Sampling, mutation and crossover.
//!
//! Mutation and crossover write down the genes they *want* and leave it to repair to make a network of
//! the space of them. Neither allocates, nor searches for anything: a population is varied faster than it is
//! priced.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardGeometric};

use crate::genotype::{Genotype, UNUSED};
use crate::members::Fitting;
use crate::moves::Gene;
use crate::options::OptionId;
use crate::space::{Layout, SearchSpace, Stage};

impl SearchSpace {
    /// Draws a genotype: each gene uniformly among the values that can follow the genes before it. (Not
    /// uniform over networks: deep stages have far more of them, and would crowd out the shallow.)
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Genotype {
        let mut genotype = Genotype(vec![UNUSED; self.layout.genes].into());
        let genes = &mut genotype.0;
        genes[Layout::RESOLUTION] = any_of(self.resolutions.len(), rng);
        genes[Layout::HEAD] = any_of(self.head_choices(), rng);
        genes[Layout::STEM] = any_of(self.stem.channels.len(), rng);
        for (index, (stage, &start)) in self.stages.iter().zip(&self.layout.stages).enumerate() {
            let input = self.input(genes, index);
            let output = choose(self.lookups[index].outputs(input), rng);
            let depth = any_of(stage.depths.len(), rng);
            genes[start + Layout::CHANNELS] = output;
            genes[start + Layout::DEPTH] = depth;
            genes[start + Layout::STRIDE] = any_of(stage.strides.len(), rng);
            let layers = &mut genes[start + Layout::LAYERS..][..stage.depths[depth as usize]];
            sample_layers(stage, input, output as usize, layers, rng);
        }
        genotype
    }

    /// Changes one gene in place, and with falling probability a second, a third ... (geometric, 1/2). Ordered
    /// genes (channels, depth, resolution) move by geometric steps, so that small steps are likelier than
    /// large; a layer's block changes in one attribute.
    pub fn mutate<R: Rng + ?Sized>(&self, genotype: &mut Genotype, rng: &mut R) {
        let genes = &mut genotype.0;
        for _ in 0..=geometric(rng) {
            let movable = self.moves.count(genes);
            if movable == 0 {
                break;
            }
            let gene = self.moves.gene(genes, any_of(movable, rng) as usize);
            self.move_gene(genes, gene, rng);
        }
    }

    /// Mixes a copy of the mother with the father, in place: resolution, stem, head and each stage's width,
    /// depth and stride come from either parent; so do a stage's layers, one by one, but that they take what
    /// the stage shares from the first of them.
    pub fn crossover<R: Rng + ?Sized>(&self, child: &mut Genotype, father: &Genotype, rng: &mut R) {
        inherit(&mut child.0, &father.0, rng);
        // the first layer's class is the stage's: repair brings the others into it
        self.repair(&mut child.0);
    }

    /// Moves one gene to a value that can follow the genes before it, and repairs those after it.
    fn move_gene<R: Rng + ?Sized>(&self, genes: &mut [u16], gene: Gene, rng: &mut R) {
        let start = |index: usize| self.layout.stages[index];
        match gene {
            Gene::Resolution => {
                step(&mut genes[Layout::RESOLUTION], self.resolutions.len(), rng);
            }
            Gene::Stem => {
                step(&mut genes[Layout::STEM], self.stem.channels.len(), rng);
                self.follow(genes, 0);
            }
            Gene::Head => step(&mut genes[Layout::HEAD], self.head_choices(), rng),
            Gene::Channels(index) => {
                let outputs = self.lookups[index].outputs(self.input(genes, index));
                step_among(&mut genes[start(index) + Layout::CHANNELS], outputs, rng);
                self.settle(genes, index);
                self.follow(genes, index + 1);
            }
            Gene::Depth(index) => {
                self.move_depth(genes, index, rng);
                self.settle(genes, index);
            }
            Gene::Stride(index) => {
                let strides = self.stages[index].strides.len();
                step(&mut genes[start(index) + Layout::STRIDE], strides, rng);
            }
            Gene::Layer { stage, layer } => self.move_layer(genes, stage, layer, rng),
        }
    }

    fn move_depth<R: Rng + ?Sized>(&self, genes: &mut [u16], index: usize, rng: &mut R) {
        let stage = &self.stages[index];
        let genes = &mut genes[self.layout.stages[index]..];
        let before = stage.depths[genes[Layout::DEPTH] as usize];
        step(&mut genes[Layout::DEPTH], stage.depths.len(), rng);
        let after = stage.depths[genes[Layout::DEPTH] as usize];
        for layer in before..after {
            // layers that are new start from any block; repair finds the nearest that fits
            genes[Layout::LAYERS + layer] = any_of(stage.options.blocks.len(), rng);
        }
    }

    fn move_layer<R: Rng + ?Sized>(
        &self,
        genes: &mut [u16],
        index: usize,
        layer: usize,
        rng: &mut R,
    ) {
        let lookup = &self.lookups[index];
        let input = self.input(genes, index);
        let start = self.layout.stages[index];
        let output = genes[start + Layout::CHANNELS] as usize;
        let fitting = lookup.fitting((input, output), layer);
        let from = genes[start + Layout::LAYERS + layer];
        let to = neighbour(from, lookup.near(from), &fitting, rng);
        self.place(genes, (index, layer), to);
    }
}

/// One of the fitting blocks that differ from this in one attribute; any other where there is none.
fn neighbour<R: Rng + ?Sized>(
    from: OptionId,
    near: &[OptionId],
    fitting: &Fitting,
    rng: &mut R,
) -> OptionId {
    match fitting.count_of(near) {
        0 => one_of(fitting.iter().filter(|&option| option != from), rng).unwrap_or(from),
        count => fitting.nth_of(near, any_of(count, rng) as usize),
    }
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
    let usable = (0..first.len()).filter(|&class| !first[class].is_empty());
    let Some(class) = one_of(usable, rng) else {
        return;
    };
    let later = &stage.links.later(output)[class];
    for (index, layer) in layers.iter_mut().enumerate() {
        let options = if index == 0 { &first[class] } else { later };
        *layer = choose(options, rng);
    }
}

/// Takes each gene from the other parent half of the time; a layer that one parent lacks comes from the
/// other. One draw of 64 bits is 64 fair coins.
fn inherit<R: Rng + ?Sized>(genes: &mut [u16], other: &[u16], rng: &mut R) {
    for (genes, other) in genes.chunks_mut(64).zip(other.chunks(64)) {
        let coins = rng.next_u64().to_le_bytes();
        let (eights, rest) = genes.as_chunks_mut::<8>();
        let (other_eights, other_rest) = other.as_chunks::<8>();
        for ((genes, other), &coins) in eights.iter_mut().zip(other_eights).zip(&coins) {
            inherit_eight(genes, other, coins);
        }
        if !rest.is_empty() {
            inherit_eight(rest, other_rest, coins[eights.len()]);
        }
    }
}

/// A coin for each of up to eight genes. Every condition is a mask of all bits or none: eight genes are
/// compared at a time, and no branch is taken on a coin.
fn inherit_eight(genes: &mut [u16], other: &[u16], coins: u8) {
    let mask = |holds: bool| u16::from(holds).wrapping_neg();
    let heads = &HEADS[coins as usize];
    for ((gene, &other), heads) in genes.iter_mut().zip(other).zip(heads) {
        let takes = mask(*gene == UNUSED) | (mask(other != UNUSED) & heads);
        *gene = (other & takes) | (*gene & !takes);
    }
}

/// The masks of each eight coins: all bits for heads, none for tails.
static HEADS: [[u16; 8]; 256] = {
    let mut masks = [[0; 8]; 256];
    let mut coins = 0;
    while coins < 256 {
        let mut place = 0;
        while place < 8 {
            if coins >> place & 1 == 1 {
                masks[coins][place] = u16::MAX;
            }
            place += 1;
        }
        coins += 1;
    }
    masks
};

fn any_of<R: Rng + ?Sized>(choices: usize, rng: &mut R) -> u16 {
    rng.random_range(0..choices as u32) as u16
}

/// One of some choices; a checked space never offers none.
fn choose<R: Rng + ?Sized>(choices: &[u16], rng: &mut R) -> u16 {
    choices.choose(rng).copied().unwrap_or_default()
}

/// One of some choices that are not in a list: counted first, then found.
fn one_of<T, R: Rng + ?Sized>(
    mut choices: impl Iterator<Item = T> + Clone,
    rng: &mut R,
) -> Option<T> {
    match choices.clone().count() {
        0 => None,
        count => choices.nth(any_of(count, rng) as usize),
    }
}

/// Failures before a success of probability 1/2.
fn geometric<R: Rng + ?Sized>(rng: &mut R) -> usize {
    let failures: u64 = StandardGeometric.sample(rng);
    failures.min(64) as usize
}

/// A step among the choices that are open, which stand in ascending order.
fn step_among<R: Rng + ?Sized>(gene: &mut u16, open: &[u16], rng: &mut R) {
    let below = open.partition_point(|choice| choice < gene);
    let mut place = below.min(open.len() - 1) as u16;
    step(&mut place, open.len(), rng);
    *gene = open[place as usize];
}

/// A step up or down by `1 + geometric` places, turned round where it would leave the choices.
fn step<R: Rng + ?Sized>(gene: &mut u16, choices: usize, rng: &mut R) {
    let size = 1 + geometric(rng);
    let heads = rng.random_bool(0.5);
    let from = *gene as usize;
    let (down, up) = (from, choices - 1 - from);
    let (raised, lowered) = (from + size.min(up), from - size.min(down));
    // without short cuts: a branch on a coin is mispredicted half of the time
    let upwards = (down == 0) | ((up > 0) & heads);
    *gene = if upwards { raised } else { lowered } as u16;
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::presets;

    #[test]
    fn each_gene_is_inherited_half_of_the_time() {
        // more than a draw has coins, and a last group that is not whole
        const GENES: usize = 70;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut counts = [0_u32; GENES];
        let mut alike = 0_u32;
        for _ in 0..10_000 {
            let mut genes = [0; GENES];
            inherit(&mut genes, &[1; GENES], &mut rng);
            for (count, &gene) in counts.iter_mut().zip(&genes) {
                *count += u32::from(gene);
            }
            alike += u32::from(genes[0] == genes[1]) + u32::from(genes[5] == genes[69]);
        }
        // within four standard deviations
        let fair = 4_800..5_200;
        assert!(
            counts.iter().all(|count| fair.contains(count)),
            "{counts:?}"
        );
        assert!((9_700..10_300).contains(&alike), "{alike}");
    }

    #[test]
    fn a_layer_that_one_parent_lacks_comes_from_the_other() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for _ in 0..100 {
            let mut genes = [UNUSED, 5, UNUSED, 7, 7, 7, 7, 7, UNUSED, 5, UNUSED];
            let father = [4, UNUSED, UNUSED, 7, 7, 7, 7, 7, 4, UNUSED, UNUSED];
            inherit(&mut genes, &father, &mut rng);
            assert_eq!(genes, [4, 5, UNUSED, 7, 7, 7, 7, 7, 4, 5, UNUSED]);
        }
    }

    #[test]
    fn every_place_is_a_gene_of_its_own() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        for name in presets::NAMES {
            let definition = presets::definition(name).expect("the list names presets");
            let space = SearchSpace::new(definition).expect("presets are sound");
            let genes = space.sample(&mut rng).0;
            let count = space.moves.count(&genes);
            let moves: Vec<Gene> = (0..count).map(|at| space.moves.gene(&genes, at)).collect();
            for (place, gene) in moves.iter().enumerate() {
                assert!(!moves[..place].contains(gene), "{name}: {gene:?}");
                if let Gene::Layer { stage, layer } = *gene {
                    assert!(layer < space.stage_genes(&genes, stage).depth());
                }
            }
        }
    }
}
