//! Latency of a network on a platform.
//!
//! ```text
//! latency(network) = inference constant + sum over kernels
//! latency(kernel)  = overhead(class) + max(FLOPs / (peak(class) * utilisation), traffic / bandwidth)
//! ```
//!
//! Kernels are what the platform's fusion rules leave. Utilisation is at most 1 and has two parts, both of
//! them rounding up to whole quanta:
//!
//! * *channels*: input and output channels of each group are padded to the platform's channel quantum (a depthwise
//!   layer puts channels side by side instead, so its channels are padded as one run; a linear layer pads its outputs);
//! * *parallel work*: output elements are worked on in waves of as many lanes as the machine has, and the last
//!   wave is rarely full.
//!
//! A platform without calibration states a prior relative deviation of the whole; nothing of it was measured.

use thiserror::Error;

use crate::class::OpClass;
use crate::counts::{Geometry, KernelCost, NetworkCost};
use crate::dtype::Dtype;
use crate::platform::{Platform, RoofFigures, RoofKind, Utilisation};

/// The one-sided 95 % quantile of the normal distribution.
pub(crate) const Z95: f64 = 1.644_853_626_951_472_2;

/// Prices networks for one platform, number format and batch size.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyModel {
    platform: Platform,
    dtype: Dtype,
    batch: u64,
    roof_kind: RoofKind,
    roofs: RoofFigures,
    utilisation: Option<Utilisation>,
}

/// A number format or batch size that a platform's profile doesn't cover.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LatencyError {
    /// No roofs for the number format.
    #[error("platform {platform} has no roofs for {dtype}; it has {known}")]
    Dtype {
        /// The platform's name.
        platform: String,
        /// What was asked for.
        dtype: Dtype,
        /// What there is.
        known: String,
    },
    /// A batch of nothing, or one whose work can't be counted.
    #[error("batch = {0}: must be from 1 to 65536")]
    Batch(u64),
}

/// What holds a kernel's time up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Memory traffic.
    Memory,
    /// The overhead is larger than either.
    Overhead,
}

impl Bound {
    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Overhead => "overhead",
        }
    }
}

/// The price of one kernel, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelPrice {
    /// Overhead.
    pub overhead_s: f64,
    /// Time of the arithmetic alone.
    pub compute_s: f64,
    /// Time of the memory traffic alone.
    pub memory_s: f64,
    /// Share of the peak that the kernel's shape lets it reach.
    pub utilisation: f64,
}

impl KernelPrice {
    /// The price of what is not executed.
    const NOTHING: Self = Self {
        overhead_s: 0.0,
        compute_s: 0.0,
        memory_s: 0.0,
        utilisation: 1.0,
    };

    /// The kernel's latency, in seconds.
    pub fn seconds(&self) -> f64 {
        self.overhead_s + self.compute_s.max(self.memory_s)
    }

    /// What holds it up.
    pub fn bound(&self) -> Bound {
        if self.overhead_s > self.compute_s.max(self.memory_s) {
            Bound::Overhead
        } else if self.compute_s >= self.memory_s {
            Bound::Compute
        } else {
            Bound::Memory
        }
    }
}

/// A latency with its uncertainty, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Mean of the predictive distribution.
    pub mean_ms: f64,
    /// Its standard deviation.
    pub std_ms: f64,
}

impl Latency {
    /// The one-sided 95 % bound: with probability 0.95 the latency is no more.
    pub fn upper95_ms(&self) -> f64 {
        self.mean_ms + Z95 * self.std_ms
    }
}

/// The price of a network, part by part.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// The call of the engine.
    pub inference_s: f64,
    /// The kernels, in execution order.
    pub kernels: Vec<KernelPrice>,
}

impl Breakdown {
    /// The whole, in seconds.
    pub fn seconds(&self) -> f64 {
        self.inference_s + self.kernels.iter().map(KernelPrice::seconds).sum::<f64>()
    }

    /// Share of the whole that is spent in kernels held up by this.
    pub fn share_of(&self, bound: Bound) -> f64 {
        let held_up = self.kernels.iter().filter(|price| price.bound() == bound);
        held_up.map(KernelPrice::seconds).sum::<f64>() / self.seconds()
    }
}

/// Which rules a network's price comes from, as shares of its time that add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Operators of classes that were calibrated on the platform.
    pub calibrated: f64,
    /// Operators priced by formula alone.
    pub fallback: f64,
    /// Operators nobody here knows, priced as arithmetic on every element.
    pub unknown: f64,
}

impl LatencyModel {
    /// A model of this platform.
    ///
    /// # Errors
    /// When the profile has no roofs for the number format, or the batch is 0 or beyond counting.
    pub fn new(platform: Platform, dtype: Dtype, batch: u64) -> Result<Self, LatencyError> {
        if !(1..=65_536).contains(&batch) {
            return Err(LatencyError::Batch(batch));
        }
        let in_use = platform.roofs.get(&dtype).and_then(|roofs| roofs.in_use());
        let Some((roof_kind, figures)) = in_use else {
            let known: Vec<&str> = platform.dtypes().map(Dtype::name).collect();
            return Err(LatencyError::Dtype {
                platform: platform.name,
                dtype,
                known: known.join(", "),
            });
        };
        Ok(Self {
            roof_kind,
            roofs: figures.clone(),
            utilisation: platform.utilisation.get(&dtype).copied(),
            platform,
            dtype,
            batch,
        })
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The number format.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The batch size.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// Channels that the platform works on at a time, where its profile says.
    pub fn channel_quantum(&self) -> Option<usize> {
        self.utilisation.map(|rules| rules.channel_quantum as usize)
    }

    /// Which roofs prices are made with.
    pub fn roof_kind(&self) -> RoofKind {
        self.roof_kind
    }

    /// The roofs prices are made with.
    pub fn roofs(&self) -> &RoofFigures {
        &self.roofs
    }

    /// What a reader of its prices should know.
    pub fn caveats(&self) -> Vec<String> {
        let platform = &self.platform;
        let mut caveats = vec![format!(
            "platform {} is {}: its latencies are roofline estimates with a relative deviation of {} ({})",
            platform.name,
            platform.uncertainty.word(),
            platform.uncertainty.prior_relative_std,
            platform.uncertainty.origin()
        )];
        if self.utilisation.is_none() {
            caveats.push(format!(
                "platform {} has no utilisation rules for {}: every layer is priced as if it could reach the peak",
                platform.name, self.dtype
            ));
        }
        caveats
    }

    /// The price of a network, part by part.
    pub fn breakdown(&self, cost: &NetworkCost) -> Breakdown {
        let kernels = cost.kernels.iter();
        Breakdown {
            inference_s: 1e-6 * self.platform.overhead.inference_us,
            kernels: kernels.map(|kernel| self.price_kernel(kernel)).collect(),
        }
    }

    /// The price of a network's inference.
    pub fn price(&self, cost: &NetworkCost) -> Latency {
        let kernels = cost.kernels.iter();
        let seconds: f64 = kernels
            .map(|kernel| self.price_kernel(kernel).seconds())
            .sum();
        let mean_ms = 1e3 * (1e-6 * self.platform.overhead.inference_us + seconds);
        Latency {
            mean_ms,
            std_ms: mean_ms * self.platform.uncertainty.prior_relative_std,
        }
    }

    /// Which rules a network's price comes from. Nothing is calibrated on an uncalibrated platform.
    pub fn shares(&self, cost: &NetworkCost) -> Shares {
        let seconds = |kernel: &KernelCost| self.price_kernel(kernel).seconds();
        let total: f64 = cost.kernels.iter().map(seconds).sum();
        let unknown = cost.kernels.iter().filter(|kernel| kernel.is_unknown);
        // an empty sum of floats is minus zero
        let unknown =
            unknown.map(seconds).fold(0.0, |sum, s| sum + s) / total.max(f64::MIN_POSITIVE);
        Shares {
            calibrated: 0.0,
            fallback: 1.0 - unknown,
            unknown,
        }
    }

    /// The price of one kernel.
    pub fn price_kernel(&self, kernel: &KernelCost) -> KernelPrice {
        let roof = self.roofs.roof_of(kernel.class);
        let utilisation = self
            .utilisation
            .map_or(1.0, |rules| utilisation(&rules, kernel, self.batch));
        if kernel.class == OpClass::View {
            return KernelPrice::NOTHING;
        }
        KernelPrice {
            overhead_s: self.platform.overhead.kernel_s(kernel.class),
            compute_s: kernel.batch_flops(self.batch) / (roof.peak_flops * utilisation),
            memory_s: kernel.traffic_bytes(self.batch, self.dtype) as f64 / roof.bandwidth,
            utilisation,
        }
    }
}

/// Share of the peak a kernel's shape lets it reach, in (0, 1].
///
/// Waves are counted over the padded channels, so that more work of one class never takes less time.
fn utilisation(rules: &Utilisation, kernel: &KernelCost, batch: u64) -> f64 {
    let Geometry {
        input,
        output,
        groups,
        ..
    } = kernel.geometry;
    let quantum = u64::from(rules.channel_quantum);
    let padded = |channels: usize| (channels as u64).next_multiple_of(quantum);
    let fill = |channels: usize| channels as f64 / padded(channels) as f64;
    let (channels, lanes) = match kernel.class {
        OpClass::Pointwise | OpClass::Dense | OpClass::Winograd | OpClass::Grouped => {
            let (from, to) = (input.channels / groups, output.channels / groups);
            let lanes = groups as u64 * padded(to) * output.positions();
            (fill(from) * fill(to), lanes)
        }
        OpClass::Linear | OpClass::Depthwise => {
            let lanes = padded(output.channels) * output.positions();
            (fill(output.channels), lanes)
        }
        // a reduction is shared out over its input
        OpClass::Pool => (1.0, input.elements()),
        OpClass::Elementwise | OpClass::DataMovement | OpClass::MatMul | OpClass::View => {
            (1.0, output.elements())
        }
    };
    // in floats, which are exact here until the last wave no longer matters
    let work = batch as f64 * lanes as f64;
    let wave = f64::from(rules.parallel_lanes);
    channels * work / ((work / wave).ceil() * wave)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_one_sided() {
        let latency = Latency {
            mean_ms: 2.0,
            std_ms: 1.0,
        };
        assert!((latency.upper95_ms() - 3.6449).abs() < 1e-4);
    }
}
