//! Prices of several networks on one platform, held against each other.
//!
//! They come from one calibration, so they err together: where one network's pointwise layers are priced too low, so are the other's. With `v`
//! the gradient of a price along the directions in which the posterior is uncertain, a sum of logarithms of prices, each with its weight
//! `w`, has in one component
//!
//! ```text
//! mean     = sum w ln(mean)
//! variance = |sum w v / mean|^2 + sum over distinct kernels (sum w rest / mean)^2 + sum w^2 own / mean^2
//! ```
//!
//! A ratio of two prices has the weights 1 and -1: what both have in common cancels, and with it what is left of the residuals of kernels that both
//! have. What doesn't cancel is what is left of the others' residuals, and the noise of each network's timing.

use std::collections::BTreeMap;

use super::component::ComponentSum;
use super::workload::{COORDINATES, Workload};
use crate::class::OpClass;
use crate::distribution::student_quantile;

/// A network's price with what it has in common with the prices of other networks on the same platform.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPrice {
    /// Mean of the predictive distribution, in seconds.
    mean_s: f64,
    parts: Vec<JointPart>,
    degrees_of_freedom: f64,
}

/// What one component says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JointPart {
    share: f64,
    mean_s: f64,
    /// The gradient over the mean.
    along: Vec<f64>,
    /// What is left of each kernel's residual: its deviation over the mean.
    rests: Vec<(KernelId, f64)>,
    /// The variance that no other network shares, over the square of the mean.
    own: f64,
}

/// What tells kernels apart: those of one class and place are one and the same.
type KernelId = (OpClass, [u64; COORDINATES]);

/// A weighted sum of logarithms of prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogSum {
    /// Its value.
    pub mean: f64,
    /// Its standard deviation.
    pub std: f64,
    /// Degrees of freedom of its distribution, Student's.
    pub degrees_of_freedom: f64,
}

impl JointPart {
    /// A component's sums, with a variance from rounding.
    pub(super) fn new(
        share: f64,
        works: &[Workload],
        sum: &ComponentSum,
        rounding_s2: f64,
    ) -> Self {
        let mean_s = sum.mean_s;
        let rests = works.iter().zip(&sum.rests_s);
        let rests = rests.map(|(work, rest)| {
            let id = (work.class, work.coordinates.map(f64::to_bits));
            (id, rest / mean_s)
        });
        Self {
            share,
            mean_s,
            along: sum.along.iter().map(|each| each / mean_s).collect(),
            rests: rests.collect(),
            own: (sum.noise_s2 + rounding_s2) / (mean_s * mean_s),
        }
    }
}

impl JointPrice {
    pub(super) fn new(parts: Vec<JointPart>, degrees_of_freedom: f64) -> Self {
        Self {
            mean_s: parts.iter().map(|part| part.share * part.mean_s).sum(),
            parts,
            degrees_of_freedom,
        }
    }

    /// The sum of the logarithms of prices (in seconds), each with its weight. All are of one platform, and a network is named once: named twice, its
    /// timing would be noisy twice.
    pub fn sum_of_logs(terms: &[(f64, &Self)]) -> LogSum {
        let logs = terms
            .iter()
            .map(|(weight, price)| weight * price.mean_s.ln());
        let first = terms.first().map(|(_, price)| *price);
        // the mixture's variance, as of any mixture: that within its components, and that between them
        let within = first.map_or(&[][..], |first| &first.parts[..]);
        let parts: Vec<(f64, f64, f64)> = within
            .iter()
            .enumerate()
            .map(|(place, part)| {
                let (mean, variance) = component(terms, place);
                (part.share, mean, variance)
            })
            .collect();
        let mean: f64 = parts.iter().map(|(share, mean, _)| share * mean).sum();
        let variance = parts
            .iter()
            .map(|(share, own, variance)| share * (variance + (own - mean) * (own - mean)));
        LogSum {
            mean: logs.sum(),
            std: variance.sum::<f64>().sqrt(),
            degrees_of_freedom: first.map_or(f64::INFINITY, |first| first.degrees_of_freedom),
        }
    }
}

/// Mean and variance of the sum in one component.
fn component(terms: &[(f64, &JointPrice)], place: usize) -> (f64, f64) {
    let (mut mean, mut own, mut along) = (0.0, 0.0, Vec::new());
    let mut rests: BTreeMap<KernelId, f64> = BTreeMap::new();
    for (weight, price) in terms {
        let part = &price.parts[place];
        mean += weight * part.mean_s.ln();
        own += weight * weight * part.own;
        along.resize(part.along.len(), 0.0);
        for (sum, each) in along.iter_mut().zip(&part.along) {
            *sum += weight * each;
        }
        for (kernel, rest) in &part.rests {
            *rests.entry(*kernel).or_default() += weight * rest;
        }
    }
    let along: f64 = along.iter().map(|each: &f64| each * each).sum();
    let rests: f64 = rests.values().map(|rest| rest * rest).sum();
    (mean, own + along + rests)
}

impl LogSum {
    /// Whether it differs from 0 by more than its 90 % interval.
    pub fn differs_from_0(&self) -> bool {
        self.mean.abs() > student_quantile(0.95, self.degrees_of_freedom) * self.std
    }
}
