//! Values drawn so that few draws cover a range.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The golden ratio less 1: multiples of it, taken modulo 1, fill the unit interval as evenly as any sequence whose length is not known
/// beforehand (Kronecker's sequence).
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// Draws of several attributes, each of them balanced: of discrete values each comes once before any comes again, in an order of chance, so that
/// attributes don't go together; continuous values fill their range.
pub(super) struct Balanced {
    rng: Xoshiro256PlusPlus,
    /// By attribute: places still to come in this round.
    rounds: BTreeMap<&'static str, Vec<usize>>,
    /// By attribute: where its sequence stands.
    sequences: BTreeMap<&'static str, f64>,
}

impl Balanced {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            rounds: BTreeMap::new(),
            sequences: BTreeMap::new(),
        }
    }

    /// One of these values, of which there is at least one.
    pub(super) fn pick<T: Copy>(&mut self, attribute: &'static str, values: &[T]) -> T {
        let round = self.rounds.entry(attribute).or_default();
        // a list that has become shorter begins a round of its own
        let next = round.pop().filter(|&place| place < values.len());
        let place = next.unwrap_or_else(|| {
            *round = (0..values.len()).collect();
            round.shuffle(&mut self.rng);
            round.pop().unwrap_or(0)
        });
        values[place]
    }

    /// A number from `low` to `high`, even on a logarithmic scale.
    pub(super) fn between(&mut self, attribute: &'static str, low: f64, high: f64) -> f64 {
        let place = match self.sequences.get(attribute) {
            Some(place) => (place + GOLDEN).fract(),
            None => self.rng.random(),
        };
        self.sequences.insert(attribute, place);
        low * (high / low).powf(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_once_before_any_comes_again() {
        let mut draws = Balanced::new(3);
        for _ in 0..4 {
            let mut round: Vec<u32> = (0..5).map(|_| draws.pick("x", &[1, 2, 3, 4, 5])).collect();
            draws.pick("y", &[1, 2, 3]);
            round.sort_unstable();
            assert_eq!(round, [1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn ten_draws_leave_no_gap_in_a_range() {
        let mut draws = Balanced::new(7);
        let mut all: Vec<f64> = (0..10)
            .map(|_| draws.between("x", 16.0, 256.0).log2())
            .collect();
        all.sort_by(f64::total_cmp);
        assert!(all[0] >= 4.0 && all[9] <= 8.0, "{all:?}");
        let widest = all.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(widest.fold(0.0, f64::max) < 1.0, "{all:?}");
    }
}
