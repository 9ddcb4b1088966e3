//! The hyperplane through m points, and where it cuts the axes.
//!
//! A plane a1 x1 + ... + am xm = 1 cuts axis i at 1 / ai; the coefficients solve the linear system
//! of the points, here by Gaussian elimination with partial pivoting, O(m³).

use crate::evaluation::Costs;

/// How small a pivot, relative to the greatest coordinate, makes points count as dependent.
const SINGULAR: f64 = 1e-10;

/// The distances from the origin at which the plane through `points` cuts the axes, or nothing
/// when they do not span one or it misses the positive side of an axis.
pub(crate) fn intercepts(points: &[Costs]) -> Option<Costs> {
    let coefficients = solve(points.to_vec())?;
    let intercepts: Costs = coefficients.iter().map(|a| a.recip()).collect();
    let are_sound = intercepts.iter().all(|&x| x > 0.0 && x.is_finite());
    are_sound.then_some(intercepts)
}

/// The solution of `rows` · a = 1, for as many rows as columns. NaN makes it NaN.
fn solve(mut rows: Vec<Costs>) -> Option<Costs> {
    let count = rows.len();
    let greatest = rows.iter().flatten().fold(0.0_f64, |a, b| a.max(b.abs()));
    let mut right = vec![1.0; count];
    for column in 0..count {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..count).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if size(&pivot) <= SINGULAR * greatest {
            return None;
        }
        rows.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..count {
            let factor = rows[row][column] / rows[column][column];
            let above = rows[column].clone();
            for (coefficient, above) in rows[row].iter_mut().zip(above).skip(column) {
                *coefficient -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|i| rows[row][i] * right[i]).sum();
        right[row] = (right[row] - known) / rows[row][row];
    }
    Some(right.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(points: &[[f64; 3]]) -> Option<Vec<f64>> {
        let points: Vec<Costs> = points.iter().map(|&p| p.into_iter().collect()).collect();
        intercepts(&points).map(|intercepts| intercepts.to_vec())
    }

    #[test]
    fn points_on_the_axes_are_the_intercepts() {
        let found = cut(&[[0.0, 0.0, 4.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0]]);
        assert_eq!(found, Some(vec![2.0, 3.0, 4.0]));
    }

    #[test]
    fn points_off_the_axes() {
        // All on x / 2 + y / 4 + z / 8 = 1.
        let found = cut(&[[1.0, 1.0, 2.0], [0.5, 2.0, 2.0], [0.5, 1.0, 4.0]]).unwrap();
        for (found, expected) in found.iter().zip([2.0, 4.0, 8.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn no_plane_or_a_negative_cut_is_nothing() {
        assert_eq!(cut(&[[1.0, 2.0, 3.0]; 3]), None);
        assert_eq!(cut(&[[0.0; 3]; 3]), None);
        assert_eq!(cut(&[[f64::NAN; 3]; 3]), None);
        // x + y - z = 1 cuts the third axis at -1.
        assert_eq!(
            cut(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]),
            None
        );
    }
}
