//! Ridge regression on relative errors, its strength chosen by leaving one out.
//!
//! ```text
//! minimise  sum of ((y_i - b - sum_j w_j * z_ij) / y_i)^2  +  strength * sum of (w_j / mean y)^2
//! ```
//!
//! with `z` the features scaled to mean 0 and deviation 1; a feature that doesn't vary is left out. For a given strength the error made on a
//! network left out needs no second fit: it is `r_i / (1 - h_i)`, with `r_i` the residual and `h_i` the leverage of that network (the PRESS
//! statistic: D. M. Allen, "The relationship between variable selection and data augmentation and a method for prediction",
//! Technometrics 1974).

use nalgebra::{DMatrix, DVector};

/// Strengths tried: 10^-4 to 10^3 in half decades, the strongest first so that it wins ties.
const STRENGTHS: [f64; 15] = [
    1e3,
    316.227_766_016_837_9,
    1e2,
    31.622_776_601_683_79,
    1e1,
    3.162_277_660_168_379,
    1.0,
    0.316_227_766_016_837_9,
    1e-1,
    0.031_622_776_601_683_79,
    1e-2,
    0.003_162_277_660_168_379,
    1e-3,
    0.000_316_227_766_016_837_9,
    1e-4,
];

/// A linear function of scaled features.
#[derive(Debug, Clone)]
pub(super) struct Ridge {
    scales: Vec<Scale>,
    /// Of each scaled feature.
    coefficients: Vec<f64>,
    constant: f64,
}

impl Ridge {
    /// Fits rows of features to `y`, which is above 0.
    pub(super) fn fit(rows: &[Vec<f64>], y: &[f64]) -> Self {
        let features = rows.first().map_or(0, Vec::len);
        let scales: Vec<Scale> = (0..features)
            .map(|feature| Scale::of(rows.iter().map(|row| row[feature])))
            .collect();
        let mean_y = y.iter().sum::<f64>() / y.len() as f64;
        // each row in units of its own y, the first column being the constant
        let design = DMatrix::from_fn(rows.len(), features + 1, |row, column| {
            let value = match column.checked_sub(1) {
                None => 1.0,
                Some(feature) => scales[feature].apply(rows[row][feature]),
            };
            value * mean_y / y[row]
        });
        let best = STRENGTHS
            .iter()
            .filter_map(|&strength| solve(&design, strength))
            .reduce(|best, next| if next.error < best.error { next } else { best });
        let solution = match best {
            Some(best) => best.coefficients,
            // rounding ate everything: the best constant
            None => constant_only(&design),
        };
        Self {
            scales,
            constant: mean_y * solution[0],
            coefficients: solution.iter().skip(1).map(|w| mean_y * w).collect(),
        }
    }

    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        let scaled = self
            .scales
            .iter()
            .zip(row)
            .map(|(scale, x)| scale.apply(*x));
        let terms = scaled.zip(&self.coefficients).map(|(z, w)| z * w);
        self.constant + terms.sum::<f64>()
    }
}

/// The fit with one strength, and its mean squared error on what is left out.
struct Solution {
    coefficients: DVector<f64>,
    error: f64,
}

fn solve(design: &DMatrix<f64>, strength: f64) -> Option<Solution> {
    let mut normal = design.tr_mul(design);
    for feature in 1..normal.nrows() {
        normal[(feature, feature)] += strength;
    }
    let factor = normal.cholesky()?;
    let target = DVector::from_element(design.nrows(), 1.0);
    let coefficients = factor.solve(&design.tr_mul(&target));
    let residuals = target - design * &coefficients;
    let whitened = factor.l().solve_lower_triangular(&design.transpose())?;
    let mut error = 0.0;
    for (residual, column) in residuals.iter().zip(whitened.column_iter()) {
        // a network that pulls the fit onto itself says nothing about others
        let freedom = (1.0 - column.norm_squared()).max(1e-12);
        error += (residual / freedom).powi(2);
    }
    coefficients
        .iter()
        .all(|w| w.is_finite())
        .then_some(Solution {
            coefficients,
            error,
        })
}

fn constant_only(design: &DMatrix<f64>) -> DVector<f64> {
    let constant = design.column(0);
    let mut solution = DVector::zeros(design.ncols());
    solution[0] = constant.sum() / constant.norm_squared();
    solution
}

/// Moves and stretches a feature to mean 0 and deviation 1.
#[derive(Debug, Clone, Copy)]
struct Scale {
    mean: f64,
    /// One over the deviation; 0 where there is none.
    factor: f64,
}

impl Scale {
    fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        let n = values.len() as f64;
        let mean = values.clone().sum::<f64>() / n;
        let std = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        let varies = std > 1e-12 * mean.abs();
        Self {
            mean,
            factor: if varies { 1.0 / std } else { 0.0 },
        }
    }

    fn apply(&self, value: f64) -> f64 {
        (value - self.mean) * self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four features without pattern, the last of them constant.
    fn rows(n: usize) -> Vec<Vec<f64>> {
        let wave = |index: usize, step: f64| (1.0 + (index as f64 * step).sin()) * 1e6;
        (0..n)
            .map(|i| vec![wave(i, 1.3), wave(i, 2.1), 1e-3 * wave(i, 0.7), 5.0])
            .collect()
    }

    fn planted(row: &[f64]) -> f64 {
        3.0 + 2e-6 * row[0] + 1e-6 * row[1] - 1e-4 * row[2]
    }

    #[test]
    fn linear_data_is_nearly_exact() {
        let rows = rows(40);
        let y: Vec<f64> = rows.iter().map(|row| planted(row)).collect();
        let ridge = Ridge::fit(&rows[..20], &y[..20]);
        for (row, y) in rows.iter().zip(&y) {
            let relative = ridge.predict(row) / y;
            assert!((relative - 1.0).abs() < 1e-4, "{relative}");
        }
        assert_eq!(ridge.coefficients[3], 0.0);
    }

    #[test]
    fn noise_shrinks_more() {
        let rows = rows(20);
        let noise: Vec<f64> = (0..20)
            .map(|i| 1.0 + 0.3 * (f64::from(i) * 5.9).sin())
            .collect();
        let ridge = Ridge::fit(&rows, &noise);
        let most = ridge
            .coefficients
            .iter()
            .fold(0.0_f64, |most, w| most.max(w.abs()));
        assert!(most < 0.05, "{most}");
    }

    #[test]
    fn leaving_one_out_is_as_fitting_without_it() {
        let rows = rows(7);
        let y: Vec<f64> = rows
            .iter()
            .enumerate()
            .map(|(i, row)| planted(row) + i as f64)
            .collect();
        let design = |rows: &[Vec<f64>], y: &[f64]| {
            DMatrix::from_fn(rows.len(), 4, |i, j| {
                let value = if j == 0 { 1.0 } else { 1e-6 * rows[i][j - 1] };
                value / y[i]
            })
        };
        let strength = 0.01;
        let mut expected = 0.0;
        for left_out in 0..7 {
            let (mut rows, mut y) = (rows.clone(), y.clone());
            let (row, out) = (rows.remove(left_out), y.remove(left_out));
            let without = solve(&design(&rows, &y), strength).unwrap();
            let residual = 1.0 - (design(&[row], &[out]) * without.coefficients)[0];
            expected += residual.powi(2);
        }
        let found = solve(&design(&rows, &y), strength).unwrap().error;
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{found} is not {expected}"
        );
    }

    #[test]
    fn one_row_is_a_constant() {
        let rows = rows(5);
        let ridge = Ridge::fit(&rows[..1], &[4.0]);
        assert!((ridge.predict(&rows[3]) - 4.0).abs() < 1e-9);
    }
}
