use crate::exact::graph::Graph;
use crate::layered::log_worth;

/// What the rest of a path can cost at least and at most, from every state.
///
/// By a backward pass over the edges, column by column. What amounts gathered in later segments
/// take off is bounded by the largest amount each of them can gather; that of the segment under
/// way is left to the caller, who knows what it gathered so far.
#[derive(Clone, Debug)]
pub(super) struct Completion<const K: usize> {
    states: Vec<Vec<Rest<K>>>,
}

/// What can be added on the way from a state to the end.
#[derive(Clone, Copy, Debug)]
struct Rest<const K: usize> {
    /// Infinite when there is no way.
    least: [f64; K],
    most: [f64; K],
    /// The amounts that can still be gathered in the segment under way.
    least_amount: f64,
    most_amount: f64,
}

impl<const K: usize> Rest<K> {
    const END: Self = Self {
        least: [0.0; K],
        most: [0.0; K],
        least_amount: 0.0,
        most_amount: 0.0,
    };
    const NONE: Self = Self {
        least: [f64::INFINITY; K],
        most: [f64::NEG_INFINITY; K],
        least_amount: f64::INFINITY,
        most_amount: 0.0,
    };
}

impl<const K: usize> Completion<K> {
    pub(super) fn new(graph: &Graph<K>) -> Self {
        let mut later = vec![Rest::END; graph.states(graph.positions())];
        let mut states = vec![later.clone()];
        for position in (0..graph.positions()).rev() {
            later = (0..graph.states(position))
                .map(|state| rest(graph, position, state, &later))
                .collect();
            states.push(later.clone());
        }
        states.reverse();
        Self { states }
    }

    /// The least that each column can still grow by; infinite when there is no way on.
    #[inline]
    pub(super) fn least(&self, position: usize, state: usize) -> &[f64; K] {
        &self.states[position][state].least
    }

    /// The most that each column can still grow by.
    #[inline]
    pub(super) fn most(&self, position: usize, state: usize) -> &[f64; K] {
        &self.states[position][state].most
    }

    /// The least and the largest amount that can still be gathered in the segment under way.
    #[inline]
    pub(super) fn amounts(&self, position: usize, state: usize) -> (f64, f64) {
        let rest = &self.states[position][state];
        (rest.least_amount, rest.most_amount)
    }
}

fn rest<const K: usize>(
    graph: &Graph<K>,
    position: usize,
    state: usize,
    later: &[Rest<K>],
) -> Rest<K> {
    let mut rest = Rest::NONE;
    let layer = &graph.layers[position];
    for edge in &layer.edges[layer.leaving(state)] {
        let after = &later[edge.next as usize];
        if after.least[0] == f64::INFINITY {
            continue;
        }
        let (mut least_amount, mut most_amount) = (0.0, 0.0);
        let mut entered = 0.0; // the most that the segment entered takes off
        if edge.enters {
            entered = log_worth(edge.amount + after.most_amount);
        } else {
            least_amount = edge.amount + after.least_amount;
            most_amount = edge.amount + after.most_amount;
        }
        rest.least_amount = rest.least_amount.min(least_amount);
        rest.most_amount = rest.most_amount.max(most_amount);
        for column in 0..K {
            let cost = edge.costs[column];
            let log = graph.log.filter(|log| log.into == column);
            let off = log.map_or(0.0, |log| log.weight * entered);
            rest.least[column] = rest.least[column].min(cost + after.least[column] - off);
            rest.most[column] = rest.most[column].max(cost + after.most[column]);
        }
    }
    rest
}
