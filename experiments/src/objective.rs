//! What can be optimised.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;
use crate::target::Target;

/// A figure of a network that can be an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objective {
    /// The rank score that stands in for accuracy: higher is better.
    Quality,
    /// Mean latency.
    Latency,
    /// Images per second, of batches one after the other, by the mean latency: higher is better. Its cost is the time per image, which is a sum
    /// over blocks and ranks networks alike.
    Throughput,
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
    /// Mean latency for the target of this number.
    TargetLatency(u8),
    /// Throughput for the target of this number.
    TargetThroughput(u8),
}

impl Objective {
    /// Those that name no target.
    const PLAIN: [Self; 8] = [
        Self::Quality,
        Self::Latency,
        Self::Throughput,
        Self::Macs,
        Self::Params,
        Self::PeakMemory,
        Self::Traffic,
        Self::Weights,
    ];

    /// Whether more is better.
    pub const fn is_maximized(self) -> bool {
        matches!(
            self,
            Self::Quality | Self::Throughput | Self::TargetThroughput(_)
        )
    }

    /// For a throughput, the latency that ranks networks in the same order.
    pub(crate) const fn same_order(self) -> Option<Self> {
        match self {
            Self::Throughput => Some(Self::Latency),
            Self::TargetThroughput(target) => Some(Self::TargetLatency(target)),
            _ => None,
        }
    }

    /// The name in TOML, without the target.
    const fn figure_name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Latency | Self::TargetLatency(_) => "latency",
            Self::Throughput | Self::TargetThroughput(_) => "throughput",
            Self::Macs => "macs",
            Self::Params => "params",
            Self::PeakMemory => "peak_memory",
            Self::Traffic => "traffic",
            Self::Weights => "weights",
        }
    }

    /// The target that it is of, where it is one target's.
    const fn target(self) -> Option<usize> {
        match self {
            Self::TargetLatency(target) | Self::TargetThroughput(target) => Some(target as usize),
            _ => None,
        }
    }

    /// The name in TOML, given the experiment's targets.
    pub fn name(self, targets: &[Target]) -> Cow<'static, str> {
        match self.target() {
            None => self.figure_name().into(),
            Some(target) => format!("{}@{}", self.figure_name(), targets[target].name).into(),
        }
    }

    /// The column that holds the figure in files, with its unit, given the experiment's targets.
    pub fn column(self, targets: &[Target]) -> Cow<'static, str> {
        let column = match self {
            Self::Quality => "quality",
            Self::Latency | Self::TargetLatency(_) => "latency_ms",
            Self::Throughput | Self::TargetThroughput(_) => "throughput_images_per_s",
            Self::Macs => "macs",
            Self::Params => "params",
            Self::PeakMemory => "peak_memory_bytes",
            Self::Traffic => "traffic_bytes",
            Self::Weights => "weight_bytes",
        };
        match self.target() {
            None => column.into(),
            Some(target) => format!("{}_{column}", targets[target].name).into(),
        }
    }

    /// What is compared in a search, and what a gap is in: the column, or the time per image for a throughput.
    pub fn cost_column(self, targets: &[Target]) -> Cow<'static, str> {
        match self.same_order() {
            None => self.column(targets),
            Some(latency) => format!("{} per image", latency.column(targets)).into(),
        }
    }

    /// The figure that a cost stands for, and the cost that a figure stands for: one is turned into the other in the same way.
    pub fn figure(self, cost: f64) -> f64 {
        match self {
            // from zero, so that no cost becomes minus zero
            Self::Quality => 0.0 - cost,
            // milliseconds per image, and images per second
            Self::Throughput | Self::TargetThroughput(_) => 1000.0 / cost,
            _ => cost,
        }
    }

    /// The figure itself.
    pub fn value(self, metrics: &Metrics) -> f64 {
        match self {
            Self::Quality => metrics.quality,
            Self::Throughput => metrics.timing().images_per_s(),
            Self::TargetThroughput(target) => metrics.targets[target as usize].images_per_s(),
            _ => self.cost(metrics),
        }
    }

    /// What is to be low: the figure itself where less of it is better, the time per image for a throughput, and the figure below zero for a quality.
    pub fn cost(self, metrics: &Metrics) -> f64 {
        match self {
            Self::Quality => -metrics.quality,
            Self::Latency => metrics.latency.mean_ms,
            Self::Throughput => metrics.timing().ms_per_image(),
            Self::Macs => metrics.macs as f64,
            Self::Params => metrics.params as f64,
            Self::PeakMemory => metrics.peak_memory_bytes as f64,
            Self::Traffic => metrics.traffic_bytes as f64,
            Self::Weights => metrics.weight_bytes as f64,
            Self::TargetLatency(target) => metrics.targets[target as usize].latency.mean_ms,
            Self::TargetThroughput(target) => metrics.targets[target as usize].ms_per_image(),
        }
    }
}

/// An objective as an experiment names it: `quality`, `latency`, or `latency@phone` for a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectiveName {
    plain: Objective,
    target: Option<String>,
}

impl ObjectiveName {
    /// A name that says nothing of a target.
    pub(crate) const fn plain(plain: Objective) -> Self {
        Self {
            plain,
            target: None,
        }
    }

    /// The objective, where an experiment has targets of these names. The error is the name of one that it has not.
    pub(crate) fn among<'a>(
        &self,
        mut targets: impl Iterator<Item = &'a str>,
    ) -> Result<Objective, &str> {
        let Some(name) = &self.target else {
            return Ok(self.plain);
        };
        let number = targets.position(|target| target == name).ok_or(&name[..])?;
        let number = number as u8; // there are few
        Ok(match self.plain {
            Objective::Throughput => Objective::TargetThroughput(number),
            _ => Objective::TargetLatency(number),
        })
    }
}

impl fmt::Display for ObjectiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plain.figure_name())?;
        match &self.target {
            None => Ok(()),
            Some(target) => write!(f, "@{target}"),
        }
    }
}

impl From<ObjectiveName> for String {
    fn from(name: ObjectiveName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ObjectiveName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (figure, target) = match text.split_once('@') {
            None => (&text[..], None),
            Some((figure, target)) => (figure, Some(target)),
        };
        let mut known = Objective::PLAIN.into_iter();
        let Some(plain) = known.find(|objective| objective.figure_name() == figure) else {
            let names = Objective::PLAIN.map(Objective::figure_name).join(", ");
            return Err(format!(
                "unknown objective \"{figure}\", expected one of {names}"
            ));
        };
        if target == Some("") {
            return Err(format!(
                "\"{text}\" names no target behind the @, as latency@phone does"
            ));
        }
        let is_timed = matches!(plain, Objective::Latency | Objective::Throughput);
        if target.is_some() && !is_timed {
            return Err(format!(
                "\"{text}\": {figure} is the same for every target; only latency and throughput are said of one, as in latency@phone"
            ));
        }
        Ok(Self {
            plain,
            target: target.map(str::to_owned),
        })
    }
}

impl JsonSchema for ObjectiveName {
    fn schema_name() -> Cow<'static, str> {
        "Objective".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Objective::PLAIN.map(Objective::figure_name);
        json_schema!({
            "description": "A figure of a network that can be an objective; latency and throughput may be those of a target, as in latency@phone.",
            "anyOf": [
                { "type": "string", "enum": names },
                { "type": "string", "pattern": "^(latency|throughput)@." }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<ObjectiveName, String> {
        ObjectiveName::try_from(text.to_owned())
    }

    #[test]
    fn names_are_written_as_they_are_read() {
        for text in ["quality", "latency", "latency@phone", "throughput@gpu-8"] {
            assert_eq!(name(text).map(|name| name.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn targets_are_numbered() {
        let targets = ["gpu", "phone"];
        let found = |text: &str| {
            let name = name(text)?;
            let found = name.among(targets.into_iter());
            found.map_err(str::to_owned)
        };
        assert_eq!(
            found("throughput@phone"),
            Ok(Objective::TargetThroughput(1))
        );
        assert_eq!(found("latency@gpu"), Ok(Objective::TargetLatency(0)));
        assert_eq!(found("latency"), Ok(Objective::Latency));
        assert_eq!(found("latency@car"), Err("car".to_owned()));
        assert!(found("params@gpu").unwrap_err().contains("every target"));
        assert!(found("latency@").unwrap_err().contains("no target"));
        assert!(found("speed").unwrap_err().contains("peak_memory"));
    }

    #[test]
    fn figures_and_costs_are_turned_into_each_other() {
        assert_eq!(Objective::Quality.figure(-2.5), 2.5);
        assert_eq!(Objective::Throughput.figure(2.5), 400.0);
        assert_eq!(Objective::Throughput.figure(400.0), 2.5);
        assert_eq!(Objective::Macs.figure(7.0), 7.0);
    }
}
