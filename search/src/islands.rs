use rand::Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::problem::SearchRng;
use crate::random_stream::random_stream;

/// The least members of an island: two tournaments of two.
const LEAST_SHARE: usize = 4;
/// The members for which an island of their own is worth while unless asked otherwise.
const COMFORTABLE_SHARE: usize = 16;
/// The generation whose random streams the islands use in common; no search lives to see it.
const COMMON: u64 = u64::MAX;

/// How a search is divided: islands that evolve on their own and now and then send members on.
///
/// | setting | default | range |
/// |---|---|---|
/// | `count` | 4, fewer for a population below 64 | at least 1 |
/// | `generations` | 10; 1 for a single island | at least 1 |
/// | `migrants` | 2 | at most half of the smallest island's members |
///
/// In each step of a search all islands run this many generations, side by side on as many threads
/// as there are; then each sends so many of its members to the next, the last to the first. The
/// result depends on the number of islands and not on that of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Islands {
    count: usize,
    generations: u64,
    migrants: usize,
}

/// A setting of [`Islands`] outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IslandsError {
    /// Nowhere to live.
    #[error("islands should be at least 1, but are 0")]
    Count,
    /// A step of nothing.
    #[error("generations between migrations should be at least 1, but are 0")]
    Generations,
    /// Too few members to breed with.
    #[error(
        "a population of {population} fills at most {most} islands of {LEAST_SHARE} members or \
         more, but there are {count} islands", most = .population / LEAST_SHARE
    )]
    Population {
        /// Members in all.
        population: usize,
        /// Islands.
        count: usize,
    },
    /// More leave than breed.
    #[error(
        "migrants should be at most half of the smallest island's {smallest} members, but are \
         {migrants}"
    )]
    Migrants {
        /// Members sent at a time.
        migrants: usize,
        /// Members of the smallest island.
        smallest: usize,
    },
}

impl Islands {
    /// One island that reports after every generation: a search like any other.
    pub const ONE: Self = Self {
        count: 1,
        generations: 1,
        migrants: 0,
    };

    /// Checks and keeps the number of islands, of generations between migrations, and of members
    /// that each sends.
    ///
    /// # Errors
    ///
    /// When there are no islands or no generations.
    pub fn new(count: usize, generations: u64, migrants: usize) -> Result<Self, IslandsError> {
        if count == 0 {
            return Err(IslandsError::Count);
        }
        if generations == 0 {
            return Err(IslandsError::Generations);
        }
        Ok(Self {
            count,
            generations,
            migrants,
        })
    }

    /// The default for a population of this many members.
    pub fn for_population(population: usize) -> Self {
        let count = (population / COMFORTABLE_SHARE).clamp(1, 4);
        if count == 1 {
            return Self::ONE;
        }
        Self {
            count,
            generations: 10,
            migrants: 2,
        }
    }

    /// How many islands there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Generations between two migrations.
    pub fn generations(&self) -> u64 {
        self.generations
    }

    /// Members that each island sends at a time.
    pub fn migrants(&self) -> usize {
        self.migrants
    }

    /// Divides a population: the members of each island, the larger first.
    ///
    /// # Errors
    ///
    /// When an island would have fewer than 4 members, or would send more than half of them.
    pub fn shares(&self, population: usize) -> Result<Vec<usize>, IslandsError> {
        let (smallest, rest) = (population / self.count, population % self.count);
        if smallest < LEAST_SHARE {
            return Err(IslandsError::Population {
                population,
                count: self.count,
            });
        }
        if 2 * self.migrants > smallest {
            return Err(IslandsError::Migrants {
                migrants: self.migrants,
                smallest,
            });
        }
        let share = |island| smallest + usize::from(island < rest);
        Ok((0..self.count).map(share).collect())
    }

    /// The seed of each island in a search with this `seed`; the first has that seed itself.
    pub fn seeds(&self, seed: u64) -> impl Iterator<Item = u64> {
        (0..self.count as u64).map(move |island| match island {
            0 => seed,
            _ => random_stream(seed, COMMON, island).next_u64(),
        })
    }

    /// The stream that decides who migrates after so many steps.
    pub(crate) fn migration_stream(seed: u64, steps: u64) -> SearchRng {
        random_stream(seed, COMMON, u64::MAX - steps)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    count: usize,
    generations: u64,
    migrants: usize,
}

impl TryFrom<Unchecked> for Islands {
    type Error = IslandsError;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        Self::new(unchecked.count, unchecked.generations, unchecked.migrants)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_population_is_divided_without_rest() {
        let islands = Islands::new(4, 10, 2).unwrap();
        assert_eq!(islands.shares(103), Ok(vec![26, 26, 26, 25]));
        assert_eq!(Islands::ONE.shares(100), Ok(vec![100]));
    }

    #[test]
    fn small_populations_have_fewer_islands() {
        let count = |population| Islands::for_population(population).count();
        assert_eq!(
            [4, 31, 32, 63, 64, 100, 5_000].map(count),
            [1, 1, 2, 3, 4, 4, 4]
        );
        for population in 4..200 {
            let shares = Islands::for_population(population).shares(population);
            assert_eq!(shares.unwrap().iter().sum::<usize>(), population);
        }
    }

    #[test]
    fn errors_state_rule_and_value() {
        let shares = |count, migrants, population| {
            let islands = Islands::new(count, 10, migrants).unwrap();
            islands.shares(population).unwrap_err().to_string()
        };
        assert_eq!(
            shares(4, 0, 15),
            "a population of 15 fills at most 3 islands of 4 members or more, but there are 4 islands"
        );
        assert!(shares(1, 0, 0).starts_with("a population of 0 fills at most 0 islands"));
        assert_eq!(
            shares(4, 6, 44),
            "migrants should be at most half of the smallest island's 11 members, but are 6"
        );
        assert_eq!(Islands::new(0, 10, 2), Err(IslandsError::Count));
        assert_eq!(Islands::new(4, 0, 2), Err(IslandsError::Generations));
        let read = serde_json::from_str::<Islands>;
        assert!(read(r#"{"count":0,"generations":1,"migrants":0}"#).is_err());
    }

    #[test]
    fn every_island_has_a_seed_of_its_own() {
        let islands = Islands::new(64, 1, 0).unwrap();
        let seeds: Vec<u64> = islands.seeds(7).collect();
        assert_eq!(seeds[0], 7);
        assert_eq!(seeds.iter().collect::<BTreeSet<_>>().len(), 64);
    }
}
