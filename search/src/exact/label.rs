use crate::exact::completion::Completion;
use crate::exact::graph::{Edge, Graph};
use crate::exact::non_dominated::non_dominated;

/// A partial path: what it costs so far, and where it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label<const K: usize> {
    pub(super) costs: [f64; K],
    /// Gathered in the segment under way.
    pub(super) amount: f64,
    /// What the amount will take off when it is settled.
    pub(super) worth: f64,
    /// The number of the label it continues, among all at the position before.
    pub(super) parent: u32,
    pub(super) choice: u32,
}

impl<const K: usize> Label<K> {
    /// The empty path.
    pub(super) const START: Self = Self {
        costs: [0.0; K],
        amount: 0.0,
        worth: 0.0,
        parent: 0,
        choice: 0,
    };

    /// The costs and the amount after one more transition, in the order of
    /// [`path_costs`](crate::path_costs), so that complete paths agree with it to the last bit.
    #[inline]
    pub(super) fn extended(&self, graph: &Graph<K>, edge: &Edge<K>) -> ([f64; K], f64) {
        let (mut costs, mut amount) = (self.costs, self.amount);
        if edge.enters {
            if let Some(log) = graph.log {
                costs[log.into] -= self.worth;
            }
            amount = 0.0;
        }
        for (cost, added) in costs.iter_mut().zip(&edge.costs) {
            *cost += added;
        }
        (costs, amount + edge.amount)
    }

    /// The final costs, at the end of the path.
    pub(super) fn settled(&self, graph: &Graph<K>) -> [f64; K] {
        let mut costs = self.costs;
        if let Some(log) = graph.log {
            costs[log.into] -= self.worth;
        }
        costs
    }
}

/// How many labels share an ideal.
pub(super) const CHUNK: usize = 16;

/// The labels kept in one state, sorted by objective 0.
#[derive(Clone, Debug)]
pub(super) struct Kept<const K: usize> {
    pub(super) labels: Vec<Label<K>>,
    /// For each chunk of labels one at least as good as all of them, seldom a real path.
    pub(super) ideals: Vec<Label<K>>,
    /// The number of the first label among all at the position.
    pub(super) first: u32,
}

impl<const K: usize> Kept<K> {
    pub(super) fn new(labels: Vec<Label<K>>, first: u32) -> Self {
        Self {
            ideals: labels.chunks(CHUNK).map(ideal).collect(),
            labels,
            first,
        }
    }
}

fn ideal<const K: usize>(labels: &[Label<K>]) -> Label<K> {
    let mut ideal = labels[0];
    for label in &labels[1..] {
        for (best, cost) in ideal.costs.iter_mut().zip(&label.costs) {
            *best = best.min(*cost);
        }
        ideal.amount = ideal.amount.max(label.amount);
        ideal.worth = ideal.worth.max(label.worth);
    }
    ideal
}

/// Keeps the labels of one state that no other dominates, sorted by objective 0.
///
/// A label dominates another when it is nowhere worse in all that still matters:
///
/// - every objective;
/// - every other limited criterion, raised to the value up to which no rest of a path can break
///   the limit: below it differences do not matter;
/// - with a log-sum, instead of the criterion c that takes the logarithm of the amount A, the two
///   values c - weight ln(A + x) for the least and the largest x that the segment can still
///   gather. Whoever is nowhere worse in both is nowhere worse for any x between them, because
///   the difference of two such terms is monotone in x: its derivative is
///   weight (1 / (A' + x) - 1 / (A + x)), of one sign. This needs A + x to be at least 1 where
///   anything is gathered; where both A and x may be 0, the values compared are c and -A instead.
pub(super) fn keep_best<const K: usize>(
    graph: &Graph<K>,
    completion: &Completion<K>,
    position: usize,
    state: usize,
    labels: &[Label<K>],
) -> Vec<Label<K>> {
    let matters = Matters::new(graph, completion, position, state, labels);
    let best = match matters.count {
        0..=2 => non_dominated(&matters.keys::<2>(labels)),
        3 => non_dominated(&matters.keys::<3>(labels)),
        4 => non_dominated(&matters.keys::<4>(labels)),
        _ => non_dominated(&matters.keys::<9>(labels)),
    };
    best.into_iter().map(|i| labels[i as usize]).collect()
}

/// What still matters of labels in one state.
struct Matters<'a, const K: usize> {
    graph: &'a Graph<K>,
    /// Columns that matter as they are or raised to a floor.
    columns: Vec<(usize, f64)>,
    /// The amounts that the segment can still gather; nothing when logarithms may be of 0.
    amounts: Option<(f64, f64)>,
    count: usize,
}

impl<'a, const K: usize> Matters<'a, K> {
    fn new(
        graph: &'a Graph<K>,
        completion: &Completion<K>,
        position: usize,
        state: usize,
        labels: &[Label<K>],
    ) -> Self {
        let most = completion.most(position, state);
        let into = graph.log.map(|log| log.into);
        let mut columns = Vec::new();
        for column in (0..K).filter(|&column| Some(column) != into) {
            if column < graph.objectives {
                columns.push((column, f64::NEG_INFINITY));
            } else if graph.limits[column] < f64::INFINITY {
                let floor = graph.limits[column] - most[column] - graph.rounding[column];
                columns.push((column, floor));
            }
        }
        let (least_amount, most_amount) = completion.amounts(position, state);
        let gathers = least_amount >= 1.0 || labels.iter().all(|label| label.amount >= 1.0);
        Self {
            count: columns.len() + if into.is_some() { 2 } else { 0 },
            graph,
            columns,
            amounts: gathers.then_some((least_amount, most_amount)),
        }
    }

    /// The keys of labels, padded with zeros.
    fn keys<const D: usize>(&self, labels: &[Label<K>]) -> Vec<[f64; D]> {
        labels.iter().map(|label| self.key(label)).collect()
    }

    fn key<const D: usize>(&self, label: &Label<K>) -> [f64; D] {
        let mut key = [0.0; D];
        for (key, &(column, floor)) in key.iter_mut().zip(&self.columns) {
            *key = label.costs[column].max(floor);
        }
        if let Some(log) = self.graph.log {
            let cost = label.costs[log.into];
            let (first, second) = match self.amounts {
                Some((least, most)) => (
                    cost - self.graph.worth(label.amount + least),
                    cost - self.graph.worth(label.amount + most),
                ),
                None => (cost, -label.amount),
            };
            key[self.columns.len()] = first;
            key[self.columns.len() + 1] = second;
        }
        key
    }
}
