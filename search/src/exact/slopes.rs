use std::cmp::Reverse;

use rayon::prelude::*;

use crate::exact::graph::Graph;
use crate::exact::relaxation::Relaxation;

/// The steepest slope, in units of the front's rise over its run.
const STEEP: f64 = 1e4;

/// Relaxations for weights (slope, 1), from steep to flat, spread over the front.
///
/// Found by halving: the weights for which the paths of two neighbours are equally good are
/// solved next, the pair with the largest gap between its lines and its paths first (Y. P. Aneja,
/// K. P. K. Nair, "Bicriteria transportation problem", Management Science 25(1), 1979).
#[derive(Clone, Debug)]
pub(super) struct Slopes<const K: usize> {
    /// For the first objective alone; nothing when there is no path.
    pub(super) first: Option<Relaxation>,
    /// In descending order of slopes; the last slope is 0.
    pub(super) solved: Vec<Relaxation>,
    /// The best path of every relaxation solved: criteria that matter and choices.
    pub(super) paths: Vec<([f64; K], Vec<u32>)>,
}

/// A relaxation with the objectives of its best path.
#[derive(Clone)]
struct Support {
    relaxation: Relaxation,
    point: [f64; 2],
}

impl Support {
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
        let first = slopes.support(graph, [1.0, 0.0], guess.clone(), 3 * rounds);
        let last = slopes.support(graph, [0.0, 1.0], guess, 3 * rounds);
        let (Some(first), Some(last)) = (first, last) else {
            return slopes;
        };
        let rise = first.point[1] - last.point[1];
        let run = last.point[0] - first.point[0];
        let mut supports = vec![last];
        if rise > 0.0 && run > 0.0 {
            // So steep that the second objective hardly more than breaks ties of the first.
            let weights = [STEEP * rise / run, 1.0];
            let tangents = supports[0].relaxation.tangents.clone();
            let steepest = Relaxation::solve(graph, weights, tangents, 3 * rounds);
            supports.insert(0, slopes.keep_path(graph, steepest));
        }
        while supports.len() < count {
            let pairs = promising_pairs(&supports, count - supports.len());
            if pairs.is_empty() {
                break;
            }
            let solved: Vec<Relaxation> = pairs
                .par_iter()
                .map(|&(left, slope)| {
                    let tangents = supports[left].relaxation.tangents.clone();
                    Relaxation::solve(graph, [slope, 1.0], tangents, rounds)
                })
                .collect();
            supports.extend(solved.into_iter().map(|r| slopes.keep_path(graph, r)));
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

    fn support(
        &mut self,
        graph: &Graph<K>,
        weights: [f64; 2],
        tangents: Vec<f64>,
        rounds: usize,
    ) -> Option<Support> {
        let relaxation = Relaxation::solve(graph, weights, tangents, rounds);
        (relaxation.bound < f64::INFINITY).then(|| self.keep_path(graph, relaxation))
    }

    fn keep_path(&mut self, graph: &Graph<K>, relaxation: Relaxation) -> Support {
        let (costs, choices) = relaxation.path(graph);
        self.paths.push((costs, choices));
        Support {
            relaxation,
            point: [costs[0], costs[1]],
        }
    }
}

/// Slopes between neighbours worth solving: at most `room`, as (left neighbour, slope).
fn promising_pairs(supports: &[Support], room: usize) -> Vec<(usize, f64)> {
    let mut pairs: Vec<(f64, usize, f64)> = Vec::new();
    for (left, pair) in supports.windows(2).enumerate() {
        let (a, b) = (&pair[0], &pair[1]);
        let (run, rise) = (b.point[0] - a.point[0], a.point[1] - b.point[1]);
        let slope = rise / run;
        if run > 0.0 && rise > 0.0 && b.slope() < slope && slope < a.slope() {
            pairs.push((gap(a, b), left, slope));
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
fn gap(a: &Support, b: &Support) -> f64 {
    let x = (a.relaxation.bound - b.relaxation.bound) / (a.slope() - b.slope());
    let y = b.relaxation.bound - b.slope() * x;
    let slope = (a.point[1] - b.point[1]) / (b.point[0] - a.point[0]);
    a.point[1] - slope * (x - a.point[0]) - y
}
