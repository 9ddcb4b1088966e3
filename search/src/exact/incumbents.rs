use std::ops::Range;

use crate::evaluation::Costs;

/// A path found, or a point that the caller brought.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Incumbent {
    /// The objectives.
    pub(super) point: Costs,
    /// Nothing for a point that the caller brought.
    pub(super) choices: Option<Vec<u32>>,
}

/// The best feasible points known, none weakly dominating another, sorted lexicographically.
#[derive(Clone, Debug, Default)]
pub(super) struct Incumbents {
    sorted: Vec<Incumbent>,
}

impl Incumbents {
    pub(super) fn sorted(&self) -> &[Incumbent] {
        &self.sorted
    }

    /// Whether no incumbent weakly dominates a point.
    pub(super) fn lack(&self, point: &[f64]) -> bool {
        if let &[first, second] = point {
            // The second objective falls as the first rises: the last one in reach is the best.
            let reach = self.sorted.partition_point(|known| known.point[0] <= first);
            return reach == 0 || self.sorted[reach - 1].point[1] > second;
        }
        !self.sorted.iter().any(|known| weakly(&known.point, point))
    }

    /// Adds a point unless it is weakly dominated; drops those it dominates.
    pub(super) fn insert(&mut self, new: Incumbent) {
        if !self.lack(&new.point) {
            self.name(new);
            return;
        }
        if new.point.len() == 2 {
            let range = self.dominated(&new.point);
            self.sorted.splice(range, [new]);
            return;
        }
        self.sorted
            .retain(|known| !weakly(&new.point, &known.point));
        let place = self.sorted.partition_point(|known| {
            crate::sorting::lexicographic(&known.point, &new.point).is_lt()
        });
        self.sorted.insert(place, new);
    }

    /// Gives a point that the caller brought the path that reaches it.
    fn name(&mut self, new: Incumbent) {
        let same = |known: &&mut Incumbent| known.choices.is_none() && known.point == new.point;
        if let Some(known) = self.sorted.iter_mut().find(same) {
            known.choices = new.choices;
        }
    }

    fn dominated(&self, point: &[f64]) -> Range<usize> {
        let start = self
            .sorted
            .partition_point(|known| known.point[0] < point[0]);
        let count = self.sorted[start..].partition_point(|known| known.point[1] >= point[1]);
        start..start + count
    }
}

fn weakly(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::cost;

    fn point(costs: &[f64]) -> Incumbent {
        Incumbent {
            point: costs.iter().copied().collect(),
            choices: None,
        }
    }

    #[test]
    fn a_path_names_the_point_it_reaches() {
        let mut incumbents = Incumbents::default();
        incumbents.insert(point(&[1.0, 2.0]));
        let choices = Some(vec![7]);
        incumbents.insert(Incumbent {
            choices: choices.clone(),
            ..point(&[1.0, 2.0])
        });
        assert_eq!(incumbents.sorted()[0].choices, choices);
    }

    proptest! {
        #[test]
        fn the_best_stay(
            points in (1..4_usize).prop_flat_map(|m| prop::collection::vec(prop::collection::vec(cost(), m), 0..30))
        ) {
            let mut incumbents = Incumbents::default();
            for costs in &points {
                incumbents.insert(point(costs));
            }
            let mut defined: Vec<_> = points
                .iter()
                .filter(|b| !points.iter().any(|a| weakly(a, b) && a != *b))
                .map(|costs| point(costs))
                .collect();
            defined.sort_by(|a, b| crate::sorting::lexicographic(&a.point, &b.point));
            defined.dedup();
            prop_assert_eq!(incumbents.sorted(), defined);
        }
    }
}
