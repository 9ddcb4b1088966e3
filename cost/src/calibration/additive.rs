//! The calibrated price as sums over kernels, for those who price many networks of the same few kernels.
//!
//! With `h`, `d` the sums of the kernels' seconds on the host and on the device, to the latter of which comes what the network's [cold weights](super::cold) take, `c`, and
//! `a(h, d + c)`, `b(h, d + c)` the [composition's weights](Composition::weights), one component says
//!
//! ```text
//! mean     = inference + a h + b (d + c)
//! variance = |v0 + a sum v_host + b (sum v_device + v_cold)|^2 + b^2 sum over distinct kernels (count^2 rest) + (noise mean)^2
//! ```
//!
//! where the `v` are the gradients along the directions in which the posterior is uncertain. Everything under a sum belongs to a kernel
//! alone, and to whatever is made of kernels; `c` and `v_cold` depend on the sum of their weights.

use super::cold::{Cold, ColdWeights};
use super::composition::Composition;

/// What every network has of one component.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentConstants {
    /// Its share in the average; shares add up to 1.
    pub share: f64,
    /// How kernels add up.
    pub composition: Composition,
    /// Relative standard deviation of a single timing.
    pub noise: f64,
    /// One call of the engine, in seconds.
    pub inference_s: f64,
    /// Its gradient, `v0`, in seconds.
    pub inference: Vec<f64>,
    /// What weights take that caches don't hold.
    pub cold: ColdWeights,
    /// Gradients of the logarithms of the bandwidth of cold weights and of what caches hold of them.
    pub cold_along: [Vec<f64>; 2],
}

impl Cold {
    /// The factors of a component's [`cold_along`](ComponentConstants::cold_along) in the gradient, in seconds.
    pub fn factors_s(&self) -> [f64; 2] {
        [self.by_bandwidth_s, self.by_held_s]
    }
}

/// What one kernel adds to the sums.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelAddends {
    /// Seconds on the host.
    pub host_s: f64,
    /// Seconds on the device.
    pub device_s: f64,
    /// Variance that a single kernel has for itself, in square seconds; it grows with the square of the kernel's count.
    pub rest_s2: f64,
    /// Gradient of the host's part, in seconds; empty where the composition has none.
    pub on_host: Vec<f64>,
    /// Gradient of the device's part, in seconds.
    pub on_device: Vec<f64>,
}

/// What components say together: the mixture, by its first two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Mean, in seconds.
    pub mean_s: f64,
    /// Variance, in square seconds.
    pub variance_s2: f64,
}

impl Moments {
    /// The mixture of parts, each with its share.
    pub fn mixture(parts: impl Iterator<Item = (f64, Self)> + Clone) -> Self {
        let mean_s: f64 = parts.clone().map(|(share, part)| share * part.mean_s).sum();
        let variance_s2 = parts.map(|(share, part)| {
            let between = part.mean_s - mean_s;
            share * (part.variance_s2 + between * between)
        });
        Self {
            mean_s,
            variance_s2: variance_s2.sum(),
        }
    }
}
