//! How alike the residuals of two kernels are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::workload::COORDINATES;

/// Covariance of the relative residuals of two kernels of one class; kernels of different classes have none.
///
/// ```text
/// k(x, x') = amplitude^2 exp(-d^2 / 2 l^2) + detail^2 exp(-(3 d)^2 / 2 l^2),   d = |x - x'|
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
}

impl Covariance {
    /// Variance of one kernel's residual.
    pub fn variance(&self) -> f64 {
        self.amplitude * self.amplitude + self.detail * self.detail
    }

    /// Covariance of two kernels of one class at these coordinates.
    pub fn between(&self, a: &[f64; COORDINATES], b: &[f64; COORDINATES]) -> f64 {
        let squared: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
        let exponent = squared / (self.length_scale * self.length_scale);
        // exp(-4.5 e) is the ninth power of exp(-e / 2)
        let broad = (-0.5 * exponent).exp();
        let third = broad * broad * broad;
        self.amplitude * self.amplitude * broad + self.detail * self.detail * third * third * third
    }
}
