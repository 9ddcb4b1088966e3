use crate::evaluation::Costs;
use crate::exact::corners::corners_of_enough;
use crate::exact::incumbents::{Incumbent, Incumbents};
use crate::exact::plane_bound::PlaneBound;
use crate::exact::plane_volume::volume_above;
use crate::hypervolume::hypervolume;

/// How good a front found by a search is, measured against the exact one or a bound of it.
///
/// Every figure is honest: if the bound holds (see [`ExactFront`](crate::ExactFront)), the truth
/// is at least as good. Objectives are normalised by the bound's points before they are lowered by
/// epsilon: their least values become 0 and their largest 1. (Planes have no points: there 0 is the
/// least that they let an objective be, and 1 the largest of the front.)
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The front's hypervolume over that of the bound, normalised, up to (1.1, 1.1): at most 1
    /// when the bound holds.
    pub relative_hypervolume: f64,
    /// The least that the front must be lowered by, in the normalised last objective, to weakly
    /// dominate the bound; infinite when the bound has something at budgets of the other objectives
    /// that nothing of the front keeps.
    pub additive_epsilon: f64,
    /// The largest distance in the last objective between the best of the front and of the bound,
    /// over all budgets of the others that the front reaches; in the objective's own unit.
    pub worst_gap: f64,
    /// Where it occurs: a budget for each objective but the last. For two objectives the least such
    /// budget, for more the end of the region where nothing better is known: a budget may be infinite.
    pub worst_budgets: Costs,
}

/// Where normalised hypervolumes are measured from, in each objective.
const REFERENCE: f64 = 1.1;

/// What is left of an edge by less than this share of an extent counts as at it.
const LEFT: f64 = 1e-9;

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
    /// assert_eq!(certificate.worst_budgets[..], [1.0]);
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
            hypervolume(normal, &[REFERENCE; 2])
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
            worst_budgets: std::iter::once(worst_budget).collect(),
        })
    }

    /// Measures a front of any number of objectives against planes: feasible paths are above all
    /// planes of one of the `bounds`. Nothing when the front is empty or there are no planes.
    ///
    /// # Panics
    ///
    /// When points and planes have different numbers of objectives.
    pub fn of_planes(front: &[Costs], bounds: &[PlaneBound]) -> Option<Self> {
        let last = front.first()?.len() - 1;
        let least = |objective: usize| {
            let all = bounds.iter().map(|bound| bound.least(objective));
            all.reduce(f64::min).filter(|least| least.is_finite())
        };
        let low: Costs = (0..=last).map(least).collect::<Option<_>>()?;
        let extent = |objective: usize| {
            let most = front.iter().map(|point| point[objective]);
            let most = most.fold(f64::NEG_INFINITY, f64::max);
            let extent = most - low[objective];
            // planes are lowered by rounding, which is no extent
            if extent > LEFT * most.abs() {
                extent
            } else {
                1.0
            }
        };
        let extents: Costs = (0..=last).map(extent).collect();
        let far = low.iter().zip(&extents);
        let reference: Costs = far.map(|(low, extent)| low + REFERENCE * extent).collect();
        let lowest = |budgets: &[f64]| {
            let all = bounds.iter().map(|bound| bound.at(budgets));
            all.fold(f64::INFINITY, f64::min)
        };
        let (mut worst, mut additive) = (None, 0.0_f64);
        for corner in corners_of_enough(front, last + 1) {
            let budgets: Costs = corner[..last].iter().copied().collect();
            if corner[last] == f64::INFINITY {
                // the corner's own edges are reached: what counts is whether there is anything left of them
                let edges = budgets.iter().zip(&extents);
                let inside: Costs = edges
                    .map(|(edge, extent)| match edge.is_finite() {
                        true => edge - LEFT * extent.max(edge.abs()),
                        false => *edge,
                    })
                    .collect();
                if lowest(&inside) < f64::INFINITY {
                    additive = f64::INFINITY;
                }
                continue;
            }
            let gap = corner[last] - lowest(&budgets);
            additive = additive.max(gap / extents[last]);
            if worst.as_ref().is_none_or(|(worst, _)| gap > *worst) {
                worst = Some((gap, budgets));
            }
        }
        let (worst_gap, worst_budgets) = worst?;
        Some(Self {
            relative_hypervolume: hypervolume(front, &reference)
                / volume_above(bounds, &low, &reference),
            additive_epsilon: additive,
            worst_gap,
            worst_budgets,
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
    use crate::exact::plane_bound::BoundPlane;

    /// Costs of three objectives that all add up to at least 1, and are at least 0.
    fn simplex() -> PlaneBound {
        let plane = |weights: [f64; 3], bound: f64| BoundPlane {
            weights: weights.into_iter().collect(),
            bound,
        };
        PlaneBound {
            planes: vec![
                plane([1.0, 0.0, 0.0], 0.0),
                plane([0.0, 1.0, 0.0], 0.0),
                plane([0.0, 0.0, 1.0], 0.0),
                plane([1.0, 1.0, 1.0], 1.0),
            ],
            limits: [f64::INFINITY; 3].into_iter().collect(),
            members: Vec::new(),
        }
    }

    #[test]
    fn against_planes_by_hand() {
        let front = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let front: Vec<Costs> = front.iter().map(|p| p.iter().copied().collect()).collect();
        let certificate = Certificate::of_planes(&front, &[simplex()]).unwrap();
        // with budgets just below 1 and 1, the front has (0, 0, 1), and the planes let 0 be
        assert_eq!(certificate.worst_gap, 1.0);
        assert_eq!(certificate.worst_budgets[..], [1.0, 1.0]);
        // no budget below 0 is one that planes let anything keep
        assert_eq!(certificate.additive_epsilon, 1.0);
        // all of (1.1)^3 but the simplex below the plane, of 1/6; and the union of three boxes
        let bound = 1.331 - 1.0 / 6.0;
        let found = 3.0 * 0.1 * 1.1 * 1.1 - 3.0 * 0.1 * 0.1 * 1.1 + 0.001;
        let least = found / bound;
        let share = certificate.relative_hypervolume;
        assert!(
            share <= least + 1e-12 && share > 0.99 * least,
            "{share}, {least}"
        );
    }

    #[test]
    fn a_front_that_is_all_there_is_leaves_nothing() {
        // planes at 1,000,000 but for rounding, and one point there
        let mut bound = simplex();
        for plane in &mut bound.planes {
            plane.bound = (1e6 - 1e-5) * plane.weights.iter().sum::<f64>();
        }
        let front: [Costs; 1] = [[1e6, 1e6, 1e6].into_iter().collect()];
        let certificate = Certificate::of_planes(&front, &[bound]).unwrap();
        assert!(certificate.relative_hypervolume > 0.999, "{certificate:?}");
        assert!(certificate.additive_epsilon < 1e-4, "{certificate:?}");
    }

    #[test]
    fn of_several_bounds_the_lowest_counts() {
        let front: [Costs; 1] = [[1.0, 1.0, 1.0].into_iter().collect()];
        let mut higher = simplex();
        higher.planes[2].bound = 0.75;
        let alone = Certificate::of_planes(&front, &[higher.clone()]).unwrap();
        assert_eq!(alone.worst_gap, 0.25);
        let both = Certificate::of_planes(&front, &[higher, simplex()]).unwrap();
        assert_eq!(both.worst_gap, 1.0);
        assert_eq!(Certificate::of_planes(&[], &[simplex()]), None);
        assert_eq!(Certificate::of_planes(&front, &[]), None);
    }

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
        assert_eq!(certificate.worst_budgets[..], [10.0]);
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
