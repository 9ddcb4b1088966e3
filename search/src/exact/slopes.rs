use std::cmp::Reverse;

use rayon::prelude::*;

use crate::exact::graph::Graph;
use crate::exact::relaxation::{Found, Relaxation};

/// The steepest slope, in units of the front's rise over its run.
const STEEP: f64 = 1e4;

/// Slopes of a smaller ratio are not told apart, unless paths do.
const NEAR: f64 = 1.1;

/// Relaxations for weights (slope, 1), from steep to flat, spread over the front.
///
/// Found by halving: the weights for which the paths of two neighbours are equally good are
/// solved next, the pair with the largest gap between its lines and its paths first (Y. P. Aneja,
/// K. P. K. Nair, "Bicriteria transportation problem", Management Science 25(1), 1979).
#[derive(Clone, Debug)]
pub(super) struct Slopes<const K: usize> {
    /// For the first objective alone; nothing when there is no path.
    pub(super) first: Option<Relaxation<K>>,
    /// In descending order of slopes; the last slope is 0.
    pub(super) solved: Vec<Relaxation<K>>,
    /// Every path found on the way.
    pub(super) paths: Vec<Found<K>>,
}

/// A relaxation with the objectives of a path that represents it.
#[derive(Clone)]
struct Support<const K: usize> {
    relaxation: Relaxation<K>,
    point: [f64; 2],
}

impl<const K: usize> Support<K> {
    fn slope(&self) -> f64 {
        self.relaxation.weights[0]
    }
}

impl<const K: usize> Slopes<K> {
    /// Solves up to `count` slopes, at least 2; none when there is no path.
    pub(super) fn new(graph: &Graph<K>, count: usize, rounds: usize) -> Self {
        let mut slopes = Self {
            first: None,
            solved: Vec::new(),
            paths: Vec::new(),
        };
        // A guess that the first rounds correct: twice the smallest tangent allowed.
        let guess = vec![2.0 * std::f64::consts::E; graph.segment_count];
        let limits = graph.other_limits();
        let mut solve = |objectives: [f64; 2], tangents| {
            let weights = with_objectives([0.0; K], objectives);
            let solved = Relaxation::solve(graph, weights, &limits, tangents, 3 * rounds);
            slopes.support(graph, solved)
        };
        let first = solve([1.0, 0.0], guess.clone());
        let last = solve([0.0, 1.0], guess);
        let (Some(first), Some(last)) = (first, last) else {
            return slopes;
        };
        let rise = first.point[1] - last.point[1];
        let run = last.point[0] - first.point[0];
        let mut supports = vec![last];
        if rise > 0.0 && run > 0.0 {
            // So steep that the second objective hardly more than breaks ties of the first.
            let tangents = supports[0].relaxation.tangents.clone();
            supports.splice(0..0, solve([STEEP * rise / run, 1.0], tangents));
        }
        while supports.len() < count {
            let pairs = promising_pairs(&supports, count - supports.len());
            if pairs.is_empty() {
                break;
            }
            let solve = |&(left, slope): &(usize, f64)| {
                let near = &supports[left].relaxation;
                let weights = with_objectives(near.weights, [slope, 1.0]);
                Relaxation::solve(graph, weights, &limits, near.tangents.clone(), rounds)
            };
            let solved: Vec<_> = pairs.par_iter().map(solve).collect();
            supports.extend(solved.into_iter().filter_map(|s| slopes.support(graph, s)));
            supports.sort_by(|a, b| b.slope().total_cmp(&a.slope()));
        }
        slopes.first = Some(first.relaxation);
        slopes.solved = supports.into_iter().map(|s| s.relaxation).collect();
        slopes
    }

    /// A point beyond all paths found, as far again in objective 1 as they are spread.
    pub(super) fn far(&self) -> [f64; 2] {
        let values = |i: usize| self.paths.iter().map(move |(costs, _)| costs[i]);
        let [right, top] = [0, 1].map(|i| values(i).fold(f64::NEG_INFINITY, f64::max));
        let bottom = values(1).fold(f64::INFINITY, f64::min);
        [right, top + (top - bottom).max(1.0)]
    }

    /// Keeps the paths found; the best that keeps the limits represents the relaxation, or the
    /// last if there is none. Nothing when there is no path.
    fn support(
        &mut self,
        graph: &Graph<K>,
        (relaxation, found): (Relaxation<K>, Vec<Found<K>>),
    ) -> Option<Support<K>> {
        let [w0, w1] = [relaxation.weights[0], relaxation.weights[1]];
        let sum = |costs: &[f64; K]| w0 * costs[0] + w1 * costs[1];
        let kept = found.iter().map(|(costs, _)| costs);
        let kept = kept.filter(|costs| graph.is_within_limits(costs));
        let best = kept.reduce(|a, b| if sum(b) < sum(a) { b } else { a });
        let costs = *best.or(found.first().map(|(costs, _)| costs))?;
        self.paths.extend(found);
        Some(Support {
            relaxation,
            point: [costs[0], costs[1]],
        })
    }
}

/// The same prices with other weights of the objectives.
fn with_objectives<const K: usize>(mut weights: [f64; K], objectives: [f64; 2]) -> [f64; K] {
    weights[..2].copy_from_slice(&objectives);
    weights
}

/// Slopes between neighbours worth solving: at most `room`, as (left neighbour, slope).
fn promising_pairs<const K: usize>(supports: &[Support<K>], room: usize) -> Vec<(usize, f64)> {
    let mut pairs: Vec<(f64, usize, f64)> = Vec::new();
    for (left, pair) in supports.windows(2).enumerate() {
        let (a, b) = (&pair[0], &pair[1]);
        let (run, rise) = (b.point[0] - a.point[0], a.point[1] - b.point[1]);
        let slope = rise / run;
        if run > 0.0 && rise > 0.0 && b.slope() < slope && slope < a.slope() {
            pairs.push((gap(a, b), left, slope));
        } else if b.slope() > 0.0 && a.slope() > NEAR * b.slope() {
            // No path tells, but a mix of paths may be better in between.
            pairs.push((0.0, left, (a.slope() * b.slope()).sqrt()));
        }
    }
    pairs.sort_by_key(|&(gap, left, _)| (Reverse(gap.max(0.0).to_bits()), left));
    pairs.truncate(room);
    pairs
        .into_iter()
        .map(|(_, left, slope)| (left, slope))
        .collect()
}

/// How far the chord between two paths lies above the point where their lines cross.
fn gap<const K: usize>(a: &Support<K>, b: &Support<K>) -> f64 {
    let x = (a.relaxation.bound - b.relaxation.bound) / (a.slope() - b.slope());
    let y = b.relaxation.bound - b.slope() * x;
    let slope = (a.point[1] - b.point[1]) / (b.point[0] - a.point[0]);
    a.point[1] - slope * (x - a.point[0]) - y
}
