//! Upper bounds that every network must keep.

use roofnas_cost::{Latency, LatencyModel, student_quantile};

use crate::config::{ConstraintsConfig, ExperimentConfig};
use crate::metrics::Metrics;
use crate::target::Target;

/// A figure with an upper bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// Which figure.
    pub figure: Figure,
    /// Its bound, in the figure's unit.
    pub limit: f64,
    /// Probability with which a latency must keep it; 0.5 bounds the mean. Other figures are certain.
    pub confidence: f64,
    /// How many standard deviations above the mean the bound of that probability lies; 0 for the mean.
    pub quantile: f64,
    /// The target whose latency it is, where it is a target's.
    pub target: Option<String>,
}

/// The figures that can be bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Latency in milliseconds.
    LatencyMs,
    /// Latency for the target of this number, in milliseconds.
    TargetLatencyMs(u8),
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
    /// Whether it is a latency: an estimate, which has a bound besides its mean.
    pub const fn is_latency(self) -> bool {
        matches!(self, Self::LatencyMs | Self::TargetLatencyMs(_))
    }

    /// The key in its table of TOML.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LatencyMs | Self::TargetLatencyMs(_) => "latency_ms",
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
            Self::LatencyMs | Self::TargetLatencyMs(_) => "latency budget, ms",
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
    /// The bounds that an experiment states, its `[constraints]` being these.
    pub(crate) fn all(
        config: &ExperimentConfig,
        limits: &ConstraintsConfig,
        model: &LatencyModel,
        targets: &[Target],
    ) -> Vec<Self> {
        let for_targets = (0..).zip(targets).filter_map(|(number, target)| {
            Some(Self {
                figure: Figure::TargetLatencyMs(number),
                limit: config.target.get(&target.name)?.latency_ms?,
                confidence: limits.confidence,
                quantile: quantile(limits.confidence, &target.model),
                target: Some(target.name.clone()),
            })
        });
        let own = Self::of_platform(limits, model).into_iter();
        own.chain(for_targets).collect()
    }

    fn of_platform(config: &ConstraintsConfig, model: &LatencyModel) -> Vec<Self> {
        let quantile = quantile(config.confidence, model);
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
                    target: None,
                })
            })
            .collect()
    }

    /// The figure with its unit, in words, and what of it is bounded.
    pub fn name(&self) -> String {
        let name = self.figure.name();
        match &self.target {
            None => self.with_confidence(name),
            Some(target) => self.with_confidence(&format!("{name}, for {target}")),
        }
    }

    /// The key in TOML, and what of it is bounded.
    pub fn key(&self) -> String {
        let key = self.figure.key();
        match &self.target {
            None => self.with_confidence(key),
            Some(target) => self.with_confidence(&format!("target.{target}.{key}")),
        }
    }

    fn with_confidence(&self, figure: &str) -> String {
        if self.figure.is_latency() && self.confidence > 0.5 {
            let percent = 100.0 * self.confidence;
            return format!("{figure} (with {percent} % confidence)");
        }
        figure.to_owned()
    }

    /// What is bounded of a network.
    pub fn value(&self, metrics: &Metrics) -> f64 {
        match self.figure {
            Figure::LatencyMs => self.latency_ms(&metrics.latency),
            Figure::TargetLatencyMs(target) => {
                self.latency_ms(&metrics.targets[target as usize].latency)
            }
            Figure::Macs => metrics.macs as f64,
            Figure::Params => metrics.params as f64,
            Figure::PeakMemoryMib => metrics.peak_memory_bytes as f64 / MIB,
            Figure::WeightsMib => metrics.weight_bytes as f64 / MIB,
            Figure::Rho => metrics.rho,
            Figure::ChannelDrop => metrics.channel_drop,
        }
    }

    fn latency_ms(&self, latency: &Latency) -> f64 {
        if self.quantile == 0.0 {
            // the mean needs no deviation, which may not have been worked out
            latency.mean_ms
        } else {
            latency.mean_ms + self.quantile * latency.std_ms
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

/// How many standard deviations above the mean of a model's prices the bound of this probability lies; 0 for the mean.
fn quantile(confidence: f64, model: &LatencyModel) -> f64 {
    if confidence > 0.5 {
        student_quantile(confidence, model.degrees_of_freedom())
    } else {
        0.0
    }
}
