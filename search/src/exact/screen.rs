use std::ops::Range;

use crate::exact::completion::Completion;
use crate::exact::envelope::{Envelope, Gauge, Targets};
use crate::exact::graph::Graph;

/// Tells which labels in one state may still lead to something new.
pub(super) struct Screen<'a, const K: usize> {
    graph: &'a Graph<K>,
    envelope: &'a Envelope<K>,
    targets: &'a Targets,
    pub(super) gauge: Gauge,
    /// For each line its target less the cost to go, and a little for rounding.
    heads: Vec<f64>,
    least: [f64; K],
    most_amount: f64,
    /// Columns with a limit.
    limited: Vec<usize>,
    left: f64,
}

impl<'a, const K: usize> Screen<'a, K> {
    pub(super) fn new(
        graph: &'a Graph<K>,
        completion: &Completion<K>,
        envelope: &'a Envelope<K>,
        targets: &'a Targets,
        (position, state): (usize, usize),
    ) -> Self {
        let gauge = Gauge::new(graph, envelope, position, state);
        let head = |line: usize| {
            let rounding = envelope.lines[line].rounding(graph);
            targets.tops[line] - gauge.rests[line] + rounding
        };
        Self {
            heads: (0..envelope.lines.len()).map(head).collect(),
            graph,
            envelope,
            targets,
            gauge,
            least: *completion.least(position, state),
            most_amount: completion.amounts(position, state).1,
            limited: (0..K)
                .filter(|&column| graph.limits[column] < f64::INFINITY)
                .collect(),
            left: targets.left + graph.rounding[0],
        }
    }

    /// The least that a column of any complete path can be.
    #[inline]
    fn lowest(&self, column: usize, costs: &[f64; K], amount: f64) -> f64 {
        let lowest = costs[column] + self.least[column];
        match self.graph.log {
            Some(log) if log.into == column => lowest - self.graph.worth(amount + self.most_amount),
            _ => lowest,
        }
    }

    /// The least that the objectives of any complete path can be; needs lines.
    pub(super) fn reach(&self, costs: &[f64; K], amount: f64) -> [f64; 2] {
        let level = self.heads.len() - 1; // the last line's slope is 0
        let second = self.bound(level, costs, amount);
        [self.lowest(0, costs, amount), second]
    }

    /// The lines whose corners can still be reached.
    #[inline]
    pub(super) fn range(&self, costs: &[f64; K], amount: f64) -> Range<usize> {
        if self.heads.is_empty() {
            return 0..0;
        }
        let [x, y] = self.reach(costs, amount);
        let first = self.envelope.ends.partition_point(|&end| end <= x);
        let last = self.targets.heights.partition_point(|&height| height > y);
        first..last.max(first)
    }

    /// Whether some complete path may keep the limits.
    #[inline]
    pub(super) fn is_feasible(&self, costs: &[f64; K], amount: f64) -> bool {
        let mut columns = self.limited.iter();
        columns.all(|&c| self.graph.keeps(c, self.lowest(c, costs, amount)))
    }

    /// Whether some complete path may be feasible and beat the incumbents by more than `epsilon`.
    #[inline]
    pub(super) fn admits(
        &self,
        costs: &[f64; K],
        amount: f64,
        range: Range<usize>,
        epsilon: f64,
    ) -> bool {
        self.is_feasible(costs, amount)
            && (self.heads.is_empty()
                || self.gain(costs, amount, range) > epsilon
                || self.lowest(0, costs, amount) < self.left)
    }

    /// By how much a complete path may beat the incumbents at the corners of some lines.
    #[inline]
    pub(super) fn gain(&self, costs: &[f64; K], amount: f64, range: Range<usize>) -> f64 {
        // Several maxima at once, so that the loop can run on vectors.
        let mut best = [f64::NEG_INFINITY; LANES];
        let weights = self.envelope.weights.each_ref();
        let weights = weights.map(|weights| weights[range.clone()].as_chunks::<LANES>());
        let (heads, last_heads) = self.heads[range.clone()].as_chunks::<LANES>();
        let (rates, last_rates) = self.gauge.rates[range].as_chunks::<LANES>();
        for (i, (heads, rates)) in heads.iter().zip(rates).enumerate() {
            for lane in 0..LANES {
                let mut gain = heads[lane] + rates[lane] * amount;
                for (weights, cost) in weights.iter().zip(costs) {
                    gain -= weights.0[i][lane] * cost;
                }
                best[lane] = if gain > best[lane] { gain } else { best[lane] };
            }
        }
        for (i, (head, rate)) in last_heads.iter().zip(last_rates).enumerate() {
            let mut gain = head + rate * amount;
            for (weights, cost) in weights.iter().zip(costs) {
                gain -= weights.1[i] * cost;
            }
            best[0] = best[0].max(gain);
        }
        best.into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The gain at the corners of each line.
    #[inline]
    pub(super) fn gains(&self, costs: &[f64; K], amount: f64, mut each: impl FnMut(usize, f64)) {
        for (line, &head) in self.heads.iter().enumerate() {
            each(line, head - self.spent(line, costs, amount));
        }
    }

    /// The weighted sum of a line that no complete path stays below.
    pub(super) fn bound(&self, line: usize, costs: &[f64; K], amount: f64) -> f64 {
        self.spent(line, costs, amount) + self.gauge.rests[line]
    }

    /// The weighted sum of a label itself.
    #[inline]
    fn spent(&self, line: usize, costs: &[f64; K], amount: f64) -> f64 {
        let weights = self.envelope.weights.iter().zip(costs);
        let spent: f64 = weights.map(|(weights, cost)| weights[line] * cost).sum();
        spent - self.gauge.rates[line] * amount
    }
}

/// How many lines are compared at once.
const LANES: usize = 4;
