//! Which options belong to a set, as bits.

use crate::genotype::UNUSED;
use crate::options::{OptionId, OptionSet, Options};

/// For each of a stage's sets, a bit for each option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    words: usize,
    bits: Vec<u64>,
}

impl Members {
    /// The options of each set.
    pub(crate) fn of_sets(options: &Options, sets: &[OptionSet]) -> Self {
        Self::new(options, sets, |set, option| {
            let class = options.class[option as usize] as usize;
            // a class lists its options in ascending order
            set[class].binary_search(&option).is_ok()
        })
    }

    /// The options of every class of which a set holds some.
    pub(crate) fn of_classes(options: &Options, sets: &[OptionSet]) -> Self {
        Self::new(options, sets, |set, option| {
            let class = options.class[option as usize] as usize;
            !set[class].is_empty()
        })
    }

    fn new(
        options: &Options,
        sets: &[OptionSet],
        belongs: impl Fn(&OptionSet, OptionId) -> bool,
    ) -> Self {
        let words = options.blocks.len().div_ceil(64);
        let mut bits = vec![0; words * sets.len()];
        for (set, row) in sets.iter().zip(bits.chunks_mut(words)) {
            for option in 0..options.blocks.len() {
                if belongs(set, option as OptionId) {
                    row[option / 64] |= 1 << (option % 64);
                }
            }
        }
        Self { words, bits }
    }

    /// The bits of one set.
    pub(crate) fn row(&self, set: usize) -> &[u64] {
        &self.bits[set * self.words..][..self.words]
    }
}

/// The options that can stand in a layer: they fit, and their class serves the whole stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitting<'a> {
    pub(crate) options: &'a [u64],
    pub(crate) classes: &'a [u64],
}

impl Fitting<'_> {
    pub(crate) fn contains(&self, option: OptionId) -> bool {
        let (word, bit) = (option as usize / 64, option % 64);
        (self.options[word] & self.classes[word]) >> bit & 1 == 1
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = OptionId> + Clone {
        let all = 0..(self.options.len() * 64) as OptionId;
        all.filter(|&option| self.contains(option))
    }

    /// The fitting option at a place among those of a list that fit; the last there is, beyond it.
    pub(crate) fn nth_of(&self, list: &[OptionId], place: usize) -> OptionId {
        let (mut found, mut passed) = (UNUSED, 0);
        // all of the list is visited: a loop of one length is never mispredicted
        for &option in list {
            let fits = self.contains(option);
            found = if fits & (passed <= place) {
                option
            } else {
                found
            };
            passed += usize::from(fits);
        }
        found
    }
}
