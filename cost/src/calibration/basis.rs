//! A Gaussian process in weight space: functions of a kernel, one for each inducing point.
//!
//! ```text
//! r(x) = phi(x)' w + rest(x),   phi(x) = L^-1 k(Z, x),   L L' = k(Z, Z),   w ~ N(0, I)
//! Var rest(x) = k(x, x) - |phi(x)|^2 + nugget(class)^2                 independent for each distinct kernel
//! ```
//!
//! The nugget (Cressie: Statistics for Spatial Data, 1993) is the relative deviation of what a kernel takes beside what its coordinates say: one for each distinct
//! kernel, the same wherever that stands. Convolutions have little of it, sums, activations and copies much.
//!
//! Between the inducing points Z the process is exact; what they can't express keeps its prior variance (Quinonero-Candela, Rasmussen:
//! A Unifying View of Sparse Approximate Gaussian Process Regression, JMLR 2005; there: FITC).

use std::collections::BTreeMap;

use super::covariance::Covariance;
use super::workload::COORDINATES;
use crate::class::OpClass;

/// Points that a residual is expressed by, class by class.
pub type Points = BTreeMap<OpClass, Vec<[f64; COORDINATES]>>;

/// Relative standard deviation, by class, of what each distinct kernel takes beside what its coordinates say; classes that aren't there have none.
pub type Nuggets = BTreeMap<OpClass, f64>;

/// The functions that a residual is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    covariance: Covariance,
    classes: BTreeMap<OpClass, ClassBasis>,
    nuggets: Nuggets,
    len: usize,
}

/// Kernels of different classes are independent, so each class has functions of its own.
#[derive(Debug, Clone, PartialEq)]
struct ClassBasis {
    /// Index of the first function.
    first: usize,
    points: Vec<[f64; COORDINATES]>,
    /// Lower triangle of the Cholesky factor, row by row.
    factor: Vec<f64>,
}

/// Added to the variance of inducing points, relative to it, so that points close to one another can be told apart.
const JITTER: f64 = 1e-6;

impl Basis {
    /// The functions of these inducing points.
    pub fn new(covariance: Covariance, points: &Points, nuggets: Nuggets) -> Self {
        let mut len = 0;
        let classes = points.iter().map(|(&class, points)| {
            let basis = ClassBasis {
                first: len,
                factor: cholesky_of(&covariance, points),
                points: points.clone(),
            };
            len += points.len();
            (class, basis)
        });
        let classes = classes.collect();
        Self {
            covariance,
            classes,
            nuggets,
            len,
        }
    }

    /// Number of functions.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none: the residual is zero everywhere.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How alike residuals are.
    pub fn covariance(&self) -> Covariance {
        self.covariance
    }

    /// Relative standard deviation, by class, of what each distinct kernel takes beside what its coordinates say.
    pub fn nuggets(&self) -> &Nuggets {
        &self.nuggets
    }

    /// The inducing points.
    pub fn points(&self) -> Points {
        let classes = self.classes.iter();
        classes
            .map(|(&class, basis)| (class, basis.points.clone()))
            .collect()
    }

    /// The functions' values for a kernel: index of the first one that isn't zero, those values, and the variance
    /// that they leave unexplained. `values` is overwritten.
    pub fn project(
        &self,
        class: OpClass,
        at: &[f64; COORDINATES],
        values: &mut Vec<f64>,
    ) -> (usize, f64) {
        values.clear();
        let nugget = self.nuggets.get(&class).map_or(0.0, |own| own * own);
        let Some(basis) = self.classes.get(&class) else {
            return (0, self.covariance.variance() + nugget);
        };
        let mut explained = 0.0;
        for (row, point) in basis.points.iter().enumerate() {
            let factor = &basis.factor[row * (row + 1) / 2..];
            let known: f64 = values.iter().zip(factor).map(|(v, f)| v * f).sum();
            let value = (self.covariance.between(point, at) - known) / factor[row];
            explained += value * value;
            values.push(value);
        }
        (
            basis.first,
            (self.covariance.variance() - explained).max(0.0) + nugget,
        )
    }
}

fn cholesky_of(covariance: &Covariance, points: &[[f64; COORDINATES]]) -> Vec<f64> {
    let jitter = JITTER * covariance.variance().max(f64::MIN_POSITIVE);
    let mut factor: Vec<f64> = Vec::with_capacity(points.len() * (points.len() + 1) / 2);
    for (i, point) in points.iter().enumerate() {
        let start = factor.len();
        for (j, other) in points[..=i].iter().enumerate() {
            let row = &factor[start..];
            let column = &factor[j * (j + 1) / 2..];
            let known: f64 = row.iter().zip(column).take(j).map(|(a, b)| a * b).sum();
            let entry = covariance.between(point, other) - known;
            let value = if i == j {
                (entry + jitter).max(jitter).sqrt()
            } else {
                entry / column[j]
            };
            factor.push(value);
        }
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::super::covariance::Relevance;
    use super::*;

    fn at(x: f64) -> [f64; COORDINATES] {
        let mut coordinates = [0.0; COORDINATES];
        coordinates[3] = x;
        coordinates
    }

    const COVARIANCE: Covariance = Covariance {
        amplitude: 0.3,
        detail: 0.1,
        length_scale: 1.0,
        relevance: Relevance::EVEN,
    };

    fn basis() -> Basis {
        let points = BTreeMap::from([
            (OpClass::Dense, vec![at(0.0), at(1.0), at(2.5)]),
            (OpClass::Depthwise, vec![at(0.0), at(0.2)]),
        ]);
        Basis::new(COVARIANCE, &points, Nuggets::new())
    }

    #[test]
    fn products_of_functions_are_covariances_at_inducing_points() {
        let basis = basis();
        let project = |class, x| {
            let mut values = Vec::new();
            let (first, rest) = basis.project(class, &at(x), &mut values);
            let mut all = vec![0.0; basis.len()];
            all[first..first + values.len()].copy_from_slice(&values);
            (all, rest)
        };
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (a, rest) = project(OpClass::Dense, 1.0);
        let (b, _) = project(OpClass::Dense, 2.5);
        let (other, _) = project(OpClass::Depthwise, 0.0);
        assert!((product(&a, &b) - COVARIANCE.between(&at(1.0), &at(2.5))).abs() < 1e-6);
        assert!((product(&a, &a) - COVARIANCE.variance()).abs() < 1e-6);
        assert!(rest < 1e-6);
        assert_eq!(product(&a, &other), 0.0);
        // an inducing point's neighbour is not quite explained, a stranger not at all
        let (_, near) = project(OpClass::Dense, 0.5);
        let (_, far) = project(OpClass::Dense, 50.0);
        assert!(0.0 < near && near < far);
        assert!((far - COVARIANCE.variance()).abs() < 1e-9);
        let (_, stranger) = project(OpClass::Pool, 0.0);
        assert!((stranger - COVARIANCE.variance()).abs() < 1e-12);
    }

    #[test]
    fn nuggets_are_left_unexplained() {
        let points = BTreeMap::from([(OpClass::Dense, vec![at(0.0)])]);
        let of = |nuggets| {
            let basis = Basis::new(COVARIANCE, &points, nuggets);
            let at = |class, x| basis.project(class, &at(x), &mut Vec::new()).1;
            [
                at(OpClass::Dense, 0.0),
                at(OpClass::Dense, 1.0),
                at(OpClass::Pool, 0.0),
                at(OpClass::Linear, 0.0),
            ]
        };
        let without = of(Nuggets::new());
        let with = of(BTreeMap::from([
            (OpClass::Dense, 0.2),
            (OpClass::Pool, 0.5),
        ]));
        for ((with, without), own) in with.into_iter().zip(without).zip([0.04, 0.04, 0.25, 0.0]) {
            assert!((with - without - own).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_points_do_no_harm() {
        let points = BTreeMap::from([(OpClass::Dense, vec![at(1.0); 4])]);
        let basis = Basis::new(COVARIANCE, &points, Nuggets::new());
        let mut values = Vec::new();
        let (_, rest) = basis.project(OpClass::Dense, &at(1.0), &mut values);
        assert!(values.iter().all(|value| value.is_finite()));
        assert!(rest < 1e-6);
    }
}
