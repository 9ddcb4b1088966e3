//! Gradient boosting of regression trees on the logarithm of latency.
//!
//! J. H. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 2001, with squared error: each
//! tree is fitted to what those before it leave over, and a small share of it is added. Nothing is drawn at random.

use super::tree::{Columns, Tree};

/// Number of trees.
const TREES: usize = 200;

/// Splits from the root to a leaf.
const DEPTH: u32 = 3;

/// Share of each tree that is added.
const LEARNING_RATE: f64 = 0.05;

/// A sum of trees that predicts a logarithm.
#[derive(Debug, Clone)]
pub(super) struct Boosting {
    mean_log: f64,
    trees: Vec<Tree>,
}

impl Boosting {
    /// Fits rows of features to `y`, which is above 0.
    pub(super) fn fit(rows: &[Vec<f64>], y: &[f64]) -> Self {
        let logs: Vec<f64> = y.iter().map(|y| y.ln()).collect();
        let mean_log = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        let mut left: Vec<f64> = logs.iter().map(|log| log - mean_log).collect();
        let columns = Columns::new(rows);
        let mut trees = Vec::with_capacity(TREES);
        for _ in 0..TREES {
            let tree = Tree::grow(&columns, &left, DEPTH);
            for (left, row) in left.iter_mut().zip(rows) {
                *left -= LEARNING_RATE * tree.predict(row);
            }
            trees.push(tree);
        }
        Self { mean_log, trees }
    }

    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        let trees: f64 = self.trees.iter().map(|tree| tree.predict(row)).sum();
        (self.mean_log + LEARNING_RATE * trees).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_learned() {
        let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![1.0, f64::from(i)]).collect();
        let y: Vec<f64> = (0..20).map(|i| if i < 10 { 2.0 } else { 8.0 }).collect();
        let boosting = Boosting::fit(&rows, &y);
        // what is left after 200 trees: 0.95^200 of the step, 4e-5
        for (row, y) in rows.iter().zip(y) {
            let relative = boosting.predict(row) / y;
            assert!((relative - 1.0).abs() < 1e-4, "{relative}");
        }
    }

    #[test]
    fn it_stays_within_what_it_has_seen() {
        let rows: Vec<Vec<f64>> = (1..9).map(|i| vec![f64::from(i)]).collect();
        let y: Vec<f64> = (1..9).map(f64::from).collect();
        let boosting = Boosting::fit(&rows, &y);
        let far = boosting.predict(&[1e12]);
        assert!((7.5..8.01).contains(&far), "{far}");
    }

    #[test]
    fn one_row_is_a_constant() {
        let boosting = Boosting::fit(&[vec![1.0, 2.0]], &[3.0]);
        assert!((boosting.predict(&[9.0, 9.0]) - 3.0).abs() < 1e-12);
    }
}
