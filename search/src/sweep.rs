//! Ranks and crowding of candidates of two costs, in one walk. O(n log n).
//!
//! Candidates are walked in lexicographic order; each joins the first front whose last member does
//! not dominate it, found by binary search (M. T. Jensen, "Reducing the run-time complexity of
//! multiobjective EAs", IEEE Trans. Evol. Comput. 7(5), 2003). Along a front the first cost rises
//! and the second falls, so whoever joined before and after are the neighbours on both costs, and
//! the [crowding distance](crate::crowding_distances) needs no sorting of its own.

use crate::point::Point;
use crate::standing::Standing;

/// The walk's result and its buffers.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// The second cost of each front's last member, ascending from front to front.
    least: Vec<u64>,
    fronts: Vec<Front>,
    places: Vec<Place>,
}

/// One front as far as the walk has come.
#[derive(Clone, Copy, Debug)]
struct Front {
    size: u32,
    start: usize,
    end: usize,
    first: [f64; 2],
    last_but_one: [f64; 2],
    last: [f64; 2],
}

/// Where a candidate stands: its front, and the gap between its neighbours along each cost.
#[derive(Clone, Copy, Debug)]
struct Place {
    rank: u32,
    gaps: [f64; 2],
}

impl Sweep {
    /// Walks feasible points in ascending order.
    ///
    /// Points of equal costs share a rank. The first of them keeps its place on the front, the
    /// others count as crowded: their distance is 0.
    pub(crate) fn walk(&mut self, points: &[Point]) {
        self.least.clear();
        self.fronts.clear();
        self.places.clear();
        let mut previous = None;
        for (position, point) in points.iter().enumerate() {
            let rank = if previous == Some(point.key()) {
                let rank = self.places[position - 1].rank;
                self.fronts[rank as usize].size += 1;
                rank
            } else {
                self.join(position, *point)
            };
            let gaps = [0.0; 2];
            self.places.push(Place { rank, gaps });
            previous = Some(point.key());
        }
    }

    /// Adds a point to its front, which tells the gaps of the member before it; returns the rank.
    #[inline]
    fn join(&mut self, position: usize, point: Point) -> u32 {
        let costs = point.costs();
        let rank = self.least.partition_point(|&least| least <= point.minor());
        if let Some(front) = self.fronts.get_mut(rank) {
            let [first, second] = front.last_but_one;
            self.places[front.end].gaps = [costs[0] - first, second - costs[1]];
            front.last_but_one = front.last;
            front.last = costs;
            front.end = position;
            front.size += 1;
            self.least[rank] = point.minor();
        } else {
            self.least.push(point.minor());
            self.fronts.push(Front {
                size: 1,
                start: position,
                end: position,
                first: costs,
                last_but_one: costs,
                last: costs,
            });
        }
        rank as u32
    }

    /// How many candidates each front has, from rank 0 on.
    pub(crate) fn sizes(&self) -> impl ExactSizeIterator<Item = u32> {
        self.fronts.iter().map(|front| front.size)
    }

    /// How the candidate at this position of the walk stands.
    #[inline]
    pub(crate) fn standing(&self, position: usize) -> Standing {
        let Place { rank, gaps } = self.places[position];
        let front = &self.fronts[rank as usize];
        let crowding = if position == front.start || position == front.end {
            f64::INFINITY
        } else {
            share(gaps[0], front.last[0] - front.first[0])
                + share(gaps[1], front.first[1] - front.last[1])
        };
        Standing { rank, crowding }
    }

    /// The rank of the candidate at this position of the walk.
    #[inline]
    pub(crate) fn rank(&self, position: usize) -> u32 {
        self.places[position].rank
    }
}

/// A gap as a share of a front's range; nothing along a cost that tells nobody apart.
#[inline]
fn share(gap: f64, range: f64) -> f64 {
    if range > 0.0 && range.is_finite() {
        gap / range
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crowding::crowding_distances;
    use crate::evaluation::Evaluation;
    use crate::testing::evaluations;

    fn walk(evaluations: &[Evaluation]) -> (Vec<Point>, Sweep) {
        let points = (0_u32..).zip(evaluations).map(|(i, e)| Point::new(e, i));
        let mut points: Vec<Point> = points.filter(|point| point.is_feasible()).collect();
        points.sort_unstable();
        let mut sweep = Sweep::default();
        sweep.walk(&points);
        (points, sweep)
    }

    #[test]
    fn a_twin_is_crowded() {
        let costs = [[0.0, 4.0], [1.0, 2.0], [1.0, 2.0], [4.0, 0.0]];
        let (_, sweep) = walk(&costs.map(Evaluation::unconstrained));
        let crowding = [0, 1, 2, 3].map(|position| sweep.standing(position).crowding);
        assert_eq!(crowding, [f64::INFINITY, 2.0, 0.0, f64::INFINITY]);
        assert_eq!(sweep.sizes().collect::<Vec<_>>(), [4]);
    }

    proptest! {
        #[test]
        fn distances_of_different_points_are_the_crowding_distances(e in evaluations(2, 0..=60)) {
            let (mut points, _) = walk(&e);
            points.dedup_by_key(|point| point.key());
            let mut sweep = Sweep::default();
            sweep.walk(&points);
            for rank in 0..sweep.sizes().len() {
                let front: Vec<usize> =
                    (0..points.len()).filter(|&i| sweep.rank(i) as usize == rank).collect();
                let costs: Vec<_> = front.iter().map(|&i| &e[points[i].index as usize]).collect();
                let found: Vec<f64> = front.iter().map(|&i| sweep.standing(i).crowding).collect();
                prop_assert_eq!(found, crowding_distances(&costs));
            }
        }
    }
}
