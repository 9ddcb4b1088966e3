//! Wanted genes become a network of the space.
//!
//! Every layer within a stage's depth wants some option. From the input on, each gene that can't stand
//! beside those before it becomes the nearest that can. Nothing is ever rejected, so nothing can loop; and
//! the answers are laid out in a `Lookup`, so that nothing is searched for but in stages of thousands of blocks.

use crate::options::OptionId;
use crate::space::{Layout, SearchSpace};

impl SearchSpace {
    /// The network of this space nearest to these wanted genes, gene by gene from the left.
    pub(crate) fn repair(&self, genes: &mut [u16]) {
        // every choice of the stem leads on, in a checked space
        let mut input = genes[Layout::STEM] as usize;
        let mut rest = &mut genes[Layout::FIRST_STAGE..];
        for (stage, lookup) in self.stages.iter().zip(&self.lookups) {
            let (genes, next) = rest.split_at_mut(lookup.genes);
            input = lookup.repair(stage, input, genes);
            rest = next;
        }
    }

    /// The choice of channels that enters a stage.
    #[inline]
    pub(crate) fn input(&self, genes: &[u16], stage: usize) -> usize {
        let position = match stage.checked_sub(1) {
            None => Layout::STEM,
            Some(previous) => self.layout.stages[previous] + Layout::CHANNELS,
        };
        genes[position] as usize
    }

    /// Gives a layer of a network another of the options that fit there.
    #[inline]
    pub(crate) fn place(&self, genes: &mut [u16], (index, layer): (usize, usize), to: OptionId) {
        let start = self.layout.stages[index] + Layout::LAYERS;
        let class = &self.stages[index].options.class;
        let from = std::mem::replace(&mut genes[start + layer], to);
        // A shared attribute lives in every layer. Repair takes it from the first, so a change made to
        // a later one is made to the first too.
        if class[to as usize] != class[from as usize] {
            genes[start] = to;
            self.settle(genes, index);
        }
    }

    /// Repairs one stage of a network; returns the choice of its channels.
    #[inline]
    pub(crate) fn settle(&self, genes: &mut [u16], index: usize) -> usize {
        let input = self.input(genes, index);
        let lookup = &self.lookups[index];
        let genes = &mut genes[self.layout.stages[index]..][..lookup.genes];
        lookup.repair(&self.stages[index], input, genes)
    }

    /// Repairs the stages of a network from this on, as long as what enters them has changed.
    pub(crate) fn follow(&self, genes: &mut [u16], first: usize) {
        for index in first..self.stages.len() {
            let before = genes[self.layout.stages[index] + Layout::CHANNELS];
            if self.settle(genes, index) == before as usize {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::genotype::UNUSED;
    use crate::presets;

    /// Every preset, and a space in which little fits together.
    fn spaces() -> Vec<SearchSpace> {
        let presets = presets::NAMES
            .iter()
            .filter_map(|name| presets::definition(name));
        let awkward = toml::from_str(include_str!("../tests/awkward.toml")).expect("is TOML");
        presets
            .chain([awkward])
            .map(|definition| SearchSpace::new(definition).expect("is sound"))
            .collect()
    }

    /// Repair as it is meant: every gene of every stage is searched for among all that fit.
    fn plain_repair(space: &SearchSpace, genes: &mut [u16]) {
        let mut input = genes[Layout::STEM] as usize;
        for (stage, &start) in space.stages.iter().zip(&space.layout.stages) {
            let wanted = genes[start + Layout::CHANNELS] as usize;
            let outputs = stage.links.outputs(input);
            let nearest = outputs.min_by_key(|output| output.abs_diff(wanted));
            let output = nearest.expect("every input leads on");
            genes[start + Layout::CHANNELS] = output as u16;
            let depth = stage.depths[genes[start + Layout::DEPTH] as usize];
            let layers = &mut genes[start + Layout::LAYERS..][..stage.deepest()];
            let first = stage.links.first(input, output).expect("are linked");
            let first = stage.options.nearest(layers[0], &first.concat());
            layers[0] = first.expect("some option fits");
            let class = stage.options.class[layers[0] as usize] as usize;
            let later = &stage.links.later(output)[class];
            for layer in &mut layers[1..depth] {
                *layer = stage
                    .options
                    .nearest(*layer, later)
                    .expect("some option fits");
            }
            layers[depth..].fill(UNUSED);
            input = output;
        }
    }

    /// Any gene at any of its choices, whether or not they fit together.
    fn wanted(space: &SearchSpace, rng: &mut impl Rng) -> Vec<u16> {
        let mut any = |choices: usize| rng.random_range(0..choices) as u16;
        let mut genes = vec![
            any(space.resolutions.len()),
            any(space.stem.channels.len()),
            any(space.head_choices()),
        ];
        for stage in &space.stages {
            genes.push(any(stage.channels.len()));
            genes.push(any(stage.depths.len()));
            genes.push(any(stage.strides.len()));
            genes.extend((0..stage.deepest()).map(|_| any(stage.options.blocks.len())));
        }
        genes
    }

    #[test]
    fn whatever_is_wanted_the_repair_is_the_plain_one() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for space in spaces() {
            for _ in 0..3000 {
                let mut genes = wanted(&space, &mut rng);
                let mut expected = genes.clone();
                space.repair(&mut genes);
                plain_repair(&space, &mut expected);
                assert_eq!(genes, expected);
            }
        }
    }

    #[test]
    fn repairing_what_changed_is_repairing_all() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for space in spaces() {
            for _ in 0..500 {
                let origin = space.sample(&mut rng).0;
                let wanted = wanted(&space, &mut rng);
                let change = |positions: &[usize], settle: &dyn Fn(&mut [u16])| {
                    let mut genes = origin.clone();
                    for &position in positions {
                        genes[position] = wanted[position];
                    }
                    let mut expected = genes.clone();
                    settle(&mut genes);
                    plain_repair(&space, &mut expected);
                    assert_eq!(genes, expected, "{origin:?} {positions:?}");
                };
                change(&[Layout::STEM], &|genes| space.follow(genes, 0));
                for (index, &start) in space.layout.stages.iter().enumerate() {
                    change(&[start + Layout::CHANNELS], &|genes| {
                        space.settle(genes, index);
                        space.follow(genes, index + 1);
                    });
                    let layers = start + Layout::LAYERS;
                    change(&[layers], &|genes| {
                        space.settle(genes, index);
                    });
                    let mut deeper = vec![start + Layout::DEPTH];
                    let deepest = space.stages[index].deepest();
                    deeper.extend((layers..layers + deepest).filter(|&at| origin[at] == UNUSED));
                    change(&deeper, &|genes| {
                        space.settle(genes, index);
                    });
                }
            }
        }
    }

    #[test]
    fn an_option_that_fits_is_placed_as_it_is() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        for space in spaces() {
            for _ in 0..100 {
                let origin = space.sample(&mut rng).0;
                for (index, stage) in space.stages.iter().enumerate() {
                    let start = space.layout.stages[index];
                    let ends = (space.input(&origin, index), origin[start] as usize);
                    for layer in 0..space.stage_genes(&origin, index).depth() {
                        for option in space.lookups[index].fitting(ends, layer).iter() {
                            let (mut genes, mut expected) = (origin.clone(), origin.clone());
                            space.place(&mut genes, (index, layer), option);
                            let layers = &mut expected[start + Layout::LAYERS..];
                            let class = |option: u16| stage.options.class[option as usize];
                            if class(option) != class(layers[layer]) {
                                layers[0] = option;
                            }
                            layers[layer] = option;
                            plain_repair(&space, &mut expected);
                            assert_eq!(genes, expected);
                        }
                    }
                }
            }
        }
    }
}
