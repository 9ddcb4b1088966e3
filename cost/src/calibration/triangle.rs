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

#[cfg(test)]
mod tests {
    use super::*;

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
