//! Shortest paths under weights of any number of objectives: half-spaces that every path lies in.

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::evaluation::Costs;
use crate::exact::corners::corners_of_enough;
use crate::exact::graph::{Graph, columns};
use crate::exact::incumbents::{Incumbent, Incumbents};
use crate::exact::members;
use crate::exact::relaxation::{Found, Relaxation};
use crate::exact::result::{ExactMember, ExactProgress};
use crate::exact::settings::ExactSettings;
use crate::layered::Layered;

/// Corners whose planes are found at the same time.
const TOGETHER: usize = 16;
/// Such groups, after which the largest gap must have become smaller by this share.
const PATIENCE: usize = 4;
const PROGRESS: f64 = 0.01;
/// Corners of one group are so far apart, as a share of the front's extent in some objective.
const APART: f64 = 0.05;

/// Every feasible path z has Σ `weights[i] * z[i]` >= `bound`.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundPlane {
    /// The weights of the objectives, none below 0.
    pub weights: Costs,
    /// Not above the least weighted sum, rounding included.
    pub bound: f64,
}

/// Lower bounds on what any path reaches in several objectives at once, and good paths.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneBound {
    /// Empty when no path keeps the limits; else there is at least one for each objective alone.
    pub planes: Vec<BoundPlane>,
    /// The most that a feasible path may have of each objective; infinite without a limit.
    pub limits: Costs,
    /// Feasible paths found on the way, none dominating another or dominated by what was known.
    pub members: Vec<ExactMember>,
}

impl BoundPlane {
    /// What it lets the last objective be at least, where the others are at most `budgets`.
    fn at(&self, budgets: &[f64]) -> f64 {
        let (last, others) = (self.weights[budgets.len()], &self.weights);
        let paid = others.iter().zip(budgets);
        // a weight of 0 pays nothing, however large the budget
        let paid: f64 = paid
            .filter(|(weight, _)| **weight > 0.0)
            .map(|(weight, budget)| weight * budget)
            .sum();
        if last > 0.0 {
            (self.bound - paid) / last
        } else if paid < self.bound {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        }
    }
}

impl PlaneBound {
    /// At least this is the last objective of any feasible path whose other objectives are at most
    /// `budgets`; infinite where there is no such path.
    pub fn at(&self, budgets: &[f64]) -> f64 {
        let limits = self.limits.iter();
        let budgets: Costs = budgets.iter().zip(limits).map(|(b, l)| b.min(*l)).collect();
        let heights = self.planes.iter().map(|plane| plane.at(&budgets));
        heights.reduce(f64::max).unwrap_or(f64::INFINITY)
    }

    /// The least that a path can have of one objective, whatever it has of the others.
    pub fn least(&self, objective: usize) -> f64 {
        let alone = self.planes.iter().filter(|plane| {
            let mut weights = plane.weights.iter().enumerate();
            weights.all(|(i, weight)| (*weight > 0.0) == (i == objective))
        });
        let least = alone.map(|plane| plane.bound / plane.weights[objective]);
        least.reduce(f64::max).unwrap_or(f64::INFINITY)
    }
}

/// Bounds the first `objectives` criteria of a problem by planes, most closely where paths could
/// be furthest below a known front. Nothing when `observer` breaks off; the result is the same on any
/// number of threads.
///
/// Each plane is the Lagrangian dual of a budget: the least last objective of paths whose others
/// keep the budget, prices on the budget taking the place of keeping it. What convex combinations of
/// paths reach, no planes can tell from paths.
///
/// Of the settings, `slopes` is the most planes and `rounds` how often prices are moved for each.
///
/// # Panics
///
/// When there are fewer than 2 objectives, more than criteria, or known points of another number.
pub fn plane_bound(
    layered: &dyn Layered,
    objectives: usize,
    known: &[Costs],
    settings: &ExactSettings,
    observer: &mut dyn FnMut(ExactProgress) -> ControlFlow<()>,
) -> Option<PlaneBound> {
    assert!(
        (2..=layered.criteria()).contains(&objectives),
        "objectives should be in range [2, {}], but are {objectives}",
        layered.criteria()
    );
    match columns(layered, objectives).len() {
        0..=4 => Planes::<4>::new(layered, objectives, settings).bound(known, observer),
        _ => Planes::<8>::new(layered, objectives, settings).bound(known, observer),
    }
}

/// Planes while they are looked for.
struct Planes<'a, const K: usize> {
    layered: &'a dyn Layered,
    graph: Graph<K>,
    settings: &'a ExactSettings,
    solved: Vec<Relaxation<K>>,
    found: Incumbents,
}

impl<'a, const K: usize> Planes<'a, K> {
    fn new(layered: &'a dyn Layered, objectives: usize, settings: &'a ExactSettings) -> Self {
        Self {
            layered,
            graph: Graph::new(layered, objectives),
            settings,
            solved: Vec::new(),
            found: Incumbents::default(),
        }
    }

    fn bound(
        mut self,
        known: &[Costs],
        observer: &mut dyn FnMut(ExactProgress) -> ControlFlow<()>,
    ) -> Option<PlaneBound> {
        let objectives = self.graph.objectives;
        for point in known {
            let point: Costs = point[..objectives].iter().copied().collect();
            self.found.insert(Incumbent {
                point,
                choices: None,
            });
        }
        if !self.each_alone() {
            return Some(self.result());
        }
        let front: Vec<Costs> = self
            .found
            .sorted()
            .iter()
            .map(|k| k.point.clone())
            .collect();
        let mut open = corners_of_enough(&front, objectives);
        let extents = extents(&front, objectives);
        let (mut least, mut patience) = (f64::INFINITY, PATIENCE);
        for pass in 1.. {
            let room = self.settings.slopes.saturating_sub(self.solved.len());
            let (worst, chosen) = self.furthest(&open, &extents, room.min(TOGETHER));
            let progress = ExactProgress {
                pass,
                position: 0,
                labels: 0,
                epsilon: worst,
                planes: Some(self.solved.len()),
            };
            if observer(progress).is_break() {
                return None;
            }
            if worst < (1.0 - PROGRESS) * least {
                (least, patience) = (worst, PATIENCE);
            } else {
                patience -= 1;
            }
            if chosen.is_empty() || patience == 0 {
                break;
            }
            let budgets: Vec<Costs> = chosen.iter().map(|&place| open[place].clone()).collect();
            self.within(&budgets);
            // whatever else is done, a budget's own plane is as high there as planes get
            for place in chosen.into_iter().rev() {
                open.swap_remove(place);
            }
        }
        Some(self.result())
    }

    /// The plane of each objective alone. Whether there is any path.
    fn each_alone(&mut self) -> bool {
        let tangents = vec![2.0 * std::f64::consts::E; self.graph.segment_count];
        let targets = self.graph.other_limits();
        for objective in 0..self.graph.objectives {
            let mut weights = [0.0; K];
            weights[objective] = 1.0;
            let rounds = 3 * self.settings.rounds;
            let solved =
                Relaxation::solve(&self.graph, weights, &targets, tangents.clone(), rounds);
            if solved.0.bound == f64::INFINITY {
                return false;
            }
            self.take(solved);
        }
        true
    }

    /// The planes that are highest over some budgets: points whose last objective isn't looked at.
    fn within(&mut self, budgets: &[Costs]) {
        let last = self.graph.objectives - 1;
        let planes: Vec<_> = budgets
            .par_iter()
            .map(|budget| {
                let mut targets = self.graph.limits;
                for (target, budget) in targets[..last].iter_mut().zip(budget) {
                    *target = target.min(*budget);
                }
                targets[last] = f64::INFINITY;
                let near = self.highest(&targets[..last]);
                let mut weights = near.weights;
                for (weight, target) in weights.iter_mut().zip(&targets) {
                    if *target == f64::INFINITY {
                        *weight = 0.0;
                    }
                }
                weights[last] = 1.0;
                let rounds = 2 * self.settings.rounds;
                Relaxation::solve(
                    &self.graph,
                    weights,
                    &targets,
                    near.tangents.clone(),
                    rounds,
                )
            })
            .collect();
        for plane in planes {
            self.take(plane);
        }
    }

    /// Of the planes that weigh the last objective, the one that is highest over a budget, its weight of the last objective being 1: there is one.
    fn highest(&self, budgets: &[f64]) -> &Relaxation<K> {
        let last = budgets.len();
        let mut weighing = self.solved.iter().filter(|plane| plane.weights[last] > 0.0);
        let first = weighing
            .next()
            .expect("the last objective alone has a plane");
        weighing.fold(first, |a, b| {
            let height = |plane: &Relaxation<K>| self.plane(plane).at(budgets);
            match height(b) > height(a) {
                true => b,
                false => a,
            }
        })
    }

    /// Keeps what came of a relaxation; one that says nothing is none.
    fn take(&mut self, (relaxation, paths): (Relaxation<K>, Vec<Found<K>>)) {
        for (costs, choices) in paths {
            let point: Costs = costs[..self.graph.objectives].iter().copied().collect();
            if self.graph.is_within_limits(&costs)
                && self.found.lack(&point)
                && self.layered.accepts(&choices)
            {
                let choices = Some(choices);
                self.found.insert(Incumbent { point, choices });
            }
        }
        if relaxation.bound.is_finite() {
            self.solved.push(relaxation);
        }
    }

    /// The corners that are furthest above the planes so far, apart from each other, with the largest distance; in ascending order.
    fn furthest(&self, open: &[Costs], extents: &Costs, count: usize) -> (f64, Vec<usize>) {
        let bound = self.bound_so_far();
        let last = self.graph.objectives - 1;
        let gap = |corner: &Costs| match corner[last] < f64::INFINITY {
            true => corner[last] - bound.at(&corner[..last]),
            // budgets that the front doesn't reach
            false => f64::NEG_INFINITY,
        };
        let gaps: Vec<f64> = open.par_iter().map(gap).collect();
        let mut order: Vec<usize> = (0..open.len()).filter(|&i| gaps[i] > 0.0).collect();
        order.sort_by(|&a, &b| gaps[b].total_cmp(&gaps[a]).then(a.cmp(&b)));
        let worst = order.first().map_or(0.0, |&i| gaps[i]);
        let mut chosen: Vec<usize> = Vec::new();
        for place in order {
            if chosen.len() == count {
                break;
            }
            let is_apart = |other: &usize| {
                let sides = open[place].iter().zip(&open[*other]).zip(extents);
                // equal infinities are no distance
                sides
                    .take(last)
                    .any(|((a, b), extent)| a != b && (a - b).abs() > APART * extent)
            };
            if chosen.iter().all(is_apart) {
                chosen.push(place);
            }
        }
        chosen.sort_unstable();
        (worst, chosen)
    }

    fn plane(&self, relaxation: &Relaxation<K>) -> BoundPlane {
        let objectives = self.graph.objectives;
        let weights: Costs = relaxation.weights[..objectives].iter().copied().collect();
        // the budget that the prices of objectives were found for is given back
        let own = weights.iter().zip(&relaxation.targets);
        let own = own.filter(|(weight, target)| **weight > 0.0 && **target < f64::INFINITY);
        let returned: f64 = own.map(|(weight, target)| weight * target).sum();
        BoundPlane {
            bound: relaxation.bound + returned - relaxation.rounding(&self.graph),
            weights,
        }
    }

    fn bound_so_far(&self) -> PlaneBound {
        let limits = self.graph.limits[..self.graph.objectives].iter().copied();
        PlaneBound {
            planes: self.solved.iter().map(|plane| self.plane(plane)).collect(),
            limits: limits.collect(),
            members: Vec::new(),
        }
    }

    fn result(self) -> PlaneBound {
        PlaneBound {
            members: members(self.layered, &self.found),
            ..self.bound_so_far()
        }
    }
}

/// The extent of a front in each objective, 1 where it has none.
fn extents(front: &[Costs], objectives: usize) -> Costs {
    let extent = |objective: usize| {
        let values = front.iter().map(|point| point[objective]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if high > low { high - low } else { 1.0 }
    };
    (0..objectives).map(extent).collect()
}
