//! How alike the residuals of two kernels are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::workload::COORDINATES;

/// Covariance of the relative residuals of two kernels of one class; kernels of different classes have none.
///
/// ```text
/// k(x, x') = amplitude^2 exp(-d^2 / 2 l^2) + detail^2 exp(-(3 d)^2 / 2 l^2),   d^2 = sum over coordinates (relevance (x - x'))^2
/// ```
///
/// Two squared exponentials (Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006, section 4.2): a broad one for what
/// the roofline's form gets wrong, a narrow one for what an engine does with particular shapes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Covariance {
    /// Standard deviation of the broad part, relative to the kernel's time.
    pub amplitude: f64,
    /// Standard deviation of the narrow part.
    pub detail: f64,
    /// Length of the broad part, in units of the coordinates; the narrow part's is a third of it.
    pub length_scale: f64,
    /// What distances along each coordinate are multiplied by; earlier versions took all alike.
    #[serde(default, skip_serializing_if = "Relevance::is_even")]
    pub relevance: Relevance,
}

/// How much coordinates matter beside each other: what distances along them are multiplied by, kind by kind (automatic relevance determination: Neal, Bayesian Learning for
/// Neural Networks, 1996; Rasmussen, Williams, section 5.1). What a residual hardly depends on has little of it, and timings at other places of it tell more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relevance {
    /// FLOPs and traffic.
    pub work: f64,
    /// Input channels of a group and output channels.
    pub channels: f64,
    /// Output positions of the batch.
    pub positions: f64,
    /// Kernel area.
    pub window: f64,
    /// Stride area.
    pub stride: f64,
    /// What is fused: activations, sums.
    pub fused: f64,
    /// Powers of two that divide the channels.
    pub alignment: f64,
    /// The operator among those of its class.
    pub operator: f64,
}

impl Default for Relevance {
    fn default() -> Self {
        Self::EVEN
    }
}

impl Relevance {
    /// Kinds of coordinates.
    pub const KINDS: usize = 8;

    /// All coordinates matter alike.
    pub const EVEN: Self = Self::of_kinds([1.0; Self::KINDS]);

    /// Whether all coordinates matter alike.
    pub fn is_even(&self) -> bool {
        *self == Self::EVEN
    }

    /// That of each kind, in the order of the fields.
    pub const fn of_kinds(each: [f64; Self::KINDS]) -> Self {
        let [
            work,
            channels,
            positions,
            window,
            stride,
            fused,
            alignment,
            operator,
        ] = each;
        Self {
            work,
            channels,
            positions,
            window,
            stride,
            fused,
            alignment,
            operator,
        }
    }

    /// Each kind's, in the order of the fields.
    pub const fn each(&self) -> [f64; Self::KINDS] {
        [
            self.work,
            self.channels,
            self.positions,
            self.window,
            self.stride,
            self.fused,
            self.alignment,
            self.operator,
        ]
    }

    /// That of each of a kernel's [coordinates](super::Workload::coordinates). That of threads is 1.
    const fn of_coordinates(&self) -> [f64; COORDINATES] {
        [
            self.work,
            self.work,
            self.channels,
            self.channels,
            self.positions,
            self.window,
            self.stride,
            self.fused,
            self.fused,
            self.alignment,
            self.alignment,
            1.0,
            self.operator,
            self.operator,
        ]
    }
}

impl Covariance {
    /// Variance of one kernel's residual.
    pub fn variance(&self) -> f64 {
        self.amplitude * self.amplitude + self.detail * self.detail
    }

    /// Covariance of two kernels of one class at these coordinates.
    pub fn between(&self, a: &[f64; COORDINATES], b: &[f64; COORDINATES]) -> f64 {
        let relevance = self.relevance.of_coordinates();
        let apart = a
            .iter()
            .zip(b)
            .zip(relevance)
            .map(|((a, b), r)| (a - b) * r);
        let squared: f64 = apart.map(|d| d * d).sum();
        let exponent = squared / (self.length_scale * self.length_scale);
        // exp(-4.5 e) is the ninth power of exp(-e / 2)
        let broad = (-0.5 * exponent).exp();
        let third = broad * broad * broad;
        self.amplitude * self.amplitude * broad + self.detail * self.detail * third * third * third
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covariance(relevance: Relevance) -> Covariance {
        Covariance {
            amplitude: 0.3,
            detail: 0.1,
            length_scale: 1.5,
            relevance,
        }
    }

    #[test]
    fn a_distance_counts_as_much_as_its_coordinate_matters() {
        let here = [0.5; COORDINATES];
        // each kind has its coordinates; threads, 11, are of none
        let of_kinds: [&[usize]; Relevance::KINDS] = [
            &[0, 1],
            &[2, 3],
            &[4],
            &[5],
            &[6],
            &[7, 8],
            &[9, 10],
            &[12, 13],
        ];
        let even = covariance(Relevance::EVEN);
        for (kind, own) in of_kinds.into_iter().enumerate() {
            let mut each = [1.0; Relevance::KINDS];
            each[kind] = 3.0;
            let uneven = covariance(Relevance::of_kinds(each));
            for place in 0..COORDINATES {
                let moved = |by: f64| {
                    let mut there = here;
                    there[place] += by;
                    there
                };
                let times = if own.contains(&place) { 3.0 } else { 1.0 };
                let (near, far) = (moved(0.2), moved(times * 0.2));
                let (uneven, even) = (uneven.between(&here, &near), even.between(&here, &far));
                assert!((uneven - even).abs() < 1e-12, "{kind} {place}");
            }
        }
    }

    #[test]
    fn files_hold_relevances_that_are_not_even() {
        let even = toml::to_string(&covariance(Relevance::EVEN)).unwrap();
        assert!(!even.contains("relevance"), "{even}");
        let uneven = covariance(Relevance {
            window: 2.5,
            alignment: 0.2,
            ..Relevance::EVEN
        });
        let text = toml::to_string(&uneven).unwrap();
        assert!(text.contains("window = 2.5"), "{text}");
        for (text, covariance) in [(even, covariance(Relevance::EVEN)), (text, uneven)] {
            assert_eq!(toml::from_str::<Covariance>(&text).unwrap(), covariance);
        }
    }
}
