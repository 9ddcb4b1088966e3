//! A residual as it stands in a profile.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::basis::{Basis, Nuggets, Points};
use super::covariance::Covariance;
use super::threads::{COORDINATE as THREADS, move_to_threads};
use super::workload::{COORDINATES, Workload};
use crate::class::OpClass;

/// Residuals are kept within this of zero: a factor of 55 either way is no residual, it is another kernel.
const LARGEST_RESIDUAL: f64 = 4.0;

/// What a residual multiplies a kernel's time by. An exponential, so that no sum of basis functions makes a time negative, and half the time
/// is as likely as twice the time.
pub fn residual_factor(residual: f64) -> f64 {
    residual.clamp(-LARGEST_RESIDUAL, LARGEST_RESIDUAL).exp()
}

/// A residual: the logarithm of how much longer a kernel takes than the mean says, as a function of where it stands among others of its class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SurfaceFile", into = "SurfaceFile")]
pub struct Surface {
    /// How alike residuals are.
    pub covariance: Covariance,
    /// Weights of the basis functions, in the order of the points.
    pub weights: Vec<f64>,
    /// Inducing points of each class; what they don't have of the [`coordinates`](Self::coordinates) is 0.
    pub points: Points,
    /// How many coordinates the points have, and kernels to it: without the threads where all timings were on as many, and without the operator, or the alignment of
    /// channels as well, in profiles of earlier versions.
    pub coordinates: usize,
    /// Relative standard deviation, by class, of what each distinct kernel takes beside what its coordinates say; of classes that the fit had timings of alone.
    pub nuggets: Nuggets,
}

/// Coordinates of points that know nothing of threads.
pub const WITHOUT_THREADS: usize = COORDINATES - 1;

/// Coordinates of points of earlier versions: with threads, but not what tells operators of a class apart; without threads; without the alignment of channels.
const EARLIER: [usize; 3] = [12, 11, 9];

/// Which coordinates they are when there are so many.
fn places(coordinates: usize) -> impl Iterator<Item = usize> {
    let end = match coordinates {
        WITHOUT_THREADS => COORDINATES,
        others => others,
    };
    (0..end).filter(move |&place| coordinates != WITHOUT_THREADS || place != THREADS)
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

/// A surface as it stands in a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SurfaceFile {
    /// How alike residuals are.
    covariance: Covariance,
    /// Weights of the basis functions, in the order of the points.
    weights: Vec<f64>,
    /// Inducing points of each class, all with as many coordinates: fourteen, or thirteen where all timings were on as many threads; in profiles of earlier versions twelve,
    /// eleven or nine.
    points: BTreeMap<OpClass, Vec<Vec<f64>>>,
    /// Relative standard deviation, by class, of what each distinct kernel takes beside what its coordinates say: classes without have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    nuggets: Nuggets,
}

impl From<Surface> for SurfaceFile {
    fn from(surface: Surface) -> Self {
        let short = |point: &[f64; COORDINATES]| -> Vec<f64> {
            places(surface.coordinates)
                .map(|place| point[place])
                .collect()
        };
        let points = surface.points.iter();
        Self {
            points: points
                .map(|(&class, points)| (class, points.iter().map(short).collect()))
                .collect(),
            covariance: surface.covariance,
            weights: surface.weights,
            nuggets: surface.nuggets,
        }
    }
}

impl TryFrom<SurfaceFile> for Surface {
    type Error = String;

    fn try_from(file: SurfaceFile) -> Result<Self, String> {
        let mut lengths = file.points.values().flatten().map(Vec::len);
        let coordinates = lengths.next().unwrap_or(WITHOUT_THREADS);
        if let Some(other) = lengths.find(|&length| length != coordinates) {
            return Err(format!(
                "a point has {other} coordinates, and another one {coordinates}: all must have as many"
            ));
        }
        if ![WITHOUT_THREADS, COORDINATES].contains(&coordinates) && !EARLIER.contains(&coordinates)
        {
            return Err(format!(
                "points have {coordinates} coordinates: must be {COORDINATES}, or {WITHOUT_THREADS} without threads, or 12, 11 or 9 as in earlier versions"
            ));
        }
        let long = |list: &Vec<f64>| {
            let mut point = [0.0; COORDINATES];
            for (place, value) in places(coordinates).zip(list) {
                point[place] = *value;
            }
            point
        };
        let points = file.points.iter();
        Ok(Self {
            points: points
                .map(|(&class, points)| (class, points.iter().map(long).collect()))
                .collect(),
            covariance: file.covariance,
            weights: file.weights,
            coordinates,
            nuggets: file.nuggets,
        })
    }
}

impl JsonSchema for Surface {
    fn schema_name() -> Cow<'static, str> {
        "Surface".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        SurfaceFile::json_schema(generator)
    }
}

/// A surface with what evaluating it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedSurface {
    /// The functions.
    pub basis: Basis,
    /// Their weights.
    pub weights: Vec<f64>,
    /// How many coordinates kernels have to it.
    coordinates: usize,
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
            basis: Basis::new(surface.covariance, &surface.points, surface.nuggets.clone()),
            weights: surface.weights.clone(),
            coordinates: surface.coordinates,
        }
    }

    /// The residual at a kernel; `values` takes the basis functions there.
    pub fn at(&self, work: &Workload, values: &mut Vec<f64>) -> Residual {
        let mut at = [0.0; COORDINATES];
        for place in places(self.coordinates) {
            at[place] = work.coordinates[place];
        }
        let (first, rest) = self.basis.project(work.class, &at, values);
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

#[cfg(test)]
mod tests {
    use super::super::covariance::Relevance;
    use super::*;

    fn surface(coordinates: usize) -> Surface {
        let mut point = [0.0; COORDINATES];
        places(coordinates).for_each(|place| point[place] = 0.5);
        Surface {
            covariance: Covariance {
                amplitude: 0.3,
                detail: 0.1,
                length_scale: 1.0,
                relevance: Relevance::EVEN,
            },
            weights: vec![2.0],
            points: BTreeMap::from([(OpClass::Dense, vec![point])]),
            coordinates,
            nuggets: Nuggets::new(),
        }
    }

    fn residual(coordinates: usize, at: [f64; COORDINATES]) -> f64 {
        let work = Workload {
            weights: 0.0,
            class: OpClass::Dense,
            flops: 1.0,
            bytes: 1.0,
            coordinates: at,
            padding: [1.0; 5],
            activation: None,
            count: 1.0,
        };
        let prepared = PreparedSurface::new(&surface(coordinates));
        prepared.at(&work, &mut Vec::new()).factor
    }

    #[test]
    fn what_points_do_not_know_makes_no_difference() {
        let moved = |coordinate: usize| {
            let mut at = [0.5; COORDINATES];
            at[coordinate] += 0.7;
            at
        };
        let here = [0.5; COORDINATES];
        for (coordinates, known, unknown) in [
            (9, vec![0, 8], vec![9, 10, 11, 12, 13]),
            (11, vec![0, 8, 9, 10], vec![11, 12, 13]),
            (12, vec![0, 8, 9, 10, 11], vec![12, 13]),
            (13, vec![0, 8, 9, 10, 12, 13], vec![11]),
            (14, vec![0, 8, 9, 10, 11, 12, 13], vec![]),
        ] {
            for coordinate in known {
                assert!(residual(coordinates, moved(coordinate)) < residual(coordinates, here));
            }
            for coordinate in unknown {
                assert_eq!(
                    residual(coordinates, moved(coordinate)),
                    residual(coordinates, here)
                );
            }
        }
    }

    #[test]
    fn files_hold_the_coordinates_that_points_have() {
        for coordinates in [9, 11, 12, 13, 14] {
            let surface = surface(coordinates);
            let text = toml::to_string(&surface).unwrap();
            assert_eq!(text.matches("0.5").count(), coordinates, "{text}");
            assert_eq!(toml::from_str::<Surface>(&text).unwrap(), surface);
        }
        let text = toml::to_string(&surface(WITHOUT_THREADS)).unwrap();
        let refused = |text: &str| toml::from_str::<Surface>(text).unwrap_err().to_string();
        let short = text.replacen("0.5, ", "", 3);
        assert!(
            refused(&short).contains("points have 10 coordinates: must be 14"),
            "{}",
            refused(&short)
        );
        let ragged = text.replace("dense = [[", "dense = [[0.5, 0.5], [");
        assert!(
            refused(&ragged).contains("all must have as many"),
            "{}",
            refused(&ragged)
        );
    }
}
