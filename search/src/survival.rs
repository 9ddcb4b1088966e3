//! Environmental selection: who of parents and offspring lives on, and how well each stands.

use serde::{Deserialize, Serialize};

use crate::crowding::crowding_distances;
use crate::evaluation::Evaluation;
use crate::individual::Individual;
use crate::json_float;
use crate::sorting::non_dominated_ranks;

/// How an individual stands in its population: its front, and how alone it is there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) rank: usize,
    #[serde(with = "json_float")]
    pub(crate) crowding: f64,
}

impl Standing {
    /// The crowded-comparison operator of Deb et al. (2002), section III-B.
    pub(crate) fn beats(self, other: Self) -> bool {
        self.rank < other.rank || (self.rank == other.rank && self.crowding > other.crowding)
    }
}

/// An individual and its standing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Survivor<G> {
    pub(crate) individual: Individual<G>,
    pub(crate) standing: Standing,
}

/// The `size` best of `pool`, whole fronts first and then the least crowded of the next, in the
/// order of the pool. Ties go to whoever comes first in it.
pub(crate) fn survivors<G>(pool: Vec<Individual<G>>, size: usize) -> Vec<Survivor<G>> {
    let standings = standings(&pool, size);
    pool.into_iter()
        .zip(standings)
        .filter_map(|(individual, standing)| {
            standing.map(|standing| Survivor {
                individual,
                standing,
            })
        })
        .collect()
}

/// The standing of those who survive, nothing for the others.
fn standings<G>(pool: &[Individual<G>], size: usize) -> Vec<Option<Standing>> {
    let ranks = non_dominated_ranks(pool.iter().map(|individual| &individual.evaluation));
    let mut order: Vec<usize> = (0..pool.len()).collect();
    order.sort_by_key(|&i| ranks[i]);

    let mut standings = vec![None; pool.len()];
    let mut room = size;
    for front in order.chunk_by(|&a, &b| ranks[a] == ranks[b]) {
        if room == 0 {
            break;
        }
        for (i, crowding) in least_crowded(pool, front, room) {
            standings[i] = Some(Standing {
                rank: ranks[i],
                crowding,
            });
        }
        room = room.saturating_sub(front.len());
    }
    standings
}

/// At most `room` members of a front with their crowding distances, the loneliest first if it
/// does not fit.
fn least_crowded<G>(
    pool: &[Individual<G>],
    front: &[usize],
    room: usize,
) -> impl Iterator<Item = (usize, f64)> {
    let evaluations: Vec<&Evaluation> = front.iter().map(|&i| &pool[i].evaluation).collect();
    let mut crowded: Vec<(usize, f64)> = front
        .iter()
        .copied()
        .zip(crowding_distances(&evaluations))
        .collect();
    if room < crowded.len() {
        crowded.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    crowded.into_iter().take(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(costs: &[[f64; 2]]) -> Vec<Individual<usize>> {
        let individual = |(genotype, &costs)| Individual {
            genotype,
            evaluation: Evaluation::unconstrained(costs),
        };
        costs.iter().enumerate().map(individual).collect()
    }

    fn kept(costs: &[[f64; 2]], size: usize) -> Vec<usize> {
        survivors(pool(costs), size)
            .iter()
            .map(|survivor| survivor.individual.genotype)
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
        assert_eq!(kept(&[[1.0, 1.0]; 5], 3), [0, 1, 4]); // both ends, then the first inside
    }

    #[test]
    fn a_pool_that_fits_is_kept_whole() {
        assert_eq!(kept(&[[2.0, 2.0], [1.0, 1.0]], 9), [0, 1]);
        assert_eq!(kept(&[], 9), [] as [usize; 0]);
    }

    #[test]
    fn standing_is_by_rank_then_loneliness() {
        let standing = |rank, crowding| Standing { rank, crowding };
        assert!(standing(0, 0.0).beats(standing(1, f64::INFINITY)));
        assert!(standing(1, 2.0).beats(standing(1, 1.0)));
        assert!(!standing(1, 1.0).beats(standing(1, 1.0)));
    }
}
