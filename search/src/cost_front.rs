use crate::evaluation::Evaluation;
use crate::many_front::ManyFront;

/// The costs of a [`ParetoFront`](crate::ParetoFront) without its members: all it takes to tell
/// who joins.
///
/// Most candidates are turned away, so that is what is quick: a binary search with two costs, a
/// few bits a member with more.
#[derive(Clone, Debug)]
pub(crate) struct CostFront {
    /// How many costs the members have; 0 before the first.
    objectives: usize,
    /// With two costs, in lexicographic order.
    pairs: Vec<[f64; 2]>,
    /// With any other number.
    many: ManyFront,
}

impl CostFront {
    /// An empty front.
    pub(crate) const fn new() -> Self {
        Self {
            objectives: 0,
            pairs: Vec::new(),
            many: ManyFront::new(),
        }
    }

    /// Becomes a copy of another, in the memory it has.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.objectives = other.objectives;
        self.pairs.clone_from(&other.pairs);
        self.many.copy_from(&other.many);
    }

    /// Offers an evaluation; returns its place if it joins, once those it dominates have left.
    ///
    /// `leave` is called with their places, from the last to the first. Turned away is whoever is
    /// infeasible, dominated or no different from a member, or has another number of costs, or
    /// none.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        evaluation: &Evaluation,
        leave: impl FnMut(usize),
    ) -> Option<usize> {
        let costs = evaluation.costs();
        if !evaluation.is_feasible() || costs.is_empty() {
            return None;
        }
        if self.objectives == 0 {
            self.objectives = costs.len();
        }
        if self.objectives != costs.len() {
            return None;
        }
        match *costs {
            [first, second] => self.insert_two([first, second], leave),
            ref costs => self.many.insert(costs, leave),
        }
    }

    /// Along the front the first cost rises and the second falls.
    fn insert_two(&mut self, [first, second]: [f64; 2], leave: impl FnMut(usize)) -> Option<usize> {
        let place = self.pairs.partition_point(|member| member[0] < first);
        let (before, after) = self.pairs.split_at(place);
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
        self.pairs.splice(place..end, [[first, second]]);
        Some(place)
    }
}
