//! A residual as it stands in a profile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::basis::{Basis, Points};
use super::covariance::Covariance;
use super::workload::Workload;

/// Residuals are kept within this of zero: a factor of 55 either way is no residual, it is another kernel.
const LARGEST_RESIDUAL: f64 = 4.0;

/// What a residual multiplies a kernel's time by. An exponential, so that no sum of basis functions makes a time negative, and half the time
/// is as likely as twice the time.
pub fn residual_factor(residual: f64) -> f64 {
    residual.clamp(-LARGEST_RESIDUAL, LARGEST_RESIDUAL).exp()
}

/// A residual: the logarithm of how much longer a kernel takes than the mean says, as a function of where it stands among others of its class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// How alike residuals are.
    pub covariance: Covariance,
    /// Weights of the basis functions, in the order of the points.
    pub weights: Vec<f64>,
    /// Inducing points of each class.
    pub points: Points,
}

/// A surface with what evaluating it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedSurface {
    /// The functions.
    pub basis: Basis,
    /// Their weights.
    pub weights: Vec<f64>,
}

/// A residual at one kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// What the kernel's time is multiplied by.
    pub factor: f64,
    /// Whether the residual had to be kept within bounds.
    pub is_clamped: bool,
    /// Index of the first basis function that isn't zero here.
    pub first: usize,
    /// Variance that the basis leaves unexplained.
    pub rest: f64,
}

impl PreparedSurface {
    /// Prepares a surface.
    pub fn new(surface: &Surface) -> Self {
        Self {
            basis: Basis::new(surface.covariance, &surface.points),
            weights: surface.weights.clone(),
        }
    }

    /// The residual at a kernel; `values` takes the basis functions there.
    pub fn at(&self, work: &Workload, values: &mut Vec<f64>) -> Residual {
        let (first, rest) = self.basis.project(work.class, &work.coordinates, values);
        let weights = &self.weights[first..];
        let residual: f64 = values.iter().zip(weights).map(|(v, w)| v * w).sum();
        Residual {
            factor: residual_factor(residual),
            is_clamped: residual.abs() > LARGEST_RESIDUAL,
            first,
            rest,
        }
    }
}
