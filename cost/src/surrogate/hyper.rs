//! How much the parts of the process vary.

use serde::{Deserialize, Serialize};

/// Hyper-parameters of the process. Deviations are relative to the spread of `ln error` over the training rows; lengths are in deviations of
/// the coordinates, per coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hyper {
    /// Deviation of the part that is linear in the terms.
    pub linear_terms: f64,
    /// Deviation of the part that is linear in the genes.
    pub linear_genes: f64,
    /// Deviation of the part that is curved in the terms.
    pub curved_terms: f64,
    /// Deviation of the part that is curved in the genes.
    pub curved_genes: f64,
    /// Length over which the terms' curve changes.
    pub length_terms: f64,
    /// Length over which the genes' curve changes.
    pub length_genes: f64,
    /// Deviation of one training run that nothing of the above explains.
    pub noise: f64,
}

/// How many there are.
pub(super) const COUNT: usize = 7;

/// Medians of the prior, and its deviations as logarithms: everything half as large as the spread itself, within a factor of e.
const MEDIANS: [f64; COUNT] = [0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 0.25];
const SPREADS: [f64; COUNT] = [1.0, 1.0, 1.0, 1.0, 0.7, 0.7, 0.8];

/// Variance of the offset: next to nothing is known of it beforehand.
const OFFSET: f64 = 10.0;

impl Hyper {
    /// The prior's median.
    pub(super) fn prior() -> Self {
        Self::from_logs(&MEDIANS.map(f64::ln))
    }

    pub(super) fn from_logs(logs: &[f64; COUNT]) -> Self {
        let [
            linear_terms,
            linear_genes,
            curved_terms,
            curved_genes,
            length_terms,
            length_genes,
            noise,
        ] = logs.map(f64::exp);
        Self {
            linear_terms,
            linear_genes,
            curved_terms,
            curved_genes,
            length_terms,
            length_genes,
            noise,
        }
    }

    pub(super) fn logs(&self) -> [f64; COUNT] {
        [
            self.linear_terms,
            self.linear_genes,
            self.curved_terms,
            self.curved_genes,
            self.length_terms,
            self.length_genes,
            self.noise,
        ]
        .map(f64::ln)
    }

    /// Logarithm of the prior's density, but for a constant.
    pub(super) fn log_prior(&self) -> f64 {
        let logs = self.logs().into_iter().zip(MEDIANS).zip(SPREADS);
        logs.map(|((log, median), spread)| -0.5 * ((log - median.ln()) / spread).powi(2))
            .sum()
    }

    /// Covariance of the noiseless process at two points, from their [`Products`].
    pub(super) fn covariance(&self, products: &Products) -> f64 {
        let square = |deviation: f64| deviation * deviation;
        let curved = |deviation: f64, squared: f64, length: f64| {
            square(deviation) * (-0.5 * squared / square(length)).exp()
        };
        OFFSET
            + square(self.linear_terms) * products.dot_terms
            + square(self.linear_genes) * products.dot_genes
            + curved(self.curved_terms, products.squared_terms, self.length_terms)
            + curved(self.curved_genes, products.squared_genes, self.length_genes)
    }
}

/// What the covariance of two points is made of, per coordinate: products and squared distances.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Products {
    dot_terms: f64,
    dot_genes: f64,
    squared_terms: f64,
    squared_genes: f64,
}

impl Products {
    /// Of two points, whose first `terms` coordinates are terms.
    pub(super) fn new(a: &[f64], b: &[f64], terms: usize) -> Self {
        let (terms_a, genes_a) = a.split_at(terms);
        let (terms_b, genes_b) = b.split_at(terms);
        let [dot_terms, squared_terms] = mean_products(terms_a, terms_b);
        let [dot_genes, squared_genes] = mean_products(genes_a, genes_b);
        Self {
            dot_terms,
            dot_genes,
            squared_terms,
            squared_genes,
        }
    }
}

/// Mean product and mean squared difference; 0 of nothing.
fn mean_products(a: &[f64], b: &[f64]) -> [f64; 2] {
    let (mut dot, mut squared) = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        dot += a * b;
        squared += (a - b) * (a - b);
    }
    let count = a.len().max(1) as f64;
    [dot / count, squared / count]
}
