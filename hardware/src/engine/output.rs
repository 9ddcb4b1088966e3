//! What a network computes.

/// One output of a network: for checks that an engine computes what it should, not for timing.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name in the file.
    pub name: String,
    /// Sizes of its axes, the batch first.
    pub sizes: Vec<usize>,
    /// Its elements, in row-major order.
    pub elements: Vec<f32>,
}

impl Output {
    /// The largest difference from another output, relative to the largest magnitude in that one; infinite where the shapes differ
    /// or something isn't finite.
    pub fn relative_difference(&self, reference: &Self) -> f64 {
        if self.sizes != reference.sizes || self.elements.len() != reference.elements.len() {
            return f64::INFINITY;
        }
        let largest = reference
            .elements
            .iter()
            .fold(0.0_f32, |l, x| l.max(x.abs()));
        let pairs = self.elements.iter().zip(&reference.elements);
        let difference = pairs
            .map(|(x, y)| f64::from((x - y).abs()))
            .fold(0.0, |l, d| if d > l || d.is_nan() { d } else { l });
        match difference / f64::from(largest) {
            relative if relative.is_finite() => relative,
            // nothing but zeros on both sides
            _ if difference == 0.0 => 0.0,
            _ => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(elements: &[f32]) -> Output {
        Output {
            name: "y".to_owned(),
            sizes: vec![1, elements.len()],
            elements: elements.to_vec(),
        }
    }

    #[test]
    fn differences_are_relative_to_the_largest_magnitude() {
        let table: [(&[f32], &[f32], f64); 7] = [
            (&[1.0, -4.0], &[1.0, -4.0], 0.0),
            (&[1.5, -4.0], &[1.0, -4.0], 0.125),
            (&[0.0], &[0.0], 0.0),
            (&[1.0], &[0.0], f64::INFINITY),
            (&[1.0, 2.0], &[1.0], f64::INFINITY),
            (&[f32::NAN, 1.0], &[1.0, 1.0], f64::INFINITY),
            (&[f32::INFINITY], &[1.0], f64::INFINITY),
        ];
        for (found, reference, expected) in table {
            let difference = output(found).relative_difference(&output(reference));
            assert_eq!(difference, expected, "{found:?} {reference:?}");
        }
    }
}
