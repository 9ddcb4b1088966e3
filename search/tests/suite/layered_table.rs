//! Random layered problems, small enough to list all paths.

use rand::RngExt;
use roofnas_search::{Costs, Layered, LogSum, SearchRng, Transition, random_stream};

/// A choice, the state it leads to, and its costs.
type Way = (u32, usize, Vec<f64>);

/// A layered problem written out.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) limits: Vec<f64>,
    pub(crate) log_sum: Option<LogSum>,
    /// Paths whose choices sum to a multiple of this are refused; 0 for none.
    pub(crate) refused: u32,
    segments: Vec<Vec<usize>>,
    /// By position and state.
    transitions: Vec<Vec<Vec<Way>>>,
}

/// What a random table is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make {
    pub(crate) seed: u64,
    pub(crate) positions: usize,
    pub(crate) states: usize,
    pub(crate) criteria: usize,
    pub(crate) has_log_sum: bool,
    /// The share of its largest possible value that a limited criterion may take.
    pub(crate) tightness: f64,
    pub(crate) refused: u32,
}

/// The criterion that amounts are gathered in, and the one that takes their logarithm.
const SUM: usize = 2;
const INTO: usize = 1;

impl Table {
    pub(crate) fn new(make: Make) -> Self {
        let mut rng = random_stream(make.seed, 0, 0);
        let positions = make.positions;
        let mut states: Vec<usize> = (0..=positions)
            .map(|_| rng.random_range(1..=make.states))
            .collect();
        states[0] = 1;
        let segments = states
            .iter()
            .map(|&states| (0..states).map(|_| rng.random_range(0..2)).collect());
        let mut table = Self {
            limits: vec![f64::INFINITY; make.criteria],
            log_sum: make.has_log_sum.then_some(LogSum {
                sum: SUM,
                into: INTO,
                weight: 3.5,
            }),
            refused: make.refused,
            segments: segments.collect(),
            transitions: Vec::new(),
        };
        for position in 0..positions {
            let layer = (0..states[position]).map(|_| {
                let count = rng.random_range(1..=3);
                let ways = (0..count).map(|choice| {
                    let next = rng.random_range(0..states[position + 1]);
                    (choice, next, table.costs(make.criteria, &mut rng))
                });
                ways.collect()
            });
            let layer = layer.collect();
            table.transitions.push(layer);
        }
        // The last criterion is limited, unless it is an objective or gathered.
        if make.criteria > if make.has_log_sum { 3 } else { 2 } {
            table.limits[make.criteria - 1] = make.tightness * 6.0 * positions as f64;
        }
        table
    }

    /// Small whole numbers, so that ties abound; the second one is negative, like a worth.
    fn costs(&self, criteria: usize, rng: &mut SearchRng) -> Vec<f64> {
        let mut costs: Vec<f64> = (0..criteria)
            .map(|_| f64::from(rng.random_range(0..7)))
            .collect();
        costs[1] -= 8.0;
        costs
    }

    /// Every path: its choices and criteria, found without the code under test.
    pub(crate) fn paths(&self) -> Vec<(Vec<u32>, Costs)> {
        let mut paths = Vec::new();
        self.walk(0, &mut Vec::new(), &mut vec![0], &mut paths);
        paths
    }

    /// The paths that keep the limits.
    pub(crate) fn paths_within(&self) -> Vec<(Vec<u32>, Costs)> {
        let mut paths = self.paths();
        let is_within = |costs: &Costs| costs.iter().zip(&self.limits).all(|(c, l)| c <= l);
        paths.retain(|(_, costs)| is_within(costs));
        paths
    }

    fn walk(
        &self,
        position: usize,
        taken: &mut Vec<(u32, Vec<f64>)>,
        states: &mut Vec<usize>,
        paths: &mut Vec<(Vec<u32>, Costs)>,
    ) {
        let Some(layer) = self.transitions.get(position) else {
            let choices = taken.iter().map(|(choice, _)| *choice).collect();
            paths.push((choices, self.total(taken, states)));
            return;
        };
        for (choice, next, costs) in &layer[states[position]] {
            taken.push((*choice, costs.clone()));
            states.push(*next);
            self.walk(position + 1, taken, states, paths);
            states.pop();
            taken.pop();
        }
    }

    /// The definition: sums, and one logarithm for each run of states in one segment.
    fn total(&self, taken: &[(u32, Vec<f64>)], states: &[usize]) -> Costs {
        let criteria = self.limits.len();
        let sum = |c: usize| taken.iter().map(|(_, costs)| costs[c]).sum::<f64>();
        let mut total: Costs = (0..criteria).map(sum).collect();
        let Some(log_sum) = self.log_sum else {
            return total;
        };
        total[log_sum.sum] = 0.0;
        let segments: Vec<usize> = (0..states.len())
            .map(|position| self.segments[position][states[position]])
            .collect();
        let mut position = 0;
        for run in segments.chunk_by(|a, b| a == b) {
            let reached = position.max(1)..position + run.len(); // nothing leads to the start
            let amount: f64 = reached.map(|p| taken[p - 1].1[log_sum.sum]).sum();
            if amount > 0.0 {
                total[log_sum.into] -= log_sum.weight * amount.ln();
            }
            position += run.len();
        }
        total
    }
}

impl Layered for Table {
    fn criteria(&self) -> usize {
        self.limits.len()
    }

    fn positions(&self) -> usize {
        self.transitions.len()
    }

    fn states(&self, position: usize) -> usize {
        self.segments[position].len()
    }

    fn transitions(&self, position: usize, state: usize, visit: &mut dyn FnMut(Transition<'_>)) {
        for (choice, next, costs) in &self.transitions[position][state] {
            visit(Transition {
                choice: *choice,
                next: *next,
                costs,
            });
        }
    }

    fn segment(&self, position: usize, state: usize) -> usize {
        self.segments[position][state]
    }

    fn segments(&self) -> usize {
        2
    }

    fn log_sum(&self) -> Option<LogSum> {
        self.log_sum
    }

    fn limit(&self, criterion: usize) -> f64 {
        self.limits[criterion]
    }

    fn accepts(&self, choices: &[u32]) -> bool {
        self.refused == 0 || !choices.iter().sum::<u32>().is_multiple_of(self.refused)
    }
}
