//! Least squares with coefficients of 0 or above.
//!
//! The active-set method of C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems", Prentice-Hall 1974, chapter 23. Columns enter
//! the fit one at a time, the one that would reduce the error fastest first; when a coefficient of the unconstrained fit falls to 0 or
//! below, the step stops where the first one reaches 0, and that column leaves.

use nalgebra::{DMatrix, DVector};

/// A gradient this small, with columns and target of length 1, is rounding.
const TOLERANCE: f64 = 1e-10;

/// A non-negative constant plus features with non-negative coefficients, fitted to relative errors.
#[derive(Debug, Clone)]
pub(super) struct NonNegative {
    constant: f64,
    coefficients: Vec<f64>,
}

impl NonNegative {
    /// Fits rows of features to `y`, which is above 0.
    pub(super) fn fit(rows: &[Vec<f64>], y: &[f64]) -> Self {
        let with_constant: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| std::iter::once(1.0).chain(row.iter().copied()).collect())
            .collect();
        let solution = fit_relative(&with_constant, y);
        let (constant, coefficients) = solution.split_first().unwrap_or((&0.0, &[]));
        Self {
            constant: *constant,
            coefficients: coefficients.to_vec(),
        }
    }

    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        let terms = self.coefficients.iter().zip(row).map(|(w, x)| w * x);
        self.constant + terms.sum::<f64>()
    }
}

/// The coefficients `w`, all 0 or above, that minimise `sum of ((y_i - sum_j w_j * x_ij) / y_i)^2`. `y` is above 0.
pub(super) fn fit_relative(rows: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut design = DMatrix::from_fn(rows.len(), columns, |i, j| rows[i][j] / y[i]);
    let mut norms = Vec::with_capacity(columns);
    for mut column in design.column_iter_mut() {
        let norm = column.norm();
        if norm > 0.0 {
            column /= norm;
        }
        norms.push(norm);
    }
    let length = (rows.len() as f64).sqrt();
    let target = DVector::from_element(rows.len(), 1.0 / length);
    let solution = solve(&design, &target);
    let unscaled = solution.iter().zip(norms).map(
        |(w, norm)| {
            if norm > 0.0 { w * length / norm } else { 0.0 }
        },
    );
    unscaled.collect()
}

/// The non-negative `x` that minimises the length of `design * x - target`. Columns have length 1, or 0 and then take no part.
fn solve(design: &DMatrix<f64>, target: &DVector<f64>) -> DVector<f64> {
    let columns = design.ncols();
    let mut x = DVector::zeros(columns);
    let mut passive = vec![false; columns];
    // a column that turns out to depend on those in the fit stays out
    let mut barred = vec![false; columns];
    // far more than it takes, and an end to it
    for _ in 0..10 * columns {
        let gradient = design.tr_mul(&(target - design * &x));
        let entering = (0..columns)
            .filter(|&j| !passive[j] && !barred[j] && gradient[j] > TOLERANCE)
            .reduce(|best, j| {
                if gradient[j] > gradient[best] {
                    j
                } else {
                    best
                }
            });
        let Some(entering) = entering else {
            break;
        };
        passive[entering] = true;
        match fit_passive(design, target, &passive) {
            Some(fitted) if fitted[entering] > 0.0 => {
                descend(design, target, &mut x, &mut passive, fitted);
                barred.fill(false);
            }
            _ => {
                passive[entering] = false;
                barred[entering] = true;
            }
        }
    }
    x
}

/// Goes from `x` towards the unconstrained fit and drops columns whose coefficients reach 0, until none does.
fn descend(
    design: &DMatrix<f64>,
    target: &DVector<f64>,
    x: &mut DVector<f64>,
    passive: &mut [bool],
    mut fitted: DVector<f64>,
) {
    loop {
        // how far a column can go; none at all if it stands at 0 and is to stay there
        let reach = |j: usize| {
            if x[j] > fitted[j] {
                x[j] / (x[j] - fitted[j])
            } else {
                0.0
            }
        };
        let blocking: Vec<usize> = (0..passive.len())
            .filter(|&j| passive[j] && fitted[j] <= 0.0)
            .collect();
        let Some(step) = blocking.iter().map(|&j| reach(j)).reduce(f64::min) else {
            *x = fitted;
            return;
        };
        let leaving: Vec<usize> = blocking.into_iter().filter(|&j| reach(j) <= step).collect();
        *x += (&fitted - &*x) * step;
        for j in leaving {
            passive[j] = false;
            x[j] = 0.0;
        }
        match fit_passive(design, target, passive) {
            Some(next) => fitted = next,
            None => return,
        }
    }
}

/// Least squares over the passive columns, 0 elsewhere; nothing where they depend on each other.
fn fit_passive(
    design: &DMatrix<f64>,
    target: &DVector<f64>,
    passive: &[bool],
) -> Option<DVector<f64>> {
    let chosen: Vec<usize> = (0..passive.len()).filter(|&j| passive[j]).collect();
    if chosen.len() > design.nrows() {
        return None;
    }
    let factors = design.select_columns(&chosen).qr();
    let triangle = factors.r();
    if triangle
        .diagonal()
        .iter()
        .any(|entry| entry.abs() < TOLERANCE)
    {
        return None;
    }
    let projected = factors.q().tr_mul(target);
    let solution = triangle.solve_upper_triangular(&projected)?;
    let mut whole = DVector::zeros(passive.len());
    for (&j, &value) in chosen.iter().zip(solution.iter()) {
        whole[j] = value;
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> Vec<Vec<f64>> {
        let wave = |index: usize, step: f64| 1.0 + (index as f64 * step).sin();
        (0..n)
            .map(|i| vec![1e9 * wave(i, 1.3), 1e6 * wave(i, 2.1), wave(i, 0.7), 1.0])
            .collect()
    }

    #[test]
    fn planted_coefficients_are_found_again() {
        let rows = rows(30);
        let planted = [3e-9, 0.0, 5.0, 2.0];
        let value = |row: &Vec<f64>| row.iter().zip(planted).map(|(x, w)| x * w).sum();
        let y: Vec<f64> = rows.iter().map(value).collect();
        let found = fit_relative(&rows, &y);
        for (found, planted) in found.iter().zip(planted) {
            assert!(
                (found - planted).abs() <= 1e-9 * planted.max(1e-6),
                "{found} is not {planted}"
            );
        }
    }

    #[test]
    fn a_negative_coefficient_becomes_zero() {
        let rows = rows(30);
        let planted = [3e-9, -1e-7, 5.0, 2.0];
        let value = |row: &Vec<f64>| row.iter().zip(planted).map(|(x, w)| x * w).sum();
        let y: Vec<f64> = rows.iter().map(value).collect();
        let found = fit_relative(&rows, &y);
        assert_eq!(found[1], 0.0);
        assert!((found[0] / 3e-9 - 1.0).abs() < 0.2);
        assert_optimal(&rows, &y, &found);
    }

    /// The conditions of Karush, Kuhn and Tucker: no gradient where a coefficient is free, none upwards where it is 0.
    fn assert_optimal(rows: &[Vec<f64>], y: &[f64], found: &[f64]) {
        let design = DMatrix::from_fn(rows.len(), found.len(), |i, j| rows[i][j] / y[i]);
        let solution = DVector::from_row_slice(found);
        let residual = DVector::from_element(rows.len(), 1.0) - &design * solution;
        for (j, column) in design.column_iter().enumerate() {
            let gradient = column.dot(&residual) / (column.norm() * residual.norm().max(1e-9));
            assert!(found[j] >= 0.0);
            assert!(gradient < 1e-6, "column {j}: {gradient}");
            assert!(
                found[j] == 0.0 || gradient > -1e-6,
                "column {j}: {gradient}"
            );
        }
    }

    #[test]
    fn random_problems_end_at_their_optimum() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f64 / (1 << 24) as f64
        };
        for problem in 0..200 {
            let (n, columns) = (2 + problem % 20, 1 + problem % 13);
            let rows: Vec<Vec<f64>> = (0..n)
                .map(|_| (0..columns).map(|_| random()).collect())
                .collect();
            let y: Vec<f64> = (0..n).map(|_| 0.1 + random()).collect();
            assert_optimal(&rows, &y, &fit_relative(&rows, &y));
        }
    }

    #[test]
    fn columns_that_repeat_or_are_empty_do_no_harm() {
        let rows: Vec<Vec<f64>> = (1..6)
            .map(|i| vec![1.0, f64::from(i), 0.0, f64::from(i), 1.0])
            .collect();
        let y: Vec<f64> = (1..6).map(|i| 2.0 + 3.0 * f64::from(i)).collect();
        let found = fit_relative(&rows, &y);
        assert!((found[0] + found[4] - 2.0).abs() < 1e-9);
        assert!((found[1] + found[3] - 3.0).abs() < 1e-9);
        assert_eq!(found[2], 0.0);
        assert!(fit_relative(&[], &[]).is_empty());
    }

    #[test]
    fn fewer_rows_than_columns() {
        let found = fit_relative(&[vec![1.0, 2.0, 3.0]], &[6.0]);
        let value: f64 = found[0] + 2.0 * found[1] + 3.0 * found[2];
        assert!((value - 6.0).abs() < 1e-9);
    }
}
