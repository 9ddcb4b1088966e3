//! What to measure next.
//!
//! The model is linear in what is unknown, to first order, so how much a timing will teach is known before it is taken: measuring network
//! `i` takes `c_ti^2 / (c_ii + noise^2)` off the variance of network `t`, with `c` the covariance of relative latencies given what
//! has been measured. Networks are chosen one after the other, each for the largest sum of that over the networks one wants to predict
//! (active learning after Cohn: Neural Network Exploration Using Optimal Experiment Design, 1996). With nothing measured that
//! spreads them over the space by itself.

use nalgebra::{DMatrix, DVector};
use roofnas_cost::calibration::{Basis, Composition, Nuggets, Workload};

use super::design::{Design, Timing};
use super::hyper;
use super::points;
use super::prior::{Kind, Prior};
use super::state::{self, Functions, State};

/// Inducing points of the plan's residual.
const POINTS: usize = 128;

/// Relative noise that a timing is taken to have.
const NOISE: f64 = 0.02;

/// Chooses `count` of the candidates to measure, the most telling first, so that the targets can be predicted best. `measured` have been measured
/// already. All are given by the kernels they run.
///
/// Returns indices of candidates, each at most once.
pub fn plan(
    candidates: &[Vec<Workload>],
    targets: &[Vec<Workload>],
    measured: &[Vec<Workload>],
    count: usize,
) -> Vec<usize> {
    let all: Vec<Timing> = candidates
        .iter()
        .chain(targets)
        .chain(measured)
        .map(|works| Timing {
            network_weights: Workload::weights_of(works),
            works: works.clone(),
            // any scale will do: what is planned for is relative
            latency_ms: 1e3,
            is_call: true,
            threads: 1,
            run: 0,
            repeats: 1.0,
            error_ms: 0.0,
        })
        .collect();
    if candidates.is_empty() || targets.is_empty() {
        return Vec::new();
    }
    let rows = derivatives(&Design::new(&all));
    let chosen = candidates.len();
    let targets = chosen..chosen + targets.len();
    let mut taught = Taught::new(rows, targets.clone());
    for row in targets.end..all.len() {
        taught.measure(row);
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < count.min(chosen) {
        let left = (0..chosen).filter(|row| !order.contains(row));
        let gains = left.map(|row| (row, taught.gain(row)));
        let Some((best, _)) = gains.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else {
            break;
        };
        taught.measure(best);
        order.push(best);
    }
    order
}

/// Derivatives of every network's relative latency by what is unknown, at the generic prior of an engine that takes all channels alike and a platform without cold weights:
/// what is left to plain code the plan's corners show, and networks differ in size anyway.
fn derivatives(design: &Design) -> DMatrix<f64> {
    let prior = Prior::generic(design, Composition::Sum, Kind::default());
    let inherited = prior.inherited_factors(design);
    let covariance = hyper::covariance(&prior.hyper_location.map(f64::ln));
    let weights = state::importance(&prior, design);
    let points = points::choose(&design.works, &weights, covariance, POINTS);
    let basis = Basis::new(covariance, &points, Nuggets::new());
    let functions = Functions::new(design, &basis);
    let place = vec![0.0; prior.coordinates() + functions.len];
    let state = State::new(design, &prior, &inherited, &functions, &place);
    state.derivatives(design, &prior, &functions)
}

/// Covariances of relative latencies, given what has been measured so far.
struct Taught {
    rows: DMatrix<f64>,
    /// Of every network with every target.
    with_targets: DMatrix<f64>,
    variances: DVector<f64>,
    /// What each measurement took away: covariances are products of rows less those of these.
    taken: Vec<DVector<f64>>,
    targets: std::ops::Range<usize>,
}

impl Taught {
    fn new(rows: DMatrix<f64>, targets: std::ops::Range<usize>) -> Self {
        let of_targets = rows.rows(targets.start, targets.len());
        Self {
            with_targets: &rows * of_targets.transpose(),
            variances: DVector::from_iterator(
                rows.nrows(),
                rows.row_iter().map(|row| row.norm_squared()),
            ),
            taken: Vec::new(),
            rows,
            targets,
        }
    }

    /// Variance that measuring a network would take off the targets.
    fn gain(&self, row: usize) -> f64 {
        let alike = self.with_targets.row(row).norm_squared();
        alike / (self.variances[row] + NOISE * NOISE)
    }

    fn measure(&mut self, measured: usize) {
        let mut column = &self.rows * self.rows.row(measured).transpose();
        for taken in &self.taken {
            column.axpy(-taken[measured], taken, 1.0);
        }
        column /= (self.variances[measured] + NOISE * NOISE).sqrt();
        let of_targets = column.rows(self.targets.start, self.targets.len());
        self.with_targets -= &column * of_targets.transpose();
        self.variances -= column.component_mul(&column);
        self.variances
            .iter_mut()
            .for_each(|variance| *variance = variance.max(0.0));
        self.taken.push(column);
    }
}
