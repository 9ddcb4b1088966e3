//! Which options belong to a set, as bits.

use crate::genotype::UNUSED;
use crate::options::{OptionId, OptionSet, Options};

/// For each of a stage's sets, a bit for each option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    words: usize,
    bits: Vec<u64>,
    /// Whether a set holds every option.
    whole: Vec<bool>,
}

/// The options of one set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    bits: &'a [u64],
    is_whole: bool,
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
        let mut bits = vec![0_u64; words * sets.len()];
        for (set, row) in sets.iter().zip(bits.chunks_mut(words)) {
            for option in 0..options.blocks.len() {
                if belongs(set, option as OptionId) {
                    row[option / 64] |= 1 << (option % 64);
                }
            }
        }
        let members = bits
            .chunks(words)
            .map(|row| row.iter().map(|word| word.count_ones()).sum());
        let whole = members.map(|members: u32| members as usize == options.blocks.len());
        Self {
            words,
            whole: whole.collect(),
            bits,
        }
    }

    /// The bits of one set.
    pub(crate) fn row(&self, set: usize) -> Row<'_> {
        Row {
            bits: &self.bits[set * self.words..][..self.words],
            is_whole: self.whole[set],
        }
    }
}

/// The options that can stand in a layer: they fit, and their class serves the whole stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitting<'a> {
    pub(crate) options: Row<'a>,
    pub(crate) classes: Row<'a>,
}

impl Fitting<'_> {
    pub(crate) fn contains(&self, option: OptionId) -> bool {
        let (word, bit) = (option as usize / 64, option % 64);
        (self.options.bits[word] & self.classes.bits[word]) >> bit & 1 == 1
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = OptionId> + Clone {
        let all = 0..(self.options.bits.len() * 64) as OptionId;
        all.filter(|&option| self.contains(option))
    }

    /// Whether everything fits, as where no groups have to divide the channels.
    fn is_whole(&self) -> bool {
        self.options.is_whole & self.classes.is_whole
    }

    /// How many options of a list fit.
    #[inline]
    pub(crate) fn count_of(&self, list: &[OptionId]) -> usize {
        if self.is_whole() {
            return list.len();
        }
        let fitting = list
            .iter()
            .map(|&option| usize::from(self.contains(option)));
        fitting.sum()
    }

    /// The option at a place among those of a list that fit.
    #[inline]
    pub(crate) fn nth_of(&self, list: &[OptionId], place: usize) -> OptionId {
        if self.is_whole() {
            return list[place];
        }
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
