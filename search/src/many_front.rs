//! A front of any number of costs, searched by bits.
//!
//! Along each cost the members are divided into a few levels, and for each level a row of bits
//! says which members are at it or below. Whoever is nowhere worse than a newcomer is in the row of
//! the newcomer's level for every cost; whom the newcomer dominates is in no row of the level
//! below. One `and` per cost settles 64 members, and those few that are left are compared. The
//! size of the front still counts, but divided by 64.

use crate::evaluation::MAX_OBJECTIVES;
use crate::sorting::lexicographic;

/// Into how many levels each cost is divided.
const LEVELS: usize = 16;
/// The topmost level needs no row: everybody is at it or below.
const ROWS: usize = LEVELS - 1;

/// Costs none of which dominates another, in lexicographic order.
///
/// They lie in slots, in the order of their coming, and a slot is not used again. When all are used
/// up the living move together, and levels are drawn anew by rank: at least as many come between
/// two moves as there are members.
#[derive(Clone, Debug)]
pub(crate) struct ManyFront {
    objectives: usize,
    /// The costs in each slot used, one after another.
    costs: Vec<f64>,
    /// The slots of the members, in the order of their costs.
    order: Vec<u32>,
    /// For each cost the upper bounds of all levels but the last.
    bounds: Vec<f64>,
    /// For each cost and each level but the last a row of bits, one a slot.
    rows: Vec<u64>,
    /// Which slots hold a member.
    members: Vec<u64>,
    /// Room to find some in.
    found: Vec<u64>,
}

impl ManyFront {
    /// An empty front.
    pub(crate) const fn new() -> Self {
        Self {
            objectives: 0,
            costs: Vec::new(),
            order: Vec::new(),
            bounds: Vec::new(),
            rows: Vec::new(),
            members: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Becomes a copy of another, in the memory it has.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.objectives = other.objectives;
        self.costs.clone_from(&other.costs);
        self.order.clone_from(&other.order);
        self.bounds.clone_from(&other.bounds);
        self.rows.clone_from(&other.rows);
        self.members.clone_from(&other.members);
    }

    /// Offers costs; returns their place if they join, once those they dominate have left.
    ///
    /// `leave` is called with their places, from the last to the first.
    pub(crate) fn insert(&mut self, costs: &[f64], mut leave: impl FnMut(usize)) -> Option<usize> {
        if self.members.is_empty() {
            self.objectives = costs.len();
            self.move_together();
        }
        let levels = self.levels(costs);
        if self.is_covered(costs, &levels) {
            return None;
        }
        for place in self.dominated(costs, &levels) {
            leave(place);
            let slot = self.order.remove(place) as usize;
            self.members[slot / 64] &= !(1 << (slot % 64));
        }
        if self.costs.len() == self.members.len() * 64 * self.objectives {
            self.move_together();
        }
        let place = self.place(costs);
        self.order.insert(place, self.slots() as u32);
        self.settle(costs);
        Some(place)
    }

    /// Whether a member is nowhere worse.
    fn is_covered(&mut self, costs: &[f64], levels: &[usize]) -> bool {
        self.find_members();
        let words = self.found.len();
        for (cost, &level) in levels[..costs.len()].iter().enumerate() {
            if level < ROWS {
                let row = &self.rows[self.row(cost, level)][..words];
                for (found, row) in self.found.iter_mut().zip(row) {
                    *found &= row;
                }
            }
        }
        ones(&self.found).any(|slot| is_nowhere_worse(self.member(slot), costs))
    }

    /// The places of the members that are nowhere better, from the last to the first.
    fn dominated(&mut self, costs: &[f64], levels: &[usize]) -> Vec<usize> {
        self.find_members();
        let words = self.found.len();
        for (cost, &level) in levels[..costs.len()].iter().enumerate() {
            if level > 0 {
                let row = &self.rows[self.row(cost, level - 1)][..words];
                for (found, row) in self.found.iter_mut().zip(row) {
                    *found &= !row;
                }
            }
        }
        let dominated =
            ones(&self.found).filter(|&slot| is_nowhere_worse(costs, self.member(slot)));
        let mut places: Vec<usize> = dominated
            .map(|slot| self.place(self.member(slot)))
            .collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        places
    }

    /// Finds all members, to begin with.
    fn find_members(&mut self) {
        let words = self.slots().div_ceil(64);
        self.found.clear();
        self.found.extend_from_slice(&self.members[..words]);
    }

    /// How many slots were used.
    fn slots(&self) -> usize {
        self.costs.len() / self.objectives
    }

    #[inline]
    fn member(&self, slot: usize) -> &[f64] {
        &self.costs[slot * self.objectives..][..self.objectives]
    }

    /// How many members come before these costs.
    fn place(&self, costs: &[f64]) -> usize {
        self.order
            .partition_point(|&slot| lexicographic(self.member(slot as usize), costs).is_lt())
    }

    /// Where a row lies.
    #[inline]
    fn row(&self, cost: usize, level: usize) -> std::ops::Range<usize> {
        let words = self.members.len();
        let start = (cost * ROWS + level) * words;
        start..start + words
    }

    /// The level of each cost: how many bounds are below it.
    #[inline]
    fn levels(&self, costs: &[f64]) -> [usize; MAX_OBJECTIVES] {
        let mut levels = [0; MAX_OBJECTIVES];
        let (bounds, _) = self.bounds.as_chunks::<ROWS>();
        for ((level, cost), bounds) in levels.iter_mut().zip(costs).zip(bounds) {
            *level = bounds.iter().map(|bound| usize::from(bound < cost)).sum();
        }
        levels
    }

    /// Writes costs into the next slot.
    fn settle(&mut self, costs: &[f64]) {
        let slot = self.slots();
        let levels = self.levels(costs);
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        self.costs.extend_from_slice(costs);
        self.members[word] |= bit;
        for (cost, &level) in levels[..costs.len()].iter().enumerate() {
            for level in level..ROWS {
                let start = self.row(cost, level).start;
                self.rows[start + word] |= bit;
            }
        }
    }

    /// Moves the members to the first slots, in order, and makes room for as many again and some.
    fn move_together(&mut self) {
        let count = self.order.len();
        let slots = self.order.iter().map(|&slot| slot as usize);
        let members: Vec<f64> = slots.flat_map(|slot| self.member(slot)).copied().collect();
        self.draw_levels(&members);
        let words = count / 32 + 1;
        self.members.clear();
        self.members.resize(words, 0);
        self.rows.clear();
        self.rows.resize(self.objectives * ROWS * words, 0);
        self.costs.clear();
        for costs in members.chunks_exact(self.objectives) {
            self.settle(costs);
        }
        self.order.clear();
        self.order.extend(0..count as u32);
    }

    /// Divides each cost into levels of as many members.
    fn draw_levels(&mut self, members: &[f64]) {
        let count = members.len() / self.objectives;
        self.bounds.clear();
        let mut sorted: Vec<f64> = Vec::with_capacity(count);
        for cost in 0..self.objectives {
            sorted.clear();
            sorted.extend(members.iter().skip(cost).step_by(self.objectives));
            sorted.sort_unstable_by(f64::total_cmp);
            let bound = |level: usize| sorted.get(level * count / LEVELS).copied();
            let bounds = (1..LEVELS).map(|level| bound(level).unwrap_or(f64::INFINITY));
            self.bounds.extend(bounds);
        }
    }
}

/// Whether `a` dominates `b` or equals it. Neither holds a NaN.
#[inline]
fn is_nowhere_worse(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

/// The numbers of the bits that are set.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    let in_word = |(number, &word): (usize, &u64)| {
        let mut left = word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(64 * number + bit)
        })
    };
    words.iter().enumerate().flat_map(in_word)
}
