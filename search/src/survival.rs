//! Environmental selection: who of a pool lives on, and how well each stands.

use std::cmp::Ordering;

use crate::crowding::crowding_distances;
use crate::evaluation::Evaluation;
use crate::point::Point;
use crate::sorting::non_dominated_ranks;
use crate::standing::Standing;
use crate::sweep::Sweep;

/// One of the pool: its place there, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Contender {
    pub(crate) position: u32,
    pub(crate) standing: Standing,
}

/// The best of a pool: whole fronts first, and then the least crowded of the next. Ties go to
/// whoever comes first in the pool.
#[derive(Debug, Default)]
pub(crate) struct Survival {
    sweep: Sweep,
    contenders: Vec<Contender>,
    split: Vec<Contender>,
}

/// The front that does not fit, and for how many of it there is room.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    rank: u32,
    room: usize,
}

impl Survival {
    /// The `size` best of a pool of two costs that is sorted already, in its order.
    pub(crate) fn of_two<'a>(
        &mut self,
        pool: &[Point],
        evaluation: impl Fn(u32) -> &'a Evaluation,
        size: usize,
    ) -> &[Contender] {
        let (feasible, infeasible) = pool.split_at(pool.partition_point(|p| p.is_feasible()));
        let alike = || infeasible.chunk_by(|a, b| a.key() == b.key());
        self.sweep.walk(feasible);
        let fronts = self.sweep.sizes().map(|size| size as usize);
        let cut = cut(fronts.chain(alike().map(<[Point]>::len)), size);

        self.contenders.clear();
        for position in 0..feasible.len() {
            if self.sweep.rank(position) <= cut.rank {
                self.contenders.push(Contender {
                    position: position as u32,
                    standing: self.sweep.standing(position),
                });
            }
        }
        let mut position = feasible.len() as u32;
        for (rank, group) in (self.sweep.sizes().len() as u32..=cut.rank).zip(alike()) {
            let evaluations: Vec<_> = group.iter().map(|point| evaluation(point.index)).collect();
            for crowding in crowding_distances(&evaluations) {
                let standing = Standing { rank, crowding };
                self.contenders.push(Contender { position, standing });
                position += 1;
            }
        }
        self.keep(cut)
    }

    /// The `size` best of a pool of any number of costs, in its order.
    pub(crate) fn of_many(&mut self, pool: &[&Evaluation], size: usize) -> &[Contender] {
        let ranks = non_dominated_ranks(pool.iter().copied());
        let mut order: Vec<usize> = (0..pool.len()).collect();
        order.sort_by_key(|&i| ranks[i]);
        let fronts = || order.chunk_by(|&a, &b| ranks[a] == ranks[b]);
        let cut = cut(fronts().map(<[usize]>::len), size);

        self.contenders.clear();
        for (rank, front) in (0..=cut.rank).zip(fronts()) {
            let evaluations: Vec<&Evaluation> = front.iter().map(|&i| pool[i]).collect();
            for (&position, crowding) in front.iter().zip(crowding_distances(&evaluations)) {
                self.contenders.push(Contender {
                    position: position as u32,
                    standing: Standing { rank, crowding },
                });
            }
        }
        self.contenders
            .sort_unstable_by_key(|contender| contender.position);
        self.keep(cut)
    }

    /// Drops of the front that does not fit whoever is too crowded.
    fn keep(&mut self, cut: Cut) -> &[Contender] {
        let of_cut = |contender: &&Contender| contender.standing.rank == cut.rank;
        self.split.clear();
        self.split
            .extend(self.contenders.iter().filter(of_cut).copied());
        if cut.room < self.split.len() {
            let (.., first_out, _) = self.split.select_nth_unstable_by(cut.room, loneliest_first);
            self.contenders.retain(|contender| {
                contender.standing.rank < cut.rank || loneliest_first(contender, first_out).is_lt()
            });
        }
        &self.contenders
    }
}

fn loneliest_first(a: &Contender, b: &Contender) -> Ordering {
    let by_crowding = b.standing.crowding.total_cmp(&a.standing.crowding);
    by_crowding.then(a.position.cmp(&b.position))
}

/// Where fronts of these sizes, best first, are cut to make `size` in all.
fn cut(fronts: impl Iterator<Item = usize>, size: usize) -> Cut {
    let mut room = size;
    let mut rank = 0;
    for front in fronts {
        if room < front {
            return Cut { rank, room };
        }
        room -= front;
        rank += 1;
    }
    Cut { rank, room }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::evaluations;

    /// The places of those kept, and of two costs both ways of finding them.
    fn kept(costs: &[[f64; 2]], size: usize) -> Vec<u32> {
        let pool: Vec<Evaluation> = costs
            .iter()
            .copied()
            .map(Evaluation::unconstrained)
            .collect();
        by_two(&pool, size)
            .iter()
            .map(|&(index, _)| index)
            .collect()
    }

    /// Index and standing of those kept, by index.
    fn by_two(pool: &[Evaluation], size: usize) -> Vec<(u32, Standing)> {
        let points = (0_u32..).zip(pool).map(|(i, e)| Point::new(e, i));
        let mut points: Vec<Point> = points.collect();
        points.sort_unstable();
        let mut survival = Survival::default();
        let kept = survival.of_two(&points, |index| &pool[index as usize], size);
        let mut kept: Vec<_> = kept
            .iter()
            .map(|contender| {
                (
                    points[contender.position as usize].index,
                    contender.standing,
                )
            })
            .collect();
        kept.sort_by_key(|&(index, _)| index);
        kept
    }

    fn by_many(pool: &[Evaluation], size: usize) -> Vec<(u32, Standing)> {
        let pool: Vec<&Evaluation> = pool.iter().collect();
        let mut survival = Survival::default();
        let kept = survival.of_many(&pool, size).iter();
        kept.map(|contender| (contender.position, contender.standing))
            .collect()
    }

    #[test]
    fn fronts_are_kept_in_turn() {
        assert_eq!(kept(&[[3.0, 3.0], [1.0, 1.0], [2.0, 2.0]], 2), [1, 2]);
    }

    #[test]
    fn the_front_that_does_not_fit_loses_its_most_crowded() {
        let front = [[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [6.0, 3.0], [9.0, 0.0]];
        assert_eq!(kept(&front, 4), [0, 2, 3, 4]);
    }

    #[test]
    fn exact_ties_go_to_the_first() {
        assert_eq!(kept(&[[1.0, 1.0]; 5], 3), [0, 1, 2]);
    }

    #[test]
    fn a_pool_that_fits_is_kept_whole() {
        assert_eq!(kept(&[[2.0, 2.0], [1.0, 1.0]], 9), [0, 1]);
        assert_eq!(kept(&[], 9), [] as [u32; 0]);
        assert_eq!(kept(&[[2.0, 2.0]], 0), [] as [u32; 0]);
    }

    proptest! {
        #[test]
        fn the_sweep_agrees_with_the_long_way(e in evaluations(2, 0..=60), size in 0..70_usize) {
            // Exact twins are told apart differently by the two.
            let mut pool = e;
            pool.sort_by(|a, b| {
                (a.is_feasible(), a.costs()).partial_cmp(&(b.is_feasible(), b.costs())).unwrap()
            });
            pool.dedup_by(|a, b| a.is_feasible() && b.is_feasible() && a.costs() == b.costs());
            prop_assert_eq!(by_two(&pool, size), by_many(&pool, size));
        }

        #[test]
        fn as_many_as_fit_are_kept(e in evaluations(2, 0..=60), size in 0..70_usize) {
            prop_assert_eq!(by_two(&e, size).len(), size.min(e.len()));
        }
    }
}
