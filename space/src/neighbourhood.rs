//! Every network one move away, for local search.

use crate::genotype::Genotype;
use crate::moves::Gene;
use crate::space::{Layout, SearchSpace};

impl SearchSpace {
    /// Visits every network one move away, in an order that depends on the genotype alone. Moves are
    /// those of [`mutate`](Self::mutate), repaired alike:
    ///
    /// - each ordered gene (resolution, stem, head; a stage's channels, depth and stride) one and two places
    ///   down and up; a new layer is as the last before it;
    /// - each layer's block to every option that differs in one attribute chosen per layer;
    /// - each stage's blocks to every option of the first layer that differs in one attribute chosen per stage.
    ///
    /// Where no option differs in one attribute alone, every other is visited. The genotype itself never is;
    /// a network that two moves lead to is visited twice. Each is written into `room`, whatever that held.
    pub fn neighbours(
        &self,
        genotype: &Genotype,
        room: &mut Genotype,
        visit: &mut dyn FnMut(&Genotype),
    ) {
        let mut walk = Walk {
            space: self,
            origin: genotype,
            room,
            visit,
        };
        for &gene in self.moves.always() {
            walk.ordered(gene);
        }
        for (stage, layers) in self.moves.layers(&genotype.0) {
            for layer in 0..layers {
                walk.blocks(stage, layer, Shares::Class);
            }
            walk.blocks(stage, 0, Shares::Nothing);
        }
    }
}

/// What a layer's new block has in common with its old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shares {
    /// The attributes that are chosen per stage: the other layers stay.
    Class,
    /// Not all of those: the other layers follow.
    Nothing,
}

/// A walk around one genotype.
struct Walk<'a> {
    space: &'a SearchSpace,
    origin: &'a Genotype,
    room: &'a mut Genotype,
    visit: &'a mut dyn FnMut(&Genotype),
}

impl Walk<'_> {
    /// Visits what a change makes of the origin.
    fn visit(&mut self, change: impl FnOnce(&mut [u16])) {
        self.room.clone_from(self.origin);
        change(&mut self.room.0);
        if self.room != self.origin {
            (self.visit)(self.room);
        }
    }

    /// Visits the places around an ordered gene's.
    fn ordered(&mut self, gene: Gene) {
        let space = self.space;
        let stage = |index: usize, offset| space.layout.stages[index] + offset;
        match gene {
            Gene::Resolution => {
                self.places(Layout::RESOLUTION, space.resolutions.len(), |_| ());
            }
            Gene::Stem => {
                let choices = space.stem.channels.len();
                self.places(Layout::STEM, choices, |genes| space.follow(genes, 0));
            }
            Gene::Head => self.places(Layout::HEAD, space.head_choices(), |_| ()),
            Gene::Channels(index) => self.channels(index),
            Gene::Depth(index) => self.depths(index),
            Gene::Stride(index) => {
                let choices = space.stages[index].strides.len();
                self.places(stage(index, Layout::STRIDE), choices, |_| ());
            }
            // the blocks of a layer have no order
            Gene::Layer { .. } => (),
        }
    }

    fn places(&mut self, position: usize, choices: usize, settle: impl Fn(&mut [u16])) {
        for place in around(self.origin.0[position] as usize, choices) {
            self.visit(|genes| {
                genes[position] = place as u16;
                settle(genes);
            });
        }
    }

    fn channels(&mut self, index: usize) {
        let space = self.space;
        let outputs = space.lookups[index].outputs(space.input(&self.origin.0, index));
        let position = space.layout.stages[index] + Layout::CHANNELS;
        let from = self.origin.0[position];
        let place = outputs.partition_point(|&output| output < from);
        for place in around(place, outputs.len()) {
            self.visit(|genes| {
                genes[position] = outputs[place];
                space.settle(genes, index);
                space.follow(genes, index + 1);
            });
        }
    }

    fn depths(&mut self, index: usize) {
        let space = self.space;
        let depths = &space.stages[index].depths;
        let start = space.layout.stages[index];
        let from = self.origin.0[start + Layout::DEPTH] as usize;
        let before = depths[from];
        self.places(start + Layout::DEPTH, depths.len(), |genes| {
            let after = depths[genes[start + Layout::DEPTH] as usize];
            let layers = &mut genes[start + Layout::LAYERS..];
            let last = layers[before - 1];
            if let Some(new) = layers.get_mut(before..after) {
                new.fill(last);
            }
            space.settle(genes, index);
        });
    }

    /// Visits the other blocks of a layer that share this much with its own.
    fn blocks(&mut self, index: usize, layer: usize, shares: Shares) {
        let space = self.space;
        let (stage, lookup) = (&space.stages[index], &space.lookups[index]);
        let start = space.layout.stages[index];
        let genes = &self.origin.0;
        let from = genes[start + Layout::LAYERS + layer];
        let ends = (
            space.input(genes, index),
            genes[start + Layout::CHANNELS] as usize,
        );
        let fitting = lookup.fitting(ends, layer);
        let class = |option: u16| stage.options.class[option as usize];
        let wanted = |&option: &u16| {
            let same = class(option) == class(from);
            option != from && same == (shares == Shares::Class) && fitting.contains(option)
        };
        let near = lookup.near(from).iter().copied().filter(wanted);
        let any = near.clone().next().is_none();
        let others = any.then(|| fitting.iter().filter(wanted));
        for option in near.chain(others.into_iter().flatten()) {
            self.visit(|genes| space.place(genes, (index, layer), option));
        }
    }
}

/// The places one and two away from this, of so many.
fn around(place: usize, places: usize) -> impl Iterator<Item = usize> {
    let below = [1, 2]
        .into_iter()
        .filter_map(move |by| place.checked_sub(by));
    let above = [1, 2].into_iter().map(move |by| place + by);
    below.chain(above.filter(move |&to| to < places))
}
