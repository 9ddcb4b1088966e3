//! A line, by least squares on relative errors.
//!
//! ```text
//! minimise  sum of ((y_i - a * x_i - b) / y_i)^2
//! ```
//!
//! which is ordinary least squares with weights `1 / y_i^2`.

/// `slope * x + constant`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    slope: f64,
    constant: f64,
}

impl Line {
    /// The best line through these points; level where they all have one `x`. `y` is above 0.
    pub(super) fn fit(x: &[f64], y: &[f64]) -> Self {
        // weights relative to the smallest y, to stay near 1
        let smallest = y.iter().copied().fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> = y.iter().map(|y| (smallest / y).powi(2)).collect();
        let mean = |values: &[f64]| -> f64 {
            let weighted = weights.iter().zip(values).map(|(w, value)| w * value);
            weighted.sum::<f64>() / weights.iter().sum::<f64>()
        };
        let (mean_x, mean_y) = (mean(x), mean(y));
        let (mut spread, mut product) = (0.0, 0.0);
        for ((x, y), w) in x.iter().zip(y).zip(&weights) {
            spread += w * (x - mean_x).powi(2);
            product += w * (x - mean_x) * (y - mean_y);
        }
        // what rounding leaves of equal values is no spread
        let rounding = 1e-24 * mean_x.powi(2) * weights.iter().sum::<f64>();
        let slope = if spread > rounding {
            product / spread
        } else {
            0.0
        };
        Self {
            slope,
            constant: mean_y - slope * mean_x,
        }
    }

    pub(super) fn predict(&self, x: f64) -> f64 {
        self.slope * x + self.constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let x = [1e8, 3e8, 7e8];
        let y = x.map(|x| 2e-8 * x + 0.5);
        let line = Line::fit(&x, &y);
        assert!((line.slope / 2e-8 - 1.0).abs() < 1e-12);
        assert!((line.constant / 0.5 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn errors_count_relative_to_the_measured() {
        // level: sum(1/y) / sum(1/y^2) = (1 + 1/2) / (1 + 1/4)
        let line = Line::fit(&[5.0, 5.0], &[1.0, 2.0]);
        assert!((line.predict(5.0) - 1.2).abs() < 1e-12);
        assert_eq!(line.slope, 0.0);
    }

    #[test]
    fn one_point_is_a_level_line() {
        let line = Line::fit(&[3e9], &[7.0]);
        assert_eq!((line.predict(0.0), line.predict(9e9)), (7.0, 7.0));
    }

    #[test]
    fn equal_x_with_rounding_are_equal() {
        let x = [0.1 + 0.2, 0.3, 0.3];
        let line = Line::fit(&x, &[1.0, 2.0, 3.0]);
        assert_eq!(line.slope, 0.0);
    }
}
