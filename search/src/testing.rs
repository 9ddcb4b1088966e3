//! Strategies the property tests share.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use crate::evaluation::Evaluation;

/// One cost from a coarse grid, so that ties and duplicates abound; at times infinite.
pub(crate) fn cost() -> impl Strategy<Value = f64> {
    prop_oneof![20 => (0..6).prop_map(f64::from), 1 => Just(f64::INFINITY)]
}

/// Evaluations of a problem with `objectives` costs, about a quarter of them infeasible.
pub(crate) fn evaluations(
    objectives: usize,
    count: RangeInclusive<usize>,
) -> impl Strategy<Value = Vec<Evaluation>> {
    let violation = prop_oneof![3 => Just(0.0), 1 => (1..4).prop_map(f64::from)];
    let costs = prop::collection::vec(cost(), objectives);
    let one = (costs, violation).prop_map(|(costs, violation)| Evaluation::new(costs, violation));
    prop::collection::vec(one, count)
}
