use crate::dominance::{dominates, is_covered};
use crate::evaluation::Evaluation;
use crate::sorting::lexicographic;

/// The costs of a [`ParetoFront`](crate::ParetoFront) without its members: all it takes to tell
/// who joins, in one piece of memory.
///
/// Most candidates are turned away, so that is what is quick: a binary search with two costs, one
/// pass over those of lower first cost with more.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CostFront {
    /// One member after another, in lexicographic order.
    costs: Vec<f64>,
    objectives: usize,
}

impl CostFront {
    /// An empty front.
    pub(crate) const fn new() -> Self {
        Self {
            costs: Vec::new(),
            objectives: 0,
        }
    }

    /// Becomes a copy of another, in the memory it has.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.costs.clone_from(&other.costs);
        self.objectives = other.objectives;
    }

    /// Offers an evaluation; returns its place if it joins, once those it dominates have left.
    ///
    /// `leave` is called with their places, from the last to the first. Turned away is whoever is
    /// infeasible, dominated or no different from a member.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        evaluation: &Evaluation,
        leave: impl FnMut(usize),
    ) -> Option<usize> {
        if !evaluation.is_feasible() {
            return None;
        }
        match *evaluation.costs() {
            [first, second] => self.insert_two([first, second], leave),
            ref costs => self.insert_many(costs, leave),
        }
    }

    /// Along the front the first cost rises and the second falls.
    fn insert_two(&mut self, [first, second]: [f64; 2], leave: impl FnMut(usize)) -> Option<usize> {
        self.objectives = 2;
        let (members, _) = self.costs.as_chunks::<2>();
        let place = members.partition_point(|member| member[0] < first);
        let (before, after) = members.split_at(place);
        let beaten_before = before.last().is_some_and(|member| member[1] <= second);
        let beaten_here = after
            .first()
            .is_some_and(|member| member[0] == first && member[1] <= second);
        if beaten_before || beaten_here {
            return None;
        }
        let dominated = after.iter().take_while(|member| member[1] >= second);
        let end = place + dominated.count();
        (place..end).rev().for_each(leave);
        self.costs.splice(2 * place..2 * end, [first, second]);
        Some(place)
    }

    fn insert_many(&mut self, costs: &[f64], mut leave: impl FnMut(usize)) -> Option<usize> {
        let objectives = costs.len();
        self.objectives = objectives;
        let member = |place: usize| &self.costs[place * objectives..][..objectives];
        let count = self.costs.len() / objectives;
        let place = partition_point(count, |i| lexicographic(member(i), costs).is_lt());
        // Nobody behind its place is at least as good, and nobody before it worse.
        if is_covered(&self.costs[..count.min(place + 1) * objectives], costs) {
            return None;
        }
        for i in (place..count).rev() {
            if dominates(costs, &self.costs[i * objectives..][..objectives]) {
                leave(i);
                self.costs.drain(i * objectives..(i + 1) * objectives);
            }
        }
        let start = place * objectives;
        self.costs.splice(start..start, costs.iter().copied());
        Some(place)
    }
}

/// How many of 0, 1 ... `count` - 1 satisfy a predicate that holds up to some number.
fn partition_point(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
