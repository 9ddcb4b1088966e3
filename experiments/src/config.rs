//! An experiment as it stands in TOML, before it is checked.
//!
//! Every default has its one place here; a resolved experiment is this same type with the defaults and the space
//! written out, so that what ran can be read, and run again.

use std::collections::BTreeMap;

use roofnas_cost::Dtype;
use roofnas_space::{
    Choices, HeadDefinition, Resolution, SeStyle, SpaceDefinition, StageDefinition, StemDefinition,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fixed_head::FixedHeadConfig;
use crate::objective::{Objective, ObjectiveName};
use crate::quality_config::QualityConfig;
use crate::refine::RefineConfig;
use crate::schema::{preset, profile};

/// An experiment file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// Name, also of the run's folder.
    pub name: String,
    /// Seed of everything random.
    #[serde(default = "defaults::seed")]
    pub seed: u64,
    /// What the networks will run on.
    pub platform: PlatformConfig,
    /// What else the same networks are to suit, each by a name: another platform, batch or number format.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, TargetConfig>,
    /// What is optimised.
    #[serde(default)]
    pub objectives: ObjectivesConfig,
    /// What stands in for accuracy.
    #[serde(default)]
    pub quality: QualityConfig,
    /// What every network must keep.
    #[serde(default)]
    pub constraints: ConstraintsConfig,
    /// How to search.
    #[serde(default)]
    pub search: SearchConfig,
    /// What to write.
    #[serde(default)]
    pub output: OutputConfig,
    /// Measuring between searches, until predictions hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refine: Option<RefineConfig>,
    /// Keys with several values: every combination is a run of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<serde_json::Value>>")]
    pub matrix: BTreeMap<String, Vec<toml::Value>>,
    /// A neck and head that every network carries: its cost is part of every figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_head: Option<FixedHeadConfig>,
    /// What can be built.
    pub space: SpaceConfig,
}

/// The `[platform]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfig {
    /// A shipped profile's name, or a path; with `:4` behind it on four threads, where it is of several numbers of them.
    #[schemars(schema_with = "profile")]
    pub profile: String,
    /// Images per inference: a number, or several, of which each network runs at the one that gives it the highest throughput.
    #[serde(default = "defaults::batches")]
    pub batch: Choices<u64>,
    /// Number format.
    #[serde(default = "defaults::dtype")]
    pub dtype: Dtype,
}

/// A `[target.NAME]` table: what networks are priced for besides the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// A shipped profile's name, or a path; with `:4` behind it on four threads, where it is of several numbers of them.
    #[schemars(schema_with = "profile")]
    pub profile: String,
    /// Images per inference.
    #[serde(default = "defaults::batch")]
    pub batch: u64,
    /// Number format.
    #[serde(default = "defaults::dtype")]
    pub dtype: Dtype,
    /// Upper bound of the latency, in milliseconds, with the confidence of `[constraints]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

/// The `[objectives]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectivesConfig {
    /// What should be high.
    pub maximize: Vec<ObjectiveName>,
    /// What should be low.
    pub minimize: Vec<ObjectiveName>,
}

impl Default for ObjectivesConfig {
    fn default() -> Self {
        Self {
            maximize: vec![ObjectiveName::plain(Objective::Quality)],
            minimize: vec![ObjectiveName::plain(Objective::Latency)],
        }
    }
}

/// The `[constraints]` table: upper bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConstraintsConfig {
    /// Latency, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Probability with which the latency bound must hold; 0.5 is the mean.
    pub confidence: f64,
    /// MACs per image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macs: Option<u64>,
    /// Trainable parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<u64>,
    /// Peak of live activations, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_mib: Option<f64>,
    /// Deployed weights, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_mib: Option<f64>,
    /// Depth over width (DeepMAD's effectiveness).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// Whether output channels may never fall from stage to stage, the stem's being the first and the head's not counting.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub monotone_channels: bool,
}

impl Default for ConstraintsConfig {
    fn default() -> Self {
        Self {
            latency_ms: None,
            confidence: 0.5,
            macs: None,
            params: None,
            peak_memory_mib: None,
            weights_mib: None,
            rho: None,
            monotone_channels: false,
        }
    }
}

/// The `[search]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// The optimiser.
    pub algorithm: Algorithm,
    /// Population, or batch of a random search.
    pub population: usize,
    /// Networks to evaluate.
    pub evaluations: u64,
    /// Probability that a child has two parents.
    pub crossover_probability: f64,
    /// Islands that the population is divided among; by its size where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub islands: Option<usize>,
    /// Wall time after which it ends, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// When the front counts as grown out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stagnation: Option<StagnationConfig>,
    /// Members drawn for a tournament of regularised evolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_size: Option<usize>,
    /// Networks that local search evaluates at most, to polish what was found; none where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polish: Option<u64>,
    /// Networks to begin with, as genotypes in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub start: Vec<String>,
    /// Whether to prove how far the front can be from the optimum, where that can be done.
    pub certify: bool,
}

/// A search ends when its front has grown by less than a share over a number of evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StagnationConfig {
    /// Share of the hypervolume.
    pub growth: f64,
    /// Networks evaluated meanwhile.
    pub evaluations: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Nsga2,
            population: 256,
            evaluations: 400_000,
            crossover_probability: 0.9,
            islands: None,
            seconds: None,
            stagnation: None,
            sample_size: None,
            polish: None,
            start: Vec::new(),
            certify: true,
        }
    }
}

/// The optimisers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// NSGA-II.
    Nsga2,
    /// NSGA-III, for three objectives and more.
    Nsga3,
    /// Regularised (aging) evolution.
    RegularizedEvolution,
    /// Random sampling, the baseline.
    Random,
    /// NSGA-II for a start, then dynamic programming: the front of the whole space.
    Exact,
}

impl Algorithm {
    /// The name in TOML and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nsga2 => "nsga2",
            Self::Nsga3 => "nsga3",
            Self::RegularizedEvolution => "regularized_evolution",
            Self::Random => "random",
            Self::Exact => "exact",
        }
    }
}

/// The `[output]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutputConfig {
    /// How many networks of the front are written as ONNX, PyTorch and TOML, spread over it. (`roofnas export` writes any other.)
    pub backbones: usize,
}

impl Default for OutputConfig {
    fn default() -> Self {
        Self { backbones: 5 }
    }
}

/// The `[space]` table: a preset, what differs from it, or a space written out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    /// A shipped space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "preset")]
    pub preset: Option<String>,
    /// Input resolutions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Choices<Resolution>>,
    /// Channels of the input image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_channels: Option<usize>,
    /// Strides whose feature maps are outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<usize>>,
    /// How squeeze-and-excite is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se_style: Option<SeStyle>,
    /// The first convolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<StemDefinition>,
    /// The stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Vec<StageDefinition>>,
    /// The classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadDefinition>,
}

impl From<SpaceDefinition> for SpaceConfig {
    fn from(space: SpaceDefinition) -> Self {
        Self {
            preset: None,
            resolution: Some(space.resolution),
            input_channels: Some(space.input_channels),
            features: Some(space.features),
            se_style: Some(space.se_style),
            stem: Some(space.stem),
            stage: Some(space.stage),
            head: space.head,
        }
    }
}

mod defaults {
    use roofnas_cost::Dtype;
    use roofnas_space::Choices;

    pub(super) const fn seed() -> u64 {
        1
    }
    pub(super) const fn batch() -> u64 {
        1
    }
    pub(super) const fn batches() -> Choices<u64> {
        Choices::One(1)
    }
    pub(super) const fn dtype() -> Dtype {
        Dtype::Fp32
    }
}
