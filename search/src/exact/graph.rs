use std::ops::Range;

use crate::exact::completion::Completion;
use crate::layered::{Layered, log_worth};

/// Differences of a smaller share of the largest sum are not told from rounding.
const ROUNDING: f64 = 1e-13;

/// One transition, with the criteria that matter only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<const K: usize> {
    pub(super) costs: [f64; K],
    pub(super) amount: f64,
    pub(super) source: u32,
    pub(super) next: u32,
    pub(super) choice: u32,
    /// Whether it leads from one segment into another.
    pub(super) enters: bool,
}

/// All transitions from one position to the next.
#[derive(Clone, Debug)]
pub(super) struct Layer<const K: usize> {
    /// In order of their sources.
    pub(super) edges: Vec<Edge<K>>,
    /// Where the edges of a source start, and their end.
    starts: Vec<usize>,
    /// Edges in order of the states they lead to.
    incoming: Vec<u32>,
    incoming_starts: Vec<usize>,
}

/// What gathers under a logarithm, in terms of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    pub(super) into: usize,
    pub(super) weight: f64,
}

/// A layered problem written out: every transition that some path within the limits may take.
///
/// Only criteria that matter are kept, in K columns: first the objectives, then others with a
/// limit; columns left over are zero. Amounts gathered under a logarithm have a place of their own.
#[derive(Clone, Debug)]
pub(super) struct Graph<const K: usize> {
    pub(super) layers: Vec<Layer<K>>,
    /// The segment of each state, by position.
    pub(super) segments: Vec<Vec<u32>>,
    pub(super) segment_count: usize,
    pub(super) limits: [f64; K],
    pub(super) log: Option<Log>,
    pub(super) objectives: usize,
    /// Differences too small to tell from rounding, by column.
    pub(super) rounding: [f64; K],
}

impl<const K: usize> Layer<K> {
    fn new(edges: Vec<Edge<K>>, sources: usize, targets: usize) -> Self {
        let mut incoming: Vec<u32> = (0..edges.len() as u32).collect();
        incoming.sort_by_key(|&edge| edges[edge as usize].next); // stable: sources stay in order
        let starts = starts(edges.iter().map(|edge| edge.source), sources);
        let targets_of = incoming.iter().map(|&edge| edges[edge as usize].next);
        Self {
            incoming_starts: self::starts(targets_of, targets),
            edges,
            starts,
            incoming,
        }
    }

    /// The edges that leave a state.
    pub(super) fn leaving(&self, state: usize) -> Range<usize> {
        self.starts[state]..self.starts[state + 1]
    }

    /// The edges that reach a state, in order of their sources.
    pub(super) fn reaching(&self, state: usize) -> impl Iterator<Item = &Edge<K>> {
        let range = self.incoming_starts[state]..self.incoming_starts[state + 1];
        self.incoming[range]
            .iter()
            .map(|&edge| &self.edges[edge as usize])
    }
}

/// Where each of `count` groups starts in an ascending sequence of group numbers, and its end.
fn starts(groups: impl Iterator<Item = u32>, count: usize) -> Vec<usize> {
    let mut starts = vec![0; count + 1];
    for group in groups {
        starts[group as usize + 1] += 1;
    }
    for group in 0..count {
        starts[group + 1] += starts[group];
    }
    starts
}

/// The criteria that matter: the objectives, then others with a limit.
pub(super) fn columns(layered: &dyn Layered, objectives: usize) -> Vec<usize> {
    let limited = |criterion: &usize| layered.limit(*criterion) < f64::INFINITY;
    let others = (objectives..layered.criteria()).filter(limited);
    (0..objectives).chain(others).collect()
}

impl<const K: usize> Graph<K> {
    /// Writes out a problem, without the transitions that lead nowhere or beyond a limit.
    pub(super) fn new(layered: &dyn Layered, objectives: usize) -> Self {
        let columns = columns(layered, objectives);
        let mut limits = [f64::INFINITY; K];
        for (column, &criterion) in columns.iter().enumerate() {
            limits[column] = layered.limit(criterion);
        }
        let log = layered.log_sum().and_then(|log_sum| {
            check_log_sum(layered, log_sum, objectives);
            let into = columns.iter().position(|&c| c == log_sum.into)?;
            let weight = log_sum.weight;
            Some(Log { into, weight })
        });
        let segments = (0..=layered.positions()).map(|position| {
            let states = 0..layered.states(position);
            states
                .map(|s| layered.segment(position, s) as u32)
                .collect()
        });
        let mut graph = Self {
            layers: Vec::new(),
            segments: segments.collect(),
            segment_count: layered.segments(),
            limits,
            log,
            objectives,
            rounding: [0.0; K],
        };
        let positions = 0..layered.positions();
        graph.layers = positions
            .map(|position| graph.read_layer(layered, &columns, position))
            .collect();
        graph.rounding = graph.tell_rounding();
        graph.drop_hopeless();
        graph
    }

    fn read_layer(&self, layered: &dyn Layered, columns: &[usize], position: usize) -> Layer<K> {
        let sum = layered.log_sum().filter(|_| self.log.is_some());
        let (sources, targets) = (layered.states(position), layered.states(position + 1));
        let mut edges = Vec::new();
        for source in 0..sources {
            layered.transitions(position, source, &mut |transition| {
                let mut costs = [0.0; K];
                for (cost, &criterion) in costs.iter_mut().zip(columns) {
                    *cost = transition.costs[criterion];
                }
                let segment = self.segments[position + 1][transition.next];
                edges.push(Edge {
                    costs,
                    amount: sum.map_or(0.0, |log_sum| transition.costs[log_sum.sum]),
                    source: source as u32,
                    next: transition.next as u32,
                    choice: transition.choice,
                    enters: segment != self.segments[position][source],
                });
            });
        }
        Layer::new(edges, sources, targets)
    }

    /// The largest sums that can occur, times a few units of precision.
    fn tell_rounding(&self) -> [f64; K] {
        let mut scale = [0.0; K];
        for layer in &self.layers {
            for (column, scale) in scale.iter_mut().enumerate() {
                let costs = layer.edges.iter().map(|edge| edge.costs[column].abs());
                *scale += costs.fold(0.0, f64::max);
            }
        }
        if let Some(log) = self.log {
            let most = |layer: &Layer<K>| layer.edges.iter().map(|e| e.amount).fold(0.0, f64::max);
            let worth: f64 = self.layers.iter().map(|l| log_worth(most(l)) + 1.0).sum();
            scale[log.into] += log.weight * worth;
        }
        scale.map(|scale| scale * ROUNDING)
    }

    /// The largest sum that can occur in a column, or more.
    pub(super) fn scale(&self, column: usize) -> f64 {
        self.rounding[column] / ROUNDING
    }

    /// Drops edges that no path within the limits takes.
    fn drop_hopeless(&mut self) {
        let completion = Completion::new(self);
        let mut reached = vec![[0.0; K]]; // the least costs at which states are reached
        for position in 0..self.layers.len() {
            let mut next = vec![[f64::INFINITY; K]; self.states(position + 1)];
            let hopeful = |edge: &Edge<K>| {
                let so_far = &reached[edge.source as usize];
                let to_come = completion.least(position + 1, edge.next as usize);
                so_far[0] < f64::INFINITY
                    && to_come[0] < f64::INFINITY
                    && (0..K).all(|c| {
                        // What is gathered so far may still pay for anything.
                        self.log.is_some_and(|log| log.into == c)
                            || self.keeps(c, so_far[c] + edge.costs[c] + to_come[c])
                    })
            };
            let edges = &self.layers[position].edges;
            let kept: Vec<Edge<K>> = edges.iter().copied().filter(hopeful).collect();
            for edge in &kept {
                let so_far = reached[edge.source as usize];
                for (c, least) in next[edge.next as usize].iter_mut().enumerate() {
                    *least = least.min(so_far[c] + edge.costs[c]);
                }
            }
            self.layers[position] =
                Layer::new(kept, self.states(position), self.states(position + 1));
            reached = next;
        }
    }

    /// The limits of columns that are no objectives.
    pub(super) fn other_limits(&self) -> [f64; K] {
        let mut limits = self.limits;
        limits[..self.objectives].fill(f64::INFINITY);
        limits
    }

    /// How many transitions a path takes.
    pub(super) fn positions(&self) -> usize {
        self.layers.len()
    }

    pub(super) fn states(&self, position: usize) -> usize {
        self.segments[position].len()
    }

    /// Whether a lower bound of a column's final value keeps its limit, to rounding.
    #[inline]
    pub(super) fn keeps(&self, column: usize, value: f64) -> bool {
        value <= self.limits[column] + self.rounding[column]
    }

    /// Whether the final costs of a path keep all limits.
    pub(super) fn is_within_limits(&self, costs: &[f64; K]) -> bool {
        let mut limited = costs.iter().zip(&self.limits);
        limited.all(|(cost, limit)| cost <= limit)
    }

    /// What amounts gathered and settled take off a column.
    #[inline]
    pub(super) fn worth(&self, amount: f64) -> f64 {
        self.log.map_or(0.0, |log| log.weight * log_worth(amount))
    }
}

fn check_log_sum(layered: &dyn Layered, log_sum: crate::layered::LogSum, objectives: usize) {
    assert!(
        log_sum.weight > 0.0 && log_sum.sum != log_sum.into,
        "a log-sum should have a positive weight and two criteria, but is {log_sum:?}"
    );
    assert!(
        log_sum.sum >= objectives && layered.limit(log_sum.sum) == f64::INFINITY,
        "criterion {} is gathered under a logarithm, so it can be no objective and have no limit",
        log_sum.sum
    );
}
