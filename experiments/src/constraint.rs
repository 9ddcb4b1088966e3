//! Upper bounds that every network must keep.

use roofnas_cost::{LatencyModel, student_quantile};

use crate::config::ConstraintsConfig;
use crate::metrics::Metrics;

/// A figure with an upper bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constraint {
    /// Which figure.
    pub figure: Figure,
    /// Its bound, in the figure's unit.
    pub limit: f64,
    /// Probability with which a latency must keep it; 0.5 bounds the mean. Other figures are certain.
    pub confidence: f64,
    /// How many standard deviations above the mean the bound of that probability lies; 0 for the mean.
    pub quantile: f64,
}

/// The figures that can be bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Latency in milliseconds.
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
    /// By how much channels fall from stage to stage, each fall relative to what was there, added up. Its bound is 0: they never may.
    ChannelDrop,
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
            Self::ChannelDrop => "monotone_channels",
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
            Self::ChannelDrop => "fall of channels from stage to stage",
        }
    }
}

impl Constraint {
    /// The bounds that an experiment states.
    pub(crate) fn all(config: &ConstraintsConfig, model: &LatencyModel) -> Vec<Self> {
        let quantile = if config.confidence > 0.5 {
            student_quantile(config.confidence, model.degrees_of_freedom())
        } else {
            0.0
        };
        let whole = |bound: Option<u64>| bound.map(|bound| bound as f64);
        let stated = [
            (Figure::LatencyMs, config.latency_ms),
            (Figure::Macs, whole(config.macs)),
            (Figure::Params, whole(config.params)),
            (Figure::PeakMemoryMib, config.peak_memory_mib),
            (Figure::WeightsMib, config.weights_mib),
            (Figure::Rho, config.rho),
            (Figure::ChannelDrop, config.monotone_channels.then_some(0.0)),
        ];
        stated
            .into_iter()
            .filter_map(|(figure, limit)| {
                Some(Self {
                    figure,
                    limit: limit?,
                    confidence: config.confidence,
                    quantile,
                })
            })
            .collect()
    }

    /// The figure with its unit, in words, and what of it is bounded.
    pub fn name(&self) -> String {
        self.with_confidence(self.figure.name())
    }

    /// The key in TOML, and what of it is bounded.
    pub fn key(&self) -> String {
        self.with_confidence(self.figure.key())
    }

    fn with_confidence(&self, figure: &str) -> String {
        if self.figure == Figure::LatencyMs && self.confidence > 0.5 {
            let percent = 100.0 * self.confidence;
            return format!("{figure} (with {percent} % confidence)");
        }
        figure.to_owned()
    }

    /// What is bounded of a network.
    pub fn value(&self, metrics: &Metrics) -> f64 {
        match self.figure {
            // the mean needs no deviation, which may not have been worked out
            Figure::LatencyMs if self.quantile == 0.0 => metrics.latency.mean_ms,
            Figure::LatencyMs => metrics.latency.mean_ms + self.quantile * metrics.latency.std_ms,
            Figure::Macs => metrics.macs as f64,
            Figure::Params => metrics.params as f64,
            Figure::PeakMemoryMib => metrics.peak_memory_bytes as f64 / MIB,
            Figure::WeightsMib => metrics.weight_bytes as f64 / MIB,
            Figure::Rho => metrics.rho,
            Figure::ChannelDrop => metrics.channel_drop,
        }
    }

    /// What it asks, in keys and numbers: `params <= 3000000`, or `monotone_channels`.
    pub fn rule(&self) -> String {
        match self.figure {
            Figure::ChannelDrop => self.key(),
            _ => format!("{} <= {}", self.key(), self.limit),
        }
    }

    /// By how much of the bound the figure exceeds it; 0 where it keeps it. A fall of channels is relative as it is.
    pub fn excess(&self, metrics: &Metrics) -> f64 {
        match self.figure {
            Figure::ChannelDrop => self.value(metrics),
            _ => (self.value(metrics) / self.limit - 1.0).max(0.0),
        }
    }
}
