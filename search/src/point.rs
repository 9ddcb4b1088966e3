use std::cmp::Ordering;

use crate::evaluation::Evaluation;

/// A candidate of two costs as sorting sees it: 24 bytes, compared as integers.
///
/// The feasible come first, by the first cost and then the second; behind them the infeasible, by
/// violation; of equals the lower index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    major: u64,
    minor: u64,
    pub(crate) index: u32,
}

/// The major part of an infeasible candidate: above every cost, for no cost is NaN.
const INFEASIBLE: u64 = u64::MAX;

impl Point {
    #[inline]
    pub(crate) fn new(evaluation: &Evaluation, index: u32) -> Self {
        let (major, minor) = if evaluation.is_feasible() {
            let costs = evaluation.costs();
            (ascending(costs[0]), ascending(costs[1]))
        } else {
            (INFEASIBLE, ascending(evaluation.violation()))
        };
        Self {
            major,
            minor,
            index,
        }
    }

    /// The two costs, or the violation, as one number that orders as they do.
    #[inline]
    pub(crate) fn key(self) -> u128 {
        u128::from(self.major) << 64 | u128::from(self.minor)
    }

    /// The second cost of a feasible candidate, as a number that orders as it does.
    #[inline]
    pub(crate) fn minor(self) -> u64 {
        self.minor
    }

    #[inline]
    pub(crate) fn is_feasible(self) -> bool {
        self.major != INFEASIBLE
    }

    /// The costs of a feasible candidate.
    #[inline]
    pub(crate) fn costs(self) -> [f64; 2] {
        [original(self.major), original(self.minor)]
    }
}

impl Ord for Point {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.key()
            .cmp(&other.key())
            .then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Point {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

const SIGN: u64 = 1 << 63;

/// Maps floats to integers of the same order (that of [`f64::total_cmp`]): the bits of positive
/// ones grow with the value already, those of negative ones fall.
#[inline]
fn ascending(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ (((bits as i64) >> 63) as u64 | SIGN)
}

/// The inverse of [`ascending`].
#[inline]
fn original(bits: u64) -> f64 {
    f64::from_bits(bits ^ (((!bits as i64) >> 63) as u64 | SIGN))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_order_as_their_floats(a in any::<f64>(), b in any::<f64>()) {
            prop_assert_eq!(ascending(a).cmp(&ascending(b)), a.total_cmp(&b));
            prop_assert_eq!(original(ascending(a)).to_bits(), a.to_bits());
        }
    }

    #[test]
    fn the_feasible_come_first_then_the_least_violation() {
        let point = |costs, violation| Point::new(&Evaluation::new(costs, violation), 0);
        let endless = point([f64::INFINITY; 2], 0.0);
        assert!(point([1.0, 9.0], 0.0) < point([2.0, 0.0], 0.0));
        assert!(point([1.0, -1.0], 0.0) < point([1.0, 0.0], 0.0));
        assert!(endless < point([0.0, 0.0], 0.5));
        assert!(point([9.0, 9.0], 0.5) < point([0.0, 0.0], f64::INFINITY));
    }
}
