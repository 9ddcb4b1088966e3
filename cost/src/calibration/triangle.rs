//! A lower triangle of numbers, in little space.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest integer in a row: four digits, which is more than a covariance is known to.
const LARGEST: f64 = 9999.0;

/// A lower triangle, each row as integers times a scale of its own: half as long in a file as numbers in full.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Triangle {
    /// What the integers of each row are multiplied by.
    scales: Vec<f64>,
    /// Row `i` has `i + 1` integers.
    integers: Vec<Vec<i32>>,
}

impl Triangle {
    /// Rounds rows of numbers; none where one of them isn't finite.
    pub fn from_rows(rows: &[Vec<f64>]) -> Option<Self> {
        let mut triangle = Self::default();
        for row in rows {
            let largest = row
                .iter()
                .fold(0.0, |largest: f64, number| largest.max(number.abs()));
            if !row.iter().all(|number| number.is_finite()) {
                return None;
            }
            // six digits of scale, so that a file's text is the number itself
            let scale: f64 = format!("{:.5e}", largest / LARGEST).parse().ok()?;
            let integer = |number: &f64| {
                if scale > 0.0 {
                    (number / scale).round() as i32
                } else {
                    0
                }
            };
            triangle.integers.push(row.iter().map(integer).collect());
            triangle.scales.push(scale);
        }
        Some(triangle)
    }

    /// A factor of the same covariance as these rows, all of one length, are: `R R' = F F'`, by orthogonal directions one row after the other (Gram and Schmidt's, modified).
    /// None where a number isn't finite.
    pub fn of_factor(mut factor: Vec<Vec<f64>>) -> Option<Self> {
        let mut directions: Vec<Vec<f64>> = Vec::with_capacity(factor.len());
        let mut rows = Vec::with_capacity(factor.len());
        for left in &mut factor {
            let whole = norm(left);
            if !whole.is_finite() {
                return None;
            }
            let mut row = Vec::with_capacity(directions.len() + 1);
            for direction in &directions {
                let along: f64 = left.iter().zip(direction).map(|(l, d)| l * d).sum();
                for (l, d) in left.iter_mut().zip(direction) {
                    *l -= along * d;
                }
                row.push(along);
            }
            let own = norm(left);
            // what is left of a row that depends on those before is rounding
            if own > 1e-12 * whole {
                left.iter_mut().for_each(|l| *l /= own);
                row.push(own);
            } else {
                left.fill(0.0);
                row.push(0.0);
            }
            directions.push(std::mem::take(left));
            rows.push(row);
        }
        Self::from_rows(&rows)
    }

    /// The rows as numbers.
    pub fn rows(&self) -> Vec<Vec<f64>> {
        let rows = self.integers.iter().zip(&self.scales);
        rows.map(|(row, scale)| row.iter().map(|&i| f64::from(i) * scale).collect())
            .collect()
    }

    /// Number of rows, if it is a triangle of numbers.
    pub fn size(&self) -> Option<usize> {
        let rows = self.integers.iter().enumerate();
        let is_triangle = self.scales.len() == self.integers.len()
            && rows.into_iter().all(|(i, row)| row.len() == i + 1)
            && self.scales.iter().all(|scale| (0.0..1e300).contains(scale));
        is_triangle.then_some(self.scales.len())
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector
        .iter()
        .map(|number| number * number)
        .sum::<f64>()
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_of_any_shape_becomes_a_triangle_of_the_same_covariance() {
        // the third row is the sum of the first two, the fourth is nothing
        let factor = vec![
            vec![1.0, 2.0, -0.5],
            vec![0.3, 0.0, 4.0],
            vec![1.3, 2.0, 3.5],
            vec![0.0; 3],
            vec![-7.0, 0.1, 0.2],
        ];
        let triangle = Triangle::of_factor(factor.clone()).unwrap();
        assert_eq!(triangle.size(), Some(5));
        let rows = triangle.rows();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for i in 0..5 {
            for j in 0..=i {
                let (expected, found) =
                    (product(&factor[i], &factor[j]), product(&rows[i], &rows[j]));
                assert!(
                    (expected - found).abs() < 3e-3,
                    "{i} {j}: {expected} {found}"
                );
            }
        }
        assert_eq!(Triangle::of_factor(vec![vec![f64::NAN]]), None);
    }

    #[test]
    fn rows_come_back_to_four_digits() {
        let rows = vec![vec![1.234_567], vec![-1e-9, 3e-6], vec![0.0, 0.0, 0.0]];
        let triangle = Triangle::from_rows(&rows).unwrap();
        assert_eq!(triangle.size(), Some(3));
        for (row, back) in rows.iter().zip(triangle.rows()) {
            let largest = row.iter().fold(0.0, |l: f64, n| l.max(n.abs()));
            for (number, back) in row.iter().zip(back) {
                assert!((number - back).abs() <= 1e-4 * largest);
            }
        }
        assert_eq!(Triangle::from_rows(&[vec![f64::NAN]]), None);
    }

    #[test]
    fn other_shapes_are_no_triangles() {
        let mut triangle = Triangle::from_rows(&[vec![1.0], vec![1.0, 2.0]]).unwrap();
        triangle.integers[1].push(3);
        assert_eq!(triangle.size(), None);
    }
}
