//! Upper bounds that every network must keep.

use crate::config::ConstraintsConfig;
use crate::metrics::Metrics;

/// A figure with an upper bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constraint {
    /// Which figure.
    pub figure: Figure,
    /// Its bound, in the figure's unit.
    pub limit: f64,
}

/// The figures that can be bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Mean latency in milliseconds.
    LatencyMs,
    /// MACs per image.
    Macs,
    /// Trainable parameters.
    Params,
    /// Peak of live activations in MiB.
    PeakMemoryMib,
    /// Deployed weights in MiB.
    WeightsMib,
    /// Depth over width.
    Rho,
}

const MIB: f64 = 1024.0 * 1024.0;

impl Figure {
    /// The key in TOML.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LatencyMs => "latency_ms",
            Self::Macs => "macs",
            Self::Params => "params",
            Self::PeakMemoryMib => "peak_memory_mib",
            Self::WeightsMib => "weights_mib",
            Self::Rho => "rho",
        }
    }

    /// The figure with its unit, in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LatencyMs => "latency budget, ms",
            Self::Macs => "MACs",
            Self::Params => "params",
            Self::PeakMemoryMib => "peak memory, MiB",
            Self::WeightsMib => "weights, MiB",
            Self::Rho => "rho, depth over width",
        }
    }

    /// The figure of a network.
    pub fn value(self, metrics: &Metrics) -> f64 {
        match self {
            Self::LatencyMs => metrics.latency.mean_ms,
            Self::Macs => metrics.macs as f64,
            Self::Params => metrics.params as f64,
            Self::PeakMemoryMib => metrics.peak_memory_bytes as f64 / MIB,
            Self::WeightsMib => metrics.weight_bytes as f64 / MIB,
            Self::Rho => metrics.rho,
        }
    }
}

impl Constraint {
    /// The bounds that an experiment states.
    pub(crate) fn all(config: &ConstraintsConfig) -> Vec<Self> {
        let whole = |bound: Option<u64>| bound.map(|bound| bound as f64);
        let stated = [
            (Figure::LatencyMs, config.latency_ms),
            (Figure::Macs, whole(config.macs)),
            (Figure::Params, whole(config.params)),
            (Figure::PeakMemoryMib, config.peak_memory_mib),
            (Figure::WeightsMib, config.weights_mib),
            (Figure::Rho, config.rho),
        ];
        stated
            .into_iter()
            .filter_map(|(figure, limit)| limit.map(|limit| Self { figure, limit }))
            .collect()
    }

    /// By how much of the bound the figure exceeds it; 0 where it keeps it.
    pub fn excess(&self, metrics: &Metrics) -> f64 {
        (self.figure.value(metrics) / self.limit - 1.0).max(0.0)
    }
}
