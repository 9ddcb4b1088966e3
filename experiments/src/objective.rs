//! What can be optimised.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;

/// A figure of a network that can be an objective.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The rank score that stands in for accuracy: higher is better.
    Quality,
    /// Mean latency.
    Latency,
    /// MACs per image.
    Macs,
    /// Trainable parameters.
    Params,
    /// Peak of live activations.
    PeakMemory,
    /// Memory traffic.
    Traffic,
    /// Deployed weights.
    Weights,
}

impl Objective {
    /// Whether more is better.
    pub const fn is_maximized(self) -> bool {
        matches!(self, Self::Quality)
    }

    /// The name in TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Latency => "latency",
            Self::Macs => "macs",
            Self::Params => "params",
            Self::PeakMemory => "peak_memory",
            Self::Traffic => "traffic",
            Self::Weights => "weights",
        }
    }

    /// The column that holds the figure in files, with its unit.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Latency => "latency_ms",
            Self::Macs => "macs",
            Self::Params => "params",
            Self::PeakMemory => "peak_memory_bytes",
            Self::Traffic => "traffic_bytes",
            Self::Weights => "weight_bytes",
        }
    }

    /// The figure that a cost stands for.
    pub fn figure(self, cost: f64) -> f64 {
        if self.is_maximized() {
            // from zero, so that no cost becomes minus zero
            0.0 - cost
        } else {
            cost
        }
    }

    /// The figure itself.
    pub fn value(self, metrics: &Metrics) -> f64 {
        match self {
            Self::Quality => metrics.quality,
            Self::Latency => metrics.latency.mean_ms,
            Self::Macs => metrics.macs as f64,
            Self::Params => metrics.params as f64,
            Self::PeakMemory => metrics.peak_memory_bytes as f64,
            Self::Traffic => metrics.traffic_bytes as f64,
            Self::Weights => metrics.weight_bytes as f64,
        }
    }

    /// The figure turned so that less is better.
    pub fn cost(self, metrics: &Metrics) -> f64 {
        if self.is_maximized() {
            -self.value(metrics)
        } else {
            self.value(metrics)
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
