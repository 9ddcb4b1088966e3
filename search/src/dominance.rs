//! Who is better than whom.
//!
//! `a` Pareto-dominates `b` when it is nowhere worse and somewhere better. Deb's constrained
//! dominance (K. Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II",
//! IEEE Trans. Evol. Comput. 6(2), 2002, definition 1) puts feasibility first.
//!
//! Law: both are strict partial orders (irreflexive, asymmetric, transitive).

use std::cmp::Ordering;

use crate::evaluation::Evaluation;

/// Whether costs `a` Pareto-dominate costs `b` (all minimised).
///
/// A NaN compares with nothing, so costs that hold one neither dominate nor are dominated.
#[inline]
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    compare(a, b) == Some(Ordering::Less)
}

/// Whether `a` dominates `b` under constraints: a feasible candidate dominates an infeasible one,
/// of two infeasible ones the lesser violation dominates, of two feasible ones the Pareto-better.
#[inline]
pub fn constrained_dominates(a: &Evaluation, b: &Evaluation) -> bool {
    if a.is_feasible() && b.is_feasible() {
        dominates(a.costs(), b.costs())
    } else {
        a.violation() < b.violation()
    }
}

/// The Pareto order: `Less` when `a` dominates, `None` when neither does and they differ.
#[inline]
pub(crate) fn compare(a: &[f64], b: &[f64]) -> Option<Ordering> {
    debug_assert_eq!(a.len(), b.len(), "costs of different problems");
    let mut verdict = Ordering::Equal;
    for (x, y) in a.iter().zip(b) {
        let here = x.partial_cmp(y)?;
        if here != Ordering::Equal {
            if verdict == here.reverse() {
                return None;
            }
            verdict = here;
        }
    }
    Some(verdict)
}

/// Whether one of many costs, laid one after another, is nowhere worse than `costs`.
///
/// Costs that hold no NaN. The last are looked at first.
#[inline]
pub(crate) fn is_covered(by: &[f64], costs: &[f64]) -> bool {
    match *costs {
        [a, b, c] => is_covered_in_blocks(by.as_chunks().0, [a, b, c]),
        [a, b, c, d] => is_covered_in_blocks(by.as_chunks().0, [a, b, c, d]),
        _ => by
            .rchunks_exact(costs.len())
            .any(|other| other.iter().zip(costs).all(|(x, y)| x <= y)),
    }
}

/// How many are looked at without asking whether one was found: so that no branch is mispredicted.
const BLOCK: usize = 8;

fn is_covered_in_blocks<const M: usize>(by: &[[f64; M]], costs: [f64; M]) -> bool {
    let covers = |other: &[f64; M]| (0..M).fold(true, |all, i| all & (other[i] <= costs[i]));
    by.rchunks(BLOCK)
        .any(|block| block.iter().fold(false, |any, other| any | covers(other)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::evaluations;

    #[test]
    fn dominance_by_example() {
        assert!(dominates(&[1.0, 2.0], &[1.0, 3.0]));
        assert!(!dominates(&[1.0, 3.0], &[1.0, 3.0]));
        assert!(!dominates(&[1.0, 3.0], &[2.0, 2.0]));
        assert!(!dominates(&[f64::NAN, 3.0], &[2.0, 4.0]));
        assert!(!dominates(&[2.0, 3.0], &[f64::NAN, 4.0]));
    }

    #[test]
    fn constraints_come_first() {
        let good = Evaluation::new([9.0, 9.0], 0.0);
        let near = Evaluation::new([1.0, 1.0], 0.5);
        let far = Evaluation::new([0.0, 0.0], 2.0);
        assert!(constrained_dominates(&good, &near));
        assert!(constrained_dominates(&near, &far));
        assert!(!constrained_dominates(&far, &good));
    }

    proptest! {
        #[test]
        fn covered_is_dominated_or_equal(e in (1..6_usize).prop_flat_map(|m| evaluations(m, 1..=20))) {
            let (costs, others) = (e[0].costs(), &e[1..]);
            let by: Vec<f64> = others.iter().flat_map(Evaluation::costs).copied().collect();
            let covers = |other: &Evaluation| {
                dominates(other.costs(), costs) || other.costs() == costs
            };
            prop_assert_eq!(is_covered(&by, costs), others.iter().any(covers));
        }

        #[test]
        fn both_are_strict_partial_orders(e in evaluations(3, 3..=3)) {
            let pareto = |a: &Evaluation, b: &Evaluation| dominates(a.costs(), b.costs());
            for order in [&pareto as &dyn Fn(&_, &_) -> bool, &constrained_dominates] {
                prop_assert!(!order(&e[0], &e[0]));
                prop_assert!(!(order(&e[0], &e[1]) && order(&e[1], &e[0])));
                if order(&e[0], &e[1]) && order(&e[1], &e[2]) {
                    prop_assert!(order(&e[0], &e[2]));
                }
            }
        }
    }
}
