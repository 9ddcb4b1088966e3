//! The blocks a stage can choose from, and which of them fit between which channels.

use std::collections::BTreeMap;

use crate::block::{Attribute, Block};

/// Index of a block among a stage's options.
pub(crate) type OptionId = u16;

/// Every block a stage's keys spell out, grouped into classes: the layers of one stage agree in the
/// attributes that are chosen per stage, so they all come from one class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) blocks: Vec<Block>,
    /// Class of each block.
    pub(crate) class: Vec<u16>,
    pub(crate) classes: usize,
    /// Label of each block, unique in the stage.
    pub(crate) labels: Vec<String>,
}

impl Options {
    pub(crate) fn new(blocks: Vec<Block>, per_layer: &[Attribute]) -> Self {
        let shared: Vec<Attribute> = Attribute::ALL
            .into_iter()
            .filter(|attribute| !per_layer.contains(attribute))
            .collect();
        let mut representatives: Vec<Block> = Vec::new();
        let class = blocks
            .iter()
            .map(|block| {
                let same = |other: &Block| shared.iter().all(|&a| block.agrees(other, a));
                let found = representatives.iter().position(same).unwrap_or_else(|| {
                    representatives.push(*block);
                    representatives.len() - 1
                });
                found as u16
            })
            .collect();
        Self {
            labels: labels(&blocks),
            classes: representatives.len(),
            class,
            blocks,
        }
    }

    /// How unlike two options are: attributes in which they differ, those that change most first.
    pub(crate) fn distance(&self, a: OptionId, b: OptionId) -> (u32, usize, u64) {
        let (a, b) = (&self.blocks[a as usize], &self.blocks[b as usize]);
        let weight = |attribute| match attribute {
            Attribute::Block => 8,
            Attribute::Groups => 4,
            Attribute::Expand | Attribute::Se => 2,
            Attribute::Kernel | Attribute::Activation => 1,
        };
        let differing = Attribute::ALL.into_iter().filter(|&x| !a.agrees(b, x));
        (
            differing.map(weight).sum(),
            a.kernel.abs_diff(b.kernel),
            // the bits of non-negative floats are ordered as the floats are
            (a.expand - b.expand).abs().to_bits(),
        )
    }

    /// The option in `among` that is most like `wanted`; the first of equals.
    pub(crate) fn nearest(&self, wanted: OptionId, among: &[OptionId]) -> Option<OptionId> {
        if among.contains(&wanted) {
            return Some(wanted);
        }
        among
            .iter()
            .copied()
            .min_by_key(|&option| self.distance(wanted, option))
    }

    /// Whether two options differ in exactly one attribute. Between families, those count that both have:
    /// what a family lacks can't change.
    pub(crate) fn neighbours(&self, a: OptionId, b: OptionId) -> bool {
        let (a, b) = (&self.blocks[a as usize], &self.blocks[b as usize]);
        let shared = |attribute| a.kind.has(attribute) && b.kind.has(attribute);
        let differing = |&attribute: &Attribute| shared(attribute) && !a.agrees(b, attribute);
        Attribute::ALL.into_iter().filter(differing).count() == 1
    }
}

/// Labels made of the family, where there are several, and of the attributes in which members of the family differ;
/// `x` where there is one block.
fn labels(blocks: &[Block]) -> Vec<String> {
    let differ = |attribute, among: &dyn Fn(&Block) -> bool| {
        let mut members = blocks.iter().filter(|block| among(block));
        let first = members.next();
        first.is_some_and(|first| members.any(|member| !member.agrees(first, attribute)))
    };
    let label = |block: &Block| {
        let told = Attribute::ALL
            .into_iter()
            .filter(|&attribute| match attribute {
                Attribute::Block => differ(attribute, &|_| true),
                _ => differ(attribute, &|other| other.kind == block.kind),
            });
        let parts: String = told.map(|attribute| block.label(attribute)).collect();
        if parts.is_empty() {
            "x".to_owned()
        } else {
            parts
        }
    };
    blocks.iter().map(label).collect()
}

/// The options that fit somewhere, by class.
pub(crate) type OptionSet = Vec<Vec<OptionId>>;

/// Which options fit between which channels, for one stage: the first layer goes from the previous
/// stage's channels to the stage's, every later layer keeps the stage's. Few different sets occur, so each
/// is stored once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Links {
    sets: Vec<OptionSet>,
    /// Set of the first layer, by `[input choice][output choice]`; `None` where nothing fits.
    first: Vec<Vec<Option<usize>>>,
    /// Set of the later layers, by output choice.
    later: Vec<usize>,
}

/// Sets of options, each stored once: of the many pairs of channels, few differ in what fits between them.
struct Interner<'a> {
    options: &'a Options,
    /// The set of each pattern of options that fit.
    by_pattern: BTreeMap<Vec<bool>, usize>,
    /// The set that is left of a first layer's when some classes have no later layer.
    by_pair: BTreeMap<(usize, usize), usize>,
    sets: Vec<OptionSet>,
}

impl<'a> Interner<'a> {
    fn new(options: &'a Options) -> Self {
        Self {
            options,
            by_pattern: BTreeMap::new(),
            by_pair: BTreeMap::new(),
            sets: Vec::new(),
        }
    }

    /// The set of the options that fit between these channels.
    fn fitting(&mut self, input: usize, output: usize) -> usize {
        let blocks = self.options.blocks.iter();
        self.intern(blocks.map(|block| block.fits(input, output)).collect())
    }

    /// What is left of a set when the classes that another set doesn't offer are taken away.
    fn usable(&mut self, first: usize, later: usize) -> usize {
        if let Some(&known) = self.by_pair.get(&(first, later)) {
            return known;
        }
        let mut pattern = vec![false; self.options.blocks.len()];
        for (first, later) in self.sets[first].iter().zip(&self.sets[later]) {
            for &option in first.iter().filter(|_| !later.is_empty()) {
                pattern[option as usize] = true;
            }
        }
        let usable = self.intern(pattern);
        self.by_pair.insert((first, later), usable);
        usable
    }

    fn offers(&self, set: usize) -> bool {
        self.sets[set].iter().any(|class| !class.is_empty())
    }

    fn intern(&mut self, pattern: Vec<bool>) -> usize {
        if let Some(&known) = self.by_pattern.get(&pattern) {
            return known;
        }
        let mut set: OptionSet = vec![Vec::new(); self.options.classes];
        for (option, _) in pattern.iter().enumerate().filter(|(_, fits)| **fits) {
            set[self.options.class[option] as usize].push(option as OptionId);
        }
        self.sets.push(set);
        self.by_pattern.insert(pattern, self.sets.len() - 1);
        self.sets.len() - 1
    }
}

impl Links {
    /// What fits between each of `inputs` and each of `outputs`. A class without a fitting later layer
    /// is left out of the first layer's set too, unless `deepest` is 1.
    pub(crate) fn new(
        options: &Options,
        inputs: &[usize],
        outputs: &[usize],
        deepest: usize,
    ) -> Self {
        let mut sets = Interner::new(options);
        let later: Vec<usize> = outputs.iter().map(|&out| sets.fitting(out, out)).collect();
        let first = inputs.iter().map(|&input| {
            let links = outputs.iter().zip(&later).map(|(&output, &later)| {
                let first = sets.fitting(input, output);
                let first = if deepest > 1 {
                    sets.usable(first, later)
                } else {
                    first
                };
                sets.offers(first).then_some(first)
            });
            links.collect()
        });
        Self {
            first: first.collect(),
            later,
            sets: sets.sets,
        }
    }

    /// Drops the output choices that lead nowhere.
    pub(crate) fn keep_outputs(&mut self, alive: &[bool]) {
        for row in &mut self.first {
            for (link, alive) in row.iter_mut().zip(alive) {
                if !alive {
                    *link = None;
                }
            }
        }
    }

    /// Which input choices lead on.
    pub(crate) fn alive_inputs(&self) -> Vec<bool> {
        let leads_on = |row: &Vec<Option<usize>>| row.iter().any(Option::is_some);
        self.first.iter().map(leads_on).collect()
    }

    /// Every set, by number.
    pub(crate) fn sets(&self) -> &[OptionSet] {
        &self.sets
    }

    /// Number of the set of the first layer between these choices of channels.
    pub(crate) fn first_set(&self, input: usize, output: usize) -> Option<usize> {
        self.first[input][output]
    }

    /// Number of the set of every later layer at this choice of channels.
    pub(crate) fn later_set(&self, output: usize) -> usize {
        self.later[output]
    }

    /// Options of the first layer between these choices of channels, by class.
    pub(crate) fn first(&self, input: usize, output: usize) -> Option<&OptionSet> {
        self.first[input][output].map(|set| &self.sets[set])
    }

    /// Options of every later layer at this choice of channels, by class.
    pub(crate) fn later(&self, output: usize) -> &OptionSet {
        &self.sets[self.later[output]]
    }

    /// The output choices that can follow this input choice.
    pub(crate) fn outputs(&self, input: usize) -> impl Iterator<Item = usize> {
        let row = self.first[input].iter().enumerate();
        row.filter_map(|(output, link)| link.map(|_| output))
    }
}
