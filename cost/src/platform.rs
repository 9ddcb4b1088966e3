//! Platform profiles: plain data about a machine and its engine, read from TOML.
//!
//! What nobody measured is absent, not invented: a profile lists the roofs somebody published or
//! measured, says which, and says in words where every other number comes from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calibration::{Calibration, CalibrationError};
use crate::class::OpClass;
use crate::dtype::Dtype;
use crate::fusion::Fusion;
use crate::roofline::Roof;

/// The version of the format that this code reads.
pub const FORMAT: u32 = 2;

/// A machine with an engine, as far as the latency model needs to know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Version of the file format, [`FORMAT`].
    #[schemars(extend("const" = FORMAT))]
    pub format: u32,
    /// Short name, also the file's name.
    pub name: String,
    /// The machine in words.
    pub description: String,
    /// Inference threads these figures hold for; absent where the notion has no meaning, and where a calibration is of several numbers of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// How wrong a price can be.
    pub uncertainty: Uncertainty,
    /// Costs that don't depend on the work.
    pub overhead: Overhead,
    /// What the engine fuses.
    pub fusion: Fusion,
    /// Roofs per number format.
    pub roofs: BTreeMap<Dtype, Roofs>,
    /// Utilisation rules per number format.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub utilisation: BTreeMap<Dtype, Utilisation>,
    /// The latency model fitted to timings, per number format; without one, prices are roofline estimates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calibration: BTreeMap<Dtype, Calibration>,
}

/// Where a profile's numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// One entry per source, in words.
    pub sources: Vec<String>,
    /// Licence of the measurements that the profile was derived from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Whom to name as their author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

/// The uncertainty of prices without calibration: a prior, not a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uncertainty {
    /// Relative standard deviation of a price.
    pub prior_relative_std: f64,
    /// Why this and not another value.
    pub reason: String,
}

/// Costs that don't depend on the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overhead {
    /// One call of the engine, in microseconds.
    pub inference_us: f64,
    /// One kernel, in microseconds.
    pub kernel_us: f64,
    /// Exceptions by class, in microseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_us: BTreeMap<OpClass, f64>,
    /// Where these come from.
    pub source: String,
}

impl Overhead {
    /// Overhead of one kernel of this class, in seconds.
    pub fn kernel_s(&self, class: OpClass) -> f64 {
        1e-6 * self.class_us.get(&class).unwrap_or(&self.kernel_us)
    }
}

/// How a roof is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoofKind {
    /// From the data sheet.
    Theoretical,
    /// By a micro-benchmark.
    Measured,
    /// What the engine reaches.
    Achieved,
}

impl RoofKind {
    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Theoretical => "theoretical",
            Self::Measured => "measured",
            Self::Achieved => "achieved",
        }
    }
}

/// The roofs of one number format, as far as anybody knows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roofs {
    /// From the data sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theoretical: Option<RoofFigures>,
    /// By micro-benchmarks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<RoofFigures>,
    /// What the engine reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved: Option<RoofFigures>,
}

/// One pair of roofs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoofFigures {
    /// Peak arithmetic rate, in 10^12 FLOP/s.
    pub peak_tflops: f64,
    /// Memory bandwidth, in 10^9 byte/s.
    pub bandwidth_gb_s: f64,
    /// Peaks of classes that don't reach `peak_tflops` (a tensor core does nothing for depthwise layers).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_peak_tflops: BTreeMap<OpClass, f64>,
    /// Where these come from.
    pub source: String,
}

impl RoofFigures {
    /// The roof in general.
    pub fn roof(&self) -> Roof {
        Roof {
            peak_flops: 1e12 * self.peak_tflops,
            bandwidth: 1e9 * self.bandwidth_gb_s,
        }
    }

    /// The roof of one class.
    pub fn roof_of(&self, class: OpClass) -> Roof {
        let own = self.class_peak_tflops.get(&class).or_else(|| {
            // where Winograd's algorithm is not told apart, it is a dense convolution like any other
            let dense = (class == OpClass::Winograd).then_some(&OpClass::Dense);
            dense.and_then(|class| self.class_peak_tflops.get(class))
        });
        Roof {
            peak_flops: 1e12 * own.unwrap_or(&self.peak_tflops),
            ..self.roof()
        }
    }
}

impl Roofs {
    /// The roofs there are, from the most hopeful to the most real.
    pub fn known(&self) -> impl DoubleEndedIterator<Item = (RoofKind, &RoofFigures)> {
        [
            (RoofKind::Theoretical, &self.theoretical),
            (RoofKind::Measured, &self.measured),
            (RoofKind::Achieved, &self.achieved),
        ]
        .into_iter()
        .filter_map(|(kind, figures)| figures.as_ref().map(|figures| (kind, figures)))
    }

    /// The roofs that prices are made with: the most real of those known.
    pub fn in_use(&self) -> Option<(RoofKind, &RoofFigures)> {
        self.known().next_back()
    }
}

/// What keeps a kernel from the peak: work is done in whole quanta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Utilisation {
    /// Channels are padded to multiples of this: a vector's or tile's width in elements.
    pub channel_quantum: u32,
    /// Output elements worked on at the same time by the whole machine.
    pub parallel_lanes: u32,
}

/// A platform file that can't be accepted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlatformError {
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{0}")]
    Parse(String),
    /// A value that can't be.
    #[error("{key} = {value}: {rule}")]
    Value {
        /// The key.
        key: String,
        /// The value found there.
        value: String,
        /// What would be accepted.
        rule: String,
    },
}

impl Platform {
    /// Reads a profile and checks it.
    ///
    /// # Errors
    /// When the text is not a profile of this format, or a value can't be.
    pub fn from_toml(text: &str) -> Result<Self, PlatformError> {
        let platform: Self = toml::from_str(text).map_err(|error| parse_error(text, &error))?;
        platform.check()?;
        Ok(platform)
    }

    /// The profile as TOML, which [`from_toml`](Self::from_toml) reads back.
    ///
    /// # Panics
    /// Never on a profile: plain tables and numbers can always be written.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a profile is plain data")
    }

    /// Number formats the profile has roofs for.
    pub fn dtypes(&self) -> impl Iterator<Item = Dtype> {
        self.roofs.keys().copied()
    }

    fn check(&self) -> Result<(), PlatformError> {
        check_format(self.format)?;
        if self.provenance.sources.is_empty() {
            let rule = "a profile says where its numbers come from";
            return Err(value("provenance.sources", "[]", rule));
        }
        let std = self.uncertainty.prior_relative_std;
        if !(std > 0.0 && std <= 10.0) {
            let rule = "a relative deviation is above 0 and at most 10";
            return Err(value("uncertainty.prior_relative_std", std, rule));
        }
        not_negative("overhead.inference_us", self.overhead.inference_us)?;
        not_negative("overhead.kernel_us", self.overhead.kernel_us)?;
        for (class, &overhead) in &self.overhead.class_us {
            not_negative(&format!("overhead.class_us.{class}"), overhead)?;
        }
        if self.roofs.is_empty() {
            let rule = "a profile has roofs for at least one of fp32, fp16, bf16, int8";
            return Err(value("roofs", "{}", rule));
        }
        for (dtype, roofs) in &self.roofs {
            check_roofs(&format!("roofs.{dtype}"), roofs)?;
        }
        for (dtype, utilisation) in &self.utilisation {
            let least = utilisation.channel_quantum.min(utilisation.parallel_lanes);
            if least == 0 {
                let key = format!("utilisation.{dtype}");
                return Err(value(&key, 0, "quanta and lanes are at least 1"));
            }
        }
        if let (Some(threads), [_, ..]) = (self.threads, self.threads_to_choose()) {
            let rule = "must be left out where a calibration is of several numbers of threads";
            return Err(value("threads", threads, rule));
        }
        for (dtype, calibration) in &self.calibration {
            let error = |error: CalibrationError| PlatformError::Value {
                key: format!("calibration.{dtype}.{}", error.key),
                value: error.value,
                rule: error.rule.to_owned(),
            };
            calibration.check().map_err(error)?;
            if calibration.threads != self.threads_to_choose() {
                let rule = "all number formats must be of the same numbers of threads";
                let threads = format!("{:?}", calibration.threads);
                return Err(value(
                    &format!("calibration.{dtype}.threads"),
                    threads,
                    rule,
                ));
            }
            if !self.roofs.contains_key(dtype) {
                let rule = "a calibrated number format has roofs";
                return Err(value(&format!("calibration.{dtype}"), "...", rule));
            }
        }
        Ok(())
    }
}

fn check_roofs(key: &str, roofs: &Roofs) -> Result<(), PlatformError> {
    if roofs.in_use().is_none() {
        let rule = "at least one of theoretical, measured, achieved";
        return Err(value(key, "{}", rule));
    }
    for (kind, figures) in roofs.known() {
        let key = format!("{key}.{}", kind.name());
        positive(&format!("{key}.peak_tflops"), figures.peak_tflops)?;
        positive(&format!("{key}.bandwidth_gb_s"), figures.bandwidth_gb_s)?;
        for (class, &peak) in &figures.class_peak_tflops {
            positive(&format!("{key}.class_peak_tflops.{class}"), peak)?;
        }
    }
    Ok(())
}

fn value(key: &str, value: impl ToString, rule: impl Into<String>) -> PlatformError {
    PlatformError::Value {
        key: key.to_owned(),
        value: value.to_string(),
        rule: rule.into(),
    }
}

fn positive(key: &str, number: f64) -> Result<(), PlatformError> {
    if number > 0.0 && number.is_finite() {
        Ok(())
    } else {
        Err(value(key, number, "must be a number above 0"))
    }
}

fn not_negative(key: &str, number: f64) -> Result<(), PlatformError> {
    if number >= 0.0 && number.is_finite() {
        Ok(())
    } else {
        Err(value(key, number, "must be a number, 0 or above"))
    }
}

/// What is wrong with a text that is not a profile: its format before anything else, which explains the rest.
fn parse_error(text: &str, error: &toml::de::Error) -> PlatformError {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let version: Option<Versioned> = toml::from_str(text).ok();
    match version.map(|version| check_format(version.format)) {
        Some(Err(older)) => older,
        _ => PlatformError::Parse(error.to_string()),
    }
}

fn check_format(format: u32) -> Result<(), PlatformError> {
    if format == FORMAT {
        return Ok(());
    }
    let rule = format!("this version reads format {FORMAT}; calibrate the platform anew");
    Err(value("format", format, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOY: &str = r#"
format = 2
name = "toy"
description = "a toy"

[provenance]
sources = ["nobody"]

[uncertainty]
prior_relative_std = 0.5
reason = "a toy"

[overhead]
inference_us = 0
kernel_us = 1.5
class_us = { linear = 3.0 }
source = "nobody"

[fusion]
activations = ["relu"]

[roofs.fp32.theoretical]
peak_tflops = 2.0
bandwidth_gb_s = 100
class_peak_tflops = { depthwise = 0.5 }
source = "nobody"

[utilisation.fp32]
channel_quantum = 16
parallel_lanes = 64
"#;

    #[test]
    fn a_profile_reads_back() {
        let platform = Platform::from_toml(TOY).unwrap();
        assert_eq!(
            Platform::from_toml(&platform.to_toml()),
            Ok(platform.clone())
        );
        assert_eq!(platform.overhead.kernel_s(OpClass::Linear), 3e-6);
        assert_eq!(platform.overhead.kernel_s(OpClass::Dense), 1.5e-6);
        let (kind, figures) = platform.roofs[&Dtype::Fp32].in_use().unwrap();
        assert_eq!(kind, RoofKind::Theoretical);
        assert_eq!(figures.roof().ridge(), 20.0);
        assert_eq!(figures.roof_of(OpClass::Depthwise).ridge(), 5.0);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let error = |from: &str, to: &str| {
            let text = TOY.replace(from, to);
            assert_ne!(text, TOY);
            Platform::from_toml(&text).unwrap_err().to_string()
        };
        assert_eq!(
            error("peak_tflops = 2.0", "peak_tflops = -2.0"),
            "roofs.fp32.theoretical.peak_tflops = -2: must be a number above 0"
        );
        assert_eq!(
            error("format = 2", "format = 1"),
            "format = 1: this version reads format 2; calibrate the platform anew"
        );
        let older = "format = 1\nsomething = \"else\"";
        assert!(
            Platform::from_toml(older)
                .unwrap_err()
                .to_string()
                .starts_with("format = 1")
        );
        assert!(error("kernel_us = 1.5", "kernel_us = nan").contains("overhead.kernel_us = NaN"));
        assert!(error("lanes = 64", "lanes = 0").contains("at least 1"));
        assert!(error("[\"nobody\"]", "[]").contains("provenance.sources"));
        assert!(error("bandwidth_gb_s", "bandwidth").contains("unknown field `bandwidth`"));
        assert!(error("fp32.theoretical", "fp33.theoretical").contains("fp33"));
    }
}
