//! How the times of kernels add up to that of a network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the times of kernels add up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Composition {
    /// One after the other, each with its overhead: engines on CPUs.
    Sum,
    /// A host launches kernels while the device works on earlier ones: the longer of the two totals, smoothly.
    Async,
    /// Captured graphs and compiled engines: the device's work alone, without overhead for each kernel.
    Graph,
}

/// How sharply the longer of the two totals wins.
const EXPONENT: f64 = 3.0;

impl Composition {
    /// Every composition.
    pub const ALL: [Self; 3] = [Self::Sum, Self::Async, Self::Graph];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Async => "async",
            Self::Graph => "graph",
        }
    }

    /// What each second of the host's and of the device's total counts in the whole. The whole is the two totals so weighted, and
    /// the weights are also its derivatives.
    pub fn weights(self, host_s: f64, device_s: f64) -> [f64; 2] {
        match self {
            Self::Sum | Self::Graph => [1.0, 1.0],
            Self::Async => {
                let longer = host_s.max(device_s).max(f64::MIN_POSITIVE);
                let (host, device) = (host_s / longer, device_s / longer);
                let whole = (host.powf(EXPONENT) + device.powf(EXPONENT)).powf(1.0 / EXPONENT);
                [host, device].map(|part| (part / whole.max(1.0)).powf(EXPONENT - 1.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_total_wins() {
        let whole = |host: f64, device: f64| {
            let [h, d] = Composition::Async.weights(host, device);
            h * host + d * device
        };
        assert!((whole(3.0, 0.0) - 3.0).abs() < 1e-12);
        assert!((whole(1.0, 1.0) - 2f64.cbrt()).abs() < 1e-12);
        assert!((whole(0.001, 5.0) - 5.0).abs() < 1e-6);
        assert_eq!(Composition::Sum.weights(2.0, 7.0), [1.0, 1.0]);
        // the weights are the derivatives
        let step = 1e-6;
        let slope = (whole(2.0 + step, 3.0) - whole(2.0 - step, 3.0)) / (2.0 * step);
        assert!((slope - Composition::Async.weights(2.0, 3.0)[0]).abs() < 1e-8);
    }

    #[test]
    fn nothing_takes_no_time() {
        let weights = Composition::Async.weights(0.0, 0.0);
        assert!(weights.iter().all(|weight| weight.is_finite()));
    }
}
