//! Crowding distance: how alone a candidate stands on its front.
//!
//! For each cost, candidates are put in order and each receives the gap between its two
//! neighbours as a share of the front's range; the two ends receive infinity (K. Deb et al.,
//! NSGA-II, 2002, section III-B). O(m n log n).

use crate::evaluation::Evaluation;

/// The crowding distance of every member of one front, in the order given. Never NaN.
///
/// A cost whose range is zero or infinite tells nobody apart: its ends still receive infinity,
/// the rest nothing. Among equal costs the order given decides who stands at the end, so of
/// exact duplicates one keeps the place and the others count as crowded.
pub fn crowding_distances(front: &[&Evaluation]) -> Vec<f64> {
    let mut distances = vec![0.0; front.len()];
    let mut order: Vec<usize> = (0..front.len()).collect();
    for objective in 0..front.first().map_or(0, |member| member.costs().len()) {
        add_gaps(|i| front[i].costs()[objective], &mut order, &mut distances);
    }
    distances
}

/// Adds to each distance the relative gap along one cost; leaves `order` sorted by (cost, index).
fn add_gaps(cost: impl Fn(usize) -> f64, order: &mut [usize], distances: &mut [f64]) {
    order.sort_unstable_by(|&a, &b| cost(a).total_cmp(&cost(b)).then(a.cmp(&b)));
    let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
        return;
    };
    distances[first] = f64::INFINITY;
    distances[last] = f64::INFINITY;
    let range = cost(last) - cost(first);
    if range > 0.0 && range.is_finite() {
        for triple in order.windows(3) {
            distances[triple[1]] += (cost(triple[2]) - cost(triple[0])) / range;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::evaluations;

    fn distances(front: &[[f64; 2]]) -> Vec<f64> {
        let front: Vec<_> = front
            .iter()
            .map(|&costs| Evaluation::unconstrained(costs))
            .collect();
        crowding_distances(&front.iter().collect::<Vec<_>>())
    }

    #[test]
    fn known_answer() {
        // Second point: (3 - 0) / 4 + (4 - 1) / 4; third: (4 - 1) / 4 + (2 - 0) / 4.
        let found = distances(&[[0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0]]);
        assert_eq!(found, [f64::INFINITY, 1.5, 1.25, f64::INFINITY]);
    }

    #[test]
    fn small_fronts_are_all_ends() {
        assert!(distances(&[]).is_empty());
        assert_eq!(distances(&[[1.0, 1.0]]), [f64::INFINITY]);
        assert_eq!(distances(&[[1.0, 2.0], [2.0, 1.0]]), [f64::INFINITY; 2]);
    }

    #[test]
    fn equal_and_infinite_costs_give_no_nan() {
        let same = distances(&[[1.0, 1.0]; 3]);
        assert_eq!(same, [f64::INFINITY, 0.0, f64::INFINITY]);
        let endless = distances(&[[f64::NEG_INFINITY, 2.0], [0.0, 1.0], [f64::INFINITY, 0.0]]);
        assert_eq!(endless, [f64::INFINITY, 1.0, f64::INFINITY]);
        let huge = distances(&[[f64::MIN, 2.0], [0.0, 1.0], [f64::MAX, 0.0]]);
        assert_eq!(huge, [f64::INFINITY, 1.0, f64::INFINITY]);
    }

    proptest! {
        #[test]
        fn never_nan_nor_negative(e in evaluations(3, 0..=20)) {
            let front: Vec<_> = e.iter().collect();
            prop_assert!(crowding_distances(&front).iter().all(|&distance| distance >= 0.0));
        }
    }
}
