//! The calibrated latency model: roofline and overhead fitted to a platform's timings, with a Gaussian process for what they can't express.
//!
//! ```text
//! latency(network) = inference + composition(sum of overheads, sum of kernels + cold weights)
//! latency(kernel)  = mean(kernel) * exp(r(kernel)),     r ~ a zero-mean Gaussian process
//! ```
//!
//! The mean is in [`Parameters`], what weights take that caches don't hold in [`ColdWeights`], the process in [`Basis`] and [`Surface`], the composition in [`Composition`]. A network's time is linear in the
//! process and nearly so in the logarithms of the parameters, so the posterior over both, from timings of layers and of whole networks
//! alike, is one normal distribution; a [`Component`] holds its mean and covariance, and a price's variance is a quadratic form in
//! the *sum* of its kernels' derivatives: errors of alike kernels don't cancel, and errors of strangers do.
//!
//! A [`Calibration`] averages components that started from different priors (Hoeting et al.: Bayesian Model Averaging, 1999): what is
//! known of no platform in particular, and of platforms calibrated before.

mod additive;
mod basis;
mod batches;
mod cold;
mod component;
mod composition;
mod covariance;
mod joint;
mod mean;
mod operators;
mod parameters;
mod predictive;
mod surface;
mod threads;
mod triangle;
mod workload;

pub use additive::{ComponentConstants, KernelAddends, Moments};
pub use basis::{Basis, Nuggets, Points};
pub use batches::{Batches, BatchesError};
pub use cold::{Cold, ColdWeights, Line};
pub use component::{Component, ComponentKernel, WINOGRAD_SAVING, quantum_index};
pub use composition::Composition;
pub use covariance::{Covariance, Relevance};
pub use joint::{JointPrice, LogSum};
pub use mean::{ByRates, Mean, Rates};
pub use operators::{Operator, operators_of};
pub use parameters::{
    BEYOND_BANDWIDTH, BeyondCaches, CLASSES, COLD_BANDWIDTH, ColdWeightFigures, LogParameters,
    PARAMETERS, Parameters, SLOWDOWN, WEIGHTS_HELD, WORKING_SET, activation_index, overhead_index,
    timed_classes,
};
pub use predictive::{
    BatchFigures, Calibration, CalibrationError, KernelShare, Measured, MeasuredOnThreads,
    Predictive, PreparedCalibration,
};
pub use surface::{PreparedSurface, Residual, Surface, WITHOUT_THREADS, residual_factor};
pub use threads::{
    LogThreadEffect, THREAD_PARAMETERS, ThreadDerivative, ThreadEffect, move_to_threads,
    without_threads,
};
pub use triangle::Triangle;
pub use workload::{ActivationEffort, COORDINATES, ChannelRule, QUANTA, Workload};
