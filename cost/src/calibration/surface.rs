//! A residual as it stands in a profile.

use serde::{Deserialize, Serialize};

use super::basis::{Basis, Points};
use super::covariance::Covariance;
use super::workload::Workload;

/// No residual takes more than this share of a kernel's time away.
pub const LEAST_FACTOR: f64 = 0.1;

/// A relative residual: how much longer a kernel takes than the mean says, as a function of where it stands among others of its class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What the kernel's time is multiplied by, not below [`LEAST_FACTOR`].
    pub factor: f64,
    /// Whether it had to be kept from going below.
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
            factor: (1.0 + residual).max(LEAST_FACTOR),
            is_clamped: 1.0 + residual < LEAST_FACTOR,
            first,
            rest,
        }
    }
}
