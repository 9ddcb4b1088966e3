//! The option of a list that is most like a wanted one, looked up instead of searched for.

use crate::genotype::UNUSED;
use crate::options::{OptionId, Options};

/// For each of some lists of options, the nearest in it to every option of the stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nearest {
    /// Answers of one list after those of another; before them, what an unused gene is.
    answers: Vec<OptionId>,
    /// The lists that have too many answers to lay out.
    lists: Vec<Box<[OptionId]>>,
    /// Comparisons of two options that may still be made to lay out more.
    budget: usize,
}

/// Where among the answers an unused gene stands.
const NO_ANSWER: usize = 0;

/// One list of options, among which the nearest can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// First answer; or the number of a list that is searched.
    start: u32,
    /// Number of answers less one, of which there is a power of two; so the mask brings any gene inside.
    mask: u32,
}

impl Row {
    /// The mask of a list that is searched.
    const SEARCHED: u32 = u32::MAX;

    fn answer(self, wanted: OptionId) -> usize {
        (self.start + (u32::from(wanted) & self.mask)) as usize
    }
}

impl Nearest {
    /// What a stage may take to lay out: some tens of milliseconds, and at most four megabytes.
    pub(crate) const BUDGET: usize = 1 << 21;

    pub(crate) fn new(budget: usize) -> Self {
        Self {
            answers: vec![UNUSED],
            lists: Vec::new(),
            budget,
        }
    }

    /// Adds a list.
    pub(crate) fn push(&mut self, options: &Options, list: &[OptionId]) -> Row {
        let start = self.answers.len() as u32;
        if list.len() < 2 {
            // one answer to all
            self.answers.push(list.first().copied().unwrap_or(UNUSED));
            return Row { start, mask: 0 };
        }
        let comparisons = options.blocks.len() * list.len();
        if comparisons > self.budget {
            self.lists.push(list.into());
            return Row {
                start: self.lists.len() as u32 - 1,
                mask: Row::SEARCHED,
            };
        }
        self.budget -= comparisons;
        let wanted = 0..entries(options);
        let answers = wanted.map(|wanted| search(options, list, wanted));
        self.answers.extend(answers);
        Row {
            start,
            mask: entries(options) as u32 - 1,
        }
    }

    /// The option of a list that is nearest to this.
    #[inline]
    pub(crate) fn to(&self, options: &Options, row: Row, wanted: OptionId) -> OptionId {
        if row.mask == Row::SEARCHED {
            self.search(options, row, wanted)
        } else {
            self.answers[row.answer(wanted)]
        }
    }

    /// Makes the first `count` of these genes options of a list, and the rest unused.
    #[inline]
    pub(crate) fn fill(&self, options: &Options, row: Row, genes: &mut [u16], count: usize) {
        if row.mask == Row::SEARCHED {
            let (used, unused) = genes.split_at_mut(count);
            for gene in used {
                *gene = self.search(options, row, *gene);
            }
            unused.fill(UNUSED);
            return;
        }
        // every gene is looked up, used or not: neither the loop nor a branch in it can be mispredicted
        for (index, gene) in genes.iter_mut().enumerate() {
            let answer = row.answer(*gene);
            *gene = self.answers[if index < count { answer } else { NO_ANSWER }];
        }
    }

    #[cold]
    fn search(&self, options: &Options, row: Row, wanted: OptionId) -> OptionId {
        let wanted = wanted as usize & (entries(options) - 1);
        search(options, &self.lists[row.start as usize], wanted)
    }
}

/// Answers of a list of several options.
fn entries(options: &Options) -> usize {
    options.blocks.len().next_power_of_two()
}

/// The nearest to an option, or to none: then the first of the list.
fn search(options: &Options, list: &[OptionId], wanted: usize) -> OptionId {
    let known = wanted < options.blocks.len();
    let nearest = known.then(|| options.nearest(wanted as OptionId, list));
    let nearest = nearest.unwrap_or_else(|| list.first().copied());
    nearest.unwrap_or(UNUSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Attribute, BlockKind};

    #[test]
    fn looked_up_and_searched_agree() {
        let mut blocks = Vec::new();
        for kind in [BlockKind::Conv, BlockKind::FusedInvertedBottleneck] {
            for kernel in [1, 3, 7] {
                for se in [0.0, 0.25] {
                    let mut block = kind.default_block();
                    (block.kernel, block.se) = (kernel, se);
                    blocks.push(block);
                }
            }
        }
        let options = Options::new(blocks, &[Attribute::Kernel]);
        let lists: [&[OptionId]; 5] = [&[], &[7], &[1, 4], &[9, 2, 11], &[0, 1, 2, 3, 4, 5]];
        let mut tables = Nearest::new(Nearest::BUDGET);
        // enough for the list of two, not for those after it
        let mut mixed = Nearest::new(30);
        let mut searches = Nearest::new(0);
        for list in lists {
            let expected = tables.push(&options, list);
            for built in [&mut mixed, &mut searches] {
                let row = built.push(&options, list);
                for wanted in 0..options.blocks.len() as OptionId {
                    let nearest = options.nearest(wanted, list).unwrap_or(UNUSED);
                    assert_eq!(built.to(&options, row, wanted), nearest);
                    assert_eq!(tables.to(&options, expected, wanted), nearest);
                }
                let [mut genes, mut same] = [[3, 8, UNUSED, 15, 5]; 2];
                built.fill(&options, row, &mut genes, 4);
                tables.fill(&options, expected, &mut same, 4);
                assert_eq!(genes, same, "among {list:?}");
                assert_eq!(genes[1], built.to(&options, row, 8));
                assert_eq!(genes[4], UNUSED);
            }
        }
        let searched = [&tables, &mixed, &searches].map(|built| built.lists.len());
        assert_eq!(searched, [0, 2, 3]);
    }
}
