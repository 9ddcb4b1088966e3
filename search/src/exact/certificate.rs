use serde::{Deserialize, Serialize};

use crate::evaluation::Costs;
use crate::exact::incumbents::{Incumbent, Incumbents};
use crate::hypervolume::hypervolume;

/// How good a front found by a search is, measured against the exact one or a bound of it.
///
/// Every figure is honest: if the bound holds (see [`ExactFront`](crate::ExactFront)), the truth
/// is at least as good. Objectives are normalised by the bound's points before they are lowered by
/// epsilon: their least values become 0 and their largest 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The front's hypervolume over that of the bound, normalised, up to (1.1, 1.1): at most 1
    /// when the bound holds.
    pub relative_hypervolume: f64,
    /// The least that the front must be lowered by, in normalised objective 1, to weakly dominate
    /// the bound; infinite when the bound begins left of the front.
    pub additive_epsilon: f64,
    /// The largest distance in objective 1 between the best of the front and of the bound, over
    /// all budgets of objective 0 that the front reaches; in objective 1's own unit.
    pub worst_gap: f64,
    /// The least budget at which it occurs.
    pub worst_budget: f64,
}

/// Where normalised hypervolumes are measured from.
const REFERENCE: [f64; 2] = [1.1, 1.1];

impl Certificate {
    /// Measures a front of (objective 0, objective 1) points against a bound whose objective 1 is
    /// up to `epsilon` too large. Nothing when one of them is empty.
    ///
    /// ```
    /// use roofnas_search::Certificate;
    ///
    /// let exact = [[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]];
    /// let found = [[0.0, 4.0], [2.0, 2.0], [4.0, 0.0]];
    /// let certificate = Certificate::new(&found, &exact, 0.0).expect("both have points");
    /// assert_eq!(certificate.worst_gap, 2.0); // with a budget of 1, the front has only (0, 4)
    /// assert_eq!(certificate.worst_budget, 1.0);
    /// ```
    pub fn new(front: &[[f64; 2]], bound: &[[f64; 2]], epsilon: f64) -> Option<Self> {
        let (front, bound) = (staircase(front), staircase(bound));
        let ((&[left, top], &[right, bottom]), first) =
            (bound.first().zip(bound.last())?, front.first()?);
        let lowered: Vec<[f64; 2]> = bound.iter().map(|&[x, y]| [x, y - epsilon]).collect();
        let extent = |size: f64| if size > 0.0 { size } else { 1.0 };
        let (width, height) = (extent(right - left), extent(top - bottom));
        let volume = |points: &[[f64; 2]]| {
            let normal = points
                .iter()
                .map(|&[x, y]| [(x - left) / width, (y - bottom) / height]);
            hypervolume(normal, &REFERENCE)
        };
        let gaps = lowered
            .iter()
            .map(|&[x, y]| (best_within(&front, x) - y, x));
        let additive = gaps.clone().map(|(gap, _)| gap).fold(0.0, f64::max) / height;
        // Between the bound's points the gap can only shrink, where the front steps down.
        let start = (first[1] - best_within(&lowered, first[0]), first[0]);
        let reached = gaps.filter(|&(_, x)| x > first[0]);
        let (worst_gap, worst_budget) = std::iter::once(start)
            .chain(reached)
            .reduce(|worst, next| if next.0 > worst.0 { next } else { worst })?;
        Some(Self {
            relative_hypervolume: volume(&front) / volume(&lowered),
            additive_epsilon: additive,
            worst_gap,
            worst_budget,
        })
    }
}

/// The points that no other dominates, from left to right.
fn staircase(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut best = Incumbents::default();
    for point in points {
        let point: Costs = point.iter().copied().collect();
        best.insert(Incumbent {
            point,
            choices: None,
        });
    }
    let sorted = best.sorted().iter();
    sorted
        .map(|known| [known.point[0], known.point[1]])
        .collect()
}

/// The least objective 1 within a budget of objective 0; infinite when nothing is.
fn best_within(staircase: &[[f64; 2]], budget: f64) -> f64 {
    let reach = staircase.partition_point(|point| point[0] <= budget);
    let last = reach.checked_sub(1).map(|last| staircase[last][1]);
    last.unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: [[f64; 2]; 3] = [[0.0, 10.0], [2.0, 4.0], [10.0, 0.0]];

    #[test]
    fn the_front_itself_is_perfect() {
        let certificate = Certificate::new(&EXACT, &EXACT, 0.0).unwrap();
        assert_eq!(certificate.relative_hypervolume, 1.0);
        assert_eq!(certificate.additive_epsilon, 0.0);
        assert_eq!(certificate.worst_gap, 0.0);
    }

    #[test]
    fn by_hand() {
        let front = [[1.0, 10.0], [2.0, 5.0], [5.0, 3.0], [11.0, 0.0]];
        let certificate = Certificate::new(&front, &EXACT, 0.0).unwrap();
        // Rectangles from right to left, up to (1.1, 1.1): the exact front's are
        // 0.1 x 1.1, 0.8 x 0.7 and 0.2 x 0.1; the other's, its last one being on the reference,
        // 0.6 x 0.8, 0.3 x 0.6 and 0.1 x 0.1.
        let exact = 0.1 * 1.1 + 0.8 * 0.7 + 0.2 * 0.1;
        let found = 0.6 * 0.8 + 0.3 * 0.6 + 0.1 * 0.1;
        assert!((certificate.relative_hypervolume - found / exact).abs() < 1e-12);
        assert_eq!(certificate.additive_epsilon, f64::INFINITY); // nothing within 0
        assert_eq!(certificate.worst_gap, 3.0); // at 10 the front has (5, 3), the bound (10, 0)
        assert_eq!(certificate.worst_budget, 10.0);
    }

    #[test]
    fn epsilon_counts_against_the_front() {
        let certificate = Certificate::new(&EXACT, &EXACT, 1.0).unwrap();
        assert!((certificate.additive_epsilon - 0.1).abs() < 1e-12);
        assert_eq!(certificate.worst_gap, 1.0);
        let exact = 0.1 * 1.1 + 0.8 * 0.7 + 0.2 * 0.1;
        let lowered = exact + 0.1 * 1.1;
        assert!((certificate.relative_hypervolume - exact / lowered).abs() < 1e-12);
    }

    #[test]
    fn nothing_has_no_certificate_and_a_single_point_has() {
        assert_eq!(Certificate::new(&[], &EXACT, 0.0), None);
        assert_eq!(Certificate::new(&EXACT, &[], 0.0), None);
        let certificate = Certificate::new(&[[3.0, 4.0]], &[[3.0, 4.0]], 0.0).unwrap();
        assert_eq!(certificate.relative_hypervolume, 1.0);
    }
}
