//! Hyper-parameters by marginal likelihood.

use nalgebra::{DMatrix, DVector};

use super::hyper::{COUNT, Hyper, Products};
use super::process::{Observation, factorise, noise, scale};

/// Observations that hyper-parameters are fitted to, at most: seven numbers don't need more, and each step takes the cube of it.
const MOST: usize = 250;

/// Steps of the search, as logarithms.
const STEPS: [f64; 4] = [0.8, 0.4, 0.2, 0.1];

/// Rounds with one length of step, at most.
const ROUNDS: usize = 8;

/// Gains below this are none.
const LEAST_GAIN: f64 = 1e-2;

/// The most probable hyper-parameters of observations whose first `terms` coordinates are terms; nothing where the observations are all alike.
pub(super) fn fit(all: &[&Observation], terms: usize) -> Option<Hyper> {
    let some = all.len().min(MOST);
    let chosen: Vec<&Observation> = (0..some).map(|i| all[i * all.len() / some]).collect();
    let likelihood = Likelihood::new(&chosen, terms)?;
    Some(climb(&likelihood, Hyper::prior()))
}

/// Climbs to the most probable, one hyper-parameter at a time, with ever smaller steps (Hooke, Jeeves: Direct Search, JACM 1961).
fn climb(likelihood: &Likelihood<'_>, start: Hyper) -> Hyper {
    let height = |logs: &[f64; COUNT]| likelihood.log_posterior(&Hyper::from_logs(logs));
    let mut logs = start.logs();
    let Some(mut highest) = height(&logs) else {
        return start;
    };
    for step in STEPS {
        for _ in 0..ROUNDS {
            let before = highest;
            for place in 0..COUNT {
                for direction in [step, -step] {
                    let mut there = logs;
                    there[place] += direction;
                    if let Some(height) = height(&there)
                        && height > highest + LEAST_GAIN
                    {
                        (highest, logs) = (height, there);
                        break;
                    }
                }
            }
            if highest == before {
                break;
            }
        }
    }
    Hyper::from_logs(&logs)
}

/// Observations, with what doesn't depend on hyper-parameters worked out.
struct Likelihood<'a> {
    all: &'a [&'a Observation],
    unit: f64,
    values: DVector<f64>,
    /// Of every pair, lower triangle row by row.
    products: Vec<Products>,
}

impl<'a> Likelihood<'a> {
    fn new(all: &'a [&'a Observation], terms: usize) -> Option<Self> {
        let [centre, unit] = scale(all.iter().copied())?;
        let values = all.iter().map(|o| (o.value - centre) / unit);
        let pairs = (0..all.len()).flat_map(|row| (0..=row).map(move |column| (row, column)));
        let products = pairs.map(|(a, b)| Products::new(&all[a].point, &all[b].point, terms));
        Some(Self {
            all,
            unit,
            values: DVector::from_iterator(all.len(), values),
            products: products.collect(),
        })
    }

    /// `-1/2 y' K^-1 y - 1/2 ln |K|` and the prior, but for constants; nothing where rounding makes K singular.
    fn log_posterior(&self, hyper: &Hyper) -> Option<f64> {
        let count = self.all.len();
        let mut covariance = DMatrix::zeros(count, count);
        let mut products = self.products.iter();
        for row in 0..count {
            for (column, products) in (0..=row).zip(&mut products) {
                let value = hyper.covariance(products);
                covariance[(row, column)] = value;
                covariance[(column, row)] = value;
            }
            covariance[(row, row)] += noise(hyper, self.all[row], self.unit);
        }
        let factor = factorise(&covariance)?;
        let fit = self.values.dot(&factor.solve(&self.values));
        let lower = factor.l_dirty();
        let log_determinant: f64 = (0..count).map(|i| 2.0 * lower[(i, i)].ln()).sum();
        Some(-0.5 * fit - 0.5 * log_determinant + hyper.log_prior())
    }
}
