//! Which networks to fit on, and which to hold out.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Rows to fit on, and rows held out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// Indices of the rows to fit on, ascending.
    pub fit: Vec<usize>,
    /// Indices of all others, ascending.
    pub held_out: Vec<usize>,
}

/// Draws networks to fit on, without replacement; all of them when there are no more than asked for. `names` has the network of each row.
///
/// Law: a network is drawn or not whatever the order of the rows, and all its rows go the same way.
///
/// ```
/// use roofnas_hardware::draw;
///
/// let drawn = draw(&["a", "b", "a", "c"], 2, 1);
/// assert_eq!(drawn.fit.len() + drawn.held_out.len(), 4);
/// assert_eq!(drawn.fit.contains(&0), drawn.fit.contains(&2));
/// ```
pub fn draw(names: &[impl AsRef<str>], networks: usize, seed: u64) -> Draw {
    let mut pool: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    pool.sort_unstable();
    pool.dedup();
    let networks = networks.min(pool.len());
    // the front of a Fisher-Yates shuffle
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for place in 0..networks {
        let other = random.random_range(place..pool.len());
        pool.swap(place, other);
    }
    pool.truncate(networks);
    pool.sort_unstable();
    let (fit, held_out) =
        (0..names.len()).partition(|&row| pool.binary_search(&names[row].as_ref()).is_ok());
    Draw { fit, held_out }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names() -> Vec<String> {
        (0..40).map(|index| format!("n{}", index % 30)).collect()
    }

    #[test]
    fn every_row_is_on_one_side_with_its_network() {
        let names = names();
        let drawn = draw(&names, 10, 3);
        let side = |rows: &[usize]| -> BTreeSet<String> {
            rows.iter().map(|&row| names[row].clone()).collect()
        };
        let (fit, held_out) = (side(&drawn.fit), side(&drawn.held_out));
        assert_eq!((fit.len(), held_out.len()), (10, 20));
        assert!(fit.is_disjoint(&held_out));
        assert!(drawn.fit.is_sorted() && drawn.held_out.is_sorted());
        assert_eq!(drawn.fit.len() + drawn.held_out.len(), 40);
    }

    #[test]
    fn the_order_of_rows_makes_no_difference() {
        let names = names();
        let backwards: Vec<String> = names.iter().rev().cloned().collect();
        let chosen = |names: &[String]| -> BTreeSet<String> {
            let drawn = draw(names, 7, 9);
            drawn.fit.iter().map(|&row| names[row].clone()).collect()
        };
        assert_eq!(chosen(&names), chosen(&backwards));
    }

    #[test]
    fn the_same_seed_draws_the_same_and_seeds_differ() {
        let names = names();
        assert_eq!(draw(&names, 7, 1), draw(&names, 7, 1));
        assert_ne!(draw(&names, 7, 1), draw(&names, 7, 2));
    }

    #[test]
    fn every_network_is_drawn_equally_often() {
        let names: Vec<String> = (0..5).map(|index| format!("n{index}")).collect();
        let mut counts = [0; 5];
        for seed in 0..5_000 {
            for row in draw(&names, 2, seed).fit {
                counts[row] += 1;
            }
        }
        // 2,000 each; five standard deviations of a binomial are 173
        assert!(
            counts.iter().all(|count| (1_827..2_173).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn more_than_there_are_is_all_and_none_is_none() {
        let names = names();
        assert!(draw(&names, 99, 1).held_out.is_empty());
        assert!(draw(&names, 0, 1).fit.is_empty());
        assert!(draw(&[] as &[&str], 5, 1).fit.is_empty());
    }
}
