//! Which of many labels no other weakly dominates, by their keys (all minimised).
//!
//! The keys are sorted lexicographically, so that only an earlier one can dominate a later one,
//! and it does so exactly when it is nowhere worse in the keys after the first. One key after the
//! first needs the least so far; two need a staircase of those so far, O(n log n) and a shift of
//! the stairs at an insertion (H. T. Kung, F. Luccio, F. P. Preparata, "On finding the maxima of a
//! set of vectors", J. ACM 22(4), 1975); more are kept in a tree of boxes, halved at the medians
//! of one key after another, where a box is entered only if its corner dominates.

use std::cmp::Ordering;

/// The indices of the keys that no other weakly dominates, in lexicographic order of the keys;
/// of equal keys the first.
pub(super) fn non_dominated<const D: usize>(keys: &[[f64; D]]) -> Vec<u32> {
    let mut sorted = sort(keys);
    match D {
        0..=2 => by_least(&mut sorted),
        3 => by_staircase(&mut sorted),
        _ => by_tree(&mut sorted),
    }
    sorted.into_iter().map(|(_, index)| index).collect()
}

/// The keys with their indices, in lexicographic order and then that of the indices.
fn sort<const D: usize>(keys: &[[f64; D]]) -> Vec<([f64; D], u32)> {
    // Whole numbers sort fastest, and few keys have equal first values.
    let firsts = keys.iter().map(|key| ascending_bits(key[0]));
    let mut order: Vec<(u64, u32)> = firsts.zip(0..).collect();
    order.sort_unstable();
    for alike in order.chunk_by_mut(|a, b| a.0 == b.0) {
        if alike.len() > 1 {
            let key = |index: u32| &keys[index as usize];
            alike.sort_unstable_by(|a, b| lexicographic(key(a.1), key(b.1)).then(a.1.cmp(&b.1)));
        }
    }
    let indices = order.into_iter();
    indices
        .map(|(_, index)| (keys[index as usize], index))
        .collect()
}

/// A whole number that orders as [`f64::total_cmp`] does.
fn ascending_bits(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 {
        bits ^ (1 << 63)
    } else {
        !bits
    }
}

#[inline]
fn lexicographic<const D: usize>(a: &[f64; D], b: &[f64; D]) -> Ordering {
    for (x, y) in a.iter().zip(b) {
        match x.total_cmp(y) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

fn by_least<const D: usize>(sorted: &mut Vec<([f64; D], u32)>) {
    let mut least = f64::INFINITY;
    let mut first = true;
    sorted.retain(|(key, _)| {
        let kept = key[D - 1] < least && D == 2 || first;
        least = least.min(key[D - 1]);
        first = false;
        kept
    });
}

fn by_staircase<const D: usize>(sorted: &mut Vec<([f64; D], u32)>) {
    let mut stairs: Vec<(f64, f64)> = Vec::new(); // the first rises, the second falls
    sorted.retain(|(key, _)| {
        let (x, y) = (key[D - 2], key[D - 1]);
        let reach = stairs.partition_point(|step| step.0 <= x);
        if reach > 0 && stairs[reach - 1].1 <= y {
            return false;
        }
        let start = reach - usize::from(reach > 0 && stairs[reach - 1].0 == x);
        let count = stairs[start..].partition_point(|step| step.1 >= y);
        stairs.splice(start..start + count, [(x, y)]);
        true
    });
}

fn by_tree<const D: usize>(sorted: &mut Vec<([f64; D], u32)>) {
    let mut tree = Tree::new(sorted);
    let mut number = 0;
    sorted.retain(|(key, _)| {
        let kept = !tree.dominates(key);
        if kept {
            tree.insert(number, key);
        }
        number += 1;
        kept
    });
}

/// How many keys a leaf holds.
const LEAF: usize = 8;

/// Boxes of keys, laid out as a heap: the children of box i are 2 i + 1 and 2 i + 2.
struct Tree<const D: usize> {
    /// The lower corner of the keys inserted into a box.
    corners: Vec<[f64; D]>,
    /// The keys inserted into each leaf.
    leaves: Vec<Vec<[f64; D]>>,
    /// The leaf of each key to come.
    leaf_of: Vec<u32>,
}

impl<const D: usize> Tree<D> {
    /// An empty tree, with a leaf chosen for each of the keys.
    fn new(sorted: &[([f64; D], u32)]) -> Self {
        let leaves = sorted.len().div_ceil(LEAF).next_power_of_two();
        let mut tree = Self {
            corners: vec![[f64::INFINITY; D]; 2 * leaves - 1],
            leaves: vec![Vec::new(); leaves],
            leaf_of: vec![0; sorted.len()],
        };
        let mut numbers: Vec<u32> = (0..sorted.len() as u32).collect();
        tree.divide(sorted, &mut numbers, 0, 0);
        tree
    }

    fn divide(
        &mut self,
        sorted: &[([f64; D], u32)],
        numbers: &mut [u32],
        node: usize,
        depth: usize,
    ) {
        let first_leaf = self.leaves.len() - 1;
        if node >= first_leaf {
            for &number in &*numbers {
                self.leaf_of[number as usize] = (node - first_leaf) as u32;
            }
            return;
        }
        let axis = 1 + depth % (D - 1);
        let middle = numbers.len() / 2;
        if middle > 0 {
            numbers.select_nth_unstable_by(middle, |&a, &b| {
                let along = |number: u32| sorted[number as usize].0[axis];
                along(a).total_cmp(&along(b)).then(a.cmp(&b))
            });
        }
        let (low, high) = numbers.split_at_mut(middle);
        self.divide(sorted, low, 2 * node + 1, depth + 1);
        self.divide(sorted, high, 2 * node + 2, depth + 1);
    }

    fn insert(&mut self, number: usize, key: &[f64; D]) {
        let leaf = self.leaf_of[number] as usize;
        self.leaves[leaf].push(*key);
        let mut node = leaf + self.leaves.len() - 1;
        loop {
            for (corner, value) in self.corners[node].iter_mut().zip(key) {
                *corner = corner.min(*value);
            }
            if node == 0 {
                return;
            }
            node = (node - 1) / 2;
        }
    }

    /// Whether a key inserted is nowhere worse.
    fn dominates(&self, key: &[f64; D]) -> bool {
        self.dominates_in(0, key)
    }

    fn dominates_in(&self, node: usize, key: &[f64; D]) -> bool {
        if !weakly(&self.corners[node], key) {
            return false;
        }
        let first_leaf = self.leaves.len() - 1;
        if node >= first_leaf {
            let leaf = &self.leaves[node - first_leaf];
            return leaf.iter().any(|inserted| weakly(inserted, key));
        }
        self.dominates_in(2 * node + 1, key) || self.dominates_in(2 * node + 2, key)
    }
}

#[inline]
fn weakly<const D: usize>(a: &[f64; D], b: &[f64; D]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys<const D: usize>() -> impl Strategy<Value = Vec<[f64; D]>> {
        let key = prop::collection::vec((-3..4).prop_map(f64::from), D);
        let key = key.prop_map(|key| std::array::from_fn(|i| key[i]));
        prop::collection::vec(key, 0..120)
    }

    /// The definition; of equal keys the first, in lexicographic order.
    fn defined<const D: usize>(keys: &[[f64; D]]) -> Vec<u32> {
        let beaten = |i: usize| {
            let beats = |j: usize| weakly(&keys[j], &keys[i]) && (keys[j] != keys[i] || j < i);
            (0..keys.len()).any(|j| j != i && beats(j))
        };
        let mut best: Vec<usize> = (0..keys.len()).filter(|&i| !beaten(i)).collect();
        best.sort_by(|&i, &j| lexicographic(&keys[i], &keys[j]));
        best.into_iter().map(|i| i as u32).collect()
    }

    proptest! {
        #[test]
        fn one_key(k in keys::<1>()) {
            prop_assert_eq!(non_dominated(&k), defined(&k));
        }

        #[test]
        fn two_keys(k in keys::<2>()) {
            prop_assert_eq!(non_dominated(&k), defined(&k));
        }

        #[test]
        fn three_keys(k in keys::<3>()) {
            prop_assert_eq!(non_dominated(&k), defined(&k));
        }

        #[test]
        fn four_keys(k in keys::<4>()) {
            prop_assert_eq!(non_dominated(&k), defined(&k));
        }

        #[test]
        fn nine_keys(k in keys::<9>()) {
            prop_assert_eq!(non_dominated(&k), defined(&k));
        }
    }
}
