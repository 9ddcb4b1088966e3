//! Costs of different units made comparable: 0 at the best seen, 1 about where the front ends.
//!
//! K. Deb, H. Jain (2014), section IV-C. The ideal point holds the least of each cost seen. For
//! each axis the extreme point is the one of least achievement: of its translated costs, each
//! divided by the axis' weight (1 on the axis, 1e-6 elsewhere), the greatest. The hyperplane
//! through the extreme points cuts the axes at the intercepts, by which translated costs are
//! divided. Extreme points are remembered, as J. Blank, K. Deb, P. C. Roy advise ("Investigating
//! the normalization procedure of NSGA-III", EMO 2019), or they come and go with the population.
//! So that units make no difference, achievement is taken of costs in units of the first front.
//!
//! Where the plane does not exist or an intercept is of no use, the nadir of the first front
//! takes its place, then the worst of all.

use serde::{Deserialize, Serialize};

use crate::evaluation::{Costs, Evaluation};
use crate::hyperplane::intercepts;

/// The weight of the other axes in the achievement function.
const OFF_AXIS: f64 = 1e-6;
/// What counts as on an axis, as a share of the extent of the first front: without it a hair's
/// breadth off the axis decides, and a point far out along it can win.
const ON_AXIS: f64 = 1e-3;
/// The least useful intercept, as a share of the extent of the first front.
const LEAST_INTERCEPT: f64 = 1e-6;
/// Where infinite costs are put: far beyond the front, and still fit to be calculated with.
const BEYOND: f64 = 1e6;

/// What is remembered from generation to generation. Knows finite costs only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Normalization {
    /// The least of each cost seen; empty before the first generation.
    ideal: Costs,
    /// For each axis the point of least achievement.
    extremes: Vec<Costs>,
}

/// How the costs of one generation are made comparable.
pub(crate) struct Scale {
    ideal: Costs,
    extent: Costs,
}

impl Normalization {
    /// Learns from the first front of a generation; `all` are its feasible members.
    pub(crate) fn update(&mut self, first_front: &[&Evaluation], all: &[&Evaluation]) -> Scale {
        let front = finite(first_front);
        let Some(&any) = front.first() else {
            return self.fallback(first_front);
        };
        if self.ideal.is_empty() {
            self.ideal.extend(any.iter().copied());
        }
        for costs in &front {
            lower(&mut self.ideal, costs);
        }
        let nadir = self.extent_of(&front);
        let worst = self.extent_of(&finite(all));
        let extents = nadir.iter().zip(&worst);
        let unit: Costs = extents
            .map(|(&nadir, &worst)| first_useful([nadir, worst]))
            .collect();
        let candidates = self.extremes.iter().map(Costs::as_slice).chain(front);
        self.extremes = self.extreme_points(&candidates.collect::<Vec<_>>(), &unit);
        Scale {
            ideal: self.ideal.clone(),
            extent: self.intercepts(unit, &worst),
        }
    }

    /// Where the plane through the extreme points cuts each axis, but no farther out than the
    /// `worst`: a plane almost parallel to an axis cuts it where nobody is. Else the `unit`.
    fn intercepts(&self, mut unit: Costs, worst: &Costs) -> Costs {
        let translated = |extreme: &Costs| divided(extreme, &self.ideal, &unit);
        let points: Vec<Costs> = self.extremes.iter().map(translated).collect();
        for (axis, cut) in intercepts(&points).into_iter().flatten().enumerate() {
            if cut > LEAST_INTERCEPT {
                let farthest = (worst[axis] / unit[axis]).max(1.0);
                unit[axis] *= cut.min(farthest);
            }
        }
        unit
    }

    /// The scale while nothing finite is known of this generation.
    fn fallback(&self, front: &[&Evaluation]) -> Scale {
        let objectives = front.first().map_or(0, |member| member.costs().len());
        let same = |value| (0..objectives).map(|_| value).collect();
        let ideal = Some(&self.ideal).filter(|ideal| !ideal.is_empty());
        Scale {
            ideal: ideal.map_or_else(|| same(0.0), Costs::clone),
            extent: same(1.0),
        }
    }

    /// How far the worst of each cost is from the ideal.
    fn extent_of(&self, members: &[&[f64]]) -> Costs {
        let mut extent: Costs = self.ideal.iter().map(|_| 0.0).collect();
        for costs in members {
            for (axis, extent) in extent.iter_mut().enumerate() {
                *extent = extent.max(costs[axis] - self.ideal[axis]);
            }
        }
        extent
    }

    /// For each axis the candidate of least achievement, the first of several.
    fn extreme_points(&self, candidates: &[&[f64]], unit: &Costs) -> Vec<Costs> {
        let weighted = |(i, &cost): (usize, &f64), axis: usize| match cost {
            cost if cost < ON_AXIS => 0.0,
            cost if i == axis => cost,
            cost => cost / OFF_AXIS,
        };
        let achievement = |costs: &[f64], axis: usize| {
            let scaled = divided(costs, &self.ideal, unit);
            let weighted = scaled.iter().enumerate().map(|cost| weighted(cost, axis));
            weighted.fold(0.0, f64::max)
        };
        let extreme = |axis: usize| {
            candidates
                .iter()
                .min_by(|a, b| achievement(a, axis).total_cmp(&achievement(b, axis)))
                .map(|costs| costs.iter().copied().collect())
        };
        (0..unit.len()).filter_map(extreme).collect()
    }
}

impl Scale {
    /// Costs as shares of the extent of the front, neither negative nor infinite.
    pub(crate) fn apply(&self, costs: &[f64]) -> Costs {
        let mut scaled = divided(costs, &self.ideal, &self.extent);
        for cost in &mut scaled {
            *cost = cost.clamp(0.0, BEYOND);
        }
        scaled
    }
}

/// The costs of those all of whose costs are finite.
fn finite<'a>(members: &[&'a Evaluation]) -> Vec<&'a [f64]> {
    let costs = members.iter().map(|member| member.costs());
    costs
        .filter(|costs| costs.iter().all(|cost| cost.is_finite()))
        .collect()
}

fn lower(ideal: &mut Costs, costs: &[f64]) {
    for (ideal, &cost) in ideal.iter_mut().zip(costs) {
        *ideal = ideal.min(cost);
    }
}

/// The first that can be divided by; 1 if none can.
fn first_useful(extents: [f64; 2]) -> f64 {
    let useful = extents
        .into_iter()
        .find(|&extent| extent > 0.0 && extent.is_finite());
    useful.unwrap_or(1.0)
}

fn divided(costs: &[f64], ideal: &[f64], unit: &[f64]) -> Costs {
    let pairs = costs.iter().zip(ideal).zip(unit);
    pairs
        .map(|((cost, ideal), unit)| (cost - ideal) / unit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(front: &[[f64; 3]], costs: [f64; 3]) -> Vec<f64> {
        let front: Vec<_> = front
            .iter()
            .map(|&costs| Evaluation::unconstrained(costs))
            .collect();
        let front: Vec<_> = front.iter().collect();
        let scale = Normalization::default().update(&front, &front);
        scale.apply(&costs).to_vec()
    }

    #[test]
    fn a_front_of_any_units_ends_at_one_on_every_axis() {
        let front = [
            [5.0, 10.0, 2000.0],
            [3.0, 30.0, 2000.0],
            [3.0, 10.0, 6000.0],
        ];
        assert_eq!(scaled(&front, [3.0, 10.0, 2000.0]), [0.0; 3]);
        assert_eq!(scaled(&front, [4.0, 20.0, 4000.0]), [0.5; 3]);
    }

    #[test]
    fn without_a_plane_the_nadir_serves() {
        let front = [[0.0, 4.0, 2.0], [2.0, 0.0, 2.0]]; // two points span no plane of three
        assert_eq!(scaled(&front, [1.0, 1.0, 2.0]), [0.5, 0.25, 0.0]);
        assert_eq!(scaled(&[[7.0, 7.0, 7.0]], [8.0, 7.0, 9.0]), [1.0, 0.0, 2.0]);
    }

    #[test]
    fn infinite_costs_are_far_but_finite() {
        let front = [
            [f64::NEG_INFINITY, f64::INFINITY, 0.0],
            [0.0, 1.0, 2.0],
            [1.0, 0.0, 2.0],
        ];
        let far = scaled(&front, front[0]);
        assert_eq!(far, [0.0, BEYOND, 0.0]);
        assert_eq!(scaled(&front[..1], front[0]), [0.0, BEYOND, 0.0]);
        let huge = [[f64::MIN, 0.0, 1.0], [f64::MAX, 1.0, 0.0]];
        assert!(scaled(&huge, huge[1]).iter().all(|cost| cost.is_finite()));
    }

    #[test]
    fn extremes_are_remembered_and_beaten_by_better_ones() {
        let mut normalization = Normalization::default();
        let mut update = |costs: &[[f64; 2]]| {
            let front: Vec<_> = costs
                .iter()
                .map(|&c| Evaluation::unconstrained(c))
                .collect();
            let front: Vec<_> = front.iter().collect();
            normalization.update(&front, &front);
            normalization.extremes.clone()
        };
        let ends: Vec<Costs> = [[4.0, 0.0], [0.0, 4.0]]
            .map(|c| c.into_iter().collect())
            .into();
        assert_eq!(update(&[[0.0, 4.0], [1.0, 1.0], [4.0, 0.0]]), ends);
        assert_eq!(update(&[[1.0, 1.0]]), ends);
        let nearer: Vec<Costs> = [[3.0, 0.0], [0.0, 4.0]]
            .map(|c| c.into_iter().collect())
            .into();
        assert_eq!(update(&[[3.0, 0.0]]), nearer);
    }
}
