//! Shortest paths under weighted objectives: lower bounds on what any path can reach.
//!
//! For weights (w0, w1) and tangent points t_g, one for each segment g, replace what an amount x
//! gathered in segment g takes off, ln x, by the tangent x / t_g + ln t_g - 1. The logarithm is
//! concave, so the tangent lies above it, and the weighted sum of a path's objectives is at least
//!
//! > w0 c0 + w1 c1 - w weight Σ over segments (x / t_g + ln t_g - 1)
//!
//! where w is the weight of the objective that takes the logarithms. This is a sum over
//! transitions, hence least along a shortest path, found backwards in one pass over the edges.
//! Nothing gathered takes nothing off, and there the tangent is ln t_g - 1: not below 0, as it
//! must be, when t_g is at least e. Tangent points are therefore e or more (for x of at least 1
//! that costs little: the tangent at e is x / e).
//!
//! Other limits join with prices (Lagrange multipliers; M. L. Fisher, "The Lagrangian relaxation
//! method for solving integer programming problems", Management Science 27(1), 1981): for a price
//! p of at least 0, adding p (c - limit) lowers the sum of any path that keeps the limit.
//!
//! Any tangent points and prices give a valid bound. As a function of 1 / t_g and the prices the
//! bound is concave (a minimum of concave functions), and where it is largest the tangent points
//! are the amounts of a mix of shortest paths. So solve, move the tangent points halfway towards
//! the amounts of the path found, and the prices up where it breaks a limit and down where it does
//! not, and solve again, keeping the best.

use std::f64::consts::E;

use crate::exact::graph::{Edge, Graph, Log};
use crate::exact::multiplier::Multiplier;
use crate::layered::log_worth;

/// No first guess of a price is higher.
const HIGHEST: f64 = 1e100;

/// A solved relaxation: what the rest of a path costs at least from every state.
#[derive(Clone, Debug)]
pub(super) struct Relaxation<const K: usize> {
    /// The weights of the objectives, then the prices of limits.
    pub(super) weights: [f64; K],
    /// What columns are to be kept at, at most, where their weights are prices; infinite elsewhere.
    pub(super) targets: [f64; K],
    /// What keeping exactly to all of these would cost.
    pub(super) paid: f64,
    /// At least this is the weighted sum of the objectives of any path; infinite when there is
    /// none.
    pub(super) bound: f64,
    /// One for each segment, at least e.
    pub(super) tangents: Vec<f64>,
    /// The weighted cost of the best way to the end, by position and state.
    pub(super) to_go: Vec<Vec<f64>>,
    /// The edge that way begins with.
    pub(super) policy: Vec<Vec<u32>>,
}

/// A path found by a relaxation: the criteria that matter, and its choices.
pub(super) type Found<const K: usize> = ([f64; K], Vec<u32>);

impl<const K: usize> Relaxation<K> {
    /// Solves for given weights, starting from given tangent points. A column with a finite target is
    /// one to be kept at most there: its weight is a price, which begins as given and moves. Hands
    /// over every path found, the last one first.
    pub(super) fn solve(
        graph: &Graph<K>,
        weights: [f64; K],
        targets: &[f64; K],
        mut tangents: Vec<f64>,
        rounds: usize,
    ) -> (Self, Vec<Found<K>>) {
        let mut multipliers = weights.map(Multiplier::new);
        let mut best: Option<Self> = None;
        let mut paths = Vec::new();
        for _ in 0..rounds.max(1) {
            let weights = multipliers.map(|multiplier| multiplier.price);
            let next = Self::solve_once(graph, weights, targets, tangents.clone());
            if next.bound == f64::INFINITY {
                return (next, paths);
            }
            let (costs, choices) = next.path(graph);
            paths.insert(0, (costs, choices));
            let mut moved =
                next.log_weight(graph) > 0.0 && move_tangents(&mut tangents, &next.amounts(graph));
            let fixed = (0..K).filter(|&column| targets[column] == f64::INFINITY);
            let cost: f64 = fixed.map(|column| weights[column] * costs[column]).sum();
            for column in 0..K {
                let target = targets[column];
                if target < f64::INFINITY {
                    // a target near 0 says little of how large the column is
                    let size = target.abs().max(1e-3 * graph.scale(column));
                    let scale = (cost.abs() / size.max(f64::MIN_POSITIVE)).min(HIGHEST);
                    moved |= multipliers[column].advance(cost, costs[column] - target, scale);
                }
            }
            if best.as_ref().is_none_or(|best| next.bound > best.bound) {
                best = Some(next);
            }
            if !moved {
                break;
            }
        }
        (best.expect("there was a round"), paths)
    }

    fn solve_once(
        graph: &Graph<K>,
        weights: [f64; K],
        targets: &[f64; K],
        tangents: Vec<f64>,
    ) -> Self {
        let end = graph.positions();
        let priced = weights.iter().zip(targets);
        let priced = priced.filter(|(price, target)| **price > 0.0 && **target < f64::INFINITY);
        let mut solved = Self {
            weights,
            targets: *targets,
            paid: priced.map(|(price, target)| price * target).sum(),
            bound: f64::INFINITY,
            tangents,
            to_go: vec![vec![0.0; graph.states(end)]],
            policy: vec![Vec::new()],
        };
        let rates = solved.rates(graph);
        for position in (0..end).rev() {
            solved.step_back(graph, position, &rates);
        }
        solved.to_go.reverse();
        solved.policy.reverse();
        let opened = rates.constant[graph.segments[0][0] as usize];
        let start = solved.to_go[0].first().copied();
        solved.bound = start.unwrap_or(f64::INFINITY) - opened - solved.paid;
        solved
    }

    /// Differences of weighted sums too small to tell from rounding.
    pub(super) fn rounding(&self, graph: &Graph<K>) -> f64 {
        let columns = self.weights.iter().zip(&graph.rounding);
        columns.map(|(weight, rounding)| weight * rounding).sum()
    }

    /// Solves one more position; positions are pushed from the last to the first.
    fn step_back(&mut self, graph: &Graph<K>, position: usize, rates: &Rates) {
        let layer = &graph.layers[position];
        let later = self.to_go.last().expect("the end is there");
        let mut to_go = vec![f64::INFINITY; graph.states(position)];
        let mut policy = vec![u32::MAX; to_go.len()];
        for (state, (least, choice)) in to_go.iter_mut().zip(&mut policy).enumerate() {
            for index in layer.leaving(state) {
                let edge = &layer.edges[index];
                let segment = graph.segments[position + 1][edge.next as usize] as usize;
                let mut cost = later[edge.next as usize] - rates.slope[segment] * edge.amount;
                for (weight, added) in self.weights.iter().zip(&edge.costs) {
                    cost += weight * added;
                }
                if edge.enters {
                    cost -= rates.constant[segment];
                }
                if cost < *least {
                    (*least, *choice) = (cost, index as u32);
                }
            }
        }
        self.to_go.push(to_go);
        self.policy.push(policy);
    }

    /// What the tangents of every segment take off.
    fn rates(&self, graph: &Graph<K>) -> Rates {
        let weight = self.log_weight(graph);
        let slope = self.tangents.iter().map(|t| weight / t).collect();
        let constant = self.tangents.iter().map(|t| weight * (t.ln() - 1.0));
        Rates {
            slope,
            constant: constant.collect(),
        }
    }

    /// What the logarithms are multiplied by in the weighted sum of the objectives.
    pub(super) fn log_weight(&self, graph: &Graph<K>) -> f64 {
        let weight = |log: Log| self.weights.get(log.into).map(|w| w * log.weight);
        graph.log.and_then(weight).unwrap_or(0.0)
    }

    /// The edges of the best path on from a state.
    pub(super) fn way(
        &self,
        graph: &Graph<K>,
        position: usize,
        state: usize,
    ) -> impl Iterator<Item = Edge<K>> {
        let mut state = state;
        (position..graph.positions()).map(move |position| {
            let edge = graph.layers[position].edges[self.policy[position][state] as usize];
            state = edge.next as usize;
            edge
        })
    }

    /// What the best path gathers in each segment; nothing for those it never visits.
    fn amounts(&self, graph: &Graph<K>) -> Vec<Option<f64>> {
        let mut amounts = vec![None; graph.segment_count];
        let mut segment = graph.segments[0][0] as usize;
        amounts[segment] = Some(0.0);
        for (position, edge) in self.way(graph, 0, 0).enumerate() {
            segment = graph.segments[position + 1][edge.next as usize] as usize;
            let before = amounts[segment].filter(|_| !edge.enters).unwrap_or(0.0);
            amounts[segment] = Some(before + edge.amount);
        }
        amounts
    }

    /// The best path from the start.
    fn path(&self, graph: &Graph<K>) -> Found<K> {
        let choices = self.way(graph, 0, 0).map(|edge| edge.choice).collect();
        let costs = complete(graph, [0.0; K], 0.0, self.way(graph, 0, 0));
        (costs, choices)
    }
}

/// Moves tangent points halfway towards amounts; says whether any moved.
fn move_tangents(tangents: &mut [f64], amounts: &[Option<f64>]) -> bool {
    let mut moved = false;
    for (tangent, amount) in tangents.iter_mut().zip(amounts) {
        let halfway = 0.5 * (*tangent + amount.unwrap_or(*tangent).max(E));
        moved |= (halfway - *tangent).abs() > 1e-9 * *tangent;
        *tangent = halfway;
    }
    moved
}

/// What tangents take off: `slope` times the amount, and `constant` once for a segment.
struct Rates {
    slope: Vec<f64>,
    constant: Vec<f64>,
}

/// The true final costs of a path so far that goes on along some edges.
pub(super) fn complete<const K: usize>(
    graph: &Graph<K>,
    mut costs: [f64; K],
    mut amount: f64,
    way: impl Iterator<Item = Edge<K>>,
) -> [f64; K] {
    let settle = |costs: &mut [f64; K], amount: f64| {
        if let Some(log) = graph.log {
            costs[log.into] -= log.weight * log_worth(amount);
        }
    };
    for edge in way {
        if edge.enters {
            settle(&mut costs, amount);
            amount = 0.0;
        }
        for (cost, added) in costs.iter_mut().zip(&edge.costs) {
            *cost += added;
        }
        amount += edge.amount;
    }
    settle(&mut costs, amount);
    costs
}
