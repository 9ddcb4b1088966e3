//! A residual as it stands in a profile.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::basis::{Basis, Points};
use super::covariance::Covariance;
use super::threads::move_to_threads;
use super::workload::Workload;
use crate::class::OpClass;

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
    /// Inducing points of each class. The last coordinate, the threads, is left out where it is 0 of all of them.
    #[serde(with = "in_files")]
    #[schemars(with = "BTreeMap<OpClass, Vec<Vec<f64>>>")]
    pub points: Points,
}

impl Surface {
    /// The surface as kernels meet it that run on `ratio` times as many threads, and have no threads among their coordinates: what counts is how far points and
    /// kernels are apart.
    pub(super) fn on_threads(mut self, ratio: f64) -> Self {
        for point in self.points.values_mut().flatten() {
            move_to_threads(point, 1.0 / ratio);
        }
        self
    }
}

/// Points in files.
mod in_files {
    use std::collections::BTreeMap;

    use serde::de::{self, Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    use super::Points;
    use crate::calibration::COORDINATES;
    use crate::class::OpClass;

    /// Coordinates of points that know nothing of threads.
    const WITHOUT_THREADS: usize = COORDINATES - 1;

    pub(super) fn serialize<S: Serializer>(points: &Points, to: S) -> Result<S::Ok, S::Error> {
        let mut all = points.values().flatten();
        let shown = match all.all(|point| point[WITHOUT_THREADS] == 0.0) {
            true => WITHOUT_THREADS,
            false => COORDINATES,
        };
        let short = |points: &Vec<[f64; COORDINATES]>| -> Vec<Vec<f64>> {
            let points = points.iter();
            points.map(|point| point[..shown].to_vec()).collect()
        };
        let points: BTreeMap<OpClass, Vec<Vec<f64>>> = points
            .iter()
            .map(|(&class, points)| (class, short(points)))
            .collect();
        points.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Points, D::Error> {
        let lists = BTreeMap::<OpClass, Vec<Vec<f64>>>::deserialize(from)?;
        let long = |list: Vec<f64>| {
            let mut point = [0.0; COORDINATES];
            let known = match list.len() {
                WITHOUT_THREADS => &mut point[..WITHOUT_THREADS],
                COORDINATES => &mut point[..],
                other => {
                    let expected = "a point of nine coordinates, or ten where threads differ";
                    return Err(de::Error::invalid_length(other, &expected));
                }
            };
            known.copy_from_slice(&list);
            Ok(point)
        };
        let class = |(class, points): (OpClass, Vec<Vec<f64>>)| {
            let points: Result<Vec<_>, _> = points.into_iter().map(long).collect();
            Ok((class, points?))
        };
        lists.into_iter().map(class).collect()
    }
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
