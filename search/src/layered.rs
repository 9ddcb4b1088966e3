use crate::evaluation::Costs;

/// A problem whose candidates are paths through layers of states: what exact search walks.
///
/// A path starts in the one state of position 0, takes one transition at each position and ends
/// at position [`positions`](Layered::positions). Each criterion of a path is the sum of its
/// transitions' costs, and all are minimised; one of them may be gathered under logarithms, see
/// [`LogSum`]. The same choices always lead to the same path, so a path is named by its choices.
///
/// # Laws
///
/// - **Pure**: every method depends on its arguments alone.
/// - **Finite**: costs are finite numbers, as many as there are criteria.
/// - **Named**: no two transitions from one state bear the same choice.
/// - **Dense**: next states and segments are smaller than their numbers say.
pub trait Layered: Sync {
    /// How many criteria a path has, from 1 to [`MAX_OBJECTIVES`](crate::MAX_OBJECTIVES).
    fn criteria(&self) -> usize;

    /// How many transitions a path takes, at least 1.
    fn positions(&self) -> usize;

    /// How many states there are at a position, from 0 to [`positions`](Layered::positions);
    /// one at position 0.
    fn states(&self, position: usize) -> usize;

    /// Calls `visit` with every way on from a state to the next position, always in one order.
    fn transitions(&self, position: usize, state: usize, visit: &mut dyn FnMut(Transition<'_>));

    /// The segment a state belongs to. Matters only with a [`log_sum`](Layered::log_sum).
    fn segment(&self, position: usize, state: usize) -> usize {
        let _ = (position, state);
        0
    }

    /// How many segments there are.
    fn segments(&self) -> usize {
        1
    }

    /// The criterion gathered under logarithms, if there is one.
    fn log_sum(&self) -> Option<LogSum> {
        None
    }

    /// The largest value of a criterion that is allowed; infinite when any is.
    fn limit(&self, criterion: usize) -> f64 {
        let _ = criterion;
        f64::INFINITY
    }

    /// Whether a path that keeps the limits is feasible in all other respects.
    ///
    /// A problem whose limits only relax a harder constraint refuses paths here. Those count for
    /// the bound, but are no members of the front.
    fn accepts(&self, choices: &[u32]) -> bool {
        let _ = choices;
        true
    }
}

/// One way on from a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition<'a> {
    /// Its name among the transitions of the state.
    pub choice: u32,
    /// The state at the next position it leads to.
    pub next: usize,
    /// What it adds to each criterion.
    pub costs: &'a [f64],
}

/// A criterion whose amounts are gathered segment by segment and count by their logarithm.
///
/// Whenever a transition leads from one segment into another, and at the end of the path, the
/// amount x gathered in the segment turns into the cost `-weight * ln(x)` of criterion `into`, or
/// into nothing when x is 0, and gathering starts anew. A transition's own amount belongs to the
/// segment it leads into; the first segment is that of the state at position 0.
///
/// Laws: an amount is 0 or at least 1, so that more is never worse; `weight` is positive; `sum`
/// differs from `into`, is no objective and has no limit (its own final value is 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogSum {
    /// The criterion that holds the amounts.
    pub sum: usize,
    /// The criterion the logarithms are added to.
    pub into: usize,
    /// What the logarithms are multiplied by.
    pub weight: f64,
}

/// What an amount gathered in a segment is worth, `ln(x)`, or 0 for nothing gathered.
#[inline]
pub(crate) fn log_worth(amount: f64) -> f64 {
    amount.max(1.0).ln()
}

/// The criteria of the path with these choices, or nothing when there is no such path.
///
/// Limits and [`accepts`](Layered::accepts) are not looked at.
pub fn path_costs(layered: &dyn Layered, choices: &[u32]) -> Option<Costs> {
    if choices.len() != layered.positions() {
        return None;
    }
    let log_sum = layered.log_sum();
    let mut costs: Costs = (0..layered.criteria()).map(|_| 0.0).collect();
    let mut state = 0;
    for (position, &choice) in choices.iter().enumerate() {
        let (next, added) = find(layered, position, state, choice)?;
        let leaves = layered.segment(position, state) != layered.segment(position + 1, next);
        if let Some(log_sum) = log_sum.filter(|_| leaves) {
            settle(&mut costs, log_sum);
        }
        for (cost, added) in costs.iter_mut().zip(added) {
            *cost += added;
        }
        state = next;
    }
    if let Some(log_sum) = log_sum {
        settle(&mut costs, log_sum);
    }
    Some(costs)
}

fn find(
    layered: &dyn Layered,
    position: usize,
    state: usize,
    choice: u32,
) -> Option<(usize, Costs)> {
    let mut found = None;
    layered.transitions(position, state, &mut |transition| {
        if transition.choice == choice {
            found = Some((transition.next, transition.costs.iter().copied().collect()));
        }
    });
    found
}

/// Turns what was gathered into its worth.
fn settle(costs: &mut Costs, log_sum: LogSum) {
    costs[log_sum.into] -= log_sum.weight * log_worth(costs[log_sum.sum]);
    costs[log_sum.sum] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three positions of one state each, in segments 0, 0, 1, 1; choice c costs c and counts 3 c.
    struct Line;

    impl Layered for Line {
        fn criteria(&self) -> usize {
            2
        }
        fn positions(&self) -> usize {
            3
        }
        fn states(&self, _: usize) -> usize {
            1
        }
        fn transitions(&self, _: usize, _: usize, visit: &mut dyn FnMut(Transition<'_>)) {
            for choice in 0..2 {
                let cost = f64::from(choice);
                visit(Transition {
                    choice,
                    next: 0,
                    costs: &[cost, 3.0 * cost],
                });
            }
        }
        fn segment(&self, position: usize, _: usize) -> usize {
            position / 2
        }
        fn segments(&self) -> usize {
            2
        }
        fn log_sum(&self) -> Option<LogSum> {
            Some(LogSum {
                sum: 1,
                into: 0,
                weight: 2.0,
            })
        }
    }

    #[test]
    fn amounts_turn_into_logarithms_segment_by_segment() {
        let costs = |choices: &[u32]| path_costs(&Line, choices).map(|costs| costs[0]);
        assert_eq!(costs(&[0, 0, 0]), Some(0.0)); // nothing gathered, nothing added
        assert_eq!(costs(&[1, 0, 0]), Some(1.0 - 2.0 * 3.0_f64.ln()));
        let all = 3.0 - 2.0 * 3.0_f64.ln() - 2.0 * 6.0_f64.ln();
        assert!((costs(&[1, 1, 1]).unwrap() - all).abs() < 1e-12);
    }

    #[test]
    fn paths_that_are_none_have_no_costs() {
        assert_eq!(path_costs(&Line, &[0, 0]), None);
        assert_eq!(path_costs(&Line, &[0, 2, 0]), None);
    }
}
