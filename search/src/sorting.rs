//! Non-dominated sorting: rank 0 is dominated by nobody, rank 1 only by rank 0, and so on.
//!
//! The rank of a candidate is the length of the longest chain of candidates each dominating the
//! next that ends in it, under Deb's constrained dominance: the feasible come first, and behind
//! them the infeasible by violation, equal violations sharing a rank.
//!
//! For two costs, O(n log n): one walk along the candidates in lexicographic order (see the module
//! `sweep`). For more, the same walk with whole fronts compared (X. Zhang et al., "An efficient
//! approach to nondominated sorting", ENS-BS, IEEE Trans. Evol. Comput. 19(2), 2015): O(m n²) at
//! worst.

use std::cmp::Ordering;

use crate::dominance::is_covered;
use crate::evaluation::Evaluation;
use crate::point::Point;
use crate::sweep::Sweep;

/// The non-dominated rank of every evaluation, in the order given.
///
/// ```
/// use roofnas_search::{Evaluation, non_dominated_ranks};
///
/// let evaluations = [
///     Evaluation::new([1.0, 3.0], 0.0),
///     Evaluation::new([2.0, 2.0], 0.0),
///     Evaluation::new([2.0, 4.0], 0.0), // dominated by both
///     Evaluation::new([0.0, 0.0], 0.1), // infeasible
/// ];
/// assert_eq!(non_dominated_ranks(&evaluations), [0, 0, 1, 2]);
/// ```
pub fn non_dominated_ranks<'a>(
    evaluations: impl IntoIterator<Item = &'a Evaluation>,
) -> Vec<usize> {
    let evaluations: Vec<&Evaluation> = evaluations.into_iter().collect();
    let mut ranks = vec![0; evaluations.len()];
    let (feasible, infeasible) =
        (0..evaluations.len()).partition::<Vec<_>, _>(|&i| evaluations[i].is_feasible());
    let fronts = match feasible.first().map(|&i| evaluations[i].costs().len()) {
        None => 0,
        Some(2) => rank_two(&evaluations, &feasible, &mut ranks),
        Some(_) => rank_many(&evaluations, feasible, &mut ranks),
    };
    rank_infeasible(&evaluations, infeasible, fronts, &mut ranks);
    ranks
}

/// Ranks candidates of two costs; returns the number of fronts.
fn rank_two(evaluations: &[&Evaluation], members: &[usize], ranks: &mut [usize]) -> usize {
    let point = |&i: &usize| Point::new(evaluations[i], i as u32);
    let mut points: Vec<Point> = members.iter().map(point).collect();
    points.sort_unstable();
    let mut sweep = Sweep::default();
    sweep.walk(&points);
    for (position, point) in points.iter().enumerate() {
        ranks[point.index as usize] = sweep.rank(position) as usize;
    }
    sweep.sizes().len()
}

/// Ranks candidates of any number of costs; returns the number of fronts.
fn rank_many(evaluations: &[&Evaluation], mut members: Vec<usize>, ranks: &mut [usize]) -> usize {
    let costs = |i: usize| evaluations[i].costs();
    members.sort_by(|&a, &b| lexicographic(costs(a), costs(b)));

    // The costs of each front's members, one after another.
    let mut fronts: Vec<Vec<f64>> = Vec::new();
    let mut previous: Option<usize> = None;
    for i in members {
        let twin = previous.filter(|&previous| costs(previous) == costs(i));
        previous = Some(i);
        if let Some(twin) = twin {
            ranks[i] = ranks[twin];
            continue;
        }
        // Whoever is dominated by a front is dominated by all fronts before it.
        let rank = fronts.partition_point(|front| is_covered(front, costs(i)));
        if rank == fronts.len() {
            fronts.push(Vec::new());
        }
        fronts[rank].extend(costs(i));
        ranks[i] = rank;
    }
    fronts.len()
}

/// Ranks the infeasible from `rank` on, one rank for each violation.
fn rank_infeasible(
    evaluations: &[&Evaluation],
    mut members: Vec<usize>,
    rank: usize,
    ranks: &mut [usize],
) {
    let violation = |i: usize| evaluations[i].violation();
    members.sort_unstable_by(|&a, &b| violation(a).total_cmp(&violation(b)));
    let alike = members.chunk_by(|&a, &b| violation(a) == violation(b));
    for (rank, members) in (rank..).zip(alike) {
        for &i in members {
            ranks[i] = rank;
        }
    }
}

/// Orders costs by the first, then the second, and so on.
pub(crate) fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    let by_cost = a.iter().zip(b).map(|(x, y)| x.total_cmp(y));
    by_cost.fold(Ordering::Equal, Ordering::then)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dominance::constrained_dominates;
    use crate::testing::evaluations;

    /// The definition: peel off whoever is dominated by nobody left, round after round.
    fn peeled(evaluations: &[Evaluation]) -> Vec<usize> {
        let mut ranks = vec![usize::MAX; evaluations.len()];
        let mut left: Vec<usize> = (0..evaluations.len()).collect();
        for rank in 0.. {
            let front: Vec<usize> = left
                .iter()
                .copied()
                .filter(|&i| {
                    !left
                        .iter()
                        .any(|&j| constrained_dominates(&evaluations[j], &evaluations[i]))
                })
                .collect();
            if front.is_empty() {
                break;
            }
            front.iter().for_each(|&i| ranks[i] = rank);
            left.retain(|i| !front.contains(i));
        }
        ranks
    }

    #[test]
    fn nothing_has_no_ranks() {
        assert!(non_dominated_ranks([]).is_empty());
    }

    #[test]
    fn duplicates_share_a_rank() {
        let twin = Evaluation::unconstrained([1.0, 1.0]);
        let worse = Evaluation::unconstrained([1.0, 2.0]);
        assert_eq!(
            non_dominated_ranks([&twin, &worse, &twin, &worse]),
            [0, 1, 0, 1]
        );
    }

    proptest! {
        #[test]
        fn one_cost(e in evaluations(1, 0..=40)) {
            prop_assert_eq!(non_dominated_ranks(&e), peeled(&e));
        }

        #[test]
        fn two_costs(e in evaluations(2, 0..=60)) {
            prop_assert_eq!(non_dominated_ranks(&e), peeled(&e));
        }

        #[test]
        fn three_costs(e in evaluations(3, 0..=60)) {
            prop_assert_eq!(non_dominated_ranks(&e), peeled(&e));
        }

        #[test]
        fn five_costs(e in evaluations(5, 0..=40)) {
            prop_assert_eq!(non_dominated_ranks(&e), peeled(&e));
        }
    }
}
