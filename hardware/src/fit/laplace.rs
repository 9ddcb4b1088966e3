//! The most probable parameters, and how probable the timings are under a prior.
//!
//! With `v` the coordinates (all of them standard normal a priori), `y` and `f(v)` the logarithms of timings and predictions, `H` the
//! derivatives of `f` and `R` the covariance of what is left (noise, and what the residual's functions can't express):
//!
//! ```text
//! most probable v:   minimum of |L^-1 (y - f(v))|^2 / 2 + |v|^2 / 2,   R = L L'       by Gauss-Newton steps with a line search
//! posterior:         covariance (I + H' R^-1 H)^-1
//! log evidence:      - that minimum - sum log L_ii - log det(I + H' R^-1 H) / 2       Laplace's approximation
//! ```
//!
//! (MacKay: Bayesian Interpolation, Neural Computation 1992.) Of layers alone `f` is linear in the residual's weights, and nothing is approximate
//! for these. With fewer timings than coordinates the same is had at less cost from `I + L^-1 H H' L^-T`, which has the same determinant.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use roofnas_cost::calibration::{Basis, CLASSES, Covariance, Nuggets, Points};

use super::design::Design;
use super::prior::Prior;
use super::state::{Functions, State};

/// Beyond so many timings, what the functions leave unexplained is taken as independent for each timing.
const DENSE: usize = 300;

/// Steps to the most probable parameters.
const STEPS: usize = 12;

/// What the marginal likelihood is maximised over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hyper {
    pub(super) covariance: Covariance,
    /// Relative standard deviation of a timing: where classes have nuggets, of one that has a call of the engine in it.
    pub(super) noise: f64,
    /// Relative standard deviation of the offset that timings of one run share; 0 with a single run.
    pub(super) run_offset: f64,
    /// Relative standard deviation, by class, of what each distinct kernel takes beside what its coordinates say.
    pub(super) nuggets: Nuggets,
}

/// Relative standard deviation of a kernel's timing that stands for one repetition, where classes have nuggets for what else it deviates by. A node's reading stands for a
/// twenty-fifth of one, and so deviates by an eighth: with a fifth of that, what readings scatter by on a shared machine was taken for the kernels' own (15 % of pointwise
/// convolutions), and the bounds of residual networks became a fifth wider.
const KERNEL_NOISE: f64 = 0.025;

impl Hyper {
    /// Relative standard deviation of a timing with or without a call of the engine.
    pub(super) fn noise_of(&self, is_call: bool) -> f64 {
        if is_call || self.nuggets.is_empty() {
            self.noise
        } else {
            KERNEL_NOISE
        }
    }
}

/// A fit under one prior with one set of hyper-parameters.
#[derive(Debug, Clone)]
pub(super) struct Laplace {
    pub(super) hyper: Hyper,
    pub(super) basis: Basis,
    /// Most probable coordinates: parameters, then the residual's weights.
    pub(super) coordinates: Vec<f64>,
    /// Logarithm of the timings' probability, but for a constant.
    pub(super) log_evidence: f64,
    /// The derivatives `L^-1 H`.
    whitened: DMatrix<f64>,
    /// Each timing if it were left out.
    pub(super) left_out: Vec<LeftOut>,
}

/// How a timing comes out that the fit had no part in.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeftOut {
    /// The square of the error of its logarithm.
    pub(super) error2: f64,
    /// The variance expected of it.
    pub(super) variance: f64,
    /// How much of that a nugget of 1 for each class would be.
    pub(super) by_nugget: [f64; CLASSES],
}

impl LeftOut {
    /// What the variance would be with another part in the place of one that it has.
    pub(super) fn exchanged(&self, before: f64, after: f64) -> f64 {
        // it can't have been all of it
        (self.variance - before).max(1e-3 * self.variance) + after
    }
}

/// What stays the same while one prior is fitted.
pub(super) struct Task<'a> {
    pub(super) design: &'a Design,
    pub(super) prior: &'a Prior,
    pub(super) points: &'a Points,
    /// Steps in which the timings come, in seconds.
    pub(super) resolution_s: f64,
    inherited: Vec<f64>,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        design: &'a Design,
        prior: &'a Prior,
        points: &'a Points,
        resolution_s: f64,
    ) -> Self {
        Self {
            inherited: prior.inherited_factors(design),
            design,
            prior,
            points,
            resolution_s,
        }
    }

    /// Fits from a starting place. `trust`: weight of each timing, 1 for one like the others.
    pub(super) fn fit(&self, hyper: Hyper, trust: &[f64], start: &[f64]) -> Option<Laplace> {
        let basis = Basis::new(hyper.covariance, self.points, hyper.nuggets.clone());
        let functions = Functions::new(self.design, &basis);
        let mut place = start.to_vec();
        place.resize(self.prior.coordinates() + functions.len, 0.0);
        let mut state = self.state(&functions, &place);
        for _ in 0..STEPS {
            let left = self.left(&state, &functions, &hyper, trust)?;
            let step = self.step(&state, &functions, &left, &place)?;
            let here = self.cost(&state, &left, &place);
            let mut taken = None;
            for halvings in 0..8 {
                let part = 0.5f64.powi(halvings);
                let there: Vec<f64> = place.iter().zip(&step).map(|(p, s)| p + part * s).collect();
                let next = self.state(&functions, &there);
                let cost = self.cost(&next, &left, &there);
                if cost < here {
                    taken = Some((there, next, here - cost));
                    break;
                }
            }
            let Some((there, next, gain)) = taken else {
                break;
            };
            (place, state) = (there, next);
            if gain < 1e-4 {
                break;
            }
        }
        self.finish(hyper, basis, &functions, trust, place, &state)
    }

    fn state(&self, functions: &Functions, place: &[f64]) -> State {
        State::new(self.design, self.prior, &self.inherited, functions, place)
    }

    /// Logarithms of the timings less those of the predictions, whitened.
    fn errors(&self, state: &State, left: &Left) -> DVector<f64> {
        let seconds = &self.design.seconds;
        left.whiten(&seconds.zip_map(&state.predicted, |y, f| (y / f).ln()))
    }

    /// Half the squared errors and coordinates: what the most probable place has least of.
    fn cost(&self, state: &State, left: &Left, place: &[f64]) -> f64 {
        let errors = self.errors(state, left);
        0.5 * (errors.norm_squared() + place.iter().map(|p| p * p).sum::<f64>())
    }

    fn step(
        &self,
        state: &State,
        functions: &Functions,
        left: &Left,
        place: &[f64],
    ) -> Option<DVector<f64>> {
        let mut derivatives = state.derivatives(self.design, self.prior, functions);
        left.whiten_columns(&mut derivatives);
        let errors = self.errors(state, left);
        let place = DVector::from_column_slice(place);
        Some(match Decomposed::new(&derivatives)? {
            Decomposed::Coordinates(precision) => {
                precision.solve(&(derivatives.tr_mul(&errors) - place))
            }
            Decomposed::Timings(dual) => {
                let aim = errors + &derivatives * &place;
                derivatives.tr_mul(&dual.solve(&aim)) - place
            }
        })
    }

    /// Covariance of the logarithms of the timings that the coordinates don't explain.
    fn left(
        &self,
        state: &State,
        functions: &Functions,
        hyper: &Hyper,
        trust: &[f64],
    ) -> Option<Left> {
        let n = self.design.len();
        let rest = state.rest(functions);
        let offset = hyper.run_offset * hyper.run_offset;
        let own = |i: usize| {
            let noise = hyper.noise_of(self.design.calls[i] > 0.0);
            let noise = noise * noise / self.design.repeats[i];
            let rounding = self.resolution_s * self.resolution_s / 12.0;
            let fixed = self.design.errors_s[i] * self.design.errors_s[i] + rounding;
            (noise + fixed / (state.predicted[i] * state.predicted[i])) / trust[i]
        };
        let weight = |i: usize| state.relative_weight(i);
        let unexplained = |row: &[(usize, f64)], weight: f64| -> f64 {
            let each = |&(work, count): &(usize, f64)| count * count * rest[work];
            weight * weight * row.iter().map(each).sum::<f64>()
        };
        // nuggets are fitted one timing at a time
        if n > DENSE || !hyper.nuggets.is_empty() {
            let of = |i: usize| own(i) + offset + unexplained(&self.design.rows[i], weight(i));
            return Some(Left::Diagonal(DVector::from_fn(n, |i, _| of(i).sqrt())));
        }
        let mut counts = vec![0.0; rest.len()];
        let mut covariance = DMatrix::zeros(n, n);
        for i in 0..n {
            for &(work, count) in &self.design.rows[i] {
                counts[work] = count * rest[work];
            }
            for j in 0..=i {
                let shared: f64 = self.design.rows[j]
                    .iter()
                    .map(|&(work, count)| count * counts[work])
                    .sum();
                let mut entry = weight(i) * weight(j) * shared;
                if self.design.runs[i] == self.design.runs[j] {
                    entry += offset;
                }
                if i == j {
                    entry += own(i);
                }
                covariance[(i, j)] = entry;
                covariance[(j, i)] = entry;
            }
            for &(work, _) in &self.design.rows[i] {
                counts[work] = 0.0;
            }
        }
        Some(Left::Dense(covariance.cholesky()?))
    }

    fn finish(
        &self,
        hyper: Hyper,
        basis: Basis,
        functions: &Functions,
        trust: &[f64],
        place: Vec<f64>,
        state: &State,
    ) -> Option<Laplace> {
        let left = self.left(state, functions, &hyper, trust)?;
        let mut derivatives = state.derivatives(self.design, self.prior, functions);
        left.whiten_columns(&mut derivatives);
        let decomposed = Decomposed::new(&derivatives)?;
        let log_evidence =
            -self.cost(state, &left, &place) - left.log_root() - decomposed.log_root();
        // errors left out, from the inverse of the timings' covariance C = R + H H' (Sundararajan, Keerthi: Predictive
        // Approaches for Choosing Hyperparameters in Gaussian Processes, 2001); at the most probable place
        // C^-1 (y - f + H v) = R^-1 (y - f)
        let pulled = left.unwhiten(&self.errors(state, &left));
        let shares = left.inverse_diagonal(&derivatives, &decomposed);
        let left_out = (0..self.design.len()).map(|i| LeftOut {
            error2: (pulled[i] / shares[i]).powi(2),
            variance: 1.0 / shares[i],
            by_nugget: state.by_nugget(self.design, i),
        });
        let left_out = left_out.collect();
        log_evidence.is_finite().then_some(Laplace {
            hyper,
            basis,
            coordinates: place,
            log_evidence,
            whitened: derivatives,
            left_out,
        })
    }
}

impl Laplace {
    /// The posterior precision `I + H' R^-1 H` of the coordinates, decomposed.
    pub(super) fn precision(&self) -> Option<Cholesky<f64, Dyn>> {
        with_identity(self.whitened.transpose() * &self.whitened)
    }
}

/// What a step solves with, whichever is smaller.
enum Decomposed {
    /// `I + H' R^-1 H`.
    Coordinates(Cholesky<f64, Dyn>),
    /// `I + L^-1 H H' L^-T`.
    Timings(Cholesky<f64, Dyn>),
}

impl Decomposed {
    fn new(whitened: &DMatrix<f64>) -> Option<Self> {
        Some(if whitened.nrows() < whitened.ncols() {
            Self::Timings(with_identity(whitened * whitened.transpose())?)
        } else {
            // the product of a transposed copy is blocked for caches, `tr_mul` is not
            Self::Coordinates(with_identity(whitened.transpose() * whitened)?)
        })
    }

    fn log_root(&self) -> f64 {
        let (Self::Coordinates(factor) | Self::Timings(factor)) = self;
        log_root(factor)
    }
}

fn with_identity(mut product: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    for i in 0..product.nrows() {
        product[(i, i)] += 1.0;
    }
    product.cholesky()
}

/// Half the logarithm of a determinant.
fn log_root(decomposed: &Cholesky<f64, Dyn>) -> f64 {
    let factor = decomposed.l_dirty();
    (0..factor.nrows()).map(|i| factor[(i, i)].ln()).sum()
}

/// The covariance of what is left, decomposed.
enum Left {
    Dense(Cholesky<f64, Dyn>),
    /// Standard deviations.
    Diagonal(DVector<f64>),
}

impl Left {
    fn whiten(&self, vector: &DVector<f64>) -> DVector<f64> {
        let mut whitened = vector.clone();
        match self {
            Self::Dense(factor) => {
                factor.l_dirty().solve_lower_triangular_mut(&mut whitened);
            }
            Self::Diagonal(deviations) => whitened.component_div_assign(deviations),
        }
        whitened
    }

    fn whiten_columns(&self, matrix: &mut DMatrix<f64>) {
        match self {
            Self::Dense(factor) => {
                factor.l_dirty().solve_lower_triangular_mut(matrix);
            }
            Self::Diagonal(deviations) => {
                for mut column in matrix.column_iter_mut() {
                    column.component_div_assign(deviations);
                }
            }
        }
    }

    /// `L^-T` times a vector.
    fn unwhiten(&self, whitened: &DVector<f64>) -> DVector<f64> {
        let mut vector = whitened.clone();
        match self {
            Self::Dense(factor) => {
                factor.l_dirty().tr_solve_lower_triangular_mut(&mut vector);
            }
            Self::Diagonal(deviations) => vector.component_div_assign(deviations),
        }
        vector
    }

    fn unwhiten_columns(&self, matrix: &mut DMatrix<f64>) {
        match self {
            Self::Dense(factor) => {
                factor.l_dirty().tr_solve_lower_triangular_mut(matrix);
            }
            // L is its own transpose
            Self::Diagonal(_) => self.whiten_columns(matrix),
        }
    }

    fn log_root(&self) -> f64 {
        match self {
            Self::Dense(factor) => log_root(factor),
            Self::Diagonal(deviations) => deviations.iter().map(|d| d.ln()).sum(),
        }
    }

    /// Diagonal of `C^-1` with `C = R + H H'`; with `W = L^-1 H`,
    /// `C^-1 = L^-T (I + W W')^-1 L^-1 = R^-1 - L^-T W P^-1 W' L^-1`, where `P` is the precision.
    fn inverse_diagonal(&self, whitened: &DMatrix<f64>, decomposed: &Decomposed) -> Vec<f64> {
        match decomposed {
            Decomposed::Timings(dual) => {
                let mut columns = self.inverse(whitened.nrows());
                dual.l_dirty().solve_lower_triangular_mut(&mut columns);
                columns.column_iter().map(|c| c.norm_squared()).collect()
            }
            Decomposed::Coordinates(precision) => {
                let mut explained = whitened.clone();
                self.unwhiten_columns(&mut explained);
                let mut explained = explained.transpose();
                precision
                    .l_dirty()
                    .solve_lower_triangular_mut(&mut explained);
                let own = self.own_precisions(whitened.nrows());
                own.into_iter()
                    .zip(explained.column_iter())
                    .map(|(own, column)| (own - column.norm_squared()).max(1e-12 * own))
                    .collect()
            }
        }
    }

    /// `L^-1`.
    fn inverse(&self, n: usize) -> DMatrix<f64> {
        let mut inverse = DMatrix::identity(n, n);
        self.whiten_columns(&mut inverse);
        inverse
    }

    /// Diagonal of `R^-1`.
    fn own_precisions(&self, n: usize) -> Vec<f64> {
        match self {
            Self::Dense(_) => {
                let inverse = self.inverse(n);
                inverse.column_iter().map(|c| c.norm_squared()).collect()
            }
            Self::Diagonal(deviations) => deviations.iter().map(|d| 1.0 / (d * d)).collect(),
        }
    }
}
